"""The limits of the polling, each with the use that one run made of it and where it would be reached.

Owns how each is extrapolated from the figures of a run. The model is small: a look costs its pages of StatusIndex and
its invokes, so many at a time; and pollers start no faster than the finder hands over, which bounds what they do at
once, however many executions there are. DRS's own quotas are in `quotas`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from drsim.orchestrator.settings import SECOND_US, settings_from
from drsim.reports.quotas import Quotas
from drsim.scenarios.result import Basis, Distribution, Metrics, Minute, Result
from drsim.simulator.durations import duration_us

# The ceiling of one partition, of indexes and on-demand tables, too. What is POLLING has one key in StatusIndex.
# Source: DynamoDB developer guide, partition keys and throttling by key range, 2026-11.
_READ_UNITS_MAX: Final = 3000
_WRITE_UNITS_MAX: Final = 1000
# One unit reads 4 KB strongly, or twice that with eventual consistency. Source: DynamoDB developer guide, 2026-11.
_BYTES_PER_READ_UNIT: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit, what the run used of it when it was busiest, and where it would be reached.

    `limit` is None where nobody sets one. `basis` is that of `used`; `at_executions`, the number in POLLING at once
    that reaches the limit, is always extrapolated, and None if none does or if nothing tells. `is_hard` says whether
    beyond the limit work is refused or left, or a criterion fails; beyond the others it only takes longer. `how` says
    how `used` and `at_executions` were found.
    """

    name: str
    unit: str
    used: float
    limit: float | None
    at_executions: int | None
    is_hard: bool = True
    basis: Basis
    how: str
    refused: int | None = None
    """How often the run itself was refused more. None where `used` tells whether it reached the limit."""

    @property
    def is_reached(self) -> bool:
        """Whether the run itself was refused more or, where that says nothing, used all of it."""
        if self.refused is not None:
            return self.refused > 0
        return self.limit is not None and self.used >= self.limit

    @property
    def utilisation(self) -> float | None:
        """The part of the limit that the run used; 1 is all of it. None if there is no limit."""
        return None if self.limit is None else self.used / self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the limits are computed from. Times in seconds, means where no other quantile is named."""

    metrics: Metrics
    configuration: Mapping[str, Any]
    found_max: int
    """Executions that the fullest look found."""
    at_a_time: int
    """Invokes of one look at once."""
    looks_per_tick: int
    timeout: float
    reserve: float
    """The finder begins no invoke in this last part of its time."""
    invoke: float
    query: float
    poller: float
    """A poller's time in its environment, that of its start included."""
    poller_start: str
    """Whether the poller that takes so long is one that starts "cold" or "warm"."""
    poll: float
    """A poller's time at the end of a long look, by when it finds the environments of the first ones free."""
    item_bytes: float
    """Of one execution in StatusIndex."""
    executions_per_page: float

    @classmethod
    def of(cls, result: Result) -> Self | None:
        """The figures of a run; None if it has too few."""
        metrics, configuration = result.metrics, result.metrics.configuration
        found_max = max((tick.found for tick in metrics.ticks), default=0)
        invoke = _mean(metrics, "Invoke.cold", "Invoke.warm")
        query = _mean(metrics, "Query.cold", "Query.warm")
        warm = _mean(metrics, "ExecutionPoller.warm")
        cold = _mean(metrics, "ExecutionPoller.cold") + _mean(metrics, "ExecutionPoller.init")
        if not found_max or not invoke or not query or not (warm or cold):
            return None
        settings = settings_from({name: str(value) for name, value in configuration["settings"].items()})
        read_units = [minute.sum for minute in _minutes(metrics, "ConsumedReadCapacityUnits", "StatusIndex")]
        looks_a_minute = max(60 / metrics.look_every, 1)
        # The busiest minute's units, by its looks: rounded up to half a unit a page, so nothing is underestimated.
        item_bytes = max(read_units, default=0) / looks_a_minute * _BYTES_PER_READ_UNIT / found_max
        page_bytes_max = configuration["table"]["page_bytes_max"]
        return cls(
            metrics=metrics,
            configuration=configuration,
            found_max=found_max,
            at_a_time=settings.parallel_invokes_max,
            looks_per_tick=settings.sweeps_per_invocation,
            timeout=duration_us(configuration["functions"]["finder"]["timeout"]) / SECOND_US,
            reserve=settings.deadline_reserve_us / SECOND_US,
            invoke=invoke,
            query=query,
            poller=max(warm, cold),
            poller_start="cold" if cold > warm else "warm",
            poll=warm or cold,
            item_bytes=item_bytes,
            executions_per_page=page_bytes_max / item_bytes if item_bytes else math.inf,
        )

    @property
    def rate(self) -> float:
        """How many pollers are started in a second while a look hands over."""
        return self.at_a_time / self.invoke

    @property
    def window(self) -> float:
        """What the last look of an invocation has at most, counted until its function times out."""
        return self.timeout - 60 / self.looks_per_tick * (self.looks_per_tick - 1)

    def executions_within(self, seconds: float, at_a_time: int) -> int:
        """How many executions a look can hand over in that time."""
        each = self.invoke / at_a_time
        within_a_page = (seconds - self.query) / each
        if within_a_page <= self.executions_per_page:
            return max(int(within_a_page), 0)
        # Pages count in part here, which is less than the number is rounded by when it is told.
        return int(seconds / (each + self.query / self.executions_per_page))


