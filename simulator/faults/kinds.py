"""The table of fault kinds: each kind is one member of `Fault`, and all other code reads its entry.

Owns the effects, and the points at which they act. Default delays are assumed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Generic, NoReturn, Protocol, Self, TypeVar

from drsim.simulator.contract.layout import Attributes, Layout
from drsim.simulator.durations import spread_of
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.randomness import Spread
from drsim.simulator.services.conditions import Start
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.spec import JobLife

T = TypeVar("T")
E = TypeVar("E")

Shown = Callable[[int], int | None]
"""From the number of a job's servers to the number that an answer shows; None leaves out the whole job."""
Change = Callable[[Layout, Attributes, int], Mapping[str, object] | None]
"""From an item, by its layout, at an instant (us since the Unix epoch) to the attributes that another writer sets.

None deletes the item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One attempt of a call, and what an effect can do with it. `answer` makes the service act.

    `wait` lasts for the rule's delay, `hang` until the function times out. `write` spares ended executions.
    """

    operation: str
    answer: Callable[[], T]
    leave_out: Callable[[T, Shown], T]
    wait: Callable[[], None]
    hang: Callable[[], NoReturn]
    crash: Callable[[], NoReturn]
    write: Callable[[Change], None]


class CallEffect(Protocol):
    """Makes one attempt of a call and returns its answer. Raises ServiceError."""

    def __call__(self, call: Call[T], /) -> T: ...


# From the rule's delay (us) to each delivery's delay, to the handler's start, and to the lag of an index entry, clock,
# read or a repeated event.
Deliveries = Callable[[int], Sequence[int]]
StartEffect = Callable[[int], Start]
Lag = Callable[[int], int]
LifeEffect = Callable[[JobLife, int, int], JobLife]
"""From a job's life, the rule's delay (us) and its number of servers to another life. Raises ServiceError."""


class Point(str, Generic[E]):
    """The name of a point whose kinds have effects of type E, and the fields and functions that select its events."""

    selectors: frozenset[str]
    functions: tuple[str, ...]

    def __new__(cls, name: str, selectors: str, *functions: str) -> Self:
        point = super().__new__(cls, name)
        point.selectors, point.functions = frozenset(selectors.split()), functions
        return point


TICK: Final = Point[Deliveries]("Tick", "run")
EVENT: Final = Point[Deliveries]("Event", "function execution run", FINDER, POLLER)
START: Final = Point[StartEffect]("Start", "function execution run", FINDER, POLLER)
INDEX: Final = Point[Lag]("Index", "execution run")
CLOCK: Final = Point[Lag]("Clock", "function run", FINDER, POLLER)
READ: Final = Point[Lag]("Read", "function execution run nth", FINDER, POLLER)
"""A GetItem without ConsistentRead. Our own functions make none."""
END: Final = Point[Lag]("End", "function execution", POLLER)
"""A poll's write that ends an execution."""
START_RECOVERY: Final = Point[LifeEffect]("StartRecovery", "execution region run nth")
QUERY: Final = Point[CallEffect]("Query", "function run nth", FINDER)
INVOKE: Final = Point[CallEffect]("Invoke", "function execution run nth", FINDER)
GET_ITEM: Final = Point[CallEffect]("GetItem", "function execution run nth", POLLER)
DESCRIBE_JOBS: Final = Point[CallEffect]("DescribeJobs", "function execution region run nth", POLLER)
UPDATE_ITEM: Final = Point[CallEffect]("UpdateItem", "function execution run nth", POLLER)
PUT_METRIC_DATA: Final = Point[CallEffect]("PutMetricData", "function execution run nth", POLLER)
CALLS: Final = (QUERY, INVOKE, GET_ITEM, DESCRIBE_JOBS, UPDATE_ITEM, PUT_METRIC_DATA)
POINTS: Final[Mapping[str, Point[Any]]] = {
    point: point for point in (*CALLS, TICK, EVENT, START, INDEX, CLOCK, READ, END, START_RECOVERY)
}


class Excuse(StrEnum):
    """What a fault excuses. A truth excuses nothing: it changes DRS's jobs, and polling must follow them."""

    DELAY = "late polls"
    INCOMPLETE = "a late end"
    TRUTH = "nothing"
    CLOCK = "skew"


@dataclass(frozen=True, slots=True)
class Kind(Generic[E]):
    """The entry of a kind: its name, its points, its effect there, and a description.

    `options` are the optional fields of its rules; a `lasting` kind must prevent an end while it acts. A kind that
    `ends` may end the invocation. A `rare` one has a small chance in the swarm, to leave enough executions.
    """

    name: str
    points: tuple[Point[E], ...]
    effect: E
    what: str
    options: tuple[str, ...] = ()
    delay: Spread | None = None
    excuses: Excuse = Excuse.DELAY
    ends: bool = False
    rare: bool = False

    def accepts(self, option: str) -> bool:
        """Return whether rules of the kind may have the option, or `delay`."""
        return option in self.options or (option == "delay" and self.delay is not None)


