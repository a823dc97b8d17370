"""Monitors of budgets and log lines, fed by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from drsim.simulator.checks.functions import Budgets, LeastPrivilege
from drsim.simulator.checks.logs import LogCorrelation
from drsim.simulator.contract.presets import preset
from drsim.simulator.durations import plural
from drsim.simulator.events import (
    FINDER,
    POLLER,
    ActionUsed,
    CallMade,
    FaultInjected,
    IndexRead,
    Invoked,
    LambdaStarted,
    LogWritten,
    Throttled,
    WriteRefused,
)
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace
from tests.simulator.cloudwatch.runs import SECOND_US, Bench, an_item, ended, started


def call(operation: str, request_id: str = "r-1", function: str = POLLER, fault: str = "") -> CallMade:
    return CallMade(0, request_id, function, operation, 1000, 0, "", fault)


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
    bench = Bench(Budgets, spec=WorldSpec.model_validate({"settings": {"SWEEPS_PER_INVOCATION": 4}}))
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
    expected = f"at most {plural(1 + lost, 'DescribeJobs call')} of a poll in 777788889999 us-east-1"
    assert bench.said() == [(expected, observed) for observed in said]


def test_too_many_calls_to_drs_are_shown_with_their_line() -> None:
    bench = Bench(Budgets)
    for line in (7, 9):
        bench.ask("drsjob-1", place=f"app.py:{line} describe_jobs")
    bench.trace.emit(ended())
    assert [(each.function, each.place) for each in bench.monitor.violations] == [(POLLER, "app.py:9 describe_jobs")]


@pytest.mark.parametrize(
    ("fault", "execution_id", "is_said"),
    [(Fault.STARVED, "e-1", False), (Fault.STARVED, "e-2", True), (Fault.COLD_START, "e-1", True)],
)
def test_fault_excuses_only_the_start_that_it_throttled(fault: Fault, execution_id: str, is_said: bool) -> None:
    bench = Bench(Budgets)
    bench.trace.emit(FaultInjected(0, 0, fault, "Start", POLLER, execution_id, 1, 1, 0, "r-1"))
    bench.trace.emit(Throttled(0, POLLER, "e-1"))
    assert bool(bench.said()) is is_said


@pytest.mark.parametrize(("given", "said"), [({}, []), ({"timeout": "300s", "memory_mb": 256}, ["241 s", "257 MB"])])
def test_time_and_memory_are_judged_only_if_promised(given: dict[str, Any], said: list[str]) -> None:
    bench = Bench(Budgets, contract=preset("plain", limits={"poller": given}))
    bench.trace.emit(ended(duration_us=241 * SECOND_US, memory_mb=257))
    assert [observed for _, observed in bench.said()] == said


@pytest.mark.parametrize(
    ("limits", "promises", "asked", "said"),
    [
        ({}, {}, 9, []),
        ({"describe_calls": 2}, {}, 2, []),
        ({"describe_calls": 2}, {}, 3, ["3"]),
        ({}, {"one_describe": True}, 2, ["2"]),
    ],
)
def test_describe_calls_are_judged_only_if_promised(
    limits: dict[str, int], promises: dict[str, bool], asked: int, said: list[str]
) -> None:
    bench = Bench(Budgets, contract=preset("plain", limits=limits, promises=promises))
    for _ in range(asked):
        bench.ask("drsjob-1")
    bench.trace.emit(ended())
    assert [observed for _, observed in bench.said()] == said


@pytest.mark.parametrize(("batch", "said"), [(("e-1", "e-2"), []), ((), [("at most 3 AWS calls", "6")])])
def test_each_poll_of_an_invocation_has_its_own_calls(batch: tuple[str, ...], said: list[tuple[str, str]]) -> None:
    bench = Bench(Budgets, contract=preset("plain", limits={"calls": 3}))
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "" if batch else "e-1", batch=batch))
    for operation in ("GetItem", "DescribeJobs", "UpdateItem") * 2:
        bench.trace.emit(call(operation))
    # A fault may make a client repeat its call.
    bench.trace.emit(call("GetItem", fault="throttled"))
    bench.trace.emit(ended())
    assert bench.said() == said


def test_looks_of_a_finder_that_polls_are_no_calls_of_its_polls() -> None:
    bench = Bench(Budgets, contract=preset("plain", limits={"calls": 2}))
    bench.trace.emit(IndexRead(0, "f-1", 1, 1, 1, 100))
    for operation in ("Query", "DescribeJobs", "UpdateItem"):
        bench.trace.emit(call(operation, "f-1", FINDER))
    bench.write(an_item(), by=FINDER, request_id="f-1")
    bench.trace.emit(ended("f-1", FINDER))
    assert bench.said() == []


@pytest.mark.parametrize(("read", "write", "said"), [(2, 3, []), (1, 2, ["3", "2"]), (None, None, [])])
def test_capacity_is_judged_by_the_minute(read: int | None, write: int | None, said: list[str]) -> None:
    limits = {"read_units": read, "write_units": write}
    bench = Bench(Budgets, contract=preset("plain", limits={k: v for k, v in limits.items() if v is not None}))
    bench.trace.emit(IndexRead(0, "f-1", 1, 0, 40, 8192))
    bench.trace.emit(IndexRead(0, "f-1", 0, 1, 40, 8000))
    for version in range(3):
        bench.write(an_item(Version=version + 1))
    # What the plan's worker writes is not the functions' use.
    bench.write(an_item(Version=9), by="worker")
    bench.at(60)
    bench.write(an_item(Version=10))
    bench.monitor.finish(61 * SECOND_US)
    assert [observed for _, observed in bench.said()] == said


def an_idle_run(bench: Bench, count: int, *, outcome: str = "ok", fault: bool = False, writes: bool = False) -> None:
    """Polls of an open execution, one a minute, of which only those with `writes` achieve something."""
    for number in range(1, count + 1):
        bench.at(number * 60)
        now_us, request_id = bench.kernel.now_us, f"r-{number}"
        bench.trace.emit(Invoked(now_us, request_id, "f-1", POLLER, "e-1"))
        bench.trace.emit(started(request_id, at_us=now_us))
        if fault:
            event = (now_us, 0, Fault.DENIED, "GetItem", POLLER, "e-1", 1, 1, 0, request_id)
            bench.trace.emit(FaultInjected(*event))
        if writes:
            bench.write(an_item(Version=number + 1), request_id=request_id)
        bench.trace.emit(ended(request_id, outcome=outcome, at_us=now_us))


@pytest.mark.parametrize(
    ("decides", "outcome", "fault", "said"),
    [
        ("finder", "ok", False, ["3"]),
        ("nothing", "error", False, ["3"]),
        (None, "error", False, ["3"]),
        ("nothing", "ok", True, []),
        # A poller that decides itself may find that nothing is due.
        ("poller", "ok", False, []),
        (None, "ok", False, []),
    ],
)
def test_invocations_without_a_result_are_counted(
    decides: str | None, outcome: str, fault: bool, said: list[str]
) -> None:
    bench = Bench(Budgets, contract=preset("plain", promises={"decides_due": decides}))
    bench.write(an_item(), by="worker")
    an_idle_run(bench, 3, outcome=outcome, fault=fault)
    bench.monitor.finish(200 * SECOND_US)
    assert [observed for _, observed in bench.said()] == said


@pytest.mark.parametrize(("idle", "of", "is_said"), [(2, 2, False), (3, 29, True), (3, 30, False)])
def test_tenth_of_all_invocations_may_achieve_nothing(idle: int, of: int, is_said: bool) -> None:
    bench = Bench(Budgets)
    bench.write(an_item(), by="worker")
    an_idle_run(bench, idle)
    for number in range(of - idle):
        bench.trace.emit(ended(f"r-{number + 100}"))
    bench.monitor.finish(10_000 * SECOND_US)
    assert bool(bench.said()) is is_said


@pytest.mark.parametrize(("lost", "is_said"), [(6, False), (7, True)])
def test_poll_starts_over_at_most_as_often_as_its_limit_says(lost: int, is_said: bool) -> None:
    bench = Bench(Budgets)
    bench.write(an_item(), by="worker")
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "e-1"))
    for _ in range(lost):
        bench.trace.emit(WriteRefused(SECOND_US, "r-1", POLLER, "e-1"))
    bench.trace.emit(ended("r-1"))
    retries = ("at most 5 retries of a poll after lost races", "7 races lost")
    assert bench.said() == ([retries] if is_said else [])


def test_idle_invocations_name_the_line_that_most_of_them_raised_at() -> None:
    bench = Bench(Budgets)
    bench.write(an_item(), by="worker")
    for number, place in enumerate(["poller/app.py:9", "poller/app.py:7", "poller/app.py:7", "poller/app.py:7"], 1):
        bench.at(number * 60)
        bench.trace.emit(Invoked(bench.kernel.now_us, f"r-{number}", "f-1", POLLER, "e-1"))
        event = ended(f"r-{number}", outcome="error")
        bench.trace.emit(event._replace(detail="KeyError: 'jobId'", place=place))
    bench.monitor.finish(10_000 * SECOND_US)
    assert bench.said()[0][1] == "4; 3 times KeyError: 'jobId' at poller/app.py:7"


def test_poll_of_an_execution_that_another_has_just_polled_is_not_idle() -> None:
    bench = Bench(Budgets)
    bench.write(an_item(), by="worker")
    for number in range(1, 6):
        bench.at(number * 60)
        bench.write(an_item(Version=number + 1), request_id="r-0")
        bench.at(number * 60 + 0.5)
        bench.trace.emit(Invoked(bench.kernel.now_us, f"r-{number}", "f-1", POLLER, "e-1"))
        bench.trace.emit(ended(f"r-{number}"))
    bench.monitor.finish(400 * SECOND_US)
    assert bench.said() == []


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


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        # A library's line, and then the function's own.
        ([line(execution_id="", message="Found credentials"), line()], []),
        ([line(execution_id="", message="polled")], [("a line with run_id e-1", "none")]),
        ([line(), line(execution_id="e-2")], [("every line with execution id e-1", "the line 'text'")]),
        ([], [("ExecutionPoller logs what it did", "no line")]),
    ],
)
def test_named_log_field_must_be_in_a_line_of_each_poll(lines: list[LogWritten], said: list[tuple[str, str]]) -> None:
    for writes in (True, False):
        bench = Bench(LogCorrelation, contract=preset("plain", judged={"log_field": "run_id"}))
        bench.trace.emit(started())
        for each in lines:
            bench.trace.emit(each)
        if writes:
            bench.write(an_item())
        bench.trace.emit(ended())
        # A poller that finds nothing to do may log nothing.
        assert bench.said() == (said if writes else [])


def test_lines_of_a_batch_may_carry_each_of_its_ids() -> None:
    bench = Bench(LogCorrelation, contract=preset("plain", judged={"log_field": "run_id"}))
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "", batch=("e-1", "e-2")))
    bench.trace.emit(LambdaStarted(0, "r-1", POLLER, "", 1, 1, 0, 1))
    for each in (line(), line(execution_id="e-2")):
        bench.trace.emit(each)
    bench.trace.emit(ended())
    assert bench.said() == []


# --- least-privilege ------------------------------------------------------------------------------------------


def test_each_action_beyond_a_role_is_reported_once() -> None:
    bench = Bench(
        LeastPrivilege, allows=lambda function, action, *_: (function, action) == (POLLER, "drs:DescribeJobs")
    )
    for action in ("drs:DescribeJobs", "drs:DeleteJob", "drs:DeleteJob"):
        bench.trace.emit(ActionUsed(0, "r-1", POLLER, action, "*"))
    assert bench.said() == [("what the role of ExecutionPoller allows", "drs:DeleteJob on *")]
    assert bench.monitor.violations[0].where == "drs:DeleteJob"


def test_without_a_role_no_action_is_judged() -> None:
    bench = Bench(LeastPrivilege)
    bench.trace.emit(ActionUsed(0, "r-1", POLLER, "drs:DeleteJob", "*"))
    assert (bench.said(), bench.monitor.checked) == ([], 0)
