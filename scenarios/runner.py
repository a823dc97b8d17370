"""The runner: a scenario and a seed in, a result and a trace out."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drsim.orchestrator.model import ExecutionStatus, Phase
from drsim.scenarios import criteria, machine
from drsim.scenarios.cloudwatch import records_of
from drsim.scenarios.extras import needs
from drsim.scenarios.intervals import effective_us, look_every_us
from drsim.scenarios.limits import capacity_of
from drsim.scenarios.model import Scenario, verdict
from drsim.scenarios.result import (
    Cadence,
    Distribution,
    FaultRecord,
    LogGroup,
    Measurements,
    PropertyResult,
    Result,
    SampleRecord,
    TickRecord,
    Tier,
    UnwinnableRecord,
    ViolationRecord,
    instant,
)
from drsim.simulator.checks.cadence import interval_us
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import POLLER
from drsim.simulator.faults.rules import Rule
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.sketch import Sketch
from drsim.simulator.figures.table import Figure
from drsim.simulator.trace import Level, Trace
from drsim.simulator.world import Parts, World

if TYPE_CHECKING:
    from drsim.simulator.wire.tier import Handlers


@dataclass(frozen=True, slots=True)
class Run:
    """The result and the trace of one run."""

    result: Result
    trace: Trace


def run(
    scenario: Scenario,
    *,
    seed: int,
    tier: Tier = "fast",
    replay: str = "",
    parts: Parts | None = None,
    functions: "Handlers | None" = None,
    on_progress: Callable[[int], None] | None = None,
    trace: Level = "full",
    spool: Path | None = None,
) -> Run:
    """Run a scenario with a seed. `on_progress` is called with the virtual time (us) once a virtual minute.

    `trace` selects the events that become lines. With a `spool`, lines go to that file during the run, in bounded
    memory; `Run.trace.write` moves it to its final path, and a run that does not end leaves none.
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


def _wire(scenario: Scenario, seed: int, functions: "Handlers | None") -> AbstractContextManager[Parts]:
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
    metrics = _metrics(world, scenario)
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
        executions={status: world.tally.statuses[status] for status in ExecutionStatus},
        polls=world.statistics.counts[figures.INVOCATIONS.of(POLLER)],
        properties=properties,
        criteria=judged,
        metrics=metrics,
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
        capacity=capacity_of(world.spec, metrics),
    )
    world.close()
    return Run(result, trace)


def _acts_until_us(world: World, rule: Rule) -> int:
    """Return when the rule stops to act: at its own end, at healing, or with the run."""
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


def _metrics(world: World, scenario: Scenario) -> Measurements:
    statistics, epoch_us, cloudwatch = world.statistics, scenario.epoch_us, records_of(world)
    distributions = {**statistics.distributions, figures.RECOVERY: Sketch(world.recovery_us)}
    counts = {
        **statistics.counts,
        figures.POLLING_WRITE_UNITS_MAX: world.cloudwatch.polling_write_units_max,
        figures.KERNEL_EVENTS: world.kernel.events_count,
        figures.TRACE_EVENTS: len(world.trace),
    }
    return Measurements(
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
        distributions=dict(
            sorted((each.name, _distribution(each, kept)) for each, kept in distributions.items() if kept)
        ),
        counts=dict(sorted((each.name, count) for each, count in counts.items())),
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
            SampleRecord(
                execution_id=execution_id,
                type=str(sample.execution.type),
                status=str(sample.execution.status),
                waves=sample.execution.total_waves or 0,
                servers=sum(len(wave.servers) for wave in sample.execution.waves),
                polls=sample.polls,
                started_at=instant(sample.execution.start_us or 0),
                ended_at=None if sample.end_us is None else instant(epoch_us + sample.end_us),
            )
            for execution_id, sample in statistics.samples.items()
        ),
        environment=machine.versions(),
    )


def _distribution(figure: Figure, values: Sketch) -> Distribution:
    scale = 1000 if figure.unit == "ms" else 1
    p50, p95, p99 = values.quantiles(0.50, 0.95, 0.99)
    low, high = values.low / scale, values.high / scale
    return Distribution(
        title=figure.title,
        unit=figure.unit,
        basis=figure.basis,
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


def _histogram(values: Sketch, scale: int, *, digits: int) -> tuple[tuple[float, int], ...]:
    """Pairs of a rounded value and its count."""
    found: Counter[float] = Counter()
    for value, count in values.counted():
        found[float(f"{value / scale:.{digits}g}")] += count
    return tuple(found.items())
