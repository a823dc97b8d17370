"""Figures of a run: from events fed by hand, and from whole worlds, where the ways to count the same must agree."""

from collections import Counter

import pytest

from drsim.orchestrator.model import ExecutionStatus
from drsim.scenarios.files import load
from drsim.simulator.checks.functions import Budgets
from drsim.simulator.events import (
    FINDER,
    POLLER,
    CallMade,
    Dropped,
    FaultInjected,
    IndexRead,
    Invoked,
    JobStarted,
    LambdaStarted,
    LogWritten,
    StartRefused,
    Throttled,
    TickFired,
    WriteRefused,
)
from drsim.simulator.figures.sketch import Sketch
from drsim.simulator.figures.statistics import SAMPLES_MAX, Statistics
from drsim.simulator.services.drs import DrsJob
from drsim.simulator.services.spec import JobLife
from drsim.simulator.world import World
from tests.simulator.cloudwatch.runs import (
    LIFE,
    SECOND_US,
    Bench,
    Item,
    a_server,
    a_wave,
    an_item,
    ended,
    started,
    without,
)


class Counted(Bench):
    """A bench whose events are counted as well."""

    def __init__(self) -> None:
        super().__init__(Budgets)
        self.statistics = Statistics(self.trace, self.monitor.context.truth, self.monitor.context.limits)

    def seconds(self, name: str) -> list[float]:
        """A distribution, in seconds."""
        return [value / SECOND_US for value in every(values_of(self.statistics, name))]


def counts_of(statistics: Statistics) -> Counter[str]:
    """All counts by name."""
    return Counter({figure.name: count for figure, count in statistics.counts.items()})


def values_of(statistics: Statistics, name: str) -> Sketch:
    """A distribution by its name."""
    return next((kept for figure, kept in statistics.distributions.items() if figure.name == name), Sketch())


def every(values: Sketch) -> list[int]:
    """All values, smallest first."""
    return [value for value, count in values.counted() for _ in range(count)]


# --- the schedule and the finder ------------------------------------------------------------------------------


def test_a_page_with_no_first_page_begins_a_look() -> None:
    bench = Counted()
    bench.trace.emit(started("f-1", FINDER, ""))
    bench.trace.emit(IndexRead(0, "f-1", 0, 0, 2, 100))
    bench.trace.emit(IndexRead(5, "f-1", 0, 1, 1, 100))
    bench.trace.emit(Invoked(9, "r-1", "f-1", POLLER, "e-1"))
    bench.trace.emit(ended("f-1", FINDER))
    counts = counts_of(bench.statistics)
    assert (counts["looks"], counts["index_pages"], counts["executions_found"]) == (1, 2, 3)
    assert every(values_of(bench.statistics, "invokes_of_a_look")) == [4]


@pytest.mark.parametrize("start_s", [10**18, -(10**30)])
def test_a_start_beyond_all_calendars_is_counted_as_far_as_it_fits(start_s: int) -> None:
    bench = Counted()
    bench.write(an_item(StartTime=start_s), by="worker")
    bench.write(an_item(StartTime=start_s, Status="TIMEOUT", Version=2))
    kept = [*every(values_of(bench.statistics, "execution_time")), *every(values_of(bench.statistics, "timeout_delay"))]
    assert {abs(each) for each in kept} == {1 << 62}


def test_each_tick_has_what_its_finder_saw_last_and_what_it_polled_in_all() -> None:
    bench = Counted()
    for number, second in enumerate((0, 60, 121), 1):
        bench.trace.emit(TickFired(second * SECOND_US, number))
    bench.trace.emit(Invoked(121 * SECOND_US, "f-1", "", FINDER, ""))
    bench.trace.emit(started("f-1", FINDER, "", 121 * SECOND_US))
    bench.at(122)
    bench.look("f-1", "r-1", "r-2", items_count=2)
    bench.at(137)
    bench.trace.emit(IndexRead(137 * SECOND_US, "f-1", 1, 0, 2, 100))
    bench.trace.emit(IndexRead(138 * SECOND_US, "f-1", 0, 1, 1, 100))
    bench.trace.emit(Invoked(139 * SECOND_US, "r-3", "f-1", POLLER, "e-1"))
    bench.trace.emit(ended("f-1", FINDER))
    tick = bench.statistics.ticks[-1]
    assert (tick.number, tick.looks, tick.found, tick.polled) == (3, 2, 3, 3)
    assert bench.seconds("tick_interval") == [60, 61]
    # From the last page to the last invocation.
    assert bench.seconds("invokes_of_a_look") == [0, 1]
    names = ("looks", "looks_empty", "index_pages", "executions_found", "pollers_invoked")
    assert [counts_of(bench.statistics)[name] for name in names] == [2, 0, 3, 5, 3]


