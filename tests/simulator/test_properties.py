"""Monitors fed by hand: each check that a whole run seldom reaches, seen to fail and to hold."""

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.model import ExecutionKey, JobScope, MetricPoint
from orchestrator.settings import Settings
from simulator.events import (
    FINDER,
    POLLER,
    IndexRead,
    Invoked,
    JobsDescribed,
    LambdaEnded,
    LambdaStarted,
    LogWritten,
    MetricsPublished,
    Throttled,
    TickFired,
)
from simulator.kernel import Kernel
from simulator.properties.budgets import Budgets
from simulator.properties.cadence import PollCadence, TriggerCadence
from simulator.properties.completion import TimeoutTruth
from simulator.properties.lifecycle import FinalizeOnce, StatusOrder
from simulator.properties.monitor import VIOLATIONS_KEPT_MAX, Context, Monitor, Verdict
from simulator.properties.observability import LogCorrelation, MetricsComplete
from simulator.properties.writes import Isolation, NoLostUpdate
from simulator.randomness import Spread
from simulator.services.drs import DrsService
from simulator.services.dynamodb import ExecutionTable
from simulator.spec import Drs, JobLife, WorldSpec
from simulator.trace import Trace
from simulator.truth import Truth

SPEC = WorldSpec()
KEY = ExecutionKey("e-1", "p-1")
SCOPE = JobScope("777788889999", "us-east-1")
SECOND_US = 1_000_000
START_S = SPEC.epoch_us // SECOND_US

Item = dict[str, Any]


def a_server(name: str = "s-1", status: str = "IN_PROGRESS") -> Item:
    return {"SourceServerId": name, "Status": status, "InstanceId": "i-1", "Hostname": "h"}


def a_wave(**changes: Any) -> Item:
    return {
        "WaveNumber": 1,
        "AccountId": SCOPE.account_id,
        "Region": SCOPE.region,
        "Status": "IN_PROGRESS",
        "JobId": "drsjob-1",
        "JobStatus": "STARTED",
        "ProtectionGroupId": "pg-1",
        "Servers": [a_server()],
        **changes,
    }


def an_item(**changes: Any) -> Item:
    return {
        "ExecutionId": KEY.execution_id,
        "PlanId": KEY.plan_id,
        "Status": "POLLING",
        "StartTime": START_S,
        "ExecutionType": "DRILL",
        "Version": 1,
        "TotalWaves": 1,
        "LastPolledTime": START_S + 5,
        "InitiatedBy": "somebody",
        "Waves": [a_wave()],
        **changes,
    }


class Bench:
    """One monitor over a real table, kernel and DRS."""

    def __init__(self, monitor: type[Monitor]) -> None:
        self.kernel = Kernel()
        self.trace = Trace()
        self.table = ExecutionTable(self.kernel, self.trace, index_lag=Spread(0, 0), page_bytes_max=1_048_576)
        self.drs = DrsService(self.kernel, self.trace, Drs())
        truth = Truth(self.drs, epoch_us=SPEC.epoch_us, timeout_us=1800 * SECOND_US)
        self.monitor = monitor(self.trace, Context(spec=SPEC, settings=Settings(), truth=truth))

    def write(self, item: Item, *, by: str = POLLER, request_id: str = "r-1") -> None:
        """Write a whole item; the worker's writes have no request."""
        self.table.put(item, writer=by, request_id=request_id if by in (POLLER, FINDER) else "")

    def said(self) -> list[tuple[str, str]]:
        """What was expected and what was seen, of each violation."""
        return [(each.expected, each.observed) for each in self.monitor.violations]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (an_item(Version=2), []),
        (an_item(Version=3), [("version 2 over 1", "version 3, written by ExecutionPoller")]),
        (
            an_item(Version=2, LastPolledTime=START_S),
            [("LastPolledTime does not go back", "it went back, written by ExecutionPoller")],
        ),
        (an_item(Version=2, Waves=[]), [("1 waves", "0, written by ExecutionPoller")]),
        (an_item(Version=2, InitiatedBy="me"), [("InitiatedBy left alone", "changed, written by ExecutionPoller")]),
        (
            {name: value for name, value in an_item(Version=2).items() if name != "InitiatedBy"},
            [("InitiatedBy kept", "gone, written by ExecutionPoller")],
        ),
        (
            an_item(Version=2, Waves=[{name: value for name, value in a_wave().items() if name != "JobId"}]),
            [("JobId drsjob-1 of wave 1 kept", "JobId gone, written by ExecutionPoller")],
        ),
        (
            an_item(Version=2, Waves=[a_wave(ProtectionGroupId="pg-2")]),
            [("foreign attributes of wave 1 kept", "changed, written by ExecutionPoller")],
        ),
        (an_item(Version=2, Waves=[a_wave(Servers=[])]), [("server s-1 kept", "gone, written by ExecutionPoller")]),
        (
            an_item(Version=2, Waves=[a_wave(Servers=[a_server() | {"Hostname": "x"}])]),
            [("foreign attributes of server s-1 kept", "changed, written by ExecutionPoller")],
        ),
        (
            an_item(Version=2, Waves=[a_wave(Servers=[a_server() | {"InstanceId": "i-2"}])]),
            [("InstanceId of server s-1 kept", "i-2, written by ExecutionPoller")],
        ),
        (an_item(Version=2, Status="LOST"), [("a write that can be read", "a malformed item")]),
    ],
)
def test_no_lost_update_names_what_was_lost(after: Item, said: list[tuple[str, str]]) -> None:
    bench = Bench(NoLostUpdate)
    bench.write(an_item(), by="worker")
    bench.write(after)
    assert bench.said() == said
    assert bench.monitor.checked == 1


