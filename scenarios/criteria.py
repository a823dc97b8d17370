"""The acceptance criteria: Phase 2's ten under their own names, and what Phase 2 could not show.

Each is a function from what a run left to a verdict with value, threshold and evidence; none of them is a constant. A
criterion that the run gave no occasion to judge says that it was not exercised. Values and thresholds are short enough
for one line of a terminal; the evidence is for the report.
"""

from collections.abc import Callable
from typing import Final

from drsim.orchestrator.model import ExecutionStatus, Phase
from drsim.orchestrator.settings import MINUTE_US
from drsim.scenarios import alarms
from drsim.scenarios.finding import Criterion, Finding, Instance
from drsim.scenarios.intervals import effective_us, look_every_us
from drsim.scenarios.result import CriterionResult
from drsim.simulator.checks.monitor import Monitor, seconds
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.figures.sketch import Values
from drsim.simulator.world import World

_BY_TRUTH: Final = (ExecutionStatus.COMPLETED, ExecutionStatus.PARTIAL, ExecutionStatus.FAILED)
"""How an execution ends when DRS says so."""

ALARMS: Final = "Alarms go off and clear"

_COMPLETION: Final = ("completion-soundness", "completion-liveness")
_TIMEOUT: Final = ("timeout-truth", "completion-soundness")
_SERVICE: Final = ("no-starvation", "completion-liveness", "isolation")
_OVERLOAD: Final = ("no-lost-update", "completion-soundness")


def findings(world: World) -> list[tuple[Criterion, Finding]]:
    """What each criterion finds in a world that has run."""
    return [(criterion, criterion.judge(world)) for criterion in CRITERIA]


def judge(world: World) -> tuple[CriterionResult, ...]:
    """All criteria as a result has them, on a world that has run."""
    return tuple(
        CriterionResult(
            name=criterion.name,
            verdict=finding.verdict,
            value=finding.value,
            threshold=criterion.threshold(world),
            evidence=finding.evidence,
            basis=criterion.basis,
        )
        for criterion, finding in findings(world)
    )


def _property(world: World, name: str) -> Monitor:
    return next(monitor for monitor in world.monitors if monitor.name == name)


def _holds(world: World, *names: str) -> bool:
    return not any(_property(world, name).violations_count for name in names)


def _violations(world: World, *names: str) -> str:
    """How often the properties were checked and broken, for evidence; "" where none is read."""
    if world.verdict_only:
        return ""
    return "; ".join(
        f"{name}: {monitor.checked} checks, {monitor.violations_count} violations"
        for name, monitor in ((name, _property(world, name)) for name in names)
    )


def _triggers(world: World) -> Finding:
    ticks_count = world.tally.ticks_count
    if not ticks_count:
        return Finding(None, "no tick", "the run ended before the first tick")
    if world.spec.schedule.rate != MINUTE_US:
        every = seconds(world.spec.schedule.rate)
        return Finding(None, f"set to every {every}", f"this scenario's rule fires every {every}, not every 60 s")
    gaps = world.statistics.values("tick_interval")
    shown = f"{ticks_count} ticks"
    if gaps:
        low, high = (f"{gap_us / 1e6:g}" for gap_us in (gaps.low, gaps.high))
        shown += f", {low if low == high else f'{low} to {high}'} s apart"
    return Finding(_holds(world, "trigger-cadence"), shown, _violations(world, "trigger-cadence"))


def _queries(world: World) -> Finding:
    counts = world.statistics.counts
    queries, errors = world.tally.queries_count, world.tally.errors["Query"]
    if not queries:
        return Finding(None, "no query", "the finder never looked")
    evidence = (
        f"{counts['looks']} looks read {counts['index_pages']} pages with {counts['executions_found']} items, "
        f"{counts['looks_empty']} of them empty"
    )
    return Finding(errors == 0, f"{queries} queries, {errors} errors", evidence)


