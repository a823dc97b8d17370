"""The capacity found: what a run used of each limit, and where its system would reach it."""

import pytest

from drsim.reports.capacity import CapacityNote, note
from drsim.scenarios.files import load
from drsim.scenarios.result import Limit, Result
from drsim.scenarios.runner import run
from drsim.simulator.durations import about
from tests.catalogue import run_of

CONCURRENCY = "Concurrent Lambda invocations (init included)"


@pytest.fixture(scope="module")
def phase_2() -> CapacityNote:
    return note(run_of("phase-2").result.capacity)


@pytest.fixture(scope="module")
def load_100() -> Result:
    return run_of("load-100").result


def limit(found: CapacityNote, name: str) -> Limit:
    return next(each for each in found.limits if each.name == name)


def of(scenario: str, *changes: str) -> CapacityNote:
    return note(run(load(scenario, changes), seed=1).result.capacity)


def test_sequential_invokes_of_115_ms_fill_the_minute_at_521_executions(phase_2: CapacityNote) -> None:
    # 60 s / 115.05 ms = 521.5, less the query; 57 s / 115.05 ms = 495.4.
    assert phase_2.sentences[0] == (
        "With invokes one after the other, at 115.0 ms each (this run's mean), ExecutionFinder's 60 s would end at 521 "
        "executions due at once; it begins nothing in the last 3 s, so from 495 on it would leave some to the next "
        "minute."
    )


def test_ten_invokes_at_a_time_allow_ten_times_as_many_executions(phase_2: CapacityNote) -> None:
    assert phase_2.sentences[1] == "With 10 at a time, as here, they end at 5,210, and from 4,950 on some are left."
    assert phase_2.sentences[2] == (
        "Extrapolated, the first limit to be reached is Delay of a poll after its look at 858 executions in POLLING at "
        "once. Then come ExecutionFinder's time for a look at 4,950; Read throughput of StatusIndex at 18,000."
    )
    assert phase_2.first == phase_2.limits[1]


def test_one_invoke_at_a_time_is_reported_once() -> None:
    sentences = of("phase-2", "PARALLEL_INVOKES_MAX=1").sentences
    assert [each.split(",")[0] for each in sentences] == [
        "With invokes one after the other",
        "Extrapolated",
        "However many executions there are",
    ]


@pytest.mark.parametrize(("at_a_time", "executions"), [(1, 216), (10, 2163)])
def test_polls_are_late_before_the_finder_runs_out_of_time(at_a_time: int, executions: int) -> None:
    # 25 s, less 0.11 s for a warm poller and 8 ms for the query, at 115 ms each.
    found = of("phase-2", f"PARALLEL_INVOKES_MAX={at_a_time}", "bounds.poll_delay=25s")
    delay = limit(found, "Delay of a poll after its look")
    assert (delay.limit, delay.is_hard) == (25, True)
    assert delay.at_executions == pytest.approx(executions, rel=0.005)
    assert found.first == delay
    assert delay.used == pytest.approx(1.1, abs=0.1)


def test_the_sentences_follow_from_the_runs_own_figures() -> None:
    found = of("phase-2", "latencies.invoke=200ms", "PARALLEL_INVOKES_MAX=20", "functions.finder.timeout=30s")
    assert "at 200.0 ms each (this run's mean), ExecutionFinder's 30 s would end at 149 " in found.sentences[0]
    assert found.sentences[1] == "With 20 at a time, as here, they end at 2,990, and from 2,690 on some are left."


@pytest.mark.slow
def test_last_of_several_looks_has_the_rest_of_the_minute() -> None:
    found = of("sub-minute")
    assert "ExecutionFinder's 15 s for its last look would end at" in found.sentences[0]
    assert found.limits[0].limit == 12


@pytest.mark.slow
def test_first_limit_of_load_100_is_drs_jobs(load_100: Result) -> None:
    found = note(load_100.capacity)
    assert load_100.capacity is not None
    assert load_100.capacity.executions == 100
    jobs = limit(found, "DRS jobs at once")
    # All three jobs of an execution are in one of 40 pairs, which so takes 20 // 3 = 6 executions: 240 are served.
    assert (jobs.used, jobs.limit, jobs.utilisation, jobs.at_executions) == (9, 20, 0.45, 241)
    assert (found.first, jobs.is_reached) == (jobs, False)
    servers = limit(found, "Source servers in DRS jobs at once")
    # Six servers an execution: 83 executions a pair have 498, and 40 x 83 = 3320.
    assert (servers.used, servers.limit, servers.at_executions) == (18, 500, 3321)
    assert limit(found, "Source servers in one DRS job").used == 2
    calls = limit(found, "DescribeJobs calls")
    assert (calls.used, calls.limit, calls.utilisation, calls.at_executions) == (100, None, None, None)
    assert "AWS publishes no limit" in calls.how


@pytest.mark.slow
def test_drs_refuses_a_start_from_execution_241_on() -> None:
    within, beyond = (of("load-100", f"executions={number}", "duration=4m", "settle=0s") for number in (240, 241))
    assert limit(within, "DRS jobs at once").refused == 0
    assert within.first == limit(within, "DRS jobs at once")
    jobs = limit(beyond, "DRS jobs at once")
    assert (jobs.used, jobs.refused, jobs.is_reached) == (20, 1, True)
    assert beyond.first == jobs
    assert "This run itself reached DRS jobs at once (1 refused)." in beyond.sentences


