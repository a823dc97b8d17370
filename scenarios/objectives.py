"""Recovery times against their objectives, as a criterion and as a part of `result.json`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from drsim.scenarios.assessment import Assessment, Criterion, Threshold
from drsim.scenarios.record import ObjectiveRecord, ObjectiveTotals, RecoveryRecord, RecoveryTimes
from drsim.simulator.checks.monitor import Violation
from drsim.simulator.durations import plural, show_seconds
from drsim.simulator.figures.recoveries import Achieved, Recoveries, Recovery
from drsim.simulator.figures.sketch import Sketch
from drsim.simulator.figures.table import PART_NAMES
from drsim.simulator.world import World

_WAVES_MAX: Final = 3
"""The waves that a threshold names."""


def objectives_of(recoveries: Recoveries) -> tuple[ObjectiveRecord, ...]:
    """Return what executions and waves achieved, without those of which the run had none."""
    achieved = recoveries.all.items()
    return tuple(_record(wave, each) for wave, each in achieved if each.times or each.unrecovered)


def totals_of(recoveries: Recoveries, seed: int) -> dict[str, ObjectiveTotals]:
    """Return what one seed of an exploration achieved of each objective that is set, by the wave's name."""
    return {
        wave: ObjectiveTotals(
            objective_s=achieved.objective_us / 1e6,
            seeds=1,
            seeds_missed=achieved.missed > 0,
            recoveries=len(achieved.times),
            missed=achieved.missed,
            worst_s=achieved.times.quantiles(0.95)[0] / 1e6,
            worst_seed=seed,
        )
        for wave, achieved in recoveries.all.items()
        if achieved.objective_us is not None and achieved.times
    }


def _record(wave: str, achieved: Achieved) -> ObjectiveRecord:
    count, objective_us = len(achieved.times), achieved.objective_us
    means = [round(total / count / 1e6, 6) for total in achieved.parts] if count else []
    return ObjectiveRecord(
        wave=wave,
        objective=None if objective_us is None else objective_us / 1e6,
        missed=achieved.missed,
        still_open=achieved.still_open,
        unrecovered=dict(sorted(achieved.unrecovered.items())),
        times=_times(achieved.times),
        own=_times(achieved.own),
        rpo=_times(achieved.ages),
        parts=dict(zip(PART_NAMES, means, strict=False)),
        slowest=_recoveries(achieved.slowest),
        first_missed=_recoveries(achieved.first_missed),
    )


def _times(values: Sketch) -> RecoveryTimes | None:
    if not values:
        return None
    p50, p95, p99 = (value / 1e6 for value in values.quantiles(0.50, 0.95, 0.99))
    mean = round(values.total / len(values) / 1e6, 6)
    return RecoveryTimes(
        count=len(values), min=values.low / 1e6, mean=mean, p50=p50, p95=p95, p99=p99, max=values.high / 1e6
    )


def _recoveries(found: Sequence[Recovery]) -> tuple[RecoveryRecord, ...]:
    return tuple(
        RecoveryRecord(
            execution_id=each.execution_id,
            status=each.status,
            seconds=each.took_us / 1e6,
            parts=dict(zip(PART_NAMES, (us / 1e6 for us in each.parts), strict=True)),
        )
        for each in found
    )


def _judged(world: World) -> dict[str, Achieved]:
    """What was achieved of each objective that is set, by the wave's name, "" for whole executions."""
    return {wave: each for wave, each in world.recoveries.all.items() if each.objective_us is not None}


def _threshold(world: World) -> Threshold:
    whole_us, waves = world.recoveries.objectives.execution, world.recoveries.objectives.waves
    whole = "" if whole_us is None else f"within {show_seconds(whole_us / 1_000_000)}"
    some = [f"{_wave_of(key)} in {show_seconds(wave_us / 1_000_000)}" for key, wave_us in waves.items()]
    more = f"{len(some) - _WAVES_MAX} more" if len(some) > _WAVES_MAX else ""
    return Threshold(
        ", ".join(filter(None, (whole, *some[:_WAVES_MAX], more))) or "no objective is set", "<=", 0, "missed"
    )


