"""Processes of the kernel, their families, and the greenlets that run them. `simulator.kernel` schedules them."""

from collections.abc import Callable
from typing import Final

from greenlet import GreenletExit, greenlet

from drsim.simulator.errors import RunEndingError


class KernelError(Exception):
    """Root of the kernel's errors. All of them are mistakes of the simulation, never something AWS would show."""


class MisuseError(KernelError):
    """A call that makes no sense; the message shows the wrong call and the right one."""


class ProcessCrashedError(KernelError):
    """A process raised an exception that it did not handle. The message names seed, instant and process."""


NOT_OF_THE_CODE: Final = (RunEndingError, GreenletExit, KeyboardInterrupt)
"""Exceptions that code under test passes on to the kernel but does not cause. All others are errors of that code."""


class Process:
    """One thread of virtual time. Its children die with it; `tag` is free for the process's creator."""

    __slots__ = ("_carrier", "_children", "_ended", "_killed", "_serial", "_spawner", "_task", "name", "tag")

    def __init__(self, name: str, task: Callable[[], object], spawner: "Process | None") -> None:
        self.name = name
        self.tag: object = None if spawner is None else spawner.tag
        self._task = task
        self._spawner = spawner
        self._children: dict[Process, None] = {}
        self._carrier: Carrier | None = None
        self._killed = self._ended = False
        # The serial number of the event that starts it.
        self._serial = 0

    @property
    def alive(self) -> bool:
        """Whether the process can still run: it has neither ended nor been killed."""
        return not (self._killed or self._ended)

    @property
    def leaves_work(self) -> bool:
        """Whether processes that it spawned can still run."""
        return any(child.alive for child in self._children)

    @property
    def root(self) -> "Process":
        """The process at the top of the family. It stays the root after its end, so that its children can be killed."""
        process = self
        while process._spawner is not None:
            process = process._spawner
        return process

    def bequeath(self) -> None:
        """Make the children those of this process's spawner, so that they still die with the family."""
        spawner = self._spawner
        if spawner is None:
            return
        for child in self._children:
            child._spawner = spawner
        spawner._children.pop(self, None)
        spawner._children.update(self._children)
        self._children.clear()


class Carrier(greenlet):
    """A greenlet that runs one process after another: making one costs ten times as much as a switch."""

    # Attributes in a greenlet's dictionary would cost a tenth of the kernel's speed.
    __slots__ = ("process", "serial")

    def __init__(self, body: Callable[[], None]) -> None:
        super().__init__(body)
        self.process: Process | None = None
        # The serial number of the event that resumes it.
        self.serial = 0
