"""The acceptance criteria: Phase 2's ten, and those that Phase 2 could not show.

Each is a function from a world that has run to what it concludes. Values and thresholds are numbers with a unit, and
texts that fit on one line of a terminal; the evidence is for the report.
"""

from collections.abc import Sequence
from typing import Final, Literal

from drsim.orchestrator.model import ExecutionStatus
from drsim.scenarios.assessment import (
    UNREAD,
    Assessment,
    Criterion,
    Threshold,
    always,
    broken,
    by_properties,
    holds,
    monitor_of,
    unread,
    violations,
)
from drsim.scenarios.cloudwatch import changes_of
from drsim.scenarios.objectives import OBJECTIVES
from drsim.scenarios.phase_2_criteria import PHASE_2
from drsim.scenarios.result import CriterionResult
from drsim.simulator.checks.completion import CompletionLiveness, completion_bound_us
from drsim.simulator.checks.monitor import Consequence, Violation, seconds
from drsim.simulator.cloudwatch.deployed import alarms_by_name
from drsim.simulator.figures import table as figures
from drsim.simulator.world import World

ALARMS: Final = "Alarms go off and clear"

# How an execution ends when DRS reports its end.
_BY_TRUTH: Final = (ExecutionStatus.COMPLETED, ExecutionStatus.PARTIAL, ExecutionStatus.FAILED)
_ENDS_WRONGLY: Final = (Consequence.WRONG_END, Consequence.NO_END, Consequence.UNASKED_TIMEOUT)
_CONCURRENT_MIN: Final = 100
_HUNDRED: Final = always("100 or more, all served", "executions", ">=", _CONCURRENT_MIN)
_COMPLETION: Final = ("completion-soundness", "completion-liveness")
_TIMEOUT: Final = ("timeout-truth", "completion-soundness")
_SERVICE: Final = ("no-starvation", "completion-liveness", "isolation")
_OVERLOAD: Final = ("no-lost-update", "completion-soundness")


def assessments(world: World) -> list[tuple[Criterion, Assessment]]:
    """Return each criterion with its assessment of a world that has run."""
    return [(criterion, criterion.judge(world)) for criterion in CRITERIA]


def judge(world: World) -> tuple[CriterionResult, ...]:
    """Return the result of each criterion in a world that has run."""
    return tuple(
        CriterionResult(
            name=criterion.name,
            verdict=assessment.verdict,
            value=assessment.value,
            evidence=assessment.evidence,
            basis=criterion.basis,
            measured=assessment.measured,
            rests_on=criterion.rests_on,
            follows=() if assessment.passed else assessment.follows,
            **criterion.threshold(world)._asdict(),
        )
        for criterion, assessment in assessments(world)
    )


def _completion_bound(world: World) -> Threshold:
    bound_us = completion_bound_us(world.spec, world.limits)
    # An incomplete answer puts an end off, and what is late is counted from the truth.
    incomplete = any(world.plan.incomplete_us(key.execution_id) for key in world.workload.expected)
    text = f"within {seconds(bound_us)} of full answers" if incomplete else f"each, within {seconds(bound_us)}"
    return Threshold(text, "<=", bound_us / 1e6, "s")


def _completions(world: World) -> Assessment:
    statuses = world.tally.statuses
    ended = {status: statuses[status] for status in _BY_TRUTH}
    if not sum(ended.values()):
        return Assessment(None, "no execution completed", "none ended as COMPLETED, PARTIAL or FAILED")
    passed = holds(world, *_COMPLETION)
    if passed is None:
        return Assessment(None, UNREAD, unread(world, *_COMPLETION))
    # Counted as the property does: from the truth, or from the instant until which faults excuse an execution.
    late_us = next(each for each in world.monitors if isinstance(each, CompletionLiveness)).late_us_max
    late = "" if late_us is None else f", at most {round(late_us / 1e6)} s late"
    shown = ", ".join(f"{count} {status}" for status, count in ended.items() if count)
    evidence, latest = f"{shown}; {violations(world, *_COMPLETION)}", None if late_us is None else late_us / 1e6
    delays = world.statistics.values(figures.COMPLETION_DELAY)
    if delays and delays.high > completion_bound_us(world.spec, world.limits):
        evidence += f"; at most {seconds(delays.high)} after the truth, with what faults excuse"
    value = f"{sum(ended.values()):,} ended{late}"
    return Assessment(passed, value, evidence, latest, follows=broken(world, *_COMPLETION))


