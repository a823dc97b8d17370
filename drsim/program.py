"""The command `drsim` itself: its version, and how this shell can run it."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def show_version(value: bool) -> None:
    """Print the version of drsim and of Python, and exit."""
    import typer

    if value:
        from importlib.metadata import version

        print(f"drsim {version('drsim')} (Python {sys.version.split()[0]})")
        raise typer.Exit


def runnable(command: str) -> str:
    """Return a command as this shell can run it: by a path where its program is not on PATH, or is another one.

    Reports keep the plain command, because other machines read them.
    """
    name, _, rest = command.partition(" ")
    script = _folder() / name
    if _is_on_path(name) or not (script.is_file() or name == "drsim"):
        return command
    if not script.is_file():
        return f"{shlex.quote(sys.executable)} -m {command}"
    # A path below the current folder is short. It needs its folder, because shells look up a bare name on PATH.
    relative = os.path.relpath(script)
    path = relative if os.sep in relative and not relative.startswith(os.pardir) else str(script)
    return f"{shlex.quote(path)} {rest}"


def _is_on_path(name: str) -> bool:
    """Return whether the program that the shell finds is of this environment, or is the one that was called."""
    found = shutil.which(name)
    if found is None:
        return False
    is_called = Path(sys.argv[0]).exists() and os.path.samefile(found, sys.argv[0])
    return is_called or Path(found).resolve().parent == _folder().resolve()


def _folder() -> Path:
    """The folder of this environment's programs."""
    return Path(sys.executable).parent
