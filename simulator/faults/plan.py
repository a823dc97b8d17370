"""The plan: which rule acts on which event of a run, and which executions can no longer end as DRS's truth requires.

Decisions are keyed by logical event, never by draw order: a saved failure survives unrelated changes.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, assert_never

from drsim.simulator.durations import NEVER_US
from drsim.simulator.events import FaultInjected
from drsim.simulator.faults.kinds import PUT_METRIC_DATA, TRUTHS, E, Excuse, Point
from drsim.simulator.faults.rules import Rule
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Stream
from drsim.simulator.trace import Trace

# What a client usually makes: three attempts, with waits of up to 1 s and 2 s, and each takes a little time.
_ATTEMPTS: Final = 3
_BACKOFF_US: Final = 5_000_000
# A client that makes more waits for up to 1 s * 2**(number - 1) before the next one (botocore 1.44, legacy mode).
_LONGER_US: Final = 1_000_000
_LONGER_US_MAX: Final = 20_000_000


class Hit(NamedTuple, Generic[E]):
    """A rule's verdict on one event: the effect of its kind acts, with this delay."""

    rule: Rule
    delay_us: int
    effect: E


class Plan:
    def __init__(self, kernel: Kernel, trace: Trace, rules: Sequence[Rule], heal_us: int | None) -> None:
        self._kernel = kernel
        self._trace = trace
        self.rules = rules
        self.fired_counts = [0] * len(rules)
        self.healed_us = healed_us(rules, heal_us)
        skewed = (rule for rule in rules if rule.fault.kind.excuses is Excuse.CLOCK)
        self.skew_us = max((rule.length.high_us for rule in skewed), default=0)
        self._heal_us = NEVER_US if heal_us is None else heal_us
        self.unwinnable: Final[dict[str, str]] = {}
        """Executions that can no longer end as DRS's truth requires, each with the reason; "" stands for all."""
        # The instant until which faults hold up an execution; "" stands for all executions.
        self._acts_until_us: dict[str, int] = {}
        # When DRS's answer about an execution last left something out.
        self._incomplete_us: dict[str, int] = {}
        # The rules by point: number, rule, name of its streams, and the instant until which it acts.
        self._armed: defaultdict[str, list[tuple[int, Rule, str, int]]] = defaultdict(list)
        seen: Counter[str] = Counter()
        for number, rule in enumerate(rules):
            # Streams are numbered among rules of the same kind and operation: other rules do not change them.
            kind = f"{rule.fault}/{rule.operation or ''}"
            seen[kind] += 1
            healed_at_us = NEVER_US if rule.lasting else self._heal_us
            until_us = healed_at_us if rule.before is None else min(healed_at_us, rule.before)
            for operation in rule.operations:
                self._armed[operation].append((number, rule, f"fault/{kind}/{seen[kind]}", until_us))
        self.operations: Final = frozenset(self._armed)
        """The points at which rules act in this run."""

    def hit(
        self,
        point: Point[E],
        *,
        function: str = "",
        execution_id: str = "",
        request_id: str = "",
        region: str = "",
        run: int = 1,
        nth: int = 1,
        holds_up: bool = True,
        is_shared: bool = False,
    ) -> Hit[E] | None:
        """Return the first verdict on this event, or None if no rule acts on it.

        A fault on an event that does not `holds_up` polls excuses nothing. One that may end an invocation which
        `is_shared` by several executions holds up all.
        """
        now_us = self._kernel.now_us
        for number, rule, name, until_us in self._armed.get(point, ()):
            if (
                not rule.after <= now_us < until_us
                or rule.run not in (None, run)
                or rule.nth not in (None, nth)
                or rule.execution not in (None, execution_id)
                or rule.function not in (None, function)
                or rule.region not in (None, region)
            ):
                continue
            stream = Stream(self._kernel.seed, f"{name}/{point}/{execution_id}/{run}/{nth}")
            if rule.chance < 1 and not stream.chance(rule.chance):
                continue
            delay_us = rule.length.draw(stream)
            self.fired_counts[number] += 1
            holds_up = holds_up and point != PUT_METRIC_DATA
            held = "" if is_shared and rule.fault.kind.ends else execution_id
            self._excuse(rule, held, delay_us, holds_up=holds_up)
            if rule.lasting and now_us >= self._heal_us:
                self.lose(execution_id, f"{point} stays {rule.fault}")
            event = (str(point), function, execution_id, run, nth, delay_us, request_id, int(holds_up))
            self._trace.emit(FaultInjected(now_us, number, str(rule.fault), *event))
            return Hit(rule, delay_us, rule.fault.kind.effect)
        return None

    def prolong(self, attempt: int, rule: Rule, execution_id: str, delay_us: int, *, holds_up: bool) -> None:
        """Excuse an attempt beyond those that a client usually makes, on which the rule acts as well."""
        if attempt > _ATTEMPTS:
            backoff_us = min(_LONGER_US << attempt, _LONGER_US_MAX)
            self._excuse(rule, execution_id, delay_us, holds_up=holds_up, backoff_us=backoff_us)

    def _excuse(
        self,
        rule: Rule,
        execution_id: str,
        delay_us: int,
        *,
        holds_up: bool,
        backoff_us: int = _BACKOFF_US,
    ) -> None:
        kind, now_us = rule.fault.kind, self._kernel.now_us
        match kind.excuses:
            case Excuse.INCOMPLETE:
                self._incomplete_us[execution_id] = now_us
            case Excuse.DELAY:
                if not holds_up:
                    return
                until_us = now_us + self.held_us((rule.attempts or _ATTEMPTS) * delay_us) + backoff_us
                self._acts_until_us[execution_id] = max(until_us, self._acts_until_us.get(execution_id, 0))
            case Excuse.TRUTH | Excuse.CLOCK:
                pass
            case _:
                assert_never(kind.excuses)

    def held_us(self, delay_us: int) -> int:
        """Return the length of a delay that begins now: healing ends every delay."""
        return max(min(delay_us, self._heal_us - self._kernel.now_us), 0)

    def acts_until_us(self, execution_id: str) -> int:
        """Return the instant until which faults may hold up the execution; 0 if none has acted on it, or on all."""
        return max(self._acts_until_us.get(execution_id, 0), self._acts_until_us.get("", 0))

    def incomplete_us(self, execution_id: str) -> int:
        """Return when DRS's answer about an execution, or about several, last left something out; 0 if never."""
        return max(self._incomplete_us.get(execution_id, 0), self._incomplete_us.get("", 0))

    def lose(self, execution_id: str, reason: str) -> None:
        self.unwinnable[execution_id] = reason


def longest_call_us(delay_us: int) -> int:
    """Return how long a call may last that a fault delays: the attempts that a client usually makes, and its waits."""
    return _ATTEMPTS * delay_us + _BACKOFF_US


def healed_us(rules: Sequence[Rule], heal_us: int | None) -> int:
    """Return the instant from which nothing disturbs polling: 0 without faults, never if they do not heal."""
    if all(rule.fault in TRUTHS for rule in rules):
        return 0
    return NEVER_US if heal_us is None else heal_us
