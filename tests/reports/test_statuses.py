"""The tables of statuses: rows that belong together, and what a status that is new lacks."""

import shutil
from pathlib import Path

import pytest
from mypy import api

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
from drsim.reports.statuses import ENDS, LOOKS, ItemStatus, counted

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.slow
def test_mypy_names_what_a_new_status_lacks(tmp_path: Path) -> None:
    for name in ("orchestrator/model.py", "reports/statuses.py"):
        (tmp_path / "drsim" / name).parent.mkdir(parents=True)
        shutil.copy(ROOT / name, tmp_path / "drsim" / name)
    for package in ("drsim", "drsim/orchestrator", "drsim/reports"):
        (tmp_path / package / "__init__.py").touch()
    command = ["--config-file=", "--ignore-missing-imports", f"--cache-dir={tmp_path}", str(tmp_path / "drsim")]
    assert api.run(command)[2] == 0
    model = tmp_path / "drsim" / "orchestrator" / "model.py"
    row = '    PENDING = "PENDING", "The plan'
    assert row in model.read_text(encoding="utf-8")
    with_another = model.read_text(encoding="utf-8").replace(row, f'    PAUSED = "PAUSED", "A person waits"\n{row}')
    model.write_text(with_another, encoding="utf-8")
    complaint, _, code = api.run(command)
    assert code == 1
    assert 'Argument 1 to "assert_never" has incompatible type "Literal[ExecutionStatus.PAUSED]"' in complaint
