"""Lines of a function's own code: in calls that it makes, in errors that it raises, and names of its files."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from drsim.scenarios.files import load
from drsim.simulator.events import IndexRead, Invoked, ItemChanged, JobsDescribed, LambdaEnded, WriteRefused
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.handlers.own_code import OwnCode, base_of
from drsim.simulator.world import World
from tests.simulator.handlers.test_handlers import run as run_finder
from tests.simulator.handlers.tiers import handler_parts

Placed = IndexRead | Invoked | JobsDescribed | ItemChanged | WriteRefused | LambdaEnded
LIBRARY = """\
def called(function):
    return function()

def deep(depth):
    if depth:
        return deep(depth - 1)
    raise ValueError("too deep")
"""


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., object]:
    """Compiles LIBRARY as a file of that name and module, and returns `called` of it."""

    def compiled(file: str, module: str, name: str = "called") -> object:
        names: dict[str, object] = {"__name__": module}
        exec(compile(LIBRARY, str(tmp_path / file), "exec"), names)
        return names[name]

    return compiled


def here() -> FrameType:
    return sys._getframe(1)


def line_in(code: OwnCode, called: Callable[..., object]) -> str:
    found = called(lambda: code.line(here()))
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("file", "module", "named"),
    [
        ("team/poller/app.py", "app", "poller/app.py:2"),
        ("team/poller/parts/waves.py", "parts.waves", "poller/parts/waves.py:2"),
        ("team/layer/python/tables.py", "tables", "layer/python/tables.py:2"),
        ("elsewhere/shared/plans.py", "plans", "shared/plans.py:2"),
        # A package of the host that lies in a folder of the function, and what the function does not own.
        ("team/poller/botocore/client.py", "botocore.client", ""),
        ("team/poller/drsim/simulator/kernel.py", "drsim.simulator.kernel", ""),
        ("team/finder/app.py", "finder", ""),
    ],
)
def test_own_line_is_named_relative_to_the_folder_of_both_handlers(
    file: str, module: str, named: str, tmp_path: Path, own: Callable[..., Callable[..., object]]
) -> None:
    folders = [str(tmp_path / folder) for folder in ("team/poller", "team/layer/python", "elsewhere/shared")]
    places = [f"{tmp_path}/team/{function}/app.py:handler" for function in ("poller", "finder")]
    assert line_in(OwnCode("app", folders, base_of(*places)), own(file, module)) == named


def test_own_line_is_relative_to_the_working_directory_if_that_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Callable[..., Callable[..., object]]
) -> None:
    (tmp_path / "team" / "poller").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "team" / "poller")
    code = OwnCode("app", [str(tmp_path / "team" / "poller")], tmp_path / "team")
    assert line_in(code, own("team/poller/app.py", "app")) == "app.py:2"


def test_own_line_of_a_module_begins_with_its_top_level_package(
    tmp_path: Path, own: Callable[..., Callable[..., object]]
) -> None:
    code = OwnCode("polling", [], None)
    assert line_in(code, own("site/polling/poller/app.py", "polling.poller.app")) == "polling/poller/app.py:2"
    assert line_in(code, own("site/polling_too/app.py", "polling_too.app")) == ""


def test_handlers_on_two_branches_of_the_file_system_keep_their_folders() -> None:
    assert base_of("/srv/finder/app.py:handler", "/opt/poller/app.py:handler") == Path("/srv")
    assert base_of("team.finder:handler", "/opt/poller/app.py:handler") is None


def test_traceback_has_own_frames_only_and_the_innermost_of_a_thousand(
    tmp_path: Path, own: Callable[..., Callable[..., object]]
) -> None:
    (tmp_path / "app.py").write_text(LIBRARY, encoding="utf-8")
    code = OwnCode("app", [str(tmp_path)], tmp_path)
    with pytest.raises(ValueError, match="too deep") as caught:
        own("app.py", "app", "deep")(1)
    assert code.raised_at(caught.value) == "app.py:7"
    assert code.traceback(caught.value).splitlines() == [
        "ValueError: too deep",
        "Traceback (most recent call last):",
        "  app.py:6, in deep",
        "    return deep(depth - 1)",
        "  app.py:7, in deep",
        '    raise ValueError("too deep")',
    ]
    with pytest.raises(ValueError, match="too deep") as caught:
        own("app.py", "app", "deep")(99)
    lines = code.traceback(caught.value).splitlines()
    assert (lines[2], len(lines)) == ("  ... 80 earlier frames", 43)


# --- in a run --------------------------------------------------------------------------------------------------------

FINDER_FILE = """\
import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
import boto3
import plans

client = boto3.client("lambda")

def start(item):
    payload = json.dumps({"id": item["ExecutionId"]})
    client.invoke(FunctionName=os.environ["POLLER_FUNCTION"], InvocationType="Event", Payload=payload)

def handler(event, context):
    items = plans.open_plans()
    invoke = partial(client.invoke, FunctionName=os.environ["POLLER_FUNCTION"], InvocationType="Event")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, items))
        for item in items:
            pool.submit(invoke, Payload=json.dumps(item["ExecutionId"]))
