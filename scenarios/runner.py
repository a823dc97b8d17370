"""The runner: a scenario and a seed in, a result and a trace out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drsim.orchestrator.model import ExecutionStatus, Phase
from drsim.scenarios import criteria, machine, result
from drsim.scenarios.adapting import adapted
from drsim.scenarios.answers import answer
from drsim.scenarios.cloudwatch import records_of
from drsim.scenarios.degradation import degraded_of
from drsim.scenarios.findings import findings_of, violation_record
from drsim.scenarios.limits import capacity_of
from drsim.scenarios.model import Scenario, verdict
from drsim.scenarios.objectives import objectives_of
from drsim.scenarios.phase_2_criteria import effective_us, look_every_us
from drsim.scenarios.record import ErrorsMet, ExceptionRecord, FailedCalls, ReturnedStatuses
from drsim.scenarios.recovery_plans import recovery_plans_of
from drsim.scenarios.repeating import places_of_calls
from drsim.scenarios.tiers import Tier, parts_of
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import POLLER
from drsim.simulator.faults.rules import Rule
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.errors import ErrorCollector
from drsim.simulator.figures.sketch import Sketch
from drsim.simulator.figures.statistics import ExecutionSample, FinderTick
from drsim.simulator.figures.table import Figure
from drsim.simulator.services.observability import LogVolume
from drsim.simulator.trace import Level, Trace
from drsim.simulator.world import Parts, World

if TYPE_CHECKING:
    from drsim.simulator.handlers.functions import Handlers


@dataclass(frozen=True, slots=True)
class Run:
    """The result and the trace of one run, and the line of the handler's file for each call in it."""

    result: result.Result
    trace: Trace
    places: Sequence[str] = ()


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
    memory; `Run.trace.write` moves it to its final path, and a run that does not end leaves none. `functions` are other
    Lambda handlers than this project's, which the fast tier cannot run, and the scenario is adapted to their contract.
    `replay` is the command that repeats the run. Raises KernelError if the simulation broke, HandlerError (of
    `simulator.handlers`) if handlers cannot be run, MisfitError if their contract cannot hold the workload,
    MissingExtraError without the tier's packages, OSError or UnwrittenTraceError for a spool that cannot be made or
    written.
    """
    changes: tuple[str, ...] = ()
    if functions is not None:
        scenario, changes = adapted(scenario)
    lines = Trace(level=trace, spool=spool)
    places = [] if functions is None else places_of_calls(lines)
    try:
        with parts_of(tier, scenario, seed=seed, functions=functions, parts=parts) as chosen:
            began = machine.wall_seconds()
            world = World(scenario, seed=seed, parts=chosen, trace=lines)
            world.run(on_progress=on_progress)
            lines.close()
            wall_seconds = machine.wall_seconds() - began
            found = _result(world, scenario, seed=seed, tier=tier, wall_seconds=round(wall_seconds, 3), replay=replay)
            if functions is not None:
                roles = {"finder": functions.finder, "poller": functions.poller}
                given = {role: place for role, place in roles.items() if place}
                found = found.model_copy(update={"functions": given, "adapted": changes})
            found = found.model_copy(update={"answer": answer(scenario.answer, found)})
            world.close()
            return Run(found, lines, places)
    except BaseException:
        lines.discard()
        raise


def _result(
    world: World, scenario: Scenario, *, seed: int, tier: Tier, wall_seconds: float, replay: str
) -> result.Result:
    properties, judged = tuple(_property(monitor, world) for monitor in world.monitors), criteria.judge(world)
    verdicts = {each.name: each.verdict for each in properties} | {each.name: each.verdict for each in judged}
    metrics, trace, plan = _measurements(world, scenario), world.trace, world.plan
    return result.Result(
        scenario=scenario.name,
        seed=seed,
        tier=tier,
        verdict=verdict(verdicts, scenario.exercises, {each.check for each in world.unjudged}),
        trace=trace.level,
        trace_digest=None if trace.level == "off" else trace.digest(),
        virtual_seconds=world.kernel.now_us / 1_000_000,
        wall_seconds=wall_seconds,
        replay=replay or f"drsim run {scenario.name} --seed {seed}",
        executions={status: world.tally.statuses[status] for status in ExecutionStatus},
        polls=world.statistics.counts[figures.INVOCATIONS.of(POLLER)],
        properties=properties,
        criteria=judged,
        degraded=degraded_of(world),
        findings=findings_of(world.monitors, world.spec.epoch_us),
        errors=_errors(world.errors),
        metrics=metrics,
        faults=tuple(_fault(rule, count, world) for rule, count in zip(plan.rules, plan.fired_counts, strict=True)),
        unwinnable=tuple(
            result.UnwinnableRecord(execution_id=each, reason=why) for each, why in sorted(plan.unwinnable.items())
        ),
        unjudged=tuple(result.UnjudgedRecord(**each._asdict()) for each in world.unjudged),
        forwarded=dict(sorted(world.forwarded.items())),
        objectives=objectives_of(world.recoveries),
        recovery_plans=recovery_plans_of(world),
        # How other functions hand over is not known.
        capacity=capacity_of(world.spec, metrics) if world.parts.is_ours else None,
    )


def _property(monitor: Monitor, world: World) -> result.PropertyResult:
    return result.PropertyResult(
        name=monitor.name,
        rule=monitor.rule,
        verdict=monitor.verdict.value,
        checked=monitor.checked,
        violations_count=monitor.violations_count,
        violations=tuple(violation_record(each, world.spec.epoch_us) for each in monitor.violations),
    )


def _errors(collector: ErrorCollector) -> ErrorsMet:
    calls = (
        FailedCalls(function=function, operation=operation, error=error, **asdict(failures))
        for (function, operation, error), failures in sorted(collector.calls.items())
    )
    statuses = (
        ReturnedStatuses(function=function, status=status, count=count)
        for (function, status), count in sorted(collector.statuses.items())
    )
    exceptions = (
        ExceptionRecord(function=function, logged=logged, **asdict(seen))
        for (function, logged, _), seen in collector.exceptions.items()
    )
    return ErrorsMet(calls=tuple(calls), statuses=tuple(statuses), exceptions=tuple(exceptions))


def _fault(rule: Rule, count: int, world: World) -> result.FaultRecord:
    # A rule acts until its own end, healing, or the end of the run.
    ends_us = (rule.before, None if rule.lasting else world.spec.heal, world.kernel.now_us)
    until_us = min(end_us for end_us in ends_us if end_us is not None)
    return result.FaultRecord(
        rule=str(rule),
        kind=str(rule.fault),
        struck=count,
        after=rule.after / 1_000_000,
        before=until_us / 1_000_000,
    )


def _measurements(world: World, scenario: Scenario) -> result.Measurements:
    statistics, epoch_us = world.statistics, scenario.epoch_us
    cloudwatch, alarms, dashboard = records_of(world)
    if not world.parts.is_ours:
        # Alarms and dashboard are those of this project's template.
        alarms, dashboard = (), ()
    sketches = {**statistics.distributions, figures.RECOVERY: Sketch(world.recovery_us)}
    distributions = {each.name: _distribution(each, values) for each, values in sketches.items() if values}
    counts = {
        **statistics.counts,
        figures.POLLING_WRITE_UNITS_MAX: world.cloudwatch.polling_write_units_max,
        figures.KERNEL_EVENTS: world.kernel.events_count,
        figures.TRACE_EVENTS: len(world.trace),
    }
    return result.Measurements(
        configuration={
            **scenario.model_dump(mode="json"),
            **world.spec.model_dump(mode="json", include={"faults", "functions"}),
        },
        look_every=look_every_us(world) / 1_000_000,
        cadence=tuple(_cadence(phase, world) for phase in Phase if world.limits.intervals_us),
        ticks=tuple(_tick(tick, epoch_us) for tick in statistics.ticks),
        distributions=dict(sorted(distributions.items())),
        counts=dict(sorted((each.name, count) for each, count in counts.items())),
        log_groups={name: _log_group(volume) for name, volume in sorted(world.logs.groups.items())},
        cloudwatch=cloudwatch,
        alarms=alarms,
        dashboard=dashboard,
        executions=tuple(_sample(name, sample, epoch_us) for name, sample in statistics.samples.items()),
        environment=machine.versions(),
    )


def _cadence(phase: Phase, world: World) -> result.Cadence:
    configured_us, in_effect_us = (world.limits.intervals_us or {}).get(phase, 0), effective_us(world, phase)
    return result.Cadence(phase=phase.value, configured=configured_us / 1_000_000, effective=in_effect_us / 1_000_000)


def _tick(tick: FinderTick, epoch_us: int) -> result.TickRecord:
    at = result.instant(epoch_us + tick.at_us)
    return result.TickRecord(number=tick.number, at=at, looks=tick.looks, found=tick.found, polled=tick.polled)


def _log_group(volume: LogVolume) -> result.LogGroup:
    sizes = {name: getattr(volume, name) for name in ("lines", "platform_lines", "size_bytes")}
    return result.LogGroup(levels=dict(sorted(volume.levels.items())), fields=tuple(sorted(volume.fields)), **sizes)


def _sample(execution_id: str, sample: ExecutionSample, epoch_us: int) -> result.SampleRecord:
    execution = sample.execution
    return result.SampleRecord(
        execution_id=execution_id,
        type=str(execution.type),
        status=str(execution.status),
        waves=execution.total_waves or 0,
        servers=sum(len(wave.servers) for wave in execution.waves),
        polls=sample.polls,
        started_at=result.instant(execution.start_us or 0),
        ended_at=None if sample.end_us is None else result.instant(epoch_us + sample.end_us),
    )


def _distribution(figure: Figure, values: Sketch) -> result.Distribution:
    scale = 1000 if figure.unit == "ms" else 1
    p50, p95, p99 = (value / scale for value in values.quantiles(0.50, 0.95, 0.99))
    low, high = values.low / scale, values.high / scale
    # Where values lie close together, two digits would leave nothing to see.
    digits = 3 if high < 4 * low else 2
    histogram: Counter[float] = Counter()
    for value, count in values.counted():
        histogram[float(f"{value / scale:.{digits}g}")] += count
    return result.Distribution(
        title=figure.title,
        unit=figure.unit,
        basis=figure.basis,
        count=len(values),
        min=low,
        mean=round(values.total / len(values) / scale, 3),
        p50=p50,
        p95=p95,
        p99=p99,
        max=high,
        error_ratio=values.error_ratio,
        histogram=tuple(histogram.items()),
    )
