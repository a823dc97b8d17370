"""Metrics: every poll publishes those that it must, once, in their units and with true values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType
from typing import Final, NamedTuple

from drsim.orchestrator.model import TERMINAL, UNITS, ExecutionStatus, MetricName, MetricPoint, Unit
from drsim.orchestrator.settings import SECOND_US
from drsim.simulator import events
from drsim.simulator.checks.monitor import Consequence, Context, Monitor, ViolationKind
from drsim.simulator.events import POLLER
from drsim.simulator.faults.kinds import Fault

MISSING: Final = ViolationKind(
    "metric missing", Consequence.PROMISE, "Dashboards and alarms do not see what polls did."
)
TWICE: Final = ViolationKind("metric published twice", Consequence.PROMISE, "Dashboards and alarms count a poll twice.")
WRONG: Final = ViolationKind(
    "metric with a wrong value", Consequence.PROMISE, "Dashboards and alarms show what did not happen."
)
SWALLOWED: Final = ViolationKind(
    "failed call swallowed", Consequence.PROMISE, "No alarm goes off, for a failed poll ends well."
)

_TIMES_US: Final = {Unit.MILLISECONDS: 1_000, Unit.SECONDS: SECOND_US}
_SIGNS: Final[Mapping[Unit, str]] = {Unit.COUNT: "", Unit.MILLISECONDS: " ms", Unit.SECONDS: " s"}


@dataclass(slots=True)
class _PublishedPoll:
    """What one poller invocation published and wrote. `waves` is -1 until it writes.

    `active` is the least and the most executions that the causing look saw, and `started_us` the first and the last
    StartTime of its execution. Either is None if there was none.
    """

    active: tuple[int, int] | None
    started_us: tuple[int, int] | None
    execution_id: str = ""
    is_batch: bool = False
    waves: int = -1
    wrote_us: int = 0
    points_count: int = 0
    published_us: int = 0
    timed_out: bool = False
    excused: bool = False
    answer_lost: bool = False
    # Known at its end.
    failed: bool = False
    began_us: int = 0
    duration_us: int = 0
    # Calls that failed and did not succeed later: a poll that continues without them must not end well.
    failed_calls: dict[str, None] = field(default_factory=dict)
    published: dict[str, MetricPoint] = field(default_factory=dict)


class MetricRule(NamedTuple):
    """How one metric is judged: whether a poll must publish it, and its right values, if known, from least to most."""

    owed: Callable[[_PublishedPoll], bool]
    right: Callable[[_PublishedPoll, Context], tuple[float, float] | None]


def _owes_age(poll: _PublishedPoll) -> bool:
    """Whether a look caused the poll and saw the StartTime. A poll that writes TIMEOUT owes none (decision 10)."""
    return poll.active is not None and poll.started_us is not None and not poll.timed_out


def _waves(poll: _PublishedPoll, _: Context) -> tuple[float, float]:
    # A poll that fails after its write may not know that the write succeeded.
    return 0 if poll.failed else max(poll.waves, 0), max(poll.waves, 0)


def _duration_ms(poll: _PublishedPoll, context: Context) -> tuple[float, float]:
    poller, skew_us = context.spec.functions.poller, context.plan.skew_us
    # A poll lasts at least from the end of its handler's start-up to its write, and a clock may be corrected meanwhile.
    overhead_us = max(poller.overhead_cold.high_us, poller.overhead_warm.high_us)
    least_us = poll.wrote_us - poll.began_us - overhead_us
    return max(least_us - skew_us, 1) / 1000, (poll.duration_us + skew_us) / 1000


def _age_s(poll: _PublishedPoll, context: Context) -> tuple[float, float] | None:
    """The execution's age at some instant from the look to the publication, in whole seconds or finer."""
    if poll.started_us is None:
        return None
    (first_us, last_us), skew_us, epoch_us = poll.started_us, context.plan.skew_us, context.truth.epoch_us
    looked_us = epoch_us + poll.began_us - context.spec.bounds.poll_delay
    least_us, most_us = looked_us - last_us - skew_us, epoch_us + poll.published_us - first_us + skew_us
    return max(least_us / SECOND_US - 1, 0), max(most_us / SECOND_US + 1, 0)


