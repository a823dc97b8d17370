"""Polls that write several times are judged by what they leave behind; the job ends at 210 s."""

from typing import Any

import pytest

from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.checks.soundness import CompletionSoundness
from drsim.simulator.checks.timeouts import TimeoutTruth
from drsim.simulator.checks.writes import FinalizeOnce, StatusOrder, TerminalAbsorbing
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT, PRESETS
from drsim.simulator.events import POLLER, FaultInjected, Invoked
from drsim.simulator.services.drs import DrsJob
from drsim.simulator.services.spec import JobLife
from tests.simulator.cloudwatch.runs import (
    KEY,
    LIFE,
    START_S,
    Bench,
    Item,
    a_server,
    a_wave,
    an_item,
    ended,
    started,
    without,
)

STUCK = JobLife.model_validate({"pending": "60s", "started": "30s", "hangs": True})


def with_promises(**promises: Any) -> Contract:
    """Our contract with other promises."""
    return Contract.model_validate({**PRESETS["ours"], "promises": {**PRESETS["ours"]["promises"], **promises}})


class Run:
    """One invocation of a poller, and an execution whose only wave has a job of one server."""

    def __init__(
        self, monitor: type[Monitor], contract: Contract = OUR_CONTRACT, life: JobLife = LIFE, **changes: Any
    ) -> None:
        self.bench = Bench(monitor, contract=contract)
        self.job: DrsJob = self.bench.job(life=life)
        self.version = 1
        self.bench.write(an_item(Waves=[self.wave("LAUNCHING", "PENDING", "PENDING")], **changes), by="worker")

    def wave(self, status: str, job: str, server: str, **changes: Any) -> Item:
        row = without(a_server(status=server), "InstanceId")
        return a_wave(JobId=self.job.job_id, JobStatus=job, Status=status, Servers=[row], **changes)

    @property
    def done(self) -> Item:
        return self.wave("COMPLETED", "COMPLETED", "LAUNCHED")

    def poll(self, second: float, *writes: Item, asks: bool = True, outcome: str = "ok") -> None:
        """One invocation that asks and then writes these changes, each in a write of its own."""
        bench = self.bench
        bench.at(second)
        bench.trace.emit(started())
        if asks:
            bench.ask(self.job.job_id)
        stored = bench.table.get(KEY)
        assert stored is not None, "the worker has written it"
        item = dict(stored.attributes)
        for changes in writes:
            item |= changes
            bench.write(dict(item))
        bench.trace.emit(ended(outcome=outcome))


END = {"Status": "COMPLETED", "EndTime": START_S + 211}
POLLED = {"LastPolledTime": START_S + 211}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (2, 0, 1)])
@pytest.mark.parametrize("monitor", [CompletionSoundness, TerminalAbsorbing, StatusOrder, FinalizeOnce])
def test_one_poll_may_write_waves_time_and_end_apart(monitor: type[Monitor], order: tuple[int, ...]) -> None:
    run = Run(monitor)
    writes: list[Item] = [{"Waves": [run.done]}, POLLED, END]
    run.poll(211, *(writes[number] for number in order))
    assert run.bench.said() == []
    assert run.bench.monitor.checked


def test_false_end_is_wrong_whatever_the_outcome_of_its_invocation() -> None:
    run = Run(CompletionSoundness)
    run.poll(100, {"Waves": [run.done]}, END, outcome="error")
    assert [each.kind.name for each in run.bench.monitor.violations] == ["ended early"]


def test_end_without_its_waves_is_wrong_if_the_poll_leaves_it_so() -> None:
    run = Run(CompletionSoundness)
    run.poll(211, END, outcome="crash")
    assert run.bench.said() == [("unfinished, as its waves", "COMPLETED")]


@pytest.mark.parametrize(("outcome", "right"), [("ok", False), ("error", True)])
def test_stale_record_counts_only_if_the_poll_returned(outcome: str, right: bool) -> None:
    run = Run(CompletionSoundness)
    run.poll(100, POLLED, outcome=outcome)
    assert (run.bench.said() == []) is right


@pytest.mark.parametrize("writes_waves", [False, True])
def test_poll_that_lost_the_answer_of_a_write_may_leave_a_stale_record(writes_waves: bool) -> None:
    run = Run(CompletionSoundness)
    lost = FaultInjected(0, 0, "answer-lost", "UpdateItem", "ExecutionPoller", "e-1", 1, 1, 0, "r-1")
    run.bench.trace.emit(lost)
    # The second of its waves, for instance, is not written any more.
    run.poll(100, POLLED, *([{"Waves": [run.wave("IN_PROGRESS", "PENDING", "PENDING")]}] if writes_waves else []))
    assert run.bench.said() == []


