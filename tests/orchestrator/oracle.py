"""What a poll must conclude, said a second time and in other words: from the design's sentences, not from the code.

Where the code merges and moves along tables, this ranks; where it walks waves and passes lists along, this asks one
question at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.model import (
    ActionStatus,
    Execution,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    JobStatus,
    ServerStatus,
    Wave,
    WaveStatus,
)
from orchestrator.settings import Settings

_SERVER_RANK = {
    ServerStatus.NOT_STARTED: 0,
    ServerStatus.PENDING: 1,
    ServerStatus.IN_PROGRESS: 2,
    ServerStatus.LAUNCHED: 3,
    ServerStatus.FAILED: 3,
    ServerStatus.TERMINATED: 4,
}
_JOB_RANK = {None: 0, JobStatus.PENDING: 1, JobStatus.STARTED: 2, JobStatus.COMPLETED: 3}
_DRS_SAID_ITS_LAST_WORD = {WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED}
_NOBODY_WATCHES = {WaveStatus.TIMEOUT, WaveStatus.UNKNOWN}


@dataclass(frozen=True)
class Truth:
    """One wave and the job that DRS answered for it, if any."""

    wave: Wave
    job: Job | None
    kind: ExecutionType
    overdue: bool

    def job_status(self) -> JobStatus | None:
        """The furthest status that the job was ever seen in."""
        seen = [self.wave.job_status, self.job.status if self.job else None]
        return max(seen, key=lambda status: _JOB_RANK[status])

    def server_statuses(self) -> list[ServerStatus]:
        """One for each of the wave's servers, then one for each that only the job names."""
        said = {launch.source_server_id: launch.status for launch in self.job.servers} if self.job else {}
        own = [
            # A failed launch stays one.
            ServerStatus.FAILED
            if server.status is ServerStatus.FAILED
            else max(server.status, said.get(server.source_server_id, server.status), key=lambda one: _SERVER_RANK[one])
            for server in self.wave.servers
        ]
        ids = {server.source_server_id for server in self.wave.servers}
        return own + [status for server_id, status in said.items() if server_id not in ids]

    def every_end_is_told(self) -> bool:
        """Whether each server's end is known. A server that a job passes over was not launched by it."""
        assert self.job is not None
        open_ranks = {1, 2} if self.job.servers else {0, 1, 2}
        ranks = [_SERVER_RANK[status] for status in self.server_statuses()]
        return bool(ranks) and not open_ranks.intersection(ranks)

    def actions(self) -> list[ActionStatus]:
        """Launch actions that count; one that DRS has not told about is as good as running."""
        assert self.job is not None
        if self.kind is ExecutionType.DRILL:
            return []
        named = {launch.source_server_id for launch in self.job.servers}
        silent = [
            ActionStatus.IN_PROGRESS
            for server in self.wave.servers
            if _SERVER_RANK[server.status] >= 3 and server.status is not ServerStatus.FAILED
            if server.source_server_id not in named
        ]
        return [action for launch in self.job.servers for action in launch.actions] + silent

    def end(self) -> WaveStatus | None:
        """The wave's last word, or None while there is none."""
        if self.wave.status in _DRS_SAID_ITS_LAST_WORD:
            return self.wave.status
        if self.wave.status in _NOBODY_WATCHES or self.job is None:
            return None
        if self.job_status() is not JobStatus.COMPLETED or not self.every_end_is_told():
            return None
        running = ActionStatus.IN_PROGRESS in self.actions()
        if running and not self.overdue:
            return None
        up = [status in (ServerStatus.LAUNCHED, ServerStatus.TERMINATED) for status in self.server_statuses()]
        if not any(up):
            return WaveStatus.FAILED
        sound = all(up) and not running and ActionStatus.FAILED not in self.actions()
        return WaveStatus.COMPLETED if sound else WaveStatus.PARTIAL

    def goes_on_as(self) -> WaveStatus:
        """The status of a wave that has not ended, while its execution goes on."""
        if self.job is None or self.wave.status in {*_NOBODY_WATCHES, WaveStatus.IN_PROGRESS}:
            return self.wave.status
        past_pending = any(_SERVER_RANK[status] >= 2 for status in self.server_statuses())
        if past_pending or self.job_status() is JobStatus.COMPLETED:
            return WaveStatus.IN_PROGRESS
        return WaveStatus.LAUNCHING

    def stops_as(self) -> WaveStatus:
        """The status of a wave that has not ended when its execution's time is up."""
        if self.wave.status in _NOBODY_WATCHES:
            return self.wave.status
        if self.wave.job_id is None:
            return WaveStatus.PENDING if self.wave.status is WaveStatus.PENDING else WaveStatus.UNKNOWN
        runs = self.job_status() in (JobStatus.PENDING, JobStatus.STARTED)
        return WaveStatus.TIMEOUT if runs else WaveStatus.UNKNOWN


def truths(execution: Execution, jobs: Mapping[JobRef, Job], now_us: int, settings: Settings) -> list[Truth]:
    """What is true of each wave."""
    overdue = now_us > execution.start_us + settings.timeout_us
    return [
        Truth(wave, jobs.get(JobRef(wave.scope, wave.job_id or "")), execution.type, overdue)
        for wave in execution.waves
    ]


def final_status(execution: Execution, found: list[Truth], overdue: bool) -> ExecutionStatus | None:
    """How the execution ends at this poll, or None."""
    ends = {truth.end() for truth in found}
    if not found or execution.total_waves > len(found) or None in ends:
        return ExecutionStatus.TIMEOUT if overdue else None
    if ends == {WaveStatus.COMPLETED}:
        return ExecutionStatus.COMPLETED
    return ExecutionStatus.FAILED if ends == {WaveStatus.FAILED} else ExecutionStatus.PARTIAL


def wave_statuses(found: list[Truth], status: ExecutionStatus | None) -> list[WaveStatus]:
    """Each wave's status after a poll that gave the execution this status."""
    timed_out = status is ExecutionStatus.TIMEOUT
    return [truth.end() or (truth.stops_as() if timed_out else truth.goes_on_as()) for truth in found]
