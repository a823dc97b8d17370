"""Fault rules as data: what goes wrong, where and when.

Owns the words, and which fault makes sense at which point; a rule's relation to the rest of its scenario (its entities,
its duration) is checked where both are known, in `simulator.spec.world`. Defaults of strengths are assumed.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drsim.simulator.durations import DurationUs, SpreadField, show_duration, show_spread, spread_of
from drsim.simulator.randomness import Spread


class Fault(StrEnum):
    """What can go wrong."""

    TICK_LOST = "tick-lost"
    TICK_LATE = "tick-late"
    TICK_DOUBLED = "tick-doubled"
    EVENT_DROPPED = "event-dropped"
    EVENT_DELAYED = "event-delayed"
    EVENT_DUPLICATED = "event-duplicated"
    COLD_START = "cold-start"
    STARVED = "starved"
    THROTTLED = "throttled"
    SERVER_ERROR = "server-error"
    TIMED_OUT = "timed-out"
    ANSWER_LOST = "answer-lost"
    SLOW = "slow"
    STUCK = "stuck"
    DENIED = "denied"
    CRASHED_BEFORE = "crashed-before"
    CRASHED_AFTER = "crashed-after"
    RACED = "raced"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    JOB_VANISHED = "job-vanished"
    SERVERS_UNTOLD = "servers-untold"
    INDEX_LAG = "index-lag"
    CLOCK_SKEW = "clock-skew"
    JOB_HANGS = "job-hangs"
    SERVERS_FAIL = "servers-fail"
    JOB_LATE = "job-late"
    QUOTA = "quota"


TICK: Final = "Tick"
EVENT: Final = "Event"
START: Final = "Start"
INDEX: Final = "Index"
CLOCK: Final = "Clock"
START_RECOVERY: Final = "StartRecovery"
"""Points that are no call of production code: a firing of the rule, an event in Lambda's queue, the start of a handler,
a write on its way to the StatusIndex, the clock of an environment, and Phase 1's call to DRS."""

_POLLER_CALLS: Final = ("GetItem", "DescribeJobs", "UpdateItem", "PutMetricData")
CALLS: Final = ("Query", "Invoke", *_POLLER_CALLS)
"""The AWS calls of the two functions."""

OPERATIONS: Final[Mapping[Fault, tuple[str, ...]]] = {
    **dict.fromkeys((Fault.TICK_LOST, Fault.TICK_LATE, Fault.TICK_DOUBLED), (TICK,)),
    **dict.fromkeys((Fault.EVENT_DROPPED, Fault.EVENT_DELAYED, Fault.EVENT_DUPLICATED), (EVENT,)),
    **dict.fromkeys((Fault.COLD_START, Fault.STARVED), (START,)),
    **dict.fromkeys(
        (
            Fault.THROTTLED,
            Fault.SERVER_ERROR,
            Fault.TIMED_OUT,
            Fault.ANSWER_LOST,
            Fault.SLOW,
            Fault.STUCK,
            Fault.DENIED,
            Fault.CRASHED_BEFORE,
            Fault.CRASHED_AFTER,
        ),
        CALLS,
    ),
    **dict.fromkeys((Fault.RACED, Fault.CANCELLED, Fault.DELETED), ("UpdateItem", "GetItem")),
    **dict.fromkeys((Fault.JOB_VANISHED, Fault.SERVERS_UNTOLD), ("DescribeJobs",)),
    Fault.INDEX_LAG: (INDEX,),
    Fault.CLOCK_SKEW: (CLOCK,),
    **dict.fromkeys((Fault.JOB_HANGS, Fault.SERVERS_FAIL, Fault.JOB_LATE, Fault.QUOTA), (START_RECOVERY,)),
}
"""Where each fault may act."""

TRUTHS: Final = frozenset({Fault.JOB_HANGS, Fault.SERVERS_FAIL, Fault.JOB_LATE, Fault.QUOTA})
"""Faults of DRS itself: they change what is true and not how it is found out, so polling owes all it ever owes."""

