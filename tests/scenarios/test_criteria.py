"""Each criterion passes, fails and stays unexercised for a reason that the run gives it."""

from typing import Any, Final

import pytest

from drsim.orchestrator.decisions import Conclusion
from drsim.orchestrator.model import Dispatch, Execution, ExecutionStatus
from drsim.orchestrator.poller import Poller
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.files import load
from drsim.scenarios.result import CriterionResult, Result
from drsim.scenarios.runner import run
from drsim.simulator.events import POLLER
from drsim.simulator.services.dynamodb import ExecutionTable, QueryPage
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import LambdaService
from drsim.simulator.world import Parts
from tests.catalogue import run_of
from tests.planted_bugs import adapters, conclusions, finders, pollers, services


class ThrottledIndex(ExecutionTable):
    """StatusIndex is hot for some minutes."""

    def query_status(self, status: str, after: Any = None) -> QueryPage:
        if 300_000_000 < self._kernel.now_us < 500_000_000:
            raise ServiceError("ProvisionedThroughputExceededException", "too hot", retryable=True)
        return super().query_status(status, after)


class DeniedInvoke(LambdaService):
    """The finder's role may not invoke the poller."""

    def invoke_event(self, name: str, payload: Any, **how: Any) -> None:
        if name == POLLER and self._kernel.now_us > 300_000_000:
            raise ServiceError("AccessDeniedException", "not authorized to perform lambda:InvokeFunction")
        super().invoke_event(name, payload, **how)


class DeniedInvokeAlways(LambdaService):
    """The same from the first day on."""

    def invoke_event(self, name: str, payload: Any, **how: Any) -> None:
        if name == POLLER:
            raise ServiceError("AccessDeniedException", "not authorized to perform lambda:InvokeFunction")
        super().invoke_event(name, payload, **how)


