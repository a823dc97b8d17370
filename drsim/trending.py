"""`drsim trend`: what runs and explorations achieved at several points, such as commits, on one page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from drsim.arguments import UserError, reading, writing
from drsim.stored_runs import RESULT, json_in, result_in

if TYPE_CHECKING:
    from drsim.reports.trend import Trend, TrendPoint

_CAMPAIGN: Final = "campaign.jsonl"
_CODE: Final = ("drsim", "handlers", "template")
"""The digests of code in evidence; scenario and contract differ in their settings, which a result has."""
_SET_ASIDE: Final = re.compile(r"\.\d+$")


def trend(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="A point each: a folder of runs, of a release or of explorations."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where trend.html, trend.md and trend.json go.")] = Path(
        "drsim-trend"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print only the trend as JSON, and write no file.")] = False,
) -> None:
    """Show how verdicts, recovery times, staleness, limits and failure rates changed from point to point.

    A folder whose own folders hold releases stands for all of them, by name. Points are in the order given, or in that
    of the dates in their evidence if each has one. The exit code is 0 whatever the verdicts are.
    """
    from drsim.console import output
    from drsim.reports import trend_documents as documents
    from drsim.reports.trend import trend as compiled

    points = [
        _point(folder, label) for folder, label in _labelled([each for one in folders for each in _points_in(one)])
    ]
    if all(point.at for point in points):
        points.sort(key=lambda point: point.at)
    found = compiled(points)
    text = documents.render_json(found)
    if as_json:
        output().out(text, highlight=False)
        return
    files = {
        "trend.html": documents.render_html(found),
        "trend.md": documents.render_markdown(found),
        "trend.json": text + "\n",
    }
    writing(lambda: _write(out, files))
    _show(found, out / "trend.html")


def _write(out: Path, files: dict[str, str]) -> None:
    from drsim.scenarios.atomic_files import write_whole

    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_whole(out / name, text.encode(errors="backslashreplace"))


def _show(found: "Trend", path: Path) -> None:
    """Print the sentences, then a line for each figure of each scenario."""
    from rich.text import Text

    from drsim.console import block, line, long_line, output
    from drsim.reports import trend_documents as documents

    console = output()
    console.print()
    line(console, found.outcome, documents.headline(found), bold=True)
    for sentence in documents.sentences(found):
        console.print(Text(f"  {sentence}"))
    for track in found.tracks:
        console.print()
        line(console, track.last.outcome, documents.name_of(track), indent=2)
        for curve in documents.curves(found, track):
            if curve.last != "-":
                console.print(Text(f"      {curve.name:<24} {curve.text}  {curve.last}"), soft_wrap=True)
        if track.last.point == len(found.points) - 1 and (changes := documents.changes_of(track.last)):
            block(console, f"changed: {'; '.join(changes)}", "dim", indent=6)
    console.print()
    long_line(console, f"  report  {path}")


def _points_in(folder: Path) -> list[Path]:
    """The folders of points in a folder: itself, or its own folders if they hold runs. Raises UserError for none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder")
    if any((folder / name).exists() for name in (RESULT, _CAMPAIGN)) or _held(folder):
        return [folder]
    if found := [each for each in folder.iterdir() if each.is_dir() and _held(each)]:
        return sorted(found, key=_natural)
    raise UserError(f"{folder}: holds no {RESULT} and no {_CAMPAIGN}, nor does a folder in it")


def _held(folder: Path) -> list[Path]:
    """The folders of runs and explorations in a folder, without explorations that were set aside."""
    found = [path.parent for name in (RESULT, _CAMPAIGN) for path in folder.glob(f"*/{name}")]
    return sorted(each for each in found if not _SET_ASIDE.search(each.name))


def _natural(path: Path) -> list[tuple[int, str]]:
    """The key that puts build-9 before build-10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path.name)]


def _labelled(folders: list[Path]) -> Iterator[tuple[Path, str]]:
    """Each folder and its name, or its whole path where two have the same name."""
    names = [folder.resolve().name for folder in folders]
    for folder, name in zip(folders, names, strict=True):
        yield folder, name if names.count(name) == 1 else str(folder)


def _point(folder: Path, label: str) -> "TrendPoint":
    from drsim.campaign_files import read
    from drsim.reports.trend import TrendPoint
    from drsim.scenarios.campaign import Campaign

    own = [folder] if any((folder / name).exists() for name in (RESULT, _CAMPAIGN)) else _held(folder)
    results = [result_in(each) for each in own if (each / RESULT).exists()]
    kept = reading(lambda: [read(each / _CAMPAIGN) for each in own if (each / _CAMPAIGN).exists()])
    records = [record for each in own if (record := _evidence(each))]
    commit, digests = (records[0].get(name) if records else None for name in ("commit", "digests"))
    return TrendPoint(
        label=label,
        at=max((str(each.get("at", "")) for each in records), default=""),
        commit=str(commit.get("id", "")) if isinstance(commit, dict) else "",
        digests={name: str(digests[name]) for name in _CODE if name in digests} if isinstance(digests, dict) else {},
        results=results,
        campaigns=[(each.header, Campaign(each.ranges)) for each in kept if each],
    )


def _evidence(folder: Path) -> dict[str, Any]:
    """The evidence of a run; empty without one, or if it cannot be read, which `drsim verify` reports."""
    from drsim.reports.evidence import EVIDENCE

    try:
        found = json_in((folder / EVIDENCE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
