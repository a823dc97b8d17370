"""The planted bugs: each with its parts, the scenario that shows it, and the properties that catch it there.

`python -m tests.planted_bugs` prints what catches each of them, and `drsim explore chaos --parts
tests.planted_bugs.registry:BUGS:GoesBack` hunts one.
"""

from dataclasses import dataclass, replace
from typing import Final

from drsim.orchestrator.finder import Finder
from drsim.orchestrator.poller import Poller
from drsim.orchestrator.settings import Settings
from drsim.simulator.services.dynamodb import ExecutionTable
from drsim.simulator.world import Parts, Ports, production_finder
from tests.planted_bugs import adapters, conclusions, finders, misreadings, pollers, records, services, under_faults


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, the scenario that shows it, and properties that catch it."""

    name: str
    parts: Parts
    scenario: str
    caught_by: str
    changes: tuple[str, ...] = ()
    seed: int = 1


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


def hunted(name: str, parts: Parts, fault: str, seed: int, caught_by: str) -> Planted:
    """A bug that chaos finds with that seed and one kind of fault, whatever other kinds there are."""
    return Planted(name, parts, "chaos", caught_by, (f"swarm.faults=[{fault}]",), seed)


def named(name: str, planted: Planted) -> Planted:
    """The same bug again, for what else it does."""
    return replace(planted, name=name)


def without_sleep(ports: Ports) -> Finder:
    return production_finder(replace(ports, clock=finders.SleeplessClock(ports)))


def one_after_the_other(ports: Ports) -> Finder:
    return production_finder(replace(ports, executor=finders.OneAfterTheOther))


def marking(ports: Ports) -> Finder:
    return production_finder(replace(ports, invoker=finders.MarksBeforeItInvokes(ports)))


LATE: Final = "completion-liveness no-starvation poll-cadence"
FEW: Final = "executions=20"
EIGHT_WAVES: Final = ("executions=2", "waves=8", "drs.page_size=1")
NO_METRICS: Final = "faults.0.operation=PutMetricData"
ONE_PLACE: Final = ("executions=6", "accounts=1", "regions=[us-east-1]")
EAGER: Final = Parts(
    finder=finders.finder_with(replace(pollers.EAGER, sweeps_per_invocation=4)),
    poller=pollers.poller_with(pollers.EAGER),
)

ALONE: Final = (
    on_table(records.TableWithTextEndTime, "drill", "readable"),
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
    on_table(records.TableThatAnnouncesFirst, "drill", "announced-truly"),
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
    Planted("every third tick", finders.finder(finders.LooksEveryThirdTick), "drill", "no-starvation poll-cadence"),
    Planted("one look a minute", Parts(finder=finders.finder_with(Settings())), "sub-minute", "poll-cadence"),
    Planted("all looks at once", Parts(finder=without_sleep), "sub-minute", "poll-cadence"),
    Planted("one after the other", Parts(finder=one_after_the_other), "load-100", "poll-cadence"),
    Planted("marks first", Parts(finder=marking), "drill", "isolation"),
    reading(finders.FirstPageOnly, "no-starvation poll-cadence", FEW, "table.page_bytes_max=20000"),
    reading(finders.FirstTwentyOnly, "metrics-complete no-starvation poll-cadence", "executions=25"),
    Planted("polled too early", EAGER, "sub-minute", "poll-cadence"),
    polling(pollers.PolledAtItsEnd, "sub-minute", "poll-cadence"),
    storing(adapters.NeverMovesLastPolledTime, "sub-minute", "poll-cadence"),
    on_table(services.TableInMilliseconds, "drill", f"{LATE} readable"),
    storing(adapters.CachedStore, "drill", LATE),
    polling(pollers.ReadsTwice, "drill", "budgets metrics-complete"),
    polling(pollers.WorksEverySecondTime, "drill", "budgets poll-cadence"),
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
    named("RecordsTheTimeoutOnly", polling(conclusions.RecordsTheEndOnly, "timeout-stuck", "completion-soundness")),
    polling(conclusions.ForgetsInstances, "load-100", "completion-soundness", "executions=10"),
    polling(records.StartsTooEarly, "drill", "completion-soundness"),
    polling(records.ListsServersTwice, "drill", "completion-soundness"),
    polling(records.InventsInstances, "drill", "completion-soundness"),
    polling(records.SharesMessages, "load-100", "isolation", FEW),
    polling(records.DropsWavesAtTheTimeout, "timeout-stuck", "no-lost-update timeout-truth"),
    polling(records.KnowsNothingAtTheTimeout, "timeout-stuck", "timeout-truth"),
    on_table(records.TableThatAnnouncesTwice, "drill", "announced-truly"),
    polling(conclusions.ReopensWaves, "drill", "status-order"),
    polling(conclusions.WritesTheTimeAgain, "drill", "status-order"),
    polling(conclusions.ForgetsOtherAttributes, "drill", "no-lost-update"),
    polling(conclusions.WipesServers, "drill", "completion-soundness no-lost-update"),
    named(
        "a table of lost races",
        on_table(services.TableWithoutConditions, "load-100", "no-lost-update status-order"),
    ),
    on_table(services.TableWithoutVersions, "drill", "no-lost-update"),
    on_table(services.TableThatIsPut, "drill", "no-lost-update"),
    on_table(services.TableThatIsTidied, "drill", "no-lost-update"),
    on_table(services.TableWithoutEndTime, "drill", "finalize-once"),
    asking(adapters.AsksAboutOthers, "load-100", "isolation", *ONE_PLACE),
    polling(pollers.KeepsItsFirstDispatch, "partial", f"{LATE} isolation log-correlation"),
    measuring(adapters.MetricsTwice, "metrics-complete"),
    measuring(adapters.MetricsInSeconds, "metrics-complete"),
    measuring(adapters.AgeLeftOut, "metrics-complete"),
    measuring(adapters.AgeBackwards, "metrics-complete"),
    polling(pollers.LogsNothing, "drill", "log-correlation"),
    polling(pollers.WaitsForTheJob, "drill", "budgets"),
    *[Planted(each.name, each.parts, each.scenario, each.caught_by, each.changes) for each in misreadings.ITEMS],
)
"""Further bugs, with properties that catch each: all of those named, and perhaps others."""

FAULTY: Final = (
    hunted(
        "OverwritesAfterALostRace",
        pollers.poller(under_faults.OverwritesAfterALostRace),
        "answer-lost",
        40,
        "no-lost-update",
    ),
    polling(conclusions.TakesMissingActionsForUnconfirmed, "timeout-incomplete", "completion-soundness"),
    polling(pollers.GivesUpAtOnce, "timeout-incomplete", "timeout-truth"),
    Planted(
        "waits for ever for a complete answer",
        Parts(poller=pollers.poller_with(pollers.EVER_HOPEFUL)),
        "timeout-incomplete",
        "completion-liveness",
    ),
    polling(under_faults.FailsWhatItCannotFind, "fault-job-vanished", "completion-soundness"),
    polling(under_faults.TakesNoServersForAllLaunched, "fault-servers-omitted", "completion-soundness"),
    polling(under_faults.WipesServersThatAreUntold, "fault-servers-omitted", "no-lost-update"),
    hunted(
        "TimesOutWhenDrsIsSilent",
        pollers.poller(under_faults.TimesOutWhenDrsIsSilent),
        "server-error",
        10,
        "completion-soundness",
    ),
    asking(under_faults.AnswersFromItsCache, "fault-throttled", "metrics-complete"),
    polling(under_faults.GivesUpAfterAnError, "fault-throttled", "no-starvation"),
    polling(under_faults.SwallowsEverything, "fault-throttled", "metrics-complete"),
    polling(under_faults.FailsWhenAMetricIsLost, "fault-denied", "log-correlation", NO_METRICS),
    polling(under_faults.PollsAgainWhenAMetricIsLost, "fault-denied", "budgets", NO_METRICS),
    polling(under_faults.ForgetsItsOwnWrite, "fault-answer-lost", "metrics-complete"),
    hunted("EndsWhenItFirstTried", pollers.poller(under_faults.EndsWhenItFirstTried), "timed-out", 12, "finalize-once"),
    on_table(under_faults.TableThatInsists, "fault-cancelled", "terminal-absorbing"),
    hunted(
        "stops at a failed invoke", finders.finder(under_faults.StopsAtAFailedInvoke), "throttled", 2, "no-starvation"
    ),
    Planted(
        "SeesNobodyAfterAnError",
        finders.finder_reading(under_faults.SeesNobodyAfterAnError),
        "fault-server-error",
        "poll-cadence",
    ),
    hunted("breaker never closes", finders.finder(under_faults.BreakerThatNeverCloses), "throttled", 4, LATE),
    hunted("trusts its clock", finders.finder(under_faults.SkipsTicksThatComeEarly), "tick-late", 1, "poll-cadence"),
)
"""Bugs that only faults and other writers show."""

ALL: Final = (*ALONE, *MORE, *FAULTY)

BUGS: Final = {planted.name: planted.parts for planted in ALL}
"""The parts of each bug by its name, for `--parts`."""
