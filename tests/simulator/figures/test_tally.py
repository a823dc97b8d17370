"""The tally: what criteria judge by, beside the figures of reports, and under functions that keep to no order."""

import pytest

from drsim.orchestrator.model import ExecutionStatus, Phase
from drsim.scenarios.files import load
from drsim.simulator.checks.functions import Budgets
from drsim.simulator.events import FINDER, POLLER, CallMade, FaultInjected, IndexRead, Invoked
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.tally import Tally
from drsim.simulator.world import World
from tests.simulator.cloudwatch.runs import SECOND_US, Bench, a_wave, an_item, ended, without


class Tallied(Bench):
    """A bench whose events are tallied."""

    def __init__(self) -> None:
        super().__init__(Budgets)
        self.tally = Tally(self.trace, self.monitor.context.truth, self.monitor.context.limits)

    def call(self, operation: str, *, by: str = POLLER, error: str = "", fault: str = "", took_us: int = 5) -> None:
        """One call of a function."""
        self.trace.emit(CallMade(0, "r-1", by, operation, took_us, 0, error, fault))


def test_lost_races_and_injected_errors_do_not_count() -> None:
    bench = Tallied()
    bench.call("UpdateItem", error="ConditionalCheckFailedException")
    bench.call("UpdateItem", error="ThrottlingException", fault="throttled")
    assert not bench.tally.errors
    bench.call("UpdateItem", error="ThrottlingException")
    assert bench.tally.errors == {"UpdateItem": 1}
    assert bench.tally.counts[figures.CALLS.of(POLLER, "UpdateItem")] == 3


def test_longest_query_leaves_failed_and_slowed_ones_out() -> None:
    bench = Tallied()
    bench.call("Query", by=FINDER, took_us=900, fault="slow")
    bench.call("Query", by=FINDER, took_us=800, error="ThrottlingException")
    seen = [bench.tally.query_us_max]
    for took_us in (0, 7, 3):
        bench.call("Query", by=FINDER, took_us=took_us)
        seen.append(bench.tally.query_us_max)
    assert seen == [None, 0, 7, 7]
    assert bench.tally.counts[figures.CALLS.of(FINDER, "Query")] == 5


def test_events_without_a_beginning_are_tallied() -> None:
    bench = Tallied()
    bench.trace.emit(ended("r-9", outcome="error"))
    bench.trace.emit(ended("f-9", FINDER))
    bench.trace.emit(IndexRead(0, "f-1", 0, 1, 2, 100))
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "e-1"))
    assert (bench.tally.invoked_max, bench.tally.counts[figures.CONCURRENT_MAX.of(POLLER)]) == (1, 0)
    assert (bench.tally.counts[figures.INVOCATIONS.of(POLLER)], bench.tally.failed) == (0, {(POLLER, "error"): 1})


def test_wave_is_counted_by_each_poll_until_its_job_is_known() -> None:
    bench = Tallied()
    bench.write(an_item(Waves=[a_wave(JobId="drsjob-unknown"), without(a_wave(WaveNumber=2), "JobId")]), by="worker")
    for version in (2, 3):
        waves = [a_wave(JobId="drsjob-unknown"), without(a_wave(), "JobId")]
        bench.write(an_item(Version=version, Waves=waves), request_id=f"r-{version}")
    met = (figures.WAVES_WITH_UNKNOWN_JOB, figures.WAVES_WITHOUT_JOB_ID)
    assert [bench.tally.counts[each] for each in met] == [2, 2]


@pytest.mark.parametrize(("fault", "is_disturbed"), [("job-hangs", False), ("tick-lost", True)])
def test_faults_of_drs_itself_disturb_nothing(fault: str, is_disturbed: bool) -> None:
    bench = Tallied()
    bench.trace.emit(FaultInjected(0, 0, fault, "StartRecovery", "", "", 1, 1, 0, ""))
    assert bench.tally.disturbed is is_disturbed


def test_gaps_are_between_looks_of_two_polls() -> None:
    bench = Tallied()
    bench.write(an_item(), by="worker")
    for number, second in enumerate((60, 75, 90)):
        bench.at(second)
        bench.look("f-1", f"r-{number}")
        bench.write(an_item(Version=number + 2), request_id=f"r-{number}")
    gaps = bench.tally.values(figures.POLL_GAP.of(Phase.IN_PROGRESS))
    assert gaps.counted() == [(15 * SECOND_US, 2)]


@pytest.mark.parametrize("scenario", ["drill", "partial", "cancelled", "timeout-late", "missing-job", "fault-stuck"])
def test_world_with_verdict_only_has_the_same_tally(scenario: str) -> None:
    worlds = [World(load(scenario), seed=1, verdict_only=verdict_only) for verdict_only in (True, False)]
    for world in worlds:
        world.run()
        world.close()
    tally, full = (world.tally for world in worlds)
    gaps = {figures.POLL_GAP.of(phase) for phase in Phase} | {figures.POLLS.of(phase) for phase in Phase}
    common = [each for each in tally.counts if each not in gaps or not tally.disturbed]
    assert {each: tally.counts[each] for each in common} == {each: full.counts[each] for each in common}
    assert (tally.errors, tally.failed, tally.statuses) == (full.errors, full.failed, full.statuses)
    assert (tally.ticks_count, tally.query_us_max, tally.invoked_max) == (
        full.ticks_count,
        full.query_us_max,
        full.invoked_max,
    )
    if not tally.disturbed:
        assert {each: kept.counted() for each, kept in tally.distributions.items()} == {
            each: full.values(each).counted() for each in tally.distributions
        }


def test_statuses_are_current_and_the_polling_maximum_is_kept() -> None:
    bench = Tallied()
    for name in ("e-1", "e-2", "e-3"):
        bench.table.put(an_item(ExecutionId=name), writer="worker")
    bench.table.put(an_item(ExecutionId="e-2", Status="LOST"), writer="person")
    bench.write(an_item(Status="CANCELLED"), by="person")
    bench.delete(by="person")
    bench.table.put(an_item(ExecutionId="e-4", Status="PENDING"), writer="worker")
    assert +bench.tally.statuses == {ExecutionStatus.POLLING: 1, ExecutionStatus.PENDING: 1}
    assert bench.tally.counts[figures.ACTIVE_MAX] == 3
