"""Functions: they stay within their budgets, and use only what their roles allow."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from drsim.simulator import events
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind, seconds
from drsim.simulator.durations import plural
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.faults.kinds import CALLS, Fault
from drsim.simulator.services.spec import Function

_PROMISE: Final = Consequence.PROMISE
TIME: Final = ViolationKind("time nearly used up", _PROMISE, "Lambda ends a function in the middle of its work.")
MEMORY: Final = ViolationKind("too much memory", _PROMISE, "Lambda ends a function that uses more memory than it has.")
CONCURRENCY: Final = ViolationKind(
    "concurrency nearly used up", _PROMISE, "Other functions of the account may not start."
)
THROTTLED: Final = ViolationKind(
    "throttled", Consequence.LATENESS, "A function starts late: the account's limit is reached."
)
DESCRIBES: Final = ViolationKind(
    "DRS asked too often", _PROMISE, "DRS throttles an account and Region that asks too often."
)
RETRIES: Final = ViolationKind("too many retries", _PROMISE, "A poll that loses each race goes round in circles.")
TOO_MANY_CALLS: Final = ViolationKind("too many calls", _PROMISE, "A poll takes longer and costs more than promised.")
CAPACITY: Final = ViolationKind(
    "too much capacity", _PROMISE, "The table throttles beyond the capacity that is planned for it."
)
IDLE: Final = ViolationKind("invocations without a result", _PROMISE, "Pollers start for nothing; executions wait on.")
DENIED: Final = ViolationKind("action not allowed", _PROMISE, "On AWS the call fails with AccessDenied.")

_MINUTE_US: Final = 60_000_000
_READ_BYTES: Final = 4096
_WRITE_BYTES: Final = 1024
"""Bytes of a capacity unit (DynamoDB developer guide, read and write capacity, 2026-11)."""
_IDLE_RATIO_MAX: Final = 0.1
_IDLE_COUNT_MIN: Final = 3
"""A tenth of a poller's invocations may achieve nothing: Lambda delivers events twice, and people cancel executions.
Fewer than three prove nothing."""


@dataclass(slots=True)
class _InvocationUse:
    """What an invocation has used.

    `named` are the executions of its payload, `written` those that it wrote, and `listed` the number that it found.
    `described` counts its DescribeJobs calls by account and Region, and `described_place` is the line of the last one.
    `held_us` is its delay by faults, which `is_hit` says there were.
    """

    invoked_us: int
    named: tuple[str, ...]
    written: set[str] = field(default_factory=set)
    listed: int = 0
    described: Counter[tuple[str, str]] = field(default_factory=Counter)
    described_place: str = ""
    calls: int = 0
    lost: int = 0
    held_us: int = 0
    is_hit: bool = False

    @property
    def polls(self) -> int:
        """The number of polls that it may make, at least one. Each lost race begins one again."""
        return max(len(self.named), len(self.written), self.listed, 1) + self.lost


class _CapacityMinute:
    """Capacity units of the present minute."""

    def __init__(self) -> None:
        self.number = 0
        self.units = 0.0

    def add(self, at_us: int, units: float) -> float | None:
        """Add units; return those of the minute before if a new one begins."""
        number, before = at_us // _MINUTE_US, self.units
        if number == self.number:
            self.units += units
            return None
        self.number, self.units = number, units
        return before


class Budgets(Monitor):
    name = "budgets"
    rule = "Functions stay within their time, memory and concurrency, and a poll asks each account and Region once."

    def prepare(self) -> None:
        limits, promises = self.contract.limits, self.contract.promises
        self._concurrency_max = int(self.spec.functions.account_concurrency * self.bounds.concurrency_ratio)
        promised = limits.describe_calls or (1 if promises.one_describe else None)
        self._describes_max = None if promised is None else max(promised, self.bounds.describe_calls)
        self._waits_us = self._due_after_us()
        self._uses: dict[str, _InvocationUse] = {}
        # When each poller was invoked, and for which executions.
        self._invoked: dict[str, tuple[int, tuple[str, ...]]] = {}
        # When a function last wrote each open execution, or when it was opened.
        self._open: dict[str, int] = {}
        self._read, self._written = _CapacityMinute(), _CapacityMinute()
        self._polled_count = self._idle_count = 0
        # By the line that raised: how often idle invocations ended there, and the first error.
        self._idle_ends: dict[str, tuple[int, str]] = {}
        # The function, execution and instant of the last start that a fault throttled.
        self._starved = ("", "", -1)

    def _spec_of(self, function: str) -> Function:
        functions = self.spec.functions
        return functions.finder if function == FINDER else functions.poller

    def _on_fault(self, event: events.FaultInjected) -> None:
        if event.fault == Fault.STARVED:
            self._starved = event.function, event.execution_id, event.at_us
        if event.request_id:
            use = self._use(event.request_id)
            use.is_hit = True
            if event.operation in CALLS:
                # Up to three attempts; a stuck call lasts until the function times out.
                stuck = event.fault == Fault.STUCK
                use.held_us += self._spec_of(event.function).timeout if stuck else 3 * event.delay_us

    def _use(self, request_id: str) -> _InvocationUse:
        use = self._uses.get(request_id)
        if use is None:
            use = self._uses[request_id] = _InvocationUse(*self._invoked.get(request_id, (0, ())))
        return use

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.function == POLLER:
            self._invoked[event.request_id] = event.at_us, event.batch or (event.execution_id,)

    def _on_started(self, event: events.LambdaStarted) -> None:
        if event.concurrency > self._concurrency_max and not self.context.excuses("", event.at_us):
            expected = f"at most {self._concurrency_max} concurrent invocations"
            self.violate(event, expected, str(event.concurrency), CONCURRENCY, "Invoke")

    def _on_throttled(self, event: events.Throttled) -> None:
        # A fault excuses only the start that it hit.
        if (event.function, event.execution_id, event.at_us) != self._starved:
            self.violate(event, f"{event.function} is not throttled", "throttled", THROTTLED, "Invoke")

    def _on_read(self, event: events.IndexRead) -> None:
        use = self._use(event.request_id)
        use.listed += event.items_count
        use.calls -= 1
        # A query of an index is eventually consistent, and takes half of the units.
        self._check_units("read", self._read, event.at_us, max(-(-event.size_bytes // _READ_BYTES), 1) / 2)

    def _on_described(self, event: events.JobsDescribed) -> None:
        if event.first_page:
            use = self._use(event.request_id)
            use.described[event.account_id, event.region] += 1
            use.described_place = event.place

    def _on_call(self, event: events.CallMade) -> None:
        self._use(event.request_id).calls += not event.fault

    def _on_refused(self, event: events.WriteRefused) -> None:
        if event.request_id:
            self._use(event.request_id).lost += 1

    def _on_change(self, event: events.ItemChanged) -> None:
        if event.request_id:
            self._use(event.request_id).written.add(event.execution_id)
            self._check_units("write", self._written, event.at_us, max(-(-event.size_bytes // _WRITE_BYTES), 1))
        if event.execution is None or not event.execution.owes_polls:
            self._open.pop(event.execution_id, None)
        elif event.request_id or event.execution_id not in self._open:
            self._open[event.execution_id] = event.at_us

    def _on_ended(self, event: events.LambdaEnded) -> None:
        self.checked += 1
        use = self._use(event.request_id)
        del self._uses[event.request_id]
        self._check_time(event, use)
        # A finder that polls nothing has no budget of calls.
        if event.function == POLLER or use.written:
            self._check_calls(event, use)
        if event.function == POLLER:
            if event.outcome == "ok":
                self._invoked.pop(event.request_id, None)
            self._polled_count += 1
            if self._is_idle(event, use):
                self._idle_count += 1
                if event.place:
                    count, detail = self._idle_ends.get(event.place, (0, event.detail))
                    self._idle_ends[event.place] = (count + 1, detail)

    def _check_time(self, event: events.LambdaEnded, use: _InvocationUse) -> None:
        function, ratio = self._spec_of(event.function), self.bounds.lambda_ratio
        promised = self.contract.limits.finder if event.function == FINDER else self.contract.limits.poller
        # A finder that looks several times sleeps in between, which is no work.
        sleeps_count = self.limits.looks - 1 if event.function == FINDER else 0
        asleep_us = sleeps_count * self.limits.look_distance_us
        worked_us = event.duration_us - asleep_us - use.held_us
        if promised.timeout is not None and worked_us > (function.timeout - asleep_us) * ratio:
            expected = f"{event.function} within {ratio:.0%} of its {seconds(function.timeout)}"
            self.violate(event, expected, seconds(event.duration_us), TIME, "time")
        if promised.memory_mb is not None and event.memory_mb > function.memory_mb:
            expected = f"{event.function} within {function.memory_mb} MB"
            self.violate(event, expected, f"{event.memory_mb} MB", MEMORY, "memory")

    def _check_calls(self, event: events.LambdaEnded, use: _InvocationUse) -> None:
        if self._describes_max is not None:
            # A poll that lost a race asks again, because the answer may have changed since.
            most = self._describes_max * use.polls
            for (account_id, region), calls in use.described.items():
                if calls > most:
                    expected = f"at most {plural(most, 'DescribeJobs call')} of a poll in {account_id} {region}"
                    found = (expected, str(calls), DESCRIBES, "DescribeJobs", event.function, use.described_place)
                    self.violate_at(event.execution_id, event.at_us, *found)
        retries = self.limits.retries
        if retries is not None and use.lost > (retries + 1) * (use.polls - use.lost):
            expected = f"at most {retries:,} {'retry' if retries == 1 else 'retries'} of a poll after lost races"
            self.violate(event, expected, f"{plural(use.lost, 'race')} lost", RETRIES, "retries")
        calls_max = self.contract.limits.calls
        if calls_max is not None and use.calls > calls_max * use.polls:
            expected = f"at most {calls_max * use.polls} AWS calls"
            self.violate(event, expected, str(use.calls), TOO_MANY_CALLS, "calls")

    def _check_units(self, what: str, minute: _CapacityMinute, at_us: int, units: float) -> None:
        limits = self.contract.limits
        most = limits.read_units if what == "read" else limits.write_units
        used = minute.add(at_us, units)
        if most is not None and used is not None and used > most:
            expected = f"at most {most:g} {what} units a minute"
            self.violate_at("", at_us, expected, f"{used:g}", CAPACITY, what)

    def _is_idle(self, event: events.LambdaEnded, use: _InvocationUse) -> bool:
        """Whether an invocation was due to poll, wrote nothing, and neither a fault nor another writer explains it."""
        waits_us = self.spec.table.index_lag.high_us if event.outcome != "ok" else self._waits_us
        if waits_us is None or use.written or use.is_hit:
            return False
        due = [each for each in use.named if self._open.get(each, event.at_us) + waits_us < use.invoked_us]
        return bool(due) and not any(self.context.excuses(each, use.invoked_us) for each in due)

    def _due_after_us(self) -> int | None:
        """Return how long after a poll a further one surely writes again; None if that is not known."""
        decider, intervals = self.contract.promises.decides_due, self.limits.intervals_us
        # A team that keeps no time of the last poll may write only what changes.
        if decider is None or self.contract.execution.last_polled is None or (decider == "poller" and not intervals):
            return None
        lag_us = self.spec.table.index_lag.high_us
        if decider == "nothing" or intervals is None:
            return lag_us
        return max(lag_us, max(intervals.values()) if decider == "poller" else min(intervals.values()))

    def finish(self, end_us: int) -> None:
        for what, minute in (("read", self._read), ("write", self._written)):
            self._check_units(what, minute, (minute.number + 1) * _MINUTE_US, 0)
        idle, most = self._idle_count, max(int(self._polled_count * _IDLE_RATIO_MAX), _IDLE_COUNT_MIN - 1)
        if idle > most:
            expected = f"at most {most} of {self._polled_count} invocations of {POLLER} without a result"
            ends = sorted(self._idle_ends.items(), key=lambda each: -each[1][0])[:1]
            why = [f"; {plural(count, 'time')} {detail} at {place}" for place, (count, detail) in ends]
            self.violate_at("", end_us, expected, f"{idle}{''.join(why)}", IDLE, "Invoke")


class LeastPrivilege(Monitor):
    """Compares every action with the role's policies: the deployed one's, or documents that a contract names."""

    name = "least-privilege"
    rule = "The policies of a function's role allow each action of the function on its resource."

    def prepare(self) -> None:
        # Each denied function, action, resource and condition is reported once.
        self._denied: set[tuple[str, str, str, str]] = set()

    def _on_action(self, event: events.ActionUsed) -> None:
        allows = self.context.allows
        if allows is None:
            return
        self.checked += 1
        action = (event.function, event.action, event.resource, event.condition)
        if action not in self._denied and not allows(*action):
            self._denied.add(action)
            observed = f"{event.action} on {event.resource} {event.condition}".rstrip()
            expected = f"what the role of {event.function} allows"
            self.violate_at("", event.at_us, expected, observed, DENIED, event.action)
