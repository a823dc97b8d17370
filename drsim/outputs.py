"""The files of a run, in one folder for each scenario and seed: its result and its trace, and all reports of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drsim.reading import RESULT
from reports.documents import CHROME, MARKDOWN, PAGE, File, Lines, UnwrittenError, files
from scenarios.result import Result

if TYPE_CHECKING:
    from scenarios.runner import Run

TRACE: Final = "trace.jsonl.gz"
ERROR: Final = "error.txt"

__all__ = [
    "CHROME",
    "ERROR",
    "MARKDOWN",
    "PAGE",
    "RESULT",
    "TRACE",
    "folder_of",
    "spool_of",
    "write",
    "write_error",
    "write_reports",
]


def folder_of(out: Path, scenario: str, seed: int) -> Path:
    """Where a run's files go."""
    return out / f"{scenario}-{seed}"


def spool_of(folder: Path) -> Path:
    """Where a run's trace goes while the run goes on, in the folder, which is made. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return _part_of(folder / TRACE)


def write(run: "Run", folder: Path, *, with_chrome: bool = False) -> tuple[str, ...]:
    """Write all files of a run, over those of an earlier one. Gives what could not be written of reports, and why.

    Result and trace come first: whatever befalls the reports, they can be written again from these. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).unlink(missing_ok=True)
    try:
        with _replaced(folder / RESULT) as place:
            place.write_text(run.result.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if run.result.trace == "off":
            # An earlier run's would be taken for this one's.
            (folder / TRACE).unlink(missing_ok=True)
        else:
            run.trace.write(folder / TRACE)
    finally:
        # Where it went while the run went on, unless it has its place by now.
        run.trace.discard()
    return write_reports(run.result, run.trace.lines, folder, with_chrome=with_chrome)


def write_reports(result: Result, lines: Lines, folder: Path, *, with_chrome: bool = False) -> tuple[str, ...]:
    """Write the reports of a run into its folder. Gives what could not be written, and why. Raises OSError."""
    if not with_chrome:
        # An earlier run's would be taken for this one's.
        (folder / CHROME).unlink(missing_ok=True)
    troubles: list[str] = []
    for file in files(result, lines, with_chrome=with_chrome):
        troubles += file.troubles
        try:
            _write(file, folder / file.name)
        except UnwrittenError as error:
            troubles.append(str(error))
    return tuple(troubles)


def _write(file: File, path: Path) -> None:
    # An earlier run's report would pass for this one's if this one could not be written.
    path.unlink(missing_ok=True)
    if file.text is None:
        return
    with _replaced(path) as place, place.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
        out.writelines(file.text)


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A place beside a file, which takes the file's name once all is written there: half a file never has that name."""
    place = _part_of(path)
    try:
        yield place
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    place.replace(path)


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def write_error(trouble: str, folder: Path) -> None:
    """Keep the traceback of a run in which the simulation itself broke. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).write_text(trouble, encoding="utf-8")
