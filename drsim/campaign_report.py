"""The report of an exploration: from a campaign's folder to `report.html` and `report.md` in it.

Adds up the ranges, and runs each failure again for its story; `reports.campaign` renders the summary.
"""

import shlex
import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from drsim.arguments import UserError, reading
from drsim.campaign_files import CAMPAIGN, FAILURES, failure_paths, read
from drsim.reports import campaign as report
from drsim.reports import crash_points
from drsim.scenarios import explanation, failure
from drsim.scenarios.atomic_files import replaced
from drsim.scenarios.campaign import Campaign, Header, joined, missing_ranges
from drsim.scenarios.crashes import Crashed, CrashPoint
from drsim.scenarios.failure import Failure
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import RunVerdict, instant
from drsim.simulator.durations import plural, show_seconds
from drsim.simulator.errors import RunEndingError
from drsim.trust import Trust

_PAGE: Final = "report.html"
_MARKDOWN: Final = "report.md"
_STORIES_MAX: Final = 20


def write(folder: Path, trust: Trust | None = None) -> list[Path]:
    """Write the page and the Markdown of a campaign into its folder, and return their paths.

    Raises OSError, and UserError for a folder without a campaign, or with a file that cannot be read or names code that
    may not be imported.
    """
    summary = summed_up(folder, trust)
    return _written(folder, report.render_html(summary), report.render_markdown(summary))


def write_crashes(
    folder: Path, scenario: Scenario, seed: int, verdict: RunVerdict, points: Sequence[CrashPoint], done: Crashed
) -> Path:
    """Write the page and the Markdown of crash points into their folder, and return the page. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    missed = {*done.missed}
    counts = [
        Counter(map(_call, points)),
        Counter(_call(point) for point, _ in done.failures),
        Counter(_call(point) for point in points if str(point.rule) in missed),
    ]
    rows = [crash_points.CallRow(*call, *(count[call] for count in counts)) for call in counts[0]]
    broken = [
        crash_points.Broken(name, len(group), str(group[0][0].rule), group[0][1])
        for name, group in done.groups().items()
    ]
    failures = sorted((folder / FAILURES).glob("*.yaml"))
    found = crash_points.CrashReport(
        scenario.name, scenario.title, seed, verdict, done.points_count, rows, broken, failures
    )
    return _written(folder, crash_points.render_html(found), crash_points.render_markdown(found))[0]


def _call(point: CrashPoint) -> tuple[str, str]:
    return f"{point.rule.function}", f"{point.rule.operation}"


def remove(folder: Path) -> None:
    """Remove the two documents: an earlier verdict must not stay beside a campaign that is not finished."""
    for name in (_PAGE, _MARKDOWN):
        (folder / name).unlink(missing_ok=True)


def _written(folder: Path, page: str, markdown: str) -> list[Path]:
    documents = {folder / _PAGE: page, folder / _MARKDOWN: markdown}
    for path, text in documents.items():
        with replaced(path) as place:
            place.write_text(text, encoding="utf-8")
    return list(documents)


def summed_up(folder: Path, trust: Trust | None = None) -> report.CampaignSummary:
    """All data of a campaign's report. Raises UserError."""
    kept = reading(lambda: read(folder / CAMPAIGN))
    if kept is None:
        raise UserError(f"no campaign in {folder}: `drsim explore` leaves {CAMPAIGN} in a folder of its own")
    header, campaign = kept.header, Campaign(kept.ranges)
    paths = sorted((folder / FAILURES).glob("*.yaml"))
    failures = reading(lambda: {path: failure.read(path) for path in paths})
    trust = trust or Trust()
    for path, each_kept in failures.items():
        trust.check(failure.code_of(each_kept), path)
    done = [(each.first, each.last) for each in kept.ranges]
    run = joined(done)
    requested = header.seeds or (run and (run[0][0], run[-1][1]))
    missing = missing_ranges(*requested, done) if requested else []
    return report.CampaignSummary(header, campaign, folder, run, missing, *_grouped(campaign, folder, failures, header))


def size_of(scenario: Scenario) -> str:
    """The size of a shrunk scenario: "1 execution, 1 wave, 1 fault, 10m of virtual time from 2025-11-28T20:32:29Z"."""
    executions = sum(group.executions for group in scenario.workload)
    waves = sum(group.executions * len(group.waves) for group in scenario.workload)
    counted = ((executions, "execution"), (waves, "wave"), (len(scenario.faults), "fault"))
    lasts = f"{show_seconds(scenario.duration / 1e6)} of virtual time from {instant(scenario.epoch_us)}"
    return f"{', '.join(plural(*each) for each in counted)}, {lasts}"


def _grouped(
    campaign: Campaign, folder: Path, failures: dict[Path, Failure], header: Header
) -> tuple[list[report.FailureGroup], list[report.FailureStory]]:
    """The groups, each with the failures shrunk from its seeds, and the failures of no group."""
    left = dict(failures)

    def story(path: Path) -> report.FailureStory:
        run_again = len(failures) - len(left) < _STORIES_MAX
        return _story(path, left.pop(path), folder, run_again=run_again)

    groups = []
    for (_, expected), found in campaign.groups().items():
        paths = [path for each in found for path in takewhile(left.__contains__, failure_paths(folder, each))]
        # An earlier campaign with other code may have left a file of that name.
        stories = [story(path) for path in paths if path in left and _is_of(left[path], header)]
        groups.append(report.FailureGroup(expected, found, stories))
    others = [story(path) for path in list(left)]
    # If the page cannot show all groups, those with a story come first.
    groups.sort(key=lambda group: not group.stories)
    return groups, others


def _is_of(kept: Failure, header: Header) -> bool:
    return (kept.parts, kept.functions) == (header.parts, header.functions)


def _story(path: Path, kept: Failure, folder: Path, *, run_again: bool) -> report.FailureStory:
    """A failure and its story from another run, or the reason why there is none."""
    text = path.read_text(encoding="utf-8")
    story = report.FailureStory(
        file=path.relative_to(folder).as_posix(),
        failure=kept,
        # The file's own text, or all of it if its layout is not drsim's.
        scenario=textwrap.dedent(text.partition("\nscenario:\n")[2]) or text,
        replay=shlex.join(["drsim", "replay", str(path)]),
        size=size_of(kept.scenario),
    )
    if kept.differing is not None:
        runs = f"first {kept.differing.first}; then {kept.differing.second}"
        return story._replace(trouble=f"not deterministic: two runs of it first differ here: {runs}")
    if not run_again:
        return story
    try:
        replay = failure.replay(kept)
        if replay.outcome != "still fails":
            return story._replace(trouble=f"{replay.outcome}: {replay.detail}")
        steps, nearest = explanation.story(kept), explanation.difference(kept)
    # The code is a user's own: importing, building or running it may raise anything.
    except (Exception, RunEndingError) as error:
        return story._replace(trouble=f"cannot be run again: {type(error).__name__}: {error}")
    return story._replace(outcome=replay.detail, steps=steps, nearest=nearest)