def test_the_worker_may_write_what_is_its_own() -> None:
    bench = Bench(NoLostUpdate)
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=2, InitiatedBy="worker", Waves=[a_wave(JobId="drsjob-2")]), by="worker")
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


def started(request_id: str, function: str = POLLER, execution_id: str = "e-1", concurrency: int = 1) -> LambdaStarted:
    return LambdaStarted(0, request_id, function, execution_id, 1, 1, 0, concurrency)


def ended(
    request_id: str = "r-1",
    function: str = POLLER,
    *,
    outcome: str = "ok",
    duration_us: int = SECOND_US,
    memory_mb: int = 90,
) -> LambdaEnded:
    execution_id = "e-1" if function == POLLER else ""
    return LambdaEnded(SECOND_US, request_id, function, execution_id, outcome, duration_us, memory_mb, "")


def test_isolation_notices_a_poll_that_writes_another_execution() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started("r-1", execution_id="e-2"))
    bench.write(an_item(Version=2))
    assert bench.said() == [("a write to execution e-2", "ExecutionPoller wrote e-1")]


def test_isolation_notices_a_finder_that_writes() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started("r-1", FINDER, ""))
    bench.write(an_item(Version=2), by=FINDER)
    assert bench.said() == [("the finder writes nothing", "ExecutionFinder wrote e-1")]


def test_isolation_notices_a_server_of_another_waves_job() -> None:
    bench = Bench(Isolation)
    bench.drs.add_servers(SCOPE, ["s-1", "s-2"], JobLife())
    job = bench.drs.start_recovery(SCOPE, ["s-1", "s-2"])
    bench.write(an_item(Waves=[a_wave(JobId=job.job_id)]), by="worker")
    bench.trace.emit(started("r-1"))
    own = [a_server(), a_server("s-2")]
    bench.write(an_item(Version=2, Waves=[a_wave(JobId=job.job_id, Servers=own)]))
    assert bench.said() == []
    bench.write(an_item(Version=3, Waves=[a_wave(JobId=job.job_id, Servers=[*own, a_server("s-9")])]))
    assert bench.said() == [("wave 1 with its own servers", "server s-9")]


@pytest.mark.parametrize(
    ("emit", "said"),
    [
        (lambda trace: trace.emit(started("r-1", concurrency=801)), ("at most 800 concurrent invocations", "801")),
        (lambda trace: trace.emit(Throttled(0, POLLER, "e-1")), ("ExecutionPoller is not throttled", "throttled")),
        (
            lambda trace: trace.emit(ended(duration_us=241 * SECOND_US)),
            ("ExecutionPoller within 80% of its 300 s", "241 s"),
        ),
        (
            lambda trace: trace.emit(ended(function=FINDER, duration_us=49 * SECOND_US)),
            ("ExecutionFinder within 80% of its 60 s", "49 s"),
        ),
        (lambda trace: trace.emit(ended(memory_mb=257)), ("ExecutionPoller within 256 MB", "257 MB")),
    ],
)
def test_budgets_name_the_limit_and_the_use(emit: Callable[[Trace], None], said: tuple[str, str]) -> None:
    bench = Bench(Budgets)
    emit(bench.trace)
    assert bench.said() == [said]


