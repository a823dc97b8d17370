"""What any executor does for its user, on the kernel as on real threads."""

import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from drsim.simulator.executor import KernelExecutor
from drsim.simulator.kernel import Kernel


def on_threads(scene: Callable[[Executor], object]) -> None:
    with ThreadPoolExecutor(1) as executor:
        scene(executor)


def on_a_kernel(scene: Callable[[Executor], object]) -> None:
    kernel = Kernel()
    process = kernel.spawn("scene", lambda: scene(KernelExecutor(kernel, 1)))
    kernel.run()
    assert not process.alive
    kernel.close()


@pytest.fixture(params=[on_threads, on_a_kernel], ids=["threads", "kernel"])
def play(request: pytest.FixtureRequest) -> Callable[[Callable[[Executor], object]], None]:
    chosen: Callable[[Callable[[Executor], object]], None] = request.param
    return chosen


Play = Callable[[Callable[[Executor], object]], None]


def test_results_are_those_of_the_call_with_all_its_arguments(play: Play) -> None:
    def scene(executor: Executor) -> None:
        future = executor.submit(divmod, 17, 5)
        keywords = executor.submit(dict, wave=2)
        assert future.result() == (3, 2)
        assert keywords.result(timeout=10) == {"wave": 2}
        assert future.exception() is None
        assert future.done()
        assert not future.cancel()

    play(scene)


def test_exception_belongs_to_its_future_and_the_next_task_runs(play: Play) -> None:
    def scene(executor: Executor) -> None:
        failed, fine = executor.submit(int, "wave"), executor.submit(int, "2")
        assert fine.result() == 2
        with pytest.raises(ValueError, match="wave"):
            failed.result()
        assert isinstance(failed.exception(), ValueError)

    play(scene)


def test_map_returns_results_in_order_and_stops_at_the_shortest(play: Play) -> None:
    def scene(executor: Executor) -> None:
        assert list(executor.map(pow, [2, 3, 4], [5, 6], timeout=10, chunksize=3)) == [32, 729]
        assert list(executor.map(int, [])) == []

    play(scene)


def test_map_raises_where_the_failed_result_would_be(play: Play) -> None:
    def scene(executor: Executor) -> None:
        results = executor.map(int, ["1", "wave", "3"])
        assert next(results) == 1
        with pytest.raises(ValueError, match="wave"):
            next(results)
        assert list(results) == []

    play(scene)


def test_nothing_can_be_submitted_after_shutdown(play: Play) -> None:
    def scene(executor: Executor) -> None:
        with executor:
            future = executor.submit(int, "2")
        assert future.done()
        executor.shutdown()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            executor.submit(int, "3")

    play(scene)


def test_callbacks_hear_of_the_end_in_the_order_they_were_added(play: Play) -> None:
    heard: list[str] = []

    def scene(executor: Executor) -> None:
        future = executor.submit(int, "2")
        future.add_done_callback(lambda done: heard.append(f"first: {done.result()}"))
        future.add_done_callback(lambda _: heard.append("second"))
        executor.shutdown()

    play(scene)
    assert heard == ["first: 2", "second"]


def test_a_task_may_submit_a_task(play: Play) -> None:
    def scene(executor: Executor) -> None:
        assert executor.submit(lambda: executor.submit(int, "2")).result().result() == 2

    play(scene)


def test_wait_has_nothing_to_wait_for_once_all_is_done(play: Play) -> None:
    def scene(executor: Executor) -> None:
        future = executor.submit(int, "2")
        future.result()
        assert concurrent.futures.wait([future]).done == {future}

    play(scene)
