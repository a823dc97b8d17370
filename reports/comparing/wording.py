"""A comparison in words: the sentences that terminal, page and JSON share, so that a figure means the same in each.

Owns the words and how many digits they show; `reports.comparing.comparison` owns the figures.
"""

from collections.abc import Iterator
from math import ceil, floor
from typing import NamedTuple

from drsim.reports.charts.scales import in_unit
from drsim.reports.comparing.comparison import Compared, Comparison, Side
from drsim.reports.comparing.effect import VALUES_MIN
from drsim.reports.comparing.regressions import Judged, Outcome
from drsim.reports.markdown import number
from drsim.reports.text import visible

UNCLEAR = "no clear difference"
_DIGITS_MAX = 6


class Scale(NamedTuple):
    """A unit in which figures are shown; one of it is `size` of the unit that they are in."""

    unit: str
    size: float = 1

    def shown(self, value: float) -> str:
        """The figure without its unit."""
        return number(value / self.size)


def scale_of(unit: str, largest: float) -> Scale:
    """Return the scale for figures up to this size: a duration of 1375381 ms is read more easily as 22.92 min."""
    return Scale(*in_unit(visible(unit), largest))


def scale(compared: Compared) -> Scale:
    """The one scale for the figures of both sides; each side's own unit if those differ."""
    sides = compared.sides.values()
    units = list(dict.fromkeys(side.unit for side in sides))
    if len(units) > 1:
        return Scale(visible(" and ".join(units)))
    return scale_of(units[0], max(abs(side.p99) for side in sides))


def whose(side: Side) -> str:
    """Whose runs: "drill, seeds 1-5, wire tier"."""
    tiers = "" if side.tiers == ("fast",) else f", {' and '.join(side.tiers)} tier"
    return f"{visible(side.scenario)}, {_seeds(side.seeds)}{tiers}"


def headline(comparison: Comparison) -> str:
    """The whole in one line: what got worse, else what got better, else that nothing did."""
    if comparison.identical:
        return "Identical runs" if comparison.of_sets else "Identical runs: nothing but the host's time differs"
    changes = [
        f"{change}: {_things(judged)}" for change in ("worse", "better") if (judged := comparison.changed(change))
    ]
    text = "; ".join(changes) or "no verdict changed"
    return text[0].upper() + text[1:]


def notes(comparison: Comparison) -> Iterator[str]:
    """What a reader must know before trusting the figures, a sentence each."""
    a, b = comparison.a, comparison.b
    if a.scenario != b.scenario:
        names = f"{visible(a.scenario)} and {visible(b.scenario)}"
        yield f"Two scenarios are compared, {names}: they may differ in anything."
    if comparison.identical:
        return
    if comparison.same_traces:
        yield "The traces are the same to the last byte; only what was judged, or by what, differs."
        return
    some = [each.effect for each in comparison.distributions if each.effect]
    effects = [each for each in some if not each.few]
    if not some:
        return
    if not effects:
        yield f"No distribution has {VALUES_MIN} values or more on both sides: too few to tell a difference."
        return
    clear = sum(each.clear for each in effects)
    yield (
        f"{clear} of the {len(effects)} distributions with {VALUES_MIN} values or more on both sides differ clearly:"
        f" their 95 % interval of pairs in which B's is larger excludes one half. About one in 20 would by chance."
        f" A tie counts half."
    )
    if all(each.by_run for each in effects):
        yield (
            "The intervals follow from the spread between runs: they hold although the values of a run depend on each"
            " other, and are wide where runs are few."
        )
    elif any(each.by_run for each in effects):
        yield (
            "The intervals follow from the spread between runs; where only one run of a side has values, they take the"
            " values as independent and are rather too narrow."
        )
    else:
        yield (
            "The intervals take the values of a run as independent, which they are not quite, so they are rather too"
            " narrow. Several seeds on both sides need no such assumption."
        )


