"""The truth: the state of an execution according to DRS, computed from the lives of its jobs.

Written from the contract, not from `orchestrator.decisions`, which it judges; the table adds what DRS cannot know.
"""

from collections.abc import Sequence
from typing import Final

from drsim.orchestrator.model import ActionStatus, ExecutionStatus, ExecutionType, WaveStatus
from drsim.simulator.contract.model import Promises
from drsim.simulator.durations import NEVER_US
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.services.drs import DrsJob, DrsService

_SUM: Final = {end: ExecutionStatus(end) for end in (WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED)}


class Truth:
    def __init__(self, drs: DrsService, promises: Promises, *, epoch_us: int, timeout_us: int | None) -> None:
        self._promises = promises
        self._drs = drs
        self.epoch_us = epoch_us
        self._timeout_us = timeout_us

    def job(self, wave: WaveView) -> DrsJob | None:
        """The wave's job; None if DRS never had it."""
        return None if wave.job_id is None or wave.scope is None else self._drs.job(wave.scope, wave.job_id)

    def times_out_us(self, execution: ExecutionView) -> int:
        """The last instant at which the execution is not yet overdue; NEVER_US if its start or timeout is unknown."""
        if execution.start_us is None or self._timeout_us is None:
            return NEVER_US
        return execution.start_us + self._timeout_us - self.epoch_us

    def wave_status(
        self, execution: ExecutionView, wave: WaveView, seen_us: int, *, overdue: bool
    ) -> WaveStatus | None:
        """The wave's outcome as of `seen_us`, or None before its end. A poll may become `overdue` after `seen_us`."""
        if wave.job_id is None:
            return WaveStatus.FAILED if wave.status is WaveStatus.FAILED else None
        job = self.job(wave)
        if job is None or job.ended_us > seen_us:
            return None
        launched = [server for server in job.servers if server.launches]
        if not launched:
            return WaveStatus.FAILED
        unlaunched = len(launched) < len(job.servers)
        if execution.type is not ExecutionType.RECOVERY:
            return WaveStatus.PARTIAL if unlaunched else WaveStatus.COMPLETED
        actions = [action.status(seen_us) for server in launched for action in server.actions]
        if ActionStatus.IN_PROGRESS in actions and not overdue:
            return None
        sound = all(action is ActionStatus.SUCCEEDED for action in actions)
        return WaveStatus.COMPLETED if sound and not unlaunched else WaveStatus.PARTIAL

    @staticmethod
    def sum_of(execution: ExecutionView, ends: Sequence[WaveStatus | None]) -> ExecutionStatus | None:
        """The outcome of an execution by the ends of its waves, or None while a wave may be missing or is open."""
        total = execution.total_waves
        if not ends or total is None or len(ends) < total or not all(end in _SUM for end in ends):
            return None
        return _SUM[ends[0]] if len(set(ends)) == 1 and ends[0] is not None else ExecutionStatus.PARTIAL

    def final_us(self, execution: ExecutionView) -> int:
        """The first instant at which the outcome is known, or NEVER_US if the waves as they are now never end."""
        total = execution.total_waves
        if not execution.waves or total is None or len(execution.waves) < total:
            return NEVER_US
        return max(self._wave_final_us(execution, wave) for wave in execution.waves)

    def _wave_final_us(self, execution: ExecutionView, wave: WaveView) -> int:
        if wave.job_id is None:
            return 0 if wave.status is WaveStatus.FAILED else NEVER_US
        job = self.job(wave)
        if job is None:
            return NEVER_US
        if execution.type is not ExecutionType.RECOVERY:
            return job.ended_us
        # Launch actions keep a wave open at most until the execution is overdue.
        return min(job.settled_us, max(job.ended_us, self.times_out_us(execution) + 1))
