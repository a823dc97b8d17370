"""`drsim report`: all reports of runs written again, from what the runs left on disk."""

import gzip
import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Exit

from drsim.arguments import TraceFormat, UserError, writing
from drsim.exits import ExitCode, complain


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Folders of runs, or a folder that holds such folders.")
    ],
    campaign: Annotated[
        bool, typer.Option("--campaign", help="DIR is what `drsim explore` left: sum the exploration up.")
    ] = False,
    trace: Annotated[
        TraceFormat | None, typer.Option("--trace", help="Also the trace for Perfetto, trace.chrome.json.")
    ] = None,
) -> None:
    """Write all reports again, from result.json and the trace alone: the same bytes."""
    troubles: list[str] = []
    for folder in folders:
        if campaign:
            from drsim.campaign_report import write

            if trace is not None:
                raise UserError("--trace: an exploration keeps no trace; `drsim run` does")
            for path in writing(partial(write, folder)):
                print(path)
        else:
            for run in _runs_in(folder):
                troubles += _written(run, with_chrome=trace is not None)
    if troubles:
        complain("\n".join(f"internal error in the reports of {trouble}" for trouble in troubles))
        raise Exit(ExitCode.INTERNAL)


def _runs_in(folder: Path) -> list[Path]:
    """The folder itself if it is a run's, else the runs' folders in it. Raises UserError."""
    from drsim.outputs import RESULT

    if (folder / RESULT).exists():
        return [folder]
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    found = sorted(path.parent for path in folder.glob(f"*/{RESULT}"))
    if not found:
        raise UserError(f"{folder}: holds no {RESULT}, nor does a folder in it")
    return found


def _written(folder: Path, *, with_chrome: bool) -> list[str]:
    """Write one run's reports. Gives what could not be written of them."""
    from drsim.outputs import PAGE, TRACE, write_reports
    from drsim.reading import result_in

    result, path = result_in(folder), folder / TRACE
    _check(path, result.trace_digest)
    troubles = writing(lambda: write_reports(result, lambda: _lines(path), folder, with_chrome=with_chrome))
    print(folder / PAGE)
    return [f"{folder}: {trouble}" for trouble in troubles]


def _lines(path: Path) -> Iterator[str]:
    """The trace's lines, without their ends."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")


def _check(path: Path, digest: str) -> None:
    """Raise UserError unless the file is the trace with this digest."""
    found = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as file:
            while piece := file.read(1 << 20):
                found.update(piece)
    except (OSError, EOFError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if found.hexdigest() != digest:
        raise UserError(
            f"{path}: is not the trace of the result.json beside it, whose trace_digest is {digest[:16]}..., "
            f"got {found.hexdigest()[:16]}..."
        )
