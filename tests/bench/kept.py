"""The ratios that are kept, and how those of today are judged beside them.

Owns the file and the rule; it measures nothing. A ratio that is worse by more than `WORSE_MAX` fails, and one that is
better by as much should be kept anew, since a later loss would otherwise go unseen.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).parent / "kept.json"
WORSE_MAX: Final = 1.30
KEEP: Final = "nox -s ratchet -- --keep"


class Better(StrEnum):
    """Which way is better."""

    HIGHER = "higher"
    LOWER = "lower"


class Verdict(StrEnum):
    """What comes of one ratio."""

    SAME = "as kept"
    WORSE = "WORSE"
    BETTER = "better"
    NEW = "not kept yet"


class Ratio(NamedTuple):
    """One side's speed or cost beside another's."""

    name: str
    better: Better
    value: float


class Judgement(NamedTuple):
    """A ratio of today beside the kept one, if there is one. `worse` is how many times worse it is: 1 if equal."""

    ratio: Ratio
    kept: float | None
    worse: float
    verdict: Verdict

    @property
    def fails(self) -> bool:
        """Whether it may not stay so."""
        return self.verdict in (Verdict.WORSE, Verdict.NEW)

    def __str__(self) -> str:
        name, better, value = self.ratio
        if self.kept is None:
            return f"{name}: {value:.3g}, and none is kept: {KEEP}"
        said = f"{name}: {value:.3g}, kept {self.kept:.3g} ({better} is better): {self.verdict}"
        if self.verdict is Verdict.WORSE:
            return f"{said} by {self.worse - 1:.0%}, more than {WORSE_MAX - 1:.0%}; if that is meant: {KEEP}"
        if self.verdict is Verdict.BETTER:
            return f"{said} by {1 / self.worse - 1:.0%}, which should be kept: {KEEP}"
        return said


def judge(ratios: Sequence[Ratio], kept: Mapping[str, float]) -> list[Judgement]:
    """Each ratio of today beside the kept one of its name."""
    return [_judged(ratio, kept.get(ratio.name)) for ratio in ratios]


def _judged(ratio: Ratio, kept: float | None) -> Judgement:
    if kept is None:
        return Judgement(ratio, None, 1.0, Verdict.NEW)
    worse = ratio.value / kept if ratio.better is Better.LOWER else kept / ratio.value
    if worse > WORSE_MAX:
        return Judgement(ratio, kept, worse, Verdict.WORSE)
    return Judgement(ratio, kept, worse, Verdict.BETTER if worse < 1 / WORSE_MAX else Verdict.SAME)


def better_of(first: Sequence[Ratio], second: Sequence[Ratio]) -> list[Ratio]:
    """Of two measurements of the same ratios the better one of each, for what is really worse is so both times."""
    return [_better(*pair) for pair in zip(first, second, strict=True)]


def _better(one: Ratio, other: Ratio) -> Ratio:
    higher = one.better is Better.HIGHER
    return one if (one.value > other.value) is higher else other


def read(path: Path = FILE) -> dict[str, float]:
    """The kept ratios by their names; none without a file."""
    if not path.exists():
        return {}
    kept: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def write(ratios: Sequence[Ratio], path: Path = FILE) -> None:
    """Keep these, to three figures."""
    kept = {ratio.name: float(f"{ratio.value:.3g}") for ratio in ratios}
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
