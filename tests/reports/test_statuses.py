"""The tables of statuses: rows that belong together, and colours and signs that differ."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from drsim import reports
from drsim.orchestrator.model import (
    FINISHED_WAVE,
    TERMINAL,
    ActionStatus,
    ExecutionStatus,
    JobStatus,
    ServerStatus,
    Status,
    WaveStatus,
)
from drsim.reports.statuses import ENDS, LOOKS, PROGRESS, ItemStatus, counted

TABLES: list[type[Status]] = [ExecutionStatus, WaveStatus, JobStatus, ServerStatus, ActionStatus, ItemStatus]


@pytest.mark.parametrize("table", TABLES)
def test_moves_lead_to_words_of_the_same_table(table: type[Status]) -> None:
    words = set(table)
    assert all(status.moves <= words - {status} and status.meaning for status in table)
    assert any(status.terminal for status in table)
    assert all(table(str(status)) is status for status in table)


def test_terminal_statuses_are_those_without_moves() -> None:
    assert sorted(TERMINAL) == ["CANCELLED", "COMPLETED", "FAILED", "PARTIAL", "TIMEOUT"]
    assert all(status.terminal for status in FINISHED_WAVE)
    assert TERMINAL | {"UNKNOWN", "DELETED"} == ENDS


def test_status_without_a_meaning_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^PlanStatus\.PAUSED must have a meaning$"):

        class PlanStatus(Status):
            PAUSED = "PAUSED"


def test_words_that_one_execution_can_show_have_colours_of_their_own() -> None:
    words = {*ExecutionStatus, *WaveStatus}
    for ground in (0, 1):
        assert len({LOOKS[word][ground] for word in words}) == len(words)
    assert len({look.sign for look in LOOKS.values()}) == len(LOOKS)


def test_ends_are_counted_first_and_zeros_left_out() -> None:
    executions = {ExecutionStatus.POLLING: 2, ExecutionStatus.COMPLETED: 3, ExecutionStatus.TIMEOUT: 1}
    assert counted(executions) == [(3, "completed"), (1, "timed out"), (2, "polling")]


def test_reports_spell_no_status_outside_the_tables() -> None:
    (folder,) = map(Path, reports.__path__)
    words = "|".join(sorted({str(status) for table in TABLES for status in table}))
    files = [path for path in folder.rglob("*.[jp][sy]") if path.name != "statuses.py"]
    assert {"timeline.js", "chrome.py", "history.py"} <= {path.name for path in files}
    assert [(path.name, word) for path in files for word in re.findall(rf"[\"']({words})[\"']", path.read_text())] == []


def test_progress_has_the_most_advanced_wave_status_first() -> None:
    assert PROGRESS == ("IN_PROGRESS", "LAUNCHING")
    assert all(before in WaveStatus(after).moves for before, after in pairwise(PROGRESS))


@pytest.mark.parametrize("ground", [0, 1])
def test_steps_of_an_execution_have_distant_colours(ground: int) -> None:
    steps = [ExecutionStatus.POLLING, WaveStatus.PENDING, WaveStatus.LAUNCHING, WaveStatus.IN_PROGRESS]
    colours = [bytes.fromhex(LOOKS[step][ground][1:]) for step in steps]
    for one, other in combinations(colours, 2):
        assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 30
    # The bar of an execution is neutral: nearly grey.
    assert max(colours[0]) - min(colours[0]) < 25
