"""Workers beside others and at the edges of time: what they keep, and jobs, runs and people that are too quick."""

import pytest

from drsim.orchestrator.model import JobScope
from drsim.simulator.kernel import Kernel
from drsim.simulator.workload import PERSON, WORKER
from tests.simulator.workloads import MS, SECOND, START_US, WRITE_US, Rig, one

AT_0 = {"at": "0s"}


def test_job_that_ends_before_its_write_is_followed_at_once(kernel: Kernel) -> None:
    jobs = {"pending": "0s", "started": "0s", "in_progress": "1ms"}
    rig = Rig(kernel, {"waves": 2, "order": "sequential", "reaction": "0s", "jobs": jobs, "arrival": AT_0})
    rig.run()
    assert [job.at_us for job in rig.jobs] == [WRITE_US + START_US, 2 * (WRITE_US + START_US)]


@pytest.mark.parametrize(("duration", "jobs"), [("97109999us", 1), ("97110ms", 2)])
def test_a_worker_waits_to_the_end_of_the_run_and_not_beyond(kernel: Kernel, duration: str, jobs: int) -> None:
    # The first job starts at 110 ms and runs for 90 s; then the reaction takes 7 s.
    rig = Rig(kernel, {"waves": 2, "order": "sequential", "arrival": AT_0}, duration=duration)
    kernel.run()
    assert len(rig.jobs) == jobs


def test_a_worker_that_loses_to_a_person_leaves_the_execution_cancelled(kernel: Kernel) -> None:
    # In the midst of the worker's write of its only wave.
    rig = Rig(kernel, one(arrival=AT_0, cancel_after="115ms"))
    rig.run()
    assert [(change.at_us, change.writer) for change in rig.changes] == [(WRITE_US, WORKER), (115 * MS, PERSON)]
    assert (rig.attributes()["Status"], "JobId" in rig.waves()[0]) == ("CANCELLED", False)


def test_a_deleted_item_stays_deleted_though_its_worker_was_about_to_write(kernel: Kernel) -> None:
    rig = Rig(kernel, one(arrival=AT_0))
    kernel.at(115 * MS, lambda key: rig.table.delete(key, writer=PERSON), rig.key)
    rig.run()
    assert rig.table.get(rig.key) is None
    assert rig.changes[-1].at_us == 115 * MS


def test_a_person_who_cancels_before_the_item_is_there_finds_nothing(kernel: Kernel) -> None:
    rig = Rig(kernel, one(arrival=AT_0, cancel_after="9ms"))
    rig.run()
    assert rig.attributes()["Status"] == "POLLING"


def test_an_end_within_a_second_is_written_exactly(kernel: Kernel) -> None:
    rig = Rig(kernel, one(arrival={"at": "1500ms"}, cancel_after="60s"))
    rig.run()
    execution = rig.changes[-1].execution
    assert execution is not None
    assert execution.end_us == rig.spec.epoch_us + 61_500 * MS
    assert execution.start_us == rig.spec.epoch_us + 3 * SECOND // 2


def test_a_worker_keeps_what_others_wrote_of_the_wave_that_it_starts(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": 2, "order": "sequential", "arrival": AT_0})

    def note(_: None) -> None:
        first, second = rig.waves()
        servers = [{**second["Servers"][0], "Note": "of a server"}]
        changes = {"Waves": [first, {**second, "Note": "of a wave", "Servers": servers}], "Version": 3}
        rig.table.update(rig.key, changes, writer="poller")

    kernel.at(10 * SECOND, note, None)
    rig.run()
    _, second = rig.waves()
    assert (second["JobId"], second["Status"]) == (rig.jobs[1].job_id, "LAUNCHING")
    assert (second["Note"], second["Servers"][0]["Note"]) == ("of a wave", "of a server")


def test_a_wave_may_have_servers_and_a_life_of_its_own(kernel: Kernel) -> None:
    jobs = {"pending": "10s", "started": "1s", "in_progress": "1s"}
    rig = Rig(kernel, {"waves": [{"servers": 4, "jobs": jobs}, {}], "arrival": AT_0})
    rig.run()
    lives = []
    for number, wave in enumerate(rig.waves()):
        job = rig.drs.job(JobScope(wave["AccountId"], wave["Region"]), rig.jobs[number].job_id)
        assert job is not None
        named = [server["SourceServerId"] for server in wave["Servers"]]
        assert [server.source_server_id for server in job.servers] == named
        lives.append((len(named), (job.ended_us - job.created_us) // SECOND))
    assert lives == [(4, 12), (1, 90)]


def test_a_worker_whose_item_would_pass_400_kb_starts_no_further_wave(kernel: Kernel) -> None:
    # About 38 KB a wave: ten fit into an item, and the eleventh does not.
    waves = {"waves": 12, "servers": 500, "order": "sequential", "listed": "as_started", "arrival": AT_0}
    rig = Rig(kernel, waves, duration="30m", drs={"servers_in_jobs_max": 10_000, "servers_per_job_max": 500})
    rig.run("30m")
    assert (len(rig.jobs), len(rig.waves()), rig.attributes()["Status"]) == (11, 10, "POLLING")
