"""Input as people give it: standard input, file names in any case, names that a file has as well; and full disks."""

import io
import sys
from pathlib import Path

import pytest

from drsim.cli import main

TEXT = "name: mine\ntitle: T\nwhy: W\nduration: 5m\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))


def test_scenario_is_read_from_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, TEXT)
    assert main(["run", "-", "--trace", "off"]) == 0
    assert (folder / "drsim-runs" / "mine-1" / "result.json").exists()


def test_error_in_standard_input_has_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, f"{TEXT}drsu: {{}}\n")
    assert main(["run", "-"]) == 4
    assert capsys.readouterr().err == "drsim: standard input:5: drsu: there is no such field\n"
    assert main(["run", "-", "-"]) == 4
    assert "can be read once" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["MINE.YAML", "mine.Yml"])
def test_file_names_have_their_ending_in_any_case(folder: Path, name: str) -> None:
    (folder / name).write_text(f"\ufeff{TEXT}", encoding="utf-8")
    assert main(["run", name, "--trace", "off"]) == 0


def test_file_beside_a_name_of_the_catalogue_is_pointed_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "idle.yaml").write_text(TEXT, encoding="utf-8")
    assert main(["run", "idle", "--trace", "off"]) == 0
    assert (
        capsys.readouterr().err
        == "drsim: idle is the scenario of the catalogue, not the file here: that one is ./idle.yaml\n"
    )
    (folder / "mine.yml").write_text(TEXT, encoding="utf-8")
    assert main(["run", "mine"]) == 4
    assert "no scenario 'mine': did you mean 'mine.yml'?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["list"], ["schema"], ["run", "idle", "--trace", "off"]])
def test_standard_output_that_is_full_is_exit_4(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(words) == 4
    assert "cannot read or write standard output: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["/dev/full", "/proc/none", "mine.yaml", "mine.yaml/x"])
def test_folder_that_cannot_be_written_is_exit_4_with_its_path(
    out: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.yaml").write_text(TEXT, encoding="utf-8")
    assert main(["run", "idle", "--out", out]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert out in line


def test_messages_are_cut_and_show_no_control_characters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.yaml").write_text(
        TEXT + f'regions: ["{"x" * 20_000}"]\nsettings: {{"\\e[31m": 1}}\nrto: "\\e[2J"\n', encoding="utf-8"
    )
    assert main(["run", "mine.yaml", "no\x1b[31mne.yaml"]) == 4
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "regions[0] must be a Region" in err
    assert "(20,002 characters)" in err
    assert max(map(len, err.splitlines())) < 600


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("executions=0", "executions must be a whole number >= 1"),
        (f"executions={'9' * 5_000}", "is no YAML value: '999"),
        ("start=2025-13-45", "'2025-13-45' is no YAML value: '2025-13-45' is no date or time"),
        ("start=9999-12-31", "start must be in the years 1970 to 2999, got 9999"),
        ("workload.0.jobs=&a [*a]", "this alias contains itself"),
    ],
)
def test_change_that_cannot_be_read_is_exit_4(change: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "--set", change]) == 4
    assert problem in capsys.readouterr().err


def test_groups_of_zero_executions_cannot_be_shared_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.yaml").write_text(TEXT + "workload: [{executions: 0}, {executions: 0}]\n", encoding="utf-8")
    assert main(["run", "mine.yaml", "--set", "executions=8"]) == 4
    assert "executions of each group must be a whole number >= 1, got 0" in capsys.readouterr().err


def test_values_that_are_nested_too_deep_are_exit_4(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = folder / "explore-idle" / "campaign.jsonl"
    campaign.parent.mkdir()
    campaign.write_text("[" * 100_000 + "]" * 100_000 + "\n", encoding="utf-8")
    assert main(["report", "--campaign", str(campaign.parent)]) == 4
    assert "does not begin as a campaign does" in capsys.readouterr().err


def test_device_is_no_file_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["replay", "/dev/zero"], ["report", "/dev/zero"], ["logs", "/dev/zero"]):
        assert main(words) == 4
        assert "/dev/zero" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("entry", "first"),
    [
        ("{executions: 1, bogus: 2}", "workload[0].bogus: there is no such field"),
        ("{waves: []}", "workload[0].waves must have at least 1 item, got 0"),
    ],
)
def test_first_50_of_many_errors_are_printed(
    entry: str, first: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "many.yaml").write_text(TEXT + "workload:\n" + f"- {entry}\n" * 300, encoding="utf-8")
    assert main(["run", "many.yaml"]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"drsim: many.yaml:6: {first}"
    assert lines[50:] == ["drsim: ... and 250 more of these lines"]


def test_list_with_a_wrong_entry_is_not_also_too_short(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.yaml").write_text(f"{TEXT}regions: [7]\n", encoding="utf-8")
    assert main(["run", "mine.yaml"]) == 4
    assert capsys.readouterr().err == "drsim: mine.yaml:5: regions[0] must be a valid string, got 7\n"


def test_yaml_file_of_more_than_2_million_characters_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXT + "# \n" * 700_000
    (folder / "large.yaml").write_text(text, encoding="utf-8")
    assert main(["run", "large.yaml"]) == 4
    rule = "a YAML text must have at most 2,000,000 characters"
    assert capsys.readouterr().err == f"drsim: large.yaml:1: {rule}, got {len(text):,}\n"


def test_run_refuses_more_than_100_000_seeds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "idle", "--seeds", f"1-{10**18 - 1}"]) == 4
    rule = "--seeds must be at most 100,000 seeds, and `drsim explore` takes more"
    assert capsys.readouterr().err == f"drsim: {rule}, got 999,999,999,999,999,999\n"


@pytest.mark.parametrize("words", [["run", "idle", "--seed"], ["serve", "idle", "--seed"], ["run", "idle", "--seeds"]])
def test_seed_of_more_than_18_digits_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, str(10**18)]) == 4
    assert "--seed" in capsys.readouterr().err


def test_a_long_change_is_cut_in_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "idle", "--set", f"workload.9.servers=1{':10' * 5_000}"]) == 4
    shown = capsys.readouterr().err
    assert shown.startswith("drsim: --set workload.9.servers=1:10:10")
    assert len(shown) < 500
