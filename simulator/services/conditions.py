"""What a Lambda service asks of its surroundings about events: faults answer, and usually nothing is wrong."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Start(NamedTuple):
    throttled: bool = False
    cold: bool = False
    init_us: int = 0


class Conditions(Protocol):
    """Faults applied to an event after Lambda accepts it and before its handler runs."""

    def deliveries(self, function: str, execution_id: str, number: int) -> Sequence[int]:
        """Return the delay (us) of each delivery of the execution's nth event; usually (0,)."""

    def start(self, function: str, execution_id: str, request_id: str, run: int) -> Start:
        """Return how the handler starts."""