def _timeouts(world: World) -> Assessment:
    timeouts, truth = world.tally.statuses[ExecutionStatus.TIMEOUT], world.tally.counts[figures.ENDED_OVERDUE]
    if not timeouts + truth:
        return Assessment(None, "no execution was overdue", "none was older than its timeout when it ended")
    value, evidence = f"{timeouts} TIMEOUT, {truth} by the truth", f"{truth} ended as DRS said although overdue"
    return by_properties(world, value, *_TIMEOUT, evidence=evidence)


def _concurrent(world: World) -> Assessment:
    most = world.tally.counts[figures.ACTIVE_MAX]
    if most < _CONCURRENT_MIN:
        return Assessment(None, f"at most {most} at once", "fewer than 100 executions in POLLING at the same time")
    evidence = unread(world, *_SERVICE) or violations(world, *_SERVICE)
    value = f"{most:,} in POLLING at once"
    return Assessment(holds(world, *_SERVICE), value, evidence, most, follows=broken(world, *_SERVICE))


def _cadence(world: World) -> Assessment:
    monitor = monitor_of(world, "poll-cadence")
    if not monitor.checked and not monitor.violations_count:
        return Assessment(None, "no poll", "no poll was recorded")
    delays, wrong = world.statistics.values(figures.POLL_DELAY), monitor.violations_count
    if not wrong and (reason := unread(world, "poll-cadence")):
        return Assessment(None, UNREAD, reason)
    latest = f"; a poll is recorded at most {seconds(delays.high)} after its look" if delays else ""
    evidence = violations(world, "poll-cadence") + latest
    late = sum(each.count for each in world.granted if each.property == "poll-cadence")
    beyond = f", {late:,} beyond usual bounds" if late else ""
    value = f"{monitor.checked:,} polls recorded, {wrong:,} early or late{beyond}"
    return Assessment(not wrong, value, evidence, wrong, follows=broken(world, "poll-cadence"))


def _expectation(world: World) -> Assessment:
    expected = {key: status for key, status in world.workload.expected.items() if status is not None}
    if not expected:
        return Assessment(None, "nothing expected", "the scenario names no status")
    actual = {key: world.status_of(key) for key in expected}
    others = [key for key, status in expected.items() if actual[key] is not status]
    value = f"{len(expected) - len(others):,} of {len(expected):,} as expected"
    if not others:
        return Assessment(True, value, "each one", 0)
    evidence = "; ".join(f"{key.execution_id}: {actual[key]}, not {expected[key]}" for key in others[:3])
    # Both statuses are what is expected, so that failures are grouped by them, and shrinking keeps to both.
    key = others[0]
    differs = f"{expected[key]} at the end, not {actual[key]}"
    first = Violation(key.execution_id, world.kernel.now_us, differs, str(actual[key]))
    ids = frozenset(key.execution_id for key in others)
    return Assessment(False, value, evidence, len(others), first, _explanation(world, ids))


def _explanation(world: World, execution_ids: frozenset[str]) -> tuple[str, ...]:
    """Return the failed properties that concern how executions end; none unless they have a case of each of these."""
    groups = [
        (monitor.name, group)
        for monitor in world.monitors
        for (kind, *_), group in monitor.groups.items()
        if kind.consequence in _ENDS_WRONGLY
    ]
    explained = frozenset[str]().union(*(group.execution_ids for _, group in groups))
    if not execution_ids <= explained:
        return ()
    return tuple(dict.fromkeys(name for name, group in groups if not execution_ids.isdisjoint(group.execution_ids)))


