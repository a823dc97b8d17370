"""Monitors of ends, fed by hand: the job is STARTED at 60 s, launches from 90 s on, and ends at 210 s."""

from typing import Any

import pytest

from drsim.scenarios.files import load
from drsim.simulator.checks.completion import CompletionLiveness, completion_bound_us
from drsim.simulator.checks.monitor import Monitor, Verdict
from drsim.simulator.checks.soundness import CompletionSoundness
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.presets import OUR_CONTRACT, preset
from drsim.simulator.services.drs import DrsJob
from drsim.simulator.services.spec import JobLife
from tests.simulator.cloudwatch.runs import (
    LIFE,
    SECOND_US,
    Bench,
    Item,
    a_server,
    a_wave,
    an_item,
    ended,
    without,
)


def a_bench(monitor: type[Monitor], *, life: JobLife = LIFE, **changes: Any) -> tuple[Bench, DrsJob, str]:
    """A bench with an execution whose only wave has a job of one server; its job, and its instance's id."""
    bench = Bench(monitor)
    job = bench.job(life=life)
    waiting = a_wave(
        JobId=job.job_id,
        JobStatus="PENDING",
        Status="LAUNCHING",
        Servers=[without(a_server(status="PENDING"), "InstanceId")],
    )
    bench.write(an_item(Waves=[waiting], **changes), by="worker")
    return bench, job, job.servers[0].instance_id


def done(job: DrsJob, **changes: Any) -> Item:
    """The wave as it ought to end."""
    server = without(a_server(status="LAUNCHED"), "InstanceId")
    return a_wave(JobId=job.job_id, JobStatus="COMPLETED", Status="COMPLETED", Servers=[server], **changes)


# --- completion-soundness: ends -------------------------------------------------------------------------------


def test_an_end_that_is_true_passes() -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    bench.at(211)
    bench.ask(job.job_id)
    bench.write(an_item(Version=2, Status="COMPLETED", Waves=[done(job)]))
    # The wave's end, what it records, and the execution's end.
    assert (bench.said(), bench.monitor.checked) == ([], 3)


@pytest.mark.parametrize(
    ("second", "wave", "expected"),
    [
        (209, "COMPLETED", "wave 1 unfinished by DRS's truth"),
        (211, "PARTIAL", "wave 1 COMPLETED by DRS's truth"),
    ],
)
def test_a_wave_that_ends_too_early_or_otherwise_is_noticed(second: int, wave: str, expected: str) -> None:
    bench, job, _ = a_bench(CompletionSoundness, TotalWaves=2)
    bench.at(second)
    bench.write(an_item(Version=2, TotalWaves=2, Waves=[done(job) | {"Status": wave}]))
    unasked = f"{wave}; no answer of DRS to this poll had its job {job.job_id} of us-east-1"
    assert bench.said() == [(expected, unasked)]


def test_an_execution_ends_as_its_waves_do() -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    bench.at(211)
    bench.write(an_item(Version=2, Status="PARTIAL", Waves=[done(job)]))
    assert bench.said() == [("COMPLETED, as its waves", "PARTIAL")]
    # What is written after the end is the business of another property.
    bench.write(an_item(Version=3, Status="FAILED", Waves=[done(job)]))
    assert len(bench.said()) == 1


@pytest.mark.parametrize("total", [1, 2])
def test_an_execution_does_not_end_before_its_waves_or_without_them(total: int) -> None:
    bench, job, _ = a_bench(CompletionSoundness, TotalWaves=total)
    bench.at(211)
    wave = done(job) if total == 2 else done(job) | {"Status": "IN_PROGRESS"}
    bench.write(an_item(Version=2, TotalWaves=total, Status="COMPLETED", Waves=[wave]))
    assert bench.said() == [("unfinished, as its waves", "COMPLETED")]


def test_a_poll_cannot_prove_by_its_own_write_that_a_job_was_never_started() -> None:
    bench = Bench(CompletionSoundness)
    waits = without(a_wave(Status="LAUNCHING"), "JobId")
    bench.write(an_item(Waves=[waits]), by="worker")
    bench.write(an_item(Version=2, Status="FAILED", Waves=[waits | {"Status": "FAILED"}]))
    assert bench.said() == [("wave 1 unfinished by DRS's truth", "FAILED; the wave has no job")]


def test_what_the_worker_says_of_a_wave_that_it_could_not_start_is_true() -> None:
    bench = Bench(CompletionSoundness)
    bench.write(an_item(Waves=[without(a_wave(Status="FAILED"), "JobId")]), by="worker")
    bench.write(an_item(Version=2, Status="FAILED", Waves=[without(a_wave(Status="FAILED"), "JobId")]))
    assert (bench.said(), bench.monitor.checked) == ([], 1)