SELECTORS: Final[Mapping[str, frozenset[str]]] = {
    TICK: frozenset({"run"}),
    EVENT: frozenset({"function", "execution", "run"}),
    START: frozenset({"function", "execution", "run"}),
    INDEX: frozenset({"execution", "run"}),
    CLOCK: frozenset({"function", "run"}),
    START_RECOVERY: frozenset({"execution", "region", "run"}),
    "Query": frozenset({"function", "run", "nth"}),
    "DescribeJobs": frozenset({"function", "execution", "region", "run", "nth"}),
    **dict.fromkeys(
        ("Invoke", "GetItem", "UpdateItem", "PutMetricData"), frozenset({"function", "execution", "run", "nth"})
    ),
}
"""By what a rule can tell the events of a point apart."""

_FAILING: Final = frozenset({Fault.THROTTLED, Fault.SERVER_ERROR, Fault.TIMED_OUT})
_CRASHES: Final = frozenset({Fault.CRASHED_BEFORE, Fault.CRASHED_AFTER})
OPTIONS: Final[Mapping[str, frozenset[Fault]]] = {
    "attempts": _FAILING | {Fault.ANSWER_LOST, Fault.SLOW, Fault.RACED, Fault.CANCELLED, Fault.DELETED},
    "servers": frozenset({Fault.SERVERS_FAIL}),
    "redelivered": _CRASHES,
    "lasting": _FAILING
    | _CRASHES
    | {
        Fault.TICK_LOST,
        Fault.EVENT_DROPPED,
        Fault.STUCK,
        Fault.DENIED,
        Fault.JOB_VANISHED,
        Fault.SERVERS_UNTOLD,
    },
}
"""Which faults heed an option. Only what keeps an execution from its end for as long as it lasts may be lasting."""

_DELAYS: Final[Mapping[Fault, Spread]] = {
    Fault.TICK_LATE: spread_of("5s..50s"),
    Fault.EVENT_DELAYED: spread_of("5s..3m"),
    Fault.EVENT_DUPLICATED: spread_of("0s..90s"),
    Fault.COLD_START: spread_of("1s..8s"),
    Fault.TIMED_OUT: spread_of("5s"),
    Fault.SLOW: spread_of("1s..30s"),
    Fault.INDEX_LAG: spread_of("10s..3m"),
    Fault.CLOCK_SKEW: spread_of("0s..2s"),
    Fault.JOB_LATE: spread_of("5m..25m"),
}
"""How long, where a fault has a length and a rule does not say it."""


