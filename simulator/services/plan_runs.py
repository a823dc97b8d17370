"""Executions of recovery plans: what their steps have come to at each instant.

A run keeps the calls made on it and the jobs that its steps started; its state at any instant follows from these.
Owns the machine only: `drs_api.plan_executions` has the API, `workload` the executions of scenarios.
Source: AWS DRS user guide, recovery plans (2026-11).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import Final, NamedTuple

from drsim.simulator.durations import NEVER_US
from drsim.simulator.services.drs_jobs import DrsJob

EXECUTION_US_MAX: Final = 24 * 3600 * 1_000_000
"""An execution times out this long after its start (user guide, recovery-plans-quotas)."""
VALIDATION_US: Final = 5_000_000
"""From the start of an execution to the end of its validation (assumed)."""


class StepStatus(StrEnum):
    """RecoveryPlanExecutionStepStatus."""

    NOT_STARTED = "NOT_STARTED"
    EXECUTING = "EXECUTING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    SKIPPED = "SKIPPED"


class RunStatus(StrEnum):
    """RecoveryPlanExecutionStatus, and TIMED_OUT, which the user guide has and botocore's model lacks."""

    CREATED = "CREATED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def terminal(self) -> bool:
        return self not in (RunStatus.CREATED, RunStatus.IN_PROGRESS, RunStatus.CANCELLING)


class PlanServer(NamedTuple):
    """A server of a step. One that is not critical is OPTIONAL."""

    server_id: str
    is_critical: bool = True


class PlanStep(NamedTuple):
    """A step: a server step, or a wait step if it has no servers."""

    name: str
    servers: tuple[PlanServer, ...] = ()
    wait_us: int = 0

    @property
    def server_ids(self) -> tuple[str, ...]:
        return tuple(server.server_id for server in self.servers)


@dataclass(frozen=True, slots=True)
class StepProblem:
    """An errorDetail. AWS does not publish the codes."""

    code: str
    message: str


Outcome = tuple[DrsJob, ...] | StepProblem
"""What a validation or the start of a step led to: the jobs that were started, none by a validation."""


class Due(NamedTuple):
    """What must happen at an instant: the validation of all servers (step -1), or the launch of a step's servers."""

    at_us: int
    step: int
    attempt: int
    server_ids: tuple[str, ...]


class RunCall(NamedTuple):
    """A call on a step of an execution, or on all of it. `step` counts from 0."""

    at_us: int
    action: str  # skip, retry, cancel or change
    step: int = 0
    changed: PlanStep | None = None


@dataclass(slots=True, eq=False)
class PlanRun:
    """One execution: its copy of the plan, and all that has happened to it."""

    started_us: int
    steps: tuple[PlanStep, ...]
    calls: list[RunCall] = field(default_factory=list)
    outcomes: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    """By step and attempt."""
    _quiet_until_us: int = 0

    def state(self, at_us: int) -> "RunState":
        """Return the state at an instant. Everything due by then must have an outcome: see `settle`."""
        state = RunState(self)
        for call in sorted((call for call in self.calls if call.at_us <= at_us), key=itemgetter(0)):
            state.advance(call.at_us)
            state.apply(call)
        state.advance(at_us)
        return state

    def call(self, call: RunCall) -> None:
        """Record a call that `RunState.refusal` does not refuse."""
        self.calls.append(call)
        self._quiet_until_us = 0

    def due(self, by_us: int) -> Due | None:
        """Return what is due first, if it is due by an instant."""
        if by_us < self._quiet_until_us:
            return None
        state = self.state(by_us)
        if state.due is None:
            self._quiet_until_us = state.next_us
        return state.due


def settle(runs: Iterable[PlanRun], by_us: int, act: Callable[[PlanRun, Due], Outcome]) -> None:
    """Let everything that is due in these runs by an instant happen, in the order of time."""
    runs = list(runs)
    while dues := [(due.at_us, number, due) for number, run in enumerate(runs) if (due := run.due(by_us))]:
        _, number, due = min(dues)
        runs[number].outcomes[due.step, due.attempt] = act(runs[number], due)


