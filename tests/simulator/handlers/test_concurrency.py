"""Threads, locks, queues and event loops of handlers: they wait in virtual time, or are refused by name."""

import asyncio
import sys
from pathlib import Path

import pytest

from drsim.scenarios.machine import wall_seconds
from drsim.simulator.handlers.errors import HandlerError
from tests.simulator.handlers.test_handlers import Seen, outcomes, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

HEAD = """\
import asyncio
import queue
import threading
import time
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, ThreadPoolExecutor, as_completed, wait

def handler(event, context):
    begun = time.time()
    def shown(*what):
        print(*what, round(time.time() - begun, 4))
    def work(seconds):
        time.sleep(seconds)
        return seconds
    def held(lock, seconds):
        with lock:
            return work(seconds)
    pool = ThreadPoolExecutor(3)
"""


def played(folder: Path, code: str, *changes: str) -> Seen:
    """Run this code once, in a finder with a pool of three workers."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    began = wall_seconds()
    seen = run(folder, HEAD + body, *changes, duration="50s")
    # Whatever a busy host takes for a deployment.
    assert wall_seconds() - began < 20
    return seen


IN_VIRTUAL_TIME = {
    "as_completed": (
        "shown([each.result() for each in as_completed([pool.submit(work, s) for s in (5, 2, 7)])])",
        "[2, 5, 7] 7.0",
    ),
    "as_completed with a timeout": (
        """\
try:
    for each in as_completed([pool.submit(work, s) for s in (5, 2, 7)], timeout=4):
        shown(each.result())
except TimeoutError as error:
    shown(error)""",
        "2 2.0|2 (of 3) futures unfinished 4.0",
    ),
    "wait": (
        """\
tasks = [pool.submit(work, s) for s in (5, 2, 7)]
done, left = wait(tasks, return_when=FIRST_COMPLETED)
shown(len(done), len(left))
shown(len(wait(tasks, timeout=3.5).done))
shown(len(wait(tasks).done))""",
        "1 2 2.0|2 5.5|3 7.0",
    ),
    "sets of futures": (
        "shown([each.result() for each in wait([pool.submit(work, s) for s in (4, 1, 5, 2, 6, 3)]).done])",
        "[4, 1, 5, 2, 6, 3] 9.0",
    ),
    "wait for an exception": (
        """\
tasks = [pool.submit(work, s) for s in (5, "2", 7)]
done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
shown([type(each.exception()).__name__ for each in done])""",
        "['TypeError'] 0.0",
    ),
    "lock": ("shown(list(pool.map(held, [threading.Lock()] * 3, (5, 2, 7))))", "[5, 2, 7] 14.0"),
    "lock with a timeout": (
        """\
lock = threading.Lock()
pool.submit(held, lock, 5)
time.sleep(1)
shown(lock.acquire(blocking=False), lock.acquire(timeout=2.5), lock.locked())
shown(lock.acquire())""",
        "False False True 3.5|True 5.0",
    ),
    "reentrant lock": (
        """\
lock = threading.RLock()
def twice(seconds):
    with lock:
        return held(lock, seconds)
shown(list(pool.map(twice, (5, 2, 7))))
try:
    lock.release()
except RuntimeError as error:
    shown(error)""",
        "[5, 2, 7] 14.0|cannot release un-acquired lock 14.0",
    ),
    "semaphore": ("shown(list(pool.map(held, [threading.Semaphore(2)] * 3, (5, 2, 7))))", "[5, 2, 7] 9.0"),
    "event": (
        """\
event = threading.Event()
pool.submit(lambda: work(3) and event.set())
shown(event.wait(1), event.wait(10), threading.Event().wait(4))""",
        "False True False 7.0",
    ),
    "condition": (
        """\
ready, items = threading.Condition(), []
def put(seconds):
    work(seconds)
    with ready:
        items.append(seconds)
        ready.notify()
pool.submit(put, 3)
with ready:
    shown(ready.wait_for(lambda: items, timeout=10), items)
    shown(ready.wait(2))""",
        "[3] [3] 3.0|False 5.0",
    ),
    "barrier": (
        """\
barrier = threading.Barrier(3)
pool.map(lambda s: work(s) and barrier.wait(), (1, 6))
shown(barrier.wait() in (0, 1, 2))""",
        "True 6.0",
    ),
    "queue": (
        """\
results, full = queue.Queue(), queue.Queue(maxsize=1)
for s in (5, 2, 7):
    pool.submit(lambda s: results.put(work(s)), s)
shown([results.get() for _ in range(3)])
try:
    results.get(timeout=3)
except queue.Empty:
    shown("empty")
full.put(1)
pool.submit(lambda: work(2) and full.get())
full.put(2)
shown(full.qsize())""",
        "[2, 5, 7] 7.0|empty 10.0|1 12.0",
    ),
    "simple queue": (
        """\
