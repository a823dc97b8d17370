"""`drsim run --tier wire` and the functions of others, as their users type them."""

import json
import re
from pathlib import Path

import pytest

from drsim.cli import main
from drsim.scenarios.files import load
from drsim.tiers import refused_contracts

FINDER = "def handler(event, context):\n    print('looked')\n"
POLLER = "def handler(event, context):\n    pass\n"
ONE = ("--set", "contract.functions.one=Watcher")


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
        (["--tier", "fast", "--finder", "finder.py:handler"], "are for --tier client and --tier wire"),
        (["--path", "lib"], "are for --tier client and --tier wire"),
        (["--tier", "wire", "--poller", "poller.py:handler"], "--poller needs --finder"),
        (["--contract", "plain"], "drill: contract plain needs --finder"),
        (["--set", "contract.name=team"], "drill: contract team needs --finder"),
        (["--contract", "their"], "--contract must be plain, ours or a YAML file, got 'their'"),
        (
            ["--tier", "wire", "--finder", "finder.py:handler", "--poller", "poller.py:handler", *ONE],
            "drill: Watcher has both roles (functions.one of the contract): give --finder only",
        ),
        (["--tier", "wire", "--finder", "finder.py", "--poller", "poller.py:handler"], "must be FILE.py:HANDLER"),
        (["--tier", "wire", "--finder", "no.py:f", "--poller", "poller.py:handler"], "--finder: no file no.py"),
        (["--tier", "wire", "--path", "nowhere"], "--path must be a folder, got nowhere"),
        (["--tier", "wire", "--env", "A"], "--env must be KEY=VALUE, got 'A'"),
        (["--tier", "slow"], "'--tier': 'slow' is not one of 'fast', 'client', 'wire'"),
    ],
)
def test_wrong_option_is_reported(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", *words]) == 4
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_contract_of_our_own_functions_may_be_named() -> None:
    assert list(refused_contracts([load("drill", contract="ours")])) == []


@pytest.mark.slow
def test_finder_alone_runs_with_a_contract_which_replay_and_result_keep(capsys: pytest.CaptureFixture[str]) -> None:
    Path("contract.yaml").write_text("name: team\nlimits: {timeout: 20m}\n", encoding="utf-8")
    words = ["--tier", "wire", "--finder", "finder.py:handler", "--contract", "contract.yaml"]
    words = ["--set", "duration=3m", "--set", "contract.limits.looks=1", *words]
    assert main(["run", "recovery", "--json", *words]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["replay"] == f"drsim run recovery --seed 1 {' '.join(words)}"
    contract = result["metrics"]["configuration"]["contract"]
    assert (contract["name"], contract["limits"]["timeout"]) == ("team", "20m")
    assert result["functions"] == {"finder": "finder.py:handler"}
    assert result["adapted"] == ["1 account instead of 2"]
    off = {each["check"]: each["how"] for each in result["unjudged"]}
    assert "timeout-truth" not in off
    assert off["no-lost-update: versions"] == "promises.versioned: true"


@pytest.mark.slow
def test_terminal_and_reports_show_checks_that_are_off(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--tier", "wire", "--finder", "finder.py:handler", "--set", "duration=3m", "--out", "out"]
    assert main(["run", "recovery", *words]) == 1
    shown = capsys.readouterr().out
    assert "adapted to the contract: 1 account instead of 2\n" in shown
    assert re.search(r"- [0-9]+ checks are off: timeout-truth and [0-9]+ more; see report\n", shown)
    text = Path("out/recovery-1/report.md").read_text(encoding="utf-8")
    assert "| timeout-truth | no timeout is known | `limits.timeout: 30m, or none` |\n" in text
    assert "**Adapted to the contract**: 1 account instead of 2." in text
    page = Path("out/recovery-1/report.html").read_text(encoding="utf-8")
    assert "<td><code>limits.timeout: 30m, or none</code></td>" in page


@pytest.mark.slow
def test_run_reports_which_calls_moto_answered(capsys: pytest.CaptureFixture[str]) -> None:
    finder = """\
import boto3

def handler(event, context):
    boto3.client("sts").get_caller_identity()
    boto3.client("sns").list_topics()
    for _ in range(2):
        boto3.client("ec2").describe_instances()
"""
    Path("asks.py").write_text(finder, encoding="utf-8")
    words = ["run", "idle", "--set", "duration=3m", "--out", "out", "--finder", "asks.py:handler"]
    main(words)
    shown = " ".join(capsys.readouterr().out.split())
    assert "- 9 calls answered by moto, over HTTP: ec2 DescribeInstances 6, sns ListTopics 3 replay" in shown
    result = json.loads(Path("out/idle-1/result.json").read_text(encoding="utf-8"))
    assert result["forwarded"] == {"ec2 DescribeInstances": 6, "sns ListTopics": 3}
    for name in ("report.md", "report.html"):
        text = Path("out/idle-1", name).read_text(encoding="utf-8")
        assert "moto did, over HTTP: ec2 DescribeInstances 6, sns ListTopics 3." in text


def test_wrong_contract_is_reported_by_file_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("contract.yaml").write_text("name: team\nlimits: {looks: 0}\n", encoding="utf-8")
    words = ["--tier", "wire", "--finder", "finder.py:handler", "--contract", "contract.yaml"]
    assert main(["run", "drill", "recovery", *words]) == 4
    error = "drsim: contract.yaml:2: limits.looks must be greater than or equal to 1, got 0\n"
    assert capsys.readouterr().err == error


@pytest.mark.slow
def test_wrong_value_of_a_variable_is_reported_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    variable = "contract.limits.variables={MINUTES: {limit: timeout, unit: 1m}}"
    words = ["--tier", "wire", "--finder", "finder.py:handler", "--set", variable, "--env", "MINUTES=soon"]
    assert main(["run", "idle", *words]) == 4
    error = "drsim: idle, seed 1: --env MINUTES must be a number >= 0, for it sets timeout, got 'soon'\n"
    assert capsys.readouterr().err == error


def test_explore_refuses_a_scenario_with_a_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "drill", "--set", "contract.name=team", "--seeds", "1"]) == 4
    assert "drill: contract team needs --finder" in capsys.readouterr().err


def test_schema_of_contracts_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "contract"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"extends", "names", "limits", "promises"} <= schema["properties"].keys()
    assert "required" not in schema
