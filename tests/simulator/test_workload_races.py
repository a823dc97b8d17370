"""Workers at the edges of time: jobs that are over too soon, runs that end too soon, people who are too quick."""

import pytest

from simulator.kernel import Kernel
from simulator.workload import PERSON, WORKER
from tests.simulator.test_workload import MS, SECOND, START_US, WRITE_US, Rig, one

AT_0 = {"at": "0s"}


def test_a_sequential_wave_whose_job_ended_before_it_was_written_down_is_followed_at_once(kernel: Kernel) -> None:
    jobs = {"pending": "0s", "started": "0s", "in_progress": "1ms"}
    rig = Rig(kernel, {"waves": 2, "order": "sequential", "reaction": "0s", "jobs": jobs, "arrival": AT_0})
    rig.run()
    assert [job.at_us for job in rig.jobs] == [WRITE_US + START_US, 2 * (WRITE_US + START_US)]


@pytest.mark.parametrize(("duration", "jobs"), [("97109999us", 1), ("97110ms", 2)])
def test_a_worker_waits_to_the_end_of_the_run_and_not_beyond(kernel: Kernel, duration: str, jobs: int) -> None:
    # The first job starts at 110 ms and runs for 90 s; then somebody takes 7 s to react.
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
    assert len(rig.table) == 0
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
