"""`drsim run --trace`: how much of a run is written, and that nothing else depends on it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from drsim.cli import main
from drsim.scenarios.result import Result
from tests.drsim.disks import full_disk

FOLDER = Path("drsim-runs/partial-1")
LEVELS = ("off", "summary", "full")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a run at a level; each is made once."""
    folders: dict[str, Path] = {}

    def at(level: str) -> Path:
        if level not in folders:
            out = tmp_path_factory.mktemp(level)
            assert main(["run", "partial", "--trace", level, "--out", str(out)]) == 0
            folders[level] = out / FOLDER.name
        return folders[level]

    return at


def result_in(folder: Path) -> Result:
    return Result.model_validate_json((folder / "result.json").read_text(encoding="utf-8"))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("level", LEVELS)
def test_trace_level_changes_only_the_level_in_the_result(made: Callable[[str], Path], level: str) -> None:
    full, other = result_in(made("full")), result_in(made(level))
    assert (other.trace, other.trace_digest is None) == (level, level == "off")
    assert other.metrics.counts["trace_events"] <= full.metrics.counts["trace_events"]

    def lasting(result: Result) -> Result:
        counts = {**result.metrics.counts, "trace_events": 0}
        metrics = result.metrics.model_copy(update={"counts": counts})
        update = {"trace": "", "trace_digest": "", "wall_seconds": 0, "replay": "", "metrics": metrics}
        return result.model_copy(update=update)

    assert lasting(other) == lasting(full)


def test_summary_is_a_small_part_of_the_full_trace(made: Callable[[str], Path]) -> None:
    full, summary = (
        gzip.decompress((made(level) / "trace.jsonl.gz").read_bytes()).decode().splitlines()
        for level in ("full", "summary")
    )
    assert len(summary) * 5 < len(full)
    rest = iter(full)
    assert all(line in rest for line in summary)
    assert {json.loads(line)[0] for line in summary} >= {"TickFired", "JobStarted", "ItemChanged", "RunEnded"}


@pytest.mark.parametrize(
    ("level", "files", "printed"),
    [
        ("off", [], "No trace was kept of this run, so there is no timeline."),
        ("summary", ["trace.jsonl.gz"], "the trace is a summary"),
        ("full", ["trace.jsonl.gz"], "with a tick for each poll"),
        ("chrome", ["trace.chrome.json", "trace.jsonl.gz"], "with a tick for each poll"),
    ],
)
def test_each_level_writes_its_files_and_is_named_on_the_page(
    made: Callable[[str], Path], level: str, files: list[str], printed: str
) -> None:
    folder = made(level)
    assert [name for name in names_in(folder) if name.startswith("trace")] == files
    assert printed in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("level", LEVELS)
def test_reports_of_each_level_are_rewritten_byte_for_byte(made: Callable[[str], Path], level: str) -> None:
    folder = made(level)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["report", str(folder)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("level", ["off", "summary"])
def test_perfetto_trace_needs_all_events(
    made: Callable[[str], Path], level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(made(level)), "--trace", "chrome"]) == 4
    message = f"trace.chrome.json needs a run with --trace full, and this one has --trace {level}"
    assert capsys.readouterr().err.endswith(f"result.json: {message}\n")


def test_replay_command_has_the_trace_level(made: Callable[[str], Path]) -> None:
    replays = [result_in(made(level)).replay for level in (*LEVELS, "chrome")]
    assert replays == [f"drsim run partial --seed 1{more}" for more in (" --trace off", " --trace summary", "", "")]


def test_trace_of_an_earlier_run_is_removed_by_an_untraced_run() -> None:
    assert main(["run", "partial", "--trace", "chrome"]) == 0
    assert main(["run", "partial", "--trace", "off"]) == 0
    assert [name for name in names_in(FOLDER) if name.startswith((".", "trace"))] == []


def test_unknown_level_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "partial", "--trace", "some"]) == 4
    message = capsys.readouterr().err
    assert "some" in message
    assert all(f"'{level}'" in message for level in (*LEVELS, "chrome"))


def test_disk_filled_during_a_run_is_reported_and_loses_no_earlier_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "partial"]) == 0
    before = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    capsys.readouterr()
    with full_disk():
        assert main(["run", "partial"]) == 4
    assert capsys.readouterr().err == "drsim: partial, seed 1: cannot write its trace: File too large\n"
    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == before
