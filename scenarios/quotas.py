"""DRS's quotas and the workload: how many jobs and servers its executions need in each pair of account and Region.

Owns where executions run when there are more of them than the run had. They take the pairs in turn, as the simulator's
workload does; none is assumed to end before all have begun.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Self

from drsim.simulator.spec.groups import Group
from drsim.simulator.spec.world import WorldSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What the first executions of a workload need of DRS in the busiest pair, and how many it can serve.

    `jobs` and `servers` are those of the busiest pair, `servers_per_job` those of the largest job. `jobs_at` and
    `servers_at` are the numbers of executions whose last one is the first to be refused; None if none has a job.
    """

    pairs: int
    jobs: int
    servers: int
    servers_per_job: int
    jobs_at: int | None
    servers_at: int | None

    @classmethod
    def of(cls, spec: WorldSpec, executions: int) -> Self:
        """The demand of the first executions of a spec."""
        drs, pairs = spec.drs, spec.accounts * len(spec.regions)
        sizes = [job for group in spec.workload for _, job in _jobs(group)]
        jobs: Counter[int] = Counter()
        servers: Counter[int] = Counter()
        wanted, jobs_at, servers_at = (0, 0), None, None
        for number, placed in enumerate(_executions(spec.workload) if sizes else (), start=1):
            for place, size in placed:
                jobs[place % pairs] += 1
                servers[place % pairs] += size
                if jobs_at is None and jobs[place % pairs] > drs.jobs_max:
                    jobs_at = number
                if servers_at is None and servers[place % pairs] > drs.servers_in_jobs_max:
                    servers_at = number
            if number == executions:
                wanted = max(jobs.values(), default=0), max(servers.values(), default=0)
            if number >= executions and jobs_at is not None and servers_at is not None:
                break
        return cls(
            pairs=pairs,
            jobs=wanted[0],
            servers=wanted[1],
            servers_per_job=max(sizes, default=0),
            jobs_at=jobs_at,
            servers_at=servers_at,
        )


def _executions(workload: Sequence[Group]) -> Iterator[list[tuple[int, int]]]:
    """Yield pairs, by number, and servers of the jobs that each execution has at once; the workload repeats."""
    begun = 0
    groups = [(group, _jobs(group)) for group in workload]
    for repetition in count():
        for group, jobs in groups:
            for number in range(group.executions):
                place = group.place
                first = begun if place is None else place + repetition * group.executions + number
                yield [(first + position, size) for position, size in jobs]
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
