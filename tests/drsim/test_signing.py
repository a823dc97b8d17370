"""`drsim sign`: approvals in the evidence and in the page, and runs that are not signed or not replaced."""

import json
from pathlib import Path
from typing import Final

import pytest

from drsim import evidence as keeping
from drsim.cli import main
from drsim.reports.evidence import EVIDENCE, approved
from drsim.reports.html import render as page_of
from drsim.stored_runs import result_in
from tests.drsim.test_verifying import REWRITABLE, flip, rewritten, verified


@pytest.fixture
def folder(filed: Path) -> Path:
    """The folder of a recorded run."""
    return filed


def signed(folder: Path, *words: str, name: str = "Bo", role: str = "DR lead") -> int:
    return main(["sign", str(folder), "--as", name, "--role", role, *words])


def test_signed_run_is_as_recorded_and_shows_its_approvals(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = keeping.read(folder).digest
    assert signed(folder) == 0
    second = capsys.readouterr().out.split()[-1]
    assert signed(folder, "--conditions", "only staging", name="Cy", role="release manager") == 0
    third = capsys.readouterr().out.split()[-1]
    approvals = keeping.read(folder).approvals
    assert [each.previous for each in approvals] == [first, second]
    assert approvals[-1].digest == third
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.index("<b>Bo</b>, DR lead") < page.index("<b>Cy</b>, release manager") < page.index(third)
    code, shown = verified(folder, capsys, "--expect", third)
    assert code == 0
    assert "approved by Bo (DR lead), Cy (release manager)" in shown


def test_approvals_in_another_order_are_noticed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert signed(folder) == signed(folder, name="Cy") == 0
    capsys.readouterr()
    path = folder / EVIDENCE
    data = json.loads(path.read_text(encoding="utf-8"))
    data["approvals"].reverse()
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    code, shown = verified(folder, capsys, "--files-only")
    assert code == 1
    assert "evidence.json: approval 1 does not follow the entry before it" in shown


def test_changed_run_is_not_signed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(folder / "metrics.csv", 9)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert signed(folder) == 1
    shown = capsys.readouterr().out
    assert "metrics.csv: differs" in shown
    assert "not signed" in shown
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / EVIDENCE).write_text("{", encoding="utf-8")
    assert signed(folder) == 1
    assert "evidence.json: is no evidence of version 1" in capsys.readouterr().out


def test_signed_run_is_not_replaced_by_a_new_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert signed(folder) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    assert main(["run", "drill", "idle", "--out", str(folder.parent)]) == 4
    shown = capsys.readouterr()
    assert shown.err.startswith(f"drsim: {folder}: holds a run that 'Bo' signed on 20")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not (folder.parent / "idle-1").exists()


def test_run_with_unreadable_evidence_is_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / EVIDENCE).write_bytes(b"{")
    scenario, _, seed = folder.name.rpartition("-")
    assert main(["run", scenario, "--seed", seed, "--out", str(folder.parent)]) == 4
    assert "may be signed: move it, or change --out" in capsys.readouterr().err
    assert (folder / EVIDENCE).read_bytes() == b"{"


def test_reports_written_again_keep_evidence_and_approvals(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert signed(folder) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in REWRITABLE:
        (folder / name).unlink()
    assert main(["report", str(folder)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / EVIDENCE).write_text("{", encoding="utf-8")
    assert main(["report", str(folder)]) == 0
    assert "written without an evidence.json" in (folder / "report.html").read_text(encoding="utf-8")


def test_page_differs_between_persons_in_its_block_only(folder: Path) -> None:
    pages = []
    for name in ("Ann", "Bo"):
        rewritten(folder, by=name)
        page = keeping.page_in(folder)
        assert page is not None
        pages.append(page)
    assert pages[0].digest == pages[1].digest
    assert pages[0].block != pages[1].block
    assert "Ann" not in pages[0].before + pages[0].after + page_of(result_in(folder), []).text


HOSTILE: Final = "<script>alert(1)</script><!-- drsim evidence ends -->\x1b[31m\u202e[red]\udcff`" + "x" * 5_000


def test_hostile_names_are_escaped_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "idle", "--set", "duration=5m", "--by", HOSTILE, "--comment", HOSTILE, "--out", str(tmp_path)]
    assert main(words) == 0
    folder = tmp_path / "idle-1"
    assert signed(folder, "--conditions", HOSTILE, name=HOSTILE, role=HOSTILE) == 0
    assert main(["verify", str(folder), "--files-only"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in (shown.out, page, (folder / EVIDENCE).read_text(encoding="utf-8")):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 5
    assert page.count("drsim evidence ends -->") == 1
    assert keeping.read(folder).by.endswith("x" * 5_000)


def test_two_approvals_of_equal_evidence_have_other_digests(folder: Path) -> None:
    kept = keeping.read(folder)
    fields = {"at": "2026-11-30T15:00:00Z", "role": "lead", "conditions": ""}
    digests = [approved(kept, by=name, **fields).last_digest for name in ("Bo", "Cy")]
    assert digests[0] != digests[1] != kept.last_digest
