"""The errors that functions met: what is counted of calls, statuses and exceptions, and what is swallowed."""

import pytest

from drsim.scenarios.files import load
from drsim.scenarios.runner import run
from drsim.simulator.events import POLLER, CallMade, LambdaEnded, LambdaStarted, LogWritten
from drsim.simulator.figures.errors import EXCEPTIONS_MAX, FURTHER, CallFailures, ErrorCollector, without_numbers
from drsim.simulator.trace import Trace

THROTTLED = "ThrottlingException"
TRACEBACK = "Traceback (most recent call last):\n  File app.py, line 7\nKeyError: 'JobId'"


class Invocations:
    """Invocations of the poller, and what was collected of them."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.collector = ErrorCollector(self.trace)

    def run(self, *calls: tuple[str, str], outcome: str = "ok", detail: str = "", logs: str = "") -> None:
        """One invocation with its calls, as operation and error."""
        ids = ("r-1", POLLER)
        self.trace.emit(LambdaStarted(0, *ids, "e-1", 1, 1, 0, 1))
        for operation, error in calls:
            self.trace.emit(CallMade(1, *ids, operation, 1, 0, error, ""))
        if logs:
            self.trace.emit(LogWritten(2, *ids, "ERROR", "e-1", logs, len(logs)))
        self.trace.emit(LambdaEnded(3, *ids, "e-1", outcome, 3, 128, detail))

    def swallowed(self) -> int:
        return sum(each.swallowed for each in self.collector.calls.values())


def test_a_failed_call_is_counted_by_function_operation_and_error() -> None:
    met = Invocations()
    met.run(("UpdateItem", THROTTLED), ("UpdateItem", THROTTLED), ("UpdateItem", ""))
    assert met.collector.calls == {(POLLER, "UpdateItem", THROTTLED): CallFailures(2, 0, 0)}


@pytest.mark.parametrize(
    ("calls", "outcome", "swallowed"),
    [
        ([("UpdateItem", THROTTLED)], "ok", 1),
        ([("UpdateItem", THROTTLED), ("UpdateItem", "")], "ok", 0),
        ([("UpdateItem", THROTTLED), ("Query", "")], "ok", 1),
        ([("UpdateItem", ""), ("UpdateItem", THROTTLED)], "ok", 1),
        ([("UpdateItem", THROTTLED)], "error", 0),
        ([("UpdateItem", "ConditionalCheckFailedException")], "ok", 0),
        ([("UpdateItem", THROTTLED), ("UpdateItem", "ConditionalCheckFailedException")], "ok", 0),
    ],
)
def test_a_call_without_a_later_answer_is_swallowed(calls: list[tuple[str, str]], outcome: str, swallowed: int) -> None:
    met = Invocations()
    met.run(*calls, outcome=outcome)
    assert met.swallowed() == swallowed


def test_an_invocation_does_not_inherit_failures_of_the_one_before() -> None:
    met = Invocations()
    met.run(("UpdateItem", THROTTLED), outcome="timeout", detail="Task timed out")
    met.run(("Query", ""))
    assert met.swallowed() == 0
    kept = {name: value for name, value in vars(met.collector).items() if name.startswith("_") and value}
    assert kept == {}


def test_a_returned_status_is_counted() -> None:
    met = Invocations()
    met.run(detail="statusCode 500")
    assert met.collector.statuses == {(POLLER, "statusCode 500"): 1}


def test_exceptions_that_differ_in_ids_are_one_kind() -> None:
    met = Invocations()
    for number in (1, 2):
        met.run(outcome="error", detail=f"KeyError: 'e-{number}'", logs=f"[ERROR] {TRACEBACK}")
    (seen,) = met.collector.exceptions.values()
    assert (seen.message, seen.count) == ("KeyError: 'e-1'", 2)
    assert seen.traceback.endswith("KeyError: 'JobId'")


def test_a_logged_exception_is_counted_by_its_last_line() -> None:
    met = Invocations()
    met.run(logs=f"cannot poll\n{TRACEBACK}")
    assert {key: seen.count for key, seen in met.collector.exceptions.items()} == {
        (POLLER, True, "KeyError: 'JobId'"): 1
    }


def test_kinds_of_exceptions_are_bounded() -> None:
    met = Invocations()
    for number in range(EXCEPTIONS_MAX + 3):
        met.run(outcome="error", detail="x" * (number + 1))
    assert len(met.collector.exceptions) == EXCEPTIONS_MAX + 1
    assert met.collector.exceptions["", False, FURTHER].count == 3


def test_without_numbers_replaces_ids() -> None:
    assert without_numbers("job drsjob-1a of wave 2") == "job # of wave #"


def test_errors_of_a_run_are_in_its_result() -> None:
    errors = run(load("fault-throttled"), seed=1).result.errors
    assert {(each.operation, each.error) for each in errors.calls} == {("DescribeJobs", THROTTLED)}
    assert all(each.injected == each.count for each in errors.calls)
    assert [each.logged for each in errors.exceptions] == [False]


def test_exceptions_with_injected_faults_are_counted_apart() -> None:
    denied = run(load("alarm-poller-errors"), seed=1).result.errors.exceptions
    assert [(each.count, each.injected) for each in denied] == [(4, 4)] * 3
    own = run(load("chaos"), seed=1).result.errors.exceptions
    assert all(0 < each.injected <= each.count for each in own)
