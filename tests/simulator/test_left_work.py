"""Lambda and the work that a handler leaves running when it returns, and errors that are no `Exception`."""

import sys
from asyncio import CancelledError
from collections.abc import Callable

import pytest

from drsim.simulator.executor import KernelExecutor
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.functions import Invocation, Payload
from drsim.simulator.trace import BrokenSimulationError
from tests.simulator.lambdas import SECOND, LambdaRig


def leaving(kernel: Kernel, work: Callable[[Invocation], object], log: list[str]) -> Callable[..., None]:
    """A handler that submits work to a pool and returns; its pool has two workers for each invocation."""
    executor = KernelExecutor(kernel, 2)

    def later(invocation: Invocation) -> None:
        kernel.sleep(SECOND)
        process = kernel.current
        assert process is not None
        # In its own name, although both share one pool.
        assert process.tag is invocation
        work(invocation)
        log.append(f"{invocation.execution_id} worked")

    def handle(_: Payload, invocation: Invocation) -> None:
        for _each in range(3):
            executor.submit(later, invocation)

    return handle


def test_a_crash_of_left_work_ends_all_of_it_and_the_environment(kernel: Kernel) -> None:
    log: list[str] = []

    def work(invocation: Invocation) -> None:
        if invocation.execution_id == "e":
            log.append("e dies")
            rig.service.crash(invocation, redeliver=True)

    rig = LambdaRig(kernel, leaving(kernel, work, log))
    rig.invoke()
    # Another invocation leaves work as well, which is none of the first one's.
    rig.invoke("other", at_us=10)
    rig.invoke("next", at_us=5 * SECOND)
    kernel.run()
    assert log == ["e dies"] + ["other worked"] * 3 + ["next worked"] * 3
    assert [event.outcome for event in rig.ended] == ["ok"] * 3
    # The environment used last is taken first, and that of the crash is cold again only if it is taken.
    assert [event.environment for event in rig.started] == [1, 2, 2]


def test_an_environment_is_cold_after_a_crash_of_left_work(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, leaving(kernel, lambda invocation: rig.service.crash(invocation, redeliver=False), []))
    rig.invoke()
    rig.invoke(at_us=5 * SECOND)
    kernel.run()
    assert [(event.environment, event.init_us > 0) for event in rig.started] == [(1, True), (1, True)]


def test_a_handler_that_exits_takes_its_tasks_with_it(kernel: Kernel) -> None:
    log: list[str] = []
    leave = leaving(kernel, lambda _: None, log)

    def handle(payload: Payload, invocation: Invocation) -> None:
        leave(payload, invocation)
        sys.exit(1)

    rig = LambdaRig(kernel, handle, retries_max=0)
    rig.invoke()
    kernel.run()
    assert (log, [event.outcome for event in rig.ended]) == ([], ["crash"])


@pytest.mark.parametrize("error", [CancelledError("by hand"), GeneratorExit("by hand")])
def test_an_error_that_is_no_exception_ends_the_runtime(kernel: Kernel, error: BaseException) -> None:
    def handle(_: Payload, __: Invocation) -> None:
        raise error

    rig = LambdaRig(kernel, handle, retries_max=0)
    rig.invoke()
    kernel.run()
    assert [event.detail for event in rig.ended] == [f"Runtime.ExitError: {type(error).__name__}: by hand"]


def test_an_end_of_the_run_is_no_error_of_the_function(kernel: Kernel) -> None:
    def handle(_: Payload, __: Invocation) -> None:
        raise BrokenSimulationError("wrong")

    LambdaRig(kernel, handle).invoke()
    with pytest.raises(BrokenSimulationError, match="wrong"):
        kernel.run()
