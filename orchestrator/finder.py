"""The finder: queries executions in POLLING, and invokes a poller for each that is due.

Owns the looks of one invocation, their paging, and the order and limit of the poller's invocations. It writes nothing.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum, auto

from . import decisions
from .errors import OrchestratorError
from .model import Dispatch, Execution
from .ports import Clock, PollerInvoker, PollingIndex
from .settings import SECOND_US, Settings

_log = logging.getLogger(__name__)

# One log event holds at most 1 MB (PutLogEvents, botocore service model 2026-11); ids beyond this are counted.
_IDS_LOGGED_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LookReport:
    """Counts of executions in one look. `left` were due, but the function's time was nearly up."""

    found: int
    malformed: int
    invoked: int
    failed: int
    left: int
    skipped: int


class _Sent(Enum):
    ACCEPTED = auto()
    FAILED = auto()
    LEFT = auto()


class Finder:
    def __init__(
        self, *, index: PollingIndex, invoker: PollerInvoker, clock: Clock, executor: Executor, settings: Settings
    ) -> None:
        self._index = index
        self._invoker = invoker
        self._clock = clock
        self._executor = executor
        self._settings = settings

    def run(self, *, deadline_us: int) -> tuple[LookReport, ...]:
        """Run all looks of one invocation. Raises TryLaterError or RefusedError if the index cannot be read."""
        stop_us = deadline_us - self._settings.deadline_reserve_us
        began_us = self._clock.now_us()
        reports: list[LookReport] = []
        for number in range(self._settings.sweeps_per_invocation):
            now_us = self._clock.now_us()
            look_us = began_us + number * self._settings.sweep_us
            if max(look_us, now_us) >= stop_us:
                _log.warning("Look %d left out: the function's time is nearly up", number + 1)
                break
            if look_us > now_us:
                self._clock.sleep_us(look_us - now_us)
            reports.append(self._look(stop_us))
        return tuple(reports)

    def _look(self, stop_us: int) -> LookReport:
        look_us = self._clock.now_us()
        executions, malformed = self._find()
        if not executions:
            _log.info("No executions found in POLLING status")
        due, waiting = decisions.look(executions, look_us, self._settings)
        sent = self._dispatch(due, look_us, len(executions), stop_us)
        report = LookReport(
            found=len(executions),
            malformed=malformed,
            invoked=sent.count(_Sent.ACCEPTED),
            failed=sent.count(_Sent.FAILED),
            left=sent.count(_Sent.LEFT),
            skipped=len(waiting),
        )
        if report.left:
            _log.warning("Left %d due executions to the next tick: the function's time is nearly up", report.left)
        if waiting:
            ids = [execution.key.execution_id for execution in waiting]
            _log.info("Skipped executions (not yet time): %s", _shown(ids), extra={"skipped": len(ids)})
        if due:
            reasons = [self._reason(execution, look_us) for execution in due[:_IDS_LOGGED_MAX]]
            counts = (report.found, report.invoked)
            _log.info("Found %d executions in POLLING status, invoked %d pollers", *counts, extra={"due": reasons})
        return report

    def _find(self) -> tuple[list[Execution], int]:
        executions: list[Execution] = []
        malformed = 0
        cursor: object | None = None
        while True:
            page = self._index.polling_page(cursor)
            executions += page.executions
            malformed += len(page.malformed)
            for wrong in page.malformed:
                _log.error("Skipped an item that cannot be read: %s", wrong)
            cursor = page.next_cursor
            if cursor is None:
                return executions, malformed

    def _dispatch(self, due: Sequence[Execution], look_us: int, active: int, stop_us: int) -> list[_Sent]:
        def send(execution: Execution) -> _Sent:
            if self._clock.now_us() >= stop_us:
                return _Sent.LEFT
            started_us = execution.start_us
            dispatch = Dispatch(key=execution.key, dispatched_us=look_us, active_count=active, started_us=started_us)
            try:
                self._invoker.invoke(dispatch)
            except OrchestratorError as error:
                _log.error("Could not invoke the poller: %s", error, extra={"execution_id": execution.key.execution_id})
                return _Sent.FAILED
            return _Sent.ACCEPTED

        futures = [self._executor.submit(send, execution) for execution in due]
        return [future.result() for future in futures]

    def _reason(self, execution: Execution, look_us: int) -> dict[str, object]:
        phase = decisions.phase_of(execution, self._settings)
        last_us = execution.last_polled_us
        return {
            "execution_id": execution.key.execution_id,
            "phase": str(phase),
            "interval_s": decisions.interval_us(phase, self._settings) // SECOND_US,
            "time_since_poll_s": None if last_us is None else (look_us - last_us) / SECOND_US,
        }


def _shown(ids: Sequence[str]) -> str:
    more = len(ids) - _IDS_LOGGED_MAX
    listed = ", ".join(ids[:_IDS_LOGGED_MAX])
    return f"[{listed}]" if more <= 0 else f"[{listed}] and {more} more"