def _adaptive(world: World) -> Finding:
    if world.tally.disturbed:
        return Finding(None, "disturbed by faults", "poll-cadence judges each poll by itself, faults or not")
    if world.strained:
        return Finding(None, "given up under overload", "looks may pass over executions that are due, as bounds say")
    shown, wrong = [], []
    for phase in Phase:
        gaps = world.tally.poll_gaps[phase]
        if gaps:
            (median_us,), expected_us = gaps.quantiles(0.5), effective_us(world, phase)
            shown.append(f"{round(median_us / 1e6)}")
            if abs(median_us - expected_us) > 2_000_000:
                wrong.append(f"{phase} {seconds(median_us)} instead of {seconds(expected_us)}")
        else:
            shown.append("-")
    if all(text == "-" for text in shown):
        return Finding(None, "no execution polled twice", "no gap between two polls to measure")
    names = "/".join(phase.replace("_", " ").lower() for phase in Phase)
    evidence = f"median gap between polls by phase ({names}), one look every {seconds(look_every_us(world))}"
    if wrong:
        evidence += "; " + ", ".join(wrong)
    return Finding(not wrong, f"{'/'.join(shown)} s", evidence)


def _parallel(world: World) -> Finding:
    most, failed = world.tally.invoked_max, world.tally.errors["Invoke"]
    if most < 2 and not failed:
        return Finding(None, "never 2 due at once", "no look had two executions to poll")
    at_once = world.tally.pollers_max
    batch = world.statistics.values("invokes_of_a_look")
    batch_us = batch.high if batch else 0
    evidence = (
        f"up to {most} pollers invoked by one look, within {seconds(batch_us)}; {failed} invocations refused; "
        f"at most {world.settings.parallel_invokes_max} invocations at a time"
    )
    if at_once < 2 and not failed and world.tally.disturbed:
        return Finding(None, "disturbed by faults", f"{evidence}; faults kept pollers from running at once")
    return Finding(at_once >= 2 and failed == 0, f"{at_once} pollers at once", evidence)


def _updates(world: World) -> Finding:
    tally = world.tally
    updates, errors, lost = tally.updates_count, tally.errors["UpdateItem"], tally.refused_count
    if not updates:
        return Finding(None, "no update", "no poll wrote")
    evidence = f"{world.statistics.counts['polls_recorded']} polls recorded; {_violations(world, 'no-lost-update')}"
    passed = errors == 0 and _holds(world, "no-lost-update")
    return Finding(passed, f"{updates} updates, {lost} lost races", evidence)


def _logs(world: World) -> Finding:
    groups = world.logs.groups.values()
    lines, size = sum(group.lines for group in groups), sum(group.size_bytes for group in groups)
    if not _property(world, "log-correlation").checked:
        reason = "whose functions promise nothing of their lines" if lines else "no function ran"
        return Finding(None, f"{lines} lines" if lines else "no line", reason)
    evidence = f"{size / 1e6:.2f} MB with platform lines; {_violations(world, 'log-correlation')}"
    return Finding(_holds(world, "log-correlation"), f"{lines} lines", evidence)


def _query_time(world: World) -> Finding:
    most_us = world.tally.query_us_max
    if most_us is None:
        return Finding(None, "no query", "the finder never looked")
    value, evidence = f"max {most_us / 1000:.0f} ms", ""
    values = Values.of_all(world.statistics.values(name) for name in ("Query.cold", "Query.warm"))
    if values:
        value = f"p99 {values.quantiles(0.99)[0] / 1000:.0f} ms, {value}"
        evidence = f"{len(values)} queries, mean {values.total / len(values) / 1000:.1f} ms"
    return Finding(most_us < 100_000, value, evidence)


def _no_errors(world: World) -> Finding:
    tally = world.tally
    runs = tally.runs_count
    if not runs:
        return Finding(None, "no invocation", "no function ran")
    failed = tally.failed.total()
    throttled, dropped = tally.throttles_count, tally.dropped_count
    common = [f"{count} x {text}" for text, count in world.statistics.failures.most_common(3)]
    evidence = "; ".join([*common, f"{throttled} throttles, {dropped} events dropped", _violations(world, "budgets")])
    if world.tally.disturbed:
        evidence += f"; {tally.failed_by_faults} runs failed by injected faults"
        failed -= tally.failed_by_faults
        throttled = dropped = 0
    passed = failed == throttled == dropped == 0 and _holds(world, "budgets")
    over = _property(world, "budgets").violations_count
    return Finding(passed, f"{failed} of {runs} failed, {over} over", evidence)