@pytest.mark.parametrize(
    ("changes", "executions"),
    [
        # Two pairs of 20 jobs. Together, three jobs go 6 times into each.
        ("", 13),
        # Apart, two fall into the execution's own pair and one into the other: 3 for every 2, until the 14th wants 22.
        (", spread_waves: true", 14),
        # In turn, one at a time.
        (", order: sequential", 41),
        # The second group has places of its own. Of four executions three are in the first pair: six of eight fill it.
        ("}, {executions: 1, place: 0", 9),
        # Of three waves two never get a job.
        (", waves: [{}, {launch: never}, {launch: unknown}]", 41),
    ],
)
def test_limit_of_jobs_follows_the_workloads_accounts_and_regions(changes: str, executions: int) -> None:
    group = f"{{executions: 1, arrival: {{at: 5s}}{changes}}}"
    places = ("accounts=1", "regions=[us-east-1, us-west-2]", f"workload=[{group}]")
    found = of("drill", *places, "duration=3m")
    assert limit(found, "DRS jobs at once").at_executions == executions


def test_servers_are_counted_and_a_wave_may_exceed_a_job() -> None:
    many = of("drill", "workload=[{executions: 1, waves: 1, servers: 90}]", "duration=3m")
    assert many.first == limit(many, "Source servers in DRS jobs at once")
    # Five have 450 in the only pair.
    assert (many.first.used, many.first.at_executions) == (90, 6)
    large = of("drill", "workload=[{executions: 1, waves: [{servers: 101}, {}]}]", "duration=3m")
    servers = limit(large, "Source servers in one DRS job")
    assert (servers.used, servers.refused, servers.at_executions) == (100, 1, 1)
    assert limit(large, "DRS jobs at once").is_reached is False
    assert large.first == servers


@pytest.mark.slow
def test_paced_limits_are_never_reached_at_a_low_rate(load_100: Result) -> None:
    found = note(load_100.capacity)
    invocations, writes = limit(found, CONCURRENCY), limit(found, "Write throughput of StatusIndex")
    assert (invocations.used, invocations.limit, invocations.at_executions) == (29, 1000, None)
    # 10 invokes of 115 ms at a time start 87 pollers in a second; each stays 0.47 s after a start of 0.54 s.
    assert "tend to 88 at once" in invocations.how
    # Two units for an item of 1.2 kB, a little more where its status changes: 87 polls write 181 in a second, and
    # workers, which write when executions begin, most of what was used.
    assert "they tend to 181." in writes.how
    assert (writes.used, writes.basis, writes.is_reached) == (254, "observed", False)
    assert writes.at_executions is None
    assert f"pollers alone never reach {CONCURRENCY} or Write throughput of StatusIndex" in found.sentences[-1]


def test_paced_limits_are_reached_at_a_high_rate() -> None:
    found = of("phase-2", "PARALLEL_INVOKES_MAX=100", "functions.account_concurrency=50")
    assert limit(found, CONCURRENCY).at_executions == 49
    writes = limit(found, "Write throughput of StatusIndex")
    assert writes.at_executions == pytest.approx(1000 / 1.87, abs=3)
    assert found.first == limit(found, CONCURRENCY)


def test_reserved_concurrency_is_the_limit_of_the_pollers() -> None:
    found = of("phase-2", "functions.poller.reserved_concurrency=20")
    assert limit(found, CONCURRENCY).limit == 20


@pytest.mark.slow
def test_index_items_weigh_as_much_as_their_reads_cost(load_100: Result) -> None:
    found = note(load_100.capacity)
    page, reads = limit(found, "One page of StatusIndex"), limit(found, "Read throughput of StatusIndex")
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
    found = note(result.capacity)
    assert found.limits == ()
    assert found.first is None
    assert found.sentences == ("Too few executions were found, handed over and polled to compute capacity.",)


@pytest.mark.slow
def test_load_of_1000_takes_the_finder_as_long_as_load_100_predicts(load_100: Result) -> None:
    measured = run(load("load-1000", ["duration=8m", "settle=0s"]), seed=1).result
    looks = measured.metrics.distributions["ExecutionFinder.warm"]
    assert max(tick.found for tick in measured.metrics.ticks) == 1000
    assert load_100.capacity is not None
    ten = load_100.capacity.hand_overs[-1]
    assert ten.at_a_time == 10
    # 57 s are left to hand over before the reserve begins.
    assert ten.before_reserve / 57 * looks.max / 1000 == pytest.approx(1000, rel=0.1)
    found = note(measured.capacity)
    assert found.limits[0].used == pytest.approx(looks.max / 1000, rel=0.1)
    # 500 executions begin at once, and their workers write three job ids each, in a second or two.
    writes = limit(found, "Write throughput of StatusIndex")
    assert (writes.used, writes.is_reached) == (1638, True)
    assert found.first == writes
    assert "This run itself reached Write throughput of StatusIndex." in found.sentences
    # All pollers of the fullest looks started cold: what Little's law tends to is what was seen.
    assert limit(found, CONCURRENCY).used == pytest.approx(88, rel=0.1)


def test_an_extrapolated_number_has_three_digits() -> None:
    assert [about(each) for each in (0, 7, 521, 4957, 20_689)] == ["0", "7", "521", "4,950", "20,600"]
