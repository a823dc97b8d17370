"""`drsim explore`, `drsim replay` and `drsim shrink`: their options, checked, and their exit codes."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import Exit

from drsim import arguments
from drsim.arguments import EngineName, ExitCode, UserError, option, reading, worst, writing
from drsim.tiers import Choice, default_tier, fitting, running_code, try_handlers
from drsim.trust import Trust, TrustOption

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario
    from drsim.watching import HandlerFiles

_TimeOption = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Stop starting new seeds after this long, e.g. 10m.")
]
_RestartOption = Annotated[
    bool, typer.Option("--restart", help="Start over: rename an earlier campaign's folder to NAME.1, NAME.2...")
]
_CrashPointsOption = Annotated[
    bool, typer.Option("--crash-points", help="Kill the functions at every call they make with the first seed.")
]
_WatchOption = Annotated[
    bool, typer.Option("--watch", help="Explore again, known failures first, when a handler's Python file changes.")
]
_PartsOption = Annotated[
    str, typer.Option(metavar="MODULE:NAME", help="A drsim.simulator.world.Parts to run in place of drsim's code.")
]
_EngineOption = Annotated[
    EngineName, typer.Option(help="process: processes of this machine; dask: dask workers, here or of a cluster.")
]
_JOBS_MAX = 256
"""The most processes: each takes 60 MB or more."""


def explore(
    names: arguments.NamesArgument,
    seeds: Annotated[str, typer.Option(metavar="FIRST-LAST", help="Seeds to explore, or one seed.")] = "1-1000",
    time: _TimeOption = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one for each processor.")] = None,
    changes: arguments.SetOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the earlier campaign in DIR.")] = False,
    restart: _RestartOption = False,
    crash_points: _CrashPointsOption = False,
    parts: _PartsOption = "",
    finder: arguments.FinderOption = "",
    poller: arguments.PollerOption = "",
    paths: arguments.PathsOption = None,
    variables: arguments.VariablesOption = None,
    contract: arguments.ContractOption = "",
    watch: _WatchOption = False,
    engine: _EngineOption = "process",
    scheduler: Annotated[str, typer.Option(metavar="tcp://HOST:PORT", help="A cluster for --engine dask.")] = "",
    out: arguments.OutOption = arguments.OUT_DEFAULT,
) -> None:
    """Run scenarios under many seeds, group the failures, shrink them and print their stories.

    A seed fails as a run does: by a property, a criterion, or an execution that does not end as expected.

    If no seed exercised what the scenario declares, the exit code is 5.

    An earlier campaign in the same folder is never overwritten: continue it (--resume) or start over (--restart).
    """
    tier = default_tier(finder)
    choice = Choice(tier, finder, poller, tuple(paths or ()), tuple(variables or ()), contract)
    scenarios, which, seconds_max = _loaded(names, changes or [], choice), arguments.seeds_of(seeds), _seconds(time)
    first, last = which[0], which[-1]
    _check_code(scenarios, parts, choice, watch=watch)
    _check_campaign(time, resume=resume, restart=restart, crash_points=crash_points)
    _check_engine(engine, jobs, scheduler, choice)
    from drsim import campaigns
    from drsim.campaign_files import refuse_to_replace
    from drsim.console import output
    from drsim.watching import HandlerFiles, unwatched

    folders = [out / f"{'crash-points' if crash_points else 'explore'}-{scenario.name}" for scenario in scenarios]
    code = choice.functions or parts
    # Before the first run, so that no change is missed.
    files = HandlerFiles(choice.functions) if watch and choice.functions else None
    try_handlers = partial(_try, scenarios, first, choice)
    try_handlers()
    # All folders first: an hour's work on one scenario must not end at the folder of the next.
    for folder in folders if not (resume or restart) else ():
        writing(partial(refuse_to_replace, folder, resumable=not crash_points))
    # Crash points are as many as the functions make calls, which only their run tells.
    jobs_max = _JOBS_MAX if crash_points else min(last - first + 1, _JOBS_MAX)
    workers = partial(campaigns.running, engine, min(jobs or arguments.jobs_default(), jobs_max), scheduler, parts)
    run = (
        partial(campaigns.crashed, seed=first)
        if crash_points
        else partial(campaigns.explored, seeds=(first, last), seconds_max=seconds_max, resume=resume)
    )
    check = unwatched if files is None else files.check
    run = partial(run, output(), engine=workers, code=code, restart=restart, check=check)
    raise Exit(_rounds(run, scenarios, folders, files, try_handlers))


def _rounds(
    run: "partial[ExitCode]",
    scenarios: "Sequence[Scenario]",
    folders: Sequence[Path],
    files: "HandlerFiles | None",
    try_handlers: Callable[[], None],
) -> ExitCode:
    """Run the campaigns, and again after each change of these files. Later rounds replace the first one's campaigns."""
    first_round = partial(_each, run, scenarios, folders)
    if files is None:
        return first_round()
    from drsim.console import output
    from drsim.rounds import explore_on_changes

    fresh = {name: False for name in ("resume", "restart") if name in run.keywords}
    later_round = partial(_each, partial(run, **fresh), scenarios, folders)
    return explore_on_changes(output(), files, folders, first_round, try_handlers, later_round)


