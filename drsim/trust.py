"""Which code that a file names is imported: code of the current project, or any with `--trust`.

A failure, a campaign or the evidence of a run may come from elsewhere. What a person names on the command line is no
concern of this module.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from drsim.arguments import UserError

if TYPE_CHECKING:
    from drsim.scenarios.parts import Code

TrustOption = Annotated[
    bool, typer.Option("--trust", help="Import the code that FILE names, also from outside of the current project.")
]
_BUILT_IN: Final = Path("/built into Python")
_OWN_MODULE: Final = re.compile(r"drsim(\.\w+)*")
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


def project_root(folder: Path | None = None) -> Path:
    """The project of a folder, by default the current one: its repository, or the nearest pyproject.toml, or itself."""
    here = (folder or Path.cwd()).resolve()
    for mark in (".git", "pyproject.toml"):
        for each in (here, *here.parents):
            if (each / mark).exists():
                return each
    return here


@dataclass(frozen=True, slots=True)
class Trust:
    """What a command may import of the code that files name: what is in `root`, what was `given`, or anything."""

    everything: bool = False
    given: "Code | None" = None
    root: Path = field(default_factory=project_root)

    def check(self, code: "Code", file: Path) -> None:
        """Raise UserError if this file names code that may not be imported. Nothing is imported here."""
        if self.everything or code == self.given:
            return
        for place, found in _places(code):
            if found is not None and not self._is_inside(found):
                raise UserError(
                    f"{file} names code to import: {place!r}, which is {found}, "
                    f"outside of the current project {self.root}; --trust imports it, and it runs with your rights"
                )

    def _is_inside(self, path: Path) -> bool:
        try:
            return not _INSTALLED & set(path.resolve().relative_to(self.root).parts)
        except ValueError:
            return False


def _places(code: "Code") -> Iterator[tuple[str, Path | None]]:
    """Each place that the code is imported from, except drsim's own, with the file or folder that it names.

    None stands for a module that does not exist, so that nothing can be imported.
    """
    if isinstance(code, str):
        name = code.partition(":")[0]
        if code and not _OWN_MODULE.fullmatch(name):
            yield code, _file_of(name, ["", *sys.path])
        return
    folders = ["", *map(str, code.paths), *sys.path]
    for place in (code.finder, code.poller or ""):
        name = place.rpartition(":")[0]
        if name.endswith(".py"):
            file = Path(name)
            yield place, file.resolve()
            # A handler's file is imported as a module, which another folder has if this one has not.
            yield place, _file_of(file.stem, [str(file.resolve().parent), *folders])
        # A module drsim beside the user's files would be another one, but this one is imported already.
        elif place and not _OWN_MODULE.fullmatch(name):
            yield place, _file_of(name, folders)
    for path in code.paths:
        yield str(path), path.resolve()


def _file_of(module: str, search: list[str]) -> Path | None:
    """The file or folder of a module's outermost package, which is imported first; None if there is none."""
    top = module.partition(".")[0]
    try:
        # A project that is installed editable may be found by its own finder only.
        found = PathFinder.find_spec(top, search) or find_spec(top)
    # A module that is imported already and has no origin.
    except ValueError:
        return _BUILT_IN
    if found is None:
        return None
    places = [found.origin] if found.has_location else list(found.submodule_search_locations or ())
    return Path(places[0]).resolve() if places and places[0] else _BUILT_IN