results = queue.SimpleQueue()
pool.submit(lambda: results.put(work(5)))
shown(results.get())""",
        "5 5.0",
    ),
    "threads": (
        """\
results = []
class Worker(threading.Thread):
    def run(self):
        results.append(work(3))
threads = [Worker(), threading.Thread(target=lambda s: results.append(work(s)), args=(1,), daemon=True)]
for each in threads:
    each.start()
threads[0].join(2)
shown(results, [each.is_alive() for each in threads])
threads[0].join()
shown(results, [each.is_alive() for each in threads])
try:
    threads[0].start()
except RuntimeError as error:
    shown(error)
failed = threading.Thread(target=int, args=("wave",), name="waves")
failed.start()
failed.join()""",
        "[1] [True, False] 2.0|[1, 3] [False, False] 3.0|threads can only be started once 3.0|"
        "Exception in thread waves: ValueError: invalid literal for int() with base 10: 'wave'",
    ),
    "timer": ("threading.Timer(3, lambda: shown('rings')).start()\ntime.sleep(5)\nshown()", "rings 3.0|5.0"),
    "asyncio": (
        """\
async def nap(seconds):
    await asyncio.sleep(seconds)
    return seconds
async def main():
    shown(await asyncio.gather(nap(0.1234567), nap(2), nap(7)))
    try:
        await asyncio.wait_for(nap(20), 3)
    except TimeoutError:
        shown("late")
    results = asyncio.Queue()
    asyncio.get_running_loop().call_later(2, results.put_nowait, "queued")
    shown(await results.get())
asyncio.run(main())""",
        "[0.1234567, 2, 7] 7.0|late 10.0|queued 12.0",
    ),
    "threads of asyncio": (
        """\
async def main():
    loop = asyncio.get_running_loop()
    first, second = loop.run_in_executor(pool, work, 4), asyncio.to_thread(work, 6)
    shown(await asyncio.gather(first, second, asyncio.sleep(1)))
asyncio.run(main())""",
        "[4, 6, None] 6.0",
    ),
    "one loop for each thread": (
        """\
async def blocks(seconds):
    work(seconds)
    await asyncio.sleep(seconds)
    return asyncio.current_task() is not None
shown(list(pool.map(lambda s: asyncio.run(blocks(s)), (1, 2, 3))))""",
        "[True, True, True] 6.0",
    ),
    "loops of a chosen class": (
        """\
import selectors
class Own(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__(selectors.SelectSelector())
for factory in (asyncio.SelectorEventLoop, asyncio.new_event_loop, Own):
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.sleep(2))
        shown()
        runner.get_loop().add_signal_handler(15, print)""",
        "2.0|4.0|6.0",
    ),
    "asynchronous generators of two loops": (
        """\
async def numbers():
    try:
        yield 1
        yield 2
    finally:
        await asyncio.sleep(0.5)
        shown("closed")
async def use():
    await asyncio.sleep(3)
    async for _ in numbers():
        break
    await asyncio.sleep(1)
one = pool.submit(lambda: asyncio.run(asyncio.sleep(2)))
two = pool.submit(lambda: work(1) and asyncio.run(use()))
one.result(), two.result()
shown()""",
        "closed 4.5|5.0",
    ),
    "sets of tasks": (
        """\
async def nap(number):
    await asyncio.sleep(1)
    return number
async def main():
    gathered = [asyncio.gather(nap(number)) for number in range(8, 16)]
    done, _ = await asyncio.wait([*[asyncio.create_task(nap(number)) for number in range(8)], *gathered])
    names = sorted(task.get_name() for task in done if isinstance(task, asyncio.Task))
    print(names[0], names[-1])
    return [task.result() for task in done]
