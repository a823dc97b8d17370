"""Recovery plans of DRS in scenarios: executions that start the jobs of their steps in virtual time, one by one.

Owns DRS's side, and the person who retries or skips a FAILED step. What the plan's worker writes is the workload's.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from drsim.orchestrator.model import ExecutionType
from drsim.simulator.durations import NEVER_US
from drsim.simulator.faults.effects import Effects
from drsim.simulator.kernel import Kernel
from drsim.simulator.planned import PlannedExecution, PlannedWave
from drsim.simulator.services.drs import DrsJob, DrsService
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.plan_runs import (
    Due,
    Outcome,
    PlanRun,
    PlanServer,
    PlanStep,
    RunCall,
    RunState,
    RunStatus,
    StepProblem,
    StepStatus,
    settle,
)


class NativePlan:
    """The execution of a recovery plan, which begins now. It runs by itself until it ends."""

    def __init__(self, kernel: Kernel, drs: DrsService, effects: Effects, plan: PlannedExecution) -> None:
        self.plan: Final = plan
        self._kernel = kernel
        self._drs = drs
        self._effects = effects
        steps: list[PlanStep] = []
        self.waves: Final[dict[int, PlannedWave]] = {}
        """The waves that server steps are, by the step's position."""
        for wave, spec in zip(plan.waves, plan.group.waves, strict=True):
            if spec.wait_before:
                steps.append(PlanStep(f"Wait before {wave.name}", wait_us=spec.wait_before))
            self.waves[len(steps)] = wave
            critical_count = len(wave.server_ids) - spec.optional
            servers = (PlanServer(each, number < critical_count) for number, each in enumerate(wave.server_ids))
            steps.append(PlanStep(wave.name, tuple(servers)))
        self.run: Final = PlanRun(kernel.now_us, tuple(steps))
        self._next_us = -1
        self._advance(self)

    def state(self) -> RunState:
        """The state now."""
        return self.run.state(self._kernel.now_us)

    @property
    def is_final(self) -> bool:
        """Whether the execution has ended, and no person will make it run again."""
        state = self.state()
        return state.status.terminal and self._remedy(state) is None

    @property
    def jobs(self) -> list[tuple[int, DrsJob]]:
        """The jobs started so far, in their order, each with the position of its step."""
        outcomes = self.run.outcomes.items()
        return [(step, job) for (step, _), jobs in outcomes if not isinstance(jobs, StepProblem) for job in jobs]

    def ends(self, steps: Iterable[int]) -> list[tuple[int, StepStatus]]:
        """The statuses of these steps."""
        state = self.state()
        return [(step, state.steps[step].status) for step in steps]

    def retried(self, step: int, job: DrsJob, number: int) -> PlannedWave:
        """A further wave, for the job of a step's later attempt."""
        wave, attempt = self.waves[step], self.state().steps[step].attempt
        ids = tuple(server.source_server_id for server in job.servers)
        return replace(wave, number=number, name=f"{wave.name}, attempt {attempt}", server_ids=ids)

    def cancel(self) -> None:
        """Cancel the execution, as a person does, unless it has ended."""
        self._call(RunCall(self._kernel.now_us, "cancel"))

    def _call(self, call: RunCall) -> None:
        if self.state().refusal(call) is None:
            self.run.call(call)
            self._advance(self)

    def _advance(self, _: object) -> None:
        """Let happen what is due now, and come back at the next change."""
        now_us = self._kernel.now_us
        settle([self.run], now_us, self._act)
        state = self.state()
        next_us, then = state.next_us, self._advance
        if state.ended_us is not None and self._remedy(state) is not None:
            next_us, then = state.ended_us + self.plan.group.on_failure_after, self._help
        if next_us != self._next_us and next_us < NEVER_US:
            self._next_us = next_us
            self._kernel.at(next_us, then, None)

    def _help(self, _: object) -> None:
        remedy = self._remedy(self.state())
        if remedy is not None:
            self._call(remedy)

    def _remedy(self, state: RunState) -> RunCall | None:
        """The call of a person on the step that made the execution FAILED, or None."""
        action, now_us = self.plan.group.on_failure, self._kernel.now_us
        if state.status is not RunStatus.FAILED or action == "nothing":
            return None
        for number, step in enumerate(state.steps):
            if step.status is StepStatus.FAILED and (action == "skip" or step.attempt == 1):
                call = RunCall(now_us, action, number)
                return call if state.refusal(call) is None else None
        return None

    def _act(self, _: PlanRun, due: Due) -> Outcome:
        if due.step < 0:
            return ()
        wave = self.waves[due.step]
        failing_count = self.plan.group.waves[wave.number - 1].failing
        ids = (self.plan.key.execution_id, wave.scope.region, wave.number)
        self._drs.doomed.difference_update(wave.server_ids)
        if due.attempt == 1 and failing_count:
            self._drs.doomed.update(wave.server_ids[-failing_count:])
        try:
            life = self._effects.life(*ids, len(due.server_ids), wave.life, attempt=due.attempt)
            self._drs.add_servers(wave.scope, due.server_ids, life)
            is_drill = self.plan.group.type is ExecutionType.DRILL
            return (self._drs.start_recovery(wave.scope, due.server_ids, is_drill=is_drill),)
        except ServiceError as error:
            return StepProblem(error.code, str(error))