def test_a_finder_that_no_tick_started_belongs_to_none() -> None:
    bench = Counted()
    bench.trace.emit(Invoked(0, "f-1", "", FINDER, ""))
    bench.look("f-1", items_count=0)
    bench.trace.emit(Invoked(0, "r-1", "", POLLER, "e-1"))
    bench.trace.emit(ended("f-1", FINDER))
    assert (bench.statistics.ticks, bench.seconds("invokes_of_a_look")) == ([], [])
    assert (counts_of(bench.statistics)["looks_empty"], counts_of(bench.statistics)["pollers_invoked"]) == (1, 1)
    assert not values_of(bench.statistics, "tick_interval")


# --- functions and their calls --------------------------------------------------------------------------------


def test_invocations_count_by_outcome_and_are_timed_by_start_and_work() -> None:
    bench = Counted()
    bench.trace.emit(LambdaStarted(0, "f-1", FINDER, "", 1, 1, 200, 1))
    bench.trace.emit(started("r-1", concurrency=2))
    bench.trace.emit(LambdaStarted(0, "r-2", POLLER, "e-2", 1, 1, 500, 3))
    bench.trace.emit(ended("f-1", FINDER, duration_us=10))
    bench.trace.emit(ended("r-1", duration_us=20))
    bench.trace.emit(ended("r-2", duration_us=30, outcome="error"))
    bench.trace.emit(started("f-2", FINDER, "", concurrency=1))
    bench.look("f-2", "r-3")
    bench.trace.emit(ended("f-2", FINDER, duration_us=40))
    bench.trace.emit(started("r-3", concurrency=1))
    statistics = bench.statistics
    times = ("cold_idle", "warm_idle", "cold", "warm", "init")
    assert [every(values_of(statistics, f"{FINDER}.{kind}")) for kind in times] == [[10], [], [], [40], [200]]
    assert [every(values_of(statistics, f"{POLLER}.{kind}")) for kind in times[2:]] == [
        [30],
        [20],
        [500],
    ]
    names = ("invocations", "cold_starts", "ok", "error")
    assert [counts_of(statistics)[f"{POLLER}.{name}"] for name in names] == [3, 1, 1, 1]
    counts = counts_of(statistics)
    maxima = [f"{FINDER}.concurrent_max", f"{POLLER}.concurrent_max", "concurrent_invocations_max"]
    assert [counts[name] for name in maxima] == [1, 2, 3]


def test_calls_are_counted_and_those_that_succeed_timed() -> None:
    bench = Counted()
    bench.trace.emit(CallMade(0, "f-1", FINDER, "Query", 20, 1, "", ""))
    bench.trace.emit(CallMade(0, "f-1", FINDER, "Query", 7, 0, "", ""))
    bench.trace.emit(CallMade(0, "f-1", FINDER, "Query", 9, 0, "ThrottlingException", ""))
    assert counts_of(bench.statistics) == {f"{FINDER}.Query": 3, f"{FINDER}.Query.ThrottlingException": 1}
    assert [every(values_of(bench.statistics, name)) for name in ("Query.cold", "Query.warm")] == [[20], [7]]


def test_what_goes_wrong_is_counted() -> None:
    bench = Counted()
    for event in (
        Throttled(0, POLLER, "e-1"),
        Dropped(0, POLLER, "e-1", "event too old"),
        WriteRefused(0, "", "worker", "e-1"),
        JobStarted(0, "1", "us-east-1", "drsjob-1", 1, 10, 30, ((20, 30, True, 0),)),
        StartRefused(0, "1", "us-east-1", "ConflictException"),
        LogWritten(0, "r-1", POLLER, "WARNING", "e-1", "Wave 1 has no JobId", 100),
        LogWritten(0, "r-1", POLLER, "INFO", "e-1", "Updated", 100),
    ):
        bench.trace.emit(event)
    names = ("lambda_throttles", "lambda_events_dropped", "writes_refused", "jobs_started", "starts_refused")
    assert counts_of(bench.statistics) == {**dict.fromkeys(names, 1), f"{POLLER}.warnings": 1}


