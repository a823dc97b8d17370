"""`drsim init`: what it writes runs unedited, passes its schemas, and replaces nothing of the user's."""

import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from drsim.cli import main
from tests.installed import FUNCTIONS, PAIR, commands

WORKFLOW: Final = ".github/workflows/drsim.yml"
WRITTEN: Final = [
    WORKFLOW,
    "noxfile.py",
    "pyproject.toml",
    "simulation/contract.schema.json",
    "simulation/contract.yaml",
    "simulation/failover.yaml",
    "simulation/scenario.schema.json",
    "tests/test_failover.py",
]
BUGS: Final = PAIR.parent / "polling"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return Path.cwd()


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def checked(schema: str, file: Path) -> str:
    """What check-jsonschema prints of a file, "ok" if it is valid."""
    which = ["--builtin-schema", schema] if schema.startswith("vendor.") else ["--schemafile", schema]
    command = [sys.executable, "-m", "check_jsonschema", *which, str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.partition(" -- ")[0]


def test_init_writes_files_that_run_and_prints_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    assert files(folder) == WRITTEN
    assert [line.rpartition("/")[2] for line in commands(capsys.readouterr().out)] == [
        "failover.yaml",
        "test_failover.py",
        "drsim explore chaos --seeds 1-20",
        "nox -s simulation",
    ]
    assert main(["run", "simulation/failover.yaml", "--quiet"]) == 0
    assert main(["check", "simulation/failover.yaml", "simulation/contract.yaml"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("options", FUNCTIONS.values(), ids=FUNCTIONS)
def test_files_of_init_pass_their_schemas(folder: Path, options: tuple[str, ...]) -> None:
    shutil.copytree(PAIR, folder / "pair")
    assert main(["init", *options]) == 0
    assert checked("simulation/contract.schema.json", Path("simulation/contract.yaml")) == "ok"
    assert checked("simulation/scenario.schema.json", Path("simulation/failover.yaml")) == "ok"
    assert checked("vendor.github-workflows", Path(WORKFLOW)) == "ok"
    assert checked("vendor.github-workflows", Path("simulation/failover.yaml")) != "ok"


@pytest.mark.slow
def test_init_for_handlers_writes_what_judges_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(BUGS, folder / "pair")
    assert main(["init", *FUNCTIONS["a pair"], "--env", "TABLE_NAME=mine"]) == 0
    table = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["drsim"]
    assert (table["finder"], table["paths"]) == ("pair/finder/app.py:lambda_handler", ["pair/layer"])
    assert table["env"] == {"POLLER_FUNCTION_NAME": "ExecutionPoller", "TABLE_NAME": "mine"}
    assert table["contract"] == "simulation/contract.yaml"
    capsys.readouterr()
    assert main(["run", "simulation/failover.yaml", "--quiet"]) == 1
    assert "failover, seed 1: FAIL  drsim-runs/failover-1/report.html status-order" in capsys.readouterr().out
    done = subprocess.run([sys.executable, "-m", "pytest"], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "3 failed" in done.stdout
    shutil.copytree(PAIR, "pair", dirs_exist_ok=True)
    # The contract was proposed from what the bugs do.
    Path("simulation/contract.yaml").unlink()
    assert main(["init", "--keep"]) == 0
    done = subprocess.run([sys.executable, "-m", "pytest"], check=False, capture_output=True, text=True)
    assert "3 passed" in done.stdout


@pytest.mark.slow
def test_init_of_another_folder_names_files_as_seen_from_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(PAIR, folder / "team" / "pair")
    moved = [word.replace("pair/", "team/pair/") for word in FUNCTIONS["a pair"]]
    assert main(["init", "team", *moved]) == 0
    assert commands(capsys.readouterr().out)[0] == "cd team"
    table = tomllib.loads(Path("team/pyproject.toml").read_text(encoding="utf-8"))["tool"]["drsim"]
    assert (table["poller"], table["paths"]) == ("pair/poller/app.py:lambda_handler", ["pair/layer"])


def test_folder_with_control_characters_is_shown_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "\x1b[31m"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "cd '\\x1b[31m'" in shown


def test_keep_with_all_files_there_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    capsys.readouterr()
    assert main(["init", "--keep"]) == 0
    assert capsys.readouterr().out.startswith("nothing was written: each file is there already\nnext:\n")


@pytest.mark.slow
def test_swapped_handlers_are_one_message_and_write_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finder, poller = (f"{PAIR}/{name}/app.py:lambda_handler" for name in ("finder", "poller"))
    assert main(["init", "--finder", poller, "--poller", finder, "--path", f"{PAIR}/layer"]) == 4
    assert "no function wrote to the table, so nothing was written: 288 times KeyError" in capsys.readouterr().err
    assert files(folder) == []


def test_init_names_each_file_that_exists_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "noxfile.py").write_text("mine\n", encoding="utf-8")
    (folder / "simulation").mkdir()
    (folder / "simulation" / "failover.yaml").symlink_to("nowhere")
    assert main(["init"]) == 4
    assert capsys.readouterr().err == (
        "drsim: simulation/failover.yaml: this file exists\n"
        "drsim: noxfile.py: this file exists\n"
        "drsim: nothing was written: --keep writes the others, --force replaces these\n"
    )
    assert files(folder) == ["noxfile.py"]


def test_keep_writes_the_others_and_force_replaces(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "noxfile.py").write_text("mine\n", encoding="utf-8")
    assert main(["init", "--keep", "--force"]) == 4
    assert main(["init", "--keep"]) == 0
    assert (folder / "noxfile.py").read_text(encoding="utf-8") == "mine\n"
    assert files(folder) == WRITTEN
    assert main(["init", "--force"]) == 0
    assert "nox.session" in (folder / "noxfile.py").read_text(encoding="utf-8")


def test_init_adds_its_table_to_a_project_and_keeps_the_rest(folder: Path) -> None:
    before = '[project]\nname = "mine"   # ours\n'
    (folder / "pyproject.toml").write_text(before, encoding="utf-8")
    assert main(["init"]) == 0
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    assert text.startswith(f"{before}\n[tool.drsim]\n")
    assert main(["init", "--force"]) == 0
    assert (folder / "pyproject.toml").read_text(encoding="utf-8") == text


def test_init_refuses_options_that_the_project_already_has(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pyproject.toml").write_text("[tool.drsim]\nseed = 3\n", encoding="utf-8")
    assert main(["init", "--contract", "plain"]) == 4
    assert "pyproject.toml: has [tool.drsim] already" in capsys.readouterr().err
    assert files(folder) == ["pyproject.toml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool\n", "cannot read pyproject.toml: "),
        (f"drsim = {'[' * 500}", "cannot read pyproject.toml: its values are nested too deep"),
        (f"y = {'[' * 500}", "cannot read pyproject.toml: its values are nested too deep"),
        (f"y = {'9' * 5_000}", "cannot read pyproject.toml: a number in it has too many digits"),
        ("tool = 'drsim'\n", "pyproject.toml: [tool.drsim] cannot be added at its end: "),
        ("tool = {}\n", "pyproject.toml: [tool.drsim] cannot be added at its end: "),
    ],
)
def test_init_refuses_a_project_file_that_cannot_hold_its_table(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    assert main(["init"]) == 4
    assert capsys.readouterr().err.startswith(f"drsim: {message}")
    assert files(folder) == ["pyproject.toml"]


def test_a_given_contract_is_used_and_not_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.yaml").write_text("extends: ours\n", encoding="utf-8")
    assert main(["init", "--contract", "mine.yaml"]) == 0
    assert "simulation/contract.yaml" not in files(folder)
    assert "contract: ../mine.yaml\n" in Path("simulation/failover.yaml").read_text(encoding="utf-8")
    assert main(["run", "simulation/failover.yaml", "--quiet"]) == 0
    (folder / "pyproject.toml").unlink()
    (folder / "mine.yaml").write_text("extends: theirs\nstyles: x\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["init", "--contract", "mine.yaml", "--force"]) == 4
    assert "drsim: mine.yaml:1: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a 'b' \"c\"", "$(touch x)", "ü"])
def test_init_quotes_the_name_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["init", name]) == 0
    assert commands(capsys.readouterr().out)[0] == shlex.join(["cd", name])
    assert files(folder / name) == WRITTEN


def test_init_where_nothing_can_be_written_is_one_message(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text("", encoding="utf-8")
    assert main(["init", "file"]) == 4
    assert capsys.readouterr().err == "drsim: cannot write file: File exists\n"