def test_writes_of_others_are_not_judged() -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    bench.write(an_item(Version=2, Waves=[done(job)]), by="worker")
    bench.delete(by="person")
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


@pytest.mark.parametrize("status", ["COMPLETED", "PARTIAL"])
def test_end_under_unreadable_wave_count_is_not_judged(status: str) -> None:
    bench, job, _ = a_bench(CompletionSoundness, TotalWaves="one")
    bench.at(211)
    bench.write(an_item(Version=2, TotalWaves="one", Status=status, Waves=[done(job)]))
    assert bench.said() == []


def test_early_end_beside_an_unreadable_end_time_is_judged() -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    bench.at(211)
    bench.write(an_item(Version=2, TotalWaves=2, Status="COMPLETED", EndTime="soon", Waves=[done(job)]))
    assert bench.said() == [("unfinished, as its waves", "COMPLETED")]


def test_wave_end_under_unreadable_status_is_judged() -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    bench.write(an_item(Version=3, Status="LOST"))
    bench.write(an_item(Version=4, Status="LOST", Waves=[done(job)]))
    unasked = f"COMPLETED; no answer of DRS to this poll had its job {job.job_id} of us-east-1"
    assert bench.said() == [("wave 1 unfinished by DRS's truth", unasked)]


# --- completion-soundness: what a poll records ----------------------------------------------------------------


def seen(job: DrsJob, status: str = "IN_PROGRESS", **changes: Any) -> Item:
    """The wave as DRS shows it from 90 s on."""
    server = without(a_server(status=status), "InstanceId")
    return a_wave(JobId=job.job_id, Servers=[server], **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"JobStatus": "PENDING"}, [("wave 1 with its job STARTED", "job PENDING")]),
        ({"Servers": []}, [("server s-1 IN_PROGRESS by DRS's truth", "missing")]),
        (
            {"Servers": [without(a_server(status="PENDING"), "InstanceId")]},
            [("server s-1 IN_PROGRESS by DRS's truth", "PENDING")],
        ),
    ],
)
def test_poll_records_the_answer_of_drs(changes: Item, said: list[tuple[str, str]]) -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    bench.at(100)
    bench.ask(job.job_id)
    bench.write(an_item(Version=2, Waves=[seen(job) | changes]))
    assert bench.said() == said


def test_an_instance_is_recorded_while_drs_shows_it() -> None:
    life = JobLife.model_validate({"pending": "60s", "started": "30s", "in_progress": "2m..4m"})
    bench = Bench(CompletionSoundness)
    job = bench.job("s-1", "s-2", life=life)
    first, last = sorted(job.servers, key=lambda server: server.ended_us)
    names = [first.source_server_id, last.source_server_id]
    bench.write(an_item(Waves=[seen(job)]), by="worker")
    bench.at(first.ended_us / SECOND_US)
    bench.ask(job.job_id)
    for number, instance in enumerate((first.instance_id, "i-other", None), 2):
        shown = without(a_server(names[0], "LAUNCHED"), "InstanceId")
        shown |= {"InstanceId": instance} if instance else {}
        servers = [shown, without(a_server(names[1]), "InstanceId")]
        bench.write(an_item(Version=number, Waves=[seen(job) | {"Servers": servers}]))
    given = first.instance_id
    assert bench.said() == [
        (f"instance {given} of server {names[0]}, as DRS gave it", "i-other"),
        (f"server {names[0]} with instance {given}", "none"),
    ]


def test_what_has_not_changed_is_judged_once() -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    for number, second in enumerate((100, 130, 160), 2):
        bench.at(second)
        bench.ask(job.job_id)
        bench.write(an_item(Version=number, Waves=[seen(job)]))
    assert (bench.said(), bench.monitor.checked) == ([], 1)


def test_record_of_a_poll_without_an_answer_is_not_judged() -> None:
    bench, job, _ = a_bench(CompletionSoundness)
    bench.at(100)
    bench.ask(job.job_id, found=())
    bench.write(an_item(Version=2, Waves=[seen(job) | {"JobStatus": "PENDING"}]))
    bench.ask(job.job_id)
    bench.trace.emit(ended())
    bench.write(an_item(Version=3, Waves=[seen(job) | {"JobStatus": "PENDING"}]))
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


