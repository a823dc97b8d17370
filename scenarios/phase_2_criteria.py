"""The ten acceptance criteria of the Phase 2 test, under their own names."""

from typing import Final

from drsim.orchestrator.model import Phase
from drsim.orchestrator.settings import MINUTE_US
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
from drsim.simulator.checks.monitor import seconds
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.sketch import Sketch
from drsim.simulator.world import World

CADENCE_TOLERANCE_US: Final = 2_000_000
QUERY_US_MAX: Final = 100_000


def look_every_us(world: World) -> int:
    """The distance between two looks of the finder."""
    return world.limits.look_distance_us if world.limits.looks > 1 else world.spec.schedule.rate


def effective_us(world: World, phase: Phase) -> int:
    """The interval that a phase has in effect: looks come at a fixed distance, so it is a multiple of that."""
    every_us = look_every_us(world)
    return -(-((world.limits.intervals_us or {}).get(phase, every_us) - world.limits.slack_us) // every_us) * every_us


def _triggers(world: World) -> Assessment:
    ticks_count = world.tally.ticks_count
    if not ticks_count:
        return Assessment(None, "no tick", "the run ended before the first tick")
    if world.spec.schedule.rate != MINUTE_US:
        every = seconds(world.spec.schedule.rate)
        return Assessment(None, f"set to every {every}", f"this scenario's rule fires every {every}, not every 60 s")
    gaps = world.statistics.values(figures.TICK_INTERVAL)
    ends = dict.fromkeys(f"{gap_us / 1e6:g}" for gap_us in (gaps.low, gaps.high)) if gaps else ()
    apart = f", {' to '.join(ends)} s apart" if ends else ""
    return by_properties(world, f"{ticks_count} ticks{apart}", "trigger-cadence")


def _queries(world: World) -> Assessment:
    counts = world.statistics.counts
    queries, errors = world.tally.counts[figures.CALLS.of(FINDER, "Query")], world.tally.errors["Query"]
    if not queries:
        return Assessment(None, "no query", "the finder never looked")
    looks, pages, found = counts[figures.LOOKS], counts[figures.INDEX_PAGES], counts[figures.EXECUTIONS_FOUND]
    evidence = f"{looks} looks read {pages} pages with {found} items, {counts[figures.LOOKS_EMPTY]} of them empty"
    return Assessment(errors == 0, f"{queries:,} queries, {errors:,} errors", evidence, errors)


def _adaptive(world: World) -> Assessment:
    if world.tally.disturbed:
        return Assessment(None, "disturbed by faults", "poll-cadence judges each poll by itself, faults or not")
    if world.limits.intervals_us is None:
        return Assessment(None, "no interval is known", "the contract gives none")
    if world.is_strained:
        return Assessment(None, "given up under overload", "looks may pass over executions that are due, as bounds say")
    gaps = {phase: world.tally.values(figures.POLL_GAP.of(phase)) for phase in Phase}
    medians_us = {phase: values.quantiles(0.5)[0] for phase, values in gaps.items() if values}
    if not medians_us:
        return Assessment(None, "no execution polled twice", "no gap between two polls to measure")
    off_us = {phase: abs(median_us - effective_us(world, phase)) for phase, median_us in medians_us.items()}
    names = "/".join(phase.replace("_", " ").lower() for phase in Phase)
    evidence = [f"median gap between polls by phase ({names}), one look every {seconds(look_every_us(world))}"]
    off = [phase for phase in off_us if off_us[phase] > CADENCE_TOLERANCE_US]
    if off:
        listed = (f"{each} {seconds(medians_us[each])} instead of {seconds(effective_us(world, each))}" for each in off)
        evidence.append(", ".join(listed))
    shown = "/".join(f"{round(medians_us[phase] / 1e6)}" if phase in medians_us else "-" for phase in Phase)
    return Assessment(not off, f"{shown} s", "; ".join(evidence), max(off_us.values()) / 1e6)


def _parallel(world: World) -> Assessment:
    most, failed = world.tally.invoked_max, world.tally.errors["Invoke"]
    if most < 2 and not failed:
        return Assessment(None, "at most one was due at a time", "no look had two executions to poll")
    at_once = world.tally.counts[figures.CONCURRENT_MAX.of(POLLER)]
    batch = world.statistics.values(figures.INVOKES_OF_A_LOOK)
    evidence = (
        f"up to {most} pollers invoked by one look, within {seconds(batch.high if batch else 0)}; {failed} invocations"
        " refused"
    )
    if world.parts.is_ours:
        evidence += f"; at most {world.settings.parallel_invokes_max} invocations at a time"
    if at_once < 2 and not failed and world.tally.disturbed:
        return Assessment(None, "disturbed by faults", f"{evidence}; faults kept pollers from running at once")
    return Assessment(at_once >= 2 and failed == 0, f"{at_once} pollers at once", evidence, at_once)


def _updates(world: World) -> Assessment:
    tally = world.tally
    # A finder may poll by itself.
    updates = sum(tally.counts[figures.CALLS.of(function, "UpdateItem")] for function in (FINDER, POLLER))
    errors = tally.errors["UpdateItem"]
    if not updates:
        return Assessment(None, "no update", "no poll wrote")
    recorded = world.statistics.counts[figures.POLLS_RECORDED]
    evidence = f"{recorded:,} polls recorded; {violations(world, 'no-lost-update')}"
    passed = errors == 0 and holds(world, "no-lost-update")
    if passed is None:
        return Assessment(None, UNREAD, unread(world, "no-lost-update"))
    value = f"{updates:,} updates, {tally.counts[figures.WRITES_REFUSED]:,} lost races"
    follows = () if errors else broken(world, "no-lost-update")
    return Assessment(passed, value, evidence, errors, follows=follows)


def _logs(world: World) -> Assessment:
    groups = world.logs.groups.values()
    lines, size = sum(group.lines for group in groups), sum(group.size_bytes for group in groups)
    if not monitor_of(world, "log-correlation").checked:
        reason = "whose functions promise nothing of their lines" if lines else "no function ran"
        return Assessment(None, f"{lines:,} lines" if lines else "no line", reason)
    evidence = f"{size / 1e6:.2f} MB with platform lines"
    return by_properties(world, f"{lines:,} lines", "log-correlation", evidence=evidence)


def _query_time(world: World) -> Assessment:
    most_us = world.tally.query_us_max
    if most_us is None:
        return Assessment(None, "no query", "the finder never looked")
    value, evidence = f"max {most_us / 1000:.0f} ms", ""
    values = Sketch.of_all(world.statistics.values(each.of("Query")) for each in (figures.COLD, figures.WARM))
    if values:
        value = f"p99 {values.quantiles(0.99)[0] / 1000:.0f} ms, {value}"
        evidence = f"{len(values)} queries, mean {values.total / len(values) / 1000:.1f} ms"
    return Assessment(most_us < QUERY_US_MAX, value, evidence, most_us / 1000)


def _no_errors(world: World) -> Assessment:
    tally = world.tally
    runs = sum(tally.counts[figures.INVOCATIONS.of(function)] for function in (FINDER, POLLER))
    if not runs:
        return Assessment(None, "no invocation", "no function ran")
    failed = tally.failed.total()
    throttled, dropped = tally.counts[figures.THROTTLES], tally.counts[figures.EVENTS_DROPPED]
    common = [f"{count} x {text}" for text, count in world.statistics.failures.most_common(3)]
    evidence = "; ".join([*common, f"{throttled} throttles, {dropped} events dropped", violations(world, "budgets")])
    injected = ""
    if tally.disturbed:
        by_faults, throttled, dropped = tally.counts[figures.FAILED_BY_FAULTS], 0, 0
        injected = f" by themselves, {by_faults:,} by faults"
        failed -= by_faults
    passed = failed == throttled == dropped == 0 and holds(world, "budgets")
    over = monitor_of(world, "budgets").violations_count
    value = f"{failed:,} of {runs:,} invocations failed{injected}, {over:,} over budget"
    follows = () if failed or throttled or dropped else broken(world, "budgets")
    return Assessment(passed, value, evidence, failed, follows=follows)


def _permissions(world: World) -> Assessment:
    actions = ", ".join(sorted(f"{function}.{operation}" for function, operation in world.statistics.called)) or "none"
    monitor = monitor_of(world, "least-privilege")
    if not monitor.checked:
        return Assessment(None, "no IAM in this run", f"called: {actions}; nothing checks them against a policy here")
    value = f"{monitor.checked:,} actions, {monitor.violations_count:,} denied"
    return by_properties(world, value, "least-privilege", evidence=f"called: {actions}")


def _graceful(world: World) -> Assessment:
    tally = world.tally
    missing, unknown = (tally.counts[each] for each in (figures.WAVES_WITHOUT_JOB_ID, figures.WAVES_WITH_UNKNOWN_JOB))
    if not missing + unknown:
        return Assessment(None, "no job was missing", "no poll met a wave without a job, or with one unknown to DRS")
    warnings = tally.counts[figures.WARNINGS.of(POLLER)]
    errors = max(tally.failed[POLLER, "error"] - tally.counts[figures.FAILED_BY_FAULTS], 0)
    evidence = f"polls met a wave without JobId {missing} times, and one with an unknown job {unknown} times"
    # What others log is theirs to decide.
    passed = errors == 0 and (warnings >= missing + unknown or not world.parts.is_ours)
    return Assessment(passed, f"{warnings:,} warnings, {errors:,} errors", evidence, errors)


def _effective(world: World) -> Threshold:
    intervals = "/".join(f"{effective_us(world, phase) / 1e6:g}" for phase in Phase)
    return Threshold(f"{intervals} s, +-2 s", "<=", CADENCE_TOLERANCE_US / 1e6, "s")


_TICKS: Final = always("every 60 s, none missed", "violations")
_IDS: Final = always("each run, with its ids", "violations")
_QUERIES: Final = always("each under 100 ms", "ms", "<", QUERY_US_MAX / 1000)

PHASE_2: Final = (
    Criterion("EventBridge triggers every 60s", _TICKS, _triggers, ("trigger-cadence",)),
    Criterion("StatusIndex GSI queries work", always("no error", "errors"), _queries),
    Criterion("Adaptive polling intervals", _effective, _adaptive),
    Criterion("Parallel poller invocations", always("2 or more, none refused", "pollers", ">=", 2), _parallel),
    Criterion("DynamoDB updates successful", always("no error, nothing lost", "errors"), _updates, ("no-lost-update",)),
    Criterion("CloudWatch logs comprehensive", _IDS, _logs, ("log-correlation",)),
    Criterion("Performance <100ms queries", _QUERIES, _query_time, basis="modelled"),
    Criterion("No errors or failures", always("0 failed, within budgets", "invocations"), _no_errors, ("budgets",)),
    Criterion("IAM permissions correct", always("no action denied", "actions"), _permissions, ("least-privilege",)),
    Criterion("Graceful error handling", always("a warning each, no error", "errors"), _graceful),
)
"""In the order of Phase 2's report."""
