"""Whole lives of executions: under any poll times and any incomplete answers, the final status is the truth."""

from dataclasses import dataclass, replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.orchestrator.decisions import conclude
from drsim.orchestrator.model import (
    ActionStatus,
    Execution,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    JobStatus,
    Server,
    ServerLaunch,
    ServerStatus,
)
from drsim.orchestrator.settings import SECOND_US
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import EAST, a_wave, an_execution
from tests.orchestrator.strategies import SETTINGS, THOROUGH

LAST_POLL_S: Final = 1700
"""The second of the last poll: every job has ended, and the execution is not yet overdue."""

seconds = st.sampled_from([0, 60, 300, 700])


@dataclass(frozen=True)
class ServerLife:
    """One server, in seconds since the start: IN_PROGRESS from `launching`, `ended`, one action until `settled`."""

    name: str
    launching: int
    ended: int
    launches: bool
    settled: int
    action_succeeds: bool

    def at(self, second: int) -> ServerLaunch:
        if second < self.ended:
            waits = second < self.launching
            return ServerLaunch(self.name, ServerStatus.PENDING if waits else ServerStatus.IN_PROGRESS)
        if not self.launches:
            return ServerLaunch(self.name, ServerStatus.FAILED)
        ended = ActionStatus.SUCCEEDED if self.action_succeeds else ActionStatus.FAILED
        action = ActionStatus.IN_PROGRESS if second < self.settled else ended
        return ServerLaunch(self.name, ServerStatus.LAUNCHED, None, (action,))


@dataclass(frozen=True)
class JobLife:
    """One job, which ends `closing` seconds after the last of its servers."""

    name: str
    servers: tuple[ServerLife, ...]
    closing: int

    @property
    def ended(self) -> int:
        return max(server.ended for server in self.servers) + self.closing

    def at(self, second: int, silent: bool) -> Job:
        """The job in DRS's answer at this second. A silent answer names no servers."""
        first = min(server.launching for server in self.servers)
        if second < self.ended:
            status = JobStatus.PENDING if second < first else JobStatus.STARTED
        else:
            status = JobStatus.COMPLETED
        return Job(self.name, status, () if silent else tuple(server.at(second) for server in self.servers))


@dataclass(frozen=True)
class Look:
    """One poll, with the jobs for which DRS's answer lacks the servers (`silent`) or lacks the job (`unknown`)."""

    second: int
    silent: frozenset[str]
    unknown: frozenset[str]


@dataclass(frozen=True)
class Life:
    """An execution with one job per wave, and its polls. If `listed`, the item names its servers from the start."""

    kind: ExecutionType
    listed: bool
    jobs: tuple[JobLife, ...]
    looks: tuple[Look, ...]

    def execution(self) -> Execution:
        """The execution as the plan's worker wrote it."""
        waves = []
        for number, job in enumerate(self.jobs, start=1):
            servers = tuple(Server(source_server_id=server.name) for server in job.servers)
            waves.append(a_wave(number, servers=servers if self.listed else ()))
        return an_execution(*waves, kind=self.kind)

    def settled(self) -> int:
        """The second from which nothing is left to wait for."""
        servers = [server for job in self.jobs for server in job.servers]
        actions = [server.settled for server in servers if server.launches and self.kind is ExecutionType.RECOVERY]
        return max([job.ended for job in self.jobs] + actions)

    def end(self) -> ExecutionStatus:
        """The true final status."""
        servers = [server for job in self.jobs for server in job.servers]
        actions_count = self.kind is ExecutionType.RECOVERY
        if not any(server.launches for server in servers):
            return ExecutionStatus.FAILED
        if all(server.launches and (server.action_succeeds or not actions_count) for server in servers):
            return ExecutionStatus.COMPLETED
        return ExecutionStatus.PARTIAL


@st.composite
def server_lives(draw: st.DrawFn, name: str) -> ServerLife:
    launching = draw(seconds)
    ended = launching + draw(seconds)
    settled = min(ended + draw(seconds), LAST_POLL_S)
    yes = st.sampled_from([True, True, False])
    return ServerLife(name, launching, ended, draw(yes), settled, draw(yes))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    jobs = []
    for number in range(1, draw(st.integers(1, 2)) + 1):
        letters = draw(st.sampled_from(["a", "ab"]))
        servers = tuple(draw(server_lives(f"s-{number}{each}")) for each in letters)
        jobs.append(JobLife(f"drsjob-{number}", servers, draw(st.sampled_from([0, 100]))))
    names = st.sampled_from([frozenset[str](), *[frozenset({job.name}) for job in jobs]])
    instants = draw(st.lists(st.sampled_from(range(0, LAST_POLL_S, 60)), min_size=4, max_size=12).map(sorted))
    looks = [Look(second, draw(names), draw(names)) for second in instants]
    last = Look(LAST_POLL_S, frozenset(), frozenset())
    return Life(draw(st.sampled_from(ExecutionType)), draw(st.booleans()), tuple(jobs), (*looks, last))


def polled(execution: Execution, life: Life, look: Look) -> tuple[Execution, ExecutionStatus | None]:
    answers = {
        JobRef(EAST, job.name): job.at(look.second, job.name in look.silent)
        for job in life.jobs
        if job.name not in look.unknown
    }
    conclusion = conclude(execution, answers, START_US + look.second * SECOND_US, SETTINGS)
    return replace(execution, waves=conclusion.waves), conclusion.status


@pytest.mark.slow
@THOROUGH
@given(lives())
def test_execution_ends_as_its_jobs_and_never_earlier(life: Life) -> None:
    execution, status = life.execution(), None
    for look in life.looks:
        execution, status = polled(execution, life, look)
        if status is not None:
            assert look.second >= life.settled()
            break
    assert status is life.end()
