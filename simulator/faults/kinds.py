"""The table of fault kinds: each kind is one member of `Fault`, and everything else reads its entry.

Owns the effects as well. Default delays are assumed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Generic, Self

from drsim.orchestrator.items import seconds_item
from drsim.simulator.durations import spread_of
from drsim.simulator.faults.points import (
    CALLS,
    CLOCK,
    DESCRIBE_JOBS,
    EVENT,
    GET_ITEM,
    INDEX,
    START,
    START_RECOVERY,
    TICK,
    UPDATE_ITEM,
    Call,
    E,
    Point,
    T,
)
from drsim.simulator.randomness import Spread
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Start
from drsim.simulator.services.spec import JobLife


class Excuse(StrEnum):
    """What a fault of a kind excuses."""

    DELAY = "late polls"
    INCOMPLETE = "a late end"
    TRUTH = "nothing"
    """The fault belongs to DRS: it changes the truth, and polling owes as much as ever."""
    CLOCK = "skew"
    """Nothing else: the properties allow the skew itself."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[E]):
    """The entry of a kind of fault: its name, the points at which it may act, its effect, and what happens in words.

    `delay` is the default of its length, None if it has none. `options` are the optional fields of a rule that mean
    something for it; only a kind that prevents an end for as long as it acts may be `lasting`. `ends` says whether it
    may end the invocation. A `rare` kind is drawn with a small chance, or the swarm would leave nothing to watch.
    """

    name: str
    points: tuple[Point[E], ...]
    effect: E
    what: str
    excuses: Excuse = Excuse.DELAY
    delay: Spread | None = None
    options: tuple[str, ...] = ()
    ends: bool = False
    rare: bool = False


# --- effects on calls ------------------------------------------------------------------------------------------

_THROTTLES: Final = {
    "Query": "ProvisionedThroughputExceededException",
    "GetItem": "ProvisionedThroughputExceededException",
    "UpdateItem": "ProvisionedThroughputExceededException",
    "Invoke": "TooManyRequestsException",
}
"""The error of a throttled call; all others raise ThrottlingException (botocore 1.43, service models)."""


def _throttled(call: Call[T]) -> T:
    raise ServiceError(_THROTTLES.get(call.operation, "ThrottlingException"), "injected", retryable=True)


def _server_error(_: Call[T]) -> T:
    raise ServiceError("InternalServerError", "injected", retryable=True)


def _timed_out(call: Call[T]) -> T:
    call.wait()
    raise ServiceError("ReadTimeoutError", "injected: the request never arrived", retryable=True)


def _answer_lost(call: Call[T]) -> T:
    call.answer()
    raise ServiceError("ConnectionClosedError", "injected: the answer never arrived", retryable=True)


def _slow(call: Call[T]) -> T:
    call.wait()
    return call.answer()


def _stuck(call: Call[T]) -> T:
    call.hang()


def _denied(call: Call[T]) -> T:
    raise ServiceError("AccessDeniedException", f"injected: not authorized to perform {call.operation}")


def _crashed_before(call: Call[T]) -> T:
    call.crash()


def _crashed_after(call: Call[T]) -> T:
    call.answer()
    call.crash()


def _raced(call: Call[T]) -> T:
    call.write(lambda _: {"Note": "written by another tool"})
    return call.answer()


def _cancelled(call: Call[T]) -> T:
    call.write(lambda now_us: {"Status": "CANCELLED", "EndTime": seconds_item(now_us)})
    return call.answer()


def _deleted(call: Call[T]) -> T:
    call.write(lambda _: None)
    return call.answer()


def _job_vanished(call: Call[T]) -> T:
    return call.leave_out(call.answer(), lambda _: None)


def _servers_omitted(call: Call[T]) -> T:
    return call.leave_out(call.answer(), lambda _: 0)


def _answer_partial(call: Call[T]) -> T:
    return call.leave_out(call.answer(), lambda count: max(count - 1, 0))


# --- effects on jobs -------------------------------------------------------------------------------------------


def _job_hangs(life: JobLife, *_: int) -> JobLife:
    return life.model_copy(update={"hangs": True})


def _servers_fail(life: JobLife, _: int, servers_count: int) -> JobLife:
    return life.model_copy(update={"failed_servers": servers_count})


def _job_late(life: JobLife, delay_us: int, _: int) -> JobLife:
    usual = life.in_progress
    longer = replace(
        usual,
        low_us=usual.low_us + delay_us,
        high_us=usual.high_us + delay_us,
        mode_us=None if usual.mode_us is None else usual.mode_us + delay_us,
    )
    return life.model_copy(update={"in_progress": longer})


def _quota(*_: object) -> JobLife:
    raise ServiceError("ServiceQuotaExceededException", "injected: another tool's jobs use up the quota")


# --- the table -------------------------------------------------------------------------------------------------

_WRITES: Final = (UPDATE_ITEM, GET_ITEM)
_FAILS: Final = ("attempts", "lasting")
_CRASHES: Final = ("redelivered", "lasting")


