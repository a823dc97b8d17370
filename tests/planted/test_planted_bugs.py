"""Each planted bug is noticed, each property notices one that no other does, and right code is left in peace."""

from dataclasses import dataclass, replace
from typing import Final

import pytest

from orchestrator.finder import Finder
from orchestrator.poller import Poller
from scenarios.files import catalogue, load
from scenarios.runner import run
from simulator.properties import PROPERTIES
from simulator.services.dynamodb import ExecutionTable
from simulator.world import Parts, Ports, World, production_finder, production_poller
from tests.planted import adapters, finders, pollers, services


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, the scenario that shows it, and a property that catches it."""

    name: str
    parts: Parts
    scenario: str
    caught_by: str
    changes: tuple[str, ...] = ()


def asking(jobs: type[adapters.Jobs], scenario: str, caught_by: str, *changes: str) -> Planted:
    """The right poller with a wrong DRS adapter."""
    return Planted(jobs.__name__, adapters.poller_asking(jobs), scenario, caught_by, changes)


def polling(wrong: type[Poller], scenario: str, caught_by: str, *changes: str) -> Planted:
    """A wrong poller."""
    return Planted(wrong.__name__, pollers.poller(wrong), scenario, caught_by, changes)


def backing_off(ports: Ports) -> finders.FinderThatBacksOff:
    return finders.FinderThatBacksOff(
        index=ports.index,
        invoker=ports.invoker,
        clock=ports.clock,
        executor=ports.executor(),
        settings=ports.settings,
    )


def one_page(ports: Ports) -> Finder:
    return production_finder(replace(ports, index=finders.FirstPageOnly(ports)))


def without_a_metric(ports: Ports) -> Poller:
    return production_poller(replace(ports, metrics=adapters.MetricsWithout(ports, "WavesPolled")))


LAZY: Final = Parts(finder=finders.finder_with(pollers.LAZY))
EAGER: Final = Parts(
    finder=finders.finder_with(replace(pollers.EAGER, sweeps_per_invocation=4)),
    poller=pollers.poller_with(pollers.EAGER),
)
IMPATIENT: Final = Parts(poller=pollers.poller_with(pollers.IMPATIENT))

EIGHT_WAVES: Final = ("executions=2", "waves=8", "drs.page_size=1")

ALONE: Final = (
    Planted("a tick is lost", Parts(rule=services.RuleThatLosesATick), "drill", "trigger-cadence"),
    Planted("due only after 90 s", LAZY, "drill", "poll-cadence"),
    Planted("a finder backs off", Parts(finder=backing_off), "load-100", "no-starvation", ("executions=20",)),
    asking(adapters.FailedIsLaunched, "partial", "completion-soundness"),
    polling(pollers.EndsLate, "drill", "completion-liveness"),
    polling(pollers.TimesOutFirst, "timeout-late", "timeout-truth"),
    Planted("no condition", Parts(table=services.TableWithoutConditions), "cancelled", "terminal-absorbing"),
    polling(pollers.GoesBack, "drill", "status-order"),
    polling(pollers.ForgetsNames, "drill", "no-lost-update"),
    asking(adapters.AsksAtHomeToo, "recovery", "isolation", "regions=[us-west-2]"),
    polling(pollers.EndsInLocalTime, "drill", "finalize-once"),
    Planted("a metric is missing", Parts(poller=without_a_metric), "drill", "metrics-complete"),
    polling(pollers.LogsWithoutIds, "drill", "log-correlation"),
    asking(adapters.DescribesEachWave, "load-100", "budgets", "executions=5"),
)
"""For each property a bug that it catches and that no other does."""

MORE: Final = (
    Planted("ticks come twice", Parts(rule=services.RuleThatFiresTwice), "drill", "trigger-cadence"),
    Planted("invocations are lost", Parts(functions=services.LambdaThatLosesInvocations), "load-100", "poll-cadence"),
    Planted("one page", Parts(finder=one_page), "load-100", "no-starvation", ("table.page_bytes_max=20000",)),
    Planted("polled too early", EAGER, "sub-minute", "poll-cadence"),
    polling(pollers.PolledAtItsEnd, "sub-minute", "poll-cadence"),
    polling(pollers.ReadsTwice, "drill", "budgets"),
    asking(adapters.ActionsIgnored, "recovery", "completion-soundness"),
    polling(pollers.DrillsWaitForActionsToo, "drill", "completion-liveness", "workload.0.jobs.actions=4"),
    polling(pollers.SlowIsFailed, "timeout-stuck", "completion-soundness"),
    polling(pollers.EndsWithWavesMissing, "drill", "completion-soundness"),
    Planted("times out after 10 minutes", IMPATIENT, "drill", "timeout-truth"),
    asking(adapters.ServersInAnyOrder, "partial", "completion-soundness"),
    asking(adapters.AsksAtHomeOnly, "recovery", "timeout-truth"),
    asking(adapters.FirstPageOfJobsOnly, "load-100", "completion-liveness", *EIGHT_WAVES),
    asking(adapters.AlwaysThrottled, "drill", "no-starvation"),
    polling(pollers.ReopensWaves, "drill", "status-order"),
    polling(pollers.WritesTheTimeAgain, "drill", "status-order"),
    polling(pollers.RecordsTheEndOnly, "sub-minute", "completion-soundness"),
    polling(pollers.RecordsTheEndOnly, "timeout-stuck", "completion-soundness"),
    polling(pollers.ForgetsInstances, "load-100", "completion-soundness", "executions=10"),
    polling(pollers.LeavesWavesAsTheyWere, "timeout-stuck", "timeout-truth"),
    asking(adapters.AsksAboutOthers, "load-100", "isolation"),
    polling(pollers.ForgetsOtherAttributes, "drill", "no-lost-update"),
    polling(pollers.WipesServers, "drill", "no-lost-update"),
    Planted("JobIds are lost", Parts(table=services.TableWithoutConditions), "load-100", "no-lost-update"),
)
"""Further bugs, with one property that catches each."""


def broken(world: World) -> set[str]:
    """The properties that do not hold after a run."""
    world.run()
    found = {monitor.name for monitor in world.monitors if monitor.violations_count}
    world.close()
    return found


def world_of(planted: Planted, seed: int) -> World:
    return World(load(planted.scenario, planted.changes), seed=seed, parts=planted.parts)


@pytest.mark.parametrize("planted", ALONE, ids=lambda planted: planted.caught_by)
def test_each_property_catches_a_bug_that_no_other_does(planted: Planted) -> None:
    assert broken(world_of(planted, 1)) == {planted.caught_by}


def test_every_property_has_such_a_bug() -> None:
    assert [planted.caught_by for planted in ALONE] == [monitor.name for monitor in PROPERTIES]


@pytest.mark.parametrize("planted", MORE, ids=lambda planted: planted.name)
def test_further_bugs_are_caught(planted: Planted) -> None:
    assert planted.caught_by in broken(world_of(planted, 1))


@pytest.mark.parametrize("planted", [*ALONE, *MORE], ids=lambda planted: planted.name)
def test_the_same_run_without_the_bug_breaks_nothing(planted: Planted) -> None:
    """Otherwise the scenario's changes, and not the bug, might be what is caught."""
    assert broken(World(load(planted.scenario, planted.changes), seed=1)) == set()


