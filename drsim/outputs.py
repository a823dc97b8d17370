"""The files of a run, in a folder for each scenario and seed: its result and its trace, and all reports of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drsim.reports.documents import CHROME, NAMES, PAGE, File, Lines, UnwrittenError, files
from drsim.reports.evidence import EVIDENCE
from drsim.reports.evidence_block import parted
from drsim.reports.history import TraceError
from drsim.scenarios.atomic_files import beside, remove_left, replaced
from drsim.scenarios.result import Result
from drsim.stored_runs import RESULT

if TYPE_CHECKING:
    from drsim.scenarios.runner import Run

TRACE: Final = "trace.jsonl.gz"
LEFT: Final = "trace-without-result.jsonl.gz"
"""The trace of a run whose result could not be written; as TRACE it would belong to the result of an earlier run."""
ERROR: Final = "error.txt"


@contextmanager
def spool_in(folder: Path) -> Iterator[Path]:
    """The file of a trace while the run writes it, in the folder, which is created. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with beside(folder / TRACE) as place:
        yield place


def write(run: "Run", folder: Path, *, with_chrome: bool = False) -> tuple[str, ...]:
    """Write all files of a run over those of an earlier one, and return a line for each report that failed.

    Result and trace come first: all reports can be written again from them. A trace without its result goes to LEFT.
    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).unlink(missing_ok=True)
    (folder / LEFT).unlink(missing_ok=True)
    # That of an earlier run must not pass for this run's.
    (folder / EVIDENCE).unlink(missing_ok=True)
    is_traced = run.result.trace != "off"
    try:
        with replaced(folder / RESULT) as place:
            place.write_text(run.result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError:
        # A trace may hold hours of work, and moving it succeeds even on a full disk.
        if is_traced:
            run.trace.write(folder / LEFT)
        raise
    if is_traced:
        run.trace.write(folder / TRACE)
    else:
        # The trace of an earlier run must not pass for this run's.
        (folder / TRACE).unlink(missing_ok=True)
    return write_reports(run.result, run.trace.lines, folder, with_chrome=with_chrome)


def write_reports(result: Result, lines: Lines, folder: Path, *, with_chrome: bool = False) -> tuple[str, ...]:
    """Write the reports of a run into its folder, and return a line for each that failed. Raises OSError.

    If the lines raise TraceError, an earlier report that needs them stays. The page shows the evidence beside it.
    """
    if not with_chrome:
        (folder / CHROME).unlink(missing_ok=True)
    troubles: list[str] = []
    for file in files(result, lines, with_chrome=with_chrome):
        troubles += file.troubles
        path = folder / file.name
        if file.damage and path.exists():
            continue
        if file.name == PAGE and file.text is not None and (folder / EVIDENCE).exists():
            file = file._replace(text=[_with_evidence("".join(file.text), folder)])  # noqa: PLW2901 - the same file
        try:
            _write(file, path)
        except UnwrittenError as error:
            troubles.append(str(error))
        except TraceError:
            continue
    return tuple(troubles)


def _with_evidence(text: str, folder: Path) -> str:
    """The page with the block of the evidence in the folder; without it if that cannot be read, as `verify` says."""
    from drsim.evidence import read

    page = parted(text)
    try:
        return text if page is None else page.showing(read(folder)).text
    except (OSError, ValueError):
        return text


def _write(file: File, path: Path) -> None:
    if file.text is None:
        path.unlink(missing_ok=True)
        return
    try:
        with replaced(path) as place, place.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            out.writelines(file.text)
    except BaseException as error:
        # The report of an earlier run must not pass for this run's.
        if not isinstance(error, TraceError):
            path.unlink(missing_ok=True)
        raise


def write_error(trouble: str, folder: Path) -> None:
    """Keep the traceback of a run in which the simulation itself broke, and no file of an earlier run.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # The verdict of an earlier run must not pass for this run's.
    for name in (RESULT, EVIDENCE, TRACE, LEFT, *NAMES):
        (folder / name).unlink(missing_ok=True)
    with replaced(folder / ERROR) as place:
        place.write_text(trouble, encoding="utf-8", errors="backslashreplace")


def remove_left_of_runs(out: Path) -> None:
    """Remove the unfinished traces in a folder of runs whose processes were killed."""
    for folder in out.glob("*/"):
        remove_left(folder, TRACE)
