"""State of one Lambda environment, and handlers that fail or cannot continue."""

from pathlib import Path

import pytest

from drsim.cli import main
from drsim.simulator.handlers.errors import HandlerError
from tests.simulator.handlers.test_handlers import IDLE, outcomes, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]


SETS = """\
import os
import sys

def handler(event, context):
    print(os.environ.get("SEEN"), os.getenv("METRICS_NAMESPACE"), "made-here" in sys.path)
    os.environ["SEEN"] = os.environ.get("SEEN", "") + "x"
    os.environ["METRICS_NAMESPACE"] = "changed"
    sys.path.insert(0, "made-here")
"""


def test_variables_and_paths_of_a_handler_live_as_long_as_its_environment(tmp_path: Path) -> None:
    assert run(tmp_path, SETS).lines == ["None None False", "x changed True", "xx changed True"]
    assert run(tmp_path, SETS, "functions.idle_max=30s").lines == ["None None False"] * 3


SLEEPS_BETWEEN = """\
import os
import time

def handler(event, context):
    os.environ["MINE"] = context.aws_request_id
    time.sleep(70)
    print(os.environ["MINE"] == context.aws_request_id)
"""


def test_two_environments_that_run_at_once_keep_their_variables_apart(tmp_path: Path) -> None:
    changes = ("functions.finder.timeout=3m", "functions.finder.reserved_concurrency=5")
    assert set(run(tmp_path, SLEEPS_BETWEEN, *changes, duration="5m").lines) == {"True"}


LATE_IMPORT = """\
import sys

sys.path.insert(0, {folder!r})

def handler(event, context):
    import found_late
    print(found_late.__name__)
"""


def test_an_import_within_the_handler_sees_the_path_that_its_module_set(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "found_late.py").write_text("", encoding="utf-8")
    assert run(tmp_path, LATE_IMPORT.format(folder=str(folder)), duration="50s").lines == ["found_late"]


EXITS = """\
import sys

count = 0

def handler(event, context):
    global count
    count += 1
    print(count)
    sys.exit("enough")
"""


def test_a_handler_that_exits_ends_its_runtime_and_not_the_simulation(tmp_path: Path) -> None:
    seen = run(tmp_path, EXITS)
    assert outcomes(seen) == ["crash Runtime.ExitError: SystemExit: enough"] * 3
    assert seen.lines == ["1", "1", "1"]


def test_variable_missing_at_call_time_is_named_with_the_option_to_set_it(tmp_path: Path) -> None:
    finder = "import os\n\ndef handler(event, context):\n    print(os.environ['PLANS_TABLE'])\n"
    with pytest.raises(HandlerError, match=r"ExecutionFinder: it reads PLANS_TABLE, .* not set: --env PLANS_TABLE="):
        run(tmp_path, finder)


TOO_FEW = """\
from concurrent.futures import ThreadPoolExecutor

def handler(event, context):
    ThreadPoolExecutor(-1)
"""


def test_wrong_arguments_of_a_pool_are_errors_of_the_handler_as_in_python(tmp_path: Path) -> None:
    seen = run(tmp_path, TOO_FEW, duration="50s")
    assert outcomes(seen) == ["error ValueError: max_workers must be greater than 0"]


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("import os\nos.no_such_thing\n", r"cannot import .*: AttributeError: module 'os' has no attribute"),
        ("raise SystemExit(3)\n", r"cannot import .*: SystemExit: 3"),
        ("{}['plans']\n", r"cannot import .*: KeyError: 'plans'$"),
        ("import plans_of_ours\n", r"add its folder with --path DIR, or install it"),
    ],
)
def test_failed_import_is_reported_with_its_error(tmp_path: Path, module: str, says: str) -> None:
    with pytest.raises(HandlerError, match=says):
        run(tmp_path, module + IDLE, duration="50s")


def test_error_of_a_handler_is_in_the_summary_and_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("finder.py").write_text("def handler(event, context):\n    {}['plans']\n", encoding="utf-8")
    Path("poller.py").write_text(IDLE, encoding="utf-8")
    words = ["--tier", "wire", "--finder", "finder.py:handler", "--poller", "poller.py:handler"]
    assert main(["run", "drill", "--set", "duration=170s", *words]) == 1
    line = "3 x ExecutionFinder: KeyError: 'plans'"
    assert line in capsys.readouterr().out
    assert line in Path("drsim-runs/drill-1/report.md").read_text(encoding="utf-8")


LEAVES_A_CALL = """\
import time
from concurrent.futures import ThreadPoolExecutor

import boto3

BEGAN = time.time()
dynamodb = boto3.client("dynamodb")
pool = ThreadPoolExecutor()

def write(status):
    key = {"ExecutionId": {"S": "left"}, "PlanId": {"S": "plan"}}
    dynamodb.put_item(TableName="drs-orchestration-execution-history-test", Item={**key, "Status": {"S": status}})
    print(f"wrote {status} at {round(time.time() - BEGAN)} s")

def both():
    write("FIRST")
    write("SECOND")

def handler(event, context):
    print("starts")
    if not hasattr(dynamodb, "left"):
        dynamodb.left = pool.submit(both)
        return
    time.sleep(2)
"""


def test_call_in_flight_at_the_freeze_acts_at_once_and_answers_later(tmp_path: Path) -> None:
    seen = run(tmp_path, LEAVES_A_CALL, duration="65s")
    assert [line for line in seen.lines if line != "starts"] == ["wrote FIRST at 60 s", "wrote SECOND at 60 s"]
    first, second = [change for change in seen.changes if change.execution_id == "left"]
    assert (first.at_us < 1_000_000, 60_000_000 < second.at_us < 61_000_000) == (True, True)
    # Both are writes of the invocation that submitted the task.
    assert first.request_id == second.request_id == seen.ends[0].request_id