@dataclass(slots=True, eq=False)
class StepState:
    """A step of an execution as of an instant. Its attempts launch the servers that are `unlaunched`."""

    step: PlanStep
    updated_us: int
    status: StepStatus = StepStatus.NOT_STARTED
    attempt: int = 1
    begun_us: int | None = None
    ended_us: int | None = None
    unlaunched: tuple[str, ...] = ()
    job_ids: dict[str, str] = field(default_factory=dict)
    """By server."""
    problem: StepProblem | None = None


class RunState:
    """An execution as of an instant. `next_us` is when it next changes by itself; NEVER_US if it has ended."""

    def __init__(self, run: PlanRun) -> None:
        self._run = run
        self._current = 0
        self.status = RunStatus.CREATED
        self.steps = [StepState(step, run.started_us, unlaunched=step.server_ids) for step in run.steps]
        self.ended_us: int | None = None
        self.problem: StepProblem | None = None
        self.due: Due | None = None
        self.next_us = run.started_us + VALIDATION_US

    @property
    def was_valid(self) -> bool:
        """Whether the execution has passed its validation."""
        return self._run.outcomes.get((-1, 1)) == () and self.status is not RunStatus.CREATED

    @property
    def _deadline_us(self) -> int:
        return self._run.started_us + EXECUTION_US_MAX

    def advance(self, until_us: int) -> None:
        """Let time pass. It stops at what is due and has no outcome yet."""
        while self.due is None and self.next_us <= until_us:
            if self.status is RunStatus.CREATED:
                self._validate(self.next_us)
            else:
                self._end_step(self.next_us)

    def refusal(self, call: RunCall) -> str | None:
        """Return why a call is not possible now, or None."""
        status = self.status
        if call.action == "cancel":
            possible = status in (RunStatus.CREATED, RunStatus.IN_PROGRESS)
            return None if possible else f"an execution in status {status} cannot be cancelled"
        step = self.steps[call.step]
        if status is RunStatus.FAILED and not self.was_valid:
            return "the execution failed its validation; start a new execution"
        if call.action == "retry":
            if status is not RunStatus.FAILED or step.status is not StepStatus.FAILED:
                return f"step {call.step + 1} is in status {step.status} and the execution in status {status}"
        elif status not in (RunStatus.CREATED, RunStatus.IN_PROGRESS, RunStatus.FAILED):
            return f"an execution in status {status} cannot be changed"
        elif step.status is not StepStatus.NOT_STARTED and (
            call.action == "change" or step.status is not StepStatus.FAILED
        ):
            return f"step {call.step + 1} is in status {step.status}"
        resumes = step.status is StepStatus.FAILED
        if resumes and call.at_us >= self._deadline_us:
            return "the execution started more than 24 hours ago"
        return None

    def apply(self, call: RunCall) -> None:
        """Apply a call, unless it is refused: a clock that was set back can make one impossible."""
        if self.due is not None or self.refusal(call) is not None:
            return
        at_us = call.at_us
        if call.action == "cancel":
            self._cancel(at_us)
            return
        step = self.steps[call.step]
        was_failed, step.updated_us = step.status is StepStatus.FAILED, at_us
        if call.changed is not None:
            step.step, step.unlaunched = call.changed, call.changed.server_ids
        elif call.action == "skip":
            self._skip(step, at_us)
        if was_failed:
            self.status, self.ended_us, self.problem = RunStatus.IN_PROGRESS, None, None
            if call.action == "skip":
                self._begin_next(at_us)
            else:
                step.attempt += 1
                self._begin(call.step, at_us)

    def _cancel(self, at_us: int) -> None:
        for step in self.steps:
            # That a wait ends at once is assumed.
            if step.status in (StepStatus.NOT_STARTED, StepStatus.WAITING):
                self._skip(step, at_us)
        if any(step.status is StepStatus.EXECUTING for step in self.steps):
            self.status = RunStatus.CANCELLING
        else:
            self._end(RunStatus.CANCELLED, at_us)

    def _skip(self, step: StepState, at_us: int) -> None:
        step.status, step.problem, step.updated_us, step.ended_us = StepStatus.SKIPPED, None, at_us, at_us

    def _validate(self, at_us: int) -> None:
        steps = [step.step for step in self.steps if step.status is StepStatus.NOT_STARTED]
        outcome = self._outcome(Due(at_us, -1, 1, tuple(each for step in steps for each in step.server_ids)))
        if isinstance(outcome, StepProblem):
            self._end(RunStatus.FAILED, at_us, outcome)
        elif outcome is not None:
            self.status = RunStatus.IN_PROGRESS
            self._begin_next(at_us)

    def _begin_next(self, at_us: int) -> None:
        for number, step in enumerate(self.steps):
            if step.status is StepStatus.NOT_STARTED:
                self._begin(number, at_us)
                return
        is_skipped = any(step.status is StepStatus.SKIPPED for step in self.steps)
        text = "Completed with skipped steps. View execution details for more information."
        self._end(RunStatus.COMPLETED, at_us, StepProblem("COMPLETED_WITH_SKIPPED_STEPS", text) if is_skipped else None)

    def _begin(self, number: int, at_us: int) -> None:
        step = self.steps[number]
        self._current, step.begun_us, step.ended_us, step.updated_us, step.problem = number, at_us, None, at_us, None
        if not step.step.servers:
            step.status, ends_us = StepStatus.WAITING, at_us + step.step.wait_us
        else:
            step.status = StepStatus.EXECUTING
            outcome = self._outcome(Due(at_us, number, step.attempt, step.unlaunched))
            if outcome is None:
                return
            if isinstance(outcome, StepProblem):
                self._fail(step, at_us, outcome)
                return
            servers = [(server, job) for job in outcome for server in job.servers]
            step.job_ids |= {server.source_server_id: job.job_id for server, job in servers}
            ends_us = max(server.ended_us for server, _ in servers)
        self.next_us = min(ends_us, self._deadline_us)

    def _end_step(self, at_us: int) -> None:
        step = self.steps[self._current]
        problem: StepProblem | None
        if at_us >= self._deadline_us:
            problem = StepProblem("EXECUTION_TIMED_OUT", "The execution did not end within 24 hours.")
            step.status, step.problem, step.updated_us, step.ended_us = StepStatus.TIMED_OUT, problem, at_us, at_us
            is_cancelling = self.status is RunStatus.CANCELLING
            self._end(RunStatus.CANCELLED if is_cancelling else RunStatus.TIMED_OUT, at_us, problem)
            return
        failed = set(step.unlaunched) & self._failed_ids(step)
        step.unlaunched = tuple(each for each in step.unlaunched if each in failed)
        problem = _launch_problem(step) if failed else None
        if any(server.is_critical and server.server_id in failed for server in step.step.servers):
            self._fail(step, at_us, problem)
            return
        step.status, step.problem, step.updated_us, step.ended_us = StepStatus.COMPLETED, problem, at_us, at_us
        if self.status is RunStatus.CANCELLING:
            self._end(RunStatus.CANCELLED, at_us)
        else:
            self._begin_next(at_us)

    def _failed_ids(self, step: StepState) -> set[str]:
        """The servers of the present attempt that did not launch."""
        outcome = self._run.outcomes.get((self._current, step.attempt), ())
        jobs = () if isinstance(outcome, StepProblem) else outcome
        return {server.source_server_id for job in jobs for server in job.servers if not server.launches}

    def _fail(self, step: StepState, at_us: int, problem: StepProblem | None) -> None:
        step.status, step.problem, step.updated_us, step.ended_us = StepStatus.FAILED, problem, at_us, at_us
        if self.status is RunStatus.CANCELLING:
            self._end(RunStatus.CANCELLED, at_us)
        else:
            text = f"Step {self._current + 1} ({step.step.name}) failed."
            self._end(RunStatus.FAILED, at_us, StepProblem("STEP_FAILED", text))

    def _end(self, status: RunStatus, at_us: int, problem: StepProblem | None = None) -> None:
        self.status, self.ended_us, self.problem, self.next_us = status, at_us, problem, NEVER_US

    def _outcome(self, due: Due) -> Outcome | None:
        """What came of it; None if it has not happened yet, which stops this state."""
        found = self._run.outcomes.get((due.step, due.attempt))
        if found is None:
            self.due = due
        return found


def _launch_problem(step: StepState) -> StepProblem:
    text = f"Servers that failed to launch: {', '.join(step.unlaunched)}."
    return StepProblem("SERVER_LAUNCH_FAILED", text)
