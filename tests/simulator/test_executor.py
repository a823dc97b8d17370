"""The executor in virtual time: who begins when, timeouts, cancellation, kills."""

import concurrent.futures
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from operator import methodcaller

import pytest

from drsim.simulator.executor import KernelExecutor
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import MisuseError, ProcessCrashedError

Log = list[tuple[int, str]]


@pytest.fixture
def task(kernel: Kernel, log: Log) -> Callable[[str, int], str]:
    """A task that logs when it begins and when it ends, and takes its time."""

    def work(name: str, duration_us: int) -> str:
        log.append((kernel.now_us, f"{name} begins"))
        kernel.sleep(duration_us)
        log.append((kernel.now_us, f"{name} ends"))
        return name.upper()

    return work


Task = Callable[[str, int], str]


def in_a_process(kernel: Kernel, scene: Callable[[], object]) -> None:
    """Play the scene to its end."""
    process = kernel.spawn("scene", scene)
    kernel.run()
    assert not process.alive


# --- virtual time --------------------------------------------------------------------------------------------


def test_tasks_start_in_order_of_submission_up_to_workers_max(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        executor = KernelExecutor(kernel, 2)
        futures = [executor.submit(task, name, duration_us) for name, duration_us in (("a", 5), ("b", 2), ("c", 2))]
        log.append((kernel.now_us, "submitted"))
        assert [future.result() for future in futures] == ["A", "B", "C"]

    in_a_process(kernel, scene)
    assert log == [
        (0, "submitted"),
        (0, "a begins"),
        (0, "b begins"),
        (2, "b ends"),
        (2, "c begins"),
        (4, "c ends"),
        (5, "a ends"),
    ]
    assert kernel.now_us == 5


def test_executor_that_was_idle_has_all_its_workers(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        executor = KernelExecutor(kernel, 2)
        executor.submit(task, "a", 1).result()
        for name in "bc":
            executor.submit(task, name, 5)

    in_a_process(kernel, scene)
    assert log[2:] == [(1, "b begins"), (1, "c begins"), (6, "b ends"), (6, "c ends")]


def test_one_worker_does_one_task_after_the_other(kernel: Kernel, log: Log, task: Task) -> None:
    in_a_process(kernel, lambda: list(KernelExecutor(kernel, 1).map(task, "ab", (3, 4))))
    assert log == [(0, "a begins"), (3, "a ends"), (3, "b begins"), (7, "b ends")]


def test_an_executor_that_was_idle_begins_again(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        executor = KernelExecutor(kernel, 1)
        executor.submit(task, "a", 1).result()
        kernel.sleep(10)
        executor.submit(task, "b", 1).result()

    in_a_process(kernel, scene)
    assert log == [(0, "a begins"), (1, "a ends"), (11, "b begins"), (12, "b ends")]


def test_several_processes_may_wait_for_one_future(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        future = KernelExecutor(kernel, 1).submit(task, "a", 3)

        def wait(name: str) -> None:
            result = future.result()
            log.append((kernel.now_us, f"{name} has {result}"))

        for name in ("first", "second"):
            kernel.spawn(name, wait, name)
        kernel.sleep(5)
        wait("late")

    in_a_process(kernel, scene)
    assert log == [(0, "a begins"), (3, "a ends"), (3, "first has A"), (3, "second has A"), (5, "late has A")]


def test_leaving_the_with_block_waits_for_all_tasks(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        with KernelExecutor(kernel, 1) as executor:
            for name in "ab":
                executor.submit(task, name, 2)
        log.append((kernel.now_us, "left"))

    in_a_process(kernel, scene)
    assert log[-2:] == [(4, "b ends"), (4, "left")]


def test_shutdown_need_not_wait(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        executor = KernelExecutor(kernel, 1)
        executor.submit(task, "a", 2)
        executor.submit(task, "b", 2)
        executor.shutdown(wait=False)
        log.append((kernel.now_us, "shut down"))

    in_a_process(kernel, scene)
    assert log == [(0, "shut down"), (0, "a begins"), (2, "a ends"), (2, "b begins"), (4, "b ends")]


def test_shutdown_does_not_wait_for_what_was_cancelled(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        with KernelExecutor(kernel, 1) as executor:
            executor.submit(task, "a", 5)
            assert executor.submit(task, "b", 5).cancel()
        log.append((kernel.now_us, "shut down"))

    in_a_process(kernel, scene)
    assert log == [(0, "a begins"), (5, "a ends"), (5, "shut down")]


def test_shutdown_may_cancel_what_has_not_begun(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        executor = KernelExecutor(kernel, 1)
        futures = [executor.submit(task, name, 2) for name in "abc"]
        kernel.sleep(1)
        executor.shutdown(cancel_futures=True)
        log.append((kernel.now_us, "shut down"))
        assert [future.cancelled() for future in futures] == [False, True, True]

    in_a_process(kernel, scene)
    assert log == [(0, "a begins"), (2, "a ends"), (2, "shut down")]


def test_a_worker_carries_the_tag_of_the_process_that_submits(kernel: Kernel) -> None:
    def tag() -> object:
        return kernel.current and kernel.current.tag

    def scene() -> None:
        assert KernelExecutor(kernel, 1).submit(tag).result() == "invocation 1"

    process = kernel.spawn("scene", scene)
    process.tag = "invocation 1"
    kernel.run()
    assert not process.alive


# --- timeouts and cancellation -------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ["result", "exception"])
def test_waiting_with_a_timeout_ends_at_that_instant(kernel: Kernel, log: Log, task: Task, ask: str) -> None:
    def scene() -> None:
        future = KernelExecutor(kernel, 1).submit(task, "a", 5_000_000)
        with pytest.raises(concurrent.futures.TimeoutError):
            methodcaller(ask, timeout=1.5)(future)
        log.append((kernel.now_us, "timed out"))
        assert future.result() == "A"

    in_a_process(kernel, scene)
    assert log == [(0, "a begins"), (1_500_000, "timed out"), (5_000_000, "a ends")]


@pytest.mark.parametrize("timeout", [0, -1.5])
def test_a_timeout_of_zero_or_less_does_not_wait(kernel: Kernel, log: Log, task: Task, timeout: float) -> None:
    def scene() -> None:
        future = KernelExecutor(kernel, 1).submit(task, "a", 5)
        with pytest.raises(TimeoutError):
            future.result(timeout=timeout)
        log.append((kernel.now_us, "timed out"))
        kernel.sleep(6)
        assert future.result(timeout=timeout) == "A"

    in_a_process(kernel, scene)
    assert log[0] == (0, "timed out")


def test_a_timeout_that_was_not_needed_never_happens(kernel: Kernel, task: Task) -> None:
    def scene() -> None:
        assert KernelExecutor(kernel, 1).submit(task, "a", 2).result(timeout=3_600) == "A"

    in_a_process(kernel, scene)
    assert kernel.now_us == 2


def test_a_result_at_the_instant_of_the_timeout_is_a_result(kernel: Kernel, task: Task) -> None:
    def scene() -> None:
        future = KernelExecutor(kernel, 1).submit(task, "a", 2)
        assert future.result(timeout=0.000_002) == "A"

    in_a_process(kernel, scene)


def test_the_timeout_of_map_holds_for_all_results_together(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        results = KernelExecutor(kernel, 1).map(task, "abcd", (2, 2, 2, 2), timeout=0.000_005)
        assert (next(results), next(results)) == ("A", "B")
        with pytest.raises(TimeoutError):
            next(results)
        log.append((kernel.now_us, "timed out"))

    in_a_process(kernel, scene)
    assert log[-3:] == [(4, "c begins"), (5, "timed out"), (6, "c ends")]


def test_a_task_that_is_cancelled_before_it_begins_never_does(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        executor = KernelExecutor(kernel, 1)
        futures = [executor.submit(task, name, 5) for name in "abc"]

        def wait() -> None:
            with pytest.raises(CancelledError):
                futures[1].result()
            log.append((kernel.now_us, "waiter"))

        kernel.spawn("waiter", wait)
        kernel.sleep(1)
        assert futures[1].cancel()
        assert futures[1].cancelled()
        assert futures[0].running()
        assert not futures[0].cancel()
        assert futures[2].result() == "C"

    in_a_process(kernel, scene)
    assert log == [(0, "a begins"), (1, "waiter"), (5, "a ends"), (5, "c begins"), (10, "c ends")]


# --- kills and crashes ---------------------------------------------------------------------------------------


def test_workers_die_with_the_process_that_submits(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        with KernelExecutor(kernel, 2) as executor:
            for name in "abc":
                executor.submit(task, name, 5)
        log.append((kernel.now_us, "left"))

    process = kernel.spawn("scene", scene)
    kernel.at(3, kernel.kill, process)
    kernel.run()
    assert log == [(0, "a begins"), (0, "b begins")]
    assert kernel.now_us == 3


def test_a_worker_that_kills_the_process_it_works_for_dies_with_it(kernel: Kernel, log: Log, task: Task) -> None:
    def crash() -> None:
        kernel.sleep(1)
        kernel.kill(process)
        log.append((kernel.now_us, "returned"))

    def scene() -> None:
        executor = KernelExecutor(kernel, 2)
        executor.submit(task, "a", 5)
        executor.submit(crash).result()
        log.append((kernel.now_us, "scene"))

    process = kernel.spawn("scene", scene)
    kernel.run()
    assert log == [(0, "a begins")]
    assert kernel.now_us == 1


def test_killed_worker_is_replaced_and_its_future_stays_running(kernel: Kernel, log: Log, task: Task) -> None:
    def crash() -> None:
        if kernel.current is not None:
            kernel.kill(kernel.current)
        log.append((kernel.now_us, "returned"))

    def scene() -> None:
        executor = KernelExecutor(kernel, 1)
        lost = executor.submit(crash)
        with pytest.raises(TimeoutError):
            lost.result(timeout=0.000_004)
        assert lost.running()
        assert executor.submit(task, "b", 3).result() == "B"

    in_a_process(kernel, scene)
    assert log == [(4, "b begins"), (7, "b ends")]


def test_an_executor_goes_on_for_others_when_one_who_submitted_is_killed(kernel: Kernel, log: Log, task: Task) -> None:
    executor = KernelExecutor(kernel, 1)
    first = kernel.spawn("first", lambda: executor.submit(task, "a", 5).result())
    kernel.at(3, kernel.kill, first)

    def second() -> None:
        kernel.sleep(4)
        executor.submit(task, "b", 5).result()

    in_a_process(kernel, second)
    assert log == [(0, "a begins"), (4, "b begins"), (9, "b ends")]


def test_an_interrupt_in_a_task_passes_through(kernel: Kernel) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    KernelExecutor(kernel, 1).submit(interrupted)
    with pytest.raises(KeyboardInterrupt):
        kernel.run()
    assert kernel.now_us == 0


def test_closing_the_kernel_unwinds_a_with_block_without_waiting(kernel: Kernel, log: Log, task: Task) -> None:
    def scene() -> None:
        with KernelExecutor(kernel, 1) as executor:
            executor.submit(task, "a", 5).result()
        log.append((kernel.now_us, "left"))

    kernel.spawn("scene", scene)
    kernel.run(until_us=3)
    kernel.close()
    assert log == [(0, "a begins")]


# --- misuse --------------------------------------------------------------------------------------------------


def test_an_executor_without_workers_is_refused(kernel: Kernel) -> None:
    with pytest.raises(MisuseError, match="workers_max must be >= 1, got 0"):
        KernelExecutor(kernel, 0)


def test_tasks_may_be_submitted_but_not_waited_for_outside_a_process(kernel: Kernel, log: Log, task: Task) -> None:
    future = KernelExecutor(kernel, 1).submit(task, "a", 5)
    with pytest.raises(MisuseError, match="outside a process"):
        future.result()
    kernel.run()
    assert future.result() == "A"


@pytest.mark.parametrize("stop_the_thread", [concurrent.futures.wait, lambda futures: list(_as_completed(futures))])
def test_waiting_that_would_stop_the_thread_is_refused(
    kernel: Kernel, task: Task, stop_the_thread: Callable[[list[Future[str]]], object]
) -> None:
    kernel.spawn("scene", lambda: stop_the_thread([KernelExecutor(kernel, 1).submit(task, "a", 5)]))
    with pytest.raises(ProcessCrashedError, match=r"write \[future.result\(\) for future in futures\]"):
        kernel.run()


def _as_completed(futures: list[Future[str]]) -> Iterator[Future[str]]:
    return concurrent.futures.as_completed(futures)
