"""An oracle for polls: what each poll must conclude, written from the design and independent of the code.

The code merges statuses by tables of moves; the oracle ranks them. The code walks over all waves; the oracle asks one
question at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from drsim.orchestrator.model import (
    ActionStatus,
    Execution,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    JobStatus,
    ServerLaunch,
    ServerStatus,
    Wave,
    WaveStatus,
)
from drsim.orchestrator.settings import Settings

_SERVER_RANK = {
    ServerStatus.NOT_STARTED: 0,
    ServerStatus.PENDING: 1,
    ServerStatus.IN_PROGRESS: 2,
    ServerStatus.LAUNCHED: 3,
    ServerStatus.FAILED: 3,
    ServerStatus.TERMINATED: 4,
}
_JOB_RANK = {None: 0, JobStatus.PENDING: 1, JobStatus.STARTED: 2, JobStatus.COMPLETED: 3}
_ENDED_BY_DRS = {WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED}
_ABANDONED = {WaveStatus.TIMEOUT, WaveStatus.UNKNOWN}


@dataclass(frozen=True)
class Truth:
    """One wave, and its job in DRS's answer if there is one."""

    wave: Wave
    job: Job | None
    kind: ExecutionType
    awaits_actions: bool

    def job_status(self) -> JobStatus | None:
        """The furthest status seen of the job."""
        seen = [self.wave.job_status, self.job.status if self.job else None]
        return max(seen, key=lambda status: _JOB_RANK[status])

    def server_statuses(self) -> list[ServerStatus]:
        """The statuses of the wave's servers, then those of servers that only the job names."""
        reported = {launch.source_server_id: launch.status for launch in self.job.servers} if self.job else {}
        own = [
            # A failed launch stays failed.
            ServerStatus.FAILED
            if server.status is ServerStatus.FAILED
            else max(
                server.status, reported.get(server.source_server_id, server.status), key=lambda one: _SERVER_RANK[one]
            )
            for server in self.wave.servers
        ]
        ids = {server.source_server_id for server in self.wave.servers}
        return own + [status for server_id, status in reported.items() if server_id not in ids]

    def is_left_out(self) -> bool:
        """Whether DRS's answer lacks a fact that decides the end of this wave."""
        if self.wave.status in {*_ENDED_BY_DRS, *_ABANDONED} or self.wave.job_id is None:
            return False
        if self.job is None:
            return self.wave.job_status is not None
        own = [server.source_server_id for server in self.wave.servers]
        named = {launch.source_server_id: launch for launch in self.job.servers}
        ids = own + [server_id for server_id in named if server_id not in own]
        pairs = list(zip(ids, self.server_statuses(), strict=True))
        return not pairs or not all(self._is_reported(status, named.get(server_id)) for server_id, status in pairs)

    def _is_reported(self, status: ServerStatus, launch: ServerLaunch | None) -> bool:
        """Whether the answer is complete for one server. In a recovery, a launched server needs its actions, too."""
        if status is ServerStatus.NOT_STARTED:
            return False
        if status is ServerStatus.FAILED:
            return True
        if status is ServerStatus.PENDING and self.job is not None and self.job.status is JobStatus.COMPLETED:
            # It never launched.
            return launch is not None
        if status in (ServerStatus.PENDING, ServerStatus.IN_PROGRESS):
            return launch is not None and self.job_status() is not JobStatus.COMPLETED
        if self.kind is ExecutionType.DRILL:
            return True
        return launch is not None and _SERVER_RANK[launch.status] >= 3 and None not in launch.actions

    def end(self) -> WaveStatus | None:
        """The wave's final status, or None while it is open."""
        if self.wave.status in _ENDED_BY_DRS:
            return self.wave.status
        if self.wave.status in _ABANDONED or self.job is None:
            return None
        if self.job_status() is not JobStatus.COMPLETED or self.is_left_out():
            return None
        actions = [action for launch in self.job.servers for action in launch.actions]
        if self.kind is ExecutionType.DRILL:
            actions = []
        if ActionStatus.IN_PROGRESS in actions and self.awaits_actions:
            return None
        up = [status in (ServerStatus.LAUNCHED, ServerStatus.TERMINATED) for status in self.server_statuses()]
        if not any(up):
            return WaveStatus.FAILED
        sound = all(up) and all(action is ActionStatus.SUCCEEDED for action in actions)
        return WaveStatus.COMPLETED if sound else WaveStatus.PARTIAL

    def status_while_open(self) -> WaveStatus:
        """The status of an open wave while its execution is open."""
        if self.job is None or self.wave.status in {*_ABANDONED, WaveStatus.IN_PROGRESS}:
            return self.wave.status
        past_pending = any(_SERVER_RANK[status] >= 2 for status in self.server_statuses())
        if past_pending or self.job_status() is JobStatus.COMPLETED:
            return WaveStatus.IN_PROGRESS
        return WaveStatus.LAUNCHING

    def status_at_timeout(self) -> WaveStatus:
        """The status of an open wave when its execution times out."""
        if self.wave.status in _ABANDONED:
            return self.wave.status
        if self.wave.job_id is None:
            return WaveStatus.PENDING if self.wave.status is WaveStatus.PENDING else WaveStatus.UNKNOWN
        runs = self.job_status() in (JobStatus.PENDING, JobStatus.STARTED) and not self.is_left_out()
        return WaveStatus.TIMEOUT if runs else WaveStatus.UNKNOWN


def truths(execution: Execution, jobs: Mapping[JobRef, Job], now_us: int, settings: Settings) -> list[Truth]:
    """The truth about each wave. Launch actions are awaited until the execution's time is up."""

    def found(awaits_actions: bool) -> list[Truth]:
        return [
            Truth(wave, jobs.get(JobRef(wave.scope, wave.job_id or "")), execution.type, awaits_actions)
            for wave in execution.waves
        ]

    age_us, waits_us = now_us - execution.start_us, _waits_us(found(True), settings)
    return found(age_us <= settings.timeout_us + waits_us)


def _waits_us(found: list[Truth], settings: Settings) -> int:
    """How long after its timeout the execution waits for a complete answer."""
    return settings.incomplete_answer_us if any(truth.is_left_out() for truth in found) else 0


def final_status(execution: Execution, found: list[Truth], age_us: int, settings: Settings) -> ExecutionStatus | None:
    """The final status that this poll gives the execution, or None."""
    ends = {truth.end() for truth in found}
    if not found or execution.total_waves > len(found) or None in ends:
        return ExecutionStatus.TIMEOUT if age_us > settings.timeout_us + _waits_us(found, settings) else None
    if ends == {WaveStatus.COMPLETED}:
        return ExecutionStatus.COMPLETED
    return ExecutionStatus.FAILED if ends == {WaveStatus.FAILED} else ExecutionStatus.PARTIAL


def wave_statuses(found: list[Truth], status: ExecutionStatus | None) -> list[WaveStatus]:
    """The status of each wave after a poll that gave the execution this status."""
    timed_out = status is ExecutionStatus.TIMEOUT
    return [truth.end() or (truth.status_at_timeout() if timed_out else truth.status_while_open()) for truth in found]
