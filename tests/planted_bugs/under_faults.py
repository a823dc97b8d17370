"""Bugs in fault handling, which a run without faults does not show.

Each docstring gives the reason why a team writes the bug.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from drsim.orchestrator.decisions import Conclusion
from drsim.orchestrator.errors import LostRaceError, OrchestratorError, PollFailedError
from drsim.orchestrator.finder import Finder, LookReport
from drsim.orchestrator.model import (
    Dispatch,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    Job,
    JobRef,
    JobScope,
    JobStatus,
    MetricPoint,
    PollUpdate,
    ServerLaunch,
    ServerStatus,
    Wave,
)
from drsim.orchestrator.poller import Poller, PollReport
from drsim.orchestrator.ports import IndexPage, JobsPage
from drsim.orchestrator.settings import SECOND_US
from drsim.simulator.services.dynamodb import ExecutionTable
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.world import Ports
from tests.planted_bugs.adapters import Jobs
from tests.planted_bugs.conclusions import WrongPoller
from tests.planted_bugs.finders import Index

_log = logging.getLogger("drsim.orchestrator.planted")


class _Persistent:
    """A store that takes a lost race for a stale version, reads the new one and writes the same again."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: ExecutionKey) -> Execution | None:
        found: Execution | None = self._store.get(key)
        return found

    def save_poll(self, update: PollUpdate) -> None:
        try:
            self._store.save_poll(update)
        except LostRaceError:
            now = self._store.get(update.key)
            if now is not None and now.status is ExecutionStatus.POLLING:
                self._store.save_poll(replace(update, expected_version=now.version))


class OverwritesAfterALostRace(Poller):
    """Just retry with the new version: the waves in hand are from before the race."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**{**ports, "store": _Persistent(ports["store"])})


class FailsWhatItCannotFind(WrongPoller):
    """A job that DRS does not list must have failed."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        lost = any("does not know job" in warning for warning in conclusion.warnings)
        return replace(conclusion, status=ExecutionStatus.FAILED) if lost else conclusion


class TakesNoServersForAllLaunched(Poller):
    """all() of an empty list is True."""

    def _ask(self, execution: Execution) -> dict[JobRef, Job]:
        answers = super()._ask(execution)
        for wave in execution.waves:
            if wave.job is not None and wave.job in answers and not answers[wave.job].servers:
                launched = tuple(ServerLaunch(each.source_server_id, ServerStatus.LAUNCHED) for each in wave.servers)
                answers[wave.job] = Job(answers[wave.job].job_id, JobStatus.COMPLETED, launched)
        return answers


class TimesOutWhenDrsIsSilent(Poller):
    """An execution that cannot be polled shall at least time out, so errors of DRS are empty answers."""

    def _ask(self, execution: Execution) -> dict[JobRef, Job]:
        try:
            return super()._ask(execution)
        except OrchestratorError:
            return {}


class GivesUpAfterAnError(Poller):
    """A set of "poison" executions in the environment, against alarms that ring every minute."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**ports)
        self._poisoned: dict[ExecutionKey, None] = {}

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport | None:  # type: ignore[override]
        fields = {"execution_id": dispatch.key.execution_id}
        if dispatch.key in self._poisoned:
            _log.info("Execution failed before, skipping", extra=fields)
            return None
        try:
            return super().poll(dispatch, deadline_us=deadline_us)
        except PollFailedError:
            self._poisoned[dispatch.key] = None
            raise


class SwallowsEverything(Poller):
    """`except Exception: logger.error(...)` around everything, so that one bad poll does not fail the function."""

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport | None:  # type: ignore[override]
        try:
            return super().poll(dispatch, deadline_us=deadline_us)
        except PollFailedError:
            return None


class _MetricsLostError(Exception):
    """PutMetricData failed unexpectedly."""


class _Unguarded:
    """A CloudWatch client whose errors are not caught."""

    def __init__(self, metrics: Any) -> None:
        self._metrics = metrics

    def publish(self, points: Sequence[MetricPoint]) -> None:
        try:
            self._metrics.publish(points)
        except OrchestratorError as error:
            raise _MetricsLostError(str(error)) from error


class FailsWhenAMetricIsLost(Poller):
    """PutMetricData is thought never to fail, so a poll that did its work ends in an error."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**{**ports, "metrics": _Unguarded(ports["metrics"])})


class PollsAgainWhenAMetricIsLost(FailsWhenAMetricIsLost):
    """A decorator that repeats whatever raised, around the whole handler."""

    def poll(self, dispatch: Dispatch, *, deadline_us: int) -> PollReport:
        try:
            return super().poll(dispatch, deadline_us=deadline_us)
        except _MetricsLostError:
            return super().poll(replace(dispatch, dispatched_us=None), deadline_us=deadline_us)


