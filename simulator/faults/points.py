"""Points at which fault rules act, and the form of a fault's effect at each.

Most points are calls of production code. The others are a tick, an event in Lambda's queue, the start of a handler, a
write on its way to the StatusIndex, the clock of an environment, and Phase 1's StartRecovery.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NoReturn, Protocol, Self, TypeVar

from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.services.functions import Start
from drsim.simulator.services.spec import JobLife

T = TypeVar("T")
E = TypeVar("E")

Shown = Callable[[int], int | None]
"""From the number of a job's servers to the number that an answer shows; None leaves out the whole job."""

Change = Callable[[int], Mapping[str, object] | None]
"""From microseconds since the Unix epoch to the attributes that another writer sets; None deletes the item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """What an effect can do with one attempt of a call."""

    operation: str
    answer: Callable[[], T]
    """Let the service act, and return its answer."""
    leave_out: Callable[[T, Shown], T]
    """Return the answer without some of its servers or jobs."""
    wait: Callable[[], None]
    """Wait for the rule's delay, or until healing."""
    hang: Callable[[], NoReturn]
    """Wait until the function times out; work that the function left behind waits for ever."""
    crash: Callable[[], NoReturn]
    write: Callable[[Change], None]
    """Write the execution's item as another writer, unless the execution has ended."""


class CallEffect(Protocol):
    """Makes one attempt of a call. Raises ServiceError."""

    def __call__(self, call: Call[T], /) -> T:
        """Return the answer."""
        ...


Deliveries = Callable[[int], Sequence[int]]
"""From the rule's delay (us) to the delay of each delivery; the usual one is a single delivery without delay."""
StartEffect = Callable[[int], Start]
"""From the rule's delay (us) to how Lambda starts the handler."""
Lag = Callable[[int], int]
"""From the rule's delay (us) to how far a write's index entry, or a clock, is off."""
LifeEffect = Callable[[JobLife, int, int], JobLife]
"""From a job's life, the rule's delay (us) and its number of servers to the job's new life. Raises ServiceError."""


class Point(str, Generic[E]):
    """The name of a point. Kinds of faults that act there have effects of type E.

    `selectors` are the fields by which a rule can select events; `functions` are those whose events occur there.
    """

    selectors: frozenset[str]
    functions: tuple[str, ...]

    def __new__(cls, name: str, selectors: str, functions: tuple[str, ...] = ()) -> Self:
        """Make a point from its name, its selectors (separated by spaces) and its functions."""
        point = super().__new__(cls, name)
        point.selectors, point.functions = frozenset(selectors.split()), functions
        return point


TICK: Final = Point[Deliveries]("Tick", "run")
EVENT: Final = Point[Deliveries]("Event", "function execution run", (FINDER, POLLER))
START: Final = Point[StartEffect]("Start", "function execution run", (FINDER, POLLER))
INDEX: Final = Point[Lag]("Index", "execution run")
CLOCK: Final = Point[Lag]("Clock", "function run", (FINDER, POLLER))
START_RECOVERY: Final = Point[LifeEffect]("StartRecovery", "execution region run")
QUERY: Final = Point[CallEffect]("Query", "function run nth", (FINDER,))
INVOKE: Final = Point[CallEffect]("Invoke", "function execution run nth", (FINDER,))
GET_ITEM: Final = Point[CallEffect]("GetItem", "function execution run nth", (POLLER,))
DESCRIBE_JOBS: Final = Point[CallEffect]("DescribeJobs", "function execution region run nth", (POLLER,))
UPDATE_ITEM: Final = Point[CallEffect]("UpdateItem", "function execution run nth", (POLLER,))
PUT_METRIC_DATA: Final = Point[CallEffect]("PutMetricData", "function execution run nth", (POLLER,))

CALLS: Final = (QUERY, INVOKE, GET_ITEM, DESCRIBE_JOBS, UPDATE_ITEM, PUT_METRIC_DATA)
"""The AWS calls of the two functions."""
CALL_POINTS: Final[Mapping[str, Point[CallEffect]]] = {point: point for point in CALLS}
POINTS: Final[Mapping[str, Point[Any]]] = {
    point: point for point in (TICK, EVENT, START, INDEX, CLOCK, START_RECOVERY, *CALLS)
}
