"""Pollers that conclude wrongly: the production poller, with another conclusion written.

Each docstring says how one comes to write it.
"""

from dataclasses import replace
from typing import Any

from drsim.orchestrator.decisions import Conclusion
from drsim.orchestrator.model import (
    Dispatch,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    JobStatus,
    PollUpdate,
    ServerStatus,
    Wave,
    WaveStatus,
)
from drsim.orchestrator.poller import Poller


class WrongPoller(Poller):
    """The production poller, with one step to be overridden."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return conclusion

    def _update(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> PollUpdate:
        return super()._update(dispatch, execution, self.change(execution, conclusion))


class RecordsTheEndOnly(WrongPoller):
    """Why write what will be overwritten? Waves are written when they have ended."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        if conclusion.status is not None:
            return conclusion
        pairs = zip(execution.waves, conclusion.waves, strict=True)
        return replace(conclusion, waves=tuple(new if new.finished else old for old, new in pairs))


class ForgetsInstances(WrongPoller):
    """The attribute is called recoveryInstanceID in one answer and recoveryInstanceId in another."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return replace(
            conclusion,
            waves=tuple(
                replace(wave, servers=tuple(replace(server, instance_id=None) for server in wave.servers))
                for wave in conclusion.waves
            ),
        )


class WritesTheTimeAgain(WrongPoller):
    """ "Last checked at ..." in every wave, the finished ones too."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        message = f"last checked at {self._clock.now_us()}"
        return replace(
            conclusion,
            waves=tuple(replace(wave, message=message) if wave.finished else wave for wave in conclusion.waves),
        )


class LeavesWavesAsTheyWere(WrongPoller):
    """TIMEOUT for the execution, without its waves."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        if conclusion.status is not ExecutionStatus.TIMEOUT:
            return conclusion
        pairs = zip(execution.waves, conclusion.waves, strict=True)
        return replace(conclusion, waves=tuple(replace(new, status=old.status) for old, new in pairs))


class EndsLate(WrongPoller):
    """Waits until it has seen the end three times, against flapping."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**ports)
        self._seen: dict[ExecutionKey, int] = {}

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        if conclusion.status is None:
            return conclusion
        seen = self._seen[execution.key] = self._seen.get(execution.key, 0) + 1
        return conclusion if seen >= 3 else replace(conclusion, status=None)


class SlowIsFailed(WrongPoller):
    """FAILED after 30 minutes, as the first version had it."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        slow = conclusion.status is ExecutionStatus.TIMEOUT
        return replace(conclusion, status=ExecutionStatus.FAILED) if slow else conclusion


class ForgetsOtherAttributes(WrongPoller):
    """Builds waves from the attributes that it knows."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return replace(conclusion, waves=tuple(replace(wave, extra={}) for wave in conclusion.waves))


class ForgetsNames(WrongPoller):
    """The same for servers."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return replace(
            conclusion,
            waves=tuple(
                replace(wave, servers=tuple(replace(server, extra={}) for server in wave.servers))
                for wave in conclusion.waves
            ),
        )


class WipesServers(WrongPoller):
    """A finished job names no server any more, so the list goes."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return replace(
            conclusion,
            waves=tuple(replace(wave, servers=()) if wave.finished else wave for wave in conclusion.waves),
        )


class GoesBack(WrongPoller):
    """A wave that is IN_PROGRESS is launching, says a table that maps one to the other."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return replace(
            conclusion,
            waves=tuple(
                replace(new, status=WaveStatus.LAUNCHING)
                if old.status is WaveStatus.IN_PROGRESS and not new.finished
                else new
                for old, new in zip(execution.waves, conclusion.waves, strict=True)
            ),
        )


class ReopensWaves(WrongPoller):
    """Asks DRS about every wave at every poll, and believes it: terminated instances reopen a wave."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        if conclusion.status is not None:
            return conclusion
        return replace(
            conclusion,
            waves=tuple(
                replace(new, status=WaveStatus.IN_PROGRESS) if old.finished else new
                for old, new in zip(execution.waves, conclusion.waves, strict=True)
            ),
        )


class EndsWithWavesMissing(WrongPoller):
    """All waves in the list are finished, so the execution is: TotalWaves is never read."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        done = bool(conclusion.waves) and all(wave.finished for wave in conclusion.waves)
        return replace(conclusion, status=ExecutionStatus.COMPLETED) if done else conclusion


class EndsWithItsFirstServer(WrongPoller):
    """any() where all() was meant."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return replace(
            conclusion,
            waves=tuple(
                replace(wave, status=WaveStatus.COMPLETED)
                if not wave.finished and any(server.status is ServerStatus.LAUNCHED for server in wave.servers)
                else wave
                for wave in conclusion.waves
            ),
        )


class EndsWithoutItsWaves(WrongPoller):
    """The end has an update of its own, which leaves the waves as they were."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return conclusion if conclusion.status is None else replace(conclusion, waves=execution.waves)


class MissingJobIsFailure(WrongPoller):
    """A wave without a JobId cannot have been launched, can it?"""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        waves = tuple(
            wave if wave.job_id is not None else replace(wave, status=WaveStatus.FAILED) for wave in conclusion.waves
        )
        over = all(wave.finished for wave in waves)
        return replace(conclusion, waves=waves, status=ExecutionStatus.PARTIAL if over else conclusion.status)


class TakesMissingActionsForUnconfirmed(WrongPoller):
    """At the timeout, launch actions that the answer does not report as succeeded have not succeeded."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        overdue = self._clock.now_us() - execution.start_us > self._settings.timeout_us
        if conclusion.status is not None or not overdue or execution.type is ExecutionType.DRILL:
            return conclusion
        waves = tuple(
            replace(wave, status=WaveStatus.PARTIAL)
            if wave.job_status is JobStatus.COMPLETED and not wave.finished and _launched(wave)
            else wave
            for wave in conclusion.waves
        )
        over = all(wave.finished for wave in waves)
        return replace(conclusion, waves=waves, status=ExecutionStatus.PARTIAL if over else None)


def _launched(wave: Wave) -> bool:
    return bool(wave.servers) and all(server.status is ServerStatus.LAUNCHED for server in wave.servers)


class OldIsTimeout(WrongPoller):
    """DRS is asked, and its answer loses against the clock."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        overdue = self._clock.now_us() - execution.start_us > self._settings.timeout_us
        return replace(conclusion, status=ExecutionStatus.TIMEOUT) if overdue else conclusion


class ForgetsWhatDrsSaid(WrongPoller):
    """At the timeout the waves are written as they were read, without what DRS has just said."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        late = conclusion.status is ExecutionStatus.TIMEOUT
        return replace(conclusion, waves=execution.waves) if late else conclusion