_ERRORS: Final = MetricName.POLL_ERRORS
_LOOSE: Final[Mapping[MetricName, Callable[[tuple[float, float]], tuple[float, float]]]] = {
    MetricName.WAVES_POLLED: lambda bounds: (0, bounds[1]),
    MetricName.OLDEST_AGE: lambda bounds: (bounds[0], inf),
}
"""Other teams may count open waves only, and give the age of the oldest execution of all."""

METRIC_RULES: Final[Mapping[MetricName, MetricRule]] = {
    MetricName.WAVES_POLLED: MetricRule(lambda poll: not poll.failed, _waves),
    MetricName.POLLING_DURATION: MetricRule(lambda poll: not poll.failed, _duration_ms),
    MetricName.POLL_ERRORS: MetricRule(lambda _: True, lambda poll, _: (1, inf) if poll.failed else (0, 0)),
    # Only a look knows how many executions are active.
    MetricName.ACTIVE_EXECUTIONS: MetricRule(
        lambda poll: not poll.failed and poll.active is not None, lambda poll, _: poll.active
    ),
    MetricName.OLDEST_AGE: MetricRule(_owes_age, _age_s),
}


class MetricsComplete(Monitor):
    name = "metrics-complete"
    rule = (
        "Each poll that writes publishes each metric once with its true value, and each failed poll its error and its "
        "execution's age. A poll that writes TIMEOUT needs no age."
    )

    def prepare(self) -> None:
        # Our metrics by the team's names. A team may count failures alone, and look by look in its finder.
        named = self.contract.judged.metrics
        ours = {theirs: MetricName(ours) for ours, theirs in named.items()} or {each: each for each in MetricName}
        self._ours: Mapping[str, MetricName] = MappingProxyType(ours)
        self._is_named = bool(named)
        self._by_finder: set[MetricName] = set()
        # What the present look of a running finder has found, by the word asked for.
        self._found: dict[str, dict[str, int]] = {}
        self._malformed: set[str] = set()
        # The first and the last StartTime of each unfinished execution.
        self._started_us: dict[str, tuple[int, int]] = {}
        self._polls: dict[str, _PublishedPoll] = {}
        # The poll that wrote last to each unfinished execution.
        self._wrote: dict[str, _PublishedPoll] = {}

    def _on_fault(self, event: events.FaultInjected) -> None:
        poll = self._polls.get(event.request_id)
        if poll is not None and event.operation == "PutMetricData":
            # A poll is not responsible for metrics that a fault kept from CloudWatch, or delivered twice.
            poll.excused |= event.fault != Fault.SLOW
        elif poll is not None and event.operation == "UpdateItem":
            poll.answer_lost |= event.fault == Fault.ANSWER_LOST

    def _on_call(self, event: events.CallMade) -> None:
        poll = self._polls.get(event.request_id)
        if poll is None or event.operation == "PutMetricData":
            return
        if event.error and event.error != "ConditionalCheckFailedException":
            poll.failed_calls[event.operation] = None
        else:
            poll.failed_calls.pop(event.operation, None)

    def _on_look(self, event: events.IndexRead) -> None:
        found = self._found.setdefault(event.request_id, {})
        if event.first_page and event.word in found:
            found.clear()
        found[event.word] = found.get(event.word, 0) + event.items_count

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.function == POLLER:
            found = self._found.get(event.by)
            # An item that cannot be read is in the index, too, and may be counted or not.
            counts = None if found is None else (*found.values(),)
            active = None if counts is None else (min(counts) - len(self._malformed), sum(counts))
            started_us = self._started_us.get(event.execution_id)
            self._polls[event.request_id] = _PublishedPoll(active, started_us, event.execution_id, bool(event.batch))

    def _on_change(self, event: events.ItemChanged) -> None:
        now = event.execution
        if now is not None and now.unreadable:
            self._malformed.add(event.execution_id)
        else:
            self._malformed.discard(event.execution_id)
        if now is None or now.status in TERMINAL:
            self._started_us.pop(event.execution_id, None)
        elif now.start_us is not None:
            first_us, last_us = self._started_us.get(event.execution_id, (now.start_us, now.start_us))
            self._started_us[event.execution_id] = min(first_us, now.start_us), max(last_us, now.start_us)
        wrote = self._wrote.pop(event.execution_id, None)
        if wrote is not None and wrote.answer_lost:
            # A poll whose answer was lost cannot recognise its own write after another writer's.
            wrote.excused = True
        poll = self._polls.get(event.request_id)
        if poll is not None and now is not None:
            poll.waves, poll.wrote_us = len(now.waves), event.at_us
            poll.timed_out = now.status is ExecutionStatus.TIMEOUT
            self._wrote[event.execution_id] = poll

    def _on_published(self, event: events.MetricsPublished) -> None:
        points = [(self._ours[point.name], point) for point in event.points if point.name in self._ours]
        poll = self._polls.get(event.request_id)
        if poll is not None:
            poll.points_count += len(points)
            poll.published_us = event.at_us
            poll.published.update(points)
        else:
            self._by_finder.update(name for name, _ in points)

    def _on_ended(self, event: events.LambdaEnded) -> None:
        if event.function != POLLER:
            self._found.pop(event.request_id, None)
            return
        poll = self._polls.pop(event.request_id, None)
        if poll is not None and self._wrote.get(poll.execution_id) is poll:
            del self._wrote[poll.execution_id]
        if poll is None or poll.excused or event.outcome not in ("ok", "error"):
            return
        if event.outcome == "ok" and poll.failed_calls and not self._is_named:
            self.checked += 1
            failed = ", ".join(poll.failed_calls)
            self.violate(event, f"a poll that fails when {failed} does", "it ended well", SWALLOWED, failed)
        elif event.outcome == "error" or poll.waves >= 0:
            self.checked += 1
            poll.failed, poll.duration_us = event.outcome == "error", event.duration_us
            poll.began_us = event.at_us - event.duration_us
            self._judge(poll, event)

    def _owes(self, name: MetricName, poll: _PublishedPoll) -> bool:
        if name not in self._ours.values() or name in self._by_finder:
            return False
        # No failure is as good as none counted.
        return METRIC_RULES[name].owed(poll) and not (self._is_named and name is _ERRORS and not poll.failed)

    def _judge(self, poll: _PublishedPoll, event: events.LambdaEnded) -> None:
        owed = [name for name in METRIC_RULES if self._owes(name, poll)]
        missing = [name for name in owed if name not in poll.published]
        is_twice = poll.points_count > len(poll.published) and not poll.is_batch
        if missing or is_twice:
            whose = " of a failed poll" if poll.failed else ""
            twice = f"{poll.points_count} values of {len(poll.published)} metrics"
            expected, observed = f"{', '.join(owed)}{whose}, once", f"no {', '.join(missing)}" if missing else twice
            self.violate(event, expected, observed, MISSING if missing else TWICE, ", ".join(missing))
        elif not poll.is_batch:
            self._check_values(poll, event)

    def _check_values(self, poll: _PublishedPoll, event: events.LambdaEnded) -> None:
        expected, observed_values, wrong = [], [], []
        for name, rule in METRIC_RULES.items():
            bounds = rule.right(poll, self.context) if name in poll.published else None
            if bounds is not None:
                if self._is_named and name in _LOOSE:
                    bounds = _LOOSE[name](bounds)
                _, value, unit = poll.published[name]
                if not self._is_right(name, value, unit, bounds):
                    expected.append(_shown(name, UNITS[name], *bounds))
                    observed_values.append(_shown(name, unit, value, value))
                    wrong.append(name)
        if expected:
            self.violate(event, ", ".join(expected), ", ".join(observed_values), WRONG, ", ".join(wrong))

    def _is_right(self, name: MetricName, value: float, unit: Unit, bounds: tuple[float, float]) -> bool:
        own = UNITS[name]
        if self._is_named and own in _TIMES_US and unit in _TIMES_US:
            # Another team may count in another unit of time.
            value, unit = value * _TIMES_US[unit] / _TIMES_US[own], own
        return unit is own and bounds[0] <= value <= bounds[1]


def _shown(name: MetricName, unit: Unit, least: float, most: float) -> str:
    if least == most:
        return f"{name} {least:g}{_SIGNS[unit]}"
    return f"{name} {least:g}{_SIGNS[unit]} or more" if most == inf else f"{name} {least:g} to {most:g}{_SIGNS[unit]}"
