"""The command line. Commands import what they need when they run, so that `--help` is quick."""

import sys
from typing import Annotated, Final, Literal

import typer
from typer.exceptions import Abort, TyperException

from drsim.arguments import ExitCode, UserError, complain
from drsim.checking import check
from drsim.comparing import compare
from drsim.contracting import contract
from drsim.exploring import explore, replay, shrink
from drsim.initializing import init
from drsim.interruption import is_interrupted, listening
from drsim.listing import list_scenarios, show
from drsim.logs import logs
from drsim.program import show_version
from drsim.project import ProjectCommand
from drsim.reporting import report
from drsim.running import run
from drsim.scenarios.extras import MissingExtraError
from drsim.serving import serve
from drsim.signing import sign
from drsim.trending import trend
from drsim.verifying import verify

app = typer.Typer(
    name="drsim",
    help="Run AWS DRS polling through simulated half hours: jobs that complete, fail, hang, by the hundred.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 pass, 1 failed, 2 interrupted, 3 internal error, 4 bad usage, 5 unknown.",
)


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The options of `drsim` itself."""


app.command()(init)
app.command("list")(list_scenarios)
app.command()(show)


@app.command()
def schema(
    what: Annotated[Literal["scenario", "contract", "result"], typer.Argument(help="Which kind of file.")] = "scenario",
) -> None:
    """Print the JSON Schema of scenario files, of contract files, or of result.json."""
    from drsim.scenarios.schemas import schema_text

    print(schema_text(what), end="")


for configured in (run, contract, explore):
    app.command(
        cls=ProjectCommand,
        epilog="Options that you leave out come from the table tool.drsim of pyproject.toml, if there is one.",
    )(configured)
for command in (check, replay, shrink, report, logs, compare, trend, sign, verify, serve):
    app.command()(command)


def _usage(error: TyperException) -> str:
    """The message of an error that typer raised, in the words of scenario files where pydantic is the cause."""
    from pydantic import ValidationError

    from drsim.scenarios.files import plain

    if isinstance(error.__cause__, ValidationError):
        error.message = plain(error.__cause__.errors()[0])
    return error.format_message()


_TYPERS_INTERRUPT: Final = 130
"""What typer returns for a KeyboardInterrupt, which no command returns."""


def _leave_output() -> None:
    """Discard what is still buffered, which Python would write at its end."""
    from drsim.console import leave_unseen

    leave_unseen()


def main(words: list[str] | None = None) -> int:
    """Run the command line and return its exit code. No user error ends in a traceback."""
    with listening() as signals:
        code = _main(words)
        if signals.first is None:
            return code
        # Code of a user's own may have ignored the interruption.
        if code != ExitCode.INTERRUPTED:
            complain("interrupted")
        return signals.exit_code


def _main(words: list[str] | None) -> int:
    code = 0
    try:
        if wrong := [word for word in words or () if "\0" in word]:
            raise UserError(f"no argument may hold a null character, which no path can, got {wrong[0]!r}")
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
        _leave_output()
    except OSError as error:
        # Commands name the files that they write. What is left is standard output, or a disk that failed.
        complain(f"cannot read or write {error.filename or 'standard output'}: {error.strerror or error}")
        _leave_output()
        return ExitCode.USAGE
    except Exception as error:
        if is_interrupted():
            complain("interrupted")
            return ExitCode.INTERRUPTED
        complain(f"internal error: {type(error).__name__}: {error}")
        return ExitCode.INTERNAL
    return code
