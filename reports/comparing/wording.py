"""A comparison in words: the sentences that terminal, page and JSON share, and how many digits they show."""

from collections.abc import Iterator
from math import ceil, floor
from typing import Final

from drsim.reports.charts.scales import in_unit
from drsim.reports.comparing.comparison import Compared, Comparison, Side
from drsim.reports.comparing.effect import VALUES_MIN
from drsim.reports.comparing.regressions import Judgement, Outcome
from drsim.reports.text import visible
from drsim.simulator.durations import number

_DIGITS_MAX: Final = 6
_CONFIDENCE: Final = "95 % confidence:"


def unit_of(compared: Compared) -> tuple[str, float]:
    """The one unit for the figures of both sides, or each side's own if those differ, and its size in the figures'."""
    sides = compared.sides.values()
    unit, *others = dict.fromkeys(side.unit for side in sides)
    if others:
        return visible(" and ".join([unit, *others])), 1
    return in_unit(visible(unit), max(abs(side.p99) for side in sides))


def whose(side: Side) -> str:
    """The runs of a side: "drill, seeds 1-5, wire tier"."""
    tiers = "" if side.tiers == ("fast",) else f", {' and '.join(side.tiers)} tier"
    return f"{visible(side.scenario)}, {_seeds(side.seeds)}{tiers}"


def headline(comparison: Comparison) -> str:
    """The comparison in one line: what got worse and what got better, or that no verdict changed."""
    if comparison.identical:
        return "Identical runs" if comparison.of_sets else "Identical runs: nothing but the host's time differs"
    changes = [f"{change}: {_things(found)}" for change in ("worse", "better") if (found := comparison.changed(change))]
    text = "; ".join(changes) or "no verdict changed"
    return text[0].upper() + text[1:]


def notes(comparison: Comparison) -> Iterator[str]:
    """What a reader must know before trusting the figures, a sentence each."""
    a, b = comparison.a, comparison.b
    if a.scenario != b.scenario:
        names = f"{visible(a.scenario)} and {visible(b.scenario)}"
        yield f"Two scenarios are compared, {names}: they may differ in anything."
    found = [each.effect for each in comparison.distributions if each.effect]
    effects = [each for each in found if not each.few]
    if comparison.same_traces and not comparison.identical:
        yield "The traces are the same to the last byte; only what was judged, or by what, differs."
    elif effects:
        clear = sum(each.clear for each in effects)
        yield (
            f"{clear} of the {len(effects)} distributions with {VALUES_MIN} values or more on both sides differ"
            " clearly. Clear means: the 95 % interval of the share of pairs in which B is larger excludes one half."
            " About one in 20 would by chance. A tie counts half."
        )
        if all(each.by_run for each in effects):
            yield "The intervals follow from the spread between runs, so values of a run may depend on each other."
        elif any(each.by_run for each in effects):
            yield "The intervals follow from the spread between runs; with one run a side they are rather too narrow."
        else:
            yield "The intervals assume independent values in a run and are rather too narrow; compare several seeds."
    elif found:
        yield f"No distribution has {VALUES_MIN} values or more on both sides: too few to tell a difference."


def difference(compared: Compared, *, is_short: bool = False) -> str:
    """What the effect means: "B's is longer in 63 % of pairs (95 % confidence: 58-68 %)", or that none is clear.

    A short one leaves out the interval.
    """
    a, b, effect = compared.a, compared.b, compared.effect
    if compared.same:
        return "the same values"
    if a is None or b is None:
        return "only B has values" if b else "only A has values"
    if effect is None:
        return "not comparable, since the units differ"
    if effect.few:
        return f"too few values to tell ({a.count} and {b.count})"
    if not effect.clear and is_short:
        return "no clear difference"
    if not effect.clear:
        digits = _digits(effect.low, effect.high)
        interval = percents(effect.low, effect.high, digits)
        return f"no clear difference ({100 * effect.superiority:.{digits}f} % of pairs; {_CONFIDENCE} {interval})"
    rates = _share if is_short else _rates
    longer, shorter = ("longer", "shorter") if b.unit == "ms" else ("larger", "smaller")
    if effect.superiority > 0.5:
        return f"B's is {longer} in {rates(effect.superiority, effect.low, effect.high)}"
    return f"B's is {shorter} in {rates(1 - effect.superiority, 1 - effect.high, 1 - effect.low)}"


def shift(compared: Compared) -> str:
    """How far B's median is above A's: "+30 ms", "-2 min"."""
    if compared.shift is None or compared.b is None:
        return ""
    unit, size = in_unit(visible(compared.b.unit), compared.shift)
    return f"{'+' if compared.shift > 0 else ''}{number(compared.shift / size)} {unit}"


def outcome(side: Outcome) -> str:
    """The verdict of one run, or how many of several passed: "9 of 10 passed"."""
    return side.verdict if side.runs <= 1 or not side.judged else f"{side.passed} of {side.judged} passed"


def pass_rate(side: Outcome) -> str:
    """What the pass rate of several runs may be: "95 % confidence: 59-99 %"; "" for one run."""
    return "" if side.runs <= 1 or not side.judged else f"{_CONFIDENCE} {percents(side.low, side.high)}"


def reason(judged: Judgement, side: Outcome) -> str:
    """What decided a verdict: a criterion's value and threshold, a property's checks."""
    value = visible(side.value) + ("" if side.seed is None else f" (seed {side.seed})")
    return f"{value} (threshold: {visible(side.rule)})" if judged.kind == "criterion" and value else value


def named(judged: Judgement) -> str:
    return "Verdict" if judged.kind == "run" else visible(judged.name)


def percents(low: float, high: float, digits: int | None = None) -> str:
    """An interval, rounded outwards so that it claims no more than is known: "58-68 %"."""
    digits = _digits(low, high) if digits is None else digits
    scale = 10**digits
    # The tiny number keeps whole per cents, such as 0.58, whole although floats are inexact.
    ends = floor(low * 100 * scale + 1e-9) / scale, ceil(high * 100 * scale - 1e-9) / scale
    return f"{ends[0]:.{digits}f}-{ends[1]:.{digits}f} %"


def _digits(low: float, high: float) -> int:
    """The digits that an interval needs: it may be narrow, or must show that it excludes one half: 50.4-53.8 %."""
    digits = 0 if high - low >= 0.02 else 1
    if low > 0.5:
        while digits < _DIGITS_MAX and floor(low * 100 * 10**digits) <= 50 * 10**digits:
            digits += 1
    return digits


def _share(rate: float, low: float, high: float) -> str:
    return f"{100 * rate:.{_digits(low, high)}f} % of pairs"


def _rates(rate: float, low: float, high: float) -> str:
    return f"{_share(rate, low, high)} ({_CONFIDENCE} {percents(low, high, _digits(low, high))})"


def _things(judged: tuple[Judgement, ...]) -> str:
    words = ["the verdict"] if judged[0].kind == "run" else []
    for kind, plural in (("criterion", "criteria"), ("property", "properties")):
        if count := sum(each.kind == kind for each in judged):
            words.append(f"{count} {kind if count == 1 else plural}")
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _seeds(seeds: tuple[int, ...]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}-{seeds[-1]}"
    shown = ", ".join(map(str, seeds[:5]))
    return f"seeds {shown}" if len(seeds) <= 5 else f"{len(seeds)} seeds: {shown}, ..."