# Objects between the tasks, so that the order of their addresses is another one.
kept = [bytearray(number * 37 % 1_000) for number in range(1_000)]
del kept[::3]
shown(*asyncio.run(main()))""",
        "Task-10 Task-17|[8] [9] [10] [11] [12] [13] [14] [15] 0 1 2 3 4 5 6 7 1.0",
    ),
}


@pytest.mark.parametrize("name", IN_VIRTUAL_TIME)
def test_waiting_takes_virtual_time_only(name: str, tmp_path: Path) -> None:
    code, lines = IN_VIRTUAL_TIME[name]
    seen = played(tmp_path, code)
    assert seen.lines == lines.split("|")
    assert outcomes(seen) == ["ok"]


@pytest.mark.parametrize(
    "code",
    [
        "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "queue.Queue().get()",
        "threading.Event().wait()",
        "asyncio.run(asyncio.Event().wait())",
    ],
)
def test_what_waits_for_ever_waits_until_the_function_times_out(code: str, tmp_path: Path) -> None:
    seen = played(tmp_path, code, "functions.finder.timeout=9s")
    assert outcomes(seen) == ["timeout Task timed out after 9.00 seconds"]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import _thread\n_thread.start_new_thread(print, ())", "a thread by _thread"),
        ("import os\nos.fork()", "a process by os.fork"),
        ("import os\nos.posix_spawn('/bin/true', ['true'], {})", "a process by os.posix_spawn"),
        ("import os\nos.system('true')", "a process by os.system"),
        ("import subprocess\nsubprocess.run(['true'])", "a process by subprocess"),
        ("import multiprocessing\nmultiprocessing.Process(target=print).start()", "a process by multiprocessing"),
        ("import multiprocessing\nmultiprocessing.Pool(2)", "multiprocessing"),
        ("from multiprocessing.pool import ThreadPool\nThreadPool(2)", "multiprocessing"),
        ("import multiprocessing\nmultiprocessing.Queue()", "multiprocessing"),
        ("from concurrent.futures import ProcessPoolExecutor\nProcessPoolExecutor(2)", "multiprocessing"),
    ],
)
def test_threads_and_processes_of_the_host_are_refused(code: str, what: str, tmp_path: Path) -> None:
    """A handler's own `except` cannot hide it. The message names the line and what to do."""
    hidden = "try:\n" + "".join(f"    {line}\n" for line in code.splitlines()) + "except Exception:\n    print('no')"
    line = len(HEAD.splitlines()) + 1 + len(code.splitlines())
    says = rf"ExecutionFinder starts {what} at .*finder.py:{line}, which virtual time cannot hold: use concurrent"
    with pytest.raises(HandlerError, match=says):
        played(tmp_path, hidden)


OTHER_LOOPS = {
    "Other": """\
class Other(asyncio.AbstractEventLoop):
    def run_forever(self):
        time.sleep(1)
Other().run_forever()""",
    "Bare": """\
class Bare(asyncio.BaseEventLoop):
    def __del__(self):
        pass
Bare().run_forever()""",
    "_UnixSelectorEventLoop": """\
from tests.simulator.handlers import test_concurrency
test_concurrency.LOOPS[0].run_forever()""",
}
LOOPS: list[asyncio.AbstractEventLoop] = []
"""Loops of the host."""


@pytest.mark.parametrize("kind", OTHER_LOOPS)
def test_event_loops_that_cannot_wait_in_virtual_time_are_refused(kind: str, tmp_path: Path) -> None:
    """The message names their class, the line and what to do. Outside the run they work again."""
    code = OTHER_LOOPS[kind]
    line = len(HEAD.splitlines()) + len(code.splitlines())
    says = (
        rf"ExecutionFinder runs an event loop of .*{kind} at .*finder.py:{line}, which virtual time .* use asyncio.run"
    )
    LOOPS[:] = [asyncio.new_event_loop()]
    try:
        with pytest.raises(HandlerError, match=says):
            played(tmp_path, code)
        LOOPS[0].run_until_complete(asyncio.sleep(0))
    finally:
        LOOPS.pop().close()


def test_killed_loops_keep_no_descriptors_and_no_hooks(tmp_path: Path) -> None:
    code = "print(len(os.listdir('/proc/self/fd')))\nasyncio.run(asyncio.sleep(1000))"
    body = "".join(f"    {line}\n" for line in code.splitlines())
    hooks = sys.get_asyncgen_hooks()
    seen = run(tmp_path, f"import os\n{HEAD}{body}", "functions.finder.timeout=9s", duration="5m")
    assert outcomes(seen) == ["timeout Task timed out after 9.00 seconds"] * len(seen.ends)
    assert len(seen.lines) >= 5
    assert len(set(seen.lines)) == 1
    assert sys.get_asyncgen_hooks() == hooks


LOOP_OF_THE_MODULE = """\
import asyncio

loop = asyncio.get_event_loop_policy().new_event_loop()
asyncio.set_event_loop(loop)

async def nap():
    await asyncio.sleep(70)
    return asyncio.get_running_loop() is loop

def handler(event, context):
    print(loop.run_until_complete(nap()), context.log_stream_name, asyncio.get_event_loop() is loop)
"""


def test_each_environment_has_a_current_loop_of_its_own(tmp_path: Path) -> None:
    """Two environments run at the same time, and a third invocation finds the loop of the first."""
    seen = run(tmp_path, LOOP_OF_THE_MODULE, "functions.finder.timeout=300s", duration="200s")
    assert seen.lines == ["True 1 True", "True 2 True", "True 1 True"]
    assert seen.environments == [1, 2, 1, 2]


def test_thread_left_behind_is_frozen_with_its_environment(tmp_path: Path) -> None:
    code = "threading.Thread(target=lambda: work(5) and shown('late')).start()"
    body = "".join(f"    {line}\n" for line in code.splitlines())
    seen = run(tmp_path, HEAD + body, duration="100s")
    # The thread of the first tick continues with the second, a minute later.
    (line,) = seen.lines
    assert 59 < float(line.removeprefix("late ")) < 61
