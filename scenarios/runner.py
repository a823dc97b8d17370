"""The runner: a scenario and a seed in, a result and a trace out."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drsim.orchestrator.model import ExecutionStatus, Phase
from drsim.scenarios import criteria, machine
from drsim.scenarios.cloudwatch import monitored
from drsim.scenarios.extras import needs
from drsim.scenarios.intervals import effective_us, look_every_us
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import (
    Basis,
    Cadence,
    Distribution,
    Executions,
    FaultRecord,
    LogGroup,
    Metrics,
    PropertyResult,
    Result,
    Sample,
    TickRecord,
    Tier,
    UnwinnableRecord,
    ViolationRecord,
    instant,
)
from drsim.scenarios.verdict import verdict
from drsim.simulator.checks.cadence import interval_us
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.faults.rules import Rule
from drsim.simulator.figures.sketch import Values
from drsim.simulator.trace import Level, Trace
from drsim.simulator.world import Parts, World

if TYPE_CHECKING:
    from drsim.simulator.wire.tier import Functions

_OBSERVED: Final = (
    "tick_interval",
    "poll_gap",
    "staleness",
    "completion_delay",
    "timeout_delay",
    "execution_time",
    "waves_per_update",
    "recovery",
)
"""Distributions that the schedule and DRS's lives decide; latency models make the others."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run leaves."""

    result: Result
    trace: Trace


def run(
    scenario: Scenario,
    *,
    seed: int,
    tier: Tier = "fast",
    replay: str = "",
    parts: Parts | None = None,
    functions: "Functions | None" = None,
    on_progress: Callable[[int], None] | None = None,
    trace: Level = "full",
    spool: Path | None = None,
) -> Run:
    """Run a scenario with a seed. `on_progress` hears the virtual time (us) once a virtual minute.

    `trace` says which events become lines. With a `spool` the lines go to that file while the run goes on, in bounded
    memory; `Run.trace.write` moves it to its place, and a run that does not end leaves none.
    `functions` are other Lambda handlers than this project's, for the wire tier. `replay` is the command that runs it
    again, for the result. Raises KernelError when the simulation itself broke, HandlerError (of `simulator.wire`) when
    handlers cannot be run, and MissingExtraError where the wire tier is not installed;
    OSError for a spool that cannot be made, and UnwrittenTraceError for one that cannot be written.
    """
    lines = Trace(level=trace, spool=spool)
    try:
        if tier == "fast":
            return _run(scenario, seed, tier, parts or Parts(), replay, on_progress, lines)
        with _wire(scenario, seed, functions) as wired:
            return _run(scenario, seed, tier, wired, replay, on_progress, lines)
    except BaseException:
        lines.discard()
        raise


def _wire(scenario: Scenario, seed: int, functions: "Functions | None") -> AbstractContextManager[Parts]:
    with needs("wire", "the wire tier"):
        from drsim.simulator.wire.tier import wire_parts
    return wire_parts(scenario, seed=seed, functions=functions)


def _run(
    scenario: Scenario,
    seed: int,
    tier: Tier,
    parts: Parts,
    replay: str,
    on_progress: Callable[[int], None] | None,
    trace: Trace,
) -> Run:
    began = machine.wall_seconds()
    world = World(scenario, seed=seed, parts=parts, trace=trace)
    world.run(on_progress=on_progress)
    trace.close()
    wall_seconds = machine.wall_seconds() - began
    properties = tuple(_property(monitor, scenario.epoch_us) for monitor in world.monitors)
    judged = criteria.judge(world)
    verdicts = {each.name: each.verdict for each in properties} | {each.name: each.verdict for each in judged}
    statuses = world.tally.statuses
    result = Result(
        scenario=scenario.name,
        seed=seed,
        tier=tier,
        verdict=verdict(verdicts, scenario.exercises, parts.unjudged),
        trace=trace.level,
        trace_digest=None if trace.level == "off" else trace.digest(),
        virtual_seconds=world.kernel.now_us / 1_000_000,
        wall_seconds=round(wall_seconds, 3),
        replay=replay or f"drsim run {scenario.name} --seed {seed}",
        executions=Executions(
            started=world.statistics.counts["executions_started"],
            completed=statuses[ExecutionStatus.COMPLETED],
            partial=statuses[ExecutionStatus.PARTIAL],
            failed=statuses[ExecutionStatus.FAILED],
            timeout=statuses[ExecutionStatus.TIMEOUT],
            cancelled=statuses[ExecutionStatus.CANCELLED],
            polling=statuses[ExecutionStatus.POLLING],
        ),
        polls=world.statistics.counts[f"{POLLER}.invocations"],
        properties=properties,
        criteria=judged,
        metrics=_metrics(world, scenario),
        faults=tuple(
            FaultRecord(
                rule=str(rule),
                struck=count,
                after=rule.after / 1_000_000,
                before=_acts_until_us(world, rule) / 1_000_000,
            )
            for rule, count in zip(world.plan.rules, world.plan.fired_counts, strict=True)
        ),
        unwinnable=tuple(
            UnwinnableRecord(execution_id=execution_id, reason=reason)
            for execution_id, reason in sorted(world.plan.unwinnable.items())
        ),
    )
    world.close()
    return Run(result, trace)


