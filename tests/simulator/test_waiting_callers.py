"""Lambda and callers that wait for the end of an invocation."""

import json

from drsim.simulator.kernel import Kernel
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation, Payload
from drsim.simulator.services.lambda_answers import Ended
from tests.simulator.lambdas import INIT_US, OVERHEAD_US, SECOND, LambdaRig

FOREVER_US = 10**12


def waiting(rig: LambdaRig, log: list[tuple[int, object]], *, patience_us: int = FOREVER_US) -> None:
    """Invoke `f` now, and log when the caller continues, and with what."""

    def call() -> None:
        try:
            found: object = rig.service.invoke("f", {}, execution_id="e", by="r-0", patience_us=patience_us)
        except ServiceError as error:
            found = error.code
        log.append((rig.kernel.now_us, found))

    rig.kernel.spawn("caller", call)


def test_caller_continues_at_the_end_with_the_payload(kernel: Kernel) -> None:
    log: list[tuple[int, object]] = []

    def handle(_: Payload, invocation: Invocation) -> None:
        kernel.sleep(SECOND)
        invocation.payload = b'"done"'

    rig = LambdaRig(kernel, handle)
    waiting(rig, log)
    kernel.run()
    assert log == [(INIT_US + OVERHEAD_US + SECOND, Ended(b'"done"', is_error=False))]
    assert [(event.at_us, event.by) for event in rig.invoked] == [(0, "r-0")]


def test_failed_invocation_is_neither_retried_nor_dropped(kernel: Kernel) -> None:
    log: list[tuple[int, object]] = []

    def handle(_: Payload, __: Invocation) -> None:
        raise ValueError("no plan")

    rig = LambdaRig(kernel, handle, retries_max=2)
    waiting(rig, log)
    kernel.run()
    assert [(at_us, getattr(found, "is_error", None)) for at_us, found in log] == [(INIT_US + OVERHEAD_US, True)]
    assert [what for _, what in rig.log] == ["e cold 1", "e error"]


def test_crash_ends_the_wait_and_is_not_delivered_again(kernel: Kernel) -> None:
    log: list[tuple[int, object]] = []

    def handle(_: Payload, invocation: Invocation) -> None:
        if len(rig.started) == 1:
            rig.service.repeat(invocation.request_id, 0)
            rig.service.crash(invocation, redeliver=True)

    rig = LambdaRig(kernel, handle, retries_max=2)
    waiting(rig, log)
    kernel.run()
    ((_, found),) = log
    assert isinstance(found, Ended)
    assert json.loads(found.payload)["errorType"] == "Runtime.ExitError"
    assert len(rig.invoked) == len(rig.ended) == 1


def test_impatient_caller_continues_before_the_function(kernel: Kernel) -> None:
    log: list[tuple[int, object]] = []
    rig = LambdaRig(kernel, lambda _, __: kernel.sleep(5 * SECOND))
    waiting(rig, log, patience_us=2 * SECOND)
    kernel.run()
    assert log == [(2 * SECOND, "ReadTimeoutError")]
    assert [event.outcome for event in rig.ended] == ["ok"]


def test_caller_finds_no_concurrency_at_once(kernel: Kernel) -> None:
    log: list[tuple[int, object]] = []
    rig = LambdaRig(kernel, lambda _, __: kernel.sleep(SECOND), reserved_concurrency=1)
    waiting(rig, log)
    waiting(rig, log)
    kernel.run()
    assert log[0] == (0, "TooManyRequestsException")
    assert [what for _, what in rig.log] == ["e throttled", "e cold 1", "e ok"]
    # Its concurrency is free again.
    waiting(rig, log)
    kernel.run()
    assert isinstance(log[2][1], Ended)
