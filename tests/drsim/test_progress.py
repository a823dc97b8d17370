"""Progress on standard error: a bar with the time left on a terminal, plain lines elsewhere."""

import io

import pytest
from rich.console import Console

from drsim.progress import Pace, Runs, progress, time_left
from drsim.scenarios import machine
from drsim.scenarios.files import load
from drsim.scenarios.runner import run
from tests.examples.polling import PAIR


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.fixture
def pipe() -> Console:
    return Console(file=io.StringIO(), width=60, highlight=False)


@pytest.mark.parametrize(
    ("done", "seconds", "seconds_max", "left"),
    [
        (250, 60, None, ", about 3m left"),
        (250, 60, 90, ", about 30 s left"),
        (250, 60, 45, ", about 0 s left"),
        (999, 60, None, ", about 1 s left"),
        (250, 1, None, ""),
        (0, 60, None, ""),
        (1_000, 60, None, ""),
    ],
)
def test_time_left_is_estimated_from_what_is_done(
    done: int, seconds: float, seconds_max: float | None, left: str
) -> None:
    assert time_left(done, 1_000, seconds, seconds_max) == left


def test_plain_lines_come_no_more_often_than_their_interval(pipe: Console) -> None:
    pace = Pace(every=3_600)
    pace.shown -= 3_600
    with progress(pipe, "chaos", 1_000, pace) as show:
        for done in range(1_000):
            show(done, f"{done} seeds")
    assert lines(pipe) == ["drsim: chaos: 0 seeds"]


def test_runs_of_a_command_are_numbered_in_plain_lines(pipe: Console) -> None:
    small, large = load("drill"), load("load-100")
    runs = Runs(pipe, [small, large, small], Pace(every=0))
    with runs.next("drill") as show_time:
        show_time(30_000_000)
    with runs.next("load-100") as show_time:
        show_time(120_000_000)
    assert lines(pipe) == ["drsim: 1 of 3: drill: 30 s of virtual time", "drsim: 2 of 3: load-100: 2m of virtual time"]


def test_time_left_counts_each_run_by_its_executions(pipe: Console) -> None:
    small, large = load("drill"), load("load-100")
    runs = Runs(pipe, [small, large], Pace(every=0, began=machine.wall_seconds() - 10))
    with runs.next("drill") as show_time:
        show_time(small.duration)
    (line,) = lines(pipe)
    # One execution is done of a hundred and one.
    assert ", about 1" in line
    assert "m " in line.partition("about ")[2]


@pytest.mark.parametrize("width", [60, 200])
def test_bar_shows_number_name_remark_and_time_left(width: int) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=width, record=True)
    runs = Runs(terminal, [load("drill")] * 9, Pace(began=machine.wall_seconds() - 1_000))
    with runs.next("drill") as show_time:
        show_time(load("drill").duration)
    shown = " ".join(terminal.export_text().split())
    assert "1 of 9: drill" in shown
    assert "40m of virtual time, about 2h" in shown


@pytest.mark.slow
def test_time_left_is_wall_time_while_handlers_run() -> None:
    began, seen = machine.wall_seconds(), list[float]()
    handlers = PAIR.handlers(PAIR.folder)
    run(
        load("drill"),
        seed=1,
        tier="client",
        functions=handlers,
        on_progress=lambda _: seen.append(machine.wall_seconds()),
    )
    assert len(seen) > 5
    assert began < min(seen) <= max(seen) <= machine.wall_seconds()