def _mean(metrics: Metrics, *names: str) -> float:
    """The mean in seconds of the distributions that the run has of these, 0 if it has none of them."""
    found: list[Distribution] = [metrics.distributions[name] for name in names if name in metrics.distributions]
    count = sum(each.count for each in found)
    return sum(each.mean * each.count for each in found) / count / 1000 if count else 0.0


def _max(metrics: Metrics, name: str) -> float:
    """The largest value in seconds of a distribution, 0 if the run has none."""
    return metrics.distributions[name].max / 1000 if name in metrics.distributions else 0.0


def _minutes(metrics: Metrics, name: str, index: str = "") -> list[Minute]:
    """The minutes of one metric, all of its dimensions or those of one index."""
    return [
        minute
        for metric in metrics.cloudwatch
        if metric.name == name and (not index or index in metric.dimensions)
        for minute in metric.minutes
    ]


def limits_of(figures: Figures) -> tuple[Limit, ...]:
    """Every limit, in the order in which an execution meets them."""
    judges = (_finder, _delay, _page, _reads, _concurrency, _writes)
    return (*(judge(figures) for judge in judges), *_drs(figures), _calls(figures))


def _finder(figures: Figures) -> Limit:
    seconds = figures.window - figures.reserve
    return Limit(
        name="ExecutionFinder's time for a look",
        unit="s",
        used=_max(figures.metrics, "invokes_of_a_look"),
        limit=seconds,
        at_executions=figures.executions_within(seconds, figures.at_a_time),
        basis="modelled",
        how=(
            "used: the longest from a look's last page to its last invoke; extrapolated: mean of Query for each page +"
            f" mean of Invoke for each execution, {figures.at_a_time} at a time, all due at once; of its"
            f" {figures.timeout:g} s the function begins nothing in the last {figures.reserve:g} s"
            + (f", and the last of {figures.looks_per_tick} looks begins late" if figures.looks_per_tick > 1 else "")
        ),
    )


def _delay(figures: Figures) -> Limit:
    seconds = duration_us(figures.configuration["bounds"]["poll_delay"]) / SECOND_US
    return Limit(
        name="Delay of a poll after its look",
        unit="s",
        used=_max(figures.metrics, "poll_delay"),
        limit=seconds,
        at_executions=figures.executions_within(seconds - figures.poll, figures.at_a_time),
        basis="modelled",
        how=(
            f"the bound of this scenario (poll_delay), which the criterion on early and late polls judges;"
            f" extrapolated: the time of a look as above, and {figures.poll:.2f} s for the last poller"
        ),
    )


def _concurrency(figures: Figures) -> Limit:
    functions = figures.configuration["functions"]
    reserved = functions["poller"]["reserved_concurrency"]
    limit = functions["account_concurrency"] if reserved is None else reserved
    tends_to = figures.rate * figures.poller
    return Limit(
        name="Concurrent Lambda invocations (init included)",
        unit="",
        used=figures.metrics.counts["concurrent_invocations_max"],
        limit=limit,
        # The finder itself is one of them.
        at_executions=max(limit - 1, 1) if tends_to + 1 >= limit else None,
        basis="observed",
        how=(
            f"at most {figures.rate:.0f} pollers start in a second, and each stays {figures.poller:.2f} s (mean,"
            f" {figures.poller_start}): with more executions they tend to {tends_to:.0f} at once (Little's law)"
        ),
    )


