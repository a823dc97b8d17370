"""A campaign's folder is never lost: neither to a later campaign, nor to an interruption while it is written."""

import re
from pathlib import Path

import pytest

from drsim import campaign_files
from drsim.arguments import UserError
from drsim.campaign_files import begin, failure_path, read, refuse_to_replace, set_aside
from drsim.campaign_report import summed_up
from drsim.cli import main
from drsim.scenarios.campaign import Explored, Header
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.files import ScenarioError, load
from tests.drsim.disks import full_disk


def campaign(folder: Path) -> Path:
    """The file of a campaign of three seeds."""
    path = folder / campaign_files.CAMPAIGN
    begin(path, Header(scenario=load("drill"), parts="", code="", seeds=(1, 3)), [Explored(first=1, last=3)])
    return path


def test_existing_campaign_refuses_another_and_names_the_options(tmp_path: Path) -> None:
    campaign(tmp_path)
    with pytest.raises(UserError) as caught:
        refuse_to_replace(tmp_path, resumable=True)
    assert str(caught.value) == (
        f"{tmp_path} already holds a campaign: --resume continues it, --restart sets the folder aside and starts over, "
        "--out DIR leaves it alone"
    )


def test_failures_without_a_campaign_refuse_another_one(tmp_path: Path) -> None:
    (tmp_path / "failures").mkdir()
    (tmp_path / "failures" / "isolation-1.yaml").touch()
    with pytest.raises(UserError, match="already holds 1 failure of an earlier campaign: --restart"):
        refuse_to_replace(tmp_path, resumable=False)


@pytest.mark.parametrize("left", [None, "report.html", "campaign.jsonl"])
def test_folder_without_results_accepts_a_campaign(left: str | None, tmp_path: Path) -> None:
    if left is not None:
        (tmp_path / left).touch()
    refuse_to_replace(tmp_path, resumable=True)


@pytest.mark.parametrize("words", [(), ("--crash-points",), ("--engine", "dask")])
def test_explore_leaves_an_earlier_campaign_as_it_is(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "crash-points-drill" if "--crash-points" in words else "explore-drill"
    path = campaign(tmp_path / name)
    before = path.read_bytes()
    assert main(["explore", "idle", "drill", "--seeds", "1", "--jobs", "1", *words, "--out", str(tmp_path)]) == 4
    printed = capsys.readouterr().err
    assert f"{path.parent} already holds a campaign: " in printed
    assert "--restart" in printed
    assert printed.count("\n") == 1
    assert path.read_bytes() == before
    # Nothing ran before it: neither did the first scenario.
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_resume_and_restart_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "drill", "--resume", "--restart", "--out", str(tmp_path)]) == 4
    assert "--resume continues the earlier campaign and --restart starts over" in capsys.readouterr().err


def test_folder_without_a_campaign_is_not_set_aside(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("of a user\n", encoding="utf-8")
    assert set_aside(tmp_path) is None
    assert (tmp_path / "notes.txt").exists()


def test_folder_set_aside_takes_the_first_free_number(tmp_path: Path) -> None:
    folder = tmp_path / "explore-drill"
    assert set_aside(folder) is None
    for number in (1, 2):
        campaign(folder)
        assert set_aside(folder) == tmp_path / f"explore-drill.{number}"
    assert read(tmp_path / "explore-drill.2" / "campaign.jsonl") is not None


def test_campaign_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = campaign(tmp_path)
    before = path.read_bytes()
    with full_disk(100), pytest.raises(OSError, match="too large"):
        begin(path, Header(scenario=load("idle"), parts="", code=""), [])
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["campaign.jsonl"]


def test_lines_of_an_earlier_version_are_read_and_continued(tmp_path: Path) -> None:
    path = campaign(tmp_path)
    old = '{"first":4,"last":4,"fired":{"tick-lost PENDING":6},"in_flight":{"tick-lost PENDING":0},"compared":0}'
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + f"\n{old}\n", encoding="utf-8")
    kept = read(path)
    assert kept is not None
    assert (kept.ranges[0].fired, kept.ranges[0].unexercised) == ({"tick-lost PENDING": 6}, ())
    begin(path, kept.header, kept.ranges)
    assert read(path) == kept
    totals = summed_up(tmp_path).campaign
    assert (totals.verdict, totals.unexercised) == ("pass", ())


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("no-lost-update", "no-lost-update-7.yaml"),
        ("Performance <100ms queries", "performance-100ms-queries-7.yaml"),
        ("Executions complete with DRS's truth", "executions-complete-with-drss-truth-7.yaml"),
    ],
)
def test_failure_of_a_criterion_has_a_plain_file_name(name: str, file: str, tmp_path: Path) -> None:
    found = Contradiction(seed=7, property=name, execution_id="", at_us=0, expected="", observed="")
    assert failure_path(tmp_path, found) == tmp_path / "failures" / file


def test_line_cut_off_inside_a_character_counts_as_not_run(tmp_path: Path) -> None:
    path = campaign(tmp_path)
    with path.open("ab") as file:
        file.write('{"first": 4, "last": 4, "unwinnable": {"ü'.encode()[:-1])
    kept = read(path)
    assert kept is not None
    assert [(each.first, each.last) for each in kept.ranges] == [(1, 3)]


def test_whole_line_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = campaign(tmp_path)
    with path.open("ab") as file:
        file.write(b'{"first": 4, "last": 4, "unwinnable": {"\xff": 1}}\n')
    with pytest.raises(ScenarioError, match=re.escape(f"cannot read {path}: it is not UTF-8 text")):
        read(path)
