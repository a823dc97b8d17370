"""Planted bugs: wrong finders, pollers, adapters and services such as real teams write.

Each is a part of a world, put in the place of the right one; none patches a module. A docstring says how one comes to
write it.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from orchestrator.decisions import Conclusion
from orchestrator.errors import PollFailedError, TryLaterError
from orchestrator.finder import Finder, LookReport
from orchestrator.model import (
    Dispatch,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    JobScope,
    JobStatus,
    MetricPoint,
    ServerLaunch,
    ServerStatus,
    WaveStatus,
)
from orchestrator.poller import Poller, PollReport
from orchestrator.ports import IndexPage, JobsPage
from orchestrator.settings import MINUTE_US, SECOND_US, Settings
from simulator.events import POLLER
from simulator.services.dynamodb import ExecutionTable
from simulator.services.functions import LambdaService
from simulator.services.schedule import ScheduleRule
from simulator.world import Parts, Ports, production_finder, production_poller

_log = logging.getLogger("orchestrator.planted")

HOUR_US: Final = 60 * MINUTE_US


# --- the schedule, Lambda and the table -----------------------------------------------------------------------


class RuleThatLosesATick(ScheduleRule):
    """The rule was disabled for a minute while somebody deployed."""

    def _fire(self, number: int) -> None:
        if number == 4:
            self._kernel.at(self._first_us + number * self._rate_us, self._fire, number + 1)
        else:
            super()._fire(number)


class RuleThatFiresTwice(ScheduleRule):
    """Two rules were left on the same function."""

    def _fire(self, number: int) -> None:
        super()._fire(number)
        self._target(number)


class LambdaThatLosesInvocations(LambdaService):
    """A destination swallows one event in eight."""

    _count = 0

    def invoke_event(self, name: str, payload: Any, *, execution_id: str, by: str) -> None:
        self._count += name == POLLER
        if name != POLLER or self._count % 8:
            super().invoke_event(name, payload, execution_id=execution_id, by=by)


class LambdaThatDeliversTwice(LambdaService):
    """No bug at all: asynchronous invocation is at-least-once."""

    def invoke_event(self, name: str, payload: Any, *, execution_id: str, by: str) -> None:
        super().invoke_event(name, payload, execution_id=execution_id, by=by)
        if name == POLLER:
            super().invoke_event(name, payload, execution_id=execution_id, by=by)


class TableWithoutConditions(ExecutionTable):
    """The adapter writes `ADD Version :one` and forgot the ConditionExpression."""

    def update(self, key: ExecutionKey, attributes: Any, *, writer: str, **keywords: Any) -> None:
        if writer == POLLER:
            stored = self.get(key)
            version: Any = 0 if stored is None else stored.attributes["Version"]
            attributes = {**attributes, "Version": version + 1}
            keywords["condition"] = None
        super().update(key, attributes, writer=writer, **keywords)


# --- finders --------------------------------------------------------------------------------------------------


class FinderThatBacksOff(Finder):
    """Somebody added a back-off after errors, and it also backs off when there were none."""

    def run(self, *, deadline_us: int) -> tuple[LookReport, ...]:
        if self._clock.now_us() // MINUTE_US % 60 in (36, 37, 38):
            _log.info("Backing off")
            return ()
        return super().run(deadline_us=deadline_us)


class FirstPageOnly:
    """An index adapter that ignores LastEvaluatedKey."""

    def __init__(self, ports: Ports) -> None:
        self._index = ports.index

    def polling_page(self, cursor: object | None) -> IndexPage:
        return replace(self._index.polling_page(cursor), next_cursor=None)


def finder_with(settings: Settings) -> Callable[[Ports], Finder]:
    """A finder whose settings are not those that were asked for."""
    return lambda ports: production_finder(replace(ports, settings=settings))


# --- adapters of the poller ------------------------------------------------------------------------------------


class Jobs:
    """A DRS adapter, right as it stands; wrong ones change its answer."""

    def __init__(self, ports: Ports) -> None:
        self.right = ports.jobs
        self.clock = ports.clock

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        page = self.right.describe_page(scope, job_ids, token)
        return replace(page, jobs=tuple(self.change(job) for job in page.jobs))

    def change(self, job: Job) -> Job:
        return job


class FailedIsLaunched(Jobs):
    """A job that is COMPLETED must have launched its servers, mustn't it?"""

    def change(self, job: Job) -> Job:
        if job.status is not JobStatus.COMPLETED:
            return job
        return replace(job, servers=tuple(replace(each, status=ServerStatus.LAUNCHED) for each in job.servers))


class ActionsIgnored(Jobs):
    """The adapter does not parse launchActionsStatus."""

    def change(self, job: Job) -> Job:
        return replace(job, servers=tuple(replace(each, actions=()) for each in job.servers))


class ServersInAnyOrder(Jobs):
    """Names are matched by position, and DRS's order is not the table's."""

    def change(self, job: Job) -> Job:
        names = [server.source_server_id for server in job.servers]
        ends = [(server.status, server.instance_id, server.actions) for server in reversed(job.servers)]
        return replace(job, servers=tuple(ServerLaunch(name, *end) for name, end in zip(names, ends, strict=True)))


class DescribesEachWave(Jobs):
    """A loop over waves with a call in it."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        return JobsPage(tuple(job for one in job_ids for job in super_page(self, scope, one)))


def super_page(jobs: Jobs, scope: JobScope, job_id: str) -> tuple[Job, ...]:
    return jobs.right.describe_page(scope, [job_id], None).jobs


class AsksAtHomeToo(Jobs):
    """The client of the Lambda's own Region is asked as well, to be safe."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        if scope.region != "us-east-1":
            self.right.describe_page(JobScope(scope.account_id, "us-east-1"), job_ids, token)
        return super().describe_page(scope, job_ids, token)


class AsksAtHomeOnly(Jobs):
    """boto3.client("drs") without region_name."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        return self.right.describe_page(JobScope(scope.account_id, "us-east-1"), job_ids, token)


class FirstPageOfJobsOnly(Jobs):
    """nextToken ignored."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        return replace(super().describe_page(scope, job_ids, token), next_token=None)


class AlwaysThrottled(Jobs):
    """A quota that another tool uses up."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        super().describe_page(scope, job_ids, token)
        raise TryLaterError("DescribeJobs: ThrottlingException")


class MetricsWithout:
    """One metric was renamed, and its old name is on the dashboard."""

    def __init__(self, ports: Ports, name: str) -> None:
        self._metrics = ports.metrics
        self._name = name

    def publish(self, points: Sequence[MetricPoint]) -> None:
        self._metrics.publish([point for point in points if point.name != self._name])


def poller_asking(jobs: type[Jobs]) -> Parts:
    """The right poller with a wrong DRS adapter."""
    return Parts(poller=lambda ports: production_poller(replace(ports, jobs=jobs(ports))))


# --- pollers --------------------------------------------------------------------------------------------------


class WrongPoller(Poller):
    """The production poller, with one step to be overridden."""

    def change(self, execution: Execution, conclusion: Conclusion) -> Conclusion:
        return conclusion

    def _save(self, dispatch: Dispatch, execution: Execution, conclusion: Conclusion) -> None:
        super()._save(dispatch, execution, self.change(execution, conclusion))


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
