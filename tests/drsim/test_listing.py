"""`drsim list --json` and `drsim show`."""

import json
from pathlib import Path

import pytest

from drsim.cli import main
from drsim.scenarios.files import catalogue, load, parse
from tests.drsim.test_input import typed


def test_list_as_json_has_each_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in listed] == list(catalogue())
    (drill,) = (each for each in listed if each["name"] == "drill")
    assert (drill["executions"], drill["duration_seconds"], drill["suites"]) == (1, 2400, ["acceptance"])
    assert drill["why"] == load("drill").why


@pytest.mark.parametrize("name", ["drill", "chaos", "fault-throttled"])
def test_show_prints_a_file_that_is_the_same_scenario(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["show", name]) == 0
    shown = capsys.readouterr().out
    comments = " ".join(line.removeprefix("# ") for line in shown.splitlines()[:6])
    assert comments.startswith(f"{load(name).title} Purpose: {load(name).why} ")
    assert parse(shown, name) == load(name)


def test_show_of_a_file_keeps_its_text_and_shows_no_controls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'name: mine\ntitle: Mine\nwhy: "red \\e[31m and\\nname: other"\nworkload: [{executions: 1}]\n'
    Path("mine.yaml").write_text(text, encoding="utf-8")
    assert main(["show", "mine.yaml"]) == 0
    shown = capsys.readouterr().out
    assert shown == f"# Mine\n# Purpose: red \\x1b[31m and name: other\n{text}"


def test_show_of_an_unknown_name_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "dril"]) == 4
    assert "did you mean 'drill'?" in capsys.readouterr().err


def test_show_of_standard_input_prints_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "name: drill\ntitle: MINE\nwhy: Mine.\nworkload: [{executions: 1}]\n"
    typed(monkeypatch, text)
    assert main(["show", "-"]) == 0
    assert capsys.readouterr().out == f"# MINE\n# Purpose: Mine.\n{text}"