def _wave_of(key: str) -> str:
    return f"wave {key}" if key.isdecimal() else key


def _assess(world: World) -> Assessment:
    if not world.recoveries.objectives:
        return Assessment(None, "no objective", "neither the scenario nor its contract sets rto")
    judged = {wave: each for wave, each in _judged(world).items() if each.times}
    if not judged:
        if unknown := "; ".join(_unknown(world)):
            return Assessment(None, unknown, f"no objective was judged: {unknown}")
        return Assessment(None, "nothing recovered", "no execution or wave with an objective recovered, or was due to")
    missed = {wave: each for wave, each in judged.items() if each.missed}
    evidence = "; ".join([*(_evidence(wave, each) for wave, each in (missed or judged).items()), *_unknown(world)])
    first = min(
        (_violation(wave, each) for wave, each in missed.items()), key=lambda violation: violation.at_us, default=None
    )
    return Assessment(not missed, _value(judged), evidence, sum(each.missed for each in judged.values()), first)


def _unknown(world: World) -> Iterator[str]:
    """Objectives of waves that the run did not have. A contract may name any, and judges none by a wrong name."""
    known = {text for wave, each in world.recoveries.all.items() if wave for text in (wave, str(each.number))}
    unknown = [key for key in world.recoveries.objectives.waves if key not in known]
    # Without any wave, nothing is known about names.
    if known and unknown:
        yield f"no wave is called {', '.join(map(repr, unknown))}"


def _value(judged: Mapping[str, Achieved]) -> str:
    """What missed: 4 of 100 missed, 1 wave too. If nothing did: 100 of 100 in time, p95 22m 1s."""
    (wave, first), *_ = judged.items()
    waves = {name: each for name, each in judged.items() if name and each.missed}
    if not wave and first.missed:
        return f"{first.missed:,} of {len(first.times):,} missed" + (
            f", {plural(len(waves), 'wave')} too" if waves else ""
        )
    if waves:
        (late, worst), *others = waves.items()
        missed = f"{worst.missed:,} of {len(worst.times):,}"
        return f"{plural(len(waves), 'wave')} missed, {late}: {missed}" if others else f"{late}: {missed} missed"
    count, p95 = f"{len(first.times):,}", show_seconds(first.times.quantiles(0.95)[0] / 1_000_000)
    return f"{f'{wave}: ' if wave else ''}{count} of {count} in time, p95 {p95}"


def _evidence(wave: str, achieved: Achieved) -> str:
    """One objective with what was achieved: Wave 1: 2 of 40 missed 12m; first exec-1 (COMPLETED, 12m 20s)."""
    assert achieved.objective_us is not None
    objective = show_seconds(achieved.objective_us / 1_000_000)
    head = f"{wave or 'executions'}: {achieved.missed:,} of {len(achieved.times):,} missed {objective}"
    first = ", ".join(f"{each.execution_id} ({_end_of(each, achieved.objective_us)})" for each in achieved.first_missed)
    slowest = f"slowest {show_seconds(achieved.times.high / 1_000_000)}"
    others = ", ".join(f"{count:,} {what}" for what, count in sorted(achieved.unrecovered.items()))
    return f"{head}; {f'first {first}' if first else slowest}" + (f"; no recovery: {others}" if others else "")


def _end_of(found: Recovery, objective_us: int) -> str:
    """How a recovery that missed its objective ended, and by how much it was late."""
    over_us = found.took_us - objective_us
    late = (
        f", {show_seconds(over_us / 1_000_000)} over"
        if over_us > 0
        else f" after {show_seconds(found.took_us / 1_000_000)}"
    )
    return f"{found.status}{late}"


def _violation(wave: str, achieved: Achieved) -> Violation:
    found = achieved.first_missed[0]
    assert achieved.objective_us is not None
    expected = f"{wave or 'the execution'} recovered within {show_seconds(achieved.objective_us / 1_000_000)}"
    return Violation(found.execution_id, found.ended_us, expected, _end_of(found, achieved.objective_us))


OBJECTIVES: Final = Criterion("Recovery within its objective", _threshold, _assess)
