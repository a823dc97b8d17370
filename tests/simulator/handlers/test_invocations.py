"""Functions that invoke others and wait for the end: what the caller gets, and how long it waits."""

import json
from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.simulator.events import FINDER, POLLER, LambdaEnded, LambdaStarted, LogWritten, Throttled
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.world import World
from tests.simulator.handlers.test_team_polls import POLLS_ALL, judged
from tests.simulator.handlers.tiers import handler_parts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

HEAD = """\
import json
import time
import boto3
from botocore.config import Config

def handler(event, context):
    client = boto3.client("lambda", config=Config(read_timeout=READ, retries={"total_max_attempts": 2}))
    def invoke(payload=b'{"n": 1}', **more):
        begun = time.time()
        try:
            found = client.invoke(FunctionName="ExecutionPoller", Payload=payload, **more)
        except Exception as error:
            print(type(error).__name__, str(error).partition(" (")[0], round(time.time() - begun))
            return
        about = {name: found[name] for name in ("StatusCode", "FunctionError", "ExecutedVersion") if name in found}
        print(about, found["Payload"].read().decode(), round(time.time() - begun))
"""


class Seen:
    """What the functions did in one run: the finder's lines, and starts and ends of both."""

    def __init__(self, world: World) -> None:
        self.lines: list[str] = []
        self.starts: list[LambdaStarted] = []
        self.ends: list[LambdaEnded] = []
        self.throttles: list[Throttled] = []
        world.trace.listen(LogWritten, self._on_line)
        world.trace.listen(LambdaStarted, self.starts.append)
        world.trace.listen(LambdaEnded, self.ends.append)
        world.trace.listen(Throttled, self.throttles.append)

    def _on_line(self, event: LogWritten) -> None:
        if event.function == FINDER and not event.by_runtime:
            self.lines.append(event.message)

    def ends_of(self, function: str) -> list[tuple[str, str]]:
        return [(end.outcome, end.detail) for end in self.ends if end.function == function]


def run(folder: Path, finder: str, poller: str, *changes: str, read: int = 60, duration: str = "50s") -> Seen:
    """Let a finder and a poller run once: the finder's code has `invoke` and `client`."""
    body = "".join(f"    {line}\n" for line in finder.splitlines())
    (folder / "finder.py").write_text(f"READ = {read}\n{HEAD}{body}", encoding="utf-8")
    (folder / "poller.py").write_text(poller, encoding="utf-8")
    functions = Handlers(finder=f"{folder}/finder.py:handler", poller=f"{folder}/poller.py:handler")
    scenario = load("drill", (f"duration={duration}", *changes))
    with handler_parts(scenario, functions) as parts:
        world = World(scenario, seed=1, parts=parts)
        seen = Seen(world)
        try:
            world.run()
        finally:
            world.close()
    return seen


ANSWERS = """\
import time
from decimal import Decimal

def handler(event, context):
    time.sleep(7)
    return {"got": event, "ratio": Decimal("1.5"), "count": Decimal(3), "pair": (1, None)}
"""


def test_caller_waits_for_the_result_in_virtual_time(tmp_path: Path) -> None:
    seen = run(tmp_path, "invoke()", ANSWERS)
    about, _, _ = seen.lines[0].partition(' {"got')
    assert about == "{'StatusCode': 200, 'ExecutedVersion': '$LATEST'}"
    result = json.loads(seen.lines[0][len(about) :].rpartition(" ")[0])
    assert result == {"got": {"n": 1}, "ratio": 1.5, "count": 3, "pair": [1, None]}
    # Its own 7 s, and a cold start.
    assert seen.lines[0].endswith(" 8")
    poller, finder = seen.ends
    assert (poller.function, finder.function) == (POLLER, FINDER)
    assert poller.at_us <= finder.at_us < poller.at_us + 200_000


def test_error_of_the_function_is_the_callers_answer(tmp_path: Path) -> None:
    poller = "def handler(event, context):\n    print(context.aws_request_id)\n    raise ValueError('no such plan')\n"
    seen = run(tmp_path, "invoke()", poller, "functions.poller.retries_max=2", duration="4m")
    about, _, payload = seen.lines[0].partition("} {")
    assert about + "}" == "{'StatusCode': 200, 'FunctionError': 'Unhandled', 'ExecutedVersion': '$LATEST'}"
    found = json.loads("{" + payload.rpartition(" ")[0])
    assert (found["errorType"], found["errorMessage"]) == ("ValueError", "no such plan")
    assert found["requestId"] == next(start.request_id for start in seen.starts if start.function == POLLER)
    line = "  File \"/var/task/poller.py\", line 3, in handler\n    raise ValueError('no such plan')\n"
    assert found["stackTrace"] == [line]
    # One at each tick: Lambda repeats no invocation whose caller waits.
    assert seen.ends_of(POLLER) == [("error", "ValueError: no such plan")] * 4


@pytest.mark.parametrize(
    ("poller", "changes", "error"),
    [
        (
            "import time\ndef handler(event, context):\n    time.sleep(10)\n",
            ("functions.poller.timeout=3s",),
            ("Sandbox.Timedout", "Error: Task timed out after 3.00 seconds"),
        ),
        (
            "import sys\ndef handler(event, context):\n    sys.exit(1)\n",
            (),
            ("Runtime.ExitError", "Error: Runtime exited with error: exit status 1"),
        ),
        (
            "def handler(event, context):\n    return {1, 2}\n",
            (),
            ("Runtime.MarshalError", "Unable to marshal response: Object of type set is not JSON serializable"),
        ),
    ],
    ids=["timeout", "exit", "no JSON"],
)
def test_end_of_the_runtime_is_an_error_of_its_own(
    poller: str, changes: tuple[str, ...], error: tuple[str, str], tmp_path: Path
) -> None:
    seen = run(tmp_path, "invoke()", poller, *changes)
    assert seen.lines[0].startswith("{'StatusCode': 200, 'FunctionError': 'Unhandled'")
    assert f'"errorType": "{error[0]}"' in seen.lines[0]
    assert error[1] in seen.lines[0]
    assert seen.ends_of(FINDER) == [("ok", "")]


