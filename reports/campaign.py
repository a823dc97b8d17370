"""The report of an exploration, as a page and as Markdown: what was run, what broke, and what was not tried.

Owns the summary that both show, as data, and how they show it. The caller reads the campaign's folder and runs its
failures again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from drsim.reports import markdown, page
from drsim.reports.comparing.effect import wilson
from drsim.reports.text import visible
from drsim.scenarios.result import RunVerdict

PAGE_BYTES_MAX: Final = 300_000
_STORIES_SHOWN: Final = (20, 10, 5, 2, 1, 0)
"""Numbers of stories to show: each is tried until the page is small enough."""
_LINES_MAX: Final = 80
_BARS_MIN: Final = 24
_BARS_MAX: Final = 48

Seeds = tuple[int, int]
"""The first and the last of a range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a story; `kind` is "write", "fault", "trouble", "drs" or "more" (the number of events before)."""

    at_s: float
    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureStory:
    """One shrunk failure: a small scenario, what happens in it, and how the nearest passing run first differs.

    `trouble` is the reason why there is no story, or ""; `passing` is "" if there is no passing run.
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
    """Violations of one property whose expectations differ in their figures only.

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
    """How often a kind of fault was injected in a phase of life, met a running poll, and changed an outcome.

    A zero means something only if the pair of fault and phase is `possible`.
    """

    struck: int
    met_poll: int
    changed: int
    possible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary:
    """Everything that the two documents show. Seconds are of virtual time.

    `ledger` has the kinds of fault with their phases of life in order. `others` are failures in the folder that belong
    to no group: of crash points, or of an earlier campaign. `unexercised` are properties and criteria that the scenario
    declares and no seed exercised.
    """

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
    ledger: Mapping[str, tuple[LedgerCell, ...]]
    groups: tuple[FailureGroup, ...]
    others: tuple[FailureStory, ...]
    unexercised: tuple[str, ...] = ()

    @property
    def verdict(self) -> RunVerdict:
        """As for a run: unknown if no seed ran or something declared was not exercised."""
        if self.failed_seeds:
            return "fail"
        return "pass" if self.seeds_count and not self.unexercised else "unknown"

    @property
    def possible(self) -> list[LedgerCell]:
        """Cells of the ledger in which faults are possible."""
        return [cell for cells in self.ledger.values() for cell in cells if cell.possible]

    @property
    def never(self) -> int:
        """The number of possible cells in which no fault was injected."""
        return sum(not cell.struck for cell in self.possible)


class Piece(NamedTuple):
    """A part of a strip or a chart, with its start and size in percent of the whole."""

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
    return f"{campaign.claim}, {percent(failed / count)} ({percent(low)} to {percent(high)} at 95 % confidence)"


def strip(campaign: CampaignSummary) -> list[Piece]:
    """The seeds from left to right: ranges that were run and that are missing, and those that failed."""
    ranges = [*campaign.run, *campaign.missing]
    if not ranges:
        return []
    low, high = min(first for first, _ in ranges), max(last for _, last in ranges)
    unit = 100 / (high - low + 1)

    def piece(kind: str, first: int, last: int, label: str) -> Piece:
        return Piece(kind, round((first - low) * unit, 2), round((last - first + 1) * unit, 2), label)

    pieces = [piece("run", *seeds, f"seeds {_range(seeds)} were run") for seeds in campaign.run]
    pieces += [piece("missing", *seeds, f"seeds {_range(seeds)} were not run") for seeds in campaign.missing]
    # Many failures close together make one mark.
    marks = {round((seed - low) * unit, 1): seed for seed in reversed(campaign.failed_seeds)}
    return pieces + [piece("failed", seed, seed, f"seed {seed} failed") for _, seed in sorted(marks.items())]


def recovery_chart(campaign: CampaignSummary) -> tuple[list[Piece], int]:
    """Overdue executions by the time from healing to their end, as bars, and the width of a bar in seconds."""
    if not campaign.recovery_s:
        return [], 0
    longest = max(campaign.recovery_s)
    width = longest // _BARS_MAX + 1
    bars = [0] * max(longest // width + 1, _BARS_MIN)
    for second, count in campaign.recovery_s.items():
        bars[second // width] += count
    share, most = 100 / len(bars), max(bars)
    labels = [_range((start, start + width - 1), " to ") for start in range(0, len(bars) * width, width)]
    return [
        Piece("bar", round(number * share, 2), round(100 * count / most, 1), f"{count} after {labels[number]} s")
        for number, count in enumerate(bars)
    ], width


def percent(ratio: float) -> str:
    """A share for people, with two significant digits: 5 %, 0.83 %."""
    return f"{float(f'{ratio * 100:.2g}'):g} %"


def render_html(campaign: CampaignSummary) -> str:
    """The page, of at most 300 kB: it says so if it holds fewer stories for that."""
    return _fitting(campaign, PAGE_BYTES_MAX, lambda context: str(page.render("campaign.html.j2", **context)))


def render_markdown(campaign: CampaignSummary) -> str:
    """The same as GitHub-flavoured Markdown, of at most 900 kB."""
    template = markdown.environment().get_template("campaign.md.j2")
    return _fitting(campaign, markdown.BYTES_MAX, lambda context: re.sub(r"\n{3,}", "\n\n", template.render(context)))


def _fitting(campaign: CampaignSummary, bytes_max: int, render: Callable[[Mapping[str, object]], str]) -> str:
    stories = [*(story for group in campaign.groups for story in group.stories), *campaign.others]
    bars, bar_seconds = recovery_chart(campaign)
    context = {
        "campaign": campaign,
        "verdict": campaign.verdict,
        "rate_sentence": rate_sentence(campaign),
        "strip": strip(campaign),
        "bars": bars,
        "bar_seconds": bar_seconds,
        "missing_count": sum(last - first + 1 for first, last in campaign.missing),
        "ranges": lambda ranges: _listed([_range(seeds) for seeds in ranges], 20, "more ranges"),
        "seeds": lambda seeds, shown_max=12: _listed(seeds, shown_max, "more"),
        "lines": _lines,
    }
    for shown in _STORIES_SHOWN:
        text = render({**context, "shown": {story.file for story in stories[:shown]}})
        if len(text.encode()) <= bytes_max:
            break
    return text


def _lines(text: str) -> str:
    """The first lines of a file, each made safe to show."""
    lines = text.split("\n")
    shown = [" " * min(len(line) - len(line.lstrip(" ")), 40) + visible(line) for line in lines[:_LINES_MAX]]
    return "\n".join([*shown, *([f"... {len(lines) - _LINES_MAX} more lines"] if len(lines) > _LINES_MAX else [])])


def _range(seeds: Seeds, between: str = "–") -> str:
    first, last = seeds
    return str(first) if first == last else f"{first}{between}{last}"


def _listed(items: Sequence[object], shown_max: int, more: str) -> str:
    """The first items in words, and how many more there are."""
    rest = f" and {len(items) - shown_max} {more}" if len(items) > shown_max else ""
    return ", ".join(map(str, items[:shown_max])) + rest