def _permissions(world: World) -> Finding:
    operations = (name.split(".") for name in world.statistics.counts if name.startswith((f"{FINDER}.", f"{POLLER}.")))
    used = sorted({".".join(parts[:2]) for parts in operations if parts[1][0].isupper()})
    actions = ", ".join(used) or "none"
    monitor = _property(world, "least-privilege")
    if not monitor.checked:
        return Finding(None, "no IAM in this run", f"called: {actions}; nothing checks them against a policy here")
    evidence = f"called: {actions}; {_violations(world, 'least-privilege')}"
    return Finding(
        not monitor.violations_count, f"{monitor.checked} actions, {monitor.violations_count} denied", evidence
    )


def _graceful(world: World) -> Finding:
    tally = world.tally
    missing, unknown = tally.waves_without_job_id, tally.waves_with_unknown_job
    if not missing + unknown:
        return Finding(
            None, "no job was missing", "no poll met a wave that lacked its job, or whose job DRS does not know"
        )
    warnings, errors = tally.warnings_count, max(tally.failed[POLLER, "error"] - tally.failed_by_faults, 0)
    evidence = (
        f"polls met a wave without JobId {missing} times, and one with a job that DRS does not know {unknown} times"
    )
    passed = errors == 0 and warnings >= missing + unknown
    return Finding(passed, f"{warnings} warnings, {errors} errors", evidence)


def _completion_bound(world: World) -> str:
    bound = seconds(world.spec.bounds.completion)
    # An incomplete answer puts an end off, and what is late is counted from the truth.
    incomplete = any(world.plan.incomplete_us(key.execution_id) for key in world.workload.expected)
    return f"within {bound} of full answers" if incomplete else f"each, within {bound}"


def _completions(world: World) -> Finding:
    statuses = world.tally.statuses
    ended = {status: statuses[status] for status in _BY_TRUTH}
    if not sum(ended.values()):
        return Finding(None, "no execution completed", "none ended as COMPLETED, PARTIAL or FAILED")
    delays = world.statistics.values("completion_delay")
    late = f", at most {round(delays.high / 1e6)} s late" if delays else ""
    evidence = ", ".join(f"{count} {status}" for status, count in ended.items() if count)
    return Finding(
        _holds(world, *_COMPLETION),
        f"{sum(ended.values())} ended{late}",
        f"{evidence}; {_violations(world, *_COMPLETION)}",
    )


def _timeouts(world: World) -> Finding:
    timeouts, truth = world.tally.statuses[ExecutionStatus.TIMEOUT], world.tally.ended_overdue
    if not timeouts + truth:
        return Finding(None, "no execution was overdue", "none was older than its timeout when it ended")
    evidence = f"{truth} ended as DRS said although overdue; {_violations(world, *_TIMEOUT)}"
    return Finding(_holds(world, *_TIMEOUT), f"{timeouts} TIMEOUT, {truth} by the truth", evidence)


def _concurrent(world: World) -> Finding:
    most = world.tally.active_max
    if most < 100:
        return Finding(None, f"at most {most} at once", "fewer than 100 executions in POLLING at the same time")
    return Finding(_holds(world, *_SERVICE), f"{most} in POLLING at once", _violations(world, *_SERVICE))


def _cadence(world: World) -> Finding:
    monitor = _property(world, "poll-cadence")
    if not monitor.checked and not monitor.violations_count:
        return Finding(None, "no poll", "no poll was recorded")
    delays = world.statistics.values("poll_delay")
    evidence = _violations(world, "poll-cadence")
    if delays:
        evidence += f"; a poll is recorded at most {seconds(delays.high)} after its look"
    return Finding(not monitor.violations_count, f"{monitor.checked} polls, {monitor.violations_count} amiss", evidence)


def _expectation(world: World) -> Finding:
    expected = {key: status for key, status in world.workload.expected.items() if status is not None}
    if not expected:
        return Finding(None, "nothing expected", "the scenario names no status")
    actual = {key: world.status_of(key) for key in expected}
    wrong = [key for key, status in expected.items() if actual[key] is not status]
    evidence = "; ".join(f"{key.execution_id}: {actual[key]}, not {expected[key]}" for key in wrong[:3])
    # Both statuses are what is expected, so that failures are grouped by them, and shrinking keeps to both.
    firsts = [
        Instance(key.execution_id, f"{expected[key]} at the end, not {actual[key]}", str(actual[key]))
        for key in wrong[:1]
    ]
    return Finding(
        not wrong, f"{len(expected) - len(wrong)} of {len(expected)} as expected", evidence or "each one", *firsts
    )


