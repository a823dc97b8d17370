"""What `drsim init` prints works where only a wheel is installed: `nox -s installed` runs this file in empty folders.

A folder holds a copy of a pair from `examples`, and `drsim` is not on PATH. `--nox PYTHON` names a Python with nox,
which runs the session that init writes and installs what the variable DRSIM names.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAIR: Final = ROOT / "examples" / "polling_mended"
PROGRAM: Final = Path(sys.executable).parent / "drsim"
FUNCTIONS: Final = {
    "drsim's own": (),
    "a pair": (
        *("--finder", "pair/finder/app.py:lambda_handler", "--poller", "pair/poller/app.py:lambda_handler"),
        *("--path", "pair/layer"),
    ),
}


def commands(printed: str) -> list[str]:
    """The commands that `drsim init` prints at its end."""
    return [line.strip() for line in printed.partition("\nnext:\n")[2].splitlines()]


def follow(folder: Path, options: tuple[str, ...], nox: str) -> None:
    """Run init in a folder, and then each command that it prints. Raises CalledProcessError."""
    shutil.copytree(PAIR, folder / "pair", ignore=shutil.ignore_patterns("__pycache__"))
    elsewhere = [path for path in os.environ["PATH"].split(os.pathsep) if Path(path) != PROGRAM.parent]
    environment = {**os.environ, "PATH": os.pathsep.join(elsewhere), "COLUMNS": "100"}
    done = subprocess.run(
        [PROGRAM, "init", *options], check=True, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE
    )
    print(done.stdout, flush=True)
    found = commands(done.stdout)
    assert len(found) == 4, f"init must print 4 commands, got {found}"
    for command in found:
        is_session = command.startswith("nox ")
        if is_session and not nox:
            continue
        words = f"{shlex.quote(nox)} -m {command}" if is_session else command
        print(f"$ {words}", flush=True)
        subprocess.run(words, shell=True, check=True, cwd=folder, env=environment)


def main(words: list[str]) -> None:
    """Follow init for each choice of functions."""
    nox = words[1] if words[:1] == ["--nox"] else ""
    for name, options in FUNCTIONS.items():
        print(f"== {name}", flush=True)
        with TemporaryDirectory() as folder:
            follow(Path(folder), options, nox)


if __name__ == "__main__":
    main(sys.argv[1:])