def test_starts_refused_by_the_quota_fault_count_as_refused() -> None:
    bench = Counted()
    for fault in ("quota", "job-late"):
        bench.trace.emit(FaultInjected(0, 0, fault, "StartRecovery", "", "e-1", 1, 1, 0, ""))
    expected = {"starts_refused": 1, "calls_failed_by_faults.StartRecovery": 1, "faults_injected": 2}
    assert counts_of(bench.statistics).items() >= expected.items()


# --- executions -----------------------------------------------------------------------------------------------

IDLE = [without(a_server(status="PENDING"), "InstanceId")]


def poll(bench: Counted, number: int, second: float, *job_ids: str, item: Item | None = None) -> None:
    """A look at this second, which finds the execution, and a poll that asks and writes a second later."""
    bench.at(second)
    bench.look(f"f-{number}", f"r-{number}")
    bench.at(second + 1)
    if job_ids:
        bench.ask(*job_ids, request_id=f"r-{number}")
    bench.write(item or an_item(Version=number + 1), request_id=f"r-{number}")
    bench.trace.emit(ended(f"r-{number}"))
    bench.trace.emit(ended(f"f-{number}", FINDER))


def test_gaps_between_polls_go_to_the_phase_that_the_later_poll_found() -> None:
    bench = Counted()
    starting = an_item(Waves=[a_wave(Servers=IDLE)])
    bench.write(starting, by="worker")
    poll(bench, 1, 10, item=starting)
    poll(bench, 2, 25, item=an_item())
    poll(bench, 3, 55, item=an_item())
    assert (bench.seconds("poll_gap.STARTED"), bench.seconds("poll_gap.IN_PROGRESS")) == ([15], [30])
    counts = counts_of(bench.statistics)
    assert (counts["polls.STARTED"], counts["polls.IN_PROGRESS"], counts["polls_recorded"]) == (2, 1, 3)
    assert bench.seconds("poll_delay") == [1, 1, 1]
    assert every(values_of(bench.statistics, "waves_per_update")) == [1, 1, 1]


def test_a_poll_that_no_look_caused_is_recorded_without_a_gap() -> None:
    bench = Counted()
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=2))
    assert counts_of(bench.statistics)["polls_recorded"] == 1
    assert bench.seconds("poll_delay") == []


def with_job(job: DrsJob, **changes: object) -> Item:
    return a_wave(JobId=job.job_id, Servers=IDLE, **changes)


def test_staleness_is_how_old_a_change_is_when_the_table_learns_of_it() -> None:
    bench = Counted()
    job = bench.job()
    item = an_item(Waves=[with_job(job)])
    bench.write(item, by="worker")
    poll(bench, 1, 50, job.job_id, item=item)
    # STARTED at 60 s, launching at 90 s; a poll that does not ask learns nothing.
    poll(bench, 2, 95, item=item)
    poll(bench, 3, 99, job.job_id, item=item)
    poll(bench, 4, 150, job.job_id, item=item)
    assert bench.seconds("staleness") == [10, 40]


def test_polls_that_miss_a_job_are_counted_and_waves_that_wait_are_not() -> None:
    bench = Counted()
    waits = without(without(a_wave(Status="PENDING"), "JobId"), "JobStatus")
    item = an_item(
        Waves=[
            waits,
            waits | {"Status": "LAUNCHING"},
            waits | {"JobStatus": "PENDING"},
            a_wave(JobId="drsjob-x"),
            a_wave(JobId="drsjob-y", Status="COMPLETED"),
        ]
    )
    bench.write(item, by="worker")
    poll(bench, 1, 10, item=item)
    counts = counts_of(bench.statistics)
    assert (counts["waves_without_job_id"], counts["waves_with_unknown_job"]) == (2, 1)