@pytest.mark.parametrize(("table", "brings_back"), [(ExecutionTable, False), (services.TableWithoutConditions, True)])
def test_an_execution_that_somebody_deleted_is_not_brought_back(table: type[ExecutionTable], brings_back: bool) -> None:
    world = World(load("load-100", ["executions=20"]), seed=1, parts=Parts(table=table))

    def delete_all(_: None) -> None:
        for key in world.workload.expected:
            world.table.delete(key, writer="person")

    # In the middle of the polls of one look: some have read their execution and not yet written it.
    world.kernel.at(600_300_000, delete_all, None)
    assert ("terminal-absorbing" in broken(world)) is brings_back


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_launch_actions_that_end_around_the_timeout_are_judged_by_what_a_poll_could_know(seed: int) -> None:
    """The poll asks before the timeout, decides after it, and the action ends before the write."""
    changes = ["executions=20", "accounts=20", "waves=1", "order=parallel", "duration=40m", "expect=null"]
    jobs = "jobs={pending: 20m, started: 1m, in_progress: 8m, actions: 1, action_time: 59s..61500ms}"
    arrival = "arrival={at: 59200ms, pattern: steady, over: 900ms}"
    assert broken(World(load("recovery", [*changes, jobs, arrival]), seed=seed)) == set()


@pytest.mark.parametrize(
    "changes",
    [
        ["PENDING_INTERVAL_SECONDS=300"],
        ["SWEEPS_PER_INVOCATION=12"],
        ["STARTED_INTERVAL_SECONDS=60", "IN_PROGRESS_INTERVAL_SECONDS=15", "SWEEPS_PER_INVOCATION=4"],
        ["schedule.rate=2m", "bounds.completion=3m"],
    ],
)
def test_other_settings_are_judged_by_other_bounds(changes: list[str]) -> None:
    assert broken(World(load("load-100", ["executions=10", *changes]), seed=1)) == set()


def test_a_job_is_judged_by_the_page_that_showed_it() -> None:
    """Many pages take long: what the last one shows is not what the first one showed."""
    changes = ["executions=10", "waves=10", "drs.page_size=1", "bounds.completion=3m"]
    assert broken(World(load("load-100", changes), seed=1)) == set()


def test_double_delivery_is_no_bug() -> None:
    twice = Parts(functions=services.LambdaThatDeliversTwice)
    assert broken(World(load("load-100", ["executions=20"]), seed=1, parts=twice)) == set()


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
    assert "no-starvation" in broken(World(load("drill"), seed=1, parts=swallowing))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [name for name in catalogue() if name != "load-1000"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_real_code_passes_every_scenario(scenario: str, seed: int) -> None:
    result = run(load(scenario), seed=seed).result
    assert result.verdict == "pass", [each for each in result.properties if each.verdict == "fail"]
