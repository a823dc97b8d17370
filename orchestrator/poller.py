"""The poller: reads one execution, asks DRS about its jobs, and saves the conclusion in one conditional write.

The steps are gather, decide (in `decisions`), apply. A poll that cannot finish changes nothing and raises.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from . import decisions
from .errors import LostRaceError, OrchestratorError, PollFailedError, TryLaterError
from .model import Dispatch, Execution, ExecutionStatus, Job, JobRef, JobScope, MetricName, PollUpdate, point
from .ports import Clock, ExecutionStore, MetricPublisher, RecoveryJobs
from .settings import SECOND_US, Settings

_log = logging.getLogger(__name__)


class PollEnd(StrEnum):
    """The end of one poll. Only UPDATED wrote anything."""

    UPDATED = "UPDATED"
    GONE = "GONE"
    NOT_POLLING = "NOT_POLLING"
    NOT_DUE = "NOT_DUE"


@dataclass(frozen=True, slots=True)
class PollReport:
    """The result of one poll: the count of waves written, and the execution's status (None if it is gone)."""

    end: PollEnd
    waves: int = 0
    status: ExecutionStatus | None = None


class Poller:
    def __init__(
        self, *, store: ExecutionStore, jobs: RecoveryJobs, metrics: MetricPublisher, clock: Clock, settings: Settings
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._metrics = metrics
        self._clock = clock
        self._settings = settings

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport:
        """Poll the execution of `dispatch`. Raises PollFailedError when nothing could be concluded or written."""
        began_us = self._clock.now_us()
        try:
            report = self._poll(dispatch, deadline_us - self._settings.deadline_reserve_us)
        except OrchestratorError as error:
            _log.error("Poll failed: %s", error, extra=_fields(dispatch))
            self._measure(dispatch, began_us, None)
            raise PollFailedError(f"execution {dispatch.key.execution_id}: {error}") from error
        if report.end is PollEnd.UPDATED:
            self._measure(dispatch, began_us, report)
        return report

    def _poll(self, dispatch: Dispatch, stop_us: int) -> PollReport:
        lost: LostRaceError | None = None
        sent: PollUpdate | None = None
        for _ in range(self._settings.save_attempts_max):
            if self._clock.now_us() >= stop_us:
                break
            execution = self._store.get(dispatch.key)
            if execution is None:
                _log.info("Execution %s is gone", dispatch.key.execution_id, extra=_fields(dispatch))
                return PollReport(PollEnd.GONE)
            if sent is not None and _is_saved(sent, execution):
                _log.info("The write was done, only its answer was lost", extra=_fields(dispatch))
                return PollReport(PollEnd.UPDATED, len(execution.waves), execution.status)
            skipped = self._skip(dispatch, execution)
            if skipped is not None:
                return skipped
            conclusion = decisions.conclude(execution, self._ask(execution), self._clock.now_us(), self._settings)
            sent = self._update(dispatch, execution, conclusion)
            try:
                self._store.save_poll(sent)
            except LostRaceError as error:
                _log.info("Another writer came first, reading again: %s", error, extra=_fields(dispatch))
                lost = error
                continue
            self._say(dispatch, execution, conclusion)
            return PollReport(PollEnd.UPDATED, len(conclusion.waves), conclusion.status or execution.status)
        raise lost or TryLaterError("the function's time is nearly up")

    def _skip(self, dispatch: Dispatch, execution: Execution) -> PollReport | None:
        """Return a report if there is nothing to poll: the index lags, and Lambda may deliver an event twice."""
        execution_id, dispatched_us = dispatch.key.execution_id, dispatch.dispatched_us
        if execution.status is not ExecutionStatus.POLLING:
            _log.info("Execution %s is %s, not POLLING", execution_id, execution.status, extra=_fields(dispatch))
            return PollReport(PollEnd.NOT_POLLING, status=execution.status)
        if dispatched_us is not None and not decisions.is_due(execution, dispatched_us, self._settings):
            _log.info("Execution %s was polled meanwhile", execution_id, extra=_fields(dispatch))
            return PollReport(PollEnd.NOT_DUE, status=execution.status)
        return None

    def _ask(self, execution: Execution) -> dict[JobRef, Job]:
        """Ask DRS about the unfinished jobs: one DescribeJobs, all its pages, for each account and Region."""
        wanted: defaultdict[JobScope, list[str]] = defaultdict(list)
        for ref in decisions.jobs_to_ask(execution):
            wanted[ref.scope].append(ref.job_id)
        answers: dict[JobRef, Job] = {}
        for scope, job_ids in wanted.items():
            token: str | None = None
            while True:
                page = self._jobs.describe_page(scope, job_ids, token)
                answers.update((JobRef(scope, job.job_id), job) for job in page.jobs)
                token = page.next_token
                if token is None:
                    break
        return answers

    def _update(self, dispatch: Dispatch, execution: Execution, conclusion: decisions.Conclusion) -> PollUpdate:
        now_us = self._clock.now_us()
        # The clock of the finder may be ahead: that must not delay the next poll.
        polled_us = now_us if dispatch.dispatched_us is None else min(dispatch.dispatched_us, now_us)
        return PollUpdate(
            key=execution.key,
            expected_version=execution.version,
            last_polled_us=max(polled_us, execution.last_polled_us or polled_us),
            waves=conclusion.waves,
            status=conclusion.status,
            end_us=None if conclusion.status is None else now_us,
        )

    def _say(self, dispatch: Dispatch, execution: Execution, conclusion: decisions.Conclusion) -> None:
        execution_id, fields = execution.key.execution_id, _fields(dispatch)
        for warning in conclusion.warnings:
            _log.warning(warning, extra=fields)
        for note in conclusion.notes:
            _log.debug(note, extra=fields)
        kind = {"execution_type": str(execution.type)}
        _log.info("Updated %d waves for execution %s", len(conclusion.waves), execution_id, extra={**fields, **kind})
        if conclusion.status is not None:
            age_s = (self._clock.now_us() - execution.start_us) // SECOND_US
            end = {"status": str(conclusion.status)}
            _log.info("Execution %s is %s after %d s", execution_id, conclusion.status, age_s, extra={**fields, **end})

    def _measure(self, dispatch: Dispatch, began_us: int, report: PollReport | None) -> None:
        """Publish the metrics of a poll that wrote, or of one that failed and has no report."""
        points = [
            point(MetricName.WAVES_POLLED, report.waves if report else 0),
            point(MetricName.POLLING_DURATION, (self._clock.now_us() - began_us) / 1000),
            point(MetricName.POLL_ERRORS, 0 if report else 1),
        ]
        if dispatch.active_count is not None:
            points.append(point(MetricName.ACTIVE_EXECUTIONS, dispatch.active_count))
        timed_out = report is not None and report.status is ExecutionStatus.TIMEOUT
        if dispatch.started_us is not None and not timed_out:
            # Failed polls publish the age too: an execution stays in POLLING after its timeout because polls fail.
            # The poll that writes TIMEOUT does not: after incomplete answers its age would raise the alarm. It is the
            # age before the decision: a poll that may still wait for a complete answer raises no alarm either.
            age_s = max(began_us - dispatch.started_us, 0) / SECOND_US
            points.append(point(MetricName.OLDEST_AGE, age_s))
        try:
            self._metrics.publish(points)
        except OrchestratorError as error:
            # The poll has done its work: a lost metric must not repeat it.
            _log.warning("Metrics were not published: %s", error, extra=_fields(dispatch))


def _is_saved(sent: PollUpdate, found: Execution) -> bool:
    """Return whether this poll's own write came first: its answer was lost, and the retry found the condition false."""
    return (
        found.version > sent.expected_version
        and found.last_polled_us == sent.last_polled_us
        and found.waves == sent.waves
    )


def _fields(dispatch: Dispatch) -> dict[str, str]:
    return {"execution_id": dispatch.key.execution_id}
