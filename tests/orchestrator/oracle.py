"""What a poll must conclude, said a second time and in other words: from the design's sentences, not from the code.

Where the code merges and moves along tables, this ranks; where it walks waves and passes lists along, this asks one
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
_DRS_SAID_ITS_LAST_WORD = {WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED}
_NOBODY_WATCHES = {WaveStatus.TIMEOUT, WaveStatus.UNKNOWN}


@dataclass(frozen=True)
class Truth:
    """One wave and the job that DRS answered for it, if any."""

    wave: Wave
    job: Job | None
    kind: ExecutionType
    awaits_actions: bool

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

    def is_left_out(self) -> bool:
        """Whether DRS's answer lacks something that the end of this wave depends on."""
        if self.wave.status in {*_DRS_SAID_ITS_LAST_WORD, *_NOBODY_WATCHES} or self.wave.job_id is None:
            return False
        if self.job is None:
            return self.wave.job_status is not None
        own = [server.source_server_id for server in self.wave.servers]
        named = {launch.source_server_id: launch for launch in self.job.servers}
        ids = own + [server_id for server_id in named if server_id not in own]
        pairs = list(zip(ids, self.server_statuses(), strict=True))
        return not pairs or not all(self._is_reported(status, named.get(server_id)) for server_id, status in pairs)

    def _is_reported(self, status: ServerStatus, launch: ServerLaunch | None) -> bool:
        """A launched server has actions in a recovery."""
        if status is ServerStatus.NOT_STARTED:
            return False
        if status is ServerStatus.FAILED:
            return True
        if status in (ServerStatus.PENDING, ServerStatus.IN_PROGRESS):
            return launch is not None and self.job_status() is not JobStatus.COMPLETED
        if self.kind is ExecutionType.DRILL:
            return True
        return launch is not None and _SERVER_RANK[launch.status] >= 3 and None not in launch.actions

    def end(self) -> WaveStatus | None:
        """The wave's last word, or None while there is none."""
        if self.wave.status in _DRS_SAID_ITS_LAST_WORD:
            return self.wave.status
        if self.wave.status in _NOBODY_WATCHES or self.job is None:
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
        runs = self.job_status() in (JobStatus.PENDING, JobStatus.STARTED) and not self.is_left_out()
        return WaveStatus.TIMEOUT if runs else WaveStatus.UNKNOWN


def truths(execution: Execution, jobs: Mapping[JobRef, Job], now_us: int, settings: Settings) -> list[Truth]:
    """What is true of each wave. Launch actions are awaited as long as the execution is."""

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
    """How the execution ends at this poll, or None."""
    ends = {truth.end() for truth in found}
    if not found or execution.total_waves > len(found) or None in ends:
        return ExecutionStatus.TIMEOUT if age_us > settings.timeout_us + _waits_us(found, settings) else None
    if ends == {WaveStatus.COMPLETED}:
        return ExecutionStatus.COMPLETED
    return ExecutionStatus.FAILED if ends == {WaveStatus.FAILED} else ExecutionStatus.PARTIAL


def wave_statuses(found: list[Truth], status: ExecutionStatus | None) -> list[WaveStatus]:
    """Each wave's status after a poll that gave the execution this status."""
    timed_out = status is ExecutionStatus.TIMEOUT
    return [truth.end() or (truth.stops_as() if timed_out else truth.goes_on_as()) for truth in found]
