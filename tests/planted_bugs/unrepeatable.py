"""Parts of which two runs differ, and parts that cannot be built: what shrinking must survive."""

from typing import Any, Final

from drsim.orchestrator.poller import Poller
from drsim.simulator.services.observability import LogsService
from drsim.simulator.trace import BrokenSimulationError
from drsim.simulator.world import Parts, Ports, production_poller
from tests.planted_bugs import pollers
from tests.planted_bugs.registry import BUGS

_built: Final[list[Ports]] = []
"""What was built in this process: state that no run should depend on."""


def as_in_a_new_process() -> None:
    """Forget what was built."""
    _built.clear()


def _silent(ports: Ports) -> Poller:
    """A poller whose log lines lack their ids."""
    return pollers.poller(pollers.LogsWithoutIds).poller(ports)


def _silent_at_first(ports: Ports) -> Poller:
    """The same in the first world of a process, and the real one from then on."""
    _built.append(ports)
    return _silent(ports) if len(_built) == 1 else production_poller(ports)


def _silent_then_uncounted(ports: Ports) -> Poller:
    """The same, and from then on one that publishes a metric under another name."""
    _built.append(ports)
    return _silent(ports) if len(_built) == 1 else UNCOUNTED.poller(ports)


class LogsThatBreak(LogsService):
    """Logs of a run that is written as a failure, where their size counts, cannot be built."""

    def __init__(self, *arguments: Any, measured: bool = True, **options: Any) -> None:
        if measured:
            raise BrokenSimulationError("no logs today")
        super().__init__(*arguments, measured=measured, **options)


def _unbuilt(_: Ports) -> Poller:
    raise BrokenSimulationError("no poller today")


UNCOUNTED: Final = BUGS["MetricRenamed"]
ONCE: Final = Parts(poller=_silent_at_first)
ONCE_AND_ANOTHER: Final = Parts(poller=_silent_then_uncounted)
EXPLORED_ONLY: Final = Parts(poller=_silent, logs=LogsThatBreak)
UNBUILT: Final = Parts(poller=_unbuilt)
