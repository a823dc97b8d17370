"""A Hypothesis state machine that calls every operation of DRS, on any world that a client reaches."""

from collections import Counter
from typing import Any, ClassVar

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.randomness import Stream
from tests.simulator.moto_drs.answers import MODEL
from tests.simulator.moto_drs.consistency import contradictions
from tests.simulator.moto_drs.requests import Requests

NAMES = sorted(OPERATIONS)
_MINUTES = (0.5, 3.0, 10.0, 14.0, 60.0, 1500.0)
_STEPS = 30
_CALLS_A_RUN = 40
"""Fewer than this number of steps makes on average; Hypothesis's first runs are short."""


class DrsCalls(RuleBasedStateMachine):
    """Calls of all operations while time passes. A subclass has the world; its clients check each answer."""

    counts: ClassVar[Counter[str]] = Counter()
    """Calls by operation, and refused ones by error code."""

    wanted: ClassVar[int]
    """The number of calls after which the machine stands still."""

    drs: Any
    """A client that checks each answer against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = Requests()
        self.steps = 0

    def pass_time(self, minutes: float) -> None:
        raise NotImplementedError

    def add_servers(self, seed: int) -> None:
        """Register source servers; a world whose servers are given does nothing."""

    @rule(seed=st.integers(0, 2**32 - 1))
    def call(self, seed: int) -> None:
        """Twenty calls, drawn from a number and the step's, since Hypothesis likes to repeat a number."""
        self.steps += 1
        draw = Stream(seed, f"calls/{self.steps}")
        for _ in range(20 if sent(self.counts) < self.wanted else 0):
            # Often the one that was called least, so that a short run has them all.
            least = min(NAMES, key=self.counts.__getitem__)
            operation = least if draw.chance(0.4) else NAMES[draw.below(len(NAMES))]
            self.call_one(operation, self.requests.draw(operation, draw.below(2**32)))
            if draw.chance(0.07):
                self.wait(_MINUTES[draw.below(len(_MINUTES))])

    def call_one(self, operation: str, request: dict[str, Any]) -> None:
        self.counts[operation] += 1
        status = 200
        try:
            answer = getattr(self.drs, xform_name(operation))(**request)
            self.requests.learn(operation, answer)
        except ParamValidationError:
            # botocore sends no such request.
            self.counts["not sent"] += 1
        except ClientError as error:
            response: Any = error.response
            status = response["ResponseMetadata"]["HTTPStatusCode"]
            self.counts[response["Error"]["Code"]] += 1
        assert status < 500, f"{operation}({request}): {status}"

    @rule(minutes=st.sampled_from(_MINUTES))
    def wait(self, minutes: float) -> None:
        if sent(self.counts) < self.wanted:
            self.pass_time(minutes)
            self.compare()

    @rule(seed=st.integers(0, 2**16))
    def register(self, seed: int) -> None:
        self.add_servers(seed)

    def compare(self) -> None:
        assert contradictions(self.drs) == []

    def teardown(self) -> None:
        self.compare()


def calls_of(machine: type[DrsCalls], count: int) -> Counter[str]:
    """Run the machine for that many calls, or a few more; return how many of each operation and error."""
    machine.counts, machine.wanted = Counter(), count
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=-(-count // _CALLS_A_RUN),
            stateful_step_count=_STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            # A world that lives on between examples cannot be shrunk, and this says the same with less.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return machine.counts


def sent(counts: Counter[str]) -> int:
    """The number of calls that reached DRS."""
    return sum(counts[name] for name in MODEL.operation_names) - counts["not sent"]
