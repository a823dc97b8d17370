"""A function's own code: which files are its own, and their lines in calls that it makes and errors that it raises.

A line reads `poller/app.py:87`. The file is relative to a base, or to the working directory if that is shorter.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from traceback import StackSummary, walk_tb
from types import FrameType
from typing import Final, TypeVar

from drsim.simulator.services.lambda_answers import text_of

_T = TypeVar("_T")

_FRAMES_MAX: Final = 20
"""The most own frames in a traceback, the innermost ones: endless recursion has a thousand."""


class OwnCode:
    """The code of one function: a package, and the modules in some folders that are no installed packages.

    File names are relative to `base`, or without it to the folder that contains the top-level package.
    """

    def __init__(self, package: str, folders: Sequence[str], base: Path | None) -> None:
        self._package = package
        self._folders = folders
        self._base = base
        # A function may change the working directory.
        self._working = Path.cwd()
        # By file: its name for people, or "" if it is not the function's own.
        self._names: dict[str, str] = {}

    def line(self, frame: FrameType | None) -> str:
        """The innermost own line, from this frame outwards; "" without one.

        In a task of a pool that is not the function's own, such as a client's method, the line that submitted it.
        """
        names = self._names
        while frame is not None:
            code = frame.f_code
            name = names.get(code.co_filename)
            if name is None:
                name = self._name(frame)
            if name:
                return f"{name}:{frame.f_lineno}"
            if code is run_submitted.__code__:
                return str(frame.f_locals["submitted_at"])
            frame = frame.f_back
        return ""

    def raised_at(self, error: BaseException) -> str:
        """The innermost own line of an error; "" without one."""
        return next((f"{self._name(frame)}:{line}" for frame, line in reversed(self._frames(error))), "")

    def stack(self, error: BaseException) -> list[str]:
        """The own frames of an error as Lambda's runtime answers them, the outermost first."""
        frames = self._frames(error)[-_FRAMES_MAX:]
        return [
            f'  File "/var/task/{self._name(frame)}", line {line}, in {summary.name}\n    {summary.line}\n'
            for (frame, line), summary in zip(frames, StackSummary.extract(iter(frames)), strict=True)
        ]

    def traceback(self, error: BaseException) -> str:
        """An error as Lambda's runtime logs it, with own frames only."""
        frames = self._frames(error)
        shown = frames[-_FRAMES_MAX:]
        left_out = [f"  ... {len(frames) - len(shown)} earlier frames"] if len(shown) < len(frames) else []
        places = [
            f"  {self._name(frame)}:{line}, in {summary.name}\n    {summary.line}"
            for (frame, line), summary in zip(shown, StackSummary.extract(iter(shown)), strict=True)
        ]
        return "\n".join([text_of(error), "Traceback (most recent call last):", *left_out, *places])

    def _frames(self, error: BaseException) -> list[tuple[FrameType, int]]:
        return [each for each in walk_tb(error.__traceback__) if self._name(each[0])]

    def _name(self, frame: FrameType) -> str:
        file = frame.f_code.co_filename
        name = self._names.get(file)
        if name is None:
            name = self._names[file] = self._named(file, str(frame.f_globals.get("__name__", "")))
        return name

    def _named(self, file: str, module: str) -> str:
        folder = next((each for each in self._folders if file.startswith(each + os.sep)), "")
        if not f"{module}.".startswith(f"{self._package}."):
            top = module.partition(".")[0]
            if not folder or top == "drsim" or top in installed():
                return ""
        path = Path(file)
        base = self._base or path.parents[module.count(".")]
        roots = [root for root in (base, self._working) if path.is_relative_to(root)] or [Path(folder).parent]
        return min((path.relative_to(root) for root in roots), key=lambda found: len(found.parts)).as_posix()


def base_of(*places: str) -> Path | None:
    """The folder to which names of the first handler's files are relative: the one that it shares with the others.

    None for handlers of modules. Handlers on different branches of the file system have the folder above their own.
    """
    files = [Path(stem) for stem, _, _ in (place.rpartition(":") for place in places)]
    if not all(file.suffix == ".py" for file in files):
        return None
    folders = [file.resolve().parent for file in files]
    shared = Path(os.path.commonpath(folders))
    return folders[0].parent if shared == shared.parent else shared


def run_submitted(
    submitted_at: str,  # noqa: ARG001 - `OwnCode.line` reads it from the frame
    task: Callable[..., _T],
    /,
    *args: object,
    **kwargs: object,
) -> _T:
    """Run a task of a pool, in a frame that has the line that submitted it."""
    return task(*args, **kwargs)


@lru_cache(maxsize=1)
def installed() -> frozenset[str]:
    """The names of the standard library's modules, and of all that lies where packages are installed."""
    # Metadata of a hundred packages would take a tenth of a second to read.
    folders = [path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")]
    names = [entry.name.partition(".")[0] for folder in folders if folder.is_dir() for entry in folder.iterdir()]
    return sys.stdlib_module_names | set(names)