# Errors of throttled calls; all others raise ThrottlingException (botocore 1.43, service models).
_THROTTLES: Final = {
    **dict.fromkeys(("Query", "GetItem", "UpdateItem"), "ProvisionedThroughputExceededException"),
    "Invoke": "TooManyRequestsException",
}


def _throttled(call: Call[T]) -> T:
    raise ServiceError(_THROTTLES.get(call.operation, "ThrottlingException"), "injected", retryable=True)


def _hot(call: Call[T]) -> T:
    """Throttle a key: 3,000 read and 1,000 write units a second (developer guide, throttling of indexes, 2026-11).

    The table refuses a write that the index cannot follow.
    """
    what = "reads" if call.operation == "Query" else "writes"
    raise ServiceError("ThrottlingException", f"injected: too many {what} of a key of StatusIndex", retryable=True)


def _denied(call: Call[T]) -> T:
    raise ServiceError("AccessDeniedException", f"injected: not authorized to perform {call.operation}")


def _fails(code: str, reason: str, before: Callable[[Call[Any]], object] = bool) -> CallEffect:
    def effect(call: Call[T]) -> T:
        before(call)
        raise ServiceError(code, f"injected{reason}", retryable=True)

    return effect


def _does(before: Callable[[Call[Any]], object]) -> CallEffect:
    def effect(call: Call[T]) -> T:
        before(call)
        return call.answer()

    return effect


def _crashed_after(call: Call[T]) -> T:
    call.answer()
    call.crash()


def _leaves_out(shown: Shown) -> CallEffect:
    return lambda call: call.leave_out(call.answer(), shown)


def noted_by_another_tool(layout: Layout, item: Attributes, _: int) -> Attributes:
    """Return a note of another tool, in each wave as well if no version protects the waves."""
    note = {"Note": "written by another tool"}
    waves = layout.execution.places["waves"].of(item)
    if layout.contract.promises.versioned or not isinstance(waves, list):
        return note
    noted = [{**wave, **note} if isinstance(wave, Mapping) else wave for wave in waves]
    return {**note, **layout.execution.changes(item, waves=noted)}


_server_error: Final = _fails("InternalServerError", "")
_timed_out: Final = _fails("ReadTimeoutError", ": the request never arrived", lambda call: call.wait())
_answer_lost: Final = _fails("ConnectionClosedError", ": the answer never arrived", lambda call: call.answer())
_raced: Final = _does(lambda call: call.write(noted_by_another_tool))
_cancelled: Final = _does(
    lambda call: call.write(lambda layout, item, us: layout.execution.changes(item, **layout.cancelled(us)))
)
_deleted: Final = _does(lambda call: call.write(lambda *_: None))
_slow: Final = _does(lambda call: call.wait())
_stuck: Final = _does(lambda call: call.hang())
_crashed_before: Final = _does(lambda call: call.crash())
_job_vanished: Final = _leaves_out(lambda _: None)
_servers_omitted: Final = _leaves_out(lambda _: 0)
_last_omitted: Final = _leaves_out(lambda count: max(count - 1, 0))


def _behind(delay_us: int) -> int:
    return delay_us


def _job_hangs(life: JobLife, *_: int) -> JobLife:
    return life.model_copy(update={"hangs": True})


def _servers_fail(life: JobLife, _: int, servers_count: int) -> JobLife:
    return life.model_copy(update={"failed_servers": servers_count})


def _job_late(life: JobLife, delay_us: int, _: int) -> JobLife:
    usual = life.in_progress
    mode_us = None if usual.mode_us is None else usual.mode_us + delay_us
    longer = replace(usual, low_us=usual.low_us + delay_us, high_us=usual.high_us + delay_us, mode_us=mode_us)
    return life.model_copy(update={"in_progress": longer})


def _quota(*_: object) -> JobLife:
    raise ServiceError("ServiceQuotaExceededException", "injected: another tool's jobs use up the quota")


_ATTEMPTS: Final = ("attempts",)
_LASTING: Final = ("lasting",)
_FAILURE: Final = ("attempts", "lasting")
_CRASH: Final = ("redelivered", "lasting")
_PART: Final = Excuse.INCOMPLETE
_TRUTH: Final = Excuse.TRUTH
_WRITES: Final = (UPDATE_ITEM, GET_ITEM)
_JOBS: Final = (DESCRIBE_JOBS,)
_LIFE: Final = (START_RECOVERY,)