def test_a_poll_that_lost_a_race_may_ask_again_and_no_more() -> None:
    bench = Bench(Budgets)
    bench.write(an_item(), by="worker")
    for _ in range(3):
        bench.trace.emit(JobsDescribed(0, "r-1", "e-1", *SCOPE, ("drsjob-1",), ("drsjob-1",), 1))
    bench.trace.emit(ended())
    assert bench.said() == [("at most 1 DescribeJobs calls in 777788889999 us-east-1", "3")]


def test_trigger_cadence_notices_what_happens_to_ticks() -> None:
    bench = Bench(TriggerCadence)
    minute_us = 60 * SECOND_US
    bench.trace.emit(TickFired(0, 1))
    bench.trace.emit(Invoked(0, "f-1", "", FINDER, ""))
    bench.trace.emit(Invoked(0, "f-2", "", FINDER, ""))
    bench.trace.emit(LambdaStarted(6 * SECOND_US, "f-1", FINDER, "", 1, 1, 0, 1))
    bench.trace.emit(TickFired(minute_us - 3 * SECOND_US, 2))
    bench.trace.emit(TickFired(3 * minute_us, 3))
    bench.monitor.finish(5 * minute_us)
    assert bench.said() == [
        ("one invocation of the finder for each tick", "one without a tick"),
        ("the finder starts within 5 s", "after 6 s"),
        ("tick 2 within 1 s of its minute", "3 s early"),
        ("tick 3 within 1 s of its minute", "63 s late"),
        ("the tick at 57 s invokes the finder", "it did not"),
        ("a tick at 240 s", "none until the end"),
        ("the tick at 180 s invokes the finder", "it did not"),
        ("the finder invoked at 0 s starts", "it never did"),
    ]


def looked(bench: Bench, request_id: str, instant_us: int, poll: str | None = None) -> None:
    """One look of a finder, and the poll that it invokes."""
    bench.trace.emit(IndexRead(instant_us, request_id, 1, 1, 1, 100))
    if poll is not None:
        bench.trace.emit(Invoked(instant_us, poll, request_id, POLLER, "e-1"))


def test_poll_cadence_notices_a_poll_recorded_long_after_its_look() -> None:
    bench = Bench(PollCadence)
    bench.write(an_item(), by="worker")
    bench.kernel.run(until_us=2 * SECOND_US)
    looked(bench, "f-1", 2 * SECOND_US, "r-1")
    bench.kernel.run(until_us=13 * SECOND_US)
    bench.write(an_item(Version=2))
    assert bench.said() == [("a poll recorded within 10 s of its look", "11 s")]


def test_poll_cadence_notices_an_execution_that_no_look_polls() -> None:
    bench = Bench(PollCadence)
    bench.write(an_item(), by="worker")
    looked(bench, "f-1", 2 * SECOND_US)
    bench.monitor.finish(11 * SECOND_US)
    assert bench.said() == []
    bench.monitor.finish(13 * SECOND_US)
    assert bench.said() == [("polled by the look at 2 s, the first since it was due", "not polled until the end")]


def test_status_order_leaves_a_finished_wave_alone() -> None:
    bench = Bench(StatusOrder)
    done = a_wave(Status="COMPLETED", JobStatus="COMPLETED", Servers=[a_server(status="LAUNCHED")])
    bench.write(an_item(Waves=[done]), by="worker")
    bench.write(an_item(Version=2, Waves=[done | {"Servers": [a_server(status="TERMINATED")]}]))
    assert bench.said() == [("wave 1, COMPLETED, unchanged", "ExecutionPoller changed it, now COMPLETED")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"EndTime": START_S + 1}, [("no EndTime while POLLING", "one was written")]),
        ({"Status": "FAILED"}, [("EndTime with FAILED", "none")]),
        (
            {"Status": "FAILED", "EndTime": START_S + 1},
            [("EndTime of the poll that ended it", "1 s after the write")],
        ),
        ({"Status": "FAILED", "EndTime": START_S}, []),
    ],
)
def test_finalize_once_wants_an_end_time_with_the_end_and_in_its_place(
    changes: Item, said: list[tuple[str, str]]
) -> None:
    bench = Bench(FinalizeOnce)
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=2, **changes))
    assert bench.said() == said


def test_finalize_once_notices_a_second_end_time() -> None:
    bench = Bench(FinalizeOnce)
    bench.write(an_item(Status="FAILED", EndTime=START_S), by="worker")
    bench.kernel.run(until_us=10 * SECOND_US)
    bench.write(an_item(Status="FAILED", EndTime=START_S + 9))
    assert bench.said() == [("EndTime written once", "it was written again")]