class WarningsAreErrors(Poller):
    """A missing JobId raises."""

    def _say(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        super()._say(dispatch, execution, conclusion)
        if conclusion.warnings:
            raise RuntimeError(conclusion.warnings[0])


FAILING: Final[tuple[tuple[str, str, Parts, tuple[str, ...]], ...]] = (
    ("EventBridge triggers every 60s", "idle", Parts(rule=services.RuleThatLosesATick), ()),
    ("StatusIndex GSI queries work", "load-100", Parts(table=ThrottledIndex), ("executions=2",)),
    ("Adaptive polling intervals", "drill", Parts(finder=finders.finder_with(pollers.LAZY)), ()),
    ("Parallel poller invocations", "load-100", Parts(functions=DeniedInvoke), ("executions=3",)),
    ("DynamoDB updates successful", "drill", pollers.poller(conclusions.ForgetsNames), ()),
    ("CloudWatch logs comprehensive", "drill", pollers.poller(pollers.LogsWithoutIds), ()),
    ("Performance <100ms queries", "drill", Parts(), ("latencies.query_warm=90ms..130ms",)),
    ("No errors or failures", "drill", adapters.poller_asking(adapters.AlwaysThrottled), ()),
    ("Graceful error handling", "missing-job", pollers.poller(pollers.SaysNothing), ()),
    ("Executions complete with DRS's truth", "partial", adapters.poller_asking(adapters.FailedIsLaunched), ()),
    ("Timeout asks DRS first", "timeout-late", pollers.poller(pollers.TimesOutFirst), ()),
    ("100+ concurrent executions", "load-100", finders.finder(finders.FinderThatBacksOff), ()),
    ("No poll is early, none is late", "drill", Parts(finder=finders.finder_with(pollers.LAZY)), ()),
    ("Executions end as expected", "drill", Parts(), ("expect=PARTIAL",)),
    ("Recovery within its objective", "drill", Parts(), ("rto=10m",)),
    ("Alarms go off and clear", "alarm-execution-stuck", adapters.poller_measuring(adapters.AgeLeftOut), ()),
)
"""Criterion, scenario, what is wrong with the world, and what is changed in the scenario."""


def judged(
    scenario: str, name: str, parts: Parts | None = None, changes: tuple[str, ...] = ()
) -> tuple[CriterionResult, str]:
    """A criterion after a run, and the run's verdict."""
    result = run(load(scenario, changes), seed=1, parts=parts).result
    return next(each for each in result.criteria if each.name == name), result.verdict


ROWS: Final = [
    # A hundred executions take more than half a second.
    pytest.param(*row, id=row[0], marks=[pytest.mark.slow] if row[1] == "load-100" else [])
    for row in FAILING
]


@pytest.mark.parametrize(("name", "scenario", "parts", "changes"), ROWS)
def test_failed_criterion_fails_its_run(name: str, scenario: str, parts: Parts, changes: tuple[str, ...]) -> None:
    criterion, verdict = judged(scenario, name, parts, changes)
    assert (criterion.verdict, verdict) == ("fail", "fail"), criterion


@pytest.mark.parametrize(("name", "scenario", "parts", "changes"), ROWS)
def test_criterion_passes_in_a_healthy_run(name: str, scenario: str, parts: Parts, changes: tuple[str, ...]) -> None:
    criterion, verdict = judged(scenario, name)
    assert (criterion.verdict, verdict) == ("pass", "pass")
    assert criterion.value
    assert criterion.evidence


def test_every_criterion_but_the_one_on_permissions_has_been_seen_to_fail() -> None:
    # Overload has tests of its own below.
    assert {*CRITERIA_NAMES} - {row[0] for row in FAILING} == {"IAM permissions correct", "Overload loses no execution"}


OVERLOAD: Final = ("executions=100", "accounts=20", "latencies.invoke=2s", "PARALLEL_INVOKES_MAX=2")
"""The scenario `overload` in small: a finder that can hand over one execution a second, and 100 of them."""


@pytest.fixture(scope="module")
def overload() -> Result:
    return run(load("overload", OVERLOAD), seed=1).result


def overloaded(result: Result) -> CriterionResult:
    return next(each for each in result.criteria if each.name == "Overload loses no execution")


@pytest.mark.slow
def test_overload_serves_all_executions_and_reports_the_first_bound_broken(overload: Result) -> None:
    criterion = overloaded(overload)
    assert (overload.verdict, criterion.verdict) == ("pass", "pass")
    assert criterion.value.startswith("100 of 100 served; first ")
    reported = [each.split(" at ") for each in criterion.evidence.split(": ", 1)[1].split(". ") if " at " in each]
    # The finder's first look is late for those at its end, and then its time is up.
    assert {each[0] for each in reported} >= {"poll-cadence", "budgets"}
    instants = [float(each[1].split(" s")[0]) for each in reported]
    assert instants == sorted(instants)
    assert criterion.value.endswith(f"first {reported[0][0]}, {round(instants[0])} s")


@pytest.mark.slow
def test_the_same_load_fails_by_the_usual_bounds() -> None:
    usual = ("bounds.poll_delay=10s", "bounds.looks_missed=0", "bounds.lambda_ratio=0.8")
    result = run(load("overload", [*OVERLOAD, *usual]), seed=1).result
    failed = {each.name for each in result.properties if each.verdict == "fail"}
    assert {"poll-cadence", "budgets"} <= failed
    assert (overloaded(result).verdict, overloaded(result).value) == ("not exercised", "no overload")


@pytest.mark.slow
def test_overload_with_unserved_executions_fails() -> None:
    result = run(load("overload", [*OVERLOAD, "duration=15m"]), seed=1).result
    assert overloaded(result).verdict == "fail"
    assert overloaded(result).value.startswith("0 of 100 served; first ")


def test_load_that_one_finder_can_serve_is_no_overload() -> None:
    result = run(load("overload", ["executions=10"]), seed=1).result
    assert (overloaded(result).value, result.verdict) == ("nothing gave way", "unknown")


def test_warning_of_a_poll_that_ends_in_error_is_not_graceful() -> None:
    name = "Graceful error handling"
    assert judged("missing-job", name, pollers.poller(WarningsAreErrors))[0].verdict == "fail"
    assert judged("recovery", name)[0].value == "no job was missing"


UNEXERCISED: Final = (
    ("Adaptive polling intervals", "idle", "no execution polled twice"),
    ("Parallel poller invocations", "drill", "at most one was due at a time"),
    ("DynamoDB updates successful", "idle", "no update"),
    ("Graceful error handling", "drill", "no job was missing"),
    ("Executions complete with DRS's truth", "timeout-stuck", "no execution completed"),
    ("Timeout asks DRS first", "drill", "no execution was overdue"),
    ("100+ concurrent executions", "drill", "at most 1 at once"),
    ("No poll is early, none is late", "idle", "no poll"),
    ("Executions end as expected", "idle", "nothing expected"),
    ("Overload loses no execution", "drill", "no overload"),
)
"""Criterion, a scenario that gives no occasion for it, and what it says instead of a value."""


@pytest.mark.parametrize(("name", "scenario", "value"), UNEXERCISED, ids=[row[0] for row in UNEXERCISED])
def test_criterion_without_occasion_is_not_exercised(name: str, scenario: str, value: str) -> None:
    criterion, verdict = judged(scenario, name)
    assert (criterion.verdict, criterion.value, verdict) == ("not exercised", value, "pass")


def test_a_rule_of_another_rate_is_not_judged_by_the_minute() -> None:
    criterion, _ = judged("idle", "EventBridge triggers every 60s", changes=("schedule.rate=2m",))
    assert (criterion.verdict, criterion.value) == ("not exercised", "set to every 120 s")


def test_one_execution_polled_four_times_a_minute_is_not_parallel() -> None:
    criterion, verdict = judged("drill", "Parallel poller invocations", changes=("SWEEPS_PER_INVOCATION=4",))
    assert (criterion.verdict, verdict) == ("not exercised", "pass")


def test_refused_invocations_exercise_the_criterion() -> None:
    denied = Parts(functions=DeniedInvokeAlways)
    criterion, _ = judged("load-100", "Parallel poller invocations", denied, ("executions=3",))
    assert (criterion.verdict, criterion.value) == ("fail", "0 pollers at once")
    assert criterion.evidence.startswith("up to 0 pollers invoked by one look, within 0 s; ")


def test_missing_poll_counts_as_late() -> None:
    denied = Parts(functions=DeniedInvokeAlways)
    criterion, _ = judged("drill", "No poll is early, none is late", denied)
    assert (criterion.verdict, criterion.value) == ("fail", "0 polls recorded, 1 early or late")


def test_thresholds_are_those_of_the_run() -> None:
    criterion, _ = judged("drill", "Executions complete with DRS's truth", changes=("bounds.completion=2m",))
    assert criterion.threshold == "each, within 120 s"


@pytest.mark.parametrize(
    ("scenario", "threshold"), [("drill", "each, within 90 s"), ("timeout-incomplete", "within 90 s of full answers")]
)
def test_bound_of_completion_names_the_answers_it_counts_from(scenario: str, threshold: str) -> None:
    (found,) = [each for each in run_of(scenario).result.criteria if each.name.startswith("Executions complete")]
    assert (found.threshold, found.verdict) == (threshold, "pass")


def test_before_the_first_tick_no_criterion_is_exercised() -> None:
    result = run(load("idle", ["schedule.first=20m", "duration=10m"]), seed=1).result
    assert {each.verdict for each in result.criteria} == {"not exercised"}


def test_permissions_are_not_judged_but_the_actions_used_are_named() -> None:
    criterion, _ = judged("drill", "IAM permissions correct")
    assert criterion.verdict == "not exercised"
    for action in ("ExecutionFinder.Invoke", "ExecutionFinder.Query", "ExecutionPoller.DescribeJobs"):
        assert action in criterion.evidence


def test_values_are_those_of_the_run() -> None:
    few, _ = judged("load-100", "No poll is early, none is late", changes=("executions=2",))
    many, _ = judged("load-100", "No poll is early, none is late", changes=("executions=20",))
    assert int(few.value.split()[0]) * 8 < int(many.value.split()[0])


@pytest.mark.parametrize(
    ("changes", "threshold", "value"),
    [
        # STARTED is then the patient phase, and the wave that is IN_PROGRESS decides.
        (
            ("SWEEPS_PER_INVOCATION=4", "STARTED_INTERVAL_SECONDS=60", "IN_PROGRESS_INTERVAL_SECONDS=15"),
            "45/60/15 s, +-2 s",
            "45/60/15 s",
        ),
        ((), "60/60/60 s, +-2 s", "60/60/60 s"),
        (("SWEEPS_PER_INVOCATION=2",), "60/30/30 s, +-2 s", "60/30/30 s"),
        (("SWEEPS_PER_INVOCATION=4",), "45/15/30 s, +-2 s", "45/15/30 s"),
    ],
)
def test_effective_intervals_are_multiples_of_the_distance_between_looks(
    changes: tuple[str, ...], threshold: str, value: str
) -> None:
    criterion, _ = judged("drill", "Adaptive polling intervals", changes=(*changes, "workload.0.jobs.started=2m"))
    assert (criterion.threshold, criterion.value, criterion.verdict) == (threshold, value, "pass")


@pytest.mark.slow
def test_executions_that_timed_out_under_overload_were_not_served() -> None:
    settings = ["settings.TIMEOUT_SECONDS=300", "expect=null"]
    result = run(load("overload", [*OVERLOAD, *settings]), seed=1).result
    assert result.executions[ExecutionStatus.TIMEOUT] == 100
    assert overloaded(result).verdict == "fail"
    assert overloaded(result).value.startswith("0 of 100 served; first ")


def test_cancelled_executions_do_not_count_as_unserved() -> None:
    cancelled = run(load("overload", ["executions=10", "cancel_after=3m", "expect=CANCELLED"]), seed=1).result
    assert cancelled.executions[ExecutionStatus.CANCELLED] == 10
    assert overloaded(cancelled).value == "nothing gave way"


def test_unserved_executions_fail_even_if_usual_bounds_hold() -> None:
    criterion = overloaded(run(load("overload", ["executions=10", "duration=15m"]), seed=1).result)
    assert (criterion.verdict, criterion.value) == ("fail", "0 of 10 served; nothing gave way")


def test_slow_query_breaks_its_limit_as_a_number() -> None:
    result = run(load("phase-2", ["latencies.query_warm=150ms"]), seed=1).result
    (queries,) = [each for each in result.criteria if each.name == "Performance <100ms queries"]
    assert (queries.verdict, queries.relation, queries.limit, queries.unit) == ("fail", "<", 100, "ms")
    assert queries.measured == 150.0


def test_lateness_counts_from_when_faults_stop_excusing_it() -> None:
    (found,) = [each for each in run_of("chaos").result.criteria if each.name.startswith("Executions complete")]
    assert found.verdict == "pass"
    assert found.measured is not None
    assert found.limit is not None
    assert 0 < found.measured <= found.limit
    assert found.value == f"4 ended, at most {found.measured:.0f} s late"
    assert found.evidence.endswith("; at most 345.603 s after the truth, with what faults excuse")


def test_late_execution_breaks_the_limit_of_its_criterion() -> None:
    result = run(load("drill", ["bounds.completion=1s"]), seed=1).result
    (found,) = [each for each in result.criteria if each.name.startswith("Executions complete")]
    assert found.verdict == "fail"
    assert found.measured is not None
    assert found.limit == 1
    assert found.measured > found.limit


def follows(result: Result, name: str) -> tuple[str, ...]:
    (found,) = [each for each in result.criteria if each.name == name]
    assert found.verdict == "fail"
    return found.follows


def test_unexpected_ends_follow_from_findings_of_the_same_executions() -> None:
    wrong = adapters.poller_asking(adapters.FailedIsLaunched)
    result = run(load("partial"), seed=1, parts=wrong).result
    assert follows(result, "Executions end as expected") == ("completion-soundness",)
    # A third execution ends as DRS says, and otherwise than expected.
    result = run(load("partial", ["workload.2.expect=COMPLETED"]), seed=1, parts=wrong).result
    assert follows(result, "Executions end as expected") == ()


def test_criterion_with_errors_of_its_own_follows_from_nothing() -> None:
    throttled = adapters.poller_asking(adapters.AlwaysThrottled)
    result = run(load("drill"), seed=1, parts=throttled).result
    assert next(each.verdict for each in result.properties if each.name == "budgets") == "fail"
    assert follows(result, "No errors or failures") == ()


def test_criterion_without_errors_follows_from_its_failed_property() -> None:
    result = run(load("drill"), seed=1, parts=pollers.poller(conclusions.ForgetsNames)).result
    assert follows(result, "DynamoDB updates successful") == ("no-lost-update",)