@pytest.mark.parametrize("other", ["none", "deletes", "cancels", "notes"])
def test_poll_may_leave_a_stale_record_that_another_writer_replaced(other: str) -> None:
    """A poll that writes one wave after another is refused once another writer has come between."""
    run = Run(CompletionSoundness)
    bench = run.bench
    bench.at(100)
    bench.trace.emit(started())
    bench.ask(run.job.job_id)
    stale = an_item(Waves=[run.wave("LAUNCHING", "PENDING", "PENDING", StatusMessage="asked")])
    bench.write(stale)
    match other:
        case "deletes":
            bench.delete(by="person")
        case "cancels":
            bench.write({**stale, "Status": "CANCELLED"}, by="person")
        case "notes":
            bench.write({**stale, "Waves": [{**stale["Waves"][0], "Note": "another tool"}]}, by="another tool")
    bench.trace.emit(ended())
    assert (bench.said() == []) is (other != "none")


def test_violation_names_the_write_that_ended_the_wave() -> None:
    run = Run(CompletionSoundness)
    run.poll(100, {"Waves": [run.done]}, POLLED)
    violation = run.bench.monitor.violations[0]
    assert (violation.function, violation.where, violation.at_us) == ("ExecutionPoller", "wave Status", 100_000_000)


@pytest.mark.parametrize("writes_again", [True, False])
def test_record_that_another_poll_has_renewed_is_not_stale(writes_again: bool) -> None:
    run = Run(CompletionSoundness)
    bench = run.bench
    bench.at(50)
    bench.trace.emit(started())
    bench.write(an_item(Version=2, Waves=[run.wave("LAUNCHING", "PENDING", "PENDING")]))
    bench.ask(run.job.job_id)
    bench.at(100)
    bench.trace.emit(started("r-2"))
    bench.ask(run.job.job_id, request_id="r-2")
    renewed = an_item(Version=3, Waves=[run.wave("IN_PROGRESS", "STARTED", "IN_PROGRESS")])
    bench.write(renewed, request_id="r-2")
    bench.trace.emit(ended("r-2"))
    if writes_again:
        bench.write({**renewed, "Version": 4})
    bench.trace.emit(ended())
    assert bench.said() == []


def test_later_invocation_may_not_complete_an_end() -> None:
    run = Run(TerminalAbsorbing)
    run.poll(211, END)
    run.poll(220, {"Waves": [run.done]})
    assert [each.kind.name for each in run.bench.monitor.violations] == ["ended and written again"]


def test_poll_may_not_change_the_end_that_it_wrote() -> None:
    run = Run(TerminalAbsorbing)
    run.poll(211, END, {"Status": "FAILED"})
    assert run.bench.said() == [("COMPLETED for good", "ExecutionPoller wrote it again, now FAILED")]


def test_later_poll_may_not_complete_a_finished_wave() -> None:
    run = Run(StatusOrder, TotalWaves=2)
    run.poll(211, {"Waves": [run.done]}, {"Waves": [run.done | {"StatusMessage": "all launched"}]})
    assert run.bench.said() == []
    run.poll(240, {"Waves": [run.done | {"StatusMessage": "still launched"}]})
    assert [each.kind.name for each in run.bench.monitor.violations] == ["finished wave changed"]


def test_attributes_of_functions_in_a_finished_wave_may_change() -> None:
    run = Run(StatusOrder, TotalWaves=2)
    run.poll(211, {"Waves": [run.done]})
    run.poll(240, {"Waves": [run.done | {"NotifiedAt": 240}]})
    assert run.bench.said() == []


def test_end_time_that_never_comes_is_missing_once_the_poll_is_over() -> None:
    run = Run(FinalizeOnce)
    run.poll(211, {"Status": "COMPLETED"}, {"Waves": [run.done]})
    assert run.bench.said() == [("EndTime with COMPLETED", "none")]


def test_table_without_end_time_owes_none() -> None:
    contract = Contract.model_validate({**PRESETS["ours"], "times": {"end": "absent"}})
    run = Run(FinalizeOnce, contract)
    run.poll(211, {"Status": "COMPLETED"})
    assert (run.bench.said(), run.bench.monitor.checked) == ([], 1)


def test_invocation_that_hangs_after_a_false_end_is_judged_at_the_end() -> None:
    run = Run(CompletionSoundness)
    run.bench.at(100)
    run.bench.trace.emit(started())
    run.bench.write(an_item(Version=2, Waves=[run.done], **END))
    run.bench.monitor.finish(105_000_000)
    assert run.bench.said() == []
    run.bench.trace.emit(started())
    run.bench.write(an_item(Version=2, Waves=[run.wave("IN_PROGRESS", "STARTED", "IN_PROGRESS")]))
    run.bench.write(an_item(Version=2, Waves=[run.done]))
    run.bench.monitor.finish(111_000_000)
    assert [each.kind.name for each in run.bench.monitor.violations] == ["ended early"]


