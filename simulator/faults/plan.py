"""The plan: which rule acts on which event of a run, and which executions it has made impossible to win.

Decisions are keyed by logical event (rule, operation, execution, number of its run, number of the call), never by draw
order: a failure that was saved strikes at the same call after changes that have nothing to do with it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from drsim.simulator.durations import NEVER_US
from drsim.simulator.events import FINDER, FaultInjected
from drsim.simulator.faults.rules import TRUTHS, Fault, Rule
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Stream
from drsim.simulator.trace import Trace

_BACKOFF_US: Final = 5_000_000
"""A call is tried three times, with up to 1 s and 2 s in between, and takes a little time each."""
_FATAL: Final = frozenset({Fault.CRASHED_BEFORE, Fault.CRASHED_AFTER, Fault.STUCK, Fault.SLOW, Fault.TIMED_OUT})
_INCOMPLETE: Final = frozenset({Fault.JOB_VANISHED, Fault.SERVERS_UNTOLD})
"""Faults that hold up no poll: it gets an answer, and only the execution's end may have to wait for a complete one."""
_HARMLESS: Final = frozenset({*TRUTHS, Fault.CLOCK_SKEW})
"""Faults that excuse nothing: DRS's own, and clocks, for which the properties allow what they are off."""


class Hit(NamedTuple):
    """A rule's verdict on one event: it strikes, for so long."""

    rule: Rule
    delay_us: int


class _Armed(NamedTuple):
    """A rule ready for use: its number, the name of its streams, and the instants between which it acts."""

    number: int
    rule: Rule
    name: str
    after_us: int
    before_us: int


class Plan:
    """The rules of one run."""

    def __init__(self, kernel: Kernel, trace: Trace, rules: Sequence[Rule], heal_us: int | None) -> None:
        self._kernel = kernel
        self._trace = trace
        self.rules = rules
        self.fired_counts = [0] * len(rules)
        self.healed_us = healed_us(rules, heal_us)
        self.skew_us = max((rule.length.high_us for rule in self.rules if rule.fault is Fault.CLOCK_SKEW), default=0)
        self._heal_us = NEVER_US if heal_us is None else heal_us
        self._lost: dict[str, str] = {}
        # Until when faults hold up an execution, "" standing for all of them.
        self._acts_until_us: dict[str, int] = {}
        # When DRS's answer about an execution last left something out.
        self._incomplete_us: dict[str, int] = {}
        self._armed: dict[str, tuple[_Armed, ...]] = {}
        seen: Counter[str] = Counter()
        for number, rule in enumerate(self.rules):
            # Its place among its like, so that other rules can come and go.
            kind = f"{rule.fault}/{rule.operation or ''}"
            seen[kind] += 1
            before_us = NEVER_US if rule.lasting else self._heal_us
            before_us = before_us if rule.before is None else min(before_us, rule.before)
            armed = _Armed(number, rule, f"fault/{kind}/{seen[kind]}", rule.after, before_us)
            for operation in rule.operations:
                self._armed[operation] = (*self._armed.get(operation, ()), armed)
        self.operations: Final = frozenset(self._armed)
        """The points at which anything can go wrong in this run; at all others nobody needs to ask."""

    def hit(
        self,
        operation: str,
        *,
        function: str = "",
        execution_id: str = "",
        request_id: str = "",
        region: str = "",
        run: int = 1,
        nth: int = 1,
    ) -> Hit | None:
        """The first verdict on this event, or None if it passes unharmed."""
        now_us = self._kernel.now_us
        for number, rule, name, after_us, before_us in self._armed.get(operation, ()):
            if (
                not after_us <= now_us < before_us
                or rule.run not in (None, run)
                or rule.nth not in (None, nth)
                or rule.execution not in (None, execution_id)
                or rule.function not in (None, function)
                or rule.region not in (None, region)
            ):
                continue
            stream = Stream(self._kernel.seed, f"{name}/{operation}/{execution_id}/{run}/{nth}")
            if rule.chance < 1 and not stream.chance(rule.chance):
                continue
            delay_us = rule.length.draw(stream)
            self.fired_counts[number] += 1
            if rule.fault in _INCOMPLETE:
                self._incomplete_us[execution_id] = now_us
            elif rule.fault not in _HARMLESS and operation != "PutMetricData":
                # Whatever ends a finder keeps it from all executions, however few it was about.
                whom = "" if rule.fault in _FATAL and function == FINDER else execution_id
                until_us = self.held_until_us(rule.attempts * delay_us) + _BACKOFF_US
                self._acts_until_us[whom] = max(until_us, self._acts_until_us.get(whom, 0))
            if rule.lasting and now_us >= self._heal_us:
                self.lose(execution_id, f"{operation} stays {rule.fault}")
            self._trace.emit(
                FaultInjected(
                    now_us, number, str(rule.fault), operation, function, execution_id, run, nth, delay_us, request_id
                )
            )
            return Hit(rule, delay_us)
        return None

    def held_until_us(self, delay_us: int) -> int:
        """When that ends which a fault holds back for so long: healing lets go of everything."""
        now_us = self._kernel.now_us
        return max(min(now_us + delay_us, self._heal_us), now_us)

    def acts_until_us(self, execution_id: str) -> int:
        """Until when faults that struck the execution, or all of them, may hold it up; 0 if none has."""
        acts_until_us = self._acts_until_us
        return max(acts_until_us.get(execution_id, 0), acts_until_us.get("", 0)) if acts_until_us else 0

    def incomplete_us(self, execution_id: str) -> int:
        """When DRS's answer about an execution last left something out; 0 if none has."""
        return self._incomplete_us.get(execution_id, 0)

    def lose(self, execution_id: str, reason: str) -> None:
        """Note that an execution can no longer end as DRS's truth demands."""
        self._lost[execution_id] = reason

    @property
    def unwinnable(self) -> Mapping[str, str]:
        """Executions that can no longer end as DRS's truth demands, and why; "" stands for all of them."""
        return self._lost


def healed_us(rules: Sequence[Rule], heal_us: int | None) -> int:
    """From when on nothing disturbs polling: 0 without faults, and never if they do not heal."""
    if all(rule.fault in TRUTHS for rule in rules):
        return 0
    return NEVER_US if heal_us is None else heal_us
