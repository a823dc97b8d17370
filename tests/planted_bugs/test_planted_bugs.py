"""Each planted bug is noticed, each property notices one that no other does, and right code is left in peace."""

import pytest

from drsim.orchestrator.settings import SECOND_US, Settings
from drsim.scenarios.files import load
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.checks.functions import LeastPrivilege
from drsim.simulator.events import POLLER
from drsim.simulator.services.dynamodb import ExecutionTable
from drsim.simulator.world import Parts, World
from tests.planted_bugs import adapters, finders, pollers, services
from tests.planted_bugs.registry import ALL, ALONE, BUGS, FAULTY, FEW, LATE, MORE, Planted


def broken(world: World) -> set[str]:
    """The properties that do not hold after a run."""
    world.run()
    found = {monitor.name for monitor in world.monitors if monitor.violations_count}
    world.close()
    return found


def world_of(scenario: str, *changes: str, parts: Parts | None = None, seed: int = 1) -> World:
    return World(load(scenario, changes), seed=seed, parts=parts)


def run_of(planted: Planted) -> World:
    return world_of(planted.scenario, *planted.changes, parts=planted.parts, seed=planted.seed)


@pytest.mark.parametrize("planted", ALONE, ids=lambda planted: planted.caught_by)
def test_each_property_catches_a_bug_that_no_other_does(planted: Planted) -> None:
    assert broken(run_of(planted)) == {planted.caught_by}


def test_every_property_has_a_bug_of_its_own() -> None:
    # Roles are in the wire tier only; tests/simulator/wire/test_permissions.py takes one action away.
    here = [monitor.name for monitor in PROPERTIES if monitor is not LeastPrivilege]
    assert [planted.caught_by for planted in ALONE] == here


def test_bug_names_are_unique() -> None:
    assert list(BUGS) == [planted.name for planted in ALL]


@pytest.mark.parametrize("planted", FAULTY, ids=lambda planted: planted.name)
def test_bug_in_fault_handling_is_invisible_without_faults(planted: Planted) -> None:
    """Otherwise a slip in the bug, and not the fault, might be what is caught."""
    assert broken(world_of("chaos", "swarm=null", parts=planted.parts)) == set()


def slow_if_large(scenario: str, changes: tuple[str, ...]) -> list[pytest.MarkDecorator]:
    """A hundred executions take more than half a second."""
    large = scenario == "load-100" and not any(change.startswith("executions=") for change in changes)
    return [pytest.mark.slow] if large else []


@pytest.mark.parametrize(
    "planted",
    [pytest.param(each, id=each.name, marks=slow_if_large(each.scenario, each.changes)) for each in (*MORE, *FAULTY)],
)
def test_further_bugs_are_caught(planted: Planted) -> None:
    assert set(planted.caught_by.split()) <= broken(run_of(planted))


@pytest.mark.parametrize(
    ("scenario", "changes"),
    [
        pytest.param(scenario, changes, id=f"{scenario} {' '.join(changes)}", marks=slow_if_large(scenario, changes))
        for scenario, changes in dict.fromkeys((each.scenario, each.changes) for each in ALL)
        # tests/test_catalogue.py runs scenarios as they are.
        if changes
    ],
)
def test_the_same_run_without_the_bug_breaks_nothing(scenario: str, changes: tuple[str, ...]) -> None:
    """Otherwise the scenario's changes, and not the bug, might be what is caught."""
    assert broken(world_of(scenario, *changes)) == set()


@pytest.mark.parametrize(("table", "brings_back"), [(ExecutionTable, False), (services.TableWithoutConditions, True)])
def test_deleted_execution_is_not_recreated(table: type[ExecutionTable], brings_back: bool) -> None:
    world = world_of("load-100", FEW, parts=Parts(table=table))

    def delete_all(_: None) -> None:
        for key in world.workload.expected:
            world.table.delete(key, writer="person")

    # In the middle of the polls of one look: some have read their execution and not yet written it.
    world.kernel.at(600_300_000, delete_all, None)
    assert ("terminal-absorbing" in broken(world)) is brings_back


