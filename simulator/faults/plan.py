"""The plan: which rule acts on which event of a run, and which executions it has made impossible to win.

Decisions are keyed by logical event (rule, operation, execution, number of its run, number of the call), never by draw
order: a failure that was saved strikes at the same call after changes that have nothing to do with it.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from simulator.events import FINDER, FaultInjected
from simulator.faults.rules import TRUTHS, Fault, Rule
from simulator.kernel import Kernel
from simulator.randomness import Stream
from simulator.spec import WorldSpec
from simulator.trace import Trace
from simulator.truth import NEVER_US

_ACTS_US: Final = 360_000_000
"""Lambda holds an event that it throttled back for up to five minutes, and a poll may take one."""
_FATAL: Final = frozenset({Fault.CRASHED_BEFORE, Fault.CRASHED_AFTER, Fault.STUCK, Fault.SLOW, Fault.TIMED_OUT})


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

    def __init__(self, kernel: Kernel, trace: Trace, spec: WorldSpec) -> None:
        self._kernel = kernel
        self._trace = trace
        self.rules = spec.faults
        self.fired_counts = [0] * len(spec.faults)
        self.healed_us = healed_us(spec)
        self.skew_us = max((rule.length.high_us for rule in self.rules if rule.fault is Fault.CLOCK_SKEW), default=0)
        self._heal_us = NEVER_US if spec.heal is None else spec.heal
        self._lost: dict[str, str] = {}
        # When a fault last struck an execution, "" standing for all of them.
        self._struck_us: dict[str, int] = {}
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
            # Whatever ends a finder keeps it from all executions, however few it was about.
            fleet = rule.fault in _FATAL and function == FINDER
            self._struck_us["" if fleet else execution_id] = now_us + delay_us
            if rule.fault is Fault.DELETED:
                self._lost[execution_id] = "its record was deleted"
            elif rule.lasting and now_us >= self._heal_us:
                self._lost[execution_id] = f"{operation} stays {rule.fault}"
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

    def disturbed(self, execution_id: str, since_us: int) -> bool:
        """Whether a fault struck the execution, or all of them, since then or so shortly before that it still acts."""
        struck_us = [self._struck_us[whom] for whom in (execution_id, "") if whom in self._struck_us]
        return bool(struck_us) and max(struck_us) >= since_us - _ACTS_US

    @property
    def unwinnable(self) -> Mapping[str, str]:
        """Executions that can no longer end as DRS's truth demands, and why; "" stands for all of them."""
        return self._lost


def healed_us(spec: WorldSpec) -> int:
    """From when on nothing disturbs polling: 0 without faults, and never if they do not heal."""
    if all(rule.fault in TRUTHS for rule in spec.faults):
        return 0
    return NEVER_US if spec.heal is None else spec.heal
