"""Modules that a handler imports when it runs: each environment has its own, as those of its first import."""

from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.simulator.events import LogWritten
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.world import World
from tests.simulator.handlers.test_handlers import run
from tests.simulator.handlers.tiers import handler_parts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

FINDER = """\
import boto3

def handler(event, context):
    import counted
    counted.seen += 1
    print("finder", counted.owner, counted.seen)
    boto3.client("lambda").invoke(FunctionName="ExecutionPoller", InvocationType="Event", Payload=b"{}")
"""
POLLER = """\
def handler(event, context):
    import counted
    counted.seen += 1
    print("poller", counted.owner, counted.seen)
"""


def test_a_module_imported_by_the_handler_lives_as_long_as_its_environment(tmp_path: Path) -> None:
    (tmp_path / "counted.py").write_text("seen = 0\nowner = 'neither'\n", encoding="utf-8")
    finder = FINDER.replace("    boto3", "    # boto3")
    assert run(tmp_path, finder).lines == [f"finder neither {count}" for count in (1, 2, 3)]
    assert run(tmp_path, finder, "functions.idle_max=30s").lines == ["finder neither 1"] * 3


def test_functions_that_import_modules_of_one_name_have_each_their_own(tmp_path: Path) -> None:
    for name, text in (("finder", FINDER), ("poller", POLLER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(text, encoding="utf-8")
        (tmp_path / name / "counted.py").write_text(f"seen = 0\nowner = {name!r}\n", encoding="utf-8")
    places = [f"{tmp_path}/{name}/app.py:handler" for name in ("finder", "poller")]
    scenario = load("idle", ("duration=150s",))
    lines: list[str] = []
    with handler_parts(scenario, Handlers(finder=places[0], poller=places[1])) as parts:
        world = World(scenario, seed=1, parts=parts)
        world.trace.listen(LogWritten, lambda event: lines.append(event.message))
        world.run()
        world.close()
    assert lines == [f"{name} {name} {count}" for count in (1, 2, 3) for name in ("finder", "poller")]
