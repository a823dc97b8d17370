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
_MIXED: Final = frozenset({WaveStatus.PARTIAL, WaveStatus.FAILED})


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
        return self._end(execution, wave, seen_us, overdue=overdue, counts_actions=self._promises.launch_actions)

    def wave_ends(
        self, execution: ExecutionView, wave: WaveView, seen_us: int, *, overdue: bool
    ) -> frozenset[WaveStatus | None]:
        """Every outcome that the promises allow as of `seen_us`; None among them is an open wave."""
        counted = {True, self._promises.launch_actions}
        ends = {self._end(execution, wave, seen_us, overdue=overdue, counts_actions=each) for each in counted}
        if self._promises.partial is None and WaveStatus.PARTIAL in ends:
            ends |= _MIXED
        return frozenset(ends)

    def _end(
        self, execution: ExecutionView, wave: WaveView, seen_us: int, *, overdue: bool, counts_actions: bool
    ) -> WaveStatus | None:
        if wave.job_id is None:
            return WaveStatus.FAILED if wave.status is WaveStatus.FAILED else None
        job = self.job(wave)
        if job is None or job.ended_us > seen_us:
            return None
        launched = [server for server in job.servers if server.launches]
        if not launched:
            return WaveStatus.FAILED
        mixed = WaveStatus.FAILED if self._promises.partial is False else WaveStatus.PARTIAL
        unlaunched = len(launched) < len(job.servers)
        if execution.type is not ExecutionType.RECOVERY or not counts_actions:
            return mixed if unlaunched else WaveStatus.COMPLETED
        actions = [action.status(seen_us) for server in launched for action in server.actions]
        if ActionStatus.IN_PROGRESS in actions and not overdue:
            return None
        sound = all(action is ActionStatus.SUCCEEDED for action in actions)
        return WaveStatus.COMPLETED if sound and not unlaunched else mixed

    def sum_of(self, execution: ExecutionView, ends: Sequence[WaveStatus | None]) -> ExecutionStatus | None:
        """The outcome of an execution by the ends of its waves, or None while a wave may be missing or is open."""
        total = execution.total_waves
        if not ends or total is None or len(ends) < total or not all(end in _SUM for end in ends):
            return None
        end = ends[0] if len(set(ends)) == 1 else WaveStatus.PARTIAL
        if end is WaveStatus.PARTIAL and self._promises.partial is False:
            end = WaveStatus.FAILED
        return None if end is None else _SUM[end]

    def sums_of(self, execution: ExecutionView, ends: Sequence[WaveStatus | None]) -> frozenset[ExecutionStatus | None]:
        """Every outcome that the promises allow for these ends of waves; None among them is an open execution."""
        found = self.sum_of(execution, ends)
        if self._promises.partial is not None:
            return frozenset({found})
        # A wave that launched some servers may have ended as FAILED.
        is_mixed = found is ExecutionStatus.FAILED and any(self._launched(wave) for wave in execution.waves)
        if found is ExecutionStatus.PARTIAL or is_mixed:
            return frozenset({ExecutionStatus.PARTIAL, ExecutionStatus.FAILED})
        return frozenset({found})

    def outcomes(
        self, execution: ExecutionView, seen_us: Sequence[int], *, overdue: bool
    ) -> frozenset[ExecutionStatus | None]:
        """Every outcome that the promises allow if its waves are judged by their jobs, each as of its own instant."""
        found: frozenset[ExecutionStatus | None] = frozenset()
        for counts in {True, self._promises.launch_actions}:
            pairs = zip(execution.waves, seen_us, strict=True)
            ends = [self._end(execution, wave, each, overdue=overdue, counts_actions=counts) for wave, each in pairs]
            found |= self.sums_of(execution, ends)
        return found

    def final_us(self, execution: ExecutionView) -> int:
        """The first instant at which the outcome is known, or NEVER_US if the waves as they are now never end.

        An execution that a person has cancelled is settled once none of its jobs runs any more.
        """
        waves = execution.waves
        if self._promises.settles is not None and execution.word == self._promises.settles:
            jobs = [job for job in map(self.job, waves) if job is not None]
            return max((job.ended_us for job in jobs), default=0)
        total = execution.total_waves
        if not waves or total is None or len(waves) < total:
            return NEVER_US
        return max(self.wave_final_us(execution, wave) for wave in waves)

    def _launched(self, wave: WaveView) -> bool:
        job = self.job(wave)
        return job is not None and any(server.launches for server in job.servers)

    def wave_final_us(self, execution: ExecutionView, wave: WaveView) -> int:
        """The first instant at which the wave's outcome is known, or NEVER_US if the wave as it is now never ends."""
        if wave.job_id is None:
            return 0 if wave.status is WaveStatus.FAILED else NEVER_US
        job = self.job(wave)
        if job is None:
            return NEVER_US
        if execution.type is not ExecutionType.RECOVERY:
            return job.ended_us
        # Launch actions keep a wave open at most until the execution is overdue.
        return min(job.settled_us, max(job.ended_us, self.times_out_us(execution) + 1))
