"""The pytest plugin, by sessions of pytest in folders of their own."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from drsim.api import run
from drsim.cli import main

pytest_plugins = ["pytester"]

LATE: Final = 'changes=["bounds.completion=0s"]'
"""Makes a drill fail."""
EXAMPLES: Final = Path(__file__).resolve().parent.parent.parent / "examples"


@pytest.fixture(scope="module", autouse=True)
def _imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import what a session in this process may use: pytester forgets each module that is first imported in one."""
    run("drill").write(tmp_path_factory.mktemp("run"))
    importlib.import_module("drsim.simulator.client.tier")


def session(pytester: pytest.Pytester, module: str, *options: str, width: int = 200) -> pytest.RunResult:
    """Run a module of tests in this process."""
    pytester.makepyfile(f"import pytest\n{module}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", *options)


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("result.json"))


def test_marker_makes_a_test_of_each_scenario_and_seed(pytester: pytest.Pytester) -> None:
    module = """
@pytest.mark.drsim(scenario=["idle", "drill"], seeds=range(7, 9))
def test(drsim_run):
    print(drsim_run)
"""
    done = session(pytester, module, "-v", "-s")
    done.assert_outcomes(passed=4)
    names = re.findall(r"::test\[(.*?)\] <JudgedRun of (.*?)>", done.stdout.str())
    assert names == [(f"{name}-{seed}", f"{name}, seed {seed}: pass") for name in ("idle", "drill") for seed in (7, 8)]


def test_failed_run_fails_its_test_with_findings_and_replay(pytester: pytest.Pytester) -> None:
    module = f"""
@pytest.mark.drsim(scenario="drill", {LATE})
def test(drsim_run):
    print("its body")
"""
    done = session(pytester, module)
    done.assert_outcomes(failed=1)
    shown = done.stdout.str()
    assert "\n✗ drill, seed 1: FAIL\n" in shown
    assert "\n✗ 1. completion-liveness: late end, Status (1 execution, 1 time)\n" in shown
    assert "\n  replay  drsim run drill --seed 1 --set bounds.completion=0s\n" in shown
    assert not re.findall(r"its body|Traceback|\.py:\d", shown)
    # In CI pytest's summary repeats the whole message.
    (report,) = set(re.findall(r"^  report  (.*)$", shown, re.MULTILINE))
    assert Path(report).parts[-3:] == ("test_drill_1_0", "drill-1", "report.html")
    assert Path(report).is_file()


