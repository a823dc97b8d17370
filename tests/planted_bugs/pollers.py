"""Pollers that go about it wrongly: the production poller, with one step done as real teams do it.

Each docstring says how one comes to write it.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from drsim.orchestrator.decisions import Conclusion
from drsim.orchestrator.errors import PollFailedError
from drsim.orchestrator.model import Dispatch, Execution, Job, JobRef
from drsim.orchestrator.poller import Poller, PollReport
from drsim.orchestrator.settings import MINUTE_US, SECOND_US, Settings
from drsim.simulator.world import Parts, Ports, production_poller

_log = logging.getLogger("drsim.orchestrator.planted")


class SaysNothing(Poller):
    """Warnings were too many, so they went."""

    def _say(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        super()._say(dispatch, execution, replace(conclusion, warnings=()))


class GivesUpAtOnce(Poller):
    """TIMEOUT at the first overdue poll, whatever DRS's answer leaves out."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**{**ports, "settings": replace(ports["settings"], incomplete_answer_us=0)})


class TimesOutFirst(GivesUpAtOnce):
    """Checks the age before it asks DRS, to save a call."""

    def _ask(self, execution: Execution) -> dict[JobRef, Job]:
        overdue = self._clock.now_us() - execution.start_us > self._settings.timeout_us
        return {} if overdue else super()._ask(execution)


class KeepsItsFirstDispatch(Poller):
    """The event is read at import, so a warm environment polls its first execution for ever."""

    _first: Dispatch | None = None

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport:
        self._first = self._first or dispatch
        return super().poll(replace(dispatch, key=self._first.key), deadline_us=deadline_us)


class WaitsForTheJob(Poller):
    """Polls within the function too, since it has five minutes."""

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport:
        report = super().poll(dispatch, deadline_us=deadline_us)
        self._clock.sleep_us(4 * MINUTE_US)
        return report


class LogsNothing(Poller):
    """Log level WARNING, to save cost."""

    def _say(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        pass


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


class WorksEverySecondTime(Poller):
    """A lock that a poll takes is released by the next one, which then does nothing else."""

    _is_locked = False

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport | None:  # type: ignore[override]
        self._is_locked = not self._is_locked
        return super().poll(dispatch, deadline_us=deadline_us) if self._is_locked else None


class ReadsTwice(Poller):
    """Retries a whole poll that it takes for failed, although it was written."""

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport:
        super().poll(dispatch, deadline_us=deadline_us)
        return super().poll(replace(dispatch, dispatched_us=None), deadline_us=deadline_us)


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
EVER_HOPEFUL: Final = Settings(incomplete_answer_us=86_400 * SECOND_US)
PATIENT: Final = Settings(timeout_us=86_400 * SECOND_US)
