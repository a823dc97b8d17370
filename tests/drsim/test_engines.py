"""Exploration on engines: the results are those of one process, even when workers die."""

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from distributed import Client, Future

from drsim import campaign_files, clusters
from drsim.campaign_report import summed_up
from drsim.campaigns import running
from drsim.cli import main
from drsim.reports import campaign as report
from tests.drsim.clusters import Cluster, cluster
from tests.drsim.deadly import ONCE

pytestmark = pytest.mark.slow

WORDS: Final = ("explore", "chaos", "--set", "duration=12m", "--set", "heal=8m")
BUG: Final = "tests.planted_bugs.registry:BUGS:SlowIsFailed"
FIRST, ALWAYS = "tests.drsim.deadly:FIRST", "tests.drsim.deadly:ALWAYS"


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    with cluster(tmp_path_factory.mktemp("cluster")) as begun:
        begun.worker()
        begun.worker(threads=2)
        yield begun


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code of a command, and all that it printed."""
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def found(out: Path) -> str:
    """The report of a campaign without its code: every seed, each once, and all sums."""
    folder = out / "explore-chaos"
    kept = campaign_files.read(folder / campaign_files.CAMPAIGN)
    assert kept is not None
    summary = summed_up(folder)
    header = summary.header.model_copy(update={"code": "", "parts": ""})
    return report.render_markdown(summary._replace(header=header)).replace(str(out), "")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Forty seeds in one process of this machine."""
    out = tmp_path_factory.mktemp("alone")
    assert main([*WORDS, "--seeds", "1-40", "--jobs", "1", "--out", str(out)]) == 0
    return found(out)


def test_two_processes_find_the_same_as_one(alone: str, tmp_path: Path) -> None:
    assert main([*WORDS, "--seeds", "1-40", "--jobs", "2", "--out", str(tmp_path)]) == 0
    assert found(tmp_path) == alone