def test_an_end_is_as_late_as_it_is_after_the_truth_or_the_last_wave() -> None:
    for amended_s, late_s in ((100, 51), (240, 21)):
        bench = Counted()
        job = bench.job()
        bench.write(an_item(Waves=[with_job(job)]), by="worker")
        bench.at(amended_s)
        bench.write(an_item(Version=2, Waves=[with_job(job, WaveName="W")]), by="worker")
        poll(bench, 1, 260, job.job_id, item=an_item(Status="COMPLETED", Waves=[with_job(job, Status="COMPLETED")]))
        assert bench.seconds("completion_delay") == [late_s]
        assert counts_of(bench.statistics)["ended_overdue"] == 0
        assert counts_of(bench.statistics)["worker_writes"] == 2


@pytest.mark.parametrize(
    ("status", "hangs", "timeout_delay", "overdue"),
    [("TIMEOUT", True, [31], 0), ("COMPLETED", False, [], 1), ("COMPLETED", True, [], 0)],
)
def test_ends_after_the_timeout_count_separately(
    status: str, hangs: bool, timeout_delay: list[float], overdue: int
) -> None:
    bench = Counted()
    job = bench.job(life=JobLife.model_validate(LIFE.model_dump() | {"hangs": hangs}))
    bench.write(an_item(Waves=[with_job(job)] if not hangs else [a_wave(JobId="drsjob-x")]), by="worker")
    wave = with_job(job) if not hangs else a_wave(JobId="drsjob-x")
    poll(bench, 1, 1830, item=an_item(Status=status, Waves=[wave]))
    assert bench.seconds("timeout_delay") == timeout_delay
    assert counts_of(bench.statistics)["ended_overdue"] == overdue


def test_a_sample_follows_one_execution_to_its_end() -> None:
    bench = Counted()
    bench.write(an_item(), by="worker")
    poll(bench, 1, 10)
    poll(bench, 2, 50, item=an_item(Status="FAILED"))
    bench.write(an_item(Status="FAILED", Note="seen"), by="person")
    (sample,) = bench.statistics.samples.values()
    assert (sample.polls, sample.end_us, sample.execution.status) == (2, 51 * SECOND_US, ExecutionStatus.FAILED)


def test_not_more_than_the_first_executions_are_samples() -> None:
    bench = Counted()
    for number in range(SAMPLES_MAX + 2):
        bench.table.put(an_item(ExecutionId=f"e-{number}"), writer="worker")
    assert list(bench.statistics.samples) == [f"e-{number}" for number in range(SAMPLES_MAX)]


# --- whole worlds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["drill", "partial", "cancelled", "sub-minute", "timeout-stuck", "missing-job"])
def test_in_a_world_the_figures_agree_with_each_other(scenario: str) -> None:
    world = World(load(scenario), seed=1)
    world.run()
    statistics, counts = world.statistics, counts_of(world.statistics)
    assert sum(tick.polled for tick in statistics.ticks) == counts["pollers_invoked"]
    assert sum(tick.looks for tick in statistics.ticks) == counts["looks"]
    assert sum(world.tally.statuses.values()) == counts["executions_started"] == len(world.workload.expected)
    assert (
        counts["polls_recorded"]
        == len(values_of(statistics, "poll_delay"))
        == counts[f"{POLLER}.UpdateItem"]
        - sum(count for name, count in counts.items() if name.startswith(f"{POLLER}.UpdateItem."))
    )
    runs = [len(values_of(statistics, f"{name}.{kind}")) for name in (FINDER, POLLER) for kind in ("cold", "warm")]
    idle = [len(values_of(statistics, f"{FINDER}.{kind}_idle")) for kind in ("cold", "warm")]
    ends = [counts[f"{name}.{outcome}"] for name in (FINDER, POLLER) for outcome in ("ok", "error", "timeout")]
    # A finder may still be waiting for its next look when the run ends.
    begun = counts[f"{FINDER}.invocations"] + counts[f"{POLLER}.invocations"]
    assert sum(runs) + sum(idle) == sum(ends) <= begun <= sum(ends) + 1
    assert all(each >= 0 for name in ("staleness", "completion_delay") for each in every(values_of(statistics, name)))
    world.close()
