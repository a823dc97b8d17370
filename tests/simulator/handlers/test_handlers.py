"""Other teams' handlers: their modules, time, output and threads, and what is refused."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.scenarios.machine import wall_seconds
from drsim.simulator.events import FINDER, ItemChanged, LambdaEnded, LambdaStarted, LogWritten
from drsim.simulator.handlers.errors import HandlerError, NotSimulatedError
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.trace import Trace
from drsim.simulator.world import World
from tests.simulator.handlers.tiers import handler_parts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

ROOT = Path(__file__).resolve().parents[3]

IDLE = "def handler(event, context):\n    pass\n"


@dataclass
class Seen:
    """What the finder did in one run."""

    lines: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    ends: list[LambdaEnded] = field(default_factory=list)
    environments: list[int] = field(default_factory=list)
    changes: list[ItemChanged] = field(default_factory=list)

    def listen(self, trace: Trace) -> None:
        trace.listen(LogWritten, self._on_line)
        trace.listen(LambdaEnded, lambda event: self.ends.append(event) if event.function == FINDER else None)
        trace.listen(LambdaStarted, self._on_started)
        trace.listen(ItemChanged, self.changes.append)

    def _on_line(self, event: LogWritten) -> None:
        if event.function == FINDER:
            self.lines.append(event.message)
            self.levels.append(event.level)

    def _on_started(self, event: LambdaStarted) -> None:
        if event.function == FINDER:
            self.environments.append(event.environment)


def run(tmp_path: Path, finder: str, *changes: str, duration: str = "150s", paths: tuple[Path, ...] = ()) -> Seen:
    """Let a finder run at minutes 0, 1 and 2; the poller does nothing."""
    (tmp_path / "finder.py").write_text(finder, encoding="utf-8")
    (tmp_path / "poller.py").write_text(IDLE, encoding="utf-8")
    functions = Handlers(finder=f"{tmp_path}/finder.py:handler", poller=f"{tmp_path}/poller.py:handler", paths=paths)
    scenario = load("drill", (f"duration={duration}", *changes))
    seen = Seen()
    with handler_parts(scenario, functions) as parts:
        world = World(scenario, seed=1, parts=parts)
        seen.listen(world.trace)
        try:
            world.run()
        finally:
            world.close()
    return seen


def outcomes(seen: Seen) -> list[str]:
    return [f"{end.outcome} {end.detail}".strip() for end in seen.ends]


# --- modules, time, output -------------------------------------------------------------------------------------------

COUNTS = """\
count = 0

def handler(event, context):
    global count
    count += 1
    print(f"invocation {count} in {context.log_stream_name}")
"""


def test_module_state_lives_as_long_as_its_environment(tmp_path: Path) -> None:
    assert run(tmp_path, COUNTS).lines == [f"invocation {number} in 1" for number in (1, 2, 3)]


def test_cold_start_imports_again(tmp_path: Path) -> None:
    seen = run(tmp_path, COUNTS, "functions.idle_max=30s")
    assert seen.lines == [f"invocation 1 in {number}" for number in seen.environments]
    assert len(set(seen.environments)) == 3


def test_modules_of_a_path_belong_to_the_environment_as_well(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "tally.py").write_text("seen = []\n", encoding="utf-8")
    finder = "import tally\n\ndef handler(event, context):\n    tally.seen.append(1)\n    print(len(tally.seen))\n"
    assert run(tmp_path, finder, paths=(layer,)).lines == ["1", "2", "3"]
    assert run(tmp_path, finder, "functions.idle_max=30s", paths=(layer,)).lines == ["1", "1", "1"]


CLASHING = """\
import orchestrator, reports, scenarios, simulator, tests

def handler(event, context):
    print(orchestrator.OWN, reports.OWN, scenarios.OWN, simulator.OWN, tests.OWN)
"""


def test_modules_may_have_the_names_of_this_projects_folders(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    for name in ("orchestrator", "reports", "scenarios", "simulator", "tests"):
        (layer / f"{name}.py").write_text(f"OWN = {name!r}\n", encoding="utf-8")
    seen = run(tmp_path, CLASHING, duration="30s", paths=(layer,))
    assert (seen.lines, outcomes(seen)) == (["orchestrator reports scenarios simulator tests"], ["ok"])
    assert sys.modules["tests"].__file__ == str(ROOT / "tests" / "__init__.py")


SLEEPS = """\
import time

