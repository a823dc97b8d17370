"""The functions that a run deploys: handlers by their places in code, their modules and variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

OUR_FINDER: Final = "drsim.orchestrator.entrypoints:finder_handler"
OUR_POLLER: Final = "drsim.orchestrator.entrypoints:poller_handler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The functions: handlers as MODULE:NAME or FILE.py:NAME, folders of their modules, environment variables.

    Without a poller the finder polls by itself, unless its contract says that it has both roles.
    """

    finder: str
    poller: str | None = None
    paths: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def are_ours(self) -> bool:
        """Whether they are this project's own."""
        return (self.finder, self.poller) == (OUR_FINDER, OUR_POLLER)

    def from_anywhere(self) -> "Handlers":
        """Return the same handlers with absolute paths, for a process that works in another folder."""
        finder, poller = [None if place is None else _absolute(place) for place in (self.finder, self.poller)]
        paths = tuple([path.absolute() for path in self.paths])
        return replace(self, finder=finder or "", poller=poller, paths=paths)


def _absolute(place: str) -> str:
    file, _, name = place.rpartition(":")
    return f"{Path(file).absolute()}:{name}" if file.endswith(".py") else place


OURS: Final = Handlers(finder=OUR_FINDER, poller=OUR_POLLER)