def difference(compared: Compared) -> str:
    """What the effect means: "B's is longer in 63 % of pairs, 58-68 %", or that there is no clear difference."""
    effect = compared.effect
    if compared.same:
        return "the same values"
    if effect is None:
        return _why_no_effect(compared)
    if effect.few and compared.a and compared.b:
        return f"too few values to tell ({compared.a.count} and {compared.b.count})"
    if not effect.clear:
        return f"{UNCLEAR} ({_rates(effect.superiority, effect.low, effect.high)})"
    longer, shorter = ("longer", "shorter") if compared.unit == "ms" else ("larger", "smaller")
    if effect.superiority > 0.5:
        return f"B's is {longer} in {_rates(effect.superiority, effect.low, effect.high, ' of pairs, ')}"
    return f"B's is {shorter} in {_rates(1 - effect.superiority, 1 - effect.high, 1 - effect.low, ' of pairs, ')}"


def shift(compared: Compared) -> str:
    """By how much B's median is above A's: "+30 ms", "-2 min"."""
    if compared.shift is None:
        return ""
    scale = scale_of(compared.unit, compared.shift)
    return f"{'+' if compared.shift > 0 else ''}{scale.shown(compared.shift)} {scale.unit}"


def outcome(side: Outcome) -> str:
    """The verdict of one run, or the pass rate of several: "9 of 10 passed (59-99 %)"."""
    if side.runs <= 1 or not side.judged:
        return side.verdict
    return f"{side.passed} of {side.judged} passed ({percents(side.low, side.high)})"


def reason(judged: Judged, side: Outcome) -> str:
    """What a side was judged by: a criterion's value and threshold, a property's checks."""
    value = visible(side.value) + ("" if side.seed is None else f" (seed {side.seed})")
    return f"{value} (asked: {visible(side.rule)})" if judged.kind == "criterion" and value else value


def named(judged: Judged) -> str:
    """How a thing is called among others: a property by its own name, the verdict as what it is."""
    return "Verdict" if judged.kind == "run" else visible(judged.name)


def percents(low: float, high: float, digits: int | None = None) -> str:
    """An interval, rounded outwards so as to claim no more than is known: "58-68 %"."""
    if digits is None:
        digits = _digits(low, high)
    scale = 10**digits
    # The tiny number keeps what is whole, such as 0.58, from being rounded away by how floats are held.
    ends = floor(low * 100 * scale + 1e-9) / scale, ceil(high * 100 * scale - 1e-9) / scale
    return f"{ends[0]:.{digits}f}-{ends[1]:.{digits}f} %"


def _digits(low: float, high: float) -> int:
    """Thousands of values make an interval too narrow for whole per cents.

    One that excludes one half needs as many digits as show that: 50.4-53.8 %, not 50-54 %.
    """
    digits = 0 if high - low >= 0.02 else 1
    if low > 0.5:
        while digits < _DIGITS_MAX and floor(low * 100 * 10**digits) <= 50 * 10**digits:
            digits += 1
    return digits


def _rates(rate: float, low: float, high: float, between: str = ", ") -> str:
    digits = _digits(low, high)
    return f"{100 * rate:.{digits}f} %{between}{percents(low, high, digits)}"


def _why_no_effect(compared: Compared) -> str:
    if compared.a and compared.b:
        return "not comparable, for the units differ"
    return "only B has values" if compared.b else "only A has values"


def _things(judged: tuple[Judged, ...]) -> str:
    counts = {kind: sum(each.kind == kind for each in judged) for kind in ("criterion", "property")}
    words = ["the verdict"] if judged[0].kind == "run" else []
    plurals = {"criterion": "criteria", "property": "properties"}
    words += [f"{count} {kind if count == 1 else plurals[kind]}" for kind, count in counts.items() if count]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _seeds(seeds: tuple[int, ...]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}-{seeds[-1]}"
    shown = ", ".join(map(str, seeds[:5]))
    return f"seeds {shown}" if len(seeds) <= 5 else f"{len(seeds)} seeds: {shown}, ..."
