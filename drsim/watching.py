"""Waits for changes of the handlers' Python files: those in their own folders and in those of `--path`.

Looks at them once a second. `drsim.rounds` owns what happens then.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from drsim.scenarios import machine
from drsim.scenarios.source_scan import sources_of
from drsim.simulator.handlers.functions import Handlers

_LOOK_SECONDS: Final = 1.0


Check: TypeAlias = Callable[[], None]
"""Raises ChangedError if what runs is no longer what is there."""


class ChangedError(Exception):
    """A file of the handlers has changed."""


def unwatched() -> None:
    """Check nothing: no change ends a round."""


class HandlerFiles:
    """The handlers' files as they were when a round began."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self._before = self._now()

    def check(self) -> None:
        """Raise ChangedError if a file has changed since the round began."""
        if self._now() != self._before:
            raise ChangedError

    def wait(self) -> list[Path]:
        """Wait for changes until none comes for a second; return the files that were changed, added or removed.

        Python takes cached bytecode for a source's if it has the source's size and was made of one from the same
        second. So a round must not begin in the second of a change.
        """
        before = self._before
        while (now := self._now()) == before or now != self._before:
            self._before = now
            machine.pause(_LOOK_SECONDS)
        return [path for path in {**before, **now} if before.get(path) != now.get(path)]

    def _now(self) -> Mapping[Path, tuple[int, int]]:
        """When each file was written, and its size."""
        seen: dict[Path, tuple[int, int]] = {}
        for path in sources_of(self.handlers):
            # An editor may just be replacing it.
            with suppress(OSError):
                found = path.stat()
                seen[path] = found.st_mtime_ns, found.st_size
        return seen