def _acts_until_us(world: World, rule: Rule) -> int:
    """When the rule stops to act: at its own end, when all is healed, or with the run."""
    ends = (rule.before, None if rule.lasting else world.spec.heal, world.kernel.now_us)
    return min(end_us for end_us in ends if end_us is not None)


def _property(monitor: Monitor, epoch_us: int) -> PropertyResult:
    return PropertyResult(
        name=monitor.name,
        rule=monitor.rule,
        verdict=monitor.verdict.value,
        checked=monitor.checked,
        violations_count=monitor.violations_count,
        violations=tuple(
            ViolationRecord(
                execution_id=violation.execution_id,
                at=instant(epoch_us + violation.at_us),
                expected=violation.expected,
                observed=violation.observed,
            )
            for violation in monitor.violations
        ),
    )


def _metrics(world: World, scenario: Scenario) -> Metrics:
    statistics, epoch_us, cloudwatch = world.statistics, scenario.epoch_us, monitored(world)
    distributions = {**statistics.distributions, "recovery": Values(world.recovery_us)}
    counts = {
        **statistics.counts,
        "active_executions_max": world.tally.active_max,
        "concurrent_invocations_max": statistics.running_max[""],
        f"{FINDER}.concurrent_max": statistics.running_max[FINDER],
        f"{POLLER}.concurrent_max": statistics.running_max[POLLER],
        "polling_write_units_max": world.cloudwatch.polling_write_units_max,
        "kernel_events": world.kernel.events_count,
        "trace_events": len(world.trace),
    }
    return Metrics(
        configuration={**scenario.model_dump(mode="json"), **world.spec.model_dump(mode="json", include={"faults"})},
        look_every=look_every_us(world) / 1_000_000,
        cadence=tuple(
            Cadence(
                phase=phase.value,
                configured=interval_us(phase, world.settings) / 1_000_000,
                effective=effective_us(world, phase) / 1_000_000,
            )
            for phase in Phase
        ),
        ticks=tuple(
            TickRecord(
                number=tick.number,
                at=instant(epoch_us + tick.at_us),
                looks=tick.looks,
                found=tick.found,
                polled=tick.polled,
            )
            for tick in statistics.ticks
        ),
        distributions={name: _distribution(name, values) for name, values in sorted(distributions.items()) if values},
        counts=dict(sorted(counts.items())),
        log_groups={
            name: LogGroup(
                lines=group.lines,
                platform_lines=group.platform_lines,
                size_bytes=group.size_bytes,
                levels=dict(sorted(group.levels.items())),
                fields=tuple(sorted(group.fields)),
            )
            for name, group in sorted(world.logs.groups.items())
        },
        cloudwatch=cloudwatch.metrics,
        alarms=cloudwatch.alarms,
        dashboard=cloudwatch.dashboard,
        executions=tuple(
            Sample(
                execution_id=execution_id,
                type=sample.execution.type.value,
                status=sample.execution.status.value,
                waves=sample.execution.total_waves,
                servers=sum(len(wave.servers) for wave in sample.execution.waves),
                polls=sample.polls,
                started_at=instant(sample.execution.start_us),
                ended_at=None if sample.end_us is None else instant(epoch_us + sample.end_us),
            )
            for execution_id, sample in statistics.samples.items()
        ),
        environment=machine.versions(),
    )


def _distribution(name: str, values: Values) -> Distribution:
    basis: Basis = "observed" if name.startswith(_OBSERVED) else "modelled"
    unit = "waves" if name == "waves_per_update" else "ms"
    scale = 1000 if unit == "ms" else 1
    p50, p95, p99 = values.quantiles(0.50, 0.95, 0.99)
    low, high = values.low / scale, values.high / scale
    return Distribution(
        unit=unit,
        basis=basis,
        count=len(values),
        min=low,
        mean=round(values.total / len(values) / scale, 3),
        p50=p50 / scale,
        p95=p95 / scale,
        p99=p99 / scale,
        max=high,
        error_ratio=values.error_ratio,
        # Where values lie close together, two digits would leave nothing to see.
        histogram=_histogram(values, scale, digits=3 if high < 4 * low else 2),
    )


def _histogram(values: Values, scale: int, *, digits: int) -> tuple[tuple[float, int], ...]:
    """Values and how often each came."""
    found: Counter[float] = Counter()
    for value, count in values.counted():
        found[float(f"{value / scale:.{digits}g}")] += count
    return tuple(found.items())
