"""Lambda and the work that a handler leaves running when it returns, and errors that are no `Exception`."""

import sys
from asyncio import CancelledError
from collections.abc import Callable

import pytest

from drsim.simulator.executor import KernelExecutor
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.functions import Invocation, Payload
from drsim.simulator.trace import BrokenSimulationError
from tests.simulator.lambdas import INIT_US, OVERHEAD_US, SECOND, LambdaRig

MS = 1_000


def leaving(kernel: Kernel, work: Callable[[Invocation], object], log: list[str]) -> Callable[..., None]:
    """A handler that submits three tasks of a second to a pool of two, and returns; execution "long" runs for 3 s."""
    executor = KernelExecutor(kernel, 2)

    def later(invocation: Invocation) -> None:
        kernel.sleep(SECOND)
        process = kernel.current
        assert process is not None
        # In its own name, although both share one pool.
        assert process.tag is invocation
        work(invocation)
        log.append(f"{invocation.execution_id} worked at {kernel.now_us // MS} ms")

    def handle(_: Payload, invocation: Invocation) -> None:
        if invocation.execution_id == "long":
            kernel.sleep(3 * SECOND)
            return
        for _each in range(3):
            executor.submit(later, invocation)

    return handle


def test_left_work_is_frozen_until_the_next_invocation_in_its_environment(kernel: Kernel) -> None:
    log: list[str] = []
    rig = LambdaRig(kernel, leaving(kernel, lambda _: None, log))
    rig.invoke("e")
    kernel.run(until_us=10 * SECOND)
    assert log == []
    rig.invoke("long")
    kernel.run()
    # The sleeps of two tasks ended during the freeze; the third task begins after the thaw.
    assert log == ["e worked at 10000 ms", "e worked at 10000 ms", "e worked at 11000 ms"]
    assert [event.environment for event in rig.started] == [1, 1]


def test_left_work_sleeps_on_if_its_time_has_not_come_at_the_thaw(kernel: Kernel) -> None:
    log: list[str] = []
    rig = LambdaRig(kernel, leaving(kernel, lambda _: None, log))
    rig.invoke("e")
    rig.invoke("long", at_us=SECOND)
    kernel.run()
    assert log == ["e worked at 1501 ms", "e worked at 1501 ms", "e worked at 2501 ms"]


def test_left_work_is_frozen_again_when_the_next_invocation_ends(kernel: Kernel) -> None:
    log: list[str] = []
    rig = LambdaRig(kernel, leaving(kernel, lambda _: None, log))
    for second in (0, 5, 20):
        rig.invoke("e" if second < 20 else "long", at_us=second * SECOND)
    kernel.run()
    # The second invocation ends before the third task of the first one.
    instants = [line.split()[3] for line in log]
    assert instants == ["5000", "5000", "20000", "20000", "20000", "21000"]


def test_left_work_never_continues_without_another_invocation(kernel: Kernel) -> None:
    log: list[str] = []
    rig = LambdaRig(kernel, leaving(kernel, lambda _: None, log), shared={"idle_max": "10m"})
    rig.invoke("e")
    rig.invoke("long", at_us=11 * 60 * SECOND)
    kernel.run()
    assert (log, [event.environment for event in rig.started]) == ([], [1, 2])


def test_task_submitted_last_begins_before_the_freeze_and_its_tasks_do_not(kernel: Kernel) -> None:
    log: list[tuple[str, int]] = []

    def task() -> None:
        log.append(("task", kernel.now_us))
        kernel.spawn("subtask", lambda: log.append(("subtask", kernel.now_us)))

    def handle(_: Payload, invocation: Invocation) -> None:
        if invocation.execution_id == "e":
            kernel.spawn("left", task)

    rig = LambdaRig(kernel, handle)
    rig.invoke("e")
    rig.invoke("next", at_us=7 * SECOND)
    kernel.run()
    assert log == [("task", INIT_US + OVERHEAD_US), ("subtask", 7 * SECOND)]


def test_a_crash_of_left_work_ends_all_of_it_and_the_running_invocation(kernel: Kernel) -> None:
    log: list[str] = []

    def work(invocation: Invocation) -> None:
        if invocation.execution_id == "e":
            log.append("e dies")
            rig.service.crash(invocation, redeliver=False)

    rig = LambdaRig(kernel, leaving(kernel, work, log))
    rig.invoke("e")
    # Another environment's work is none of the first one's.
    rig.invoke("other", at_us=10)
    rig.invoke("long", at_us=5 * SECOND)
    rig.invoke("long", at_us=5 * SECOND)
    rig.invoke("long", at_us=20 * SECOND)
    kernel.run()
    assert sorted(log) == ["e dies", "other worked at 5000 ms", "other worked at 5000 ms", "other worked at 6000 ms"]
    ends = [f"{event.execution_id} {event.outcome}" for event in rig.ended]
    assert ends == ["e ok", "other ok", "long crash", "long ok", "long ok"]


def test_a_timeout_ends_what_earlier_invocations_left_in_the_environment(kernel: Kernel) -> None:
    log: list[str] = []
    rig = LambdaRig(kernel, leaving(kernel, lambda _: kernel.sleep(30 * SECOND), log), timeout="2s")
    rig.invoke("e")
    for second in (5, 100):
        rig.invoke("long", at_us=second * SECOND)
    kernel.run()
    assert (log, [event.outcome for event in rig.ended]) == ([], ["ok", "timeout", "timeout"])
    assert [event.init_us > 0 for event in rig.started] == [True, False, True]


def test_kernel_closes_with_a_frozen_process() -> None:
    kernel, log = Kernel(), list[str]()

    def work() -> None:
        try:
            kernel.sleep(SECOND)
        finally:
            log.append("unwound")

    process = kernel.spawn("frozen", work)
    kernel.run(until_us=10)
    kernel.freeze(process)
    kernel.run()
    assert log == []
    kernel.close()
    assert log == ["unwound"]


def test_process_killed_while_frozen_stays_ended_after_the_thaw(kernel: Kernel) -> None:
    log: list[str] = []

    def work() -> None:
        kernel.sleep(SECOND)
        log.append("continued")

    process = kernel.spawn("frozen", work)
    kernel.run(until_us=10)
    kernel.freeze(process)
    # Its sleep ends, and it waits for the thaw.
    kernel.run()
    kernel.kill(process)
    kernel.thaw(process)
    kernel.run()
    assert log == []


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