@pytest.mark.parametrize(("by", "kinds"), [("r-1", []), ("r-0", ["timeout without asking"])])
def test_invoked_invocation_knows_the_answers_to_its_invoker(by: str, kinds: list[str]) -> None:
    run = Run(TimeoutTruth, with_promises(wave_timeout=False), life=STUCK)
    bench = run.bench
    bench.at(1801)
    bench.trace.emit(started())
    bench.ask(run.job.job_id)
    bench.trace.emit(Invoked(bench.kernel.now_us, "r-2", by, POLLER, "e-1"))
    bench.trace.emit(ended())
    bench.trace.emit(started("r-2"))
    stored = bench.table.get(KEY)
    assert stored is not None
    bench.write({**stored.attributes, "Status": "TIMEOUT", "EndTime": START_S + 1801}, request_id="r-2")
    bench.trace.emit(ended("r-2"))
    assert [each.kind.name for each in bench.monitor.violations] == kinds


# --- promises ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settles", "word", "right"), [(None, "POLLING", False), ("CANCELLING", "POLLING", False), ("CANCELLING", "", True)]
)
def test_function_cancels_only_what_a_person_has_cancelled(settles: str | None, word: str, right: bool) -> None:
    words = {"execution": {"POLLING": ["POLLING", "CANCELLING"]}}
    given = {**PRESETS["ours"], "words": words}
    contract = Contract.model_validate({**given, "promises": {**given["promises"], "settles": settles}})
    run = Run(CompletionSoundness, contract)
    run.bench.write(an_item(Version=2, Status=word or "CANCELLING"), by="person")
    run.poll(100, {"Status": "CANCELLED", "EndTime": START_S + 100}, asks=False)
    kinds = [each.kind.name for each in run.bench.monitor.violations]
    assert kinds == ([] if right else ["wrong cancellation"])


@pytest.mark.parametrize(("second", "right"), [(209, False), (211, True)])
def test_cancelled_execution_is_settled_once_its_job_has_ended(second: int, right: bool) -> None:
    words = {"execution": {"POLLING": ["POLLING", "CANCELLING"]}}
    given = {**PRESETS["ours"], "words": words}
    run = Run(CompletionSoundness, Contract.model_validate({**given, "promises": {"settles": "CANCELLING"}}))
    waves = [run.wave("LAUNCHING", "PENDING", "PENDING")]
    run.bench.write(an_item(Version=2, Status="CANCELLING", Waves=waves), by="person")
    run.poll(second, {"Status": "CANCELLED", "EndTime": START_S + second}, asks=False)
    kinds = [each.kind.name for each in run.bench.monitor.violations]
    assert kinds == ([] if right else ["ended early"])


def test_record_is_judged_as_far_as_promised() -> None:
    plain = with_promises(job_status=False, instances=False, server_status=False)
    run = Run(CompletionSoundness, plain)
    run.poll(100, POLLED)
    assert run.bench.said() == []


def test_status_without_a_word_of_the_team_is_not_judged() -> None:
    given = {**PRESETS["ours"], "words": {"server": {"IN_PROGRESS": [], "PENDING": ["PENDING"]}}}
    run = Run(CompletionSoundness, Contract.model_validate(given))
    run.poll(100, {"Waves": [run.wave("IN_PROGRESS", "STARTED", "PENDING")]})
    assert run.bench.said() == []


@pytest.mark.parametrize(("second", "right"), [(211, True), (209, False)])
def test_waves_without_a_status_of_their_own_are_judged_by_their_jobs(second: int, right: bool) -> None:
    given = {**PRESETS["ours"], "wave": {"status": None}, "execution": {"total_waves": None}}
    run = Run(CompletionSoundness, Contract.model_validate(given))
    run.poll(second, {"Waves": [run.wave("", "COMPLETED", "LAUNCHED")]}, END)
    kinds = {each.kind.name for each in run.bench.monitor.violations}
    assert ("ended early" not in kinds) is right


@pytest.mark.parametrize(("partial", "right"), [(None, True), (False, True), (True, False)])
def test_mixed_outcome_may_be_failed_unless_partial_is_promised(partial: bool | None, right: bool) -> None:
    bench = Bench(CompletionSoundness, contract=with_promises(partial=partial, job_status=False, server_status=False))
    job = bench.job("s-1", "s-2", life=LIFE.model_copy(update={"failed_servers": 1}))
    waves = [a_wave(JobId=job.job_id, Servers=[])]
    bench.write(an_item(Waves=waves), by="worker")
    bench.at(211)
    bench.write(an_item(Version=2, Status="FAILED", Waves=[waves[0] | {"Status": "FAILED"}]))
    assert (bench.said() == []) is right


