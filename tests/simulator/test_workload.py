"""The workload: what workers of executions start and write, and who cancels them."""

import pytest

from drsim.orchestrator.items import execution_of
from drsim.orchestrator.model import WaveStatus
from drsim.simulator.events import StartRefused, WriteRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.workload import PERSON, WORKER
from tests.simulator.workloads import FIXED, SECOND, START_US, WRITE_US, Rig, one

# --- what is written -----------------------------------------------------------------------------------------


def test_aged_execution_started_before_it_arrived(kernel: Kernel) -> None:
    rig = Rig(kernel, {"arrival": {"at": "1s"}}, aged_us=900 * SECOND)
    rig.kernel.run(until_us=SECOND + WRITE_US)
    assert rig.attributes()["StartTime"] == rig.spec.epoch_us // SECOND + 1 - 900


def test_the_first_item_lists_the_waves_and_says_where_each_of_them_runs(kernel: Kernel) -> None:
    rig = Rig(kernel, {"ids": ["e"], "waves": [{"servers": 2}, {}], "type": "RECOVERY", "arrival": {"at": "1s"}})
    rig.kernel.run(until_us=SECOND + WRITE_US)
    attributes = rig.attributes()
    waves = attributes.pop("Waves")
    assert attributes == {
        "ExecutionId": "e",
        "PlanId": rig.key.plan_id,
        "Status": "PENDING",
        "StartTime": rig.spec.epoch_us // SECOND + 1,
        "ExecutionType": "RECOVERY",
        "Version": 1,
        "TotalWaves": 2,
        "InitiatedBy": "drsim",
    }
    for number, wave in enumerate(waves, 1):
        servers = wave.pop("Servers")
        assert len(servers) == (2 if number == 1 else 1)
        for server in servers:
            digits = server["SourceServerId"].removeprefix("s-")
            assert server == {
                "SourceServerId": f"s-{digits}",
                "Status": "NOT_STARTED",
                "Hostname": f"host-{digits[:6]}",
            }
            assert (len(digits), int(digits, 16) >= 0) == (17, True)
        assert wave == {
            "WaveNumber": number,
            "WaveName": f"Wave {number}",
            "ProtectionGroupId": f"pg-{servers[0]['SourceServerId'][2:10]}",
            "AccountId": "777788889999",
            "Region": "us-east-1",
            "Status": "PENDING",
        }