@pytest.mark.parametrize(("index", "starves"), [(finders.Index, False), (finders.StopsAtAnItemItCannotRead, True)])
def test_unreadable_item_stops_no_other_execution(index: type[finders.Index], starves: bool) -> None:
    world = world_of("drill", parts=finders.finder_reading(index))
    world.table.put({"ExecutionId": "odd", "PlanId": "p", "Status": "POLLING", "StartTime": 1}, writer="person")
    assert ("no-starvation" in broken(world)) is starves


def test_errors_swallowed_by_the_poller_still_show_in_the_table() -> None:
    swallowing = Parts(
        poller=lambda ports: pollers.SwallowsErrors(
            store=ports.store,
            jobs=adapters.AlwaysThrottled(ports),
            metrics=ports.metrics,
            clock=ports.clock,
            settings=ports.settings,
        )
    )
    assert set(LATE.split()) <= broken(world_of("drill", parts=swallowing))


# --- what looks odd and is right ------------------------------------------------------------------------------


def test_double_delivery_is_no_bug() -> None:
    assert broken(world_of("load-100", FEW, parts=Parts(functions=services.LambdaThatDeliversTwice))) == set()


def test_an_index_that_is_hot_for_a_moment_is_no_bug() -> None:
    assert broken(world_of("drill", parts=Parts(table=services.TableThatIsHotForAMoment))) == set()


def test_a_poller_invoked_by_hand_is_no_bug() -> None:
    world = world_of("drill")
    ((execution_id, plan_id),) = world.workload.expected

    def invoke(_: None) -> None:
        world.functions.invoke_event(
            POLLER, {"ExecutionId": execution_id, "PlanId": plan_id}, execution_id=execution_id, by=""
        )

    world.kernel.at(400_000_000, invoke, None)
    assert broken(world) == set()


@pytest.mark.parametrize("incomplete_s", [240, 300])
@pytest.mark.parametrize("changes", [(), ("SWEEPS_PER_INVOCATION=4",)], ids=["once a minute", "often"])
def test_giving_up_one_tick_early_or_asking_more_often_is_no_bug(changes: tuple[str, ...], incomplete_s: int) -> None:
    settings = Settings(incomplete_answer_us=incomplete_s * SECOND_US, sweeps_per_invocation=4 if changes else 1)
    parts = Parts(poller=pollers.poller_with(settings))
    assert broken(world_of("timeout-incomplete", *changes, parts=parts)) == set()


@pytest.mark.parametrize(
    ("scenario", "changes"),
    [
        ("load-100", ("executions=10", "PENDING_INTERVAL_SECONDS=300")),
        ("load-100", ("executions=10", "SWEEPS_PER_INVOCATION=12")),
        ("load-100", ("executions=10", "schedule.rate=2m", "bounds.completion=3m")),
        # Many pages take long: what the last one shows is not what the first one showed.
        ("load-100", ("executions=10", "waves=10", "drs.page_size=1", "bounds.completion=3m")),
        ("sub-minute", ("DUE_SLACK_SECONDS=0",)),
        ("sub-minute", ("STARTED_INTERVAL_SECONDS=60", "IN_PROGRESS_INTERVAL_SECONDS=15")),
        ("sub-minute", ("table.index_lag=0s..20s",)),
        ("sub-minute", ("drs.page_size=1", "order=sequential", "listed=as_started")),
        ("sub-minute", ("type=RECOVERY", "jobs.actions=3", "jobs.action_time=2m..3m", "jobs.failed_actions=1")),
    ],
    ids=str,
)
def test_other_settings_and_lives_are_no_bug(scenario: str, changes: tuple[str, ...]) -> None:
    assert broken(world_of(scenario, *changes)) == set()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_launch_actions_near_the_timeout_are_judged_by_what_a_poll_knew(seed: int) -> None:
    """The poll asks before the timeout, decides after it, and the action ends before the write."""
    changes = ["executions=20", "accounts=20", "waves=1", "order=parallel", "duration=40m", "expect=null"]
    jobs = "jobs={pending: 20m, started: 1m, in_progress: 8m, actions: 1, action_time: 59s..61500ms}"
    arrival = "arrival={at: 59200ms, pattern: steady, over: 900ms}"
    assert broken(World(load("recovery", [*changes, jobs, arrival]), seed=seed)) == set()
