"""`drsim run --tier wire` and the functions of others, as their users type them."""

import json
from pathlib import Path

import pytest

from drsim.cli import main

FINDER = "def handler(event, context):\n    print('looked')\n"
POLLER = "def handler(event, context):\n    pass\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("finder.py").write_text(FINDER, encoding="utf-8")
    Path("poller.py").write_text(POLLER, encoding="utf-8")


@pytest.mark.slow
def test_wire_run_judges_roles_and_prints_its_replay(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "--tier", "wire", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["tier"], result["verdict"]) == ("wire", "pass")
    assert result["replay"] == "drsim run drill --seed 1 --tier wire"
    verdicts = {each["name"]: each["verdict"] for each in result["criteria"] + result["properties"]}
    assert verdicts["IAM permissions correct"] == verdicts["least-privilege"] == "pass"


@pytest.mark.slow
def test_user_handlers_are_judged_by_their_effects(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--tier", "wire", "--finder", "finder.py:handler", "--poller", "poller.py:handler", "--env", "A=1"]
    assert main(["run", "drill", "--json", *words]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["replay"] == f"drsim run drill --seed 1 {' '.join(words)}"
    verdicts = {each["name"]: each["verdict"] for each in result["properties"]}
    assert verdicts["trigger-cadence"] == "pass"
    assert verdicts["no-starvation"] == "fail"
    assert {verdicts[name] for name in ("metrics-complete", "log-correlation", "least-privilege")} == {"not exercised"}


@pytest.mark.slow
def test_handler_that_cannot_be_imported_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("finder.py").write_text("import os\nTABLE = os.environ['MY_TABLE']\n", encoding="utf-8")
    words = ["--tier", "wire", "--finder", "finder.py:handler", "--poller", "poller.py:handler"]
    assert main(["run", "idle", *words]) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "ExecutionFinder: cannot import finder.py:handler" in error
    assert "--env MY_TABLE=" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--finder", "finder.py:handler", "--poller", "poller.py:handler"], "are for --tier wire"),
        (["--finder", "finder.py:handler"], "are for --tier wire"),
        (["--tier", "wire", "--finder", "finder.py:handler"], "--finder and --poller belong together"),
        (["--tier", "wire", "--finder", "finder.py", "--poller", "poller.py:handler"], "must be FILE.py:HANDLER"),
        (["--tier", "wire", "--finder", "no.py:f", "--poller", "poller.py:handler"], "--finder: no file no.py"),
        (["--tier", "wire", "--path", "nowhere"], "--path must be a folder, got nowhere"),
        (["--tier", "wire", "--env", "A"], "--env must be KEY=VALUE, got 'A'"),
        (["--tier", "slow"], "'--tier': 'slow' is not one of 'fast', 'wire'"),
    ],
)
def test_wrong_option_is_reported(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", *words]) == 4
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
