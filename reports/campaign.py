"""The report of an exploration, as a page and as Markdown: what was run, what broke, and what was not tried.

Owns the summary that both show, as data, and how they show it. The caller reads the campaign's folder, and finds out
whether its failures still fail.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from drsim.reports import page
from drsim.reports.comparing.effect import wilson
from drsim.reports.markdown import number
from drsim.reports.text import visible

PAGE_BYTES_MAX: Final = 300_000
MARKDOWN_BYTES_MAX: Final = 900_000
_STORIES_SHOWN: Final = (20, 10, 5, 2, 1, 0)
"""Numbers of stories to show: each is tried until the page is small enough."""
_LINES_MAX: Final = 80
_BARS_MIN: Final = 24
_BARS_MAX: Final = 48
_HEAT_MAX: Final = 5

Verdict = Literal["pass", "fail", "unknown"]
Seeds = tuple[int, int]
"""The first and the last of a range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a story; `kind` is "write", "fault", "trouble", "drs" or "more" (how many events came before)."""

    at_s: float
    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureStory:
    """One shrunk failure: a small scenario, what happens in it, and how the nearest passing run first differs.

    `trouble` says why there is nothing to tell, and is "" otherwise; so is `passing` where there is no such run.
    """

    file: str
    property: str
    seed: int
    replay: str
    size: str
    faults: tuple[str, ...]
    expected: str
    observed: str
    failed_at_s: float
    scenario: str
    outcome: str = ""
    steps: tuple[Step, ...] = ()
    passing: str = ""
    fails: str = ""
    passes: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Violations that look alike: the same property, and the same expectation but for its figures.

    `execution_id`, `at_s` and `observed` are those of the lowest seed.
    """

    property: str
    expected: str
    observed: str
    execution_id: str
    at_s: float
    seeds: tuple[int, ...]
    stories: tuple[FailureStory, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCell:
    """A kind of fault in a phase of life: how often it struck, met a running poll, and changed how an execution ended.

    Where it is not `possible`, no zero means a thing.
    """

    struck: int
    met_poll: int
    changed: int
    possible: bool

    @property
    def heat(self) -> int:
        """How often it struck, as a level from 0 (never) to 5 (ten thousand times and more)."""
        return min(_HEAT_MAX, 1 + int(math.log10(self.struck))) if self.struck else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A kind of fault in all phases of life, in their order."""

    fault: str
    cells: tuple[LedgerCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """Everything that the two documents show. Seconds are of virtual time."""

    scenario: str
    title: str
    why: str
    folder: str
    parts: str
    code: str
    claim: str
    seeds_count: int
    failed_seeds: tuple[int, ...]
    run: tuple[Seeds, ...]
    missing: tuple[Seeds, ...]
    compared: int
    recovery_s: Mapping[int, int]
    recovery_quantiles: tuple[tuple[str, int], ...]
    recovery_allowed_s: float
    healed: bool
    unwinnable: tuple[tuple[str, int], ...]
    phases: tuple[str, ...]
    ledger: tuple[LedgerRow, ...]
    groups: tuple[FailureGroup, ...]
    others: tuple[FailureStory, ...]
    """Failures in the folder that belong to no group: of crash points, or of an earlier campaign."""
    unexercised: tuple[str, ...] = ()
    """Properties and criteria that the scenario declares and no seed exercised."""

    @property
    def verdict(self) -> Verdict:
        """As for a run: nothing explored says nothing, and neither does what was not exercised."""
        if self.failed_seeds:
            return "fail"
        return "pass" if self.seeds_count and not self.unexercised else "unknown"

    @property
    def never(self) -> int:
        """Cells of the ledger that might have been met and were not."""
        return sum(cell.possible and not cell.struck for row in self.ledger for cell in row.cells)

    @property
    def possible(self) -> int:
        """Cells of the ledger that might be met."""
        return sum(cell.possible for row in self.ledger for cell in row.cells)

    @property
    def missing_count(self) -> int:
        """Seeds that were asked for and not run."""
        return sum(last - first + 1 for first, last in self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a strip or a chart, its place and size in percent of the whole."""

    kind: str
    at: float
    size: float
    label: str


def rate_sentence(campaign: CampaignSummary) -> str:
    """What the seeds say of all others."""
    failed, count = len(campaign.failed_seeds), campaign.seeds_count
    if not failed:
        return campaign.claim
    low, high = wilson(failed, count)
    most = f"{percent(low)} to {percent(high)} of all would, at 95 % confidence"
    return f"{campaign.claim}, {percent(failed / count)}: {most}"


def strip(campaign: CampaignSummary) -> list[Piece]:
    """The seeds from left to right: ranges that were run and that are missing, and those that failed."""
    ranges = [*campaign.run, *campaign.missing]
    if not ranges:
        return []
    low, high = min(first for first, _ in ranges), max(last for _, last in ranges)
    unit = 100 / (high - low + 1)

    def piece(kind: str, first: int, last: int, label: str) -> Piece:
        return Piece(
            kind=kind, at=round((first - low) * unit, 2), size=round((last - first + 1) * unit, 2), label=label
        )

    pieces = [piece("run", *seeds, f"seeds {_range(seeds)} were run") for seeds in campaign.run]
    pieces += [piece("missing", *seeds, f"seeds {_range(seeds)} were not run") for seeds in campaign.missing]
    # Many failures close together make one mark.
    marks = {round((seed - low) * unit, 1): seed for seed in reversed(campaign.failed_seeds)}
    pieces += [piece("failed", seed, seed, f"seed {seed} failed") for _, seed in sorted(marks.items())]
    return pieces


def recovery_chart(campaign: CampaignSummary) -> tuple[list[Piece], int]:
    """How many overdue executions ended how long after healing, as bars, and the width of a bar in seconds."""
    if not campaign.recovery_s:
        return [], 0
    longest = max(campaign.recovery_s)
    width = longest // _BARS_MAX + 1
    bars = [0] * max(longest // width + 1, _BARS_MIN)
    for second, count in campaign.recovery_s.items():
        bars[second // width] += count
    share, most = 100 / len(bars), max(bars)
    return [
        Piece(
            kind="bar",
            at=round(place * share, 2),
            size=round(100 * count / most, 1),
            label=f"{count} after {place * width}{f' to {place * width + width - 1}' if width > 1 else ''} s",
        )
        for place, count in enumerate(bars)
    ], width


def percent(ratio: float) -> str:
    """A share for people, with two digits that count: 5 %, 0.83 %."""
    return f"{float(f'{ratio * 100:.2g}'):g} %"


def render_html(campaign: CampaignSummary) -> str:
    """The page, of at most 300 kB: if it must, it holds fewer stories, and says so."""
    return _fitting(campaign, PAGE_BYTES_MAX, lambda context: page.render("campaign.html.j2", context))


def render_markdown(campaign: CampaignSummary) -> str:
    """The same as GitHub-flavoured Markdown, of at most 900 kB."""
    template = _markdown().get_template("campaign.md.j2")
    return _fitting(campaign, MARKDOWN_BYTES_MAX, lambda context: re.sub(r"\n{3,}", "\n\n", template.render(context)))


def _fitting(campaign: CampaignSummary, bytes_max: int, render: Callable[[Mapping[str, object]], str]) -> str:
    for shown in _STORIES_SHOWN:
        text = render(_context(campaign, shown))
        if len(text.encode()) <= bytes_max:
            break
    return text


def plain(text: object, length_max: int = 200) -> str:
    """Any text inside a line of Markdown: it neither marks up, nor links, nor ends what it stands in."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~@&:=-])", r"\\\1", visible(text, length_max))


def fenced(text: object, length_max: int = 400) -> str:
    """Any text as a line of a fenced block, or within a code span: it cannot end either."""
    return visible(text, length_max).replace("`", "'")


def _context(campaign: CampaignSummary, stories_shown: int) -> dict[str, object]:
    stories = [story for group in campaign.groups for story in group.stories] + list(campaign.others)
    bars, bar_seconds = recovery_chart(campaign)
    return {
        "campaign": campaign,
        "verdict": campaign.verdict,
        "rate_sentence": rate_sentence(campaign),
        "strip": strip(campaign),
        "bars": bars,
        "bar_seconds": bar_seconds,
        "shown": {story.file for story in stories[:stories_shown]},
        "ranges": _ranges,
        "seeds": _seeds,
        "percent": percent,
        "lines": _lines,
        "phase": lambda name: name.lower().replace("_", " "),
    }


@lru_cache(maxsize=1)
def _markdown() -> Environment:
    found = Environment(
        loader=PackageLoader("drsim.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Markdown, not HTML: what a campaign brings in is escaped by `plain` and `fenced`.
        autoescape=False,
    )
    found.filters |= {"plain": plain, "fenced": fenced, "number": number}
    return found


def _lines(text: str) -> str:
    """A file's lines, each made fit to be shown, as far as they are few."""
    lines = text.split("\n")
    shown = [" " * min(len(line) - len(line.lstrip(" ")), 40) + visible(line) for line in lines[:_LINES_MAX]]
    return "\n".join([*shown, *([f"... {len(lines) - _LINES_MAX} more lines"] if len(lines) > _LINES_MAX else [])])


def _range(seeds: Seeds) -> str:
    first, last = seeds
    return str(first) if first == last else f"{first}–{last}"


def _ranges(ranges: tuple[Seeds, ...], shown_max: int = 20) -> str:
    """Ranges of seeds in words: 1-40, 61, 63-80."""
    more = f" and {len(ranges) - shown_max} more ranges" if len(ranges) > shown_max else ""
    return ", ".join(map(_range, ranges[:shown_max])) + more


def _seeds(seeds: tuple[int, ...], shown_max: int = 12) -> str:
    """Seeds one by one, the first of them."""
    more = f" and {len(seeds) - shown_max} more" if len(seeds) > shown_max else ""
    return ", ".join(map(str, seeds[:shown_max])) + more