def _overload(world: World) -> Assessment:
    strained = [monitor for monitor in world.by_usual_bounds if monitor.violations]
    if not world.is_strained:
        return Assessment(None, "no overload", "the scenario's bounds let no look pass over an execution that is due")
    statuses = world.tally.statuses
    # A timeout is what overload does to an execution. A cancelled one need not be served.
    served = sum(statuses[status] for status in _BY_TRUTH)
    owed = len(world.workload) - statuses[ExecutionStatus.CANCELLED]
    passed = served == owed and holds(world, *_OVERLOAD)
    if passed is None:
        return Assessment(None, UNREAD, unread(world, *_OVERLOAD))
    follows = broken(world, *_OVERLOAD) if served == owed else ()
    if not strained:
        value = "nothing gave way" if passed else f"{served:,} of {owed:,} served; nothing gave way"
        evidence = "the usual bounds held, without overload"
        return Assessment(None if passed else False, value, evidence, owed - served, follows=follows)
    firsts = sorted(((each, each.violations[0]) for each in strained), key=lambda pair: pair[1].at_us)
    given_way = [
        f"{each.name} at {seconds(first.at_us)}: {first.expected}; {first.observed} ({each.violations_count:,} times)"
        for each, first in firsts
    ]
    monitor, first = firsts[0]
    value = f"{served:,} of {owed:,} served; first {monitor.name}, {round(first.at_us / 1e6)} s"
    evidence = "what would have broken the usual bounds, by its first time: " + ". ".join(given_way)
    return Assessment(passed, value, evidence, owed - served, follows=follows)


def _alarms(world: World) -> Assessment:
    if not world.parts.is_ours:
        return Assessment(None, "none of theirs known", "which alarms these functions have is not known here")
    declared = world.spec.alarms
    if not declared:
        return Assessment(None, "none declared", "the scenario names no alarm that must go off")
    wrong, evidence = [], []
    for name, then in declared.items():
        changes = changes_of(alarms_by_name()[name], world)
        if trouble := alarm_trouble([change.state for change in changes], then):
            wrong.append(f"{name} {trouble}")
        states = ", ".join(f"{change.state} at {change.at}" for change in changes)
        evidence.append(f"{name}, which {then} once all is well: {states}")
    value = "; ".join(wrong) or f"{len(declared)} of {len(declared)} as declared"
    return Assessment(not wrong, value, "; ".join(evidence), len(wrong))


def alarm_trouble(states: Sequence[str], then: Literal["clears", "stays"]) -> str:
    """Return what is wrong with an alarm that must go off and then clear or stay; "" if nothing is."""
    if "ALARM" not in states:
        return "did not go off"
    if then == "clears" and states[-1] != "OK":
        return "did not clear"
    return "cleared" if then == "stays" and states[-1] != "ALARM" else ""


CRITERIA: Final = (
    *PHASE_2,
    Criterion("Executions complete with DRS's truth", _completion_bound, _completions, _COMPLETION),
    Criterion("Timeout asks DRS first", always("none over a finished job", "violations"), _timeouts, _TIMEOUT),
    Criterion("100+ concurrent executions", _HUNDRED, _concurrent, _SERVICE),
    Criterion("No poll is early, none is late", always("0 early or late", "polls"), _cadence, ("poll-cadence",)),
    Criterion("Executions end as expected", always("each one", "executions"), _expectation),
    Criterion("Overload loses no execution", always("each is served", "executions"), _overload, _OVERLOAD),
    OBJECTIVES,
    Criterion(ALARMS, always("each as declared", "alarms"), _alarms),
)
"""In the order of reports."""

CRITERIA_NAMES: Final = tuple(criterion.name for criterion in CRITERIA)
