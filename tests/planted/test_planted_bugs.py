"""Each planted bug is noticed, each property notices one that no other does, and right code is left in peace."""

from dataclasses import dataclass, replace
from typing import Final

import pytest

from orchestrator.finder import Finder
from orchestrator.poller import Poller
from orchestrator.settings import Settings
from scenarios.files import catalogue, load
from scenarios.runner import run
from simulator.events import POLLER
from simulator.properties import PROPERTIES
from simulator.services.dynamodb import ExecutionTable
from simulator.world import Parts, Ports, World, production_finder
from tests.planted import adapters, conclusions, finders, pollers, services


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, the scenario that shows it, and properties that catch it."""

    name: str
    parts: Parts
    scenario: str
    caught_by: str
    changes: tuple[str, ...] = ()


def asking(jobs: type[adapters.Jobs], scenario: str, caught_by: str, *changes: str) -> Planted:
    """The right poller with a wrong DRS adapter."""
    return Planted(jobs.__name__, adapters.poller_asking(jobs), scenario, caught_by, changes)


def storing(store: type[adapters.Store], scenario: str, caught_by: str, *changes: str) -> Planted:
    """The right poller with a wrong table adapter."""
    return Planted(store.__name__, adapters.poller_storing(store), scenario, caught_by, changes)


def measuring(metrics: type[adapters.Metrics], caught_by: str) -> Planted:
    """The right poller with a wrong CloudWatch adapter."""
    return Planted(metrics.__name__, adapters.poller_measuring(metrics), "drill", caught_by)


def polling(wrong: type[Poller], scenario: str, caught_by: str, *changes: str) -> Planted:
    """A wrong poller."""
    return Planted(wrong.__name__, pollers.poller(wrong), scenario, caught_by, changes)


def reading(index: type[finders.Index], caught_by: str, *changes: str) -> Planted:
    """The right finder with a wrong index adapter."""
    return Planted(index.__name__, finders.finder_reading(index), "load-100", caught_by, changes)


def on_table(table: type[ExecutionTable], scenario: str, caught_by: str, *changes: str) -> Planted:
    """A table that is written wrongly."""
    return Planted(table.__name__, Parts(table=table), scenario, caught_by, changes)


def without_sleep(ports: Ports) -> Finder:
    return production_finder(replace(ports, clock=finders.SleeplessClock(ports)))


def one_after_the_other(ports: Ports) -> Finder:
    return production_finder(replace(ports, executor=finders.OneAfterTheOther))


def marking(ports: Ports) -> Finder:
    return production_finder(replace(ports, invoker=finders.MarksBeforeItInvokes(ports)))


LATE: Final = "completion-liveness no-starvation poll-cadence"
FEW: Final = "executions=20"
EIGHT_WAVES: Final = ("executions=2", "waves=8", "drs.page_size=1")
ONE_PLACE: Final = ("executions=6", "accounts=1", "regions=[us-east-1]")
EAGER: Final = Parts(
    finder=finders.finder_with(replace(pollers.EAGER, sweeps_per_invocation=4)),
    poller=pollers.poller_with(pollers.EAGER),
)

ALONE: Final = (
    Planted("a tick is lost", Parts(rule=services.RuleThatLosesATick), "drill", "trigger-cadence"),
    Planted("due only after 90 s", Parts(finder=finders.finder_with(pollers.LAZY)), "drill", "poll-cadence"),
    reading(finders.ExpiredSession, "no-starvation", FEW),
    asking(adapters.FailedIsLaunched, "partial", "completion-soundness"),
    polling(conclusions.EndsLate, "drill", "completion-liveness"),
    polling(pollers.TimesOutFirst, "timeout-late", "timeout-truth"),
    on_table(services.TableWithoutConditions, "cancelled", "terminal-absorbing"),
    polling(conclusions.GoesBack, "drill", "status-order"),
    polling(conclusions.ForgetsNames, "drill", "no-lost-update"),
    asking(adapters.AsksAtHomeToo, "recovery", "isolation", "regions=[us-west-2]"),
    storing(adapters.EndsInLocalTime, "drill", "finalize-once"),
    measuring(adapters.MetricRenamed, "metrics-complete"),
    polling(pollers.LogsWithoutIds, "drill", "log-correlation"),
    asking(adapters.DescribesEachWave, "load-100", "budgets", "executions=5"),
)
"""For each property a bug that it catches and that no other does."""

MORE: Final = (
    Planted("ticks come twice", Parts(rule=services.RuleThatFiresTwice), "drill", "poll-cadence trigger-cadence"),
    Planted("ticks drift", Parts(rule=services.RuleThatDrifts), "drill", "trigger-cadence"),
    Planted("invocations are lost", Parts(functions=services.LambdaThatLosesInvocations), "load-100", LATE, (FEW,)),
    Planted("little room", Parts(functions=services.lambda_with_little_room), "load-100", "budgets", (FEW,)),
    Planted("backs off", finders.finder(finders.FinderThatBacksOff), "load-100", "no-starvation poll-cadence", (FEW,)),
    Planted("every third tick", finders.finder(finders.LooksEveryThirdTick), "drill", LATE),
    Planted("one look a minute", Parts(finder=finders.finder_with(Settings())), "sub-minute", "poll-cadence"),
    Planted("all looks at once", Parts(finder=without_sleep), "sub-minute", "poll-cadence"),
    Planted("one after the other", Parts(finder=one_after_the_other), "load-100", "poll-cadence"),
    Planted("marks first", Parts(finder=marking), "drill", "isolation"),
    reading(finders.FirstPageOnly, "no-starvation poll-cadence", FEW, "table.page_bytes_max=20000"),
    reading(finders.FirstTwentyOnly, "metrics-complete no-starvation poll-cadence", "executions=25"),
    Planted("polled too early", EAGER, "sub-minute", "poll-cadence"),
    polling(pollers.PolledAtItsEnd, "sub-minute", "poll-cadence"),
    storing(adapters.NeverMovesLastPolledTime, "sub-minute", "poll-cadence"),
    on_table(services.TableInMilliseconds, "drill", LATE),
    storing(adapters.CachedStore, "drill", LATE),
    polling(pollers.ReadsTwice, "drill", "budgets metrics-complete poll-cadence"),
    asking(adapters.ActionsIgnored, "recovery", "completion-soundness"),
    storing(adapters.DrillsAreRecoveries, "drill", "completion-liveness", "workload.0.jobs.actions=4"),
    polling(conclusions.SlowIsFailed, "timeout-stuck", "completion-soundness"),
    polling(conclusions.EndsWithWavesMissing, "drill", "completion-soundness"),
    polling(conclusions.EndsWithItsFirstServer, "load-100", "completion-soundness", FEW),
    polling(conclusions.EndsWithoutItsWaves, "drill", "completion-soundness"),
    polling(conclusions.MissingJobIsFailure, "missing-job", "completion-soundness"),
    asking(adapters.ServersInAnyOrder, "partial", "completion-soundness"),
    asking(adapters.InstancesInAnyOrder, "load-100", "completion-soundness", FEW),
    Planted(
        "never gives up", Parts(poller=pollers.poller_with(pollers.PATIENT)), "timeout-stuck", "completion-liveness"
    ),
    Planted("gives up at 10 min", Parts(poller=pollers.poller_with(pollers.IMPATIENT)), "drill", "timeout-truth"),
    polling(conclusions.OldIsTimeout, "timeout-late", "timeout-truth"),
    polling(
        conclusions.ForgetsWhatDrsSaid,
        "load-100",
        "completion-soundness timeout-truth",
        FEW,
        "TIMEOUT_SECONDS=900",
        "expect=TIMEOUT",
    ),
    asking(adapters.AsksAtHomeOnly, "recovery", "budgets completion-liveness isolation timeout-truth"),
    asking(adapters.FirstPageOfJobsOnly, "load-100", "completion-liveness", *EIGHT_WAVES),
    asking(adapters.AlwaysThrottled, "drill", LATE),
    polling(conclusions.LeavesWavesAsTheyWere, "timeout-stuck", "timeout-truth"),
    polling(conclusions.RecordsTheEndOnly, "sub-minute", "completion-soundness"),
    polling(conclusions.RecordsTheEndOnly, "timeout-stuck", "completion-soundness"),
    polling(conclusions.ForgetsInstances, "load-100", "completion-soundness", "executions=10"),
    polling(conclusions.ReopensWaves, "drill", "status-order"),
    polling(conclusions.WritesTheTimeAgain, "drill", "status-order"),
    polling(conclusions.ForgetsOtherAttributes, "drill", "no-lost-update"),
    polling(conclusions.WipesServers, "drill", "completion-soundness no-lost-update"),
    on_table(services.TableWithoutConditions, "load-100", "no-lost-update status-order"),
    on_table(services.TableWithoutVersions, "drill", "no-lost-update"),
    on_table(services.TableThatIsPut, "drill", "no-lost-update"),
    on_table(services.TableThatIsTidied, "drill", "no-lost-update"),
    on_table(services.TableWithoutEndTime, "drill", "finalize-once"),
    asking(adapters.AsksAboutOthers, "load-100", "isolation", *ONE_PLACE),
    polling(pollers.KeepsItsFirstDispatch, "partial", f"{LATE} isolation log-correlation"),
    measuring(adapters.MetricsTwice, "metrics-complete"),
    measuring(adapters.MetricsInSeconds, "metrics-complete"),
    polling(pollers.LogsNothing, "drill", "log-correlation"),
    polling(pollers.WaitsForTheJob, "drill", "budgets"),
)
"""Further bugs, with properties that catch each: all of those named, and perhaps others."""


def broken(world: World) -> set[str]:
    """The properties that do not hold after a run."""
    world.run()
    found = {monitor.name for monitor in world.monitors if monitor.violations_count}
    world.close()
    return found


def world_of(scenario: str, *changes: str, parts: Parts | None = None) -> World:
    return World(load(scenario, changes), seed=1, parts=parts)


def run_of(planted: Planted) -> World:
    return world_of(planted.scenario, *planted.changes, parts=planted.parts)


@pytest.mark.parametrize("planted", ALONE, ids=lambda planted: planted.caught_by)
def test_each_property_catches_a_bug_that_no_other_does(planted: Planted) -> None:
    assert broken(run_of(planted)) == {planted.caught_by}


def test_every_property_has_such_a_bug() -> None:
    assert [planted.caught_by for planted in ALONE] == [monitor.name for monitor in PROPERTIES]


def slow_if_large(scenario: str, changes: tuple[str, ...]) -> list[pytest.MarkDecorator]:
    """A hundred executions take more than half a second."""
    large = scenario == "load-100" and not any(change.startswith("executions=") for change in changes)
    return [pytest.mark.slow] if large else []


@pytest.mark.parametrize(
    "planted",
    [pytest.param(each, id=each.name, marks=slow_if_large(each.scenario, each.changes)) for each in MORE],
)
def test_further_bugs_are_caught(planted: Planted) -> None:
    assert set(planted.caught_by.split()) <= broken(run_of(planted))


@pytest.mark.parametrize(
    ("scenario", "changes"),
    [
        pytest.param(scenario, changes, id=f"{scenario} {' '.join(changes)}", marks=slow_if_large(scenario, changes))
        for scenario, changes in dict.fromkeys((each.scenario, each.changes) for each in (*ALONE, *MORE))
    ],
)
def test_the_same_run_without_the_bug_breaks_nothing(scenario: str, changes: tuple[str, ...]) -> None:
    """Otherwise the scenario's changes, and not the bug, might be what is caught."""
    assert broken(world_of(scenario, *changes)) == set()