@pytest.mark.socket
def test_workers_without_drsim_find_the_same_as_one_process(
    alone: str, scheduled: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--engine", "dask", "--scheduler", scheduled.address, "--out", str(tmp_path))
    code, printed = run(capsys, *WORDS, "--seeds", "1-40", *words)
    assert code == 0, printed
    assert "seeds/s on up to 2 dask workers" in printed
    assert found(tmp_path) == alone


@pytest.mark.socket
def test_workers_of_the_test_cluster_have_no_drsim(scheduled: Cluster, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import drsim"],
        env=scheduled.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No module named 'drsim'" in done.stderr


@pytest.mark.socket
def test_modules_of_parts_are_sent_with_the_code(
    scheduled: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--seeds", "1-12", "--parts", BUG)
    assert run(capsys, "explore", "chaos", *words, "--jobs", "1", "--out", str(tmp_path / "alone"))[0] == 1
    engine = ("--engine", "dask", "--scheduler", scheduled.address)
    code, printed = run(capsys, "explore", "chaos", *words, *engine, "--out", str(tmp_path / "cluster"))
    assert code == 1, printed
    assert found(tmp_path / "cluster") == found(tmp_path / "alone")


@pytest.mark.socket
def test_crash_points_run_on_a_cluster(scheduled: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ("--set", "waves=1", "--set", "jobs={pending: 1m, started: 20s, in_progress: 1m}", "--set", "duration=6m")
    words = ("--engine", "dask", "--scheduler", scheduled.address, "--out", str(tmp_path))
    code, printed = run(capsys, "explore", "drill", "--crash-points", "--seeds", "3", *short, *words)
    assert code == 0, printed
    assert "crash points covered, 0 violations" in printed


@pytest.mark.socket
def test_killed_workers_lose_no_seed_and_later_ones_get_some(alone: str, tmp_path: Path) -> None:
    with cluster(tmp_path) as begun:
        first, second = begun.worker(), begun.worker()
        path = tmp_path / "explore-chaos" / "campaign.jsonl"
        with under_way(begun, tmp_path) as process:
            wait_for_lines(path, 3, process)
            first.kill()
            # It must not be done before the third worker is there.
            process.send_signal(signal.SIGSTOP)
            begun.worker()
            second.kill()
            assert process.poll() is None
            assert seeds_count(path) < 40
            process.send_signal(signal.SIGCONT)
            printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert "seeds/s on up to 2 dask workers" in printed
    assert found(tmp_path) == alone


@contextmanager
def under_way(begun: Cluster, out: Path) -> Iterator[subprocess.Popen[str]]:
    """An exploration on that cluster, in a process of its own, which is ended."""
    command = [sys.executable, "-m", "drsim", *WORDS, "--seeds", "1-40", "--out", str(out)]
    words = ("--engine", "dask", "--scheduler", begun.address)
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def seeds_count(path: Path) -> int:
    """How many were explored so far."""
    kept = campaign_files.read(path)
    assert kept is not None
    return sum(each.last - each.first + 1 for each in kept.ranges)


def wait_for_lines(path: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until a file has this many, or the process that writes it has ended."""
    while process.poll() is None and not (path.exists() and path.read_text(encoding="utf-8").count("\n") >= count):
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)


@pytest.mark.parametrize("engine", ["process", pytest.param("dask", marks=pytest.mark.socket)])
def test_killed_process_loses_no_seed(
    engine: str, alone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    monkeypatch.setenv(ONCE, str(mark))
    words = ("--seeds", "1-40", "--jobs", "2", "--engine", engine, "--parts", FIRST, "--out", str(tmp_path))
    code, printed = run(capsys, *WORDS, *words)
    assert code == 0, printed
    assert not mark.exists()
    assert found(tmp_path) == alone


@pytest.mark.parametrize("engine", ["process", pytest.param("dask", marks=pytest.mark.socket)])
def test_seeds_that_kill_every_process_are_reported_as_missing(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--seeds", "5-6", "--jobs", "1", "--engine", engine, "--parts", ALWAYS, "--out", str(tmp_path))
    code, printed = run(capsys, *WORDS, *words)
    assert code == 5
    assert "seeds 5-6 were not run: its process was killed by signal 9" in printed
    assert "--resume continues from" in printed
    assert "Traceback" not in printed
    assert summed_up(tmp_path / "explore-chaos").missing == [(5, 6)]


@pytest.mark.socket
def test_lost_scheduler_ends_the_campaign_and_keeps_its_ranges(alone: str, tmp_path: Path) -> None:
    with cluster(tmp_path) as begun:
        begun.worker()
        path = tmp_path / "explore-chaos" / "campaign.jsonl"
        with under_way(begun, tmp_path) as process:
            wait_for_lines(path, 3, process)
            begun.scheduler.kill()
            printed, _ = process.communicate(timeout=100)
    assert process.returncode == 5, printed
    assert "were not run: the scheduler is gone" in printed
    assert "--resume continues from" in printed
    assert "Traceback" not in printed
    assert main([*WORDS, "--seeds", "1-40", "--jobs", "1", "--out", str(tmp_path), "--resume"]) == 0
    assert found(tmp_path) == alone


@pytest.mark.socket
def test_ctrl_c_on_dask_keeps_ranges_and_leaves_no_process(tmp_path: Path) -> None:
    path = tmp_path / "explore-chaos" / "campaign.jsonl"
    command = [sys.executable, "-m", "drsim", *WORDS, "--seeds", "1-100000", "--jobs", "1", "--engine", "dask"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            wait_for_lines(path, 2, process)
            os.killpg(process.pid, signal.SIGINT)
            # The pipe ends when the last process that can write to it does.
            printed, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 2, printed
    assert "--resume continues from" in printed
    assert "Traceback" not in printed


@pytest.mark.socket
def test_dask_on_this_machine_serves_no_other_process() -> None:
    psutil = pytest.importorskip("psutil")

    def listening() -> set[tuple[str, int]]:
        connections = psutil.Process().net_connections(kind="tcp")
        return {tuple(each.laddr) for each in connections if each.status == psutil.CONN_LISTEN}

    before = listening()
    with running("dask", jobs=2) as engine:
        assert engine.jobs() == 2
        assert engine.submit(abs, -3).result() == 3
        # Three servers that dask opens, wanted or not. They speak HTTP, and have no page.
        for host, port in sorted(listening() - before):
            assert host == "127.0.0.1"
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"http://{host}:{port}/info/main/workers.html", timeout=10)
    assert listening() == before


@pytest.mark.socket
def test_worker_that_cannot_start_is_reported_and_gets_no_call(tmp_path: Path) -> None:
    with cluster(tmp_path) as begun:
        begun.worker()
        with running("dask", 1, begun.address) as engine:
            (tmp_path / "greenlet.py").write_text("raise ImportError('no greenlet today')\n", encoding="utf-8")
            begun.worker(threads=8)
            calls = [engine.submit(abs, -number) for number in range(200)]
            assert [call.result() for call in calls] == list(range(200))
            assert engine.jobs() == 1
            assert engine.where() == "on up to 1 dask worker"
            (tmp_path / "greenlet.py").unlink()
        wanted = f"{begun.workers[1]}: a process cannot begin: ImportError: no greenlet today"
        assert engine.troubles == [wanted]


@pytest.mark.socket
def test_calls_without_a_worker_go_to_the_next_that_joins(tmp_path: Path) -> None:
    with cluster(tmp_path) as begun:
        first = begun.worker()
        with running("dask", 1, begun.address) as engine:
            first.kill()
            first.wait()
            calls = [engine.submit(abs, -number) for number in range(3)]
            begun.worker()
            assert [call.result() for call in calls] == [0, 1, 2]


@pytest.mark.socket
def test_cluster_without_workers_is_given_up_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(tmp_path) as begun:
        worker = begun.worker()
        with running("dask", 1, begun.address) as engine:
            monkeypatch.setattr(clusters, "_WORKERS_SECONDS", 2)
            worker.kill()
            call = engine.submit(abs, -3)
            with pytest.raises(BrokenExecutor, match="the cluster has had no worker for 2 s"):
                call.result()
            with pytest.raises(BrokenExecutor, match="the cluster has had no worker for 2 s"):
                engine.submit(abs, -3).result()


@pytest.mark.socket
def test_answer_survives_its_worker_dying_right_after_the_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    gather: Callable[..., Awaitable[object]] = Client._gather

    async def gather_and_lose(self: Client, futures: list[Future[bytes]]) -> object:
        answers = await gather(self, futures)
        for future in futures:
            # What the scheduler says when the last worker that has it is gone.
            self._handle_lost_data(key=future.key)
        return answers

    monkeypatch.setattr(Client, "_gather", gather_and_lose)
    with running("dask", jobs=1) as engine:
        assert engine.submit(abs, -3).result(timeout=30) == 3


@pytest.mark.socket
def test_call_cancelled_during_its_fetch_is_lost_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gather: Callable[..., Awaitable[object]] = Client._gather

    async def cancel_and_gather(self: Client, futures: list[Future[bytes]]) -> object:
        self._handle_cancelled_keys([future.key for future in futures])
        return await gather(self, futures)

    monkeypatch.setattr(Client, "_gather", cancel_and_gather)
    with running("dask", jobs=1) as engine, pytest.raises(BrokenExecutor):
        engine.submit(abs, -3).result(timeout=30)


@pytest.mark.socket
def test_call_is_lost_with_its_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    submit: Callable[..., Future[bytes]] = Client.submit

    def submit_too_late(self: Client, *call: object, **wanted: object) -> Future[bytes]:
        with monkeypatch.context() as patched:
            patched.setattr(self, "status", "closed")
            return submit(self, *call, **wanted)

    monkeypatch.setattr(Client, "submit", submit_too_late)
    with running("dask", jobs=1) as engine:
        call = engine.submit(abs, -3)
        with pytest.raises(BrokenExecutor, match="the scheduler is gone"):
            call.result(timeout=30)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scheduler", "tcp://h:1"], "--scheduler tcp://h:1: it needs --engine dask, got --engine process"),
        (["--engine", "dask", "--scheduler", "tcp://h:1", "--jobs", "2"], "--jobs 2: the scheduler decides on"),
        (["--engine", "spark"], "'spark' is not one of 'process', 'dask'"),
        (
            ["--engine", "dask", "--scheduler", "here"],
            "here: cannot connect to a scheduler: missing port number",
        ),
        (
            ["--engine", "dask", "--scheduler", "tls://h:1"],
            "tls://h:1: cannot connect to a scheduler: TLS expects",
        ),
        (
            ["--engine", "dask", "--scheduler", "tcp://127.0.0.1:1"],
            ":1: cannot connect to a scheduler: Timed out",
        ),
    ],
)
def test_wrong_use_gets_one_message_and_loses_no_earlier_result(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "explore-drill" / "campaign.jsonl"
    path.parent.mkdir()
    path.write_text("of an earlier campaign\n", encoding="utf-8")
    code, printed = run(capsys, "explore", "drill", "--restart", *words, "--out", str(tmp_path))
    assert code == 4
    assert message in printed
    assert printed.count("\n") == 1
    assert path.read_text(encoding="utf-8") == "of an earlier campaign\n"


@pytest.mark.socket
def test_address_of_a_worker_is_refused_as_scheduler(scheduled: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = run(capsys, "explore", "drill", "--engine", "dask", "--scheduler", scheduled.workers[0])
    assert code == 4
    assert f"--scheduler {scheduled.workers[0]}: cannot connect to a scheduler: Worker.identity()" in printed