def _each(run: Callable[..., ExitCode], scenarios: "Sequence[Scenario]", folders: Sequence[Path]) -> ExitCode:
    """Run a campaign of each scenario in its folder, until one is interrupted. Raises UserError."""
    codes: list[ExitCode] = []
    for scenario, folder in zip(scenarios, folders, strict=True):
        codes.append(writing(partial(reading, partial(run, scenario, folder))))
        if codes[-1] is ExitCode.INTERRUPTED:
            break
    return worst(codes)


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A failure that `drsim explore` saved.")],
    parts: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="Other parts; '' for drsim's own code.")
    ] = None,
    trust: TrustOption = False,
) -> None:
    """Run a saved failure again: it still fails (exit 1), is fixed (0), or differs (1)."""
    from drsim import campaign_console
    from drsim.console import output

    _check_parts(parts or "")
    with running_code(f"{file}"):
        outcome = reading(lambda: campaign_console.replayed(output(), file, parts, Trust(trust)))
    raise Exit(ExitCode.PASS if outcome == "fixed" else ExitCode.FAIL)


def shrink(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A failure that `drsim explore` saved.")],
    trust: TrustOption = False,
) -> None:
    """Make a saved failure smaller, in its place: it fails (exit 1) or is fixed (0).

    A file that you edited stays, and the smaller one is NAME-2.yaml beside it.
    """
    from drsim import campaign_console
    from drsim.console import output

    with running_code(f"{file}"):
        failing = writing(lambda: reading(lambda: campaign_console.shrunk_again(output(), file, Trust(trust))))
    raise Exit(ExitCode.FAIL if failing else ExitCode.PASS)


def _seconds(text: str | None) -> float | None:
    from drsim.simulator.durations import duration_us

    return None if text is None else option("--time", lambda: duration_us(text)) / 1_000_000


def _check_campaign(time: str | None, *, resume: bool, restart: bool, crash_points: bool) -> None:
    if resume and restart:
        raise UserError("--resume continues the earlier campaign and --restart starts over: give one of them")
    if crash_points and (time is not None or resume):
        raise UserError("--crash-points is exhaustive: it takes neither --time nor --resume")


def _check_code(scenarios: "Sequence[Scenario]", parts: str, choice: Choice, *, watch: bool) -> None:
    """Refuse what this project's own functions, the parts in their place or the handlers cannot run."""
    if parts and choice.finder:
        raise UserError("--parts and --finder both replace drsim's own code: give one of them")
    if not choice.finder and (choice.poller or choice.paths or choice.variables):
        raise UserError("--poller, --path and --env need --finder")
    if watch and not choice.finder:
        raise UserError("--watch needs --finder: it waits for changes of your handlers' files")
    if problems := list(choice.problems(scenarios)):
        raise UserError("\n".join(problems))
    _check_parts(parts)


def _try(scenarios: "Sequence[Scenario]", seed: int, choice: Choice) -> None:
    """Run handlers once, to report what keeps them from running before any worker begins. Raises UserError."""
    if choice.functions is not None:
        for scenario in scenarios:
            try_handlers(scenario, seed, choice.functions)


def _check_parts(parts: str) -> None:
    from drsim.scenarios.parts import parts_of

    option("--parts", lambda: parts_of(parts))


def _loaded(names: list[str], changes: list[str], choice: Choice) -> "Sequence[Scenario]":
    """The scenarios, which the functions' contract can hold. Raises UserError."""
    scenarios = arguments.loaded(names, changes, contract=choice.contract)
    return [fitting(scenario, has_handlers=bool(choice.finder)) for scenario in scenarios]


def _check_engine(engine: EngineName, jobs: int | None, scheduler: str, choice: Choice) -> None:
    if scheduler and engine != "dask":
        raise UserError(f"--scheduler {scheduler}: it needs --engine dask, got --engine {engine}")
    if scheduler and jobs is not None:
        raise UserError(f"--jobs {jobs}: the scheduler decides on its workers; leave out --jobs or --scheduler")
    if scheduler and choice.finder:
        raise UserError(f"--scheduler {scheduler}: handlers are files of this machine, which its workers do not have")
