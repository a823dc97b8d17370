"""Lambda's limits of concurrency, and what becomes of invocations that must wait or grow too old."""

from drsim.simulator.kernel import Kernel
from drsim.simulator.services.spec import PollerFunction
from tests.simulator.lambdas import FIXED, INIT_US, OVERHEAD_US, SECOND, LambdaRig, sleeper

MINUTE = 60 * SECOND


def test_the_accounts_concurrency_throttles_all_functions_together(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 2 * SECOND), shared={"account_concurrency": 2})
    rig.service.deploy("g", PollerFunction.model_validate(FIXED), sleeper(kernel, 2 * SECOND))
    rig.invoke("a")
    rig.invoke("b", function="g")
    rig.invoke("c")
    kernel.run()
    end_us = INIT_US + OVERHEAD_US + 2 * SECOND
    assert rig.log == [
        (0, "c throttled"),
        (INIT_US, "a cold 1"),
        (INIT_US, "b cold 1"),
        # Two seconds after the first refusal's one second.
        (SECOND, "c throttled"),
        (end_us, "a ok"),
        (end_us, "b ok"),
        (3 * SECOND, "c warm 1"),
        (5 * SECOND + OVERHEAD_US, "c ok"),
    ]
    assert [event.concurrency for event in rig.started] == [2, 2, 1]


def test_reserved_concurrency_throttles_its_function_alone(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 100), reserved_concurrency=1)
    rig.service.deploy("g", PollerFunction.model_validate(FIXED), sleeper(kernel, 100))
    for name, function in (("a", "f"), ("b", "f"), ("c", "g"), ("d", "g")):
        rig.invoke(name, function=function)
    kernel.run()
    assert [(at_us, what) for at_us, what in rig.log if "throttled" in what] == [(0, "b throttled")]
    assert (SECOND, "b warm 1") in rig.log


def test_throttled_invocation_waits_double_until_it_is_too_old(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 60 * MINUTE), reserved_concurrency=1, timeout="2h", event_age_max="30m")
    rig.invoke("a")
    rig.invoke("b", at_us=SECOND)
    kernel.run()
    waits = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]
    instants = [(1 + sum(waits[:count])) * SECOND for count in range(len(waits) + 1)]
    assert sum(waits) + 300 > 1800 > sum(waits)
    assert [(at_us, what) for at_us, what in rig.log if what.startswith("b")] == [
        *((at_us, "b throttled") for at_us in instants),
        (30 * MINUTE + SECOND, "b event too old"),
    ]


def test_an_invocation_as_old_as_allowed_is_still_tried(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 2 * SECOND), reserved_concurrency=1, event_age_max="3s")
    rig.invoke("a")
    rig.invoke("b")
    rig.invoke("c", at_us=2 * SECOND)
    kernel.run()
    assert [(at_us, what) for at_us, what in rig.log if not what.startswith("a")] == [
        (0, "b throttled"),
        (SECOND, "b throttled"),
        (2 * SECOND, "c throttled"),
        (3 * SECOND, "b warm 1"),
        (3 * SECOND, "c throttled"),
        (5 * SECOND, "c throttled"),
        (5 * SECOND, "c event too old"),
        (5 * SECOND + OVERHEAD_US, "b ok"),
    ]


def test_no_reserved_concurrency_at_all_means_that_nothing_is_tried(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, reserved_concurrency=0)
    rig.invoke("a")
    kernel.run()
    assert rig.log == [(0, "a reserved concurrency is 0")]


def test_what_a_function_reserves_is_taken_from_what_the_others_share(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 100), shared={"account_concurrency": 3}, reserved_concurrency=2)
    rig.service.deploy("g", PollerFunction.model_validate(FIXED), sleeper(kernel, 100))
    for name, function in (("a", "g"), ("b", "g"), ("c", "f"), ("d", "f"), ("e", "f")):
        rig.invoke(name, function=function)
    kernel.run()
    assert [what for _, what in rig.log if "throttled" in what] == ["b throttled", "e throttled"]


def test_throttling_uses_up_none_of_the_retries_after_errors(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, lambda *_: 1 // 0, reserved_concurrency=1, retries_max=1)
    rig.invoke("a")
    rig.invoke("b")
    kernel.run()
    assert [what for _, what in rig.log if what.startswith("b")] == [
        "b throttled",
        "b warm 1",
        "b error",
        "b warm 1",
        "b error",
        "b retries exhausted",
    ]


def test_what_a_reservation_has_given_back_is_not_given_to_the_others(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 100), shared={"account_concurrency": 2}, reserved_concurrency=1)
    rig.service.deploy("g", PollerFunction.model_validate(FIXED), sleeper(kernel, 100))
    for number in range(3):
        rig.invoke(f"f{number}", at_us=number * SECOND)
    for name in ("a", "b"):
        rig.invoke(name, function="g", at_us=10 * SECOND)
    kernel.run()
    assert [(at_us, what) for at_us, what in rig.log if "throttled" in what] == [(10 * SECOND, "b throttled")]


def test_invocation_too_old_after_its_run_is_dropped_on_failure(kernel: Kernel) -> None:
    def fail(*_: object) -> None:
        kernel.sleep(90 * SECOND)
        raise KeyError("wave")

    rig = LambdaRig(kernel, fail, timeout="2m", retries_max=2, event_age_max="60s")
    rig.invoke("a")
    kernel.run()
    end_us = INIT_US + OVERHEAD_US + 90 * SECOND
    assert rig.log == [(INIT_US, "a cold 1"), (end_us, "a error"), (end_us, "a event too old")]
