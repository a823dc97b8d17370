"""Monitors of budgets, metrics and log lines, fed by hand."""

from collections.abc import Callable

import pytest

from orchestrator.model import ExecutionKey, MetricPoint
from orchestrator.settings import Settings
from simulator.events import FINDER, POLLER, IndexRead, Invoked, LogWritten, MetricsPublished, Throttled, WriteRefused
from simulator.properties.budgets import Budgets
from simulator.properties.monitor import Verdict
from simulator.properties.observability import LogCorrelation, MetricsComplete
from simulator.trace import Trace
from tests.simulator.monitored import SECOND_US, Bench, an_item, ended, started

# --- budgets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("emit", "said"),
    [
        (lambda trace: trace.emit(started(concurrency=801)), ("at most 800 concurrent invocations", "801")),
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


def test_what_is_just_within_its_budget_passes() -> None:
    bench = Bench(Budgets)
    bench.trace.emit(started(concurrency=800))
    bench.trace.emit(ended(duration_us=240 * SECOND_US, memory_mb=256))
    assert (bench.said(), bench.monitor.checked) == ([], 1)


@pytest.mark.parametrize(("took_s", "within"), [(57, True), (58, False)])
def test_a_finder_that_waits_between_its_looks_is_judged_by_the_rest(took_s: int, within: bool) -> None:
    bench = Bench(Budgets, settings=Settings(sweeps_per_invocation=4))
    bench.trace.emit(ended(function=FINDER, duration_us=took_s * SECOND_US))
    assert (bench.said() == []) is within


@pytest.mark.parametrize(("asked", "lost", "said"), [(1, 0, []), (2, 1, []), (3, 1, ["3"])])
def test_a_poll_that_lost_a_race_may_ask_again_and_no_more(asked: int, lost: int, said: list[str]) -> None:
    bench = Bench(Budgets)
    # Races that the worker lost are not the poll's.
    bench.trace.emit(WriteRefused(0, "", "worker", "e-1"))
    for _ in range(lost):
        bench.trace.emit(WriteRefused(0, "r-1", POLLER, "e-1"))
    for _ in range(asked):
        bench.ask("drsjob-1")
    bench.trace.emit(ended())
    expected = f"at most {1 + lost} DescribeJobs calls in 777788889999 us-east-1"
    assert bench.said() == [(expected, observed) for observed in said]


# --- metrics-complete -----------------------------------------------------------------------------------------

FOUR = {"WavesPolled": 1, "PollErrors": 0, "PollingDuration": 700, "ActivePollingExecutions": 1}


def publish(bench: Bench, **values: float) -> None:
    points = tuple(MetricPoint(name, value) for name, value in values.items())
    bench.trace.emit(MetricsPublished(0, "r-1", POLLER, "e-1", points))


def a_poll(bench: Bench, *, writes: bool = True, second: float = 1) -> None:
    """A look that causes a poll, which has not ended yet."""
    bench.write(an_item(), by="worker")
    bench.at(0)
    bench.look("f-1", "r-1")
    bench.at(second)
    if writes:
        bench.write(an_item(Version=2))


@pytest.mark.parametrize(
    ("values", "observed"),
    [
        ({}, []),
        ({"WavesPolled": 2}, ["WavesPolled 2"]),
        ({"PollErrors": 1}, ["PollErrors 1"]),
        ({"PollingDuration": 638}, []),
        ({"PollingDuration": 1000}, []),
        ({"PollingDuration": 1001}, ["PollingDuration 1001"]),
        # In seconds: less than lay between the handler's start-up, 262 ms at most, and the write.
        ({"PollingDuration": 0.7}, ["PollingDuration 0.7"]),
        ({"ActivePollingExecutions": 7}, ["ActivePollingExecutions 7"]),
    ],
)
def test_metrics_complete_compares_what_was_published_with_what_was_done(
    values: dict[str, float], observed: list[str]
) -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, second=0.9)
    publish(bench, **FOUR | values)
    bench.trace.emit(ended())
    expected = "1 waves, no error, 638 to 1000 ms, 1 active executions"
    assert bench.said() == [(expected, each) for each in observed]
    assert bench.monitor.checked == 1


def test_metrics_complete_wants_each_metric_once() -> None:
    wanted = "WavesPolled, PollingDuration, PollErrors, ActivePollingExecutions, once"
    for times, values, observed in (
        (1, {"WavesPolled": 1, "PollErrors": 0}, "no PollingDuration, ActivePollingExecutions"),
        (2, FOUR, "8 values of 4 metrics"),
    ):
        bench = Bench(MetricsComplete)
        a_poll(bench)
        for _ in range(times):
            publish(bench, **values)
        bench.trace.emit(ended())
        assert bench.said() == [(wanted, observed)]