class Fault(StrEnum):
    """The kinds of faults. A member is its entry's name, and `kind` is the entry."""

    kind: Kind[Any]

    def __new__(cls, kind: Kind[Any]) -> Self:
        fault = str.__new__(cls, kind.name)
        fault._value_, fault.kind = kind.name, kind
        return fault

    TICK_LOST = Kind("tick-lost", (TICK,), lambda _: (), "EventBridge skips a tick.", _LASTING)
    TICK_LATE = Kind("tick-late", (TICK,), lambda us: (us,), "A tick comes late.", delay=spread_of("5s..50s"))
    TICK_DOUBLED = Kind("tick-doubled", (TICK,), lambda us: (0, us), "A tick comes twice.")
    EVENT_DROPPED = Kind("event-dropped", (EVENT,), lambda _: (), "Lambda loses an event.", _LASTING)
    EVENT_DELAYED = Kind("event-delayed", (EVENT,), lambda us: (us,), "An event comes late.", delay=spread_of("5s..3m"))
    EVENT_DUPLICATED = Kind(
        "event-duplicated", (EVENT,), lambda us: (0, us), "An event comes twice.", delay=spread_of("0s..90s")
    )
    END_DUPLICATED = Kind(
        "end-duplicated",
        (END,),
        _behind,
        "The event whose poll ended an execution comes once more.",
        delay=spread_of("1s..20s"),
    )
    COLD_START = Kind(
        "cold-start",
        (START,),
        lambda us: Start(cold=True, init_us=us),
        "A handler starts in a new environment, and slowly.",
        delay=spread_of("1s..8s"),
    )
    STARVED = Kind("starved", (START,), lambda _: Start(throttled=True), "Lambda has no concurrency for a handler.")
    THROTTLED = Kind("throttled", CALLS, _throttled, "The service throttles a call.", _FAILURE)
    SERVER_ERROR = Kind("server-error", CALLS, _server_error, "A call fails with InternalServerError.", _FAILURE)
    TIMED_OUT = Kind("timed-out", CALLS, _timed_out, "A request never arrives.", _FAILURE, spread_of("5s"), ends=True)
    ANSWER_LOST = Kind("answer-lost", CALLS, _answer_lost, "The service acts; its answer never arrives.", _ATTEMPTS)
    SLOW = Kind("slow", CALLS, _slow, "A call is slow.", _ATTEMPTS, spread_of("1s..30s"), ends=True)
    STUCK = Kind("stuck", CALLS, _stuck, "A call lasts until its function ends.", _LASTING, ends=True)
    DENIED = Kind("denied", CALLS, _denied, "A call fails with AccessDeniedException.", _LASTING)
    CRASHED_BEFORE = Kind(
        "crashed-before", CALLS, _crashed_before, "The function dies before a call.", _CRASH, ends=True
    )
    CRASHED_AFTER = Kind("crashed-after", CALLS, _crashed_after, "The function dies after a call.", _CRASH, ends=True)
    RACED = Kind("raced", _WRITES, _raced, "Another writer comes first.", _ATTEMPTS)
    CANCELLED = Kind("cancelled", _WRITES, _cancelled, "A person cancels the execution first.", _ATTEMPTS, rare=True)
    DELETED = Kind("deleted", _WRITES, _deleted, "A person deletes the record first.", _ATTEMPTS, rare=True)
    JOB_VANISHED = Kind("job-vanished", _JOBS, _job_vanished, "DRS leaves out the jobs.", _LASTING, excuses=_PART)
    SERVERS_OMITTED = Kind(
        "servers-omitted", _JOBS, _servers_omitted, "DRS leaves out all servers.", _LASTING, excuses=_PART
    )
    ANSWER_PARTIAL = Kind(
        "answer-partial",
        _JOBS,
        _last_omitted,
        "DRS leaves out the last server of each job.",
        _LASTING,
        excuses=_PART,
        rare=True,
    )
    INDEX_LAG = Kind("index-lag", (INDEX,), _behind, "A write reaches StatusIndex late.", delay=spread_of("10s..3m"))
    HOT_INDEX = Kind(
        "hot-index", (QUERY, UPDATE_ITEM), _hot, "A key of StatusIndex is throttled, so writes are as well.", _FAILURE
    )
    STALE_READ = Kind(
        "stale-read",
        (READ,),
        _behind,
        "A GetItem without ConsistentRead shows an earlier version.",
        delay=spread_of("10s..3m"),
    )
    CLOCK_SKEW = Kind(
        "clock-skew", (CLOCK,), _behind, "A clock is fast or slow.", delay=spread_of("0s..2s"), excuses=Excuse.CLOCK
    )
    JOB_HANGS = Kind("job-hangs", _LIFE, _job_hangs, "A job never ends.", excuses=_TRUTH)
    SERVERS_FAIL = Kind("servers-fail", _LIFE, _servers_fail, "Servers do not launch.", ("servers",), excuses=_TRUTH)
    JOB_LATE = Kind("job-late", _LIFE, _job_late, "A job is slow.", delay=spread_of("5m..25m"), excuses=_TRUTH)
    QUOTA = Kind("quota", _LIFE, _quota, "Another tool's jobs use up the quota of DRS.", excuses=_TRUTH)


TRUTHS: Final = frozenset(fault for fault in Fault if fault.kind.excuses is Excuse.TRUTH)
INCOMPLETE: Final = frozenset(fault for fault in Fault if fault.kind.excuses is Excuse.INCOMPLETE)
