"""The kept ratios, and the judgement of today's ratios against them.

Owns the file and the rule; it measures nothing. A ratio fails if it is more than `WORSE_MAX` times worse. If it is as
much better, it should be kept again, so that a later loss is noticed. A ratio of counts is the same in every run: it
fails if it is worse at all. A kept ratio that is no longer measured fails as well, since it guards nothing.
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
    """Which direction is an improvement."""

    HIGHER = "higher"
    LOWER = "lower"


class Verdict(StrEnum):
    """The judgement of one ratio."""

    SAME = "as kept"
    WORSE = "WORSE"
    BETTER = "better"
    NEW = "not kept"
    GONE = "no longer measured"


class Ratio(NamedTuple):
    """The speed or cost of one side relative to another. `exact`: both are counts, the same in every run."""

    name: str
    better: Better
    value: float
    exact: bool = False

    @property
    def worse_max(self) -> float:
        """The largest allowed factor by which the ratio may become worse."""
        return 1.0 if self.exact else WORSE_MAX

    def shown(self, value: float) -> str:
        """A value of this ratio, rounded for people."""
        return f"{value:.6g}" if self.exact else f"{value:.3g}"


class Kept(NamedTuple):
    """The kept ratios by name, and the Python version that measured them."""

    python: str
    ratios: Mapping[str, float]


class Judgement(NamedTuple):
    """Today's ratio and the kept one of the same name; either may be missing. `worse` is the factor of the change."""

    name: str
    ratio: Ratio | None
    kept: float | None
    worse: float
    verdict: Verdict

    @property
    def fails(self) -> bool:
        """Whether the ratchet fails."""
        return self.verdict in (Verdict.WORSE, Verdict.NEW, Verdict.GONE)

    def __str__(self) -> str:
        ratio = self.ratio
        if ratio is None:
            return f"{self.name}: kept {self.kept:.3g}, {self.verdict}; if intended: {KEEP}"
        if self.kept is None:
            return f"{self.name}: {ratio.shown(ratio.value)}, {self.verdict}; to keep it: {KEEP}"
        values = f"{ratio.shown(ratio.value)}, kept {ratio.shown(self.kept)}"
        text = f"{self.name}: {values} ({ratio.better} is better): {self.verdict}"
        if self.verdict is Verdict.WORSE:
            by = f"by {100 * (self.worse - 1):.3g}%, more than {ratio.worse_max - 1:.0%}"
            return f"{text} {by}; if intended: {KEEP}"
        if self.verdict is Verdict.BETTER:
            return f"{text} by {100 * (1 / self.worse - 1):.3g}%; to keep it: {KEEP}"
        return text


def judge(ratios: Sequence[Ratio], kept: Mapping[str, float]) -> list[Judgement]:
    """Judge each of today's ratios against the kept one of its name, then the kept ratios without one of today."""
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
    """The better value of each ratio from two measurements: a real loss shows in both."""
    return [_better(*pair) for pair in zip(first, second, strict=True)]


def _better(one: Ratio, other: Ratio) -> Ratio:
    higher = one.better is Better.HIGHER
    return one if (one.value > other.value) is higher else other


def read(path: Path = FILE) -> Kept:
    """The kept ratios. Empty without a file."""
    if not path.exists():
        return Kept("", {})
    return Kept(**json.loads(path.read_text(encoding="utf-8")))


def write(ratios: Sequence[Ratio], path: Path = FILE) -> None:
    """Keep these ratios with the version of this Python: counts exactly, the others to three digits."""
    values = {each.name: each.value if each.exact else float(f"{each.value:.3g}") for each in ratios}
    kept = Kept(platform.python_version(), values)
    path.write_text(json.dumps(kept._asdict(), indent=2) + "\n", encoding="utf-8")
