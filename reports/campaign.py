"""The report of an exploration, as a page and as Markdown: what was run, what broke, and what was not tried."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from drsim.reports import markdown, page
from drsim.reports.comparing.effect import wilson
from drsim.reports.objectives import objectives_in_words
from drsim.reports.text import visible
from drsim.scenarios.campaign import Campaign, Header, Seeds
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.explanation import Difference
from drsim.scenarios.failure import Failure
from drsim.scenarios.narration import Line
from drsim.scenarios.result import instant

PAGE_BYTES_MAX: Final = 300_000
_STORIES_SHOWN: Final = (20, 10, 5, 2, 1, 0)
"""Numbers of stories to show: each is tried until the page is small enough."""
_LINES_MAX: Final = 80
_BARS_MIN: Final = 24
_BARS_MAX: Final = 48
_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


class FailureStory(NamedTuple):
    """A shrunk failure with its scenario as text, and its story; `trouble` is the reason why there is none, or ""."""

    file: str
    failure: Failure
    scenario: str
    replay: str
    size: str
    outcome: str = ""
    steps: Sequence[Line] = ()
    nearest: Difference | None = None
    trouble: str = ""


class FailureGroup(NamedTuple):
    """Violations of one property whose expectations differ in their figures only, in the order of seeds."""

    expected: str
    found: Sequence[Contradiction]
    stories: Sequence[FailureStory]

    @property
    def seeds(self) -> list[int]:
        return [each.seed for each in self.found]


class CampaignSummary(NamedTuple):
    """Everything that the two documents show.

    `others` are failures in the folder that belong to no group: of crash points, or of an earlier campaign.
    """

    header: Header
    campaign: Campaign
    folder: Path
    run: Sequence[Seeds]
    missing: Sequence[Seeds]
    groups: Sequence[FailureGroup] = ()
    others: Sequence[FailureStory] = ()


class Piece(NamedTuple):
    """A part of a strip or a chart, with its start and size in percent of the whole."""

    kind: str
    at: float
    size: float
    label: str


def rate_sentence(campaign: Campaign) -> str:
    """The claim that the seeds support, with an interval if some failed."""
    failed, count = len(campaign.failed_seeds), campaign.seeds_count
    if not failed:
        return campaign.claim()
    low, high = wilson(failed, count)
    return f"{campaign.claim()}, {percent(failed / count)} ({percent(low)} to {percent(high)} at 95 % confidence)"


def strip(summary: CampaignSummary) -> list[Piece]:
    """The seeds from left to right: ranges that were run and that are missing, and those that failed."""
    ranges = [*summary.run, *summary.missing]
    if not ranges:
        return []
    low, high = min(first for first, _ in ranges), max(last for _, last in ranges)
    unit = 100 / (high - low + 1)

    def piece(kind: str, first: int, last: int, label: str) -> Piece:
        return Piece(kind, round((first - low) * unit, 2), round((last - first + 1) * unit, 2), label)

    pieces = [piece("run", *seeds, f"seeds {_range(seeds)} were run") for seeds in summary.run]
    pieces += [piece("missing", *seeds, f"seeds {_range(seeds)} were not run") for seeds in summary.missing]
    # Many failures close together make one mark.
    marks = {round((seed - low) * unit, 1): seed for seed in reversed(summary.campaign.failed_seeds)}
    return pieces + [piece("failed", seed, seed, f"seed {seed} failed") for _, seed in sorted(marks.items())]


def recovery_chart(recovery_s: Mapping[int, int]) -> tuple[list[Piece], int]:
    """Overdue executions by the time from healing to their end, as bars, and the width of a bar in seconds."""
    if not recovery_s:
        return [], 0
    longest = max(recovery_s)
    width = longest // _BARS_MAX + 1
    bars = [0] * max(longest // width + 1, _BARS_MIN)
    for second, count in recovery_s.items():
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


def render_html(summary: CampaignSummary) -> str:
    """The page, of at most 300 kB: it says so if it holds fewer stories for that."""
    return _fitting(summary, PAGE_BYTES_MAX, lambda context: str(page.render("campaign.html.j2", **context)))


def render_markdown(summary: CampaignSummary) -> str:
    """The same as GitHub-flavoured Markdown, of at most 900 kB."""
    template = markdown.environment().get_template("campaign.md.j2")
    return _fitting(summary, markdown.BYTES_MAX, lambda context: re.sub(r"\n{3,}", "\n\n", template.render(context)))


def _fitting(summary: CampaignSummary, bytes_max: int, render: Callable[[Mapping[str, object]], str]) -> str:
    stories = [*(story for group in summary.groups for story in group.stories), *summary.others]
    bars, bar_seconds = recovery_chart(summary.campaign.recovery_s)
    ledger = summary.campaign.ledger(summary.header.scenario)
    context = {
        **summary._asdict(),
        "scenario": summary.header.scenario,
        "verdict": summary.campaign.verdict,
        "ledger": ledger,
        "possible": [cell for cells in ledger.values() for cell in cells.values() if cell.possible],
        "rate_sentence": rate_sentence(summary.campaign),
        "strip": strip(summary),
        "bars": bars,
        "bar_seconds": bar_seconds,
        "quantiles": {name: summary.campaign.recovery(ratio) for name, ratio in _QUANTILES.items()},
        "objectives": list(objectives_in_words(summary.campaign)),
        "missing_count": sum(last - first + 1 for first, last in summary.missing),
        "ranges": lambda ranges: _listed([_range(seeds) for seeds in ranges], 20, "more ranges"),
        "seeds": lambda seeds, shown_max=12: _listed(seeds, shown_max, "more"),
        "lines": _lines,
        "clock_at": _clock_at,
    }
    for shown in _STORIES_SHOWN:
        text = render({**context, "shown": {story.file for story in stories[:shown]}})
        if len(text.encode()) <= bytes_max:
            break
    return text


def _clock_at(story: FailureStory, at_us: int) -> str:
    return markdown.clock(instant(story.failure.scenario.epoch_us + at_us))


def _lines(text: str) -> str:
    """The first lines of a file, each made safe to show."""
    lines = text.split("\n")
    shown = [" " * min(len(line) - len(line.lstrip(" ")), 40) + visible(line) for line in lines[:_LINES_MAX]]
    return "\n".join([*shown, *([f"... {len(lines) - _LINES_MAX} more lines"] if len(lines) > _LINES_MAX else [])])


def _range(seeds: Seeds, between: str = "–") -> str:
    first, last = seeds
    return str(first) if first == last else f"{first}{between}{last}"


def _listed(items: Sequence[object], shown_max: int, more: str) -> str:
    rest = f" and {len(items) - shown_max} {more}" if len(items) > shown_max else ""
    return ", ".join(map(str, items[:shown_max])) + rest
