"""Invocations that AWS, and not a function, made to come twice or late: ticks and events under faults, and retries."""

from drsim.simulator.events import FINDER, FaultInjected, Invoked
from drsim.simulator.faults.kinds import EVENT, TICK


class Repeats:
    """The running invocations of a doubled or late tick or event, and those that they dispatched."""

    def __init__(self) -> None:
        # When the last fault on a tick or an event began and ended, by function and execution ("" for a tick).
        self._faults: dict[tuple[str, str], tuple[int, int]] = {}
        self._requests: set[str] = set()

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._requests

    def fault(self, event: FaultInjected) -> None:
        """Take notice of a fault. A tick starts its finder with the fault's delay, and an event is queued at once."""
        if event.operation == TICK:
            self._faults[FINDER, ""] = event.at_us, event.at_us + event.delay_us
        elif event.operation == EVENT:
            self._faults[event.function, event.execution_id] = event.at_us, event.at_us

    def invoked(self, event: Invoked) -> None:
        """Take notice of an accepted event."""
        from_us, until_us = self._faults.get((event.function, event.execution_id), (0, -1))
        if from_us <= event.at_us <= until_us or event.by in self._requests:
            self._requests.add(event.request_id)

    def ended(self, request_id: str, *, retried: bool) -> None:
        """Take notice of an invocation's end. Lambda may deliver the event of one that failed again."""
        if retried:
            self._requests.add(request_id)
        else:
            self._requests.discard(request_id)