class Fault(StrEnum):
    """The kinds of faults. A member is its entry's name, and `kind` is the entry."""

    kind: Kind[Any]

    def __new__(cls, kind: Kind[Any]) -> Self:
        """Make a member from its entry."""
        fault = str.__new__(cls, kind.name)
        fault._value_ = kind.name
        fault.kind = kind
        return fault

    TICK_LOST = Kind("tick-lost", (TICK,), lambda _: (), "EventBridge skips a tick.", options=("lasting",))
    TICK_LATE = Kind(
        "tick-late", (TICK,), lambda delay_us: (delay_us,), "A tick comes late.", delay=spread_of("5s..50s")
    )
    TICK_DOUBLED = Kind("tick-doubled", (TICK,), lambda _: (0, 0), "A tick comes twice.")
    EVENT_DROPPED = Kind("event-dropped", (EVENT,), lambda _: (), "Lambda loses an event.", options=("lasting",))
    EVENT_DELAYED = Kind(
        "event-delayed",
        (EVENT,),
        lambda delay_us: (delay_us,),
        "Lambda delivers an event late.",
        delay=spread_of("5s..3m"),
    )
    EVENT_DUPLICATED = Kind(
        "event-duplicated",
        (EVENT,),
        lambda delay_us: (0, delay_us),
        "Lambda delivers an event a second time.",
        delay=spread_of("0s..90s"),
    )
    COLD_START = Kind(
        "cold-start",
        (START,),
        lambda delay_us: Start(cold=True, init_us=delay_us),
        "A handler starts in a new environment, which takes longer than usual.",
        delay=spread_of("1s..8s"),
    )
    STARVED = Kind("starved", (START,), lambda _: Start(throttled=True), "Lambda has no concurrency for a handler.")
    THROTTLED = Kind("throttled", CALLS, _throttled, "The service throttles a call.", options=_FAILS)
    SERVER_ERROR = Kind(
        "server-error", CALLS, _server_error, "The service fails with InternalServerError.", options=_FAILS
    )
    TIMED_OUT = Kind(
        "timed-out",
        CALLS,
        _timed_out,
        "A request never arrives, and the call times out.",
        delay=spread_of("5s"),
        options=_FAILS,
        ends=True,
    )
    ANSWER_LOST = Kind(
        "answer-lost", CALLS, _answer_lost, "The service acts, and its answer never arrives.", options=("attempts",)
    )
    SLOW = Kind(
        "slow",
        CALLS,
        _slow,
        "The service answers late.",
        delay=spread_of("1s..30s"),
        options=("attempts",),
        ends=True,
    )
    STUCK = Kind("stuck", CALLS, _stuck, "A call lasts until its function times out.", options=("lasting",), ends=True)
    DENIED = Kind("denied", CALLS, _denied, "The service answers AccessDeniedException.", options=("lasting",))
    CRASHED_BEFORE = Kind(
        "crashed-before", CALLS, _crashed_before, "The function crashes before a call.", options=_CRASHES, ends=True
    )
    CRASHED_AFTER = Kind(
        "crashed-after", CALLS, _crashed_after, "The function crashes after a call.", options=_CRASHES, ends=True
    )
    RACED = Kind("raced", _WRITES, _raced, "Another writer comes first and raises the version.", options=("attempts",))
    CANCELLED = Kind("cancelled", _WRITES, _cancelled, "A person cancels first.", options=("attempts",), rare=True)
    DELETED = Kind("deleted", _WRITES, _deleted, "A person deletes the record first.", options=("attempts",), rare=True)
    JOB_VANISHED = Kind(
        "job-vanished",
        (DESCRIBE_JOBS,),
        _job_vanished,
        "DRS leaves the jobs out of its answer.",
        Excuse.INCOMPLETE,
        options=("lasting",),
    )
    SERVERS_OMITTED = Kind(
        "servers-omitted",
        (DESCRIBE_JOBS,),
        _servers_omitted,
        "DRS names jobs without their servers.",
        Excuse.INCOMPLETE,
        options=("lasting",),
    )
    ANSWER_PARTIAL = Kind(
        "answer-partial",
        (DESCRIBE_JOBS,),
        _answer_partial,
        "DRS leaves out the last server of each job.",
        Excuse.INCOMPLETE,
        options=("lasting",),
        rare=True,
    )
    INDEX_LAG = Kind(
        "index-lag",
        (INDEX,),
        lambda delay_us: delay_us,
        "A write reaches the StatusIndex later than usual.",
        delay=spread_of("10s..3m"),
    )
    CLOCK_SKEW = Kind(
        "clock-skew",
        (CLOCK,),
        lambda delay_us: delay_us,
        "The clock of an environment is fast or slow.",
        Excuse.CLOCK,
        spread_of("0s..2s"),
    )
    JOB_HANGS = Kind("job-hangs", (START_RECOVERY,), _job_hangs, "A job never ends.", Excuse.TRUTH)
    SERVERS_FAIL = Kind(
        "servers-fail",
        (START_RECOVERY,),
        _servers_fail,
        "Servers of a job do not launch.",
        Excuse.TRUTH,
        options=("servers",),
    )
    JOB_LATE = Kind(
        "job-late",
        (START_RECOVERY,),
        _job_late,
        "A job takes longer than usual.",
        Excuse.TRUTH,
        spread_of("5m..25m"),
    )
    QUOTA = Kind("quota", (START_RECOVERY,), _quota, "Another tool's jobs use up the quota of DRS.", Excuse.TRUTH)


TRUTHS: Final = frozenset(fault for fault in Fault if fault.kind.excuses is Excuse.TRUTH)
INCOMPLETE: Final = frozenset(fault for fault in Fault if fault.kind.excuses is Excuse.INCOMPLETE)
