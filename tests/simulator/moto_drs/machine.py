"""A Hypothesis state machine that calls every operation of DRS, on any world that a client reaches."""

from collections import Counter
from typing import Any, ClassVar, Final

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.randomness import Stream
from tests.simulator.moto_drs.answers import MODEL
from tests.simulator.moto_drs.conftest import ACCOUNT
from tests.simulator.moto_drs.consistency import contradictions
from tests.simulator.moto_drs.journeys import JOURNEYS, ImpossibleError, set_up
from tests.simulator.moto_drs.requests import Requests

NAMES: Final = sorted(OPERATIONS)
READS: Final = [name for name in NAMES if name.startswith(("Describe", "Get", "List"))]
_MINUTES: Final = (0.5, 3.0, 10.0, 14.0, 60.0, 1500.0)
_JOURNEYS_A_WORLD: Final = 12
_CALLS_A_WORLD: Final = 40
"""Fewer than a world gets on average; Hypothesis's first worlds are short."""


class DrsCalls(RuleBasedStateMachine):
    """Journeys through DRS, with any calls in between. A subclass has the world; its clients check each answer."""

    counts: ClassVar[Counter[str]]
    """Calls by operation, and refused ones by error code."""

    successes: ClassVar[Counter[str]]
    """Calls by operation that were not refused."""

    journeys: ClassVar[Counter[str]]
    """Begun ones by name."""

    seen: ClassVar[set[tuple[str, str]]]
    """Values of enumerations in answers, each after the name of its shape."""

    wanted: ClassVar[int]
    """The number of calls after which the machine stands still."""

    worlds: ClassVar[int]

    noise_ratio: ClassVar[float] = 0.3
    """The probability of another call before each one of a journey."""

    account: str = ACCOUNT

    never_any: ClassVar[frozenset[str]] = frozenset()
    """Operations that only journeys call."""

    drs: Any
    """A client that checks each answer against the model."""

    ec2: Any = None
    """A client of the same account's EC2, if it has one that shows DRS's instances."""

    def __init__(self) -> None:
        super().__init__()
        kind = type(self)
        self.requests = Requests()
        self.is_open = self.lacks_calls()
        if self.is_open:
            kind.worlds += 1
            # Hypothesis likes to repeat a number, so each world has a stream of its own.
            self.stream = Stream(kind.worlds, "machine")
            self.open()
            self.attempt("set_up", set_up)

    def lacks_calls(self) -> bool:
        return sent(self.counts) < self.wanted

    def open(self) -> None:
        """Make the world and its clients."""
        raise NotImplementedError

    def pass_time(self, minutes: float) -> None:
        raise NotImplementedError

    def look_back(self) -> None:
        """Read while the clock is set back, where it can be."""

    @rule(number=st.integers(0, 2**32 - 1))
    def travel(self, number: int) -> None:
        """One of the journeys that were made least, then calls of those that were called least."""
        if not (self.is_open and self.lacks_calls()):
            return
        self.stream = Stream(number, f"machine/{self.worlds}/{sent(self.counts)}")
        journey = min(JOURNEYS, key=lambda each: self.journeys[each.__name__])
        self.attempt(journey.__name__, journey)
        for _ in range(5):
            self.call_any()
        if self.stream.chance(0.3):
            self.look_back()
        self.compare()

    def attempt(self, name: str, journey: Any) -> None:
        self.journeys[name] += 1
        try:
            journey(self)
        except ImpossibleError:
            self.counts["impossible"] += 1

    def call_any(self) -> None:
        # Often the one that was called least, so that a short run has them all.
        names = [name for name in NAMES if name not in self.never_any]
        least = min(names, key=self.counts.__getitem__)
        operation = least if self.stream.chance(0.4) else names[self.stream.below(len(names))]
        self.call_one(operation, self.requests.draw(operation, self.stream.below(2**32)))

    def ask(self, operation: str, **request: Any) -> Any:
        """The answer of a journey's call. Raises ImpossibleError if it is refused."""
        if self.stream.chance(self.noise_ratio):
            self.call_any()
        answer = self.call_one(operation, request)
        if answer is None:
            raise ImpossibleError
        return answer

    def call_one(self, operation: str, request: dict[str, Any]) -> Any:
        """The answer, or None if the call is refused."""
        self.counts[operation] += 1
        try:
            answer = getattr(self.drs, xform_name(operation))(**request)
        except ParamValidationError:
            # botocore sends no such request.
            self.counts["not sent"] += 1
            return None
        except ClientError as error:
            response: Any = error.response
            status = response["ResponseMetadata"]["HTTPStatusCode"]
            assert status < 500, f"{operation}({request}): {status}"
            self.counts[response["Error"]["Code"]] += 1
            return None
        self.successes[operation] += 1
        self.requests.learn(operation, answer)
        self.seen.update(self.requests.values)
        if operation.startswith("Delete"):
            self.requests.forget(request)
        return answer

    def wait(self, minutes: float) -> None:
        self.pass_time(minutes)
        if self.stream.chance(0.2):
            self.compare()

    def vary(self, count: int) -> int:
        return self.stream.below(max(1, count))

    def servers(self, count: int, **more: Any) -> list[str]:
        raise NotImplementedError

    def pair(self, instance_id: str, error: str) -> None:
        raise ImpossibleError

    def set_state(self, server_id: str, state: str, error: str) -> None:
        """Without such a helper the server stays as it is."""

    def fail_launches(self, ids: list[str], *, fail: bool) -> None:
        raise ImpossibleError

    def launch_in_the_west(self, server_arn: str) -> None:
        raise ImpossibleError

    def compare(self) -> None:
        found = list(contradictions(self.drs, self.ec2))
        assert not found, found

    def teardown(self) -> None:
        if self.is_open:
            self.compare()


def run(machine: type[DrsCalls], count: int) -> None:
    """Run the machine for that many calls, or a few more; its class then has what was called and seen."""
    machine.counts, machine.successes, machine.journeys = Counter(), Counter(), Counter()
    machine.seen, machine.wanted, machine.worlds = set(), count, 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=-(-count // _CALLS_A_WORLD),
            stateful_step_count=_JOURNEYS_A_WORLD,
            deadline=None,
            derandomize=True,
            database=None,
            # A world that lives on between examples cannot be shrunk, and this says the same with less.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def sent(counts: Counter[str]) -> int:
    """The number of calls that reached DRS."""
    return sum(counts[name] for name in MODEL.operation_names) - counts["not sent"]
