"""Two runs, or two sets of runs, as data: what changed from A, which was before, to B, and by how much."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from drsim.reports.comparing.effect import Effect, effect, pooled, quantile
from drsim.reports.comparing.recoveries import recoveries
from drsim.reports.comparing.regressions import Judgement, judged
from drsim.scenarios.result import Distribution, Result

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Side:
    scenario: str
    title: str
    seeds: tuple[int, ...]
    tiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differing(Generic[T]):
    name: str
    a: T
    b: T


@dataclass(frozen=True, slots=True)
class ExecutionChange:
    execution_id: str
    a_status: str
    b_status: str
    a_polls: int
    b_polls: int


@dataclass(frozen=True, slots=True)
class Compared:
    """One distribution on both sides, None where one has no values; no effect then, or if the units differ.

    The quantiles of a set come from its histograms and have two significant digits.
    """

    name: str
    a: Distribution | None
    b: Distribution | None
    effect: Effect | None

    @property
    def same(self) -> bool:
        return self.a is not None and self.b is not None and self.a.histogram == self.b.histogram

    @property
    def few(self) -> bool:
        """Whether the values differ, and a side has too few of them to tell more."""
        return self.effect is not None and self.effect.few and not self.same

    @property
    def clear(self) -> bool:
        """Whether the sides differ by more than the uncertainty; values of single runs count as independent."""
        return self.effect is not None and self.effect.clear

    @property
    def sides(self) -> dict[str, Distribution]:
        return {label: side for label, side in (("A", self.a), ("B", self.b)) if side}

    @property
    def shift(self) -> float | None:
        """B's median less A's; None without an effect."""
        return self.b.p50 - self.a.p50 if self.effect and self.a and self.b else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences of two sides, and each distribution unless they are identical.

    `settings` are of configuration and environment, None where a side lacks one; `counts` are means of a side's runs;
    `objectives` are recovery times in words, beside their objectives.
    """

    a: Side
    b: Side
    identical: bool
    same_traces: bool
    judged: tuple[Judgement, ...]
    settings: tuple[Differing[str | None], ...]
    counts: tuple[Differing[float], ...]
    executions: tuple[ExecutionChange, ...]
    distributions: tuple[Compared, ...]
    objectives: tuple[Differing[str | None], ...] = ()

    def changed(self, change: str) -> tuple[Judgement, ...]:
        """The judgements that got `worse` or `better`, the verdict as a whole first."""
        return tuple(each for each in self.judged if each.change == change)

    @property
    def of_sets(self) -> bool:
        return len(self.a.seeds) > 1 or len(self.b.seeds) > 1


def compare(a: Sequence[Result], b: Sequence[Result]) -> Comparison:
    """Compare runs of one scenario with runs of one scenario, at least one a side."""
    a, b = (sorted(runs, key=lambda run: (run.seed, run.tier, run.trace_digest or "")) for runs in (a, b))
    digests = [[run.trace_digest for run in runs] for runs in (a, b)]
    same_traces = digests[0] == digests[1] and all(digests[0])
    # Another bound changes the verdict on the same trace, so equal digests do not make identical runs.
    identical = same_traces and [_lasting(run) for run in a] == [_lasting(run) for run in b]
    return Comparison(
        a=_side(a),
        b=_side(b),
        identical=identical,
        same_traces=same_traces,
        judged=judged(a, b),
        settings=tuple(_settings(a, b)),
        counts=tuple(_counts(a, b)),
        executions=tuple(_executions(a[0], b[0])) if len(a) == len(b) == 1 else (),
        distributions=() if identical else tuple(_distributions(a, b)),
        objectives=() if identical else tuple(Differing(*each) for each in recoveries(a, b)),
    )


def in_common(a: Sequence[Result], b: Sequence[Result]) -> list[tuple[list[Result], list[Result]]]:
    """The runs to compare: all if each side has one scenario, else those of each scenario on both sides."""
    names = [dict.fromkeys(run.scenario for run in runs) for runs in (a, b)]
    if len(names[0]) == len(names[1]) == 1:
        return [(list(a), list(b))]
    shared = [name for name in names[0] if name in names[1]]
    return [([run for run in a if run.scenario == name], [run for run in b if run.scenario == name]) for name in shared]


