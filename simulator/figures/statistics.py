"""The figures that only reports show, in addition to those of the tally. Durations are microseconds.

Each distribution has all values, and is exact until there are too many to keep (`sketch`).
"""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Final

from drsim.orchestrator.model import TERMINAL, ExecutionStatus
from drsim.simulator import events
from drsim.simulator.checks.truth import Truth
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.durations import NEVER_US
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.tally import LOST_RACE, CurrentLook, Tally, Watched
from drsim.simulator.reader import ExecutionView
from drsim.simulator.trace import Trace
from drsim.simulator.workload import WORKER

SAMPLES_MAX: Final = 20
"""Executions that are listed one by one."""


@dataclass(slots=True)
class FinderTick:
    """One firing of the rule: executions `found` at the finder's last look, and `polled` over all its looks."""

    number: int
    at_us: int
    looks: int = 0
    found: int = 0
    polled: int = 0


@dataclass(slots=True)
class ExecutionSample:
    """One execution from its start to its end; `end_us` is None until then."""

    execution: ExecutionView
    polls: int = 0
    end_us: int | None = None


class Statistics(Tally):
    """A tally with every figure of the table."""

    every_gap: ClassVar[bool] = True

    def __init__(self, trace: Trace, truth: Truth, limits: JudgedLimits) -> None:
        super().__init__(trace, truth, limits)
        self.failures: Counter[str] = Counter()
        """Failed invocations in which no fault was injected, by function and error."""
        self.ticks: list[FinderTick] = []
        self.samples: dict[str, ExecutionSample] = {}
        self.called: set[tuple[str, str]] = set()
        """Functions and the operations that they called."""
        self._ticks: dict[str, FinderTick] = {}
        self._asked_us: dict[str, int] = {}
        self._cold: set[str] = set()
        trace.listen(events.JobStarted, self._counting(figures.JOBS_STARTED))
        trace.listen(events.StartRefused, self._counting(figures.STARTS_REFUSED))

    def _on_fault(self, event: events.FaultInjected) -> None:
        super()._on_fault(event)
        self.counts[figures.FAULTS_INJECTED] += 1
        if event.fault == "quota":
            # The fault refuses the start before DRS sees it.
            self.counts[figures.STARTS_REFUSED] += 1
            self.counts[figures.CALLS_FAILED_BY_FAULTS.of(event.operation)] += 1

    def _on_tick(self, event: events.TickFired) -> None:
        if self.ticks:
            self.distributions[figures.TICK_INTERVAL].append(event.at_us - self.ticks[-1].at_us)
        self.ticks.append(FinderTick(event.number, event.at_us))
        super()._on_tick(event)

    def _on_invoked(self, event: events.Invoked) -> None:
        super()._on_invoked(event)
        if event.function == FINDER:
            if self.ticks:
                self._ticks[event.request_id] = self.ticks[-1]
            return
        self.counts[figures.POLLERS_INVOKED] += 1
        if tick := self._ticks.get(event.by):
            tick.polled += 1

    def _on_read(self, event: events.IndexRead) -> None:
        tick, look = self._ticks.get(event.request_id), self._looks.get(event.request_id)
        super()._on_read(event)
        if look is not self._looks[event.request_id]:
            self._keep_look(look)
            self.counts[figures.LOOKS] += 1
            self.counts[figures.LOOKS_EMPTY] += not event.items_count
            if tick is not None:
                tick.looks += 1
                tick.found = 0
        self.counts[figures.INDEX_PAGES] += 1
        self.counts[figures.EXECUTIONS_FOUND] += event.items_count
        if tick is not None:
            tick.found += event.items_count

    def _keep_look(self, look: CurrentLook | None) -> None:
        if look is not None and look.invoked_us is not None:
            self.distributions[figures.INVOKES_OF_A_LOOK].append(look.invoked_us - look.read_us)

    def _on_started(self, event: events.LambdaStarted) -> None:
        super()._on_started(event)
        self.counts[figures.INVOCATIONS_MAX] = max(self.counts[figures.INVOCATIONS_MAX], event.concurrency)
        if event.init_us:
            self.counts[figures.COLD_STARTS.of(event.function)] += 1
            self.distributions[figures.INIT.of(event.function)].append(event.init_us)
            self._cold.add(event.request_id)

    def _on_ended(self, event: events.LambdaEnded) -> None:
        function, request_id = event.function, event.request_id
        self.counts[figures.OUTCOMES.of(function, event.outcome)] += 1
        if event.outcome != "ok" and request_id not in self._struck:
            failure = f"{function}: {event.detail}"
            if failure in self.failures or len(self.failures) < SAMPLES_MAX:
                self.failures[failure] += 1
        look, is_cold = self._looks.get(request_id), request_id in self._cold
        if function == FINDER and (look is None or look.invoked_us is None):
            figure = figures.COLD_IDLE if is_cold else figures.WARM_IDLE
        else:
            figure = figures.COLD if is_cold else figures.WARM
        self.distributions[figure.of(function)].append(event.duration_us)
        if function == FINDER:
            self._keep_look(look)
            self._ticks.pop(request_id, None)
        self._cold.discard(request_id)
        self._asked_us.pop(request_id, None)
        super()._on_ended(event)

    def _on_call(self, event: events.CallMade) -> None:
        super()._on_call(event)
        function, operation, error = event.function, event.operation, event.error
        self.called.add((function, operation))
        if error:
            self.counts[figures.ERRORS.of(function, operation, error)] += 1
            if event.fault and error != LOST_RACE:
                self.counts[figures.CALLS_FAILED_BY_FAULTS.of(operation)] += 1
        elif not event.fault:
            kind = figures.COLD if event.cold else figures.WARM
            self.distributions[kind.of(operation)].append(event.duration_us)

    def _on_described(self, event: events.JobsDescribed) -> None:
        self._asked_us[event.request_id] = event.at_us

    def _on_change(self, event: events.ItemChanged) -> None:
        if event.before is None:
            self.counts[figures.EXECUTIONS_STARTED] += 1
        if event.execution is not None and not event.execution.unreadable:
            self._keep_sample(event, event.execution)
        if event.writer == WORKER:
            self.counts[figures.WORKER_WRITES] += 1
            if watched := self._watched.get(event.execution_id):
                watched.amended_us = event.at_us
        super()._on_change(event)

    def _count_poll(self, event: events.ItemChanged, watched: Watched, before: ExecutionView) -> None:
        super()._count_poll(event, watched, before)
        distributions = self.distributions
        self.counts[figures.POLLS_RECORDED] += 1
        if event.execution is not None:
            distributions[figures.WAVES_PER_UPDATE].append(len(event.execution.waves))
        look_us, asked_us = self.look_us(event.request_id), self._asked_us.get(event.request_id)
        if look_us is not None:
            distributions[figures.POLL_DELAY].append(event.at_us - look_us)
        if asked_us is not None:
            for job in (self._truth.job(wave) for wave in before.waves if not wave.finished):
                changes = job.changes_between(watched.asked_us, asked_us) if job is not None else ()
                distributions[figures.STALENESS].extend(event.at_us - change_us for change_us in changes)
            watched.asked_us = asked_us

    def _count_end(self, event: events.ItemChanged, now: ExecutionView) -> None:
        super()._count_end(event, now)
        distributions, amended_us = self.distributions, self._watched[event.execution_id].amended_us
        if now.status in TERMINAL and now.start_us is not None:
            since_us = {figures.EXECUTION_TIME: now.start_us - self._truth.epoch_us}
            if now.status is ExecutionStatus.TIMEOUT:
                since_us[figures.TIMEOUT_DELAY] = self._truth.times_out_us(now)
            elif (final_us := self._truth.final_us(now)) < NEVER_US:
                since_us[figures.COMPLETION_DELAY] = max(final_us, amended_us)
            # Limited, since a function may have written any number into the table's times.
            for figure, began_us in since_us.items():
                distributions[figure].append(max(-NEVER_US, min(event.at_us - began_us, NEVER_US)))

    def _keep_sample(self, event: events.ItemChanged, now: ExecutionView) -> None:
        sample = self.samples.get(event.execution_id)
        if sample is None:
            if len(self.samples) >= SAMPLES_MAX:
                return
            sample = self.samples[event.execution_id] = ExecutionSample(now)
        sample.execution = now
        sample.polls += event.writer == POLLER
        if now.status in TERMINAL and sample.end_us is None:
            sample.end_us = event.at_us
