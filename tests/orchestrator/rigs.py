"""A poller and a finder on the in-memory ports of these tests."""

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Final

from drsim.orchestrator.finder import Finder, LookReport
from drsim.orchestrator.items import execution_of
from drsim.orchestrator.model import Dispatch, Execution, ExecutionKey, Job, JobRef, Wave
from drsim.orchestrator.poller import Poller, PollReport
from drsim.orchestrator.settings import SECOND_US, Settings
from tests.orchestrator.ports import AtOnce, Index, Invoker, Jobs, PublishedMetrics, Table, VirtualClock
from tests.orchestrator.samples import KEY, an_item

DEFAULTS: Final = Settings()


class PollerRig:
    """A poller over a table with these executions."""

    def __init__(self, *executions: Execution, settings: Settings = DEFAULTS, jobs_page_size: int = 100) -> None:
        self.clock = VirtualClock()
        self.table = Table(*[an_item(execution) for execution in executions])
        self.jobs = Jobs(jobs_page_size)
        self.metrics = PublishedMetrics()
        self.poller = Poller(
            store=self.table, jobs=self.jobs, metrics=self.metrics, clock=self.clock, settings=settings
        )

    def answer(self, *answers: tuple[Wave, Job]) -> None:
        """Make DRS know these jobs, each in the account and Region of its wave."""
        for wave, job in answers:
            self.jobs.known[JobRef(wave.scope, job.job_id)] = job

    def poll(
        self,
        key: ExecutionKey = KEY,
        *,
        dispatched_us: int | None = None,
        active_count: int | None = None,
        started_us: int | None = None,
        seconds: int = 300,
    ) -> PollReport:
        """Invoke the poller once, with this many seconds until its deadline."""
        dispatch = Dispatch(key=key, dispatched_us=dispatched_us, active_count=active_count, started_us=started_us)
        return self.poller.poll(dispatch, deadline_us=self.clock.now_us() + seconds * SECOND_US)

    def stored(self, key: ExecutionKey = KEY) -> Execution:
        """The execution as the table has it."""
        return execution_of(self.table.items[key])


class FinderRig:
    """A finder over a table with these items."""

    def __init__(
        self,
        *stored: Mapping[str, object],
        settings: Settings = DEFAULTS,
        executor: Executor | None = None,
        page_size: int = 2,
    ) -> None:
        self.clock = VirtualClock()
        self.table = Table(*stored)
        self.index = Index(self.table, page_size)
        self.invoker = Invoker()
        self.finder = Finder(
            index=self.index,
            invoker=self.invoker,
            clock=self.clock,
            executor=AtOnce() if executor is None else executor,
            settings=settings,
        )

    def run(self, *, seconds: int = 60) -> tuple[LookReport, ...]:
        """Invoke the finder once, with this many seconds until its deadline."""
        return self.finder.run(deadline_us=self.clock.now_us() + seconds * SECOND_US)
