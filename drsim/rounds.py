"""The rounds of `drsim explore --watch`: known failures are replayed, then the campaign starts over.

The saved failures of earlier rounds stay; their totals do not, because the code that gave them is gone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from drsim.arguments import ExitCode, UserError, complain, reading
from drsim.campaign_console import replayed
from drsim.campaign_files import FAILURES
from drsim.console import long_line
from drsim.tiers import running_code
from drsim.trust import Trust
from drsim.watching import ChangedError, HandlerFiles


def explore_on_changes(
    console: Console,
    files: HandlerFiles,
    folders: Sequence[Path],
    first_round: Callable[[], ExitCode],
    try_handlers: Callable[[], None],
    explore_all: Callable[[], ExitCode],
) -> ExitCode:
    """Run the first round, and one after each change, until Ctrl-C. Errors of later rounds are messages."""
    explore = first_round
    while True:
        try:
            if explore() is ExitCode.INTERRUPTED:
                return ExitCode.INTERRUPTED
        except ChangedError:
            pass
        except UserError as error:
            if explore is first_round:
                raise
            complain(f"{error}")
        console.print("\n  waiting for a change of your handlers; Ctrl-C ends")
        changed = files.wait()
        long_line(console, f"\n  changed: {', '.join(map(str, changed))}", "bold")
        explore = partial(_next_round, console, files, folders, try_handlers, explore_all)


def _next_round(
    console: Console,
    files: HandlerFiles,
    folders: Sequence[Path],
    try_handlers: Callable[[], None],
    explore_all: Callable[[], ExitCode],
) -> ExitCode:
    """Replay the saved failures, and explore. Raises UserError for handlers that cannot be run."""
    try_handlers()
    for path in (path for folder in folders for path in sorted((folder / FAILURES).glob("*.yaml"))):
        files.check()
        # One failure that cannot be read or run keeps no other one from its replay.
        try:
            with running_code(f"{path}"):
                reading(partial(replayed, console, path, None, Trust(given=files.handlers), with_story=False))
        except UserError as error:
            complain(f"{error}")
    return explore_all()
