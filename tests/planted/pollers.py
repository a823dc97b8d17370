"""Wrong pollers: the production poller with one step done as real teams do it.

Each docstring says how one comes to write it.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from orchestrator.decisions import Conclusion
from orchestrator.errors import PollFailedError
from orchestrator.model import (
    Dispatch,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    WaveStatus,
)
from orchestrator.poller import Poller, PollReport
from orchestrator.settings import MINUTE_US, SECOND_US, Settings
from simulator.world import Parts, Ports, production_poller

_log = logging.getLogger("orchestrator.planted")

HOUR_US: Final = 60 * MINUTE_US


class WrongPoller(Poller):
    """The production poller, with one step to be overridden."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return conclusion

    def _save(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        super()._save(dispatch, execution, self.change(execution, conclusion))


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
    """TIMEOUT for the execution, and nobody thought of its waves."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        if conclusion.status is not ExecutionStatus.TIMEOUT:
            return conclusion
        pairs = zip(execution.waves, conclusion.waves, strict=True)
        return replace(conclusion, waves=tuple(replace(new, status=old.status) for old, new in pairs))


class SaysNothing(Poller):
    """Warnings were too many, so they went."""

    def _say(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        super()._say(dispatch, execution, replace(conclusion, warnings=()))


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


class TimesOutFirst(Poller):
    """Checks the age before it asks DRS, to save a call."""

    def _ask(self, execution: Execution) -> dict[JobRef, Job]:
        overdue = self._clock.now_us() - execution.start_us > self._settings.timeout_us
        return {} if overdue else super()._ask(execution)


class SlowIsFailed(WrongPoller):
    """FAILED after 30 minutes, as the first version had it."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        slow = conclusion.status is ExecutionStatus.TIMEOUT
        return replace(conclusion, status=ExecutionStatus.FAILED) if slow else conclusion


class ForgetsOtherAttributes(WrongPoller):
    """Builds waves anew from the attributes that it knows."""

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


class EndsInLocalTime(Poller):
    """EndTime by datetime.now() of a machine five hours west."""

    def _save(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        store, self._store = self._store, _EndsEarlier(self._store)
        try:
            super()._save(dispatch, execution, conclusion)
        finally:
            self._store = store


class _EndsEarlier:
    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: ExecutionKey) -> Execution | None:
        found: Execution | None = self._store.get(key)
        return found

    def save_poll(self, update: Any) -> None:
        end_us = None if update.end_us is None else update.end_us - 5 * HOUR_US
        self._store.save_poll(replace(update, end_us=end_us))


class LogsWithoutIds(Poller):
    """A print-style line from a shared helper."""

    def _say(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        _log.info("Updated %d waves for execution %s", len(conclusion.waves), execution.key.execution_id)


class PolledAtItsEnd(Poller):
    """LastPolledTime is when the poll was written, as in Phase 2."""

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport:
        return super().poll(replace(dispatch, dispatched_us=None), deadline_us=deadline_us)


class SwallowsErrors(Poller):
    """`except Exception: logger.error(...)`, and the alarm never sees it."""

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport | None:  # type: ignore[override]
        try:
            return super().poll(dispatch, deadline_us=deadline_us)
        except PollFailedError:
            return None


class ReadsTwice(Poller):
    """Retries a whole poll that it takes for failed, although it was written."""

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport:
        super().poll(dispatch, deadline_us=deadline_us)
        return super().poll(replace(dispatch, dispatched_us=None), deadline_us=deadline_us)


class DrillsWaitForActionsToo(Poller):
    """The type of an execution is not looked at: every drill is taken for a recovery."""

    def _poll(self, dispatch: Dispatch, stop_us: int) -> PollReport:
        store, self._store = self._store, _EveryOneARecovery(self._store)
        try:
            return super()._poll(dispatch, stop_us)
        finally:
            self._store = store


class _EveryOneARecovery:
    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: ExecutionKey) -> Execution | None:
        found: Execution | None = self._store.get(key)
        return None if found is None else replace(found, type=ExecutionType.RECOVERY)

    def save_poll(self, update: Any) -> None:
        self._store.save_poll(update)


def poller(wrong: type[Poller]) -> Parts:
    """A wrong poller in its place."""
    return Parts(
        poller=lambda ports: wrong(
            store=ports.store, jobs=ports.jobs, metrics=ports.metrics, clock=ports.clock, settings=ports.settings
        )
    )


def poller_with(settings: Settings) -> Callable[[Ports], Poller]:
    """A poller whose settings are not those that were asked for."""
    return lambda ports: production_poller(replace(ports, settings=settings))


EAGER: Final = Settings(pending_interval_us=15 * SECOND_US)
LAZY: Final = Settings(pending_interval_us=90 * SECOND_US)
IMPATIENT: Final = Settings(timeout_us=600 * SECOND_US)