class Rule(BaseModel):
    """One rule. The first rule that has a verdict on an event decides it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault
    operation: str | None = Field(None, description="The point at which it acts; by default each that the fault has.")
    function: Literal["ExecutionFinder", "ExecutionPoller"] | None = Field(None, description="Of this function only.")
    execution: str | None = Field(None, description="Of the execution with this id only.")
    region: str | None = Field(None, description="Of this Region only, for DescribeJobs and StartRecovery.")
    after: DurationUs = Field(0, description="From then on.")
    before: DurationUs | None = Field(None, description="Until then; by default until the scenario heals.")
    run: int | None = Field(
        None,
        ge=1,
        description="At this run of the function for its execution (Tick, Event, Index, StartRecovery: the nth tick, "
        "event, write or wave).",
    )
    nth: int | None = Field(None, ge=1, description="At the nth call of the operation in its run, retries not counted.")
    chance: float = Field(1.0, gt=0, le=1, description="Probability, decided for each event by itself.")
    delay: SpreadField | None = Field(None, description="How long: late, slow, delayed, lagging, skewed by.")
    attempts: int = Field(3, ge=1, le=3, description="How many attempts of a call fail; botocore makes three.")
    servers: int | None = Field(None, ge=1, description="How many servers of the job fail; by default all.")
    redelivered: bool = Field(False, description="Whether Lambda delivers the event again after the crash.")
    lasting: bool = Field(False, description="Whether it goes on when all else heals, and makes the end impossible.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        known = OPERATIONS[self.fault]
        if self.operation is not None and self.operation not in known:
            raise ValueError(f"operation of {self.fault} must be one of {', '.join(known)}, got {self.operation!r}")
        if self.before is not None and self.before <= self.after:
            raise ValueError(
                f"before must come later than after ({show_duration(self.after)}), got {show_duration(self.before)}"
            )
        if self.delay is not None and self.fault not in _DELAYS:
            raise ValueError(f"delay means nothing for {self.fault}: {', '.join(sorted(_DELAYS))} have one")
        for name, faults in OPTIONS.items():
            if getattr(self, name) != type(self).model_fields[name].default and self.fault not in faults:
                raise ValueError(f"{name} means nothing for {self.fault}: {', '.join(sorted(faults))} heed it")
        self._check_selectors()
        if self.lasting:
            self._check_lasting()
        return self

    def _check_selectors(self) -> None:
        """There is an event that all selectors fit at once."""
        chosen = [name for name in ("function", "execution", "region", "run", "nth") if getattr(self, name) is not None]
        points = OPERATIONS[self.fault] if self.operation is None else (self.operation,)
        wrong = [name for name in chosen if not any(name in SELECTORS[point] for point in points)]
        if wrong:
            raise ValueError(f"{wrong[0]} means nothing at {', '.join(points)}, got {getattr(self, wrong[0])!r}")
        if not self.operations:
            raise ValueError(f"no point of {self.fault} has {' and '.join(chosen)}")

    def _check_lasting(self) -> None:
        """A lasting rule is certain, or an end stays possible."""
        narrowed = [name for name in ("run", "nth", "before") if getattr(self, name) is not None]
        if self.chance < 1:
            raise ValueError(f"chance of a lasting rule must be 1, or an end stays possible, got {self.chance:g}")
        if narrowed:
            raise ValueError(f"a lasting rule must have no {narrowed[0]}, or an end stays possible")
        if self.attempts < 3 and self.fault in _FAILING:
            raise ValueError(f"attempts of a lasting rule must be 3, or a retry gets through, got {self.attempts}")
        if "PutMetricData" in self.operations:
            raise ValueError("operation of a lasting rule must be named, and not be PutMetricData: it prevents no end")

    def __str__(self) -> str:
        """The rule in words: what, where, when, how often."""
        words = [str(self.fault)]
        if self.operation is not None:
            words.append(f"at {self.operation}")
        words += [f"of {each}" for each in (self.function, self.execution, self.region) if each is not None]
        words += [f"{name} {number}" for name, number in (("run", self.run), ("call", self.nth)) if number is not None]
        if self.after:
            words.append(f"after {show_duration(self.after)}")
        if self.before is not None:
            words.append(f"before {show_duration(self.before)}")
        if self.chance < 1:
            words.append(f"with chance {self.chance:g}")
        if self.delay is not None:
            words.append(f"for {show_spread(self.delay)}")
        words += [word for word, said in (("redelivered", self.redelivered), ("lasting", self.lasting)) if said]
        return " ".join(words)

    @property
    def operations(self) -> tuple[str, ...]:
        """The points at which it may act: those of its fault where all of its selectors mean something."""
        points = OPERATIONS[self.fault] if self.operation is None else (self.operation,)
        chosen = {name for name in ("execution", "region", "nth") if getattr(self, name) is not None}
        return tuple(
            point for point in points if chosen <= SELECTORS[point] and self.function in (None, *_functions(point))
        )

    @property
    def length(self) -> Spread:
        """How long it lasts where it strikes; nothing where it has no length."""
        return self.delay or _DELAYS.get(self.fault, Spread(0, 0))


def _functions(point: str) -> tuple[str, ...]:
    """The functions that a point belongs to."""
    if point in (EVENT, START, CLOCK):
        return ("ExecutionFinder", "ExecutionPoller")
    if point in ("Query", "Invoke"):
        return ("ExecutionFinder",)
    return ("ExecutionPoller",) if point in _POLLER_CALLS else ()