@pytest.mark.slow
def test_replay_command_of_a_failed_test_fails_alike(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    pytester.makepyprojecttoml('[tool.drsim]\nset = ["servers=2"]\nfinder = "none.py:handler"\nseed = 4')
    module = f"""
def test(drsim):
    drsim.run("drill", finder="", {LATE}).check()
"""
    shown = session(pytester, module).stdout.str()
    (replay,) = {*re.findall(r"replay  drsim (.*)$", shown, re.MULTILINE)}
    assert replay == "run drill --seed 4 --set bounds.completion=0s --finder ''"
    capsys.readouterr()
    assert main(shlex.split(replay)) == 1
    finding = "observed COMPLETED 20.683 s after it"
    assert (finding in shown, finding in capsys.readouterr().out) == (True, True)


def test_check_shows_the_line_of_the_test_and_none_of_drsim(pytester: pytest.Pytester) -> None:
    module = f"""
def test(drsim):
    drsim.run("drill", {LATE}).check()
"""
    done = session(pytester, module)
    done.assert_outcomes(failed=1)
    shown = done.stdout.str()
    assert ">       drsim.run(" in shown
    assert "E       drsim.api.FailedRunError: ✗ drill, seed 1: FAIL" in shown
    assert re.findall(r"^\S+\.py:\d+", shown, re.MULTILINE) == [
        "test_check_shows_the_line_of_the_test_and_none_of_drsim.py:4"
    ]


def test_check_false_leaves_the_verdict_to_the_test(pytester: pytest.Pytester) -> None:
    module = f"""
@pytest.mark.drsim(scenario="drill", {LATE}, check=False)
def test(drsim_run):
    assert [found.property for found in drsim_run.findings] == ["completion-liveness"]
"""
    session(pytester, module).assert_outcomes(passed=1)


def test_unknown_verdict_fails_a_test(pytester: pytest.Pytester) -> None:
    module = """
@pytest.mark.drsim(scenario="idle", changes=["exercises.properties=[timeout-truth]"])
def test(drsim_run):
    pass
"""
    done = session(pytester, module)
    done.assert_outcomes(failed=1)
    assert "  ? declared and not exercised: timeout-truth" in done.stdout.str()


@pytest.mark.parametrize(
    ("marked", "options", "project", "seeds"),
    [
        ("seeds=range(2)", [], 'seeds = "8-9"', [0, 1]),
        ('seeds="2-3"', [], "", [2, 3]),
        ("seeds=5", [], "", [5]),
        ("", [], 'seeds = "8-9"', [8, 9]),
        ("", [], "seed = 6", [6]),
        ("", [], "", [1]),
        ("seeds=range(2)", ["--drsim-seeds", "4-6"], 'seeds = "8-9"', [4, 5, 6]),
        ("seeds=range(2)", ["--drsim-seeds", "0"], "", [0]),
    ],
)
def test_seeds_are_those_of_the_option_then_marker_then_project(
    marked: str, options: list[str], project: str, seeds: list[int], pytester: pytest.Pytester
) -> None:
    pytester.makepyprojecttoml(f"[tool.drsim]\n{project}")
    module = f"""
@pytest.mark.drsim(scenario="idle", {marked})
def test(drsim_run):
    pass
"""
    shown = session(pytester, module, "--collect-only", "-q", *options).stdout.str()
    assert [int(seed) for seed in re.findall(r"::test\[idle-(\d+)\]", shown)] == seeds


@pytest.mark.slow
def test_out_has_files_of_each_run_and_tmp_path_those_of_failures(pytester: pytest.Pytester) -> None:
    module = f"""
def test_passing(drsim, tmp_path):
    assert drsim.run("idle").folder is None or not any(tmp_path.iterdir())

def test_failing(drsim, tmp_path):
    for _ in range(2):
        assert drsim.run("drill", {LATE}).folder.is_dir()
"""
    session(pytester, module, "--basetemp", "temp").assert_outcomes(passed=2)
    assert files_of(pytester.path / "temp") == ["test_failing0/drill-1", "test_failing0/drill-1-2"]
    for _ in range(2):
        session(pytester, module, "--basetemp", "temp", "--drsim-out", "out").assert_outcomes(passed=2)
    assert files_of(pytester.path / "temp") == []
    place = f"{Path(pytester.path).name.removesuffix('0')}.py"
    assert files_of(pytester.path / "out") == [
        f"{place}-test_failing/drill-1",
        f"{place}-test_failing/drill-1-2",
        f"{place}-test_passing/idle-1",
    ]


def test_replay_command_is_shown_when_the_test_itself_fails(pytester: pytest.Pytester) -> None:
    module = """
def test(drsim):
    assert drsim.run("idle", seed=3).findings
"""
    shown = session(pytester, module).stdout.str()
    assert "<JudgedRun of idle, seed 3: pass>" in shown
    assert "idle, seed 3: pass; replay  drsim run idle --seed 3\n" in shown


@pytest.mark.parametrize(
    ("marker", "body", "message"),
    [
        ('scenario="idle", seed=1', "drsim_run", "marker drsim has no option 'seed'; there are finder, poller, paths"),
        ("seeds=[1]", "drsim_run", "drsim_run needs @pytest.mark.drsim(scenario=...)"),
        ('scenario="idle"', "", "marked drsim, but it does not take drsim_run, so no scenario would run"),
        ('scenario="idle", seeds="3-1"', "drsim_run", "seeds must be FIRST-LAST, such as 1-20, or one seed, got '3-1'"),
        (
            'scenario="idle", seeds=[-1]',
            "drsim_run",
            "seeds must be whole numbers from 0 to 999,999,999,999,999,999, got -1",
        ),
        (
            'scenario="idle", seeds=[True]',
            "drsim_run",
            "seeds must be whole numbers from 0 to 999,999,999,999,999,999, got T",
        ),
        ('scenario="idle", seeds=[]', "drsim_run", "seeds must have at least one seed, got none"),
        ('scenario="idle", seeds=range(5, 5)', "drsim_run", "seeds must have at least one seed, got none"),
        (
            'scenario="idle", seeds=range(10**15)',
            "drsim_run",
            "seeds must be at most 100,000; `drsim explore` runs more",
        ),
        ('scenario="idle", seeds="1-1000000000"', "drsim_run", "seeds must be at most 100,000"),
        ('scenario="idle", seeds=1.5', "drsim_run", "seeds must be a list, got 1.5"),
        ('scenario="idle", finder=5', "drsim_run", "finder must be FILE.py:HANDLER or MODULE:HANDLER, got 5"),
        ('scenario="idle", tier="bogus"', "drsim_run", "tier must be one of fast, client, wire, got 'bogus'"),
        ('"idle"', "drsim_run", "the marker drsim takes its options by name, got 'idle'"),
        ('scenario="idel"', "drsim_run", "no scenario 'idel': did you mean 'idle'?"),
        ('scenario="idle", changes="servers=2"', "drsim_run", "changes must be a list, got 'servers=2'"),
        ('scenario="idle", paths="layer", finder="a:b"', "drsim_run", "paths must be a list, got 'layer'"),
        ('scenario="idle", finder="no.py:handler"', "drsim_run", "--finder: no file no.py"),
        ('scenario="drill", contract="no.yaml", finder="json:dumps"', "drsim_run", "cannot read no.yaml: No such file"),
        ("scenario=7", "drsim_run", "scenario must be a name, a file or a list of them, got 7"),
        ('scenario="idle", env="A=1", finder="a:b"', "drsim_run", "env must be a mapping of texts, got 'A=1'"),
        ('contract="plain"', "drsim", "drsim.run needs a scenario: a name or a file"),
    ],
)
def test_wrong_use_is_one_message_without_a_traceback(
    marker: str, body: str, message: str, pytester: pytest.Pytester
) -> None:
    module = f"""
@pytest.mark.drsim({marker})
def test({body}):
    {"drsim.run()" if body == "drsim" else "pass"}
"""
    done = session(pytester, module)
    assert done.ret != 0
    shown = done.stdout.str()
    assert message in shown
    assert not [word for word in ("Traceback", "During handling", "pytest_plugin.py") if word in shown]


def test_folders_of_tests_differ_where_only_their_signs_do(pytester: pytest.Pytester) -> None:
    module = """
@pytest.mark.parametrize("name", ["a/b", "a:b", "plain"])
def test(name, drsim):
    drsim.run("idle")
"""
    session(pytester, module, "--drsim-out", "runs").assert_outcomes(passed=3)
    folders = [name.partition("/")[0] for name in files_of(pytester.path / "runs")]
    start = "test_folders_of_tests_differ_where_only_their_signs_do.py-test"
    assert [name for name in folders if name == f"{start}-plain"]
    assert len([name for name in folders if re.fullmatch(rf"{start}-a-b--?[0-9a-f]{{8}}", name)]) == 2


@pytest.mark.slow
def test_options_of_function_class_and_project_are_joined(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml('[tool.drsim]\nset = ["bounds.completion=0s"]')
    module = """
@pytest.mark.drsim(scenario="drill", changes=["servers=3"])
class TestDrill:
    def test_of_class(self, drsim_run):
        assert drsim_run.replay == "drsim run drill --seed 1 --set servers=3"

    @pytest.mark.drsim(changes=["servers=2"], seeds=[5])
    def test_of_function(self, drsim_run):
        assert drsim_run.replay == "drsim run drill --seed 5 --set servers=2"

    def test_of_call(self, drsim):
        assert drsim.run(seed=2, changes=["servers=4"]).replay == "drsim run drill --seed 2 --set servers=4"
        assert drsim.run("idle", changes=["duration=3m"]).replay == "drsim run idle --seed 1 --set duration=3m"

def test_of_project(drsim):
    assert drsim.run("drill").verdict == "fail"
"""
    session(pytester, module).assert_outcomes(passed=4)


def test_runs_do_not_depend_on_the_folder_of_a_test(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", mine="name: mine\ntitle: Mine\nwhy: A test.\nworkload: []\n")
    module = """
def test(drsim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert drsim.run("mine.yaml").check().replay == "drsim run mine.yaml --seed 1"
"""
    session(pytester, module).assert_outcomes(passed=1)


def test_plugin_imports_nothing_but_pytest() -> None:
    code = "import pytest, sys; old = {*sys.modules}; import drsim.pytest_plugin; print(sorted({*sys.modules} - old))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "['drsim', 'drsim.pytest_plugin']\n"


@pytest.mark.slow
def test_session_without_drsim_loads_the_plugin_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test():
            assert [name for name in sys.modules if name.startswith("drsim")] == ["drsim", "drsim.pytest_plugin"]
    """)
    done = pytester.runpytest_subprocess("-W", "error", "--strict-markers")
    done.assert_outcomes(passed=1)


@pytest.mark.slow
def test_handlers_of_the_project_run_in_several_processes(pytester: pytest.Pytester) -> None:
    shutil.copytree(EXAMPLES / "polling_mended", pytester.path / "pair")
    shutil.copy(EXAMPLES / "polling" / "contract.yaml", pytester.path / "pair")
    pytester.makepyprojecttoml("""
        [tool.drsim]
        finder = "pair/finder/app.py:lambda_handler"
        poller = "pair/poller/app.py:lambda_handler"
        paths = ["pair/layer"]
        contract = "pair/contract.yaml"

        [tool.drsim.env]
        TABLE_NAME = "drs-orchestration-execution-history-test"
        POLLER_FUNCTION_NAME = "ExecutionPoller"
    """)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.drsim(scenario="drill", seeds=range(2))
        def test(drsim_run):
            assert drsim_run.result.tier == "client"
            assert drsim_run.result.functions["finder"] == "pair/finder/app.py:lambda_handler"

        @pytest.mark.drsim(scenario="drill", tier="fast")
        def test_own(drsim_run):
            assert drsim_run.result.functions == {}
    """)
    done = pytester.runpytest_subprocess("-W", "error", "-n", "2", "--drsim-out", "out")
    done.assert_outcomes(passed=3)
    assert len(files_of(pytester.path / "out")) == 3
