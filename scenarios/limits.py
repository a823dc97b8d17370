"""The limits of the polling, each with the use that one run made of it and where it would be reached.

Owns how each is extrapolated. A look costs its pages of StatusIndex and its invokes, several at a time. Pollers start
no faster than the finder hands over, which bounds what they do at once. Executions take the pairs of account and Region
in turn, and none is assumed to end before all have begun.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from typing import Any, Final, NamedTuple

from drsim.orchestrator.settings import SECOND_US, settings_from
from drsim.scenarios.metric_records import Minute
from drsim.scenarios.result import Capacity, Distribution, HandOver, Limit, Measurements
from drsim.simulator.events import POLLER
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.table import Figure
from drsim.simulator.spec.groups import Group
from drsim.simulator.spec.world import WorldSpec

# The ceiling of one partition, of indexes and on-demand tables, too. What is POLLING has one key in StatusIndex.
# Source: DynamoDB developer guide, partition keys and throttling by key range, 2026-11.
_READ_UNITS_MAX: Final = 3000
_WRITE_UNITS_MAX: Final = 1000
# One unit reads 4 KB strongly, or twice that with eventual consistency. Source: DynamoDB developer guide, 2026-11.
_BYTES_PER_READ_UNIT: Final = 8192


def capacity_of(spec: WorldSpec, metrics: Measurements) -> Capacity:
    """Return the limits of a run of this spec that left these measurements."""
    use = _Use(spec, metrics)
    finder = Capacity(executions=use.found_max, timeout=use.timeout, window=use.window, reserve=use.reserve)
    if not (use.found_max and use.invoke and use.query and use.poller):
        return finder
    *limits, calls = (Limit(**facts, **reach(use)._asdict()) for reach, facts in _LIMITS)
    limits += [*_drs(use), calls]
    hand_overs = tuple(_hand_over(use, at_a_time) for at_a_time in sorted({1, use.at_a_time}))
    return finder.model_copy(update={"limits": tuple(limits), "invoke_ms": use.invoke * 1000, "hand_overs": hand_overs})


class _Use:
    """What the limits are computed from. Times are in seconds, and means where no other quantile is named."""

    def __init__(self, spec: WorldSpec, metrics: Measurements) -> None:
        settings = settings_from(spec.settings)
        self.spec = spec
        self.metrics = metrics
        # The fullest look's executions.
        self.found_max = max((tick.found for tick in metrics.ticks), default=0)
        # Invokes of one look at once, and how many pollers that starts in a second.
        self.at_a_time = settings.parallel_invokes_max
        self.invoke, self.query = (
            _mean(metrics, figures.COLD.of(each), figures.WARM.of(each)) for each in ("Invoke", "Query")
        )
        self.rate = self.at_a_time / self.invoke if self.invoke else 0.0
        self.looks_per_tick = settings.sweeps_per_invocation
        self.timeout = spec.functions.finder.timeout / SECOND_US
        self.reserve = settings.deadline_reserve_us / SECOND_US
        # What the last look of an invocation has at most, counted until its function times out.
        self.window = self.timeout - 60 / self.looks_per_tick * (self.looks_per_tick - 1)
        warm = _mean(metrics, figures.WARM.of(POLLER))
        cold = _mean(metrics, figures.COLD.of(POLLER)) + _mean(metrics, figures.INIT.of(POLLER))
        # A poller's time in its environment, that of its start included.
        self.poller, self.poller_start = (cold, "cold") if cold > warm else (warm, "warm")
        # A poller's time at the end of a long look, which finds the environments of the first ones free.
        self.poll = warm or cold
        read_units = [minute.sum for minute in _minutes(metrics, "ConsumedReadCapacityUnits", "StatusIndex")]
        looks_a_minute = max(60 / metrics.look_every, 1)
        # The busiest minute's units, by its looks: rounded up to half a unit a page, so nothing is underestimated.
        most_bytes = max(read_units, default=0) / looks_a_minute * _BYTES_PER_READ_UNIT
        # Of one execution in StatusIndex.
        self.item_bytes = most_bytes / self.found_max if self.found_max else 0.0
        self.executions_per_page = spec.table.page_bytes_max / self.item_bytes if self.item_bytes else math.inf

    def executions_within(self, seconds: float, at_a_time: int) -> int:
        """How many executions a look can hand over in that time."""
        each = self.invoke / at_a_time
        within_a_page = (seconds - self.query) / each
        if within_a_page <= self.executions_per_page:
            return max(int(within_a_page), 0)
        # A page counts in part here, which is less than reports round.
        return int(seconds / (each + self.query / self.executions_per_page))

    def count(self, figure: Figure) -> int:
        return self.metrics.counts.get(figure.name, 0)

    def max(self, figure: Figure) -> float:
        """The largest value of a distribution, 0 if the run has none."""
        found = self.metrics.distributions.get(figure.name)
        return found.max / 1000 if found else 0.0


def _hand_over(use: _Use, at_a_time: int) -> HandOver:
    whole, part = (use.executions_within(seconds, at_a_time) for seconds in (use.window, use.window - use.reserve))
    return HandOver(at_a_time=at_a_time, before_timeout=whole, before_reserve=part)


def _mean(metrics: Measurements, *wanted: Figure) -> float:
    """The mean of all values of these distributions, 0 if the run has none of them."""
    found: list[Distribution] = [each for figure in wanted if (each := metrics.distributions.get(figure.name))]
    count = sum(each.count for each in found)
    return sum(each.mean * each.count for each in found) / count / 1000 if count else 0.0


def _minutes(metrics: Measurements, name: str, index: str = "") -> list[Minute]:
    """The minutes of one metric, all of its dimensions or those of one index."""
    found = (each for each in metrics.cloudwatch if each.name == name and (not index or index in each.dimensions))
    return [minute for metric in found for minute in metric.minutes]


class _Reach(NamedTuple):
    """The use of a limit, the limit itself, and the number of executions that reaches it, with how both were found."""

    used: float
    limit: float | None
    at_executions: int | None
    how: str


def _finder(use: _Use) -> _Reach:
    seconds = use.window - use.reserve
    how = (
        "used: the longest from a look's last page to its last invoke; extrapolated: mean of Query for each page +"
        f" mean of Invoke for each execution, {use.at_a_time} at a time, all due at once; of its"
        f" {use.timeout:g} s the function begins nothing in the last {use.reserve:g} s"
    )
    if use.looks_per_tick > 1:
        how += f", and the last of {use.looks_per_tick} looks begins late"
    return _Reach(use.max(figures.INVOKES_OF_A_LOOK), seconds, use.executions_within(seconds, use.at_a_time), how)


def _delay(use: _Use) -> _Reach:
    seconds = use.spec.bounds.poll_delay / SECOND_US
    how = (
        f"the bound of this scenario (poll_delay), which the criterion on early and late polls judges;"
        f" extrapolated: the time of a look as above, and {use.poll:.2f} s for the last poller"
    )
    return _Reach(use.max(figures.POLL_DELAY), seconds, use.executions_within(seconds - use.poll, use.at_a_time), how)


def _page(use: _Use) -> _Reach:
    pages, looks = use.count(figures.INDEX_PAGES), use.count(figures.LOOKS)
    how = (
        f"{use.item_bytes:.0f} bytes an execution, from the read units of the busiest minute; each further page"
        f" costs a look {use.query * 1000:.1f} ms ({pages} pages in {looks} looks)"
    )
    at = int(use.executions_per_page) if use.item_bytes else None
    return _Reach(use.item_bytes * use.found_max / 1000, use.spec.table.page_bytes_max / 1000, at, how)


def _reads(use: _Use) -> _Reach:
    units = use.item_bytes / _BYTES_PER_READ_UNIT
    # A look reads its pages back to back. Only if they took longer than a second, less than all would count.
    how = f"one look within a second, {units:.3f} units an execution; POLLING is one key, hence one partition"
    return _Reach(units * use.found_max, _READ_UNITS_MAX, int(_READ_UNITS_MAX / units) if units else None, how)


def _concurrency(use: _Use) -> _Reach:
    functions = use.spec.functions
    reserved = functions.poller.reserved_concurrency
    limit = functions.account_concurrency if reserved is None else reserved
    tends_to = use.rate * use.poller
    how = (
        f"at most {use.rate:.0f} pollers start in a second, and each stays {use.poller:.2f} s (mean,"
        f" {use.poller_start}): with more executions they tend to {tends_to:.0f} at once (Little's law)"
    )
    # The finder itself is one of them.
    at = max(limit - 1, 1) if tends_to + 1 >= limit else None
    return _Reach(use.count(figures.INVOCATIONS_MAX), limit, at, how)


def _writes(use: _Use) -> _Reach:
    writes = _minutes(use.metrics, "ConsumedWriteCapacityUnits", "StatusIndex")
    samples = sum(minute.samples for minute in writes)
    units = sum(minute.sum for minute in writes) / samples if samples else 0.0
    how = (
        "used: the busiest second of POLLING, which is one key, hence one partition; all writers, the workers that"
        f" start executions, too. Extrapolated: pollers only, {units:.2f} units a write, at most {use.rate:.0f}"
        f" writes in a second, as many as start: with more executions they tend to {use.rate * units:.0f}."
        " What workers write depends on how many executions begin at once"
    )
    at = math.ceil(_WRITE_UNITS_MAX / units) if use.rate * units >= _WRITE_UNITS_MAX else None
    return _Reach(use.count(figures.POLLING_WRITE_UNITS_MAX), _WRITE_UNITS_MAX, at, how)


def _calls(use: _Use) -> _Reach:
    how = "the busiest minute, all accounts and Regions together; AWS publishes no limit"
    return _Reach(max((minute.sum for minute in _minutes(use.metrics, "DescribeJobs")), default=0), None, None, how)


# In the order in which an execution meets them; those of DRS are before the last one.
_LIMITS: Final[tuple[tuple[Callable[[_Use], _Reach], dict[str, Any]], ...]] = (
    (_finder, {"name": "ExecutionFinder's time for a look", "unit": "s", "basis": "modelled"}),
    (_delay, {"name": "Delay of a poll after its look", "unit": "s", "basis": "modelled"}),
    (_page, {"name": "One page of StatusIndex", "unit": "kB", "is_hard": False, "basis": "observed"}),
    (_reads, {"name": "Read throughput of StatusIndex", "unit": "units/s", "basis": "observed"}),
    (
        _concurrency,
        {"name": "Concurrent Lambda invocations (init included)", "unit": "", "is_paced": True, "basis": "observed"}
        | {"phase_2": figures.CONCURRENT_MAX.of(POLLER).phase_2},
    ),
    (_writes, {"name": "Write throughput of StatusIndex", "unit": "units/s", "is_paced": True, "basis": "observed"}),
    (_calls, {"name": "DescribeJobs calls", "unit": "a minute", "is_hard": False, "basis": "observed"}),
)


def _drs(use: _Use) -> list[Limit]:
    """The quotas of DRS; only that of jobs if no execution has one."""
    spec, drs = use.spec, use.spec.drs
    # Those that faults refused say nothing about the workload.
    refused = use.count(figures.STARTS_REFUSED) - use.count(figures.CALLS_FAILED_BY_FAULTS.of("StartRecovery"))
    largest = max((size for group in spec.workload for _, size in _jobs(group)), default=0)
    jobs, servers = next(islice(busiest(spec), use.found_max - 1, None)) if largest else (0, 0)
    too_large, crowded = largest > drs.servers_per_job_max, servers > drs.servers_in_jobs_max
    where = (
        f"by the workload, in the pair of account and Region, of {spec.accounts * len(spec.regions)}, "
        "where they are most, none ended before all have begun"
    )

    def quota(name: str, used: int, limit: int, at: int | None, how: str, *, blamed: bool) -> Limit:
        reach = _Reach(min(used, limit), limit, at, how)
        return Limit(name=name, unit="", basis="modelled", refused=refused if blamed else 0, **reach._asdict())

    at = _first_over(drs.jobs_max, (each for each, _ in busiest(spec))) if largest else None
    how = f"{where}; {refused} starts were refused" if jobs else "no execution has a DRS job"
    blamed = not too_large and not (crowded and jobs <= drs.jobs_max)
    quotas = [quota("DRS jobs at once", jobs, drs.jobs_max, at, how, blamed=blamed)]
    if jobs:
        name, limit = "Source servers in DRS jobs at once", drs.servers_in_jobs_max
        at = _first_over(limit, (each for _, each in busiest(spec)))
        quotas.append(quota(name, servers, limit, at, where, blamed=crowded))
        name, limit = "Source servers in one DRS job", drs.servers_per_job_max
        how = "the largest wave of the workload; more executions change nothing"
        quotas.append(quota(name, largest, limit, 1 if too_large else None, how, blamed=too_large))
    return quotas


def _first_over(limit: int, values: Iterable[int]) -> int:
    return next(number for number, value in enumerate(values, start=1) if value > limit)


def busiest(spec: WorldSpec) -> Iterator[tuple[int, int]]:
    """Yield the jobs and servers of the busiest pair after each execution has begun; the workload repeats."""
    pairs = spec.accounts * len(spec.regions)
    jobs: Counter[int] = Counter()
    servers: Counter[int] = Counter()
    jobs_max = servers_max = 0
    begun = ((turn, each, nth) for turn in count() for each in spec.workload for nth in range(each.executions))
    for number, (turn, group, nth) in enumerate(begun):
        first = number if group.place is None else group.place + turn * group.executions + nth
        for position, size in _jobs(group):
            pair = (first + position) % pairs
            jobs[pair] += 1
            servers[pair] += size
            jobs_max, servers_max = max(jobs_max, jobs[pair]), max(servers_max, servers[pair])
        yield jobs_max, servers_max


def _jobs(group: Group) -> list[tuple[int, int]]:
    """Return the jobs that an execution of the group has at once: pairs after its own, and servers.

    Of waves that follow one another that is one job, here the largest.
    """
    waves = [
        (position if group.spread_waves else 0, wave.servers or group.servers)
        for position, wave in enumerate(group.waves)
        if wave.launch == "drs"
    ]
    return [max(waves, key=lambda wave: wave[1])] if waves and group.is_sequential else waves