class ForgetsItsOwnWrite(Poller):
    """A write that timed out and was retried finds its own version, and takes it for another poller's."""

    def _update(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> PollUpdate:
        update = super()._update(dispatch, execution, conclusion)
        return replace(update, waves=_Strange(update.waves))


class _Strange(tuple[Wave, ...]):
    """Waves that a poll does not recognise when it sees them again."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False


class EndsWhenItFirstTried(Poller):
    """EndTime is remembered from the first attempt, for "that is when it ended", whenever the write goes through."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**ports)
        self._ends_us: dict[ExecutionKey, int] = {}

    def _update(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> PollUpdate:
        update = super()._update(dispatch, execution, conclusion)
        if update.end_us is None:
            return update
        return replace(update, end_us=self._ends_us.setdefault(update.key, update.end_us))


class WipesServersThatAreUntold(Poller):
    """The list of servers is copied from each answer, the empty one too."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**ports)
        self._omitted: dict[ExecutionKey, frozenset[JobRef]] = {}

    def _ask(self, execution: Execution) -> dict[JobRef, Job]:
        answers = super()._ask(execution)
        self._omitted[execution.key] = frozenset(ref for ref, job in answers.items() if not job.servers)
        return answers

    def _update(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> PollUpdate:
        omitted = self._omitted[execution.key]
        waves = tuple(replace(wave, servers=()) if wave.job in omitted else wave for wave in conclusion.waves)
        return super()._update(dispatch, execution, replace(conclusion, waves=waves))


class AnswersFromItsCache(Jobs):
    """When DRS fails, its last answer will do: the cache lives as long as the environment."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self._pages: dict[tuple[object, ...], JobsPage] = {}

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        asked = (scope, *job_ids, token)
        try:
            self._pages[asked] = super().describe_page(scope, job_ids, token)
        except OrchestratorError:
            if asked not in self._pages:
                raise
        return self._pages[asked]


class TableThatInsists(ExecutionTable):
    """A condition that fails is an error, and errors are retried, the last time without the condition."""

    def update(self, key: ExecutionKey, new: Any, *, writer: str, **keywords: Any) -> None:
        try:
            super().update(key, new, writer=writer, **keywords)
        except ConditionFailedError:
            stored = self.get(key)
            if stored is None or "request_id" not in keywords:
                # Gone, or Phase 1's own write, which is no function's.
                raise
            version: Any = stored.attributes["Version"]
            super().update(
                key,
                {**new, "Version": version + 1},
                writer=writer,
                request_id=keywords["request_id"],
            )


class SeesNobodyAfterAnError(Index):
    """`except ClientError: return []`, and the function never fails."""

    def polling_page(self, cursor: object | None) -> IndexPage:
        try:
            return super().polling_page(cursor)
        except OrchestratorError as error:
            _log.warning("Query failed: %s", error)
            return IndexPage(())


class StopsAtAFailedInvoke(Finder):
    """One `except` around the whole loop: the executions behind the one that failed are not polled."""

    def _dispatch(self, due: Any, look_us: int, active: int, stop_us: int) -> Any:
        sent = []
        for execution in due:
            outcome = super()._dispatch([execution], look_us, active, stop_us)
            sent += outcome
            if outcome[0].name == "FAILED":
                break
        return sent


_ENVIRONMENTS: WeakKeyDictionary[object, dict[str, int]] = WeakKeyDictionary()


def _environment(finder: Finder) -> dict[str, int]:
    """What a module's globals are to a warm function. Each world has an index of its own."""
    return _ENVIRONMENTS.setdefault(finder._index, {})


class BreakerThatNeverCloses(Finder):
    """A circuit breaker in the environment, whose half-open state was left for later."""

    def run(self, *, deadline_us: int) -> tuple[LookReport, ...]:
        environment = _environment(self)
        if "open" in environment:
            _log.info("Circuit open")
            return ()
        try:
            return super().run(deadline_us=deadline_us)
        except OrchestratorError:
            environment["open"] = 1
            raise


class SkipsTicksThatComeEarly(Finder):
    """A guard against double ticks: less than 50 s since the last look is one too many."""

    def run(self, *, deadline_us: int) -> tuple[LookReport, ...]:
        now_us, environment = self._clock.now_us(), _environment(self)
        if now_us - environment.get("looked_us", 0) < 50 * SECOND_US:
            _log.info("Looked a moment ago")
            return ()
        environment["looked_us"] = now_us
        return super().run(deadline_us=deadline_us)
