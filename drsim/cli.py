"""The command line. Commands import what they need when they run, so that `--help` is quick."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from typer.exceptions import Abort, Exit, TyperException

from drsim import arguments
from drsim.arguments import ExitCode, TraceKept, UserError, complain, worst, writing
from drsim.comparing import compare
from drsim.contracting import contract
from drsim.exploring import explore, replay, shrink
from drsim.logs import logs
from drsim.releases import INDEX, released
from drsim.reporting import report
from drsim.scenarios.extras import MissingExtraError
from drsim.scenarios.tiers import Tier
from drsim.serving import serve
from drsim.tiers import Choice, default_tier
from drsim.trending import trend

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario
    from drsim.scenarios.result import Result
    from drsim.scenarios.runner import Run
    from drsim.simulator.trace import Level

    Compare = Callable[[Run, Scenario], Run]

app = typer.Typer(
    name="drsim",
    help="Run AWS DRS polling through simulated half hours: jobs that complete, fail, hang, by the hundred.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 pass, 1 failed, 2 interrupted, 3 internal error, 4 bad usage, 5 unknown.",
)


@app.command("list")
def list_scenarios() -> None:
    """Show the scenarios that come with drsim."""
    from rich.table import Table
    from rich.text import Text

    from drsim.console import output
    from drsim.scenarios.files import catalogue, load
    from drsim.simulator.durations import show_duration

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario", no_wrap=True)
    table.add_column("executions", justify="right")
    table.add_column("up to", justify="right")
    table.add_column("what it is")
    for name in catalogue():
        scenario = load(name)
        executions = sum(group.executions for group in scenario.workload)
        table.add_row(name, str(executions), show_duration(scenario.duration), Text(scenario.title))
    output().print(table)


@app.command()
def schema(
    what: Annotated[Literal["scenario", "contract"], typer.Argument(help="Which kind of file.")] = "scenario",
) -> None:
    """Print the JSON Schema of scenario files, or of contract files."""
    import json

    from drsim.scenarios.model import Scenario
    from drsim.simulator.contract.model import Contract

    model = Scenario if what == "scenario" else Contract
    print(json.dumps(model.model_json_schema(), indent=2))


@app.command()
def run(
    names: arguments.SomeNamesArgument = None,
    suite: arguments.SuiteOption = None,
    seed: arguments.SeedOption = 1,
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
    as_json: Annotated[bool, typer.Option("--json", help="Print only the results, each as a line of JSON.")] = False,
) -> None:
    """Run scenarios, check every property, write result, report and trace of each, and one report of several."""
    from drsim import console as terminal

    names, tier = arguments.chosen(names, suite), tier or default_tier(finder)
    is_small = suite is not None and tier == "wire"
    scenarios = arguments.loaded(names, changes or [], contract=contract, is_small=is_small)
    choice = Choice(tier, finder, poller, tuple(paths or ()), tuple(variables or ()), contract)
    if problems := list(choice.problems(scenarios)):
        raise UserError("\n".join(problems))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from None
    results: list[Result] = []
    codes: list[ExitCode] = []
    with _repeating(choice) as comparing, released(out, scenarios, seed, codes, results):
        try:
            for name, scenario in zip(names, scenarios, strict=True):
                replay = choice.command(name, seed, changes or [], trace)
                code, result = _run_one(scenario, seed, choice, replay, out, comparing(), trace=trace, as_json=as_json)
                codes.append(code)
                if result is not None:
                    results.append(result)
                if code is ExitCode.INTERRUPTED:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            codes.append(ExitCode.INTERRUPTED)
            done = f"{len(results)} of {len(names)} runs are done and kept in {out}"
            terminal.errors().print(f"drsim: interrupted; {done}")
    if len(results) > 1 and not as_json:
        from drsim.run_console import show_total

        show_total(terminal.output(), results)
        terminal.long_line(terminal.output(), f"  report  {out / INDEX}")
    raise Exit(worst(codes))


for command in (contract, explore, replay, shrink, report, logs, compare, trend, serve):
    app.command()(command)


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
    scenario: "Scenario",
    seed: int,
    choice: Choice,
    replay: str,
    out: Path,
    compared: "Compare",
    *,
    trace: TraceKept,
    as_json: bool,
) -> "tuple[ExitCode, Result | None]":
    """Run a scenario, write its files and show it. Without a result, the simulation itself broke."""
    import contextlib
    import traceback

    from drsim import console as terminal
    from drsim import outputs
    from drsim.scenarios.runner import run as run_scenario
    from drsim.simulator.errors import MisfitError
    from drsim.simulator.handlers.errors import HandlerError
    from drsim.simulator.trace import BrokenSimulationError, UnwrittenTraceError

    which, folder = f"{scenario.name}, seed {seed}", out / f"{scenario.name}-{seed}"
    level: Level = "full" if trace == "chrome" else trace
    with contextlib.ExitStack() as ending:
        spool = None if level == "off" else writing(lambda: ending.enter_context(outputs.spool_in(folder)))
        try:
            with terminal.virtual_time(terminal.errors(), scenario.name, scenario.duration) as on_progress:
                done = run_scenario(
                    scenario,
                    seed=seed,
                    tier=choice.tier,
                    functions=choice.functions,
                    replay=replay,
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
            trouble = traceback.format_exc()
            writing(lambda: outputs.write_error(trouble, folder))
            complain(f"internal error in {which}: {error} (see {folder / outputs.ERROR})")
            return ExitCode.INTERNAL, None
        code, done = _judged(done, scenario, compared, which)
        troubles = writing(lambda: outputs.write(done, folder, with_chrome=trace == "chrome"))
    for trouble in troubles:
        complain(f"internal error in the reports of {folder}: {trouble}")
    if as_json:
        terminal.output().out(done.result.model_dump_json(), highlight=False)
    else:
        from drsim.run_console import show

        show(terminal.output(), done.result, folder)
    return worst([code, ExitCode.INTERNAL] if troubles else [code]), done.result


def _judged(done: "Run", scenario: "Scenario", compared: "Compare", which: str) -> "tuple[ExitCode, Run]":
    """Compare a finished run with its repetition, and return its exit code. An interruption leaves it as it is."""
    try:
        done = compared(done, scenario)
    except KeyboardInterrupt:
        complain(f"{which}: its repetition was interrupted, so its findings do not say whether it is deterministic")
        return ExitCode.INTERRUPTED, done
    return ExitCode[done.result.verdict.upper()], done


def _usage(error: TyperException) -> str:
    """The message of an error that typer raised, in the words of scenario files where pydantic is the cause."""
    from pydantic import ValidationError

    from drsim.scenarios.files import plain

    if isinstance(error.__cause__, ValidationError):
        error.message = plain(error.__cause__.errors()[0])
    return error.format_message()


_TYPERS_INTERRUPT: Final = 130
"""What typer returns for a KeyboardInterrupt, which no command returns."""


def main(words: list[str] | None = None) -> int:
    """Run the command line and return its exit code. No user error ends in a traceback."""
    code = 0
    try:
        code = int(typer.main.get_command(app).main(words, prog_name="drsim", standalone_mode=False) or 0)
        if code == _TYPERS_INTERRUPT:
            raise KeyboardInterrupt
        # Output that is still buffered meets a closed pipe here.
        sys.stdout.flush()
    except (TyperException, UserError, MissingExtraError) as error:
        complain(_usage(error) if isinstance(error, TyperException) else str(error))
        return ExitCode.USAGE
    except (KeyboardInterrupt, Abort):
        complain("interrupted")
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        # The reader of the output has closed it. typer makes SystemExit of that.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        from drsim.console import leave_unseen

        leave_unseen()
    except Exception as error:
        complain(f"internal error: {type(error).__name__}: {error}")
        return ExitCode.INTERNAL
    return code
