"""The boundary to the services: a call takes time, acts at its end, is tried again, and is seen."""

import pytest

from drsim.orchestrator.errors import LostRaceError, RefusedError, TryLaterError
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.errors import ConditionFailedError, ServiceError
from drsim.simulator.trace import BrokenSimulationError
from tests.simulator.lambdas import SECOND
from tests.simulator.ports import HANDLER_US, Rig


def test_service_acts_and_call_returns_when_the_latency_has_passed(kernel: Kernel, log: list[tuple[int, str]]) -> None:
    rig = Rig(kernel)

    def act() -> int:
        log.append((kernel.now_us - HANDLER_US, "service acts"))
        return 42

    def scene() -> None:
        log.append((kernel.now_us - HANDLER_US, "call"))
        answer = rig.call(act, Spread(70, 70))
        log.append((kernel.now_us - HANDLER_US, f"answer {answer}"))

    rig.play(scene)
    assert log == [(0, "call"), (70, "service acts"), (70, "answer 42")]
    assert rig.calls == [(HANDLER_US + 70, rig.started[0].request_id, "f", "Do", 70, 1, "", "", "")]


def test_each_call_draws_its_latency_from_the_stream_of_its_invocation(kernel: Kernel) -> None:
    rig = Rig(kernel)
    rig.play(lambda: [rig.call(lambda: None, Spread(10, 10_000)) for _ in range(5)])
    invocation = Stream(7, f"lambda/{rig.started[0].request_id}/1")
    # The function's init and overhead come first.
    drawn = [Spread(10, 10_000).draw(invocation) for _ in range(7)][2:]
    assert [call.duration_us for call in rig.calls] == drawn
    assert len(set(drawn)) == 5


def test_call_with_its_own_stream_draws_nothing_from_the_invocations(kernel: Kernel) -> None:
    rig = Rig(kernel)
    left = list[str]()

    def scene() -> None:
        rig.call(lambda: None, Spread(10, 10_000), Stream(7, "beside"))
        left.append(rig.boundary.invocation.stream.hexadecimal(16))

    rig.play(scene)
    invocation = Stream(7, f"lambda/{rig.started[0].request_id}/1")
    for _ in range(2):
        Spread(0, 0).draw(invocation)
    assert left == [invocation.hexadecimal(16)]
    assert rig.calls[0].duration_us == Spread(10, 10_000).draw(Stream(7, "beside"))


class Failing:
    """A service that answers with these errors, one for each call, and then with 42."""

    def __init__(self, kernel: Kernel, *errors: Exception) -> None:
        self._kernel = kernel
        self._errors = list(errors)
        self.instants: list[int] = []

    def __call__(self) -> int:
        self.instants.append(self._kernel.now_us - HANDLER_US)
        if self._errors:
            raise self._errors.pop(0)
        return 42


def throttled() -> ServiceError:
    return ServiceError("ThrottlingException", "Rate exceeded", retryable=True)


def test_retryable_error_is_retried_within_one_and_then_two_seconds(kernel: Kernel) -> None:
    rig, service = Rig(kernel), Failing(kernel, throttled(), throttled())
    answers = list[object]()
    rig.play(lambda: answers.append(rig.call(service, Spread(70, 70))))
    assert answers == [42]
    assert [call.error for call in rig.calls] == ["ThrottlingException", "ThrottlingException", ""]
    first, second, third = service.instants
    assert first == 70
    assert 0 <= second - first - 70 < SECOND
    assert 0 <= third - second - 70 < 2 * SECOND
    assert [call.duration_us for call in rig.calls] == [70, 70, 70]


def test_retry_waits_spread_over_one_and_then_two_seconds() -> None:
    waits = list[tuple[int, int]]()
    for seed in range(60):
        kernel = Kernel(seed=seed)
        rig, service = Rig(kernel), Failing(kernel, throttled(), throttled())
        rig.play(lambda rig=rig, service=service: rig.call(service, Spread(0, 0)))  # type: ignore[misc]
        first, second, third = service.instants
        waits.append((second - first, third - second))
        kernel.close()
    first_waits, second_waits = zip(*waits, strict=True)
    assert (min(first_waits) < 100_000, 900_000 < max(first_waits) < SECOND) == (True, True)
    assert (min(second_waits) < 200_000, 1_800_000 < max(second_waits) < 2 * SECOND) == (True, True)


def test_after_three_attempts_a_retryable_error_is_left_to_the_next_tick(kernel: Kernel) -> None:
    rig, service = Rig(kernel), Failing(kernel, *[throttled() for _ in range(4)])

    def scene() -> None:
        message = r"^Do, 3 attempts: ThrottlingException: Rate exceeded$"
        with pytest.raises(TryLaterError, match=message):
            rig.call(service, Spread(70, 70))
        # Nothing is waited for once there is no further attempt.
        assert kernel.now_us - HANDLER_US == service.instants[-1]

    rig.play(scene)
    assert len(service.instants) == 3
    assert [call.error for call in rig.calls] == ["ThrottlingException"] * 3


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (ServiceError("AccessDeniedException", "no"), RefusedError, "^AccessDeniedException: no$"),
        (ConditionFailedError(), LostRaceError, "^ConditionalCheckFailedException: The conditional request failed$"),
    ],
)
def test_error_that_is_not_retryable_is_raised_at_once(
    kernel: Kernel, error: ServiceError, raised: type[Exception], message: str
) -> None:
    rig, service = Rig(kernel), Failing(kernel, error)

    def scene() -> None:
        with pytest.raises(raised, match=message) as caught:
            rig.call(service, Spread(70, 70))
        assert caught.value.__cause__ is error

    rig.play(scene)
    assert service.instants == [70]
    assert [call.error for call in rig.calls] == [error.code]


def test_a_bug_in_a_service_ends_the_run_and_is_no_error_of_the_function(kernel: Kernel) -> None:
    rig, service = Rig(kernel), Failing(kernel, KeyError("wave"))
    rig.scene = lambda: rig.call(service, Spread(70, 70))
    rig.invoke("e")
    with pytest.raises(BrokenSimulationError, match=r"^Do failed with KeyError: 'wave'$"):
        kernel.run()
    assert (rig.ended, rig.calls) == ([], [])


def test_call_outside_a_process_or_an_invocation_is_a_misuse(kernel: Kernel) -> None:
    rig = Rig(kernel)
    with pytest.raises(AssertionError, match="production code runs in processes"):
        rig.boundary.invocation  # noqa: B018
    raised = list[str]()

    def worker() -> None:
        with pytest.raises(AssertionError) as caught:
            rig.boundary.invocation  # noqa: B018
        raised.append(str(caught.value))

    kernel.spawn("worker", worker)
    kernel.run()
    assert raised[0].startswith("production code runs in Lambda invocations")