def _overload(world: World) -> Finding:
    strained = [monitor for monitor in world.strained if monitor.violations]
    if not world.strained:
        return Finding(None, "no overload", "the scenario's bounds let no look pass over an execution that is due")
    statuses = world.tally.statuses
    # A timeout is what overload does to an execution, and whom people cancelled the system need not serve.
    served = sum(statuses[status] for status in _BY_TRUTH)
    owed = len(world.workload) - statuses[ExecutionStatus.CANCELLED]
    passed = served == owed and _holds(world, *_OVERLOAD)
    if not strained:
        evidence = "the usual bounds held: there was no overload"
        value = "nothing gave way" if passed else f"{served} of {owed} served; nothing gave way"
        return Finding(None if passed else False, value, evidence)
    strained.sort(key=lambda monitor: monitor.violations[0].at_us)
    firsts = [(monitor, monitor.violations[0]) for monitor in strained]
    told = [
        f"{monitor.name} at {seconds(first.at_us)}: {first.expected}; {first.observed} "
        f"({monitor.violations_count} times)"
        for monitor, first in firsts
    ]
    monitor, first = firsts[0]
    value = f"{served} of {owed} served; first {monitor.name}, {round(first.at_us / 1e6)} s"
    evidence = "what would have broken the usual bounds, by its first time: " + ". ".join(told)
    return Finding(passed, value, evidence)


def _alarms(world: World) -> Finding:
    if ALARMS in world.parts.unjudged:
        return Finding(None, "none of theirs known", "which alarms these functions have is not known here")
    return Finding(*alarms.judge(world))


def _always(text: str) -> Callable[[World], str]:
    return lambda _: text


CRITERIA: Final = (
    Criterion(
        "EventBridge triggers every 60s",
        "observed",
        _always("every 60 s, none missed"),
        _triggers,
        ("trigger-cadence",),
    ),
    Criterion("StatusIndex GSI queries work", "observed", _always("no error"), _queries),
    Criterion(
        "Adaptive polling intervals",
        "observed",
        lambda world: "/".join(f"{effective_us(world, phase) / 1e6:g}" for phase in Phase) + " s, +-2 s",
        _adaptive,
    ),
    Criterion("Parallel poller invocations", "observed", _always("2 or more, none refused"), _parallel),
    Criterion(
        "DynamoDB updates successful", "observed", _always("no error, nothing lost"), _updates, ("no-lost-update",)
    ),
    Criterion(
        "CloudWatch logs comprehensive", "observed", _always("each run, with its ids"), _logs, ("log-correlation",)
    ),
    Criterion("Performance <100ms queries", "modelled", _always("each under 100 ms"), _query_time),
    Criterion("No errors or failures", "observed", _always("0 failed, within budgets"), _no_errors, ("budgets",)),
    Criterion("IAM permissions correct", "observed", _always("no action denied"), _permissions, ("least-privilege",)),
    Criterion("Graceful error handling", "observed", _always("a warning each, no error"), _graceful),
    Criterion(
        "Executions complete with DRS's truth",
        "observed",
        _completion_bound,
        _completions,
        _COMPLETION,
    ),
    Criterion("Timeout asks DRS first", "observed", _always("none over a finished job"), _timeouts, _TIMEOUT),
    Criterion("100+ concurrent executions", "observed", _always("100 or more, all served"), _concurrent, _SERVICE),
    Criterion("No poll is early, none is late", "observed", _always("0 amiss"), _cadence, ("poll-cadence",)),
    Criterion("Executions end as expected", "observed", _always("each one"), _expectation),
    Criterion("Overload loses no execution", "observed", _always("each is served"), _overload, _OVERLOAD),
    Criterion(ALARMS, "observed", _always("each as declared"), _alarms),
)
"""In the order of reports."""

CRITERIA_NAMES: Final = tuple(criterion.name for criterion in CRITERIA)
