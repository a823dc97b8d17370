"""A world: kernel, services, production code, workload, properties and statistics, wired for one run.

The only place that chooses the parts of the fast tier. `Parts` names those that a test may replace by faulty ones, to
see the properties notice.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Final

from drsim.orchestrator.finder import Finder
from drsim.orchestrator.model import TERMINAL, ExecutionKey, ExecutionStatus
from drsim.orchestrator.payloads import dispatch_of
from drsim.orchestrator.poller import Poller
from drsim.orchestrator.ports import Clock, ExecutionStore, MetricPublisher, PollerInvoker, PollingIndex, RecoveryJobs
from drsim.orchestrator.settings import MINUTE_US, Settings, settings_from
from drsim.simulator import ports as adapters
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.checks.completion import CompletionLiveness
from drsim.simulator.checks.granted import Granted, granted_by, monitors_of, usual_bounds
from drsim.simulator.checks.monitor import Allows, Context
from drsim.simulator.checks.truth import Truth
from drsim.simulator.cloudwatch.metrics import CloudWatch
from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.objectives import Objectives
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.contract.promises import unjudged_of
from drsim.simulator.events import FINDER, POLLER, ItemChanged, RunEnded
from drsim.simulator.executor import KernelExecutor
from drsim.simulator.faults.effects import Effects
from drsim.simulator.faults.kinds import CLOCK, END, EVENT, INDEX, START, TICK
from drsim.simulator.faults.plan import Plan
from drsim.simulator.figures.errors import ErrorCollector
from drsim.simulator.figures.recoveries import Recoveries
from drsim.simulator.figures.statistics import Statistics
from drsim.simulator.figures.tally import Tally
from drsim.simulator.garbage import collecting_seldom
from drsim.simulator.kernel import Kernel, StopReason
from drsim.simulator.reader import Reader
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.dynamodb import ExecutionTable, IndexLag, Table
from drsim.simulator.services.functions import Handler, Invocation, LambdaService, Payload
from drsim.simulator.services.observability import LogsService, MetricsService
from drsim.simulator.services.schedule import ScheduleRule
from drsim.simulator.spec.swarm import with_swarm
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import BrokenSimulationError, Trace
from drsim.simulator.workload import WORKER, Workload

_EVENTS_MAX: Final = 20_000_000
"""More events than any virtual minute has: 100,000 polls in a minute make one million."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that production code gets from the world."""

    index: PollingIndex
    store: ExecutionStore
    jobs: RecoveryJobs
    invoker: PollerInvoker
    metrics: MetricPublisher
    clock: Clock
    executor: Callable[[], Executor]
    settings: Settings


def production_finder(ports: Ports) -> Finder:
    """The finder as deployed."""
    return Finder(
        index=ports.index,
        invoker=ports.invoker,
        clock=ports.clock,
        executor=ports.executor(),
        settings=ports.settings,
    )


def production_poller(ports: Ports) -> Poller:
    """The poller as deployed."""
    return Poller(store=ports.store, jobs=ports.jobs, metrics=ports.metrics, clock=ports.clock, settings=ports.settings)


def _handlers_on_ports(world: "World") -> tuple[Handler, Handler]:
    """The finder and the poller on adapters to the services: the fast tier."""
    ports, epoch_us = world.ports(), world.spec.epoch_us
    poller = world.parts.poller(ports)

    def find(_: Payload, invocation: Invocation) -> object:
        return world.parts.finder(ports).run(deadline_us=epoch_us + invocation.deadline_us)

    def poll(payload: Payload, invocation: Invocation) -> object:
        return poller.poll(dispatch_of(payload), deadline_us=epoch_us + invocation.deadline_us)

    return find, poll


