"""Monitors of budgets and log lines, fed by hand."""

from collections.abc import Callable

import pytest

from drsim.orchestrator.settings import Settings
from drsim.simulator.checks.functions import Budgets, LogCorrelation
from drsim.simulator.events import FINDER, POLLER, LogWritten, Throttled, WriteRefused
from drsim.simulator.trace import Trace
from tests.simulator.cloudwatch.runs import SECOND_US, Bench, ended, started

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


def test_line_of_the_runtime_is_no_line_of_the_function() -> None:
    bench = Bench(LogCorrelation)
    bench.trace.emit(started())
    bench.trace.emit(line("ERROR")._replace(by_runtime=True))
    bench.trace.emit(ended(outcome="error"))
    assert bench.said() == [("ExecutionPoller logs what it did", "no line")]


def test_finder_may_log_any_execution_and_lambda_logs_its_failure() -> None:
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


def test_log_correlation_reports_a_line_outside_an_invocation() -> None:
    bench = Bench(LogCorrelation)
    bench.trace.emit(line())
    assert bench.said() == [("a line of a running invocation", "text")]
