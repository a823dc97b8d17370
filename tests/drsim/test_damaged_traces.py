"""`drsim report` where a trace is damaged: the message names the file, and no other run is kept from its reports."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import pytest

from drsim import outputs
from drsim.campaign_files import begin
from drsim.cli import main
from drsim.scenarios.campaign import Header
from drsim.scenarios.files import load
from drsim.scenarios.runner import run
from tests.drsim.test_reporting import FILES, complaint, contents


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("written") / "cancelled-1"
    assert outputs.write(run(load("cancelled", ["duration=3m"]), seed=1), where, with_chrome=True) == ()
    return where


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "a"))


def with_lines(folder: Path, lines: Iterable[bytes]) -> None:
    """Give a run another trace, and its result that trace's digest."""
    trace = b"".join(lines)
    (folder / "trace.jsonl.gz").write_bytes(gzip.compress(trace))
    data = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    data["trace_digest"] = hashlib.sha256(trace).hexdigest()
    (folder / "result.json").write_text(json.dumps(data), encoding="utf-8")


def test_trace_line_that_is_no_json_loses_only_parts_made_from_the_trace(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = gzip.decompress((folder / "trace.jsonl.gz").read_bytes()).splitlines(keepends=True)
    with_lines(folder, [*lines[:9], b"no JSON\n", *lines[9:]])
    assert main(["report", str(folder)]) == 4
    assert complaint(capsys).startswith(f"{folder / 'trace.jsonl.gz'}: line 10 is no event (no JSON: ")
    assert sorted(contents(folder)) == FILES


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'["ItemChanged"]', "an event is a list of its name, its instant and further numbers and texts"),
        (b'["FaultInjected",1,null]', "an event is a list of its name, its instant and further numbers and texts"),
        (b'["RunEnded","late"]', "its instant is a number of microseconds"),
        (b'["LambdaEnded",5,"r"]', "LambdaEnded has 8 fields, not 2"),
        (b'["ItemChanged",5,"\xff"]', "no JSON: "),
    ],
)
def test_trace_line_that_is_no_event_is_reported(
    folder: Path, line: bytes, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = gzip.decompress((folder / "trace.jsonl.gz").read_bytes()).splitlines(keepends=True)
    with_lines(folder, [*lines[:9], line + b"\n", *lines[9:]])
    assert main(["report", str(folder)]) == 4
    assert complaint(capsys).startswith(f"{folder / 'trace.jsonl.gz'}: line 10 is no event ({why}")


def test_event_of_another_version_is_skipped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = gzip.decompress((folder / "trace.jsonl.gz").read_bytes()).splitlines(keepends=True)
    with_lines(folder, [*lines[:9], b'["SomethingNew",5,"r"]\n', *lines[9:]])
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().err == ""


def test_trace_of_another_run_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    trace = folder / "trace.jsonl.gz"
    lines = gzip.decompress(trace.read_bytes()).splitlines(keepends=True)
    trace.write_bytes(gzip.compress(b"".join(lines[:-1])))
    assert main(["report", str(folder)]) == 4
    message = "is not the trace of the result.json beside it, whose trace_digest is"
    assert message in complaint(capsys)
    assert contents(folder)["report.html"] == before["report.html"]


def flip(path: Path) -> None:
    """Flip one bit in the middle."""
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)


def flip_the_check(path: Path) -> None:
    """Flip one bit of the checksum, which stands 8 bytes before the end."""
    held = bytearray(path.read_bytes())
    held[-8] ^= 1
    path.write_bytes(held)


HARMS: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "gone": (Path.unlink, "cannot be read (No such file or directory)"),
    "no gzip": (lambda path: path.write_bytes(b"no gzip"), "cannot be read (it is damaged: Not a gzipped file"),
    "empty": (lambda path: path.write_bytes(b""), "cannot be read (it is empty)"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-20]), "cannot be read (it is cut off: "),
    "a flipped bit": (flip, "cannot be read (it is damaged: "),
    "a wrong checksum": (flip_the_check, "cannot be read (it is damaged: CRC check failed"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_damaged_trace_is_reported_and_other_runs_are_written(
    folder: Path, tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "report.md").unlink()
    shutil.copytree(folder, tmp_path / "b")
    damage, printed = HARMS[harm]
    trace = folder / "trace.jsonl.gz"
    damage(trace)
    before = contents(folder)
    assert main(["report", str(tmp_path)]) == 4
    message = complaint(capsys)
    assert message.startswith(f"{trace}: {printed}")
    assert message.endswith("; report.html and trace.chrome.json stay as before")
    after = contents(folder)
    # What needs no trace is written, and nothing is lost of what was made while the trace was whole.
    assert after.items() - before.items() == {("report.md", (tmp_path / "b" / "report.md").read_bytes())}
    assert before.items() <= after.items()


def test_page_without_a_timeline_shows_the_error_of_the_trace(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("report.html", "trace.chrome.json"):
        (folder / name).unlink()
    flip_the_check(folder / "trace.jsonl.gz")
    assert main(["report", str(folder)]) == 4
    assert complaint(capsys).endswith("; report.html has no timeline")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "trace cannot be read (it is damaged: CRC check failed" in page
    assert "so there is no timeline." in page
    assert page.count("<figure") > 10
    assert sorted(contents(folder)) == FILES


def test_broken_campaign_does_not_stop_reports_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        begin(tmp_path / name / "campaign.jsonl", Header(scenario=load("drill"), parts="", code=""), [])
    (tmp_path / "a" / "campaign.jsonl").write_text("garbage", encoding="utf-8")
    assert main(["report", "--campaign", str(tmp_path / "a"), str(tmp_path / "b")]) == 4
    shown = capsys.readouterr()
    assert shown.err.startswith(f"drsim: {tmp_path / 'a' / 'campaign.jsonl'} does not begin as a campaign does")
    assert shown.out.splitlines() == [str(tmp_path / "b" / name) for name in ("report.html", "report.md")]


def test_comparison_reads_no_trace(folder: Path) -> None:
    (folder / "trace.jsonl.gz").write_bytes(b"")
    assert main(["compare", str(folder), str(folder)]) == 0