# --- open waves and rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "status", "job", "server", "right"),
    [
        (30, "LAUNCHING", "PENDING", "PENDING", True),
        (30, "IN_PROGRESS", "PENDING", "PENDING", False),
        (30, "UNKNOWN", "PENDING", "PENDING", False),
        (100, "IN_PROGRESS", "STARTED", "IN_PROGRESS", True),
        (100, "LAUNCHING", "STARTED", "IN_PROGRESS", True),
        (100, "PENDING", "STARTED", "IN_PROGRESS", False),
    ],
)
def test_open_wave_shows_no_status_that_drs_contradicts(
    second: int, status: str, job: str, server: str, right: bool
) -> None:
    run = Run(CompletionSoundness)
    run.poll(second, {"Waves": [run.wave(status, job, server)]})
    kinds = [each.kind.name for each in run.bench.monitor.violations]
    assert kinds == ([] if right else ["contradicted wave"])


def test_team_without_launching_shows_a_pending_job_in_progress() -> None:
    given = {**PRESETS["ours"], "words": {"wave": {"LAUNCHING": []}}}
    run = Run(CompletionSoundness, Contract.model_validate(given))
    run.poll(30, {"Waves": [run.wave("IN_PROGRESS", "PENDING", "PENDING")]})
    assert run.bench.said() == []


def test_server_rows_are_judged_as_rows() -> None:
    run = Run(CompletionSoundness)
    row = a_server(InstanceId="i-invented")
    run.poll(100, {"Waves": [run.wave("IN_PROGRESS", "STARTED", "IN_PROGRESS") | {"Servers": [row, row]}]})
    given = run.job.servers[0].instance_id
    assert run.bench.said() == [
        (f"instance {given} of server s-1, as DRS gave it", "i-invented"),
        ("one row for server s-1", "two rows"),
        (f"instance {given} of server s-1, as DRS gave it", "i-invented"),
    ]


# --- timeouts ---------------------------------------------------------------------------------------------------

GAVE_UP = {"Status": "TIMEOUT", "EndTime": START_S + 1801}


def test_timeout_and_its_waves_may_come_in_two_writes() -> None:
    run = Run(TimeoutTruth, life=STUCK)
    run.poll(1801, GAVE_UP, {"Waves": [run.wave("TIMEOUT", "STARTED", "IN_PROGRESS")]})
    assert (run.bench.said(), run.bench.monitor.checked) == ([], 1)


@pytest.mark.parametrize("life", [STUCK, LIFE])
def test_timeout_that_drops_the_waves_is_judged_by_them(life: JobLife) -> None:
    run = Run(TimeoutTruth, life=life)
    run.poll(1801, GAVE_UP | {"Waves": []}, asks=False)
    kinds = [each.kind.name for each in run.bench.monitor.violations]
    assert kinds[-2:] == ["wave without its truth", "timeout without asking"]
    assert ("timeout over finished jobs" in kinds) is (life is LIFE)


def test_wave_is_not_unknown_if_drs_said_that_its_job_runs() -> None:
    run = Run(TimeoutTruth, life=STUCK)
    run.poll(1801, GAVE_UP | {"Waves": [run.wave("UNKNOWN", "STARTED", "IN_PROGRESS")]})
    assert run.bench.said() == [("wave 1 TIMEOUT, because its job was STARTED", "UNKNOWN")]


def test_asking_after_the_timeout_is_too_late() -> None:
    run = Run(TimeoutTruth, life=STUCK)
    bench = run.bench
    bench.at(1801)
    bench.trace.emit(started())
    bench.ask("drsjob-x")
    bench.write(an_item(Version=2, Waves=[run.wave("TIMEOUT", "STARTED", "IN_PROGRESS")], **GAVE_UP))
    bench.ask(run.job.job_id)
    bench.trace.emit(ended())
    assert [each.kind.name for each in bench.monitor.violations] == ["timeout without asking"]


def test_waves_may_stay_as_they_were_without_a_promise() -> None:
    run = Run(TimeoutTruth, with_promises(wave_timeout=False), life=STUCK)
    run.poll(1801, GAVE_UP)
    assert run.bench.said() == []


def test_team_that_never_gives_up_has_no_timeout() -> None:
    given = {**PRESETS["ours"], "limits": {**PRESETS["ours"]["limits"], "timeout": "none"}}
    run = Run(TimeoutTruth, Contract.model_validate(given), life=STUCK)
    run.poll(1801, GAVE_UP)
    assert run.bench.said() == [("no TIMEOUT, because polling never gives up", "TIMEOUT")]