def test_result_that_is_no_json_fails_an_event_as_well(tmp_path: Path) -> None:
    poller = "def handler(event, context):\n    return {'ids': {1, 2}}\n"
    seen = run(tmp_path, "invoke(InvocationType='Event')", poller)
    what = "Runtime.MarshalError: Unable to marshal response: Object of type set is not JSON serializable"
    assert seen.ends_of(POLLER) == [("error", what)]


def test_client_that_does_not_wait_so_long_invokes_again(tmp_path: Path) -> None:
    """After the client's read timeout botocore sends the request again, and both invocations continue."""
    seen = run(tmp_path, "invoke()", ANSWERS, read=5)
    assert seen.lines == [f"ReadTimeoutError Read timeout on endpoint URL: {URL} 10"]
    assert [end.function for end in seen.ends] == [POLLER, FINDER, POLLER]
    assert seen.ends_of(POLLER) == [("ok", "")] * 2


URL = '"https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/ExecutionPoller/invocations"'


def test_deadline_of_the_caller_ends_its_wait_only(tmp_path: Path) -> None:
    seen = run(tmp_path, "invoke()", ANSWERS, "functions.finder.timeout=4s")
    assert seen.lines == []
    assert seen.ends_of(FINDER) == [("timeout", "Task timed out after 4.00 seconds")]
    assert seen.ends_of(POLLER) == [("ok", "")]


@pytest.mark.parametrize("limit", ["functions.poller.reserved_concurrency=0", "functions.account_concurrency=1"])
def test_invocation_without_free_concurrency_is_refused_at_once(limit: str, tmp_path: Path) -> None:
    seen = run(tmp_path, "invoke()", ANSWERS, limit)
    assert seen.lines[0].startswith("TooManyRequestsException An error occurred")
    # botocore tries again, as it does when a service throttles.
    assert [event.function for event in seen.throttles] == [POLLER] * 2
    assert seen.ends_of(POLLER) == []


def test_waiting_invocations_count_as_concurrent(tmp_path: Path) -> None:
    code = """\
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda _: invoke(), range(3)))
"""
    seen = run(tmp_path, code, ANSWERS, "functions.poller.reserved_concurrency=2")
    assert max(start.concurrency for start in seen.starts) == 3
    assert sum(line.startswith("TooManyRequestsException") for line in seen.lines) == 1
    assert seen.ends_of(POLLER) == [("ok", "")] * 2


def test_dry_run_and_wrong_requests_start_nothing(tmp_path: Path) -> None:
    code = """\
print(client.invoke(FunctionName="ExecutionPoller", InvocationType="DryRun")["StatusCode"])
for more in ({"payload": b"{no json"}, {"InvocationType": "Soon"}, {"payload": b'"' + b"x" * 6_291_456 + b'"'}):
    invoke(**more)
try:
    client.invoke(FunctionName="none", InvocationType="DryRun")
except client.exceptions.ResourceNotFoundException as error:
    print("no function")
"""
    seen = run(tmp_path, code, ANSWERS)
    kinds = ["InvalidRequestContentException", "InvalidParameterValueException", "RequestTooLargeException"]
    assert seen.lines[0] == "204"
    assert [line.split()[0] for line in seen.lines[1:4]] == kinds
    assert seen.lines[4:] == ["no function"]
    assert seen.ends_of(POLLER) == []


def test_log_tail_is_refused_by_name(tmp_path: Path) -> None:
    says = "ExecutionFinder invokes ExecutionPoller with LogType Tail; only None is simulated"
    with pytest.raises(NotSimulatedError, match=says):
        run(tmp_path, "invoke(LogType='Tail')", ANSWERS)


def test_finder_that_a_function_invokes_gets_its_payload(tmp_path: Path) -> None:
    code = """\
if "depth" not in event:
    client.invoke(FunctionName="ExecutionFinder", Payload=json.dumps({"depth": 1}))
print(event.get("depth", "tick"))
"""
    assert run(tmp_path, code, ANSWERS).lines == ["1", "tick"]


WAITS = """\
def handler(event, context):
    for item in found("CANCELLING") + found("POLLING"):
        key = {"ExecutionId": item["ExecutionId"], "PlanId": item["PlanId"]}
        answer = client.invoke(FunctionName="ExecutionPoller", Payload=json.dumps([key]))
        assert "FunctionError" not in answer
"""


def test_finder_that_waits_for_its_polls_passes(tmp_path: Path) -> None:
    monitors, invoked = judged(tmp_path, WAITS, POLLS_ALL)
    for name in ("poll-cadence", "no-starvation", "budgets", "log-correlation"):
        assert [(each.expected, each.observed) for each in monitors[name].violations] == []
    assert monitors["poll-cadence"].checked == 12
    assert len([each for each in invoked if each.by and each.execution_id]) == 12


def test_only_the_latest_version_is_deployed(tmp_path: Path) -> None:
    seen = run(
        tmp_path, 'invoke(Qualifier="$LATEST")\ninvoke(Qualifier="LIVE")', "def handler(event, context):\n    pass\n"
    )
    assert seen.lines[0].startswith("{'StatusCode': 200")
    assert seen.lines[1].startswith("ResourceNotFoundException")
