"""Exploring, replaying and killing handlers of a team, as its users type it."""

import shutil
from pathlib import Path

import pytest
import yaml

from drsim.cli import main

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HANDLERS = (
    *("--finder", "pair/finder/app.py:lambda_handler", "--poller", "pair/poller/app.py:lambda_handler"),
    *("--path", "pair/layer", "--env", "TABLE_NAME=drs-orchestration-execution-history-test"),
    *("--env", "POLLER_FUNCTION_NAME=ExecutionPoller", "--contract", "contract.yaml"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a team: a pair of handlers with its contract."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLES / "polling", tmp_path / "pair")
    shutil.copy(EXAMPLES / "polling" / "contract.yaml", tmp_path / "contract.yaml")
    return tmp_path


def test_failure_of_handlers_is_kept_and_replayed_until_it_is_fixed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", "drill", "--seeds", "1-2", "--jobs", "1", *HANDLERS]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "drill: 2 of 2 seeds failed" in shown
    assert "ExecutionPoller writes" in shown
    assert "at poller/app.py:169 update_item" in shown
    kept = folder / "drsim-runs/explore-drill/failures/status-order-1.yaml"
    saved = yaml.safe_load(kept.read_text(encoding="utf-8"))
    assert saved["functions"]["finder"] == "pair/finder/app.py:lambda_handler"
    assert len(saved["sources"]) == 64
    # Shrunk to little more than nothing.
    assert len(saved["scenario"]["workload"]) == 1
    assert main(["replay", str(kept)]) == 1
    assert "still fails: the very same run, event by event" in capsys.readouterr().out
    assert main(["shrink", str(kept)]) == 1
    poller = folder / "pair/poller/app.py"
    poller.write_text(poller.read_text(encoding="utf-8") + "# Changed.\n", encoding="utf-8")
    assert main(["replay", str(kept)]) == 1
    assert "event by event; its handlers have changed since it was saved" in " ".join(capsys.readouterr().out.split())
    (folder / "pair/layer/executions.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    assert main(["replay", str(kept)]) == 4
    assert "cannot import pair/finder/app.py:lambda_handler: ModuleNotFoundError" in capsys.readouterr().err
    shutil.copytree(EXAMPLES / "polling_mended", folder / "pair", dirs_exist_ok=True)
    assert main(["replay", str(kept)]) == 0
    assert "✓ fixed: every property holds" in capsys.readouterr().out


def test_handlers_are_killed_at_each_of_their_calls(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLES / "polling_mended", folder / "pair", dirs_exist_ok=True)
    short = ("waves=1", "jobs={pending: 1m, started: 20s, in_progress: 1m}", "duration=6m")
    words = ["--crash-points", "--seeds", "1", "--jobs", "1", *(word for each in short for word in ("--set", each))]
    assert main(["explore", "drill", *words, *HANDLERS]) == 0
    shown = capsys.readouterr().out
    assert "crash points covered, 0 violations" in shown
    assert "before and after each call (DescribeJobs, GetItem, Invoke, Query, UpdateItem)" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--finder", "no.py:f"], "--finder: no file no.py"),
        (["--poller", "pair/poller/app.py:lambda_handler"], "--poller, --path and --env need --finder"),
        ([*HANDLERS, "--parts", "module:NAME"], "--parts and --finder both replace drsim's own code: give one of them"),
        ([*HANDLERS, "--engine", "dask", "--scheduler", "tcp://h:1"], "handlers are files of this machine"),
        ([*HANDLERS[:4], "--contract", "contract.yaml"], "drill: ExecutionFinder: cannot import pair/finder/app.py"),
    ],
)
def test_wrong_option_is_one_message(
    folder: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", "drill", "--seeds", "1", *words]) == 4
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error
    assert not (folder / "drsim-runs").exists()


@pytest.mark.socket
def test_both_engines_find_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "drill", "--seeds", "1-2", "--jobs", "1", "--engine", "dask", *HANDLERS]) == 1
    by_dask = sorted(each.name for each in (folder / "drsim-runs/explore-drill/failures").iterdir())
    assert main(["explore", "drill", "--seeds", "1-2", "--jobs", "1", "--restart", *HANDLERS]) == 1
    by_processes = sorted(each.name for each in (folder / "drsim-runs/explore-drill/failures").iterdir())
    assert by_dask == by_processes != []


