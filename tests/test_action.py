"""action.yml: it passes GitHub's schema, and its shell scripts do what its inputs say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
ACTION: Final = ROOT / "action.yml"
PAIR: Final = ROOT / "examples" / "polling_mended"


def steps() -> dict[str, Any]:
    """The action's steps by name."""
    data = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    return {step.get("name", step.get("uses")): step for step in data["runs"]["steps"]}


def step_done(name: str, folder: Path, **inputs: str) -> "subprocess.CompletedProcess[str]":
    """Run a step's script as GitHub does, with these inputs and the defaults of the others."""
    step, data = steps()[name], yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    values = {key: inputs.pop(key.replace("-", "_"), each["default"]) for key, each in data["inputs"].items()}
    assert not inputs, f"no such input: {inputs}"
    variables = {key: values[text[len("${{ inputs.") : -len(" }}")]] for key, text in step["env"].items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **variables, "PATH": path, "GITHUB_STEP_SUMMARY": str(folder / "step-summary.md")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.slow
def test_action_passes_the_schema_of_github() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", str(ACTION)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_inputs_reach_scripts_as_variables_only() -> None:
    scripts = [step["run"] for step in steps().values() if "run" in step]
    assert len(scripts) == 3
    assert not any("${{" in script for script in scripts)


@pytest.mark.slow
def test_action_runs_handlers_explores_and_shows_both(tmp_path: Path) -> None:
    shutil.copytree(PAIR, tmp_path / "pair dir")
    done = step_done(
        "Simulate",
        tmp_path,
        scenarios="drill idle",
        seeds="1-2",
        finder="pair dir/finder/app.py:lambda_handler",
        poller="pair dir/poller/app.py:lambda_handler",
        path="pair dir/layer\n",
        env="TABLE_NAME=drs-orchestration-execution-history-test\nPOLLER_FUNCTION_NAME=ExecutionPoller\n",
        contract=str(ROOT / "examples" / "polling" / "contract.yaml"),
        explore="1s",
        explore_scenario="drill",
    )
    assert "4 of 4 runs passed" in done.stdout, done.stderr
    assert "drill: 0 of" in done.stdout
    assert done.returncode == 0
    assert step_done("Show the summary", tmp_path).returncode == 0
    summary = (tmp_path / "step-summary.md").read_text(encoding="utf-8")
    assert "4 of 4 runs passed" in summary
    assert (tmp_path / "drsim-runs" / "explore-drill" / "report.md").read_text(encoding="utf-8") in summary


@pytest.mark.slow
def test_action_fails_as_its_scenarios_do_and_still_explores(tmp_path: Path) -> None:
    Path(tmp_path, "pyproject.toml").write_text('[tool.drsim]\nset = ["bounds.completion=0s"]\n', encoding="utf-8")
    done = step_done("Simulate", tmp_path, scenarios="drill", explore="1s", explore_scenario="idle")
    assert done.returncode == 1
    assert "idle: 0 of" in done.stdout
    assert step_done("Show the summary", tmp_path).returncode == 0
    assert "FAIL" in (tmp_path / "step-summary.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_action_ends_with_a_usage_error_and_no_exploration(tmp_path: Path) -> None:
    done = step_done("Simulate", tmp_path, scenarios="$(touch made)", explore="1s")
    assert (done.returncode, done.stdout) == (4, "")
    assert not (tmp_path / "made").exists()
    assert step_done("Show the summary", tmp_path).returncode == 0