def handler(event, context):
    before, left = time.time(), context.get_remaining_time_in_millis()
    time.sleep(20)
    print(round(time.time() - before, 3), left - context.get_remaining_time_in_millis())
"""


def test_sleep_takes_virtual_time_and_no_real_time(tmp_path: Path) -> None:
    began = wall_seconds()
    seen = run(tmp_path, SLEEPS)
    # Three sleeps of twenty seconds, and whatever a busy host takes for a deployment.
    assert wall_seconds() - began < 30
    assert seen.lines == ["20.0 20000"] * 3
    assert all(20_000_000 <= end.duration_us < 20_100_000 for end in seen.ends)


POOL = """\
import time
from concurrent.futures import ThreadPoolExecutor

def work(seconds):
    time.sleep(seconds)
    return seconds

def handler(event, context):
    before = time.time()
    with ThreadPoolExecutor(max_workers=3) as pool:
        print(sum(pool.map(work, [5, 6, 7])), round(time.time() - before, 3))
"""


def test_the_workers_of_a_thread_pool_run_side_by_side_in_virtual_time(tmp_path: Path) -> None:
    assert run(tmp_path, POOL, duration="50s").lines == ["18 7.0"]


LOGS = """\
import logging
import sys

logger = logging.getLogger()
logger.setLevel(logging.INFO)

def handler(event, context):
    print("printed\\nin two lines")
    logger.info("for information")
    logging.getLogger("deeper").error("gone wrong")
    logger.debug("unheard")
    print("aside", file=sys.stderr)
"""


def test_printed_and_logged_text_becomes_log_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = run(tmp_path, LOGS, duration="50s")
    lines = ["printed", "in two lines", "[INFO]\tfor information", "[ERROR]\tgone wrong", "aside"]
    assert seen.lines == lines
    assert seen.levels == ["INFO", "INFO", "INFO", "ERROR", "INFO"]
    assert capsys.readouterr() == ("", "")


def test_error_of_a_handler_fails_its_invocation_only(tmp_path: Path) -> None:
    seen = run(tmp_path, "def handler(event, context):\n    raise ValueError('no such plan')\n")
    assert outcomes(seen) == ["error ValueError: no such plan"] * 3


EVENTS = """\
import json
import boto3

events = boto3.client("events")

def handler(event, context):
    entry = {"Source": "team", "DetailType": "ended", "Detail": json.dumps({"id": 1})}
    print(events.put_events(Entries=[entry])["FailedEntryCount"], event["detail-type"])
"""


def test_a_handler_puts_events(tmp_path: Path) -> None:
    """moto takes the schedule's rule, which has no pattern, for one that matches, and cannot start its target."""
    assert run(tmp_path, EVENTS, duration="50s").lines == ["0 Scheduled Event"]


TOPIC = """\
import boto3
from botocore.exceptions import ClientError

sns = boto3.client("sns")

def handler(event, context):
    try:
        sns.publish(TopicArn="arn:aws:sns:us-east-1:777788889999:ended", Message="ended")
    except ClientError as error:
        print(error.response["Error"]["Code"])
"""


def test_missing_topic_returns_the_error_of_aws(tmp_path: Path) -> None:
    assert run(tmp_path, TOPIC, duration="50s").lines == ["NotFound"]


RENAMED = """\
import boto3
from boto3.dynamodb.conditions import Key

table = boto3.resource("dynamodb").Table("drs-orchestration-execution-history-test")

def handler(event, context):
    for item in table.query(IndexName="StatusIndex", KeyConditionExpression=Key("state").eq("POLLING"))["Items"]:
        print(sorted(item))
        print(table.get_item(Key={"pk": item["pk"], "plan_id": item["plan_id"]})["Item"] == item)
"""


def test_a_table_is_spelled_as_the_team_spells_it(tmp_path: Path) -> None:
    names = ["table.style=snake_case", "table.names.ExecutionId=pk", "table.names.Status=state"]
    seen = run(tmp_path, RENAMED, *names, duration="90s")
    attributes = [
        "InitiatedBy",
        "execution_type",
        "pk",
        "plan_id",
        "start_time",
        "state",
        "total_waves",
        "version",
        "waves",
    ]
    assert seen.lines == [str(attributes), "True"]


# --- what is refused -----------------------------------------------------------------------------------------------