@pytest.mark.parametrize("engine", ["process", pytest.param("dask", marks=pytest.mark.socket)])
def test_campaign_of_handlers_is_resumed_while_they_are_the_same(
    folder: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(EXAMPLES / "polling_mended", folder / "pair", dirs_exist_ok=True)
    words = ["explore", "drill", "--jobs", "1", "--engine", engine, "--resume"]
    assert main([*words, "--seeds", "1-2", *HANDLERS]) == 0
    assert main([*words, "--seeds", "1-3", *HANDLERS]) == 0
    shown = capsys.readouterr().out
    assert "drill: 0 of 3 seeds failed" in shown
    assert "1 seed in" in shown
    campaign = folder / "drsim-runs/explore-drill/campaign.jsonl"
    before = campaign.read_text(encoding="utf-8")

    def refused(*more: str) -> str:
        assert main([*words, "--seeds", "1-3", *HANDLERS, *more]) == 4
        return capsys.readouterr().err

    others = f"drsim: --resume: {campaign.relative_to(folder)} was explored with"
    assert f"{others} other --finder, --poller, --path or --env; --restart starts over\n" in refused("--env", "A=B")
    changed = f"{others} another scenario, --set or --contract; --restart starts over\n"
    assert changed in refused("--set", "contract.limits.timeout=45m")
    (folder / "pair/layer/more.py").touch()
    assert f"{others} other code of your handlers: it has changed since; --restart starts over\n" in refused()
    assert campaign.read_text(encoding="utf-8") == before


def test_campaign_says_that_handlers_changed_while_it_ran(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLES / "polling_mended", folder / "pair", dirs_exist_ok=True)
    words = ["explore", "drill", "--seeds", "1", "--jobs", "1", *HANDLERS]
    changed = "your handlers' code changed during the campaign: seeds ran different code"
    assert main(words) == 0
    assert changed not in capsys.readouterr().out
    layer = folder / "pair/layer/executions.py"
    itself = "\nwith open(__file__, 'a') as file:\n    file.write('# Imported.\\n')\n"
    layer.write_text(layer.read_text(encoding="utf-8") + itself, encoding="utf-8")
    assert main([*words, "--restart"]) == 0
    assert changed in capsys.readouterr().out


LATE = """\
import boto3
looks = 0
def handler(event, context):
    global looks
    looks += 1
    if event["id"] == "tick-3" and context.aws_request_id[0] in "01234567":
        boto3.client("rds").describe_db_instances()
"""


def test_call_that_nothing_simulates_ends_its_seeds_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first seed runs; one of the others meets the call. No internal error, and all else is kept."""
    (folder / "late.py").write_text(LATE, encoding="utf-8")
    words = ["--jobs", "1", "--finder", "late.py:handler", "--contract", "contract.yaml", "--set", "duration=5m"]
    first = next(seed for seed in range(1, 20) if main(["explore", "idle", "--seeds", f"{seed}", *words]) != 4)
    capsys.readouterr()
    assert main(["explore", "idle", "--seeds", f"{first}-{first + 12}", "--restart", *words]) == 4
    captured = capsys.readouterr()
    assert "ExecutionFinder calls rds DescribeDBInstances, which nothing here simulates" in " ".join(
        captured.out.split()
    )
    assert "Traceback" not in captured.out + captured.err
    assert (folder / "drsim-runs/explore-idle/report.html").is_file()


def test_kept_failure_that_handlers_refuse_now_is_one_message(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The finder starts a process for an id that only the kept failure has."""
    finder = folder / "pair/finder/app.py"
    looks = "    items = find_polling()\n"
    before, found, after = finder.read_text(encoding="utf-8").partition(looks)
    assert found
    finder.write_text(f"{before}{looks}    'zzz' in str(items) and os.fork()\n{after}", encoding="utf-8")
    words = ["explore", "drill", "--seeds", "1", "--jobs", "1", *HANDLERS]
    assert main(words) == 1
    failures = folder / "drsim-runs/explore-drill/failures"
    all_kept = sorted(failures.iterdir())
    kept = failures / "status-order-1.yaml"
    text = kept.read_text(encoding="utf-8")
    saved = yaml.safe_load(text)
    (execution_id,) = saved["scenario"]["workload"][0]["ids"]
    changed = text.replace(execution_id, "zzz").replace(saved["sources"], "'0'")
    kept.write_text(changed, encoding="utf-8")
    others = [path for path in all_kept if path != kept]
    assert others
    for path in others:
        path.unlink()
    capsys.readouterr()
    assert main([*words, "--resume"]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "status-order, seed 1, not shrunk: its file exists and cannot be read or run:" in shown
    assert "os.fork" in shown
    assert "explore-drill/report.html" in shown
    assert kept.read_text(encoding="utf-8") == changed
    assert sorted(failures.iterdir()) == all_kept
