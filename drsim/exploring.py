"""`drsim explore`, `drsim replay` and `drsim shrink`: what users type, checked, and the exit codes.

Owns no exploration: that is `drsim.campaigns`, imported when a command runs, so that `--help` is quick.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import Exit

from drsim.arguments import (
    EngineChoice,
    EngineName,
    UserError,
    check_parts,
    jobs_default,
    loaded,
    reading,
    seconds_of,
    seeds_of,
    writing,
)
from drsim.exit_codes import ExitCode

if TYPE_CHECKING:
    from drsim.campaigns import Ended

PartsOption = Annotated[
    str,
    typer.Option("--parts", metavar="MODULE:NAME", help="A simulator.world.Parts to run in place of drsim's own code."),
]


def explore(
    names: Annotated[list[str], typer.Argument(metavar="NAME|FILE...", help="Scenarios, as for `drsim run`.")],
    seeds: Annotated[str, typer.Option(metavar="FIRST-LAST", help="Seeds to explore, or one seed.")] = "1-1000",
    time: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Stop starting new seeds after this long, e.g. 10m.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one for each processor.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the scenario, as for `drsim run`.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the earlier campaign in DIR.")] = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Start over: rename an earlier campaign's folder in DIR to NAME.1, NAME.2..."),
    ] = False,
    crash_points: Annotated[
        bool, typer.Option("--crash-points", help="Kill the functions at every call they make with the first seed.")
    ] = False,
    parts: PartsOption = "",
    engine: Annotated[
        EngineName, typer.Option(help="process: processes of this machine; dask: dask's workers, here or of a cluster.")
    ] = EngineName.PROCESS,
    scheduler: Annotated[
        str, typer.Option(metavar="tcp://HOST:PORT", help="The cluster's scheduler, for --engine dask.")
    ] = "",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where each campaign's folder goes.")] = Path("drsim-runs"),
) -> None:
    """Run scenarios under many seeds, group the failures, shrink them and print their stories.

    A seed fails as a run does: by a property, a criterion, or an execution that does not end as expected.

    If no seed exercised what the scenario declares, the exit code is 5.

    An earlier campaign in the same folder is never overwritten: continue it (--resume) or start over (--restart).
    """
    scenarios, chosen, seconds_max = loaded(names, changes or []), seeds_of(seeds), seconds_of(time)
    check_parts(parts)
    _check_ways(resume=resume, restart=restart, crash_points=crash_points, timed=time is not None)
    choice = _choice(engine, jobs, scheduler)
    from drsim import campaigns
    from drsim.campaign_files import refuse_to_replace
    from drsim.console import output

    folders = [out / f"{'crash-points' if crash_points else 'explore'}-{scenario.name}" for scenario in scenarios]
    if not (resume or restart):
        # All of them first: an hour's work on one scenario must not end at the folder of the next.
        for folder in folders:
            writing(partial(refuse_to_replace, folder, resumable=not crash_points))
    if crash_points:
        run = partial(campaigns.crashed, output(), seed=chosen[0])
    else:
        run = partial(campaigns.explored, output(), seeds=chosen, seconds_max=seconds_max, resume=resume)
    ends = list[campaigns.Ended]()
    for scenario, folder in zip(scenarios, folders, strict=True):
        one = partial(run, scenario, folder, choice=choice, parts_place=parts, restart=restart)
        ends.append(writing(partial(reading, one)))
        if ends[-1].interrupted:
            raise Exit(ExitCode.INTERRUPTED)
    raise Exit(_code(ends))


def _check_ways(*, resume: bool, restart: bool, crash_points: bool, timed: bool) -> None:
    if resume and restart:
        raise UserError("--resume continues the earlier campaign and --restart starts over: give one of them")
    if crash_points and (timed or resume):
        raise UserError("--crash-points is exhaustive: it takes neither --time nor --resume")


def _choice(engine: EngineName, jobs: int | None, scheduler: str) -> EngineChoice:
    if scheduler and engine is not EngineName.DASK:
        raise UserError(f"--scheduler {scheduler}: it needs --engine dask, got --engine {engine}")
    if scheduler and jobs is not None:
        raise UserError(f"--jobs {jobs}: how many workers there are is the scheduler's; leave it out, or --scheduler")
    return EngineChoice(engine, jobs or jobs_default(), scheduler)


def _code(ends: "list[Ended]") -> ExitCode:
    if any(ended.broken for ended in ends):
        return ExitCode.INTERNAL
    if any(ended.failed for ended in ends):
        return ExitCode.FAIL
    return ExitCode.UNKNOWN if any(ended.unknown for ended in ends) else ExitCode.PASS


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A failure that `drsim explore` saved.")],
    parts: Annotated[
        str | None, typer.Option("--parts", metavar="MODULE:NAME", help="Other parts; '' for drsim's own code.")
    ] = None,
) -> None:
    """Run a saved failure again: it still fails (exit 1), is fixed (0), or differs (1)."""
    from drsim import failures
    from drsim.console import output

    check_parts(parts or "")
    outcome = reading(lambda: failures.replayed(output(), file, parts))
    raise Exit(ExitCode.PASS if outcome == "fixed" else ExitCode.FAIL)


def shrink(file: Annotated[Path, typer.Argument(metavar="FILE", help="A failure that `drsim explore` saved.")]) -> None:
    """Make a saved failure smaller, in its place: it fails (exit 1) or is fixed (0)."""
    from drsim import failures
    from drsim.console import output

    failing = writing(lambda: reading(lambda: failures.shrunk_again(output(), file)))
    raise Exit(ExitCode.FAIL if failing else ExitCode.PASS)
