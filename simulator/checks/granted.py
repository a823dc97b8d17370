"""Bounds that a scenario sets wider than usual, and what only such a bound let pass.

Each bound belongs to one property. That property judges the run once more by the usual bounds, and what it finds beyond
its own verdict is what the wider bound granted. Owns which bound prevents which kinds of violations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from drsim.simulator.checks import cadence, completion, functions, starvation, ticks
from drsim.simulator.checks.monitor import Context, Monitor, Violation, ViolationGroup, ViolationKind
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
    is_all: bool
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
        groups, broken = _groups(stricter, bound), _groups(own[stricter.name], bound)
        count = sum(group.count for group in groups) - sum(group.count for group in broken)
        if count > 0:
            ids, first = _ids(groups), first_but(groups, broken)
            found.append(
                Granted(
                    property=stricter.name,
                    bound=name,
                    unit=bound.unit,
                    usual=usual[name],
                    granted=granted[name],
                    count=count,
                    checked=stricter.checked,
                    # Of executions that broke the wider bound as well, it is not known whether they needed it, too.
                    execution_ids=ids - _ids(broken) | ({first.execution_id} & ids),
                    is_all=ids.isdisjoint(_ids(broken)),
                    first=first,
                )
            )
    return found


def _groups(monitor: Monitor, bound: _Bound) -> list[ViolationGroup]:
    return [group for (kind, *_), group in monitor.groups.items() if kind in bound.kinds]


def _ids(groups: Sequence[ViolationGroup]) -> frozenset[str]:
    return frozenset[str]().union(*(group.execution_ids for group in groups))


def first_but(groups: Sequence[ViolationGroup], broken: Sequence[ViolationGroup]) -> Violation:
    """Return the first case that broke the usual bound alone; the first of all if each kept one broke both."""
    both = {(case.execution_id, case.at_us) for group in broken for case in group.cases}
    cases = sorted((case for group in groups for case in group.cases), key=lambda case: case.at_us)
    return next((case for case in cases if (case.execution_id, case.at_us) not in both), cases[0])


def _values(context: Context, bounds: Bounds) -> dict[str, float]:
    """Return each bound in its unit, also those that follow from settings unless a scenario sets them."""
    spec = context.spec.model_copy(update={"bounds": bounds})
    derived = {
        "completion": completion.completion_bound_us(spec, context.limits),
        "poll_gap": starvation.gap_bound_us(spec, context.limits),
    }
    values = {name: derived.get(name, getattr(bounds, name)) for name in BOUNDS}
    return {name: value / 1e6 if _BOUNDS[name].unit == "s" else value for name, value in values.items()}