def _lasting(run: Result) -> Result:
    """The run without what differs each time: the host, its time, and the command."""
    metrics = run.metrics.model_copy(update={"environment": {}})
    return run.model_copy(update={"wall_seconds": 0.0, "replay": "", "metrics": metrics})


def _side(runs: Sequence[Result]) -> Side:
    title = str(runs[0].metrics.configuration.get("title", ""))
    return Side(runs[0].scenario, title, tuple(run.seed for run in runs), tuple(sorted({run.tier for run in runs})))


def _settings(a: Sequence[Result], b: Sequence[Result]) -> Iterator[Differing[str | None]]:
    parts = [[_parts(run) for run in runs] for runs in (a, b)]
    # What each run of a set draws from its seed, such as a swarm's faults, is no setting of the set.
    drawn = {name for side in parts for each in side for name in each if each[name] != side[0].get(name)}
    before, after = (
        _flat({name: value for name, value in side[0].items() if name not in drawn})
        | _flat(environment, "environment.")
        for side, environment in zip(parts, (a[0].metrics.environment, b[0].metrics.environment), strict=True)
    )
    # An empty part, or none, is no setting beside its fields on the other side.
    fields = {name.rpartition(".")[0] for name in before.keys() ^ after.keys()}
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name) and name not in fields:
            yield Differing(name, before.get(name), after.get(name))


def _parts(run: Result) -> dict[str, Any]:
    handlers = {"handlers": run.functions} if run.functions else {}
    return {"tier": run.tier, **handlers, **run.metrics.configuration}


def _flat(part: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested mapping as one, with names joined by dots and items of lists by number. A null is absent."""
    found: dict[str, str] = {}
    for name, value in part.items():
        inner = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(inner, Mapping) and inner:
            found |= _flat({str(key): each for key, each in inner.items()}, f"{prefix}{name}.")
        elif value is not None:
            found[f"{prefix}{name}"] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found


def _counts(a: Sequence[Result], b: Sequence[Result]) -> Iterator[Differing[float]]:
    before, after = Counter[str](), Counter[str]()
    for counts, runs in ((before, a), (after, b)):
        for run in runs:
            counts.update({f"executions.{status}": count for status, count in run.executions.items()})
            counts.update(run.metrics.counts)
    for name in before | after:
        means = before[name] / len(a), after[name] / len(b)
        if means[0] != means[1]:
            yield Differing(name, *means)


def _executions(a: Result, b: Result) -> Iterator[ExecutionChange]:
    after = {each.execution_id: each for each in b.metrics.executions}
    for old in a.metrics.executions:
        new = after.get(old.execution_id)
        if new and (old.status, old.polls) != (new.status, new.polls):
            yield ExecutionChange(old.execution_id, old.status, new.status, old.polls, new.polls)


def _distributions(a: Sequence[Result], b: Sequence[Result]) -> list[Compared]:
    """The clearest effects first, then those that are not clear, by name."""
    found = [_compared(name, a, b) for name in sorted({name for run in (*a, *b) for name in run.metrics.distributions})]
    return sorted(found, key=lambda each: -abs(each.effect.cliffs_delta) if each.effect and each.clear else 1)


def _compared(name: str, a: Sequence[Result], b: Sequence[Result]) -> Compared:
    sides = [[run.metrics.distributions[name] for run in runs if name in run.metrics.distributions] for runs in (a, b)]
    units = {each.unit for side in sides for each in side}
    before, after = (together(side) for side in sides)
    histograms = [[each.histogram for each in side] for side in sides]
    return Compared(name, before, after, effect(*histograms) if len(units) == 1 else None)


def together(runs: Sequence[Distribution]) -> Distribution | None:
    """The distribution of all values of all runs; None without runs."""
    if len(runs) <= 1:
        # The quantiles of one run are exact.
        return runs[0] if runs else None
    histogram, count = pooled(each.histogram for each in runs), sum(each.count for each in runs)
    quantiles = {name: quantile(histogram, ratio) for name, ratio in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))}
    return Distribution(
        title=runs[0].title,
        unit=runs[0].unit,
        basis=runs[0].basis,
        count=count,
        min=min(each.min for each in runs),
        mean=round(sum(each.mean * each.count for each in runs) / count, 3),
        max=max(each.max for each in runs),
        histogram=tuple(histogram),
        **quantiles,
    )
