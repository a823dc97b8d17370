"""Lambda: cold and warm environments, the asynchronous queue, its retries after errors, and the timeout."""

import re

import pytest

from drsim.simulator.events import Invoked
from drsim.simulator.executor import KernelExecutor
from drsim.simulator.kernel import Kernel, StopReason
from drsim.simulator.randomness import Stream
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation, Payload
from drsim.simulator.services.spec import PollerFunction
from drsim.simulator.trace import BrokenSimulationError
from tests.simulator.lambdas import FIXED, INIT_US, OVERHEAD_US, SECOND, LambdaRig, sleeper

MINUTE = 60 * SECOND


# --- environments --------------------------------------------------------------------------------------------


def test_first_invocation_is_cold_and_the_next_one_warm(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, SECOND))
    rig.invoke("a")
    rig.invoke("b", at_us=10 * SECOND)
    kernel.run()
    assert rig.log == [
        (INIT_US, "a cold 1"),
        (INIT_US + OVERHEAD_US + SECOND, "a ok"),
        (10 * SECOND, "b warm 1"),
        (11 * SECOND + OVERHEAD_US, "b ok"),
    ]


def test_a_duration_leaves_the_init_phase_out(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, SECOND))
    rig.invoke("a")
    rig.invoke("b", at_us=10 * SECOND)
    kernel.run()
    assert [event.init_us for event in rig.started] == [INIT_US, 0]
    assert [event.duration_us for event in rig.ended] == [SECOND + OVERHEAD_US] * 2


def test_environment_used_last_serves_the_next_invocation(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, SECOND))
    for name in ("a", "b"):
        rig.invoke(name)
    rig.invoke("c", at_us=5 * SECOND)
    rig.invoke("d", at_us=5 * SECOND)
    kernel.run()
    starts = [(at_us, what) for at_us, what in rig.log if " ok" not in what]
    assert starts == [
        (INIT_US, "a cold 1"),
        (INIT_US, "b cold 2"),
        (5 * SECOND, "c warm 2"),
        (5 * SECOND, "d warm 1"),
    ]


def test_an_environment_that_was_idle_for_longer_than_idle_max_is_recycled(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, shared={"idle_max": "10m"})
    first_end_us = INIT_US + OVERHEAD_US
    rig.invoke("a")
    rig.invoke("b", at_us=first_end_us + 10 * MINUTE)
    rig.invoke("c", at_us=first_end_us + 20 * MINUTE + OVERHEAD_US + 1)
    kernel.run()
    assert [(event.execution_id, event.environment, event.init_us) for event in rig.started] == [
        ("a", 1, INIT_US),
        ("b", 1, 0),
        ("c", 2, INIT_US),
    ]


def test_each_function_has_environments_of_its_own(kernel: Kernel) -> None:
    rig = LambdaRig(kernel)
    rig.service.deploy("g", PollerFunction.model_validate(FIXED), lambda *_: None)
    rig.invoke("a")
    rig.invoke("b", at_us=SECOND, function="g")
    kernel.run()
    assert [(event.function, event.environment, event.init_us) for event in rig.started] == [
        ("f", 1, INIT_US),
        ("g", 1, INIT_US),
    ]


# --- the queue -----------------------------------------------------------------------------------------------


def test_invocation_is_accepted_at_once_and_starts_after_the_queue(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, shared={"queue_delay": "20ms"})
    rig.invoke("a", at_us=SECOND)
    kernel.run()
    (accepted,), (started,) = rig.invoked, rig.started
    assert accepted == Invoked(SECOND, started.request_id, "", "f", "a")
    assert started.at_us == SECOND + 20_000 + INIT_US
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", accepted.request_id)


def test_a_handler_gets_its_payload_and_what_lambda_says_of_the_invocation(kernel: Kernel) -> None:
    seen = list[tuple[Payload, Invocation]]()
    rig = LambdaRig(kernel, lambda payload, invocation: seen.append((payload, invocation)))
    rig.service.invoke_event("f", {"ExecutionId": "a"}, execution_id="a", by="r-0")
    kernel.run()
    ((payload, invocation),) = seen
    assert payload == {"ExecutionId": "a"}
    assert (invocation.function, invocation.execution_id, invocation.cold) == ("f", "a", True)
    assert (invocation.started_us, invocation.deadline_us) == (INIT_US, INIT_US + 60 * SECOND)
    assert rig.invoked == [Invoked(0, invocation.request_id, "r-0", "f", "a")]


