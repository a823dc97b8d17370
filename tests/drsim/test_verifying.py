"""`drsim sign` and `drsim verify` as their users see them: what is as recorded, and what is not."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from drsim import evidence as keeping
from drsim.cli import main
from drsim.reports.evidence import EVIDENCE, Evidence, sealed
from drsim.scenarios.files import catalogue, load
from drsim.scenarios.model import Scenario
from drsim.stored_runs import result_in
from drsim.verification import changes_since, differences, first_difference, repetition

FILES: Final = ("ctrf.json", "junit.xml", "metrics.csv", "report.html", "report.md", "result.json", "trace.jsonl.gz")
REWRITABLE: Final = FILES[:5]


@pytest.fixture
def folder(filed: Path) -> Path:
    """The folder of a recorded run."""
    return filed


def verified(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """The exit code of `drsim verify` and what it printed, with single spaces."""
    code = main(["verify", str(folder), *options])
    shown = capsys.readouterr()
    assert shown.err == ""
    return code, " ".join(shown.out.split())


def rewritten(folder: Path, **changes: Any) -> Evidence:
    """Replace the evidence by one whose record has these changes and fits its digest, and return it."""
    found = sealed(keeping.read(folder).model_copy(update=changes))
    return keeping.write(folder, found, keeping.page_in(folder))


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_untouched_run_is_as_recorded_and_repeats(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = verified(folder, capsys)
    assert code == 0
    assert f"{folder.name}: as recorded" in shown
    assert "7 files recorded, no approval" in shown
    assert "run again, it has the same trace and the same result" in shown
    assert f"last value of the chain: {keeping.read(folder).last_digest}" in shown


def test_run_prints_the_value_that_verify_expects(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "--out", str(folder.parent)]) == 0
    *_, name, value = capsys.readouterr().out.split()
    assert name == "evidence"
    assert verified(folder, capsys, "--files-only", "--expect", value)[0] == 0
    assert verified(folder, capsys, "--files-only", "--expect", value[:16].upper())[0] == 0
    code, shown = verified(folder, capsys, "--files-only", "--expect", f"x{value[1:]}")
    assert code == 1
    assert f"its last value must be x{value[1:]}, got {value}" in shown


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_flipped_byte_of_a_file_is_named(
    folder: Path, name: str, part: float, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(folder / name, int((folder / name).stat().st_size * part))
    code, shown = verified(folder, capsys, "--files-only")
    assert code == 1
    assert f"{folder.name}: 1 difference {name}: differs" in shown
    if name in REWRITABLE:
        assert "first in line" in shown


@pytest.mark.parametrize("step", [199, pytest.param(11, marks=pytest.mark.slow)])
def test_flipped_bytes_of_the_evidence_are_noticed(folder: Path, step: int) -> None:
    path = folder / EVIDENCE
    before = path.read_bytes()
    for place in range(0, len(before), step):
        flip(path, place)
        try:
            found = list(differences(folder, keeping.read(folder)))
        except ValueError:
            found = ["unreadable"]
        assert found, f"byte {place}: {before[place - 20 : place + 20]!r}"
        path.write_bytes(before)
    assert list(differences(folder, keeping.read(folder))) == []


def test_evidence_in_another_form_is_noticed(folder: Path) -> None:
    path = folder / EVIDENCE
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    assert list(differences(folder, keeping.read(folder))) == ["evidence.json: is not written as drsim writes it"]


def test_damaged_evidence_is_a_difference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / EVIDENCE).write_text('{"schema_version": 2}', encoding="utf-8")
    code, shown = verified(folder, capsys)
    assert code == 1
    assert "evidence.json: is no evidence of version 1: schema_version must be 1, got 2" in shown


def test_changed_line_is_shown_as_it_was_and_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = folder / "report.md"
    report.write_text(report.read_text(encoding="utf-8").replace("drill", "brill", 1), encoding="utf-8")
    code, shown = verified(folder, capsys, "--files-only")
    assert code == 1
    assert "report.md: differs, first in line 1: was …" in shown
    assert "test report of `drill` is …" in shown
    assert "test report of `brill` 7 files recorded" in shown


@pytest.mark.parametrize(
    ("was", "now", "shown"),
    [
        ("a\nb\n", "a\nc\n", "first in line 2:\n  was b\n  is  c"),
        ("a\n", "a\nb\n", "first in line 2:\n  was \n  is  b"),
        ("a\nb", "a", "first in line 2:\n  was b\n  is  no line"),
        ("x" * 100 + "1", "x" * 100 + "2", f"first in line 1:\n  was …{'x' * 30}1\n  is  …{'x' * 30}2"),
        ("\u202ea", "\x00", "first in line 1:\n  was \\u202ea\n  is  \\x00"),
    ],
)
def test_first_difference_is_cut_around_it_and_escaped(was: str, now: str, shown: str) -> None:
    assert first_difference(was, now) == shown


def test_missing_and_new_files_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "result.json").unlink()
    (folder / "[red]note\n.txt").write_text("mine", encoding="utf-8")
    (folder / "attachments").mkdir()
    code, shown = verified(folder, capsys, "--files-only")
    assert code == 1
    for text in ("3 differences", "[red]note .txt: is new", "attachments: is new", "result.json: is missing"):
        assert text in shown


def test_changed_result_is_compared_with_the_second_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "result.json"
    polls = result_in(folder).polls
    path.write_text(path.read_text(encoding="utf-8").replace(f'"polls": {polls}', '"polls": 99', 1), encoding="utf-8")
    code, shown = verified(folder, capsys)
    assert code == 1
    assert "result.json: differs" in shown
    assert f"run again, it has another result, 1 value of it: polls was 99 is {polls}" in shown


def test_run_of_another_seed_is_no_repetition(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewritten(folder, seed=2)
    code, shown = verified(folder, capsys)
    assert code == 1
    assert "run again, it has another trace: was" in shown
    assert "run again, it has another result" in shown
    assert "seed was 1 is 2" in shown


def test_other_code_of_drsim_is_named_as_a_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digests = keeping.read(folder).digests
    rewritten(folder, digests={**digests, "drsim": "00"})
    code, shown = verified(folder, capsys)
    assert code == 0
    assert "since the run: drsim's code has changed" in shown
    rewritten(folder, digests={**digests, "drsim": "00"}, seed=2)
    code, shown = verified(folder, capsys)
    assert code == 1
    assert "run again (drsim's code has changed since the run, which may be why), it has another trace" in shown


def test_reports_of_another_drsim_are_not_compared_by_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = keeping.read(folder)
    rewritten(folder, digests={**kept.digests, "drsim": "00"}, files={**kept.files, "report.md": "00"})
    shown = verified(folder, capsys, "--files-only")[1]
    assert "1 difference report.md: differs: it was written again since, by a drsim with other code 7 files" in shown
    (folder / "report.md").write_text("other", encoding="utf-8")
    assert "1 difference report.md: differs 7 files" in verified(folder, capsys, "--files-only")[1]


def test_changed_versions_are_named(folder: Path) -> None:
    kept = keeping.read(folder)
    found = rewritten(folder, versions={**kept.versions, "python": "2.7.18", "moto": "4"})
    assert [each for each in changes_since(found) if "drsim" not in each] == [
        "moto 4 -> none",
        f"python 2.7.18 -> {kept.versions['python']}",
    ]


def test_evidence_that_contradicts_its_result_is_noticed(folder: Path) -> None:
    found = rewritten(folder, verdict="fail", trace_digest=None)
    assert list(differences(folder, found)) == [
        "evidence.json: verdict must be pass as in result.json, got fail",
        f"evidence.json: trace_digest must be {result_in(folder).trace_digest} as in result.json, got None",
    ]


def test_scenario_that_drsim_does_not_know_is_named(folder: Path) -> None:
    found = keeping.read(folder)
    found = found.model_copy(update={"configuration": {**found.configuration, "duration": "long"}})
    (trouble,) = repetition(folder, found)
    assert trouble.startswith("a scenario that this drsim does not know: duration: a duration is a text with")


@pytest.mark.parametrize("trace", ["off", "summary", "chrome"])
def test_run_with_another_trace_repeats(trace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "idle", "--set", "duration=5m", "--trace", trace, "--out", str(tmp_path)]
    assert main(words) == 0
    capsys.readouterr()
    code, shown = verified(tmp_path, capsys)
    assert code == 0
    assert f"run again, it has {'the same result' if trace == 'off' else 'the same trace and the same result'}" in shown


def test_edited_block_of_the_page_is_noticed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = folder / "report.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("<dd>Ann ", "<dd>Eve "), encoding="utf-8")
    code, shown = verified(folder, capsys, "--files-only")
    assert code == 1
    assert "1 difference report.html: its evidence block is not the one that evidence.json records, first in" in shown
    assert "evidence.json <dt>Run by</dt><dd>Ann </dd> report.html <dt>Run by</dt><dd>Eve </dd>" in shown
    page.write_text(text.replace("<!-- drsim evidence ends -->", ""), encoding="utf-8")
    assert "1 difference report.html: differs, first in line" in verified(folder, capsys, "--files-only")[1]


def test_block_of_other_evidence_is_noticed(folder: Path) -> None:
    """Evidence and its digests fit each other, but were written without the page."""
    page = keeping.page_in(folder)
    assert page is not None
    keeping.write(folder, sealed(keeping.read(folder).model_copy(update={"by": "Eve"})), None)
    forged = keeping.read(folder).model_copy(update={"block": page.block_digest})
    keeping.write(folder, forged, None)
    (folder / EVIDENCE).write_text(
        (folder / EVIDENCE).read_text(encoding="utf-8").replace('"block": ""', f'"block": "{page.block_digest}"'),
        encoding="utf-8",
    )
    (trouble,) = differences(folder, keeping.read(folder))
    assert trouble.startswith("report.html: its evidence block is not that of evidence.json, first in line")


@pytest.mark.parametrize("block", ['  "block": "",\n', "", '  "block": "00",\n'])
def test_block_is_compared_whatever_digest_of_it_is_recorded(folder: Path, block: str) -> None:
    page, kept = folder / "report.html", keeping.read(folder).block
    text, record = (path.read_text(encoding="utf-8") for path in (page, folder / EVIDENCE))
    (folder / EVIDENCE).write_text(record.replace(f'  "block": "{kept}",\n', block), encoding="utf-8")
    got = keeping.read(folder).block or "none"
    assert list(differences(folder, keeping.read(folder))) == [
        f"evidence.json: block must be the digest of the block in report.html, {kept}, got {got}"
    ]
    page.write_text(text.replace("<dd>Ann ", "<dd>Eve "), encoding="utf-8")
    (trouble,) = differences(folder, keeping.read(folder))
    assert trouble.startswith("report.html: its evidence block is not the one that evidence.json records, first in")


@pytest.mark.parametrize("lost", [None, "result.json"])
def test_folder_in_a_run_hides_no_change_of_the_run(
    folder: Path, lost: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, folder / "original")
    if lost:
        (folder / lost).unlink()
    page = folder / "report.html"
    page.write_text(page.read_text(encoding="utf-8") + "bad", encoding="utf-8")
    code, shown = verified(folder, capsys, "--files-only")
    assert code == 1
    assert f"{folder}: {3 if lost else 2} differences" in shown
    assert "original: is new report.html: differs" in shown
    assert main(["sign", str(folder), "--as", "Bo", "--role", "lead"]) == 1
    assert "not signed" in capsys.readouterr().out


def test_folder_of_an_older_drsim_gets_one_message(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / EVIDENCE).unlink()
    for words in (["verify", str(folder)], ["sign", str(folder), "--as", "Bo", "--role", "lead"]):
        assert main(words) == 4
        shown = capsys.readouterr()
        assert shown.err.splitlines() == [
            f"drsim: {folder}: has no evidence.json: an older drsim made this run, or the file was lost; "
            "`drsim run` makes both"
        ]
        assert shown.out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["verify", "none"], "none: is no folder of a run"),
        (["verify", "."], ".: holds no run, nor does a folder in it"),
        (["sign", ".", "--as", "Bo", "--role", "x"], ".: holds no run, nor does a folder in it"),
        (["sign", ".", "--as", " ", "--role", "x"], "--as must not be empty"),
        (["sign", ".", "--as", "Bo", "--role", ""], "--role must not be empty"),
        (["verify"], "Missing argument 'RUN...'."),
    ],
)
def test_wrong_use_exits_with_4_and_one_message(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 4
    assert capsys.readouterr().err == f"drsim: {message}\n"


def test_expected_value_is_for_one_run_and_long_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder), "--expect", "abc"]) == 4
    assert capsys.readouterr().err == "drsim: --expect must have at least 16 characters, got 'abc'\n"
    shutil.copytree(folder, folder.parent / "again")
    assert main(["verify", str(folder.parent), "--expect", "a" * 64]) == 4
    assert "it is the value of one run or of one release, got 2 runs" in capsys.readouterr().err
    assert main(["sign", str(folder.parent), "--as", "Bo", "--role", "lead"]) == 4
    assert "holds 2 runs and no release of them; sign each of them by itself" in capsys.readouterr().err


def test_folder_of_runs_verifies_each_and_names_the_changed_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, folder.parent / "a")
    flip(folder.parent / "a" / "junit.xml", 9)
    code, shown = verified(folder.parent, capsys, "--no-run")
    assert code == 1
    assert f"{folder.parent / 'a'}: 1 difference" in shown
    assert f"{folder}: as recorded" in shown


@pytest.mark.parametrize("name", catalogue())
def test_recorded_settings_give_the_same_scenario(name: str) -> None:
    scenario = load(name)
    recorded = json.loads(json.dumps(scenario.model_dump(mode="json", exclude_defaults=True)))
    assert Scenario.model_validate(recorded) == scenario