@contextmanager
def _logs_into(world: "World") -> Iterator[None]:
    """Route production code's log records to the world's logs alone, from INFO on, as on Lambda.

    Records carry no threads, processes and source lines, which mean nothing here (Python's manual, "Optimization").
    """
    logger = logging.getLogger("drsim.orchestrator")
    unused = ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile")
    before = {name: getattr(logging, name) for name in unused}
    level, propagate, handlers = logger.level, logger.propagate, logger.handlers
    logger.setLevel(logging.INFO)
    logger.propagate, logger.handlers = False, [world.logs]
    for name in unused:
        setattr(logging, name, None)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.propagate, logger.handlers = propagate, handlers
        for name, value in before.items():
            setattr(logging, name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a world that judge nothing themselves.

    `handlers` returns what Lambda runs as FINDER and as POLLER, which is None if the finder polls by itself. `running`
    is a context in which they run, and `allows` is what their roles permit; the wire tier has its own. `contract` is
    what the functions are judged by, `variables` are their environment variables, `is_ours` whether they are this
    project's own, and `is_judged` whether anything is judged.
    """

    finder: Callable[[Ports], Finder] = production_finder
    poller: Callable[[Ports], Poller] = production_poller
    rule: Callable[..., ScheduleRule] = ScheduleRule
    functions: Callable[..., LambdaService] = LambdaService
    table: Callable[..., Table] = ExecutionTable
    drs: Callable[..., DrsService] = DrsService
    metrics: Callable[..., MetricsService] = MetricsService
    logs: Callable[..., LogsService] = LogsService
    handlers: Callable[["World"], tuple[Handler, Handler | None]] = _handlers_on_ports
    running: Callable[["World"], AbstractContextManager[None]] = _logs_into
    allows: Allows | None = None
    contract: Contract = OUR_CONTRACT
    variables: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = True
    finder_polls: bool = False
    is_judged: bool = True


class World:
    """One run of one spec with one seed, recorded in `trace`, by default one in memory.

    With `verdict_only` there are properties and the tally, which verdicts come from, and no lines or figures; `trace`
    must then be None. `forwarded` counts the calls that the client tier sent to moto, by service and operation.
    """

    def __init__(
        self,
        spec: WorldSpec,
        *,
        seed: int,
        parts: Parts | None = None,
        verdict_only: bool = False,
        trace: Trace | None = None,
    ) -> None:
        if verdict_only and trace is not None:
            raise ValueError(f"trace must be None with verdict_only, got one of level {trace.level!r}")
        self.verdict_only = verdict_only
        self.parts = parts = parts or Parts()
        spec = with_swarm(spec, seed)
        self.spec = spec = spec if parts.is_ours else spec.limited_by(parts.contract)
        self.kernel = kernel = Kernel(seed=seed)
        # Test for None: an empty Trace is falsy.
        self.trace: Final = Trace(level="off" if verdict_only else "full") if trace is None else trace
        trace = self.trace
        self.plan = plan = Plan(kernel, trace, spec.faults, spec.heal)
        self.settings = settings_from(spec.settings)
        self.layout = layout = Layout(parts.contract)
        self.limits = limits_of(parts.contract, {**spec.settings, **parts.variables})
        lag = IndexLag(kernel, spec.table.index_lag, self._held_back if INDEX in plan.operations else None)
        reader = Reader(layout)
        reader.epoch_us = spec.epoch_us
        self.table = parts.table(kernel, trace, lag, reader, page_bytes_max=spec.table.page_bytes_max)
        self.effects = effects = Effects(plan, kernel, self.table, layout, spec.epoch_us)
        self.drs = parts.drs(kernel, trace, spec.drs)
        self.metrics = parts.metrics(kernel, trace)
        self.logs = parts.logs(kernel, trace, epoch_us=spec.epoch_us, measured=not verdict_only)
        conditions = effects if plan.operations & {EVENT, START} else None
        self.functions = functions = parts.functions(kernel, trace, spec.functions, conditions)
        self.truth = Truth(self.drs, parts.contract.promises, epoch_us=spec.epoch_us, timeout_us=self.limits.timeout_us)
        # Disabled monitors and collectors listen to a muted trace.
        muted = Trace(level="off")
        self._make_monitors(muted)
        self._make_figures(muted)
        self.forwarded: Counter[str] = Counter()
        self.workload = Workload(kernel, self.table, layout, self.drs, spec, effects, aged_us=self._aged_us())
        reader.planned = self.workload.planned
        # The number of executions to come, and the ids of those that have begun and not ended.
        self._coming_count = len(self.workload)
        self._open_ids: set[str] = set()
        finder, poller = parts.handlers(self)
        functions.deploy(FINDER, spec.functions.finder, finder)
        if poller is not None:
            role_of = None if parts.contract.functions.one is None else FINDER
            functions.deploy(POLLER, spec.functions.poller, poller, role_of=role_of)
        target = effects.on_tick(self.tick) if TICK in plan.operations else self.tick
        parts.rule(kernel, trace, first_us=spec.schedule.first, rate_us=spec.schedule.rate, target=target)
        if END in plan.operations:
            trace.listen(ItemChanged, effects.on_write(functions))
        if spec.until_finished:
            trace.listen(ItemChanged, self._count_ended)

    def _make_figures(self, muted: Trace) -> None:
        spec, trace, verdict_only = self.spec, self.trace, self.verdict_only
        figures = muted if verdict_only else trace
        self.statistics = Statistics(figures, self.truth, self.limits)
        self.errors = ErrorCollector(figures)
        self.tally = Tally(trace, self.truth, self.limits) if verdict_only else self.statistics
        # Recovery times are figures, unless a verdict depends on an objective.
        objectives = (self.parts.contract.rto if spec.rto is None else spec.rto) or Objectives()
        self.recoveries = Recoveries(trace if objectives else figures, self.truth, objectives, self.tally.look_us)
        # Metrics are figures, unless a verdict depends on the alarms that watch them.
        self.cloudwatch = CloudWatch(trace if spec.alarms else figures, epoch_us=spec.epoch_us)

    def _make_monitors(self, muted: Trace) -> None:
        spec, parts, trace = self.spec, self.parts, self.trace
        context = Context(
            spec=spec,
            contract=parts.contract,
            limits=self.limits,
            truth=self.truth,
            plan=self.plan,
            allows=parts.allows,
            finder_polls=parts.finder_polls,
            is_ours=parts.is_ours,
        )
        self.unjudged = unjudged_of(parts.contract, is_ours=parts.is_ours)
        off = {each.check for each in self.unjudged} if parts.is_judged else {each.name for each in PROPERTIES}
        self.monitors = [monitor(muted if monitor.name in off else trace, context) for monitor in PROPERTIES]
        # Where bounds are wider, these report what would have broken the usual ones. Only overload is judged by them.
        bounds = usual_bounds(context)
        usual = replace(context, spec=spec.model_copy(update={"bounds": bounds}))
        is_needed = self.is_strained or not self.verdict_only
        wider = monitors_of(spec.bounds, bounds) if is_needed else ()
        self.by_usual_bounds = [monitor(trace, usual) for monitor in wider if monitor.name not in off]
        self._context = context

    def _aged_us(self) -> int:
        """How long before they arrive executions have started, so that they are overdue when the scenario sets it.

        Functions of a contract may have a longer timeout than the scenario's TIMEOUT_SECONDS, and not read that.
        """
        timeout_us = self.limits.timeout_us
        if timeout_us is None or "TIMEOUT_SECONDS" not in self.spec.settings:
            return 0
        return max(timeout_us - self.settings.timeout_us, 0)

    def run(self, *, on_progress: Callable[[int], None] | None = None) -> None:
        """Run to the end, calling `on_progress` with the virtual time (us) after every virtual minute."""
        kernel, last_us = self.kernel, self.spec.duration
        reason = StopReason.UNTIL
        with self.parts.running(self), collecting_seldom():
            while reason is StopReason.UNTIL and kernel.now_us < last_us:
                until_us = min(kernel.now_us + MINUTE_US, last_us)
                reason = kernel.run(until_us=until_us, events_max=_EVENTS_MAX)
                if reason is StopReason.EVENTS_MAX:
                    raise BrokenSimulationError(f"time stands still: {_EVENTS_MAX} events within a minute")
                self.trace.flush()
                if on_progress is not None:
                    on_progress(kernel.now_us)
        self.trace.emit(RunEnded(kernel.now_us))
        for monitor in (*self.monitors, *self.by_usual_bounds):
            monitor.finish(kernel.now_us)

    def status_of(self, key: ExecutionKey) -> ExecutionStatus | None:
        """The status that the table holds now, or None if the item is gone or malformed."""
        item = self.table.get(key)
        return None if item is None or item.execution is None else item.execution.status

    @property
    def is_strained(self) -> bool:
        """Whether the scenario is beyond the system's capacity: looks may pass over executions that are due."""
        return self.spec.bounds.looks_missed > 0

    @property
    def granted(self) -> list[Granted]:
        """What only bounds that are wider than usual let pass."""
        return granted_by(self._context, self.monitors, self.by_usual_bounds)

    @property
    def recovery_us(self) -> list[int]:
        """How long after healing each overdue execution ended."""
        return [us for each in self.monitors if isinstance(each, CompletionLiveness) for us in each.margins_us]

    def close(self) -> None:
        """End everything that is still suspended, where its code runs. Take all results first."""
        with self.parts.running(self) if self.kernel.is_suspended else nullcontext():
            self.kernel.close()

    def ports(self) -> Ports:
        """The ports of production code in the fast tier."""
        settings, table = self.settings, self.table
        assert isinstance(table, ExecutionTable), "the fast tier's adapters work on the fast tier's table"
        boundary = adapters.Boundary(self.kernel, self.trace, self.functions, self.effects, self.spec.latencies)
        return Ports(
            index=adapters.TableIndex(boundary, table),
            store=adapters.TableStore(boundary, table),
            jobs=adapters.DrsJobs(boundary, self.drs),
            invoker=adapters.LambdaInvoker(boundary, POLLER),
            metrics=adapters.CloudWatchMetrics(boundary, self.metrics),
            clock=adapters.WorldClock(boundary, self.spec.epoch_us, skewed=CLOCK in self.plan.operations),
            executor=lambda: KernelExecutor(self.kernel, settings.parallel_invokes_max),
            settings=settings,
        )

    def tick(self, number: int) -> None:
        """Start the finder, as the rule does."""
        self.functions.invoke_event(FINDER, {"tick": number}, execution_id="", by="")

    def _held_back(self, key: ExecutionKey, number: int) -> int:
        return self.effects.index_lag_us(key, number)

    def _count_ended(self, event: ItemChanged) -> None:
        """End the run some time after the last execution has ended, or its item was deleted.

        Each counts once: functions may create executions of their own, and reopen one that has ended.
        """
        now = event.execution
        if event.before is None and event.writer == WORKER:
            self._coming_count -= 1
            self._open_ids.add(event.execution_id)
        elif event.execution_id in self._open_ids and (
            event.after is None or (now is not None and now.status in TERMINAL)
        ):
            self._open_ids.remove(event.execution_id)
            if not self._open_ids and not self._coming_count:
                self.kernel.at(self.kernel.now_us + self.spec.settle, lambda _: self.kernel.stop(), None)