def _page(figures: Figures) -> Limit:
    page_bytes_max = figures.configuration["table"]["page_bytes_max"]
    counts = figures.metrics.counts
    return Limit(
        name="One page of StatusIndex",
        unit="kB",
        used=figures.item_bytes * figures.found_max / 1000,
        limit=page_bytes_max / 1000,
        at_executions=int(figures.executions_per_page) if figures.item_bytes else None,
        is_hard=False,
        basis="observed",
        how=(
            f"{figures.item_bytes:.0f} bytes an execution, from the read units of the busiest minute; each further page"
            f" costs a look {figures.query * 1000:.1f} ms ({counts['index_pages']} pages in {counts['looks']} looks)"
        ),
    )


def _reads(figures: Figures) -> Limit:
    units = figures.item_bytes / _BYTES_PER_READ_UNIT
    # A look reads its pages back to back. Only if they took longer than a second, less than all would count.
    return Limit(
        name="Read throughput of StatusIndex",
        unit="units/s",
        used=units * figures.found_max,
        limit=_READ_UNITS_MAX,
        at_executions=int(_READ_UNITS_MAX / units) if units else None,
        basis="observed",
        how=f"one look within a second, {units:.3f} units an execution; POLLING is one key, hence one partition",
    )


def _writes(figures: Figures) -> Limit:
    writes = _minutes(figures.metrics, "ConsumedWriteCapacityUnits", "StatusIndex")
    samples = sum(minute.samples for minute in writes)
    units = sum(minute.sum for minute in writes) / samples if samples else 0.0
    return Limit(
        name="Write throughput of StatusIndex",
        unit="units/s",
        used=figures.metrics.counts.get("polling_write_units_max", 0),
        limit=_WRITE_UNITS_MAX,
        at_executions=math.ceil(_WRITE_UNITS_MAX / units) if figures.rate * units >= _WRITE_UNITS_MAX else None,
        basis="observed",
        how=(
            "used: the busiest second of POLLING, which is one key, hence one partition; all writers, the workers that"
            f" start executions, too. Extrapolated: pollers only, {units:.2f} units a write, at most {figures.rate:.0f}"
            f" writes in a second, as many as start: with more executions they tend to {figures.rate * units:.0f}."
            " What workers write depends on how many executions begin at once"
        ),
    )


def _drs(figures: Figures) -> tuple[Limit, ...]:
    """The quotas of DRS; only that of jobs where no execution has one."""
    configuration, counts = figures.configuration, figures.metrics.counts
    drs, wanted = configuration["drs"], Quotas.of(configuration, figures.found_max)
    refused = counts.get("starts_refused", 0)
    too_large = wanted.servers_per_job > drs["servers_per_job_max"]
    crowded = wanted.servers > drs["servers_in_jobs_max"]
    where = f"the pair of account and Region, of {wanted.pairs}, where they are most, none ended before all have begun"

    def quota(name: str, used: int, key: str, at: int | None, how: str, blamed: bool) -> Limit:
        return Limit(
            name=name,
            unit="",
            used=min(used, drs[key]),
            limit=drs[key],
            at_executions=at,
            basis="modelled",
            how=how,
            refused=refused if blamed else 0,
        )

    jobs = quota(
        "DRS jobs at once",
        wanted.jobs,
        "jobs_max",
        wanted.jobs_at,
        f"by the workload, in {where}; {refused} starts were refused" if wanted.jobs else "no execution has a DRS job",
        not too_large and not (crowded and wanted.jobs <= drs["jobs_max"]),
    )
    if not wanted.jobs:
        return (jobs,)
    return (
        jobs,
        quota(
            "Source servers in DRS jobs at once",
            wanted.servers,
            "servers_in_jobs_max",
            wanted.servers_at,
            f"by the workload, in {where}",
            crowded,
        ),
        quota(
            "Source servers in one DRS job",
            wanted.servers_per_job,
            "servers_per_job_max",
            1 if too_large else None,
            "the largest wave of the workload; more executions change nothing",
            too_large,
        ),
    )


def _calls(figures: Figures) -> Limit:
    calls = [minute.sum for minute in _minutes(figures.metrics, "DescribeJobs")]
    return Limit(
        name="DescribeJobs calls",
        unit="a minute",
        used=max(calls, default=0),
        limit=None,
        at_executions=None,
        is_hard=False,
        basis="observed",
        how="the busiest minute, all accounts and Regions together; AWS publishes no limit",
    )