def test_timeout_truth_wants_thirty_minutes_and_a_question() -> None:
    bench = Bench(TimeoutTruth)
    bench.drs.add_servers(SCOPE, ["s-1"], JobLife(hangs=True))
    job = bench.drs.start_recovery(SCOPE, ["s-1"])
    stuck = a_wave(JobId=job.job_id, Status="TIMEOUT", JobStatus="PENDING", Servers=[a_server(status="PENDING")])
    bench.write(an_item(), by="worker")
    bench.kernel.run(until_us=1800 * SECOND_US)
    bench.write(an_item(Version=2, Status="TIMEOUT", Waves=[stuck]))
    assert bench.said() == [
        ("TIMEOUT only after 1800 s", "after 1800 s"),
        (f"DRS asked about job {job.job_id}", "it was not"),
    ]


def test_timeout_truth_leaves_no_wave_as_if_it_were_watched() -> None:
    bench = Bench(TimeoutTruth)
    bench.write(an_item(Waves=[a_wave(Status="LAUNCHING")]), by="worker")
    bench.kernel.run(until_us=1801 * SECOND_US)
    bench.write(an_item(Version=2, Status="TIMEOUT", Waves=[a_wave(Status="LAUNCHING")]))
    assert bench.said() == [("wave 1 TIMEOUT or UNKNOWN, for nobody watches it any more", "LAUNCHING")]


def published(**values: float) -> MetricsPublished:
    return MetricsPublished(0, "r-1", POLLER, "e-1", tuple(MetricPoint(name, value) for name, value in values.items()))


def test_metrics_complete_compares_what_was_published_with_what_was_done() -> None:
    bench = Bench(MetricsComplete)
    bench.write(an_item(), by="worker")
    looked(bench, "f-1", 0, "r-1")
    bench.write(an_item(Version=2))
    bench.trace.emit(published(WavesPolled=2, PollErrors=0, PollingDuration=1500, ActivePollingExecutions=7))
    bench.trace.emit(ended(duration_us=SECOND_US))
    (said,) = bench.said()
    assert said == (
        "1 waves, no error, at most 1000 ms, 1 active executions",
        "WavesPolled 2, PollingDuration 1500, ActivePollingExecutions 7",
    )


def test_metrics_complete_wants_an_error_counted() -> None:
    bench = Bench(MetricsComplete)
    looked(bench, "f-1", 0, "r-1")
    bench.trace.emit(published(PollErrors=0))
    bench.trace.emit(ended(outcome="error"))
    assert bench.said() == [("PollErrors of at least 1 for a failed poll", "none")]


def line(level: str = "INFO", execution_id: str = "e-1", request_id: str = "r-1") -> LogWritten:
    return LogWritten(0, request_id, POLLER, level, execution_id, "text", 100)


@pytest.mark.parametrize(
    ("lines", "outcome", "said"),
    [
        ([line()], "ok", []),
        ([], "ok", [("ExecutionPoller logs what it did", "no line")]),
        ([line(), line(execution_id="e-2")], "ok", [("every line with execution id e-1", "the line 'text'")]),
        ([line()], "error", [("an ERROR line of ExecutionPoller that failed", "none")]),
        ([line("ERROR")], "error", []),
        # A killed function can say nothing more.
        ([], "timeout", []),
    ],
)
def test_log_correlation_judges_an_invocation_by_its_lines(
    lines: list[LogWritten], outcome: str, said: list[tuple[str, str]]
) -> None:
    bench = Bench(LogCorrelation)
    bench.trace.emit(started("r-1"))
    for each in lines:
        bench.trace.emit(each)
    bench.trace.emit(ended(outcome=outcome))
    assert bench.said() == said


def test_log_correlation_notices_a_line_of_nobody() -> None:
    bench = Bench(LogCorrelation)
    bench.trace.emit(line())
    assert bench.said() == [("a line of a running invocation", "text")]


def test_all_violations_are_counted_and_the_first_ones_kept() -> None:
    bench = Bench(Budgets)
    for _ in range(VIOLATIONS_KEPT_MAX + 5):
        bench.trace.emit(Throttled(0, POLLER, "e-1"))
    assert bench.monitor.violations_count == VIOLATIONS_KEPT_MAX + 5
    assert len(bench.monitor.violations) == VIOLATIONS_KEPT_MAX
    assert bench.monitor.verdict is Verdict.FAIL