def test_a_function_that_was_not_deployed_is_not_found(kernel: Kernel) -> None:
    rig = LambdaRig(kernel)
    with pytest.raises(ServiceError, match=r"^ResourceNotFoundException: Function not found: g$"):
        rig.service.invoke_event("g", {}, execution_id="a", by="")
    assert len(rig.trace) == 0


def test_request_ids_and_times_of_one_execution_do_not_depend_on_others() -> None:
    def seen(others: int) -> list[tuple[str, int]]:
        kernel = Kernel(seed=7)
        rig = LambdaRig(kernel, shared={"queue_delay": "0s..50ms"}, init="100ms..900ms", overhead_cold="0s..90ms")
        for number in range(others):
            rig.invoke(f"other {number}")
        rig.invoke("a")
        rig.invoke("a", at_us=0)
        kernel.run()
        kernel.close()
        return [(event.request_id, event.at_us) for event in rig.started if event.execution_id == "a"]

    alone = seen(0)
    assert len({request_id for request_id, _ in alone}) == 2
    assert seen(5) == alone


# --- errors and retries --------------------------------------------------------------------------------------


def test_a_failed_invocation_is_dropped_at_once_without_retries(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, lambda *_: 1 // 0)
    rig.invoke("a")
    kernel.run()
    end_us = INIT_US + OVERHEAD_US
    assert rig.log == [(INIT_US, "a cold 1"), (end_us, "a error"), (end_us, "a retries exhausted")]
    assert rig.ended[0].detail == "ZeroDivisionError: integer division or modulo by zero"


def test_failed_invocation_is_retried_after_one_and_two_minutes(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, lambda *_: 1 // 0, retries_max=2)
    rig.invoke("a")
    kernel.run()
    ends = [INIT_US + OVERHEAD_US, INIT_US + MINUTE + 2 * OVERHEAD_US, INIT_US + 3 * MINUTE + 3 * OVERHEAD_US]
    assert rig.log == [
        (INIT_US, "a cold 1"),
        (ends[0], "a error"),
        (ends[0] + MINUTE, "a warm 1"),
        (ends[1], "a error"),
        (ends[1] + 2 * MINUTE, "a warm 1"),
        (ends[2], "a error"),
        (ends[2], "a retries exhausted"),
    ]
    assert [event.attempt for event in rig.started] == [1, 2, 3]
    (accepted,) = rig.invoked
    assert [event.request_id for event in rig.started] == [accepted.request_id] * 3
    assert [event.request_id for event in rig.ended] == [accepted.request_id] * 3


def test_failed_invocation_is_dropped_at_its_maximum_age(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, lambda *_: 1 // 0, retries_max=2, event_age_max="2m")
    rig.invoke("a")
    kernel.run()
    assert [what for _, what in rig.log] == ["a cold 1", "a error", "a warm 1", "a error", "a event too old"]
    assert rig.log[-1] == (2 * MINUTE, "a event too old")


def test_successful_retry_is_the_last_and_has_its_own_stream(kernel: Kernel) -> None:
    streams = list[Stream]()

    def fail_once(_: Payload, invocation: Invocation) -> None:
        streams.append(invocation.stream)
        assert len(streams) > 1, "not yet"

    rig = LambdaRig(kernel, fail_once, retries_max=2)
    rig.invoke("a")
    kernel.run()
    assert [what for _, what in rig.log] == ["a cold 1", "a error", "a warm 1", "a ok"]
    assert rig.ended[0].detail.startswith("AssertionError: not yet")
    assert len({stream.hexadecimal(16) for stream in streams}) == 2


def test_what_a_function_raises_ends_its_own_invocation_only(kernel: Kernel) -> None:
    def fail_for_a(_: Payload, invocation: Invocation) -> None:
        kernel.sleep(SECOND)
        if invocation.execution_id == "a":
            raise KeyError("wave")

    rig = LambdaRig(kernel, fail_for_a)
    rig.invoke("a")
    rig.invoke("b")
    kernel.run()
    assert {event.execution_id: (event.outcome, event.detail) for event in rig.ended} == {
        "a": ("error", "KeyError: 'wave'"),
        "b": ("ok", ""),
    }


def test_a_broken_simulation_is_no_error_of_the_function(kernel: Kernel) -> None:
    def find_the_simulation_broken(_: Payload, __: Invocation) -> None:
        raise BrokenSimulationError("a service is wrong")

    rig = LambdaRig(kernel, find_the_simulation_broken, retries_max=2)
    rig.invoke("a")
    with pytest.raises(BrokenSimulationError, match="a service is wrong"):
        kernel.run()
    assert rig.ended == []


# --- the timeout ---------------------------------------------------------------------------------------------


def test_timeout_kills_the_handler_and_its_children(kernel: Kernel) -> None:
    marks = list[str]()

    def tick() -> None:
        while True:
            kernel.sleep(25 * SECOND)
            marks.append(f"child at {kernel.now_us // SECOND} s")

    def hang(_: Payload, invocation: Invocation) -> None:
        kernel.spawn("child", tick)
        KernelExecutor(kernel, 1).submit(tick)
        try:
            kernel.sleep(1000 * SECOND)
            marks.append("slept")
        finally:
            marks.append("finally")

    rig = LambdaRig(kernel, hang)
    rig.invoke("a")
    # Without the kill the children would go on for ever.
    kernel.run(until_us=600 * SECOND)
    assert marks == ["child at 25 s", "child at 25 s", "child at 50 s", "child at 50 s"]
    (ended,) = rig.ended
    assert (ended.at_us, ended.outcome, ended.duration_us) == (INIT_US + 60 * SECOND, "timeout", 60 * SECOND)
    assert ended.detail == "Task timed out after 60.00 seconds"
    assert kernel.run() is StopReason.IDLE


def test_timeout_makes_the_environment_cold_and_frees_concurrency(kernel: Kernel) -> None:
    def hang_for_a(_: Payload, invocation: Invocation) -> None:
        kernel.sleep(1000 * SECOND if invocation.execution_id == "a" else 1)

    rig = LambdaRig(kernel, hang_for_a, shared={"account_concurrency": 1}, timeout="1500ms", retries_max=1)
    rig.invoke("a")
    rig.invoke("b", at_us=10 * SECOND)
    kernel.run()
    assert rig.log == [
        (INIT_US, "a cold 1"),
        (INIT_US + 1_500_000, "a timeout"),
        (10 * SECOND + INIT_US, "b cold 1"),
        (10 * SECOND + INIT_US + OVERHEAD_US + 1, "b ok"),
        # The retry, a minute after the timeout.
        (MINUTE + 2 * SECOND, "a warm 1"),
        (MINUTE + 2 * SECOND + 1_500_000, "a timeout"),
        (MINUTE + 2 * SECOND + 1_500_000, "a retries exhausted"),
    ]
    assert rig.ended[0].detail == "Task timed out after 1.50 seconds"


def test_a_handler_that_ends_just_before_its_timeout_is_not_killed_later(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 60 * SECOND - OVERHEAD_US - 1))
    rig.invoke("a")
    rig.invoke("b", at_us=61 * SECOND)
    kernel.run()
    assert [event.outcome for event in rig.ended] == ["ok", "ok"]
    assert [event.environment for event in rig.started] == [1, 1]


def test_an_overhead_that_alone_exceeds_the_timeout_is_a_timeout(kernel: Kernel) -> None:
    marks = list[str]()
    rig = LambdaRig(kernel, lambda *_: marks.append("ran"), timeout="1s", overhead_cold="2s")
    rig.invoke("a")
    kernel.run()
    assert rig.log == [
        (INIT_US, "a cold 1"),
        (INIT_US + SECOND, "a timeout"),
        (INIT_US + SECOND, "a retries exhausted"),
    ]
    assert marks == []


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ({"statusCode": 500, "body": "{}"}, "statusCode 500"),
        ({"statusCode": "404"}, "statusCode 404"),
        ({"statusCode": 400}, "statusCode 400"),
        ({"statusCode": 399}, ""),
        ({"statusCode": 200}, ""),
        ({"statusCode": None}, ""),
        ({"statusCode": ["500"]}, ""),
        ("statusCode 500", ""),
        (None, ""),
    ],
)
def test_returned_error_status_is_the_detail_of_an_ok_invocation(kernel: Kernel, answer: object, detail: str) -> None:
    rig = LambdaRig(kernel, lambda *_: answer)
    rig.invoke("a")
    kernel.run()
    assert [(end.outcome, end.detail) for end in rig.ended] == [("ok", detail)]