def test_a_poll_invoked_by_hand_knows_of_no_other_execution() -> None:
    bench = Bench(MetricsComplete)
    bench.write(an_item(), by="worker")
    bench.trace.emit(Invoked(0, "r-1", "", POLLER, "e-1"))
    bench.at(0.9)
    bench.write(an_item(Version=2))
    publish(bench, WavesPolled=1, PollErrors=0, PollingDuration=700)
    bench.trace.emit(ended())
    assert (bench.said(), bench.monitor.checked) == ([], 1)


@pytest.mark.parametrize(("active", "right"), [(1, True), (2, True), (3, True), (0, False), (4, False)])
def test_items_that_cannot_be_read_may_be_counted_or_not(active: int, right: bool) -> None:
    bench = Bench(MetricsComplete)
    for number in range(2):
        bench.table.put(an_item(ExecutionId=f"odd-{number}", Status="LOST"), writer="person")
    # A third one was mended, and counts.
    bench.table.put(an_item(ExecutionId="mended", Status="LOST"), writer="person")
    bench.table.put(an_item(ExecutionId="mended"), writer="person")
    # A fourth is gone.
    bench.table.put(an_item(ExecutionId="gone", Status="LOST"), writer="person")
    bench.table.delete(ExecutionKey("gone", "p-1"), writer="person")
    bench.write(an_item(), by="worker")
    bench.trace.emit(IndexRead(0, "f-1", 1, 0, 2, 100))
    bench.trace.emit(IndexRead(0, "f-1", 0, 1, 1, 100))
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "e-1"))
    bench.at(0.9)
    bench.write(an_item(Version=2))
    publish(bench, **FOUR | {"ActivePollingExecutions": active})
    bench.trace.emit(ended("f-1", FINDER))
    bench.trace.emit(ended())
    expected = "1 waves, no error, 638 to 1000 ms, 1 to 3 active executions"
    assert bench.said() == ([] if right else [(expected, f"ActivePollingExecutions {active}")])


@pytest.mark.parametrize(("errors", "said"), [(0, [("PollErrors of at least 1 for a failed poll", "none")]), (1, [])])
def test_metrics_complete_wants_an_error_counted(errors: int, said: list[tuple[str, str]]) -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, writes=False)
    publish(bench, PollErrors=errors)
    bench.trace.emit(ended(outcome="error"))
    assert (bench.said(), bench.monitor.checked) == (said, 1)


@pytest.mark.parametrize("outcome", ["ok", "timeout"])
def test_a_poll_that_wrote_nothing_or_was_killed_owes_no_metrics(outcome: str) -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, writes=outcome == "timeout")
    bench.trace.emit(ended(outcome=outcome))
    bench.trace.emit(ended("r-unknown"))
    publish(bench, WavesPolled=9)
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


# --- log-correlation ------------------------------------------------------------------------------------------


def line(level: str = "INFO", execution_id: str = "e-1", function: str = POLLER, message: str = "text") -> LogWritten:
    return LogWritten(0, "r-1", function, level, execution_id, message, 100)


@pytest.mark.parametrize(
    ("lines", "outcome", "said"),
    [
        ([line()], "ok", []),
        ([], "ok", [("ExecutionPoller logs what it did", "no line")]),
        ([line(), line(execution_id="e-2")], "ok", [("every line with execution id e-1", "the line 'text'")]),
        (
            [line(), line(execution_id="", message="first"), line(execution_id="")],
            "ok",
            [("every line with execution id e-1", "the line 'first'")],
        ),
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
    bench.trace.emit(started())
    for each in lines:
        bench.trace.emit(each)
    bench.trace.emit(ended(outcome=outcome))
    assert bench.said() == said


def test_a_finder_logs_about_any_execution_and_its_failure_is_logged_by_lambda() -> None:
    bench = Bench(LogCorrelation)
    bench.trace.emit(started("r-1", FINDER, ""))
    bench.trace.emit(line(execution_id="e-7", function=FINDER))
    bench.trace.emit(ended("r-1", FINDER))
    assert (bench.said(), bench.monitor.checked) == ([], 1)
    bench.trace.emit(started("r-2", FINDER, ""))
    bench.trace.emit(ended("r-2", FINDER, outcome="error"))
    assert (bench.said(), bench.monitor.checked) == ([], 1)
    bench.trace.emit(started("r-3", FINDER, ""))
    bench.trace.emit(ended("r-3", FINDER))
    assert bench.said() == [("ExecutionFinder logs what it did", "no line")]


def test_log_correlation_notices_a_line_of_nobody() -> None:
    bench = Bench(LogCorrelation)
    bench.trace.emit(line())
    assert bench.said() == [("a line of a running invocation", "text")]
