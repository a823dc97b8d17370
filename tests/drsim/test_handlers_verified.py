"""`drsim verify` runs a team's handlers again: where they are, and as they are."""

import shutil
from pathlib import Path

import pytest

from drsim.cli import main
from drsim.evidence import read

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
WORDS = (
    *("run", "drill", "--finder", "pair/finder/app.py:lambda_handler", "--poller", "pair/poller/app.py:lambda_handler"),
    *("--path", "pair/layer", "--env", "TABLE_NAME=drs-orchestration-execution-history-test"),
    *("--env", "POLLER_FUNCTION_NAME=ExecutionPoller", "--contract", "contract.yaml"),
)
POLICY = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A team's folder with a pair of handlers that fails, a contract with a policy, and a run of them."""
    team = tmp_path / "team"
    shutil.copytree(EXAMPLES / "polling", team / "pair", ignore=shutil.ignore_patterns("__pycache__"))
    contract = (EXAMPLES / "polling" / "contract.yaml").read_text(encoding="utf-8")
    assert "judged:" not in contract
    (team / "contract.yaml").write_text(f"{contract}\njudged:\n  roles: {{poller: policy.json}}\n", encoding="utf-8")
    (team / "policy.json").write_text(POLICY, encoding="utf-8")
    monkeypatch.chdir(team)
    assert main([*WORDS, "--out", str(tmp_path / "out")]) == 1
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    return team


def verified(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    code = main(["verify", str(folder), *options])
    shown = capsys.readouterr()
    return code, " ".join(shown.out.split()), shown.err


def test_failing_run_of_handlers_repeats_from_another_folder(
    team: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown, complaint = verified(tmp_path / "out", capsys)
    assert (code, complaint) == (0, "")
    assert "run again, it has the same trace and the same result" in shown
    assert "since the run" not in shown
    kept = read(tmp_path / "out" / "drill-1")
    assert kept.verdict == "fail"
    assert kept.unjudged
    assert kept.host.folder == str(team)
    assert kept.functions is not None
    assert kept.functions.paths == ("pair/layer",)


def test_changed_handlers_are_named_instead_of_the_files(
    team: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poller = team / "pair/poller/app.py"
    text = poller.read_text(encoding="utf-8")
    poller.write_text(f"{text}# a remark\n", encoding="utf-8")
    code, shown, _ = verified(tmp_path / "out", capsys)
    assert code == 0
    assert "since the run: Python files of the handlers have changed" in shown
    begin = "def lambda_handler(event, context):\n"
    assert begin in text
    poller.write_text(text.replace(begin, f"{begin}    import time; time.sleep(1)\n"), encoding="utf-8")
    code, shown, _ = verified(tmp_path / "out", capsys)
    assert code == 1
    assert "(Python files of the handlers have changed since the run, which may be why), it has another trace" in shown
    assert "differs" not in shown


def test_changed_file_of_the_contract_is_named(team: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (team / "policy.json").write_text(POLICY.replace('"Action": "*"', '"Action": "drs:*"'), encoding="utf-8")
    code, shown, _ = verified(tmp_path / "out", capsys)
    assert code == 1
    assert "(a file that the contract names has changed since the run, which may be why)" in shown


def test_moved_handlers_run_from_the_current_folder(
    team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = team.rename(tmp_path / "clone")
    team.mkdir()
    code, shown, complaint = verified(tmp_path / "out", capsys)
    assert code == 4
    assert "as recorded" in shown
    assert complaint.splitlines()[:2] == [
        f"drsim: {tmp_path / 'out' / 'drill-1'}: it cannot be run again here; --files-only compares the files alone",
        "drsim: --finder: no file pair/finder/app.py",
    ]
    assert verified(tmp_path / "out", capsys, "--files-only")[0] == 0
    monkeypatch.chdir(moved)
    assert verified(tmp_path / "out", capsys)[0] == 0


def test_run_that_is_not_deterministic_is_not_run_again(
    team: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    poller = team / "pair/poller/app.py"
    begin, odd = "def lambda_handler(event, context):\n", "    import os, time; time.sleep(os.getpid() / 1_000_000)\n"
    poller.write_text(poller.read_text(encoding="utf-8").replace(begin, f"{begin}{odd}"), encoding="utf-8")
    monkeypatch.chdir(team)
    assert main([*WORDS, "--out", str(tmp_path / "odd")]) == 1
    capsys.readouterr()
    code, shown, _ = verified(tmp_path / "odd", capsys)
    assert code == 0
    assert "not run again: by its findings, the handlers are not deterministic" in shown
