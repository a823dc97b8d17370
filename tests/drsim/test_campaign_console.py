"""A campaign on the terminal, at any width: failures, then a short ledger; a replay's verdict first."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from drsim.campaign_console import replayed, show_totals
from drsim.console import output
from drsim.scenarios.campaign import Campaign, Explored
from drsim.scenarios.contradiction import broken
from drsim.scenarios.files import load
from drsim.simulator.checks.ledger import PHASES, phases_of
from drsim.simulator.faults.kinds import Fault
from drsim.trust import Trust

CORPUS: Final = Path(__file__).resolve().parent.parent / "corpus"


def shown(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> str:
    show_totals(output(), load("chaos"), campaign, 9, 1, "here")
    return capsys.readouterr().out


def explored(*cells: str) -> Campaign:
    return Campaign([Explored(first=1, last=9, fired=dict.fromkeys(cells, 3), overdue_seeds=1, compared=2)])


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_ledger_fits_25_lines_at_any_width(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", f"{columns}")
    some = [f"{fault} {phase}" for number, fault in enumerate(Fault) for phase in PHASES[number % 6 : number % 6 + 1]]
    printed = shown(explored(*some[6:]), capsys)
    ledger = printed.partition("  Kinds of fault")[2]
    assert 12 < len(ledger.splitlines()) <= 25
    assert max(map(len, printed.splitlines())) <= min(columns, 120)


def test_ledger_leaves_out_impossible_cells(capsys: pytest.CaptureFixture[str]) -> None:
    everything = [f"{fault} {phase}" for fault in Fault for phase in phases_of(fault)]
    printed = shown(explored(*everything), capsys)
    assert "never" not in printed
    possible = sum("STARTING" in phases_of(fault) for fault in Fault)
    (row,) = (line for line in printed.splitlines() if line.startswith("  starting"))
    assert f" {possible} of {possible} " in row
    without = [cell for cell in everything if cell != "slow ENDED"]
    assert "  never in ended: slow\n" in shown(explored(*without), capsys)


def test_failures_come_before_the_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    campaign = explored("slow ENDED")
    campaign.add(Explored(first=10, last=10, failures=(broken(10, 0, ValueError("odd")),)))
    printed = shown(campaign, capsys)
    assert 0 < printed.index("1 seed (10)") < printed.index("Kinds of fault")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 200])
def test_verdict_of_a_replay_comes_first_and_whole(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", f"{columns}")
    folder = tmp_path / ("a-long-name-of-a-folder-" * 5)
    folder.mkdir()
    path = Path(shutil.copy(CORPUS / "ForgetsNames.yaml", folder))
    assert replayed(output(), path, None, Trust(True)) == "still fails"
    printed = capsys.readouterr().out
    first, second = printed.splitlines()[:2]
    assert first.startswith("✗ still fails: ")
    # A path is copied, and so never wrapped.
    assert f"  failure  {path}\n" in printed
    assert "…" not in first + second
