"""The ratios that are kept, and how those of today are judged beside them.

Owns the file and the rule; it measures nothing. A ratio that is worse by more than `WORSE_MAX` fails, and one that is
better by as much should be kept anew, since a later loss would otherwise go unseen. A ratio of counts is the same in
every run: it fails when it is worse at all. What is kept and no longer measured fails as well, for it guards nothing.
"""

import json
import platform
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
    GONE = "not measured any more"


class Ratio(NamedTuple):
    """One side's speed or cost beside another's. It is `exact` if both are counts, which no neighbour changes."""

    name: str
    better: Better
    value: float
    exact: bool = False

    @property
    def worse_max(self) -> float:
        """How many times worse it may be."""
        return 1.0 if self.exact else WORSE_MAX

    def shown(self, value: float) -> str:
        """A value of this ratio, to as many figures as count."""
        return f"{value:.6g}" if self.exact else f"{value:.3g}"


class Kept(NamedTuple):
    """What is kept: ratios by their names, and the Python that they were measured on."""

    python: str
    ratios: Mapping[str, float]


class Judgement(NamedTuple):
    """One name's ratio of today and the kept one, as far as there are. `worse` is how many times worse it is."""

    name: str
    ratio: Ratio | None
    kept: float | None
    worse: float
    verdict: Verdict

    @property
    def fails(self) -> bool:
        """Whether it may not stay so."""
        return self.verdict in (Verdict.WORSE, Verdict.NEW, Verdict.GONE)

    def __str__(self) -> str:
        ratio = self.ratio
        if ratio is None:
            return f"{self.name}: kept {self.kept:.3g}, and {self.verdict}; if that is meant: {KEEP}"
        if self.kept is None:
            return f"{self.name}: {ratio.shown(ratio.value)}, and none is kept: {KEEP}"
        beside = f"{ratio.shown(ratio.value)}, kept {ratio.shown(self.kept)}"
        said = f"{self.name}: {beside} ({ratio.better} is better): {self.verdict}"
        if self.verdict is Verdict.WORSE:
            by = f"by {100 * (self.worse - 1):.3g}%, more than {ratio.worse_max - 1:.0%}"
            return f"{said} {by}; if that is meant: {KEEP}"
        if self.verdict is Verdict.BETTER:
            return f"{said} by {100 * (1 / self.worse - 1):.3g}%, which should be kept: {KEEP}"
        return said


def judge(ratios: Sequence[Ratio], kept: Mapping[str, float]) -> list[Judgement]:
    """Each ratio of today beside the kept one of its name, and then what is kept and was not measured."""
    gone = kept.keys() - {ratio.name for ratio in ratios}
    return [
        *(_judged(ratio, kept.get(ratio.name)) for ratio in ratios),
        *(Judgement(name, None, kept[name], 1.0, Verdict.GONE) for name in sorted(gone)),
    ]


def _judged(ratio: Ratio, kept: float | None) -> Judgement:
    if kept is None:
        return Judgement(ratio.name, ratio, None, 1.0, Verdict.NEW)
    worse = ratio.value / kept if ratio.better is Better.LOWER else kept / ratio.value
    if worse > ratio.worse_max:
        verdict = Verdict.WORSE
    else:
        verdict = Verdict.BETTER if worse < 1 / ratio.worse_max else Verdict.SAME
    return Judgement(ratio.name, ratio, kept, worse, verdict)


def better_of(first: Sequence[Ratio], second: Sequence[Ratio]) -> list[Ratio]:
    """Of two measurements of the same ratios the better one of each, for what is really worse is so both times."""
    return [_better(*pair) for pair in zip(first, second, strict=True)]


def _better(one: Ratio, other: Ratio) -> Ratio:
    higher = one.better is Better.HIGHER
    return one if (one.value > other.value) is higher else other


def read(path: Path = FILE) -> Kept:
    """What is kept; nothing without a file."""
    if not path.exists():
        return Kept("", {})
    return Kept(**json.loads(path.read_text(encoding="utf-8")))


def write(ratios: Sequence[Ratio], path: Path = FILE) -> None:
    """Keep these as measured on this Python: counts to the last digit, the others to three figures."""
    values = {each.name: each.value if each.exact else float(f"{each.value:.3g}") for each in ratios}
    kept = Kept(platform.python_version(), values)
    path.write_text(json.dumps(kept._asdict(), indent=2) + "\n", encoding="utf-8")