"""
LAYER_FILE = """\
import os
import boto3
from boto3.dynamodb.conditions import Attr, Key

table = boto3.resource("dynamodb").Table(os.environ["EXECUTION_TABLE"])

def open_plans():
    return table.query(IndexName="StatusIndex", KeyConditionExpression=Key("Status").eq("POLLING"))["Items"]

def mark(key, number):
    table.update_item(Key=key, UpdateExpression="SET Seen = :n", ExpressionAttributeValues={":n": number})
"""
POLLER_FILE = """\
import boto3
import plans

def handler(event, context):
    item = plans.open_plans()[0]
    for wave in item["Waves"]:
        boto3.client("drs", region_name=wave["Region"]).describe_jobs(filters={"jobIDs": [wave.get("JobId", "none")]})
    plans.mark({name: item[name] for name in ("ExecutionId", "PlanId")}, 1)
    try:
        plans.table.put_item(Item=item, ConditionExpression=plans.Attr("Seen").eq(2))
    except Exception:
        raise KeyError("Seen")
"""


@pytest.mark.slow
def test_events_name_the_line_of_the_call_that_caused_them(tmp_path: Path) -> None:
    for name, text in (("finder", FINDER_FILE), ("poller", POLLER_FILE), ("layer/plans", LAYER_FILE)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    finder, poller = (f"{tmp_path}/{name}.py:handler" for name in ("finder", "poller"))
    variables = {"EXECUTION_TABLE": "drs-orchestration-execution-history-test", "POLLER_FUNCTION": "ExecutionPoller"}
    handlers = Handlers(finder=finder, poller=poller, paths=(tmp_path / "layer",), variables=variables)
    scenario = load("drill", ("duration=100s",))
    seen: Counter[tuple[str, str]] = Counter()
    with handler_parts(scenario, handlers) as parts:
        world = World(scenario, seed=1, parts=parts)

        def on_event(event: Placed) -> None:
            seen[type(event).__name__, event.place] += 1

        for event_type in Placed.__args__:
            world.trace.listen(event_type, on_event)
        world.run()
        world.close()
    assert set(seen) == {
        # The schedule, the plan's worker and finders raise nothing and run no line.
        ("Invoked", ""),
        ("ItemChanged", ""),
        ("LambdaEnded", ""),
        ("IndexRead", "layer/plans.py:8 query"),
        ("Invoked", "finder.py:12 invoke"),
        ("Invoked", "finder.py:20 invoke"),
        ("JobsDescribed", "poller.py:7 describe_jobs"),
        ("ItemChanged", "layer/plans.py:11 update_item"),
        ("WriteRefused", "poller.py:10 put_item"),
        ("LambdaEnded", "poller.py:12"),
    }
    assert seen["Invoked", "finder.py:20 invoke"] == seen["Invoked", "finder.py:12 invoke"] == 1


RAISES = """\
import logging

def waves_of(plan):
    return plan["waves"]

def handler(event, context):
    try:
        waves_of({})
    except KeyError:
        logging.exception("cannot read the plan")
    waves_of({"wave": 1})
"""


@pytest.mark.slow
def test_error_of_a_handler_is_a_line_with_its_own_frames(tmp_path: Path) -> None:
    seen = run_finder(tmp_path, RAISES, duration="50s")
    called = '  finder.py:4, in waves_of\n    return plan["waves"]'
    assert seen.lines == [
        "[ERROR]\tcannot read the plan\nKeyError: 'waves'\nTraceback (most recent call last):\n"
        f"  finder.py:8, in handler\n    waves_of({{}})\n{called}",
        "[ERROR] KeyError: 'waves'\nTraceback (most recent call last):\n"
        f'  finder.py:11, in handler\n    waves_of({{"wave": 1}})\n{called}',
    ]
    assert seen.levels == ["ERROR", "ERROR"]
    assert [(end.outcome, end.place) for end in seen.ends] == [("error", "finder.py:4")]


STRUCTURED = """\
import json

def handler(event, context):
    text = "Traceback (most recent call last):\\n  ...\\nKeyError: 'waves'"
    print(json.dumps({"level": "ERROR", "message": "swallowed", "exception": text}))
"""


@pytest.mark.slow
def test_structured_line_keeps_the_error_of_its_exception(tmp_path: Path) -> None:
    seen = run_finder(tmp_path, STRUCTURED, duration="50s")
    assert (seen.lines, seen.levels) == (["swallowed\nKeyError: 'waves'"], ["ERROR"])


@pytest.mark.slow
def test_exit_of_the_runtime_has_a_place_and_no_line(tmp_path: Path) -> None:
    seen = run_finder(tmp_path, "import sys\n\ndef handler(event, context):\n    sys.exit(3)\n", duration="50s")
    assert (seen.lines, [(end.outcome, end.place) for end in seen.ends]) == ([], [("crash", "finder.py:4")])
