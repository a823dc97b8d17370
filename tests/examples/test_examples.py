"""The two pairs of functions in examples: a property finds each bug of the first pair and none in the second."""

import filecmp
from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.wire.tier import Handlers, wire_parts
from drsim.simulator.world import World
from tests.examples.bugs import BUGS, MENDED, POLLER, WRITTEN, Bug, with_bugs

FILES = ("finder/app.py", "poller/app.py", "layer/executions.py")


def functions_of(pair: Path) -> Handlers:
    return Handlers(
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
    """The violated properties, and the executions with another final status than expected."""
    with wire_parts(scenario, seed=seed, functions=functions_of(pair)) as parts:
        world = World(scenario, seed=seed, parts=parts)
        try:
            world.run()
            ends = {(key, world.status_of(key), status) for key, status in world.workload.expected.items()}
        finally:
            world.close()
    wrong = [each for each in world.monitors if each.violations_count]
    others = {f"{key.execution_id} {end}, not {status}" for key, end, status in ends if status not in (None, end)}
    return wrong, others


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_bug_violates_its_property(bug: Bug, tmp_path: Path) -> None:
    scenario = scenario_of(bug.scenario, *bug.changes)
    found, _ = broken(with_bugs([bug], tmp_path / "pair"), scenario, bug.seed)
    (caught,) = [monitor for monitor in found if monitor.name == bug.caught_by]
    first = caught.violations[0]
    assert bug.says in f"expected {first.expected}, observed {first.observed}"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "changes", "seed"), dict.fromkeys((b.scenario, b.changes, b.seed) for b in BUGS))
def test_mended_pair_violates_nothing_where_bugs_are_found(name: str, changes: tuple[str, ...], seed: int) -> None:
    # Some of these runs end before their executions do.
    assert broken(MENDED, scenario_of(name, *changes), seed)[0] == []


NIGHTLY = pytest.mark.nightly


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("executions.yaml", ()),
        ("recovery", ()),
        ("timeout-stuck", ()),
        ("timeout-incomplete", ()),
        pytest.param("phase-2", (), marks=NIGHTLY),
        pytest.param("cancelled", ("executions=4",), marks=NIGHTLY),
        pytest.param(
            "one-account", ("workload.0.executions=3", "workload.1.executions=3", "drs.jobs_max=3"), marks=NIGHTLY
        ),
        pytest.param("big-items", ("executions=3", "workload.0.waves=1", "table.page_bytes_max=10240"), marks=NIGHTLY),
        pytest.param("fault-cancelled", (), marks=NIGHTLY),
        pytest.param("fault-deleted", (), marks=NIGHTLY),
        pytest.param("fault-denied", (), marks=NIGHTLY),
        pytest.param("fault-servers-omitted", (), marks=NIGHTLY),
        pytest.param("fault-throttled", (), marks=NIGHTLY),
        pytest.param("fault-cold-start", (), marks=NIGHTLY),
    ],
)
def test_mended_pair_holds_every_property(name: str, changes: tuple[str, ...]) -> None:
    assert broken(MENDED, scenario_of(name, *changes)) == ([], set())


OLD = Path(__file__).parents[1] / "old"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed"),
    [("fault-tick-doubled", 1), (f"{OLD}/mended-pair-raced.yaml", 1), (f"{OLD}/session-expiry.yaml", 1), ("chaos", 5)],
)
def test_mended_pair_holds_every_property_in_runs_it_once_failed(name: str, seed: int) -> None:
    assert broken(MENDED, scenario_of(name), seed) == ([], set())


FOR_EVER = Bug(
    name="keeps a session for ever",
    file=POLLER,
    mended='    return client, credentials["Expiration"].timestamp()\n',
    written="    return client, math.inf\n",
    scenario=f"{OLD}/session-expiry.yaml",
    caught_by="no-starvation",
    says="a poll within 150 s, observed none for",
)
ONCE_A_LOOK = Bug(
    name="polls once for each of two looks a moment apart",
    file=POLLER,
    mended='not is_due(item, event["lookedAt"])',
    written='float(item.get("lastPolledTime", 0)) >= event["lookedAt"]',
    scenario="fault-tick-doubled",
    caught_by="poll-cadence",
    says="between polls",
)


@pytest.mark.slow
@pytest.mark.parametrize("bug", [FOR_EVER, ONCE_A_LOOK], ids=lambda bug: bug.name)
def test_former_bug_of_the_mended_pair_violates_its_property(bug: Bug, tmp_path: Path) -> None:
    test_each_bug_violates_its_property(bug, tmp_path)


def test_buggy_pair_is_the_mended_pair_with_every_bug(tmp_path: Path) -> None:
    pair = with_bugs(BUGS, tmp_path / "pair")
    assert filecmp.cmpfiles(pair, WRITTEN, FILES, shallow=False) == (list(FILES), [], [])


def test_bugs_violate_at_least_nine_properties() -> None:
    assert len({bug.caught_by for bug in BUGS}) >= 9


@pytest.mark.slow
def test_buggy_pair_fails_its_own_scenario() -> None:
    found, _ = broken(WRITTEN, scenario_of("executions.yaml"))
    assert len(found) >= 5
