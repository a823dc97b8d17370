"""The two pairs of functions in examples: each bug of the first is found, and the second has none of them."""

import filecmp
from functools import cache
from pathlib import Path

import pytest

from scenarios.files import load
from scenarios.model import Scenario
from simulator.properties.monitor import Monitor
from simulator.wire.tier import Functions, wire_parts
from simulator.world import World
from tests.examples.bugs import BUGS, MENDED, WRITTEN, Bug, with_bugs

FILES = ("finder/app.py", "poller/app.py", "layer/executions.py")


def functions_of(pair: Path) -> Functions:
    return Functions(
        finder=f"{pair}/finder/app.py:lambda_handler",
        poller=f"{pair}/poller/app.py:lambda_handler",
        paths=(pair / "layer",),
        variables={
            "TABLE_NAME": "drs-orchestration-execution-history-test",
            "POLLER_FUNCTION_NAME": "ExecutionPoller",
        },
    )


def scenario_of(name: str, *changes: str) -> Scenario:
    """A scenario of the catalogue, or of examples/polling, for a table in camelCase."""
    file = WRITTEN / name
    return load(str(file) if file.suffix == ".yaml" else name, ("table.style=camelCase", *changes))


def broken(pair: Path, scenario: Scenario, seed: int = 1) -> tuple[list[Monitor], set[str]]:
    """The properties that do not hold, and how executions ended that should have ended otherwise."""
    with wire_parts(scenario, seed=seed, functions=functions_of(pair)) as parts:
        world = World(scenario, seed=seed, parts=parts)
        try:
            world.run()
            ends = {(key, world.status_of(key), status) for key, status in world.workload.expected.items()}
        finally:
            world.close()
    wrong = [each for each in world.monitors if each.violations_count and each.name not in parts.unjudged]
    others = {f"{key.execution_id} {end}, not {status}" for key, end, status in ends if status not in (None, end)}
    return wrong, others


@cache
def of_the_mended_pair(name: str, changes: tuple[str, ...], seed: int) -> tuple[list[Monitor], set[str]]:
    """What the mended pair breaks. Several bugs have their scenario in common."""
    return broken(MENDED, scenario_of(name, *changes), seed)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_is_found_by_its_property_and_not_in_the_mended_pair(bug: Bug, tmp_path: Path) -> None:
    scenario = scenario_of(bug.scenario, *bug.changes)
    found, _ = broken(with_bugs([bug], tmp_path / "pair"), scenario, bug.seed)
    (caught,) = [monitor for monitor in found if monitor.name == bug.caught_by]
    first = caught.violations[0]
    assert bug.says in f"expected {first.expected}, observed {first.observed}"
    # Some runs end before their executions do.
    assert of_the_mended_pair(bug.scenario, bug.changes, bug.seed)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("executions.yaml", ()),
        ("phase-2", ()),
        ("recovery", ()),
        ("timeout-stuck", ()),
        ("cancelled", ("executions=4",)),
        ("one-account", ("workload.0.executions=3", "workload.1.executions=3", "drs.jobs_max=3")),
        ("big-items", ("executions=3", "workload.0.waves=1", "table.page_bytes_max=10240")),
        ("fault-cancelled", ()),
        ("fault-deleted", ()),
        ("fault-denied", ()),
        ("fault-servers-untold", ()),
        ("fault-throttled", ()),
        ("fault-cold-start", ()),
    ],
)
def test_the_mended_pair_holds_every_property(name: str, changes: tuple[str, ...]) -> None:
    assert of_the_mended_pair(name, changes, 1) == ([], set())


def test_the_first_pair_is_the_mended_one_with_every_bug(tmp_path: Path) -> None:
    pair = with_bugs(BUGS, tmp_path / "pair")
    assert filecmp.cmpfiles(pair, WRITTEN, FILES, shallow=False) == (list(FILES), [], [])


def test_the_bugs_are_of_many_kinds() -> None:
    assert len({bug.caught_by for bug in BUGS}) >= 9


@pytest.mark.slow
def test_the_first_pair_as_it_is_fails_its_own_scenario() -> None:
    found, _ = broken(WRITTEN, scenario_of("executions.yaml"))
    assert len(found) >= 5