# --- completion-liveness --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "how", "said"),
    [
        (300, "poll", []),
        (301, "poll", [("terminal within 90 s of the truth at 210 s", "COMPLETED 91 s after it")]),
        (300, "nothing", []),
        (301, "nothing", [("terminal within 90 s of the truth at 210 s", "POLLING 91 s after it")]),
        (301, "cancellation", [("terminal within 90 s of the truth at 210 s", "CANCELLED 91 s after it")]),
        (301, "deletion", [("terminal within 90 s of the truth at 210 s", "gone 91 s after it")]),
    ],
)
def test_an_end_is_owed_from_the_truth_on(second: int, how: str, said: list[tuple[str, str]]) -> None:
    bench, job, _ = a_bench(CompletionLiveness)
    bench.at(100)
    bench.write(an_item(Version=2, Waves=[seen(job)]))
    bench.at(second)
    match how:
        case "poll":
            bench.write(an_item(Version=3, Status="COMPLETED", Waves=[done(job)]))
        case "cancellation":
            bench.write(an_item(Version=3, Status="CANCELLED"), by="person")
        case "deletion":
            bench.delete(by="person")
    bench.monitor.finish(second * SECOND_US)
    assert bench.said() == said
    assert bench.monitor.checked == (how == "poll" or len(said))


@pytest.mark.parametrize("how", ["cancellation", "deletion"])
def test_who_is_cancelled_or_deleted_in_time_owes_nothing(how: str) -> None:
    bench, _, _ = a_bench(CompletionLiveness)
    bench.at(200)
    if how == "deletion":
        bench.delete(by="person")
    else:
        bench.write(an_item(Version=3, Status="CANCELLED"), by="person")
    bench.monitor.finish(1000 * SECOND_US)
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


def test_a_wave_that_comes_later_puts_the_end_off() -> None:
    bench, job, _ = a_bench(CompletionLiveness, TotalWaves=2)
    bench.at(500)
    bench.write(
        an_item(Version=2, TotalWaves=2, Waves=[done(job), without(a_wave(Status="FAILED"), "JobId")]), by="worker"
    )
    bench.monitor.finish(590 * SECOND_US)
    assert bench.said() == []
    bench.monitor.finish(591 * SECOND_US)
    assert bench.said() == [("terminal within 90 s of the truth at 500 s", "POLLING 91 s after it")]


def test_where_drs_never_gets_there_the_timeout_is_owed() -> None:
    bench, _, _ = a_bench(CompletionLiveness, life=JobLife(hangs=True))
    bench.monitor.finish(1890 * SECOND_US)
    assert bench.said() == []
    bench.monitor.finish(1891 * SECOND_US)
    assert bench.said() == [("terminal within 90 s of the truth at 1800 s", "POLLING 91 s after it")]


@pytest.mark.parametrize(
    ("changes", "bound_s"),
    [
        ([], 90),
        (["SWEEPS_PER_INVOCATION=4"], 90),
        (["PENDING_INTERVAL_SECONDS=200"], 270),
        (["PENDING_INTERVAL_SECONDS=200", "SWEEPS_PER_INVOCATION=4"], 240),
        (["PENDING_INTERVAL_SECONDS=60"], 90),
        (["PENDING_INTERVAL_SECONDS=60", "DUE_SLACK_SECONDS=0"], 150),
        (["schedule.rate=2m"], 150),
        (["schedule.rate=2m", "SWEEPS_PER_INVOCATION=4"], 150),
        (["bounds.completion=5m", "schedule.rate=2m"], 300),
    ],
)
def test_completion_bound_follows_settings(changes: list[str], bound_s: int) -> None:
    spec = load("drill", changes)
    assert completion_bound_us(spec, limits_of(OUR_CONTRACT, spec.settings)) == bound_s * SECOND_US


def test_contract_without_intervals_is_bound_by_the_rate() -> None:
    assert completion_bound_us(load("drill"), limits_of(preset("plain"), {})) == 90 * SECOND_US


def test_open_execution_and_late_end_are_of_different_kinds() -> None:
    bench, _, _ = a_bench(CompletionLiveness)
    bench.monitor.finish(301 * SECOND_US)
    bench.at(301)
    bench.write(an_item(Version=2, Status="COMPLETED"))
    assert [each.kind.name for each in bench.monitor.violations] == ["no end", "late end"]


def test_cancelling_execution_is_owed_once_its_job_has_ended() -> None:
    contract = preset("ours", words={"execution": {"POLLING": ["POLLING", "CANCELLING"]}})
    contract = contract.model_copy(update={"promises": contract.promises.model_copy(update={"settles": "CANCELLING"})})
    bench = Bench(CompletionLiveness, contract=contract)
    job = bench.job()
    waves = [a_wave(JobId=job.job_id), without(a_wave(Status="PENDING"), "JobId")]
    bench.write(an_item(TotalWaves=2, Waves=waves), by="worker")
    bench.monitor.finish(400 * SECOND_US)
    assert bench.said() == []
    bench.at(250)
    bench.write(an_item(Version=2, TotalWaves=2, Status="CANCELLING", Waves=waves), by="person")
    bench.monitor.finish(340 * SECOND_US)
    assert bench.said() == []
    bench.monitor.finish(341 * SECOND_US)
    assert bench.said() == [("terminal within 90 s of the truth at 250 s", "POLLING 91 s after it")]
