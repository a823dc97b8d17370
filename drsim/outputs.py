"""The files of a run, in one folder for each scenario and seed: its result and its trace, and all reports of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drsim.reports.documents import CHROME, MARKDOWN, PAGE, File, Lines, UnwrittenError, files
from drsim.reports.history import TraceError
from drsim.scenarios.atomic_files import beside, replaced
from drsim.scenarios.result import Result
from drsim.stored_results import RESULT

if TYPE_CHECKING:
    from drsim.scenarios.runner import Run

TRACE: Final = "trace.jsonl.gz"
LEFT: Final = "trace-without-result.jsonl.gz"
"""The trace of a run whose result could not be written: an earlier run's may stand there, whose trace this is not."""
ERROR: Final = "error.txt"

__all__ = [
    "CHROME",
    "ERROR",
    "LEFT",
    "MARKDOWN",
    "PAGE",
    "RESULT",
    "TRACE",
    "folder_of",
    "spool_in",
    "write",
    "write_error",
    "write_reports",
]


def folder_of(out: Path, scenario: str, seed: int) -> Path:
    """Where a run's files go."""
    return out / f"{scenario}-{seed}"


@contextmanager
def spool_in(folder: Path) -> Iterator[Path]:
    """Where a run's trace goes while the run goes on, in the folder, which is made. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with beside(folder / TRACE) as place:
        yield place


def write(run: "Run", folder: Path, *, with_chrome: bool = False) -> tuple[str, ...]:
    """Write all files of a run, over those of an earlier one. Gives what could not be written of reports, and why.

    Result and trace come first: whatever befalls the reports, they can be written again from these. A trace without its
    result goes to LEFT. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).unlink(missing_ok=True)
    (folder / LEFT).unlink(missing_ok=True)
    is_traced = run.result.trace != "off"
    try:
        with replaced(folder / RESULT) as place:
            place.write_text(run.result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError:
        # Hours may be in it, and a spool only moves, for which a full disk has room.
        if is_traced:
            run.trace.write(folder / LEFT)
        raise
    if is_traced:
        run.trace.write(folder / TRACE)
    else:
        # An earlier run's would be taken for this one's.
        (folder / TRACE).unlink(missing_ok=True)
    return write_reports(run.result, run.trace.lines, folder, with_chrome=with_chrome)


def write_reports(result: Result, lines: Lines, folder: Path, *, with_chrome: bool = False) -> tuple[str, ...]:
    """Write the reports of a run into its folder. Gives what could not be written, and why. Raises OSError.

    Where the lines raise TraceError, what is there of an earlier report that needs them stays as it is.
    """
    if not with_chrome:
        # An earlier run's would be taken for this one's.
        (folder / CHROME).unlink(missing_ok=True)
    troubles: list[str] = []
    for file in files(result, lines, with_chrome=with_chrome):
        troubles += file.troubles
        path = folder / file.name
        if file.damage and path.exists():
            continue
        try:
            _write(file, path)
        except UnwrittenError as error:
            troubles.append(str(error))
        except TraceError:
            continue
    return tuple(troubles)


def _write(file: File, path: Path) -> None:
    if file.text is None:
        path.unlink(missing_ok=True)
        return
    try:
        with replaced(path) as place, place.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            out.writelines(file.text)
    except TraceError:
        raise
    except BaseException:
        # An earlier run's report would pass for this one's.
        path.unlink(missing_ok=True)
        raise


def write_error(trouble: str, folder: Path) -> None:
    """Keep the traceback of a run in which the simulation itself broke. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).write_text(trouble, encoding="utf-8")
