"""`[tool.drsim]` of pyproject.toml: which file, which keys, and what a command line takes from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from drsim.arguments import UserError
from drsim.cli import main
from drsim.project import merged, options_of, project_file

LATE = 'set = ["bounds.completion=0s"]'
"""Makes a drill fail."""
PAIR = 'finder = "src/finder.py:handler"\npoller = "src/poller.py:handler"\npaths = ["layer"]\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Path:
    file = Path("pyproject.toml")
    file.write_text(f"[tool.drsim]\n{text}\n", encoding="utf-8")
    return file.absolute()


def result_of(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert main(["run", *words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_nearest_file_counts_even_without_a_table(tmp_path: Path) -> None:
    written('seeds = "1-3"')
    (tmp_path / "part" / "deep").mkdir(parents=True)
    (tmp_path / "part" / "pyproject.toml").write_text("[project]\nname = 'drsim-tests'\n", encoding="utf-8")
    assert project_file(tmp_path) == tmp_path / "pyproject.toml"
    nearest = project_file(tmp_path / "part" / "deep")
    assert nearest == tmp_path / "part" / "pyproject.toml"
    assert options_of(nearest, tmp_path) == {}


def test_paths_are_relative_to_the_file_and_shown_from_the_start(tmp_path: Path) -> None:
    file = written(PAIR + 'contract = "contract.yaml"\nout = "runs"')
    assert options_of(file, tmp_path / "deep") == {
        "finder": "../src/finder.py:handler",
        "poller": "../src/poller.py:handler",
        "paths": ["../layer"],
        "contract": "../contract.yaml",
        "out": "../runs",
    }


def test_modules_presets_and_absolute_paths_stay_as_they_are(tmp_path: Path) -> None:
    file = written('finder = "team.finder:handler"\ncontract = "plain"\npaths = ["/opt/layer"]')
    given = {"finder": "team.finder:handler", "contract": "plain", "paths": ["/opt/layer"]}
    assert options_of(file, tmp_path / "deep") == given


def test_all_wrong_keys_are_named_at_once_with_the_file() -> None:
    file = written('findr = "x"\npaths = "layer"\nseed = -1\nseeds = "3-1"\nout = ""\n[tool.drsim.env]\nA = 1')
    with pytest.raises(UserError) as error:
        options_of(file, Path())
    keys = "finder, poller, paths, env, contract, out, seed, seeds, set"
    assert str(error.value).splitlines() == [
        f"pyproject.toml: tool.drsim.findr: there is no such key; did you mean 'finder'? the keys are {keys}",
        "pyproject.toml: tool.drsim.paths must be a list of folders such as [\"layer\"], got 'layer'",
        "pyproject.toml: tool.drsim.seed must be a whole number >= 0 of at most 18 digits, got -1",
        "pyproject.toml: tool.drsim.seeds must be FIRST-LAST, such as \"1-100\", or one seed, got '3-1'",
        "pyproject.toml: tool.drsim.out must be a folder, got ''",
        "pyproject.toml: tool.drsim.env must be a table of texts such as { TABLE_NAME = \"executions\" }, got {'A': 1}",
        "pyproject.toml: tool.drsim.paths needs finder, whose functions it belongs to",
        "pyproject.toml: tool.drsim.env needs finder, whose functions it belongs to",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool]\ndrsim = 1", "pyproject.toml: tool.drsim must be a table of finder, "),
        ("[tool.drsim", "cannot read pyproject.toml: "),
        ("tool = 'drsim'", ""),
        (f"drsim = {'[' * 500}", "cannot read pyproject.toml: its values are nested too deep"),
        (f"drsim = {'9' * 5_000}", "cannot read pyproject.toml: a number in it has too many digits"),
        (f"[tool.drsim]\nset = 0x{'f' * 5_000}", "pyproject.toml: tool.drsim.set must be a list of changes such as"),
        (
            "[tool.drsim]\nseed = 1000000000000000000",
            "pyproject.toml: tool.drsim.seed must be a whole number >= 0 of at",
        ),
    ],
)
def test_damaged_file_ends_a_command_with_one_message(
    text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pyproject.toml").write_text(text, encoding="utf-8")
    assert main(["run", "idle"]) == (4 if message else 0)
    shown = capsys.readouterr().err
    assert shown.startswith(f"drsim: {message}" if message else "")
    assert len(shown.splitlines()) == bool(message)


@pytest.mark.parametrize("words", [["list"], ["run", "--help"], ["schema"]])
def test_damaged_file_does_not_matter_to_help_and_lists(words: list[str]) -> None:
    written("findr = 1")
    assert main(words) == 0


def test_run_takes_its_options_from_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    written(f'{LATE}\nseed = 7\nout = "runs"\nseeds = "1-3"')
    assert result_of(capsys, "drill", code=1)["replay"] == "drsim run drill --seed 7 --set bounds.completion=0s"
    assert [path.name for path in Path("runs").iterdir()] == ["drill-7"]


def test_options_on_the_command_line_win(capsys: pytest.CaptureFixture[str]) -> None:
    written(f'{LATE}\nseed = 7\nout = "runs"')
    result = result_of(capsys, "drill", "--set", "servers=2", "--seed", "3", "--out", "others")
    assert result["replay"] == "drsim run drill --seed 3 --set servers=2"
    assert not Path("runs").exists()


def test_replay_of_a_run_without_changes_stands_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    written(LATE)
    result = result_of(capsys, "drill", "--set", "")
    assert result["replay"] == "drsim run drill --seed 1 --set ''"
    assert result_of(capsys, "drill", "--seed", "1", "--set", "")["trace_digest"] == result["trace_digest"]


@pytest.mark.parametrize("options", [["--tier", "fast"], ["--finder", ""]])
def test_own_functions_run_where_the_file_names_handlers(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    written(PAIR + 'contract = "none.yaml"')
    result = result_of(capsys, "drill", *options)
    assert (result["functions"], result["replay"]) == ({}, "drsim run drill --seed 1 --finder ''")


def test_missing_handlers_of_the_file_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    written(PAIR)
    assert main(["run", "drill"]) == 4
    assert "drsim: --finder: no file src/finder.py\n" in capsys.readouterr().err


@pytest.mark.slow
def test_explore_takes_seeds_from_the_file_and_run_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    written('seeds = "1-3"')
    assert main(["explore", "idle"]) == 0
    assert "  3 seeds in " in capsys.readouterr().out
    assert result_of(capsys, "idle")["seed"] == 1


def test_another_finder_replaces_all_keys_of_the_code() -> None:
    project = {"finder": "a:f", "poller": "b:f", "env": {"A": "1"}, "contract": "c.yaml", "seed": 3}
    assert merged(project, {"contract": "d.yaml"}) == {**project, "contract": "d.yaml"}
    assert merged(project, {"finder": "x:f"}) == {"seed": 3, "finder": "x:f"}
    assert merged(project, {"tier": "fast"}) == {"seed": 3, "tier": "fast"}
    assert merged(project, {"tier": "wire"}) == {**project, "tier": "wire"}


@pytest.mark.parametrize("line", ['finder = "../pair.py:finder"', 'finder = "team:finder"\npaths = ["../layer"]'])
@pytest.mark.parametrize("command", ["run", "explore", "contract", "init"])
def test_code_outside_of_the_project_is_named_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, command: str
) -> None:
    (tmp_path / "pair.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    (tmp_path / "layer").mkdir()
    (tmp_path / "team").mkdir()
    monkeypatch.chdir(tmp_path / "team")
    written(line)
    words = [command] if command in ("contract", "init") else [command, "drill"]
    assert main(words) == 4
    shown = capsys.readouterr().err
    key = "paths" if "paths" in line else "finder"
    assert shown.startswith(f"drsim: pyproject.toml: tool.drsim.{key} names code to import: {tmp_path}/")
    assert f"outside of its project {tmp_path / 'team'}; " in shown
    assert "imported" not in shown
    if command == "init":
        assert [file.name for file in Path().iterdir()] == ["pyproject.toml"]
        return
    named = "--path=../layer" if key == "paths" else "--finder=../pair.py:finder"
    main([*words, named])
    assert "names code to import" not in capsys.readouterr().err
