"""DRS's quotas and the workload: how many jobs and servers its executions need in each pair of account and Region.

Owns where executions run when there are more of them than the run had. They take the pairs in turn, as the simulator's
workload does; none is assumed to end before all have begun.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from drsim.simulator.spec.groups import Group
from drsim.simulator.spec.world import WorldSpec


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
