"""`drsim run`: run scenarios, and write and show what each leaves."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer
from typer.exceptions import Exit

from drsim import arguments
from drsim.arguments import ExitCode, TraceKept, UserError, complain, worst, writing
from drsim.interruption import held, is_interrupted
from drsim.releases import INDEX, released
from drsim.scenarios.extras import MissingExtraError
from drsim.scenarios.tiers import Tier
from drsim.tiers import Choice, default_tier

if TYPE_CHECKING:
    from drsim.circumstances import Circumstances
    from drsim.progress import Runs
    from drsim.scenarios.model import Scenario
    from drsim.scenarios.result import Result
    from drsim.scenarios.runner import Run
    from drsim.simulator.trace import Level

    Compare = Callable[[Run, Scenario], Run]


Shown = Literal["summary", "line", "json"]
"""What a run prints: its summary, a line, or its result."""


@dataclass(frozen=True, slots=True)
class _Command:
    """What all runs of one command share."""

    choice: Choice
    changes: list[str]
    out: Path
    circumstances: "Circumstances"
    trace: TraceKept
    shown: Shown


class _Planned(NamedTuple):
    """A run that a command makes: the scenario by the name that the user gave, a seed, and the folder of its files."""

    name: str
    scenario: "Scenario"
    seed: int
    folder: Path


def run(
    names: arguments.SomeNamesArgument = None,
    suite: arguments.SuiteOption = None,
    seed: Annotated[int | None, typer.Option(min=0, max=arguments.SEED_MAX, help="Random seed; 1 by default.")] = None,
    seeds: Annotated[
        str,
        typer.Option(
            metavar="FIRST-LAST", help="Run each scenario with each of these seeds, e.g. 1-20; at most 100,000."
        ),
    ] = "",
    changes: arguments.SetOption = None,
    tier: Annotated[
        Tier | None,
        typer.Option(
            help="fast: drsim's functions on ports; client: handlers on boto3 (the default for yours); wire: on moto."
        ),
    ] = None,
    finder: arguments.FinderOption = "",
    poller: arguments.PollerOption = "",
    paths: arguments.PathsOption = None,
    variables: arguments.VariablesOption = None,
    contract: arguments.ContractOption = "",
    out: arguments.OutOption = arguments.OUT_DEFAULT,
    trace: Annotated[
        TraceKept, typer.Option(help="Events to write: none, a summary of each execution, all, or also for Perfetto.")
    ] = "full",
    by: arguments.ByOption = "",
    comment: arguments.CommentOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print only the results, each as a line of JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print one line for each run.")] = False,
) -> None:
    """Run scenarios, check every property, and write result, report and trace of each.

    Several runs also leave one report of them all: index.html, summary.md, junit.xml and evidence.json.
    """
    from drsim import circumstances
    from drsim import console as terminal

    names, tier = arguments.chosen(names, suite), tier or default_tier(finder)
    is_small = suite is not None and tier == "wire"
    scenarios = arguments.loaded(names, changes or [], contract=contract, is_small=is_small)
    choice = Choice(tier, finder, poller, tuple(paths or ()), tuple(variables or ()), contract)
    if problems := list(choice.problems(scenarios)):
        raise UserError("\n".join(problems))
    if quiet and as_json:
        raise UserError("--quiet prints lines for people and --json results: give one of them")
    which = _seeds(seed, seeds)
    planned = _planned(out, dict(zip(names, scenarios, strict=True)), which, choice, changes or [])
    begun = circumstances.gathered(choice, by, comment, out)
    command = _Command(choice, changes or [], out, begun, trace, "json" if as_json else "line" if quiet else "summary")
    results: list[Result] = []
    codes: list[ExitCode] = []
    with released(out, {(each.scenario.name, each.seed): each.folder for each in planned}, codes, results):
        _run_all(command, planned, codes, results)
    if len(planned) > 1 and results and not as_json:
        from drsim.run_console import show_total

        show_total(terminal.output(), results)
        terminal.long_line(terminal.output(), f"  report  {out / INDEX}")
    raise Exit(worst(codes))


def _seeds(seed: int | None, seeds: str) -> Sequence[int]:
    if not seeds:
        return (1 if seed is None else seed,)
    if seed is not None:
        raise UserError(f"--seed {seed} and --seeds {seeds} both choose the seeds: give one of them")
    return arguments.few(arguments.seeds_of(seeds))


def _planned(
    out: Path, scenarios: "dict[str, Scenario]", seeds: Sequence[int], choice: Choice, changes: list[str]
) -> list[_Planned]:
    """Make the folder of runs, and return the runs, whose folders hold none that a person signed."""
    from drsim import evidence, outputs, releases
    from drsim.run_folders import folder_of

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from None
    outputs.remove_left_of_runs(out)
    planned = [
        _Planned(name, scenario, seed, folder_of(out, name, scenario, seed, choice, changes))
        for name, scenario in scenarios.items()
        for seed in seeds
    ]
    evidence.refuse_signed(each.folder for each in planned)
    releases.refuse_signed(out, [each.folder.name for each in planned])
    return planned


def _run_all(command: _Command, planned: Sequence[_Planned], codes: list[ExitCode], results: "list[Result]") -> None:
    """Make each run, and add its exit code and its result to the lists."""
    from drsim import console as terminal
    from drsim.progress import Runs

    runs = Runs(terminal.errors(), [each.scenario for each in planned])
    with _repeating(command.choice) as comparing:
        try:
            for each in planned:
                code, result = _run_one(command, each, comparing(), runs)
                codes.append(code)
                if result is not None:
                    results.append(result)
                if code is ExitCode.INTERRUPTED:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            codes.append(ExitCode.INTERRUPTED)
            done = f"{len(results)} of {len(planned)} runs are done and kept in {command.out}"
            terminal.errors().print(f"drsim: interrupted; {done}")


@contextmanager
def _repeating(choice: Choice) -> "Iterator[Callable[[], Compare]]":
    """What compares a run that begins now with its repetition. Only failing runs of handlers are repeated."""
    if choice.functions is None:
        yield lambda: lambda run, _: run
        return
    from drsim.repeating import Repeater

    with Repeater() as again:
        yield partial(again.comparing, choice.functions)


def _run_one(
    command: _Command, planned: _Planned, compared: "Compare", runs: "Runs"
) -> "tuple[ExitCode, Result | None]":
    """Run a scenario, write its files and show it. Without a result, the simulation itself broke."""
    import contextlib
    import traceback

    from drsim import evidence, outputs
    from drsim.scenarios import machine
    from drsim.scenarios.runner import run as run_scenario
    from drsim.simulator.errors import MisfitError
    from drsim.simulator.handlers.errors import HandlerError
    from drsim.simulator.trace import BrokenSimulationError, UnwrittenTraceError

    name, scenario, seed, folder = planned
    choice, trace, which = command.choice, command.trace, f"{scenario.name}, seed {seed}"
    level: Level = "full" if trace == "chrome" else trace
    began = machine.utc_now()
    with contextlib.ExitStack() as ending:
        spool = None if level == "off" else writing(lambda: ending.enter_context(outputs.spool_in(folder)))
        try:
            with runs.next(scenario.name) as on_progress:
                done = run_scenario(
                    scenario,
                    seed=seed,
                    tier=choice.tier,
                    functions=choice.functions,
                    replay=choice.command(name, seed, command.changes, trace),
                    on_progress=on_progress,
                    trace=level,
                    spool=spool,
                )
        except UnwrittenTraceError as error:
            cause = error.__cause__
            assert isinstance(cause, OSError), "nothing else keeps a trace from being written"
            raise UserError(f"{which}: cannot write its trace: {cause.strerror or cause}") from None
        except (HandlerError, MisfitError, MissingExtraError) as error:
            raise UserError(f"{which}: {error}") from None
        except (Exception, BrokenSimulationError) as error:
            if is_interrupted():
                raise KeyboardInterrupt from None
            trouble = traceback.format_exc()
            writing(lambda: outputs.write_error(trouble, folder))
            complain(f"internal error in {which}: {error} (see {folder / outputs.ERROR})")
            return ExitCode.INTERNAL, None
        code, done = _judged(done, scenario, compared, which)
        with held():
            troubles = writing(lambda: outputs.write(done, folder, with_chrome=trace == "chrome"))
            kept = writing(lambda: evidence.keep(folder, done.result, scenario, began, command.circumstances))
    _show(done.result, folder, kept.last_digest, troubles, command.shown)
    return worst([code, ExitCode.INTERNAL] if troubles else [code]), done.result


def _show(result: "Result", folder: Path, evidence: str, troubles: tuple[str, ...], shown: Shown) -> None:
    """Show a run, or print its line or its result, and what failed in its reports."""
    from drsim import console as terminal

    for trouble in troubles:
        complain(f"internal error in the reports of {folder}: {trouble}")
    if shown == "json":
        terminal.output().out(result.model_dump_json(), highlight=False)
    elif shown == "line":
        from drsim.run_console import show_line

        show_line(terminal.output(), result, folder)
    else:
        from drsim.run_console import show

        show(terminal.output(), result, folder, evidence)


def _judged(done: "Run", scenario: "Scenario", compared: "Compare", which: str) -> "tuple[ExitCode, Run]":
    """Compare a finished run with its repetition, and return its exit code. An interruption leaves it as it is."""
    try:
        done = compared(done, scenario)
    except KeyboardInterrupt:
        complain(f"{which}: its repetition was interrupted, so its findings do not say whether it is deterministic")
        return ExitCode.INTERRUPTED, done
    return ExitCode[done.result.verdict.upper()], done
