"""The capacity note: what a run used of each limit, and where its system would reach it."""

import pytest

from reports.capacity import Capacity, about, capacity, look_seconds
from reports.limits import Limit
from scenarios.files import load
from scenarios.result import Result
from scenarios.runner import run


@pytest.fixture(scope="module")
def phase_2() -> Capacity:
    return capacity(run(load("phase-2"), seed=1).result)


@pytest.fixture(scope="module")
def load_100() -> Result:
    return run(load("load-100"), seed=1).result


def limit(note: Capacity, name: str) -> Limit:
    return next(each for each in note.limits if each.name == name)


def of(scenario: str, *changes: str) -> Capacity:
    return capacity(run(load(scenario, changes), seed=1).result)


def test_one_after_the_other_115_ms_end_the_finders_minute_at_521_executions(phase_2: Capacity) -> None:
    # 60 s / 115.05 ms = 521.5, less the query; 57 s / 115.05 ms = 495.4.
    assert phase_2.sentences[0] == (
        "With invokes one after the other, at 115.0 ms each (this run's mean), ExecutionFinder's 60 s would end at 521 "
        "executions due at once; it begins nothing in the last 3 s, so from 495 on it would leave some to the next "
        "minute."
    )


def test_ten_at_a_time_end_it_ten_times_later_and_the_next_limit_is_named(phase_2: Capacity) -> None:
    assert phase_2.sentences[1] == "With 10 at a time, as here, they end at 5,210, and from 4,950 on some are left."
    assert phase_2.sentences[2] == (
        "The first limit to be reached is ExecutionFinder's time for a look at 4,950 executions in POLLING at once. "
        "Then come Read throughput of StatusIndex at 18,000."
    )
    assert phase_2.first == phase_2.limits[0]


def test_the_sentences_follow_from_the_runs_own_figures() -> None:
    note = of("phase-2", "latencies.invoke=200ms", "PARALLEL_INVOKES_MAX=20", "functions.finder.timeout=30s")
    assert "at 200.0 ms each (this run's mean), ExecutionFinder's 30 s would end at 149 executions" in note.sentences[0]
    assert note.sentences[1] == "With 20 at a time, as here, they end at 2,990, and from 2,690 on some are left."


@pytest.mark.slow
def test_the_last_of_several_looks_has_only_what_is_left_of_the_minute() -> None:
    note = of("sub-minute")
    assert "ExecutionFinder's 15 s for its last look would end at" in note.sentences[0]
    assert note.limits[0].limit == 12


@pytest.mark.slow
def test_a_load_of_100_is_first_stopped_by_drs(load_100: Result) -> None:
    note = capacity(load_100)
    assert note.executions == 100
    jobs = limit(note, "DRS jobs at once")
    # Three waves at once: 300 jobs in 10 accounts x 4 Regions of 20 jobs each, which 266 executions do not fill.
    assert (jobs.used, jobs.limit, jobs.utilisation, jobs.at_executions) == (300, 800, 0.375, 267)
    assert note.first == jobs
    calls = limit(note, "DescribeJobs calls")
    assert (calls.used, calls.limit, calls.utilisation, calls.at_executions) == (100, None, None, None)
    assert "AWS publishes no limit" in calls.how


@pytest.mark.slow
def test_what_starts_at_a_bounded_rate_is_never_reached_by_more_executions(load_100: Result) -> None:
    note = capacity(load_100)
    invocations, writes = limit(note, "Concurrent Lambda invocations"), limit(note, "Write throughput of StatusIndex")
    assert (invocations.used, invocations.limit, invocations.at_executions) == (29, 1000, None)
    # 10 invokes of 115 ms at a time start 87 pollers in a second; each stays 0.47 s after a start of 0.54 s.
    assert "tend to 88 at once" in invocations.how
    # Two units for an item of 1.2 kB, a little more where its status changes: 87 polls write 181 in a second.
    assert writes.used == pytest.approx(181, abs=1)
    assert writes.at_executions is None
    assert "No number of executions reaches Concurrent Lambda invocations or Write throughput" in note.sentences[-1]


def test_a_rate_that_is_high_enough_reaches_them() -> None:
    note = of("phase-2", "PARALLEL_INVOKES_MAX=100", "functions.account_concurrency=50")
    assert limit(note, "Concurrent Lambda invocations").at_executions == 49
    writes = limit(note, "Write throughput of StatusIndex")
    assert writes.at_executions == pytest.approx(1000 / 1.87, abs=3)
    assert note.first == limit(note, "Concurrent Lambda invocations")


def test_reserved_concurrency_is_the_limit_of_the_pollers() -> None:
    note = of("phase-2", "functions.poller.reserved_concurrency=20")
    assert limit(note, "Concurrent Lambda invocations").limit == 20


@pytest.mark.slow
def test_items_of_the_index_are_weighed_by_what_reading_them_cost(load_100: Result) -> None:
    note = capacity(load_100)
    page, reads = limit(note, "One page of StatusIndex"), limit(note, "Read throughput of StatusIndex")
    # 14.5 units for 100 executions: 118,784 bytes, of which 1,048,576 go into a page.
    assert page.used == pytest.approx(118.784)
    assert page.at_executions == 882
    assert not page.is_hard
    assert reads.used == pytest.approx(14.5)
    assert reads.at_executions == 20_689


def test_jobs_that_follow_one_another_count_one_at_a_time() -> None:
    jobs = limit(of("drill"), "DRS jobs at once")
    workload = load("drill").workload
    assert {group.order for group in workload} == {"sequential"}
    assert jobs.used == 1


@pytest.mark.parametrize("changes", [(), ("schedule.first=20m", "duration=10m")])
def test_a_run_without_polls_says_so_and_has_no_limits(changes: tuple[str, ...]) -> None:
    result = run(load("idle", changes), seed=1).result
    note = capacity(result)
    assert note.limits == ()
    assert note.first is None
    assert note.sentences == (
        "This run says nothing about capacity: too few executions were found, handed over and polled.",
    )
    with pytest.raises(ValueError, match="cannot be extrapolated from idle"):
        look_seconds(result, 10)


@pytest.mark.slow
def test_a_load_of_1000_takes_the_finder_as_long_as_a_load_of_100_foretells(load_100: Result) -> None:
    measured = run(load("load-1000", ["duration=8m", "settle=0s"]), seed=1).result
    looks = measured.metrics.distributions["ExecutionFinder.warm"]
    assert max(tick.found for tick in measured.metrics.ticks) == 1000
    assert look_seconds(load_100, 1000) == pytest.approx(looks.max / 1000, rel=0.1)
    note = capacity(measured)
    assert note.limits[0].used == pytest.approx(looks.max / 1000, rel=0.1)
    # All pollers of the fullest looks started cold: what Little's law tends to is what was seen.
    assert limit(note, "Concurrent Lambda invocations").used == pytest.approx(88, rel=0.1)


def test_an_extrapolated_number_has_three_digits() -> None:
    assert [about(each) for each in (0, 7, 521, 4957, 20_689)] == ["0", "7", "521", "4,950", "20,600"]
