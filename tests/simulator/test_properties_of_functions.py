"""Monitors of budgets, metrics and logs fed by hand, in what a whole run seldom reaches."""

from collections.abc import Callable

import pytest

from orchestrator.model import MetricPoint
from simulator.events import (
    FINDER,
    POLLER,
    JobsDescribed,
    LogWritten,
    MetricsPublished,
    Throttled,
)
from simulator.properties.budgets import Budgets
from simulator.properties.monitor import VIOLATIONS_KEPT_MAX, Verdict
from simulator.properties.observability import LogCorrelation, MetricsComplete
from simulator.trace import Trace
from tests.simulator.monitored import (
    SCOPE,
    SECOND_US,
    Bench,
    an_item,
    ended,
    looked,
    started,
)


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