def test_a_module_that_cannot_be_found_is_named_with_the_option_that_helps(tmp_path: Path) -> None:
    with pytest.raises(HandlerError, match=r"cannot import .*finder.py:handler: .*'plans_of_ours'.*--path DIR"):
        run(tmp_path, "import plans_of_ours\n" + IDLE, duration="50s")


def test_a_variable_that_is_missing_is_named_with_the_option_that_helps(tmp_path: Path) -> None:
    with pytest.raises(HandlerError, match=r"cannot import .*finder.py:handler: .*--env PLANS_TABLE="):
        run(tmp_path, 'import os\n\ntable = os.environ["PLANS_TABLE"]\n' + IDLE, duration="50s")


def test_missing_handler_is_named(tmp_path: Path) -> None:
    with pytest.raises(HandlerError, match="ExecutionFinder: finder has no function 'handler'"):
        run(tmp_path, "def lambda_handler(event, context):\n    pass\n", duration="50s")


CALL = """\
import boto3

client = boto3.client({service!r})

def handler(event, context):
    try:
        client.{call}
    except Exception:
        print("a handler cannot hide it")
"""


@pytest.mark.parametrize(
    ("service", "call", "says"),
    [
        (
            "rds",
            "describe_db_instances()",
            "ExecutionFinder calls rds DescribeDBInstances, which nothing",
        ),
        (
            "lambda",
            "get_function(FunctionName='ExecutionPoller')",
            "calls lambda GetFunction; only Invoke is simulated",
        ),
    ],
)
def test_a_call_that_nothing_simulates_is_named(tmp_path: Path, service: str, call: str, says: str) -> None:
    with pytest.raises(NotSimulatedError, match=says):
        run(tmp_path, CALL.format(service=service, call=call), duration="50s")


REQUESTS = """\
import socket
import urllib.request

def handler(event, context):
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        {request}
"""


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ("urllib.request.urlopen('http://dr.example.com/hook')", "dr.example.com"),
        ("socket.create_connection(('192.0.2.1', 443))", "192.0.2.1"),
        ("tcp.connect(('192.0.2.1', 443))", "192.0.2.1"),
        ("tcp.connect_ex(('192.0.2.1', 443))", "192.0.2.1"),
        ("udp.sendto(b'polled', ('192.0.2.1', 8125))", "192.0.2.1"),
    ],
)
def test_no_handler_reaches_the_network(tmp_path: Path, request_: str, what: str) -> None:
    with pytest.raises(NotSimulatedError, match=rf"{what}.*nothing here simulates"):
        run(tmp_path, REQUESTS.format(request=request_), duration="50s")


UPDATE = """\
import boto3

table = boto3.resource("dynamodb").Table("drs-orchestration-execution-history-test")

def handler(event, context):
    try:
        table.update_item(Key={"ExecutionId": "a", "PlanId": "b"})
    except Exception:
        print("a handler cannot hide it")
"""


@pytest.mark.parametrize("tier", ["wire"], indirect=True)
def test_failure_of_moto_is_not_passed_off_as_an_error_of_aws(tmp_path: Path) -> None:
    """moto cannot do an update that sets nothing."""
    with pytest.raises(NotSimulatedError, match=r"moto cannot answer DynamoDB_\d+\.UpdateItem .*AttributeError"):
        run(tmp_path, UPDATE)


def test_refusal_in_a_thread_pool_ends_the_run(tmp_path: Path) -> None:
    finder = POOL.replace("time.sleep(seconds)", "__import__('boto3').client('rds').describe_db_instances()")
    with pytest.raises(NotSimulatedError, match="ExecutionFinder calls rds DescribeDBInstances"):
        run(tmp_path, finder, duration="50s")


def test_lines_of_a_pool_are_lines_of_its_invocation(tmp_path: Path) -> None:
    finder = POOL.replace("time.sleep(seconds)", "print('at work')")
    assert run(tmp_path, finder, duration="50s").lines == ["at work"] * 3 + ["18 0.0"]


def test_after_a_refusal_the_process_is_as_before(tmp_path: Path) -> None:
    with pytest.raises(HandlerError):
        run(tmp_path, "import os\n\ndef handler(event, context):\n    os.fork()\n", duration="50s")
    assert run(tmp_path, COUNTS, duration="50s").lines == ["invocation 1 in 1"]
