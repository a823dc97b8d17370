"""`drsim report`: write all reports of runs again, from the files that the runs left."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import Exit

from drsim.arguments import ExitCode, UserError, complain, worst, writing
from drsim.releases import write_again
from drsim.stored_runs import damage_of, result_in, runs_in, wrong_line


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders of runs or their result.json, or a folder of such folders."),
    ],
    campaign: Annotated[
        bool, typer.Option("--campaign", help="DIR is a folder that `drsim explore` left: report on the exploration.")
    ] = False,
    trace: Annotated[
        Literal["chrome"] | None, typer.Option("--trace", help="Also write the trace for Perfetto, trace.chrome.json.")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="With --campaign: import the code that failures name, wherever it is.")
    ] = False,
) -> None:
    """Write all reports again, from result.json, the trace and evidence.json: the same bytes.

    A run that cannot be read is reported, and all others are written. One whose trace cannot be read gets reports
    without the timeline; an earlier page with the timeline stays. trace.chrome.json is written again if it exists, or
    with --trace. The report of a release is written again, too, unless a run of it was made again since.
    """
    if campaign and trace is not None:
        raise UserError("--trace: an exploration keeps no trace; `drsim run` does")
    codes = (
        code
        for folder in folders
        for code in _written_again(folder, campaign, with_chrome=trace is not None, is_trusted=trust)
    )
    raise Exit(worst(codes))


def _written_again(folder: Path, campaign: bool, *, with_chrome: bool, is_trusted: bool) -> Iterator[ExitCode]:
    try:
        if campaign:
            from drsim.campaign_report import write
            from drsim.trust import Trust

            print(*writing(partial(write, folder, Trust(is_trusted))), sep="\n")
        for file in () if campaign else runs_in(folder):
            yield _written(file, with_chrome=with_chrome)
        if not campaign and (index := write_again(folder)):
            print(index)
    except UserError as error:
        complain(str(error))
        yield ExitCode.USAGE


def _written(file: Path, *, with_chrome: bool) -> ExitCode:
    from drsim.outputs import TRACE, write_reports
    from drsim.reports.documents import CHROME, PAGE
    from drsim.reports.history import TraceError
    from drsim.simulator.trace import read_lines

    folder = file.parent
    try:
        result, path = result_in(file), folder / TRACE
        if with_chrome and result.trace != "full":
            raise UserError(f"{file}: {CHROME} needs a run with --trace full, and this one has --trace {result.trace}")
        damage = "" if result.trace_digest is None else damage_of(path, result.trace_digest)
        kept = [name for name in (PAGE, CHROME) if (folder / name).exists()]
        unchanged = f"{' and '.join(kept)} {'stays' if len(kept) == 1 else 'stay'} as before" if kept else ""

        def lines() -> Iterator[str]:
            if damage:
                raise TraceError(damage)
            yield from () if result.trace == "off" else read_lines(path)

        troubles = writing(lambda: write_reports(result, lines, folder, with_chrome=with_chrome or CHROME in kept))
    except UserError as error:
        complain(str(error))
        return ExitCode.USAGE
    print(folder / PAGE)
    if damage:
        complain(f"{path}: {damage}; {unchanged or f'{PAGE} has no timeline'}")
    elif troubles and result.trace_digest is not None and (wrong := wrong_line(path)):
        complain(f"{path}: {wrong}; nothing could be made of the trace")
        return ExitCode.USAGE
    for trouble in troubles:
        complain(f"internal error in the reports of {folder}: {trouble}")
    return ExitCode.INTERNAL if troubles else ExitCode.USAGE if damage else ExitCode.PASS
