"""Bounds that a scenario sets wider than usual, and what only such a bound let pass.

Each bound belongs to one property. That property judges the run once more by the usual bounds, and what it finds beyond
its own verdict is what the wider bound granted. Owns which bound prevents which kinds of violations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from drsim.simulator.checks import cadence, completion, functions, starvation, ticks
from drsim.simulator.checks.monitor import Context, Monitor, Violation, ViolationKind
from drsim.simulator.spec.world import Bounds


class _Bound(NamedTuple):
    """What a field of `Bounds` belongs to: a property and its kinds of violations. `unit` is "" for a ratio."""

    monitor: type[Monitor]
    kinds: tuple[ViolationKind, ...]
    unit: str


_BOUNDS: Final[Mapping[str, _Bound]] = {
    "poll_delay": _Bound(cadence.PollCadence, (cadence.SLOW_POLL,), "s"),
    "looks_missed": _Bound(cadence.PollCadence, (cadence.PASSED_OVER, cadence.UNPOLLED), "looks"),
    "early": _Bound(cadence.PollCadence, (cadence.EARLY,), "s"),
    "poll_gap": _Bound(starvation.NoStarvation, (starvation.STARVED, cadence.UNPOLLED), "s"),
    "completion": _Bound(completion.CompletionLiveness, (completion.LATE_END, completion.NO_END), "s"),
    "start_delay": _Bound(ticks.TriggerCadence, (ticks.STARTED_LATE,), "s"),
    "tick_jitter": _Bound(ticks.TriggerCadence, (ticks.TICK_OFF,), "s"),
    "lambda_ratio": _Bound(functions.Budgets, (functions.TIME,), ""),
    "concurrency_ratio": _Bound(functions.Budgets, (functions.CONCURRENCY,), ""),
    "describe_calls": _Bound(functions.Budgets, (functions.DESCRIBES,), "calls"),
}
BOUNDS: Final = tuple(_BOUNDS)
"""The fields of `Bounds` that a scenario may set wider, in the order of reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What only one wider bound let pass: `count` of `checked` cases. `first` was judged by the usual bound."""

    property: str
    bound: str
    unit: str
    usual: float
    granted: float
    count: int
    checked: int
    execution_ids: frozenset[str]
    first: Violation


def usual_bounds(context: Context) -> Bounds:
    """Return the bounds of a world, with the usual value in place of each wider one."""
    usual, granted = _values(context, Bounds()), _values(context, context.spec.bounds)
    wider = {name: getattr(Bounds(), name) for name in BOUNDS if granted[name] > usual[name]}
    return context.spec.bounds.model_copy(update=wider)


def monitors_of(bounds: Bounds, usual: Bounds) -> tuple[type[Monitor], ...]:
    """Return the properties that have a wider bound than usual, each once."""
    wider = (_BOUNDS[name].monitor for name in BOUNDS if getattr(bounds, name) != getattr(usual, name))
    return tuple(dict.fromkeys(wider))


def granted_by(context: Context, judged: Sequence[Monitor], by_usual: Sequence[Monitor]) -> list[Granted]:
    """Return what only wider bounds let pass in a run that has ended.

    `judged` are the properties by the world's bounds, `by_usual` those by the usual ones.
    """
    usual, granted = _values(context, Bounds()), _values(context, context.spec.bounds)
    own, strict = {each.name: each for each in judged}, {each.name: each for each in by_usual}
    found = []
    for name, bound in _BOUNDS.items():
        if granted[name] <= usual[name] or bound.monitor.name not in strict:
            continue
        stricter = strict[bound.monitor.name]
        groups = [group for (kind, *_), group in stricter.groups.items() if kind in bound.kinds]
        broken = sum(group.count for (kind, *_), group in own[stricter.name].groups.items() if kind in bound.kinds)
        count = sum(group.count for group in groups) - broken
        if count > 0:
            ids = frozenset[str]().union(*(group.execution_ids for group in groups))
            first = min((group.cases[0] for group in groups), key=lambda case: case.at_us)
            found.append(
                Granted(
                    property=stricter.name,
                    bound=name,
                    unit=bound.unit,
                    usual=usual[name],
                    granted=granted[name],
                    count=count,
                    checked=stricter.checked,
                    execution_ids=ids,
                    first=first,
                )
            )
    return found


def _values(context: Context, bounds: Bounds) -> dict[str, float]:
    """Return each bound in its unit, also those that follow from settings unless a scenario sets them."""
    spec = context.spec.model_copy(update={"bounds": bounds})
    derived = {
        "completion": completion.completion_bound_us(spec, context.limits),
        "poll_gap": starvation.gap_bound_us(spec, context.limits),
    }
    values = {name: derived.get(name, getattr(bounds, name)) for name in BOUNDS}
    return {name: value / 1e6 if _BOUNDS[name].unit == "s" else value for name, value in values.items()}