def test_worker_starts_each_wave_and_writes_its_job_id_while_polling(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": 2})
    rig.run()
    begun_us = 5 * SECOND
    step_us = START_US + WRITE_US
    assert [(change.at_us - begun_us, change.writer) for change in rig.changes] == [
        (WRITE_US, WORKER),
        (WRITE_US + step_us, WORKER),
        (WRITE_US + 2 * step_us, WORKER),
    ]
    executions = [execution_of(change.after) for change in rig.changes if change.after is not None]
    assert [execution.status for execution in executions] == ["PENDING", "POLLING", "POLLING"]
    assert [execution.version for execution in executions] == [1, 2, 3]
    first, second = (job.job_id for job in rig.jobs)
    assert [[wave.job_id for wave in execution.waves] for execution in executions] == [
        [None, None],
        [first, None],
        [first, second],
    ]
    assert [wave.status for wave in executions[-1].waves] == [WaveStatus.LAUNCHING] * 2
    assert [wave.job_status for wave in executions[-1].waves] == ["PENDING"] * 2


def test_sequential_wave_starts_after_the_job_before_and_the_reaction(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": 3, "order": "sequential"})
    rig.run()
    first_us = 5 * SECOND + WRITE_US + START_US
    later_us = 90 * SECOND + 7 * SECOND + START_US
    assert [job.at_us for job in rig.jobs] == [first_us, first_us + later_us, first_us + 2 * later_us]


def test_sequential_wave_beyond_the_end_of_the_run_never_starts(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": 2, "order": "sequential", "jobs": {**FIXED, "hangs": True}})
    rig.run()
    assert len(rig.jobs) == 1
    assert kernel.run() is not None
    assert kernel.now_us == 600 * SECOND, "nothing is left to happen"


def test_waves_that_are_listed_as_they_start_are_not_there_before(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": 2, "listed": "as_started", "order": "sequential"})
    counts = []
    for until in ("5s10ms", "30s", "10m"):
        rig.run(until)
        counts.append((rig.attributes()["TotalWaves"], len(rig.waves())))
    assert counts == [(2, 0), (2, 1), (2, 2)]
    assert [wave["WaveNumber"] for wave in rig.waves()] == [1, 2]
    assert [wave["JobId"] for wave in rig.waves()] == [job.job_id for job in rig.jobs]


def test_wave_numbers_may_be_left_out(kernel: Kernel) -> None:
    rig = Rig(kernel, one(wave_numbers=False))
    rig.run()
    assert "WaveNumber" not in rig.waves()[0]


def test_executions_or_their_waves_are_spread_over_accounts_and_regions(kernel: Kernel) -> None:
    def places(spread: bool) -> list[list[str]]:
        rig = Rig(
            Kernel(seed=7),
            {"executions": 3, "waves": 3, "spread_waves": spread},
            accounts=2,
            regions=["us-east-1", "eu-west-1"],
        )
        rig.run()
        rig.kernel.close()
        items = [rig.table.get(key) for key in rig.workload.expected]
        executions = [execution_of(item.attributes) for item in items if item is not None]
        return [
            [f"{wave.scope.account_id[-1]} {wave.scope.region[:2]}" for wave in execution.waves]
            for execution in executions
        ]

    assert places(spread=False) == [["9 us"] * 3, ["9 eu"] * 3, ["0 us"] * 3]
    assert places(spread=True) == [
        ["9 us", "9 eu", "0 us"],
        ["9 eu", "0 us", "0 eu"],
        ["0 us", "0 eu", "9 us"],
    ]


# --- waves without a job -------------------------------------------------------------------------------------


def test_wave_without_a_launch_has_no_job_and_may_have_a_status(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": [{"launch": "never"}, {}], "table_job_status": "STARTED", "order": "sequential"})
    rig.run()
    never, launched = rig.waves()
    assert (never["Status"], never["JobStatus"], "JobId" in never) == ("LAUNCHING", "STARTED", False)
    assert launched["JobId"] == rig.jobs[0].job_id
    # Nothing was to be waited for.
    assert rig.jobs[0].at_us == 5 * SECOND + 2 * WRITE_US + START_US
    plain = Rig(Kernel(seed=7), {"waves": [{"launch": "never"}]})
    plain.run()
    plain.kernel.close()
    assert "JobStatus" not in plain.waves()[0]
    assert plain.attributes()["Status"] == "POLLING"


def test_a_wave_with_an_unknown_job_names_one_that_drs_never_gave(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": [{"launch": "unknown"}]})
    rig.run()
    (wave,) = rig.waves()
    assert (len(wave["JobId"]), wave["JobId"][:7], wave["Status"]) == (24, "drsjob-", "LAUNCHING")
    execution = execution_of(rig.attributes())
    assert rig.drs.job(execution.waves[0].scope, wave["JobId"]) is None
    assert rig.jobs == []


def test_a_start_that_drs_refuses_makes_the_wave_failed_with_the_message(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": 3}, drs={"jobs_max": 1})
    refused = list[StartRefused]()
    rig.trace.listen(StartRefused, refused.append)
    rig.run("60s")
    assert [event.code for event in refused] == ["ServiceQuotaExceededException"] * 2
    message = "ServiceQuotaExceededException: the quota of 1 concurrent jobs in progress is reached"
    assert [(wave["Status"], wave.get("StatusMessage"), "JobId" in wave) for wave in rig.waves()] == [
        ("LAUNCHING", None, True),
        ("FAILED", message, False),
        ("FAILED", message, False),
    ]
    assert rig.attributes()["Status"] == "POLLING"


# --- others write, too ---------------------------------------------------------------------------------------


def test_a_worker_keeps_what_others_wrote_while_it_was_writing(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": 2})
    refused = list[WriteRefused]()
    rig.trace.listen(WriteRefused, refused.append)

    def poll(_: None) -> None:
        waves = rig.waves()
        waves[0] = {**waves[0], "Status": "IN_PROGRESS", "Note": "polled"}
        changes = {"Waves": waves, "LastPolledTime": 12, "Version": rig.attributes()["Version"] + 1}
        rig.table.update(rig.key, changes, writer="poller")

    # In the midst of the write of the second wave.
    second_write_us = 5 * SECOND + WRITE_US + (START_US + WRITE_US) + START_US
    kernel.at(second_write_us + WRITE_US // 2, poll, None)
    rig.run()
    first, second = rig.waves()
    assert (first["Status"], first["Note"], second["Status"]) == ("IN_PROGRESS", "polled", "LAUNCHING")
    assert [wave["JobId"] for wave in (first, second)] == [job.job_id for job in rig.jobs]
    assert (rig.attributes()["LastPolledTime"], rig.attributes()["Version"]) == (12, 4)
    assert refused == [WriteRefused(second_write_us + WRITE_US, "", WORKER, rig.key.execution_id)]
    assert [change.at_us for change in rig.changes][-1] == second_write_us + 2 * WRITE_US


@pytest.mark.parametrize("end", ["CANCELLED", "COMPLETED", None])
def test_a_worker_gives_up_once_its_execution_is_over_or_gone(kernel: Kernel, end: str | None) -> None:
    rig = Rig(kernel, {"waves": 3, "order": "sequential"})

    def finish(_: None) -> None:
        if end is None:
            rig.table.delete(rig.key, writer=PERSON)
        else:
            rig.table.update(rig.key, {"Status": end}, writer=PERSON)

    kernel.at(60 * SECOND, finish, None)
    rig.run()
    assert len(rig.jobs) == 2, "the second job was started before the worker looked"
    assert rig.changes[-1].writer == PERSON
    assert rig.changes[-1].at_us == 60 * SECOND


def test_a_person_cancels_an_execution_that_goes_on(kernel: Kernel) -> None:
    rig = Rig(kernel, one(cancel_after="60s"))
    rig.run()
    assert (rig.changes[-1].at_us, rig.changes[-1].writer) == (65 * SECOND, PERSON)
    attributes = rig.attributes()
    assert (attributes["Status"], attributes["Version"]) == ("CANCELLED", 3)
    assert attributes["EndTime"] == rig.spec.epoch_us // SECOND + 65
    assert attributes["Waves"][0]["JobId"] == rig.jobs[0].job_id


@pytest.mark.parametrize("end", ["COMPLETED", None])
def test_ended_or_deleted_execution_is_not_cancelled(kernel: Kernel, end: str | None) -> None:
    rig = Rig(kernel, one(cancel_after="60s"))
    kernel.at(
        50 * SECOND,
        lambda _: (
            rig.table.delete(rig.key, writer="poller")
            if end is None
            else rig.table.update(rig.key, {"Status": end}, writer="poller")
        ),
        None,
    )
    rig.run()
    assert rig.changes[-1].at_us == 50 * SECOND
