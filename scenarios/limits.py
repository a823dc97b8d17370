"""The limits of the polling, each with the use that one run made of it and where it would be reached.

Owns how each is extrapolated from the figures of a run. The model is small: a look costs its pages of StatusIndex and
its invokes, several at a time. Pollers start no faster than the finder hands over, which bounds what they do at once,
however many executions there are. DRS's quotas follow from the workload: executions take the pairs of account and
Region in turn, and none is assumed to end before all have begun.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

from drsim.orchestrator.settings import SECOND_US, settings_from
from drsim.scenarios.result import Capacity, Distribution, HandOver, Limit, Measurements, Minute
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
    limits = (*(Limit(**facts, **reach(use)._asdict()) for reach, facts in _LIMITS), *_drs(use), _calls(use))
    hand_overs = tuple(
        HandOver(
            at_a_time=at_a_time,
            before_timeout=use.executions_within(use.window, at_a_time),
            before_reserve=use.executions_within(use.window - use.reserve, at_a_time),
        )
        for at_a_time in sorted({1, use.at_a_time})
    )
    return finder.model_copy(update={"limits": limits, "invoke_ms": use.invoke * 1000, "hand_overs": hand_overs})


class _Use:
    """What the limits are computed from. Times are in seconds, and means where no other quantile is named."""

    def __init__(self, spec: WorldSpec, metrics: Measurements) -> None:
        settings = settings_from(spec.settings)
        self.spec = spec
        self.metrics = metrics
        # Executions that the fullest look found.
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
        """A count of the run."""
        return self.metrics.counts.get(figure.name, 0)

    def max(self, figure: Figure) -> float:
        """The largest value of a distribution, 0 if the run has none."""
        found = self.metrics.distributions.get(figure.name)
        return found.max / 1000 if found else 0.0


def _mean(metrics: Measurements, *wanted: Figure) -> float:
    """The mean of all values of these distributions, 0 if the run has none of them."""
    found: list[Distribution] = [each for figure in wanted if (each := metrics.distributions.get(figure.name))]
    count = sum(each.count for each in found)
    return sum(each.mean * each.count for each in found) / count / 1000 if count else 0.0


def _minutes(metrics: Measurements, name: str, index: str = "") -> list[Minute]:
    """The minutes of one metric, all of its dimensions or those of one index."""
    return [
        minute
        for metric in metrics.cloudwatch
        if metric.name == name and (not index or index in metric.dimensions)
        for minute in metric.minutes
    ]


class _Reach(NamedTuple):
    """The use of a limit, the limit itself, and the number of executions that reaches it, with how both were found."""

    used: float
    limit: float
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


# In the order in which an execution meets them; those of DRS follow.
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
)


def _drs(use: _Use) -> list[Limit]:
    """The quotas of DRS; only that of jobs where no execution has one."""
    drs, wanted = use.spec.drs, demand_of(use.spec, use.found_max)
    refused = use.count(figures.STARTS_REFUSED)
    too_large = wanted.servers_per_job > drs.servers_per_job_max
    crowded = wanted.servers > drs.servers_in_jobs_max
    where = (
        f"by the workload, in the pair of account and Region, of {wanted.pairs}, where they are most, "
        "none ended before all have begun"
    )

    def quota(name: str, used: int, limit: int, at: int | None, how: str, blamed: bool) -> Limit:
        reach = _Reach(min(used, limit), limit, at, how)
        return Limit(name=name, unit="", basis="modelled", refused=refused if blamed else 0, **reach._asdict())

    how = f"{where}; {refused} starts were refused" if wanted.jobs else "no execution has a DRS job"
    blamed = not too_large and not (crowded and wanted.jobs <= drs.jobs_max)
    jobs = quota("DRS jobs at once", wanted.jobs, drs.jobs_max, wanted.jobs_at, how, blamed)
    if not wanted.jobs:
        return [jobs]
    name, limit = "Source servers in DRS jobs at once", drs.servers_in_jobs_max
    servers = quota(name, wanted.servers, limit, wanted.servers_at, where, crowded)
    name, limit = "Source servers in one DRS job", drs.servers_per_job_max
    how = "the largest wave of the workload; more executions change nothing"
    return [jobs, servers, quota(name, wanted.servers_per_job, limit, 1 if too_large else None, how, too_large)]


def _calls(use: _Use) -> Limit:
    return Limit(
        name="DescribeJobs calls",
        unit="a minute",
        used=max((minute.sum for minute in _minutes(use.metrics, "DescribeJobs")), default=0),
        limit=None,
        at_executions=None,
        is_hard=False,
        basis="observed",
        how="the busiest minute, all accounts and Regions together; AWS publishes no limit",
    )


class Demand(NamedTuple):
    """What the first executions of a workload need of DRS in the busiest of `pairs`, and how many it can serve.

    `servers_per_job` is the largest job's. `jobs_at` and `servers_at` are the numbers of executions whose last one is
    the first to be refused; None if none has a job.
    """

    pairs: int
    servers_per_job: int = 0
    jobs: int = 0
    servers: int = 0
    jobs_at: int | None = None
    servers_at: int | None = None


def demand_of(spec: WorldSpec, executions: int) -> Demand:
    """The demand of the first executions of a spec."""
    drs, pairs = spec.drs, spec.accounts * len(spec.regions)
    sizes = [size for group in spec.workload for _, size in _jobs(group)]
    if not sizes:
        return Demand(pairs)
    jobs: Counter[int] = Counter()
    servers: Counter[int] = Counter()
    demand = Demand(pairs, max(sizes))
    for number, placed in enumerate(_executions(spec.workload), start=1):
        for place, size in placed:
            jobs[place % pairs] += 1
            servers[place % pairs] += size
        if demand.jobs_at is None and max(jobs.values(), default=0) > drs.jobs_max:
            demand = demand._replace(jobs_at=number)
        if demand.servers_at is None and max(servers.values(), default=0) > drs.servers_in_jobs_max:
            demand = demand._replace(servers_at=number)
        if number == executions:
            demand = demand._replace(jobs=max(jobs.values(), default=0), servers=max(servers.values(), default=0))
        if number >= executions and demand.jobs_at is not None and demand.servers_at is not None:
            break
    return demand


def _executions(workload: Sequence[Group]) -> Iterator[list[tuple[int, int]]]:
    """Yield pairs, by number, and servers of the jobs that each execution has at once; the workload repeats."""
    begun = 0
    groups = [(group, _jobs(group)) for group in workload]
    for repetition in count():
        for group, jobs in groups:
            for number in range(group.executions):
                place = begun if group.place is None else group.place + repetition * group.executions + number
                yield [(place + position, size) for position, size in jobs]
                begun += 1


def _jobs(group: Group) -> list[tuple[int, int]]:
    """Return the jobs that an execution of the group has at once: pairs after its own, and servers.

    Of waves that follow one another that is one job, here the largest.
    """
    waves = [
        (position if group.spread_waves else 0, wave.servers or group.servers)
        for position, wave in enumerate(group.waves)
        if wave.launch == "drs"
    ]
    return [max(waves, key=lambda wave: wave[1])] if waves and group.order == "sequential" else waves