@pytest.mark.parametrize(("table", "brings_back"), [(ExecutionTable, False), (services.TableWithoutConditions, True)])
def test_an_execution_that_somebody_deleted_is_not_brought_back(table: type[ExecutionTable], brings_back: bool) -> None:
    world = world_of("load-100", FEW, parts=Parts(table=table))

    def delete_all(_: None) -> None:
        for key in world.workload.expected:
            world.table.delete(key, writer="person")

    # In the middle of the polls of one look: some have read their execution and not yet written it.
    world.kernel.at(600_300_000, delete_all, None)
    assert ("terminal-absorbing" in broken(world)) is brings_back


@pytest.mark.parametrize(("index", "starves"), [(finders.Index, False), (finders.StopsAtAnItemItCannotRead, True)])
def test_an_item_that_cannot_be_read_stops_no_other(index: type[finders.Index], starves: bool) -> None:
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
def test_launch_actions_that_end_around_the_timeout_are_judged_by_what_a_poll_could_know(seed: int) -> None:
    """The poll asks before the timeout, decides after it, and the action ends before the write."""
    changes = ["executions=20", "accounts=20", "waves=1", "order=parallel", "duration=40m", "expect=null"]
    jobs = "jobs={pending: 20m, started: 1m, in_progress: 8m, actions: 1, action_time: 59s..61500ms}"
    arrival = "arrival={at: 59200ms, pattern: steady, over: 900ms}"
    assert broken(World(load("recovery", [*changes, jobs, arrival]), seed=seed)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [name for name in catalogue() if name != "load-1000"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_real_code_passes_every_scenario(scenario: str, seed: int) -> None:
    """A verdict of pass says as well that all that the scenario declares was exercised."""
    result = run(load(scenario), seed=seed).result
    assert result.verdict == "pass", [each for each in result.properties if each.verdict == "fail"]
