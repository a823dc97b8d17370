"""The public Python API: what it takes and returns, its errors, and its page in the docs."""

import inspect
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from drsim import api
from drsim.api import Contract, FailedRunError, Handlers, ScenarioError, UserError, explore, load, run
from drsim.cli import main
from tests.catalogue import run_of
from tests.test_readme import ROOT, blocks

API = ROOT / "docs" / "api.md"
PYTEST = ROOT / "docs" / "pytest.md"
LATE = ["bounds.completion=0s"]
"""Makes a drill fail."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_run_has_a_default_seed_and_the_trace_of_the_command() -> None:
    done = run("drill")
    assert done.result.trace_digest == run_of("drill").result.trace_digest
    assert (done.result.seed, done.verdict, done.folder, done.page) == (1, "pass", None, None)
    assert run(load("drill")).result.trace_digest == done.result.trace_digest
    assert done.check() is done
    assert not [*Path().iterdir()]


def test_check_raises_with_findings_and_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    # As many CI services do; the message has no escape codes.
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = run("drill", seed=2, changes=LATE)
    with pytest.raises(FailedRunError) as error:
        done.check()
    lines = str(error.value).splitlines()
    assert lines[0] == "✗ drill, seed 2: FAIL"
    assert lines[-1] == "  replay  drsim run drill --seed 2 --set bounds.completion=0s"
    assert "✗ 1. completion-liveness: late end, Status (1 execution, 1 time)" in lines
    assert [found.property for found in done.findings] == ["completion-liveness"]


def test_write_leaves_the_files_of_a_run_and_names_its_page() -> None:
    done = run("idle").write("runs/idle")
    files = ["ctrf.json", "junit.xml", "metrics.csv", "report.html", "report.md", "result.json", "trace.jsonl.gz"]
    assert sorted(path.name for path in Path("runs/idle").iterdir()) == files
    assert done.page == Path("runs/idle/report.html")
    assert done.summary().splitlines()[-1] == "  report  runs/idle/report.html"


def test_write_reports_a_folder_that_cannot_be_made() -> None:
    Path("runs").write_text("in the way", encoding="utf-8")
    with pytest.raises(UserError, match="cannot write runs: File exists"):
        run("idle").write("runs")


def test_write_does_not_replace_a_signed_run() -> None:
    assert main(["run", "idle"]) == 0
    assert main(["sign", "drsim-runs/idle-1", "--as", "Bo", "--role", "lead"]) == 0
    with pytest.raises(UserError, match="drsim-runs/idle-1"):
        run("idle").write("drsim-runs/idle-1")


def test_contract_object_takes_the_place_of_the_scenarios_own() -> None:
    patient = Contract.model_validate({"name": "patient", "limits": {"timeout": "45m"}})
    assert load("drill", contract=patient).contract == patient
    with pytest.raises(UserError, match="contract patient needs --finder"):
        run(load("drill", contract=patient))


def untyped(**given: Any) -> Handlers:
    """Handlers as a caller without a type checker may make them."""
    return Handlers(**given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": "dril"}, "no scenario 'dril': did you mean 'drill'?"),
        ({"changes": ["servres=2"]}, "--set servres: there is no such field"),
        ({"changes": "servers=2"}, "changes must be a list such as ['executions=200'], got 'servers=2'"),
        ({"seed": -1}, "seed must be a whole number from 0 to 999,999,999,999,999,999, got -1"),
        ({"seed": 10**18}, "seed must be a whole number from 0 to 999,999,999,999,999,999, got 1000000000000000000"),
        ({"seed": "x"}, "seed must be a whole number from 0 to 999,999,999,999,999,999, got 'x'"),
        ({"seed": True}, "seed must be a whole number from 0 to 999,999,999,999,999,999, got True"),
        ({"tier": "bogus"}, "tier must be one of fast, client, wire, got 'bogus'"),
        ({"trace": "bogus"}, "trace must be one of "),
        ({"contract": 5}, "contract must be a file, ours or plain, got 5"),
        ({"scenario": 5}, "a scenario must be a name, a file or a Scenario, got 5"),
        ({"changes": [5]}, "changes must be a list such as ['executions=200'], got [5]"),
        ({"handlers": "a:b"}, "handlers must be Handlers(finder=..., poller=...), got 'a:b'"),
        ({"handlers": untyped(finder=5)}, "finder must be FILE.py:HANDLER or MODULE:HANDLER, got 5"),
        ({"handlers": untyped(finder="a:b", poller=5)}, "poller must be FILE.py:HANDLER or MODULE:HANDLER, got 5"),
        ({"handlers": untyped(finder="a:b", paths="layer")}, "paths must be a list of folders, got 'layer'"),
        (
            {"handlers": untyped(finder="a:b", variables={"A": 1})},
            "variables must be a mapping of texts, got {'A': 1}",
        ),
        ({"contract": "none.yaml"}, "cannot read none.yaml: No such file or directory"),
        ({"handlers": Handlers(finder="none.py:handler")}, "--finder: no file none.py"),
        ({"handlers": Handlers(finder="json:none")}, "drill: ExecutionFinder: json has no function 'none'"),
        ({"handlers": Handlers(finder="json:dumps"), "tier": "fast"}, "--finder, --poller, --path and --env are for"),
        ({"scenario": load("drill"), "changes": LATE}, "changes and contract belong to a scenario's name or file"),
    ],
)
def test_errors_of_users_are_of_two_classes(arguments: dict[str, object], message: str) -> None:
    with pytest.raises((ScenarioError, UserError)) as error:
        run(**{"scenario": "drill", **arguments})  # type: ignore[arg-type] # of a table
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("seeds", [range(0), range(1, 9, 2), range(-1, 3), range(1, 10**18 + 1)])
def test_explore_refuses_seeds_with_gaps(seeds: range) -> None:
    with pytest.raises(
        UserError, match="seeds must be a range of whole numbers >= 0 of at most 18 digits, without gaps, got range"
    ):
        explore("idle", seeds)


@pytest.mark.slow
def test_explore_returns_the_failed_seeds() -> None:
    campaign = explore("drill", range(3, 6), changes=LATE, jobs=1)
    assert (campaign.verdict, campaign.failed_seeds, campaign.seeds_count) == ("fail", [3, 4, 5], 3)
    assert {failure.property for failure in campaign.failures} == {"completion-liveness"}
    assert not [*Path().iterdir()]


@pytest.mark.slow
def test_explore_reports_handlers_that_cannot_run() -> None:
    with pytest.raises(UserError, match="drill: ExecutionFinder: json has no function 'none'"):
        explore("drill", handlers=Handlers(finder="json:none"))


def test_page_lists_exactly_the_public_names_with_their_docstrings() -> None:
    rows = [line.split(" | ") for line in API.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    listed = {name.strip("|` "): text.rstrip(" |") for name, text in rows}
    assert sorted(listed) == sorted(api.__all__)
    for name in ("run", "explore", "load"):
        assert listed[name] == (inspect.getdoc(getattr(api, name)) or "").splitlines()[0]


@pytest.fixture
def _pair() -> None:
    shutil.copytree(ROOT / "examples" / "polling_mended", "pair")
    shutil.copy(ROOT / "examples" / "polling" / "contract.yaml", "pair")


@pytest.mark.slow
@pytest.mark.usefixtures("_pair")
def test_examples_of_the_page_run_and_import_the_api_alone() -> None:
    code = "\n".join(blocks(API, "python"))
    assert {line.split()[1] for line in code.splitlines() if line.startswith("from ")} == {"drsim.api", "pathlib"}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.usefixtures("_pair")
def test_page_on_pytest_is_true_of_both_kinds_of_functions() -> None:
    (module,), (project,), (shown,) = (blocks(PYTEST, language) for language in ("python", "toml", "text"))
    assert tomllib.loads(project)["tool"]["drsim"]["finder"]
    Path("test_it.py").write_text(module, encoding="utf-8")
    for text, tier in (("", "fast"), (project, "client")):
        Path("pyproject.toml").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "--drsim-seeds", "1-2", "--drsim-out", tier]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "3 passed" in done.stdout, done.stdout
        results = [path.read_text(encoding="utf-8") for path in sorted(Path(tier).rglob("result.json"))]
        assert [f'"tier": "{tier}"' in text for text in results] == [True] * 3
    Path("pyproject.toml").unlink()
    printed = run("drill", changes=LATE).summary().splitlines()
    for line in shown.splitlines():
        assert line.strip() == "..." or line in printed, line


def test_handlers_without_a_poller_do_not_get_that_of_drsim() -> None:
    assert Handlers(finder="app.py:handler").poller is None
