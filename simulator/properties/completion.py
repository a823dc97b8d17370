"""Completion: an execution ends when and as DRS's truth says, and a timeout asks DRS first."""

from dataclasses import dataclass

from orchestrator.model import (
    TERMINAL,
    Execution,
    ExecutionStatus,
    JobScope,
    Wave,
    WaveStatus,
)
from simulator.events import ItemChanged, JobsDescribed, LambdaEnded
from simulator.properties.monitor import Monitor, pairs, same_waves, seconds
from simulator.services.drs import DrsJob
from simulator.trace import Trace
from simulator.truth import NEVER_US

_JUDGED = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.PARTIAL, ExecutionStatus.FAILED})


class _Asked:
    """When each running invocation last asked DRS about each account and Region."""

    def __init__(self, trace: Trace) -> None:
        self._at_us: dict[str, dict[JobScope, int]] = {}
        trace.listen(JobsDescribed, self._on_described)
        trace.listen(LambdaEnded, self._on_ended)

    def at_us(self, request_id: str, scope: JobScope) -> int | None:
        """The instant of the last answer, or None."""
        return self._at_us.get(request_id, {}).get(scope)

    def first_us(self, request_id: str, default_us: int) -> int:
        """The earliest of the last answers: what the invocation knew then, it knew of all jobs."""
        return min(self._at_us.get(request_id, {}).values(), default=default_us)

    def _on_described(self, event: JobsDescribed) -> None:
        scope = JobScope(event.account_id, event.region)
        self._at_us.setdefault(event.request_id, {})[scope] = event.at_us

    def _on_ended(self, event: LambdaEnded) -> None:
        self._at_us.pop(event.request_id, None)


class CompletionSoundness(Monitor):
    """Judges every end that a poll writes, of waves and of executions."""

    name = "completion-soundness"
    rule = "A wave or an execution ends as COMPLETED, PARTIAL or FAILED exactly when, and as, DRS's truth says."

    def subscribe(self, trace: Trace) -> None:
        """Listen to writes."""
        self._asked = _Asked(trace)
        trace.listen(ItemChanged, self._on_change)

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if before is None or now is None or not event.request_id:
            return
        for old, new in pairs(before.waves, now.waves):
            if new.finished and not old.finished:
                self._judge_wave(event, now, new)
        if now.status in _JUDGED and before.status not in TERMINAL:
            self._judge(event, now)

    def _judge_wave(self, event: ItemChanged, now: Execution, wave: Wave) -> None:
        self.checked += 1
        truth = self.context.truth
        asked_us = self._asked.at_us(event.request_id, wave.scope)
        # What was true when DRS was asked may have gone on by the time of the write; both are right.
        true = {truth.wave_status(now, wave, event.at_us)}
        if asked_us is not None:
            true.add(truth.wave_status(now, wave, asked_us))
        if wave.status not in true:
            expected = truth.wave_status(now, wave, event.at_us) or "still going on"
            self.violate(
                event.execution_id, event.at_us, f"wave {wave.number} {expected} by DRS's truth", wave.status.value
            )
            return
        job = truth.job(wave)
        if job is not None:
            self._judge_servers(event, wave, job)

    def _judge_servers(self, event: ItemChanged, wave: Wave, job: DrsJob) -> None:
        kept = {server.source_server_id: server.status for server in wave.servers}
        for server in job.servers:
            end, found = server.status(job.ended_us), kept.get(server.source_server_id)
            if found is not end:
                expected = f"server {server.source_server_id} {end} by DRS's truth"
                self.violate(event.execution_id, event.at_us, expected, str(found))

    def _judge(self, event: ItemChanged, now: Execution) -> None:
        self.checked += 1
        truth = self.context.truth
        asked_us = self._asked.first_us(event.request_id, event.at_us)
        if now.status not in (truth.status(now, event.at_us), truth.status(now, asked_us)):
            expected = truth.status(now, event.at_us) or "still going on"
            self.violate(event.execution_id, event.at_us, f"{expected} by DRS's truth", now.status.value)


@dataclass(slots=True)
class _Owed:
    """When an execution ought to end: `final_us` is what its waves say, `base_us` when that could first be known."""

    began_us: int
    final_us: int
    base_us: int


class CompletionLiveness(Monitor):
    """Knows the whole life of each job from its start, and so the instant at which an execution ought to end."""

    name = "completion-liveness"
    rule = "An execution is terminal within a bound of DRS's truth, or of its timeout where DRS never gets there."

    def subscribe(self, trace: Trace) -> None:
        """Listen to writes."""
        self._owed: dict[str, _Owed] = {}
        trace.listen(ItemChanged, self._on_change)

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is None or now.status is not ExecutionStatus.POLLING:
            owed = self._owed.pop(event.execution_id, None)
            if owed is not None and now is not None and event.request_id:
                self._check(event.execution_id, owed.base_us, event.at_us, now.status.value)
            return
        owed = self._owed.get(event.execution_id)
        if owed is not None and same_waves(event.previous, now):
            return
        final_us = self.context.truth.final_us(now)
        if owed is not None and owed.final_us == final_us:
            return
        began_us = event.at_us if owed is None else owed.began_us
        late_us = max(self.context.truth.times_out_us(now), began_us)
        self._owed[event.execution_id] = _Owed(began_us, final_us, min(max(final_us, event.at_us), late_us))

    def finish(self, end_us: int) -> None:
        """Executions that ought to have ended and did not."""
        for execution_id, owed in self._owed.items():
            if owed.base_us < NEVER_US and owed.base_us + self.context.spec.bounds.completion < end_us:
                self._check(execution_id, owed.base_us, end_us, "POLLING")

    def _check(self, execution_id: str, base_us: int, now_us: int, status: str) -> None:
        self.checked += 1
        bound_us = self.context.spec.bounds.completion
        if now_us > base_us + bound_us:
            expected = f"terminal within {seconds(bound_us)} of the truth at {seconds(base_us)}"
            self.violate(execution_id, now_us, expected, f"{status} {seconds(now_us - base_us)} after it")


class TimeoutTruth(Monitor):
    """Compares what a TIMEOUT leaves in the table with what DRS knew at that poll."""

    name = "timeout-truth"
    rule = (
        "TIMEOUT comes only after 30 minutes, after asking DRS, never over finished jobs, and keeps each wave's truth."
    )

    def subscribe(self, trace: Trace) -> None:
        """Listen to writes."""
        self._asked = _Asked(trace)
        trace.listen(ItemChanged, self._on_change)

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if now is None or now.status is not ExecutionStatus.TIMEOUT:
            return
        if before is not None and before.status is ExecutionStatus.TIMEOUT:
            return
        self.checked += 1
        truth = self.context.truth
        age_us = event.at_us + self.context.spec.epoch_us - now.start_us
        if event.at_us <= truth.times_out_us(now):
            expected = f"TIMEOUT only after {seconds(self.context.settings.timeout_us)}"
            self.violate(event.execution_id, event.at_us, expected, f"after {seconds(age_us)}")
        ended = truth.status(now, self._asked.first_us(event.request_id, event.at_us))
        if ended is not None:
            self.violate(event.execution_id, event.at_us, f"{ended}, for every job had ended", "TIMEOUT")
        for wave in now.waves:
            job = truth.job(wave)
            if job is not None:
                self._judge_wave(event, wave, job)

    def _judge_wave(self, event: ItemChanged, wave: Wave, job: DrsJob) -> None:
        if wave.finished:
            return
        asked_us = self._asked.at_us(event.request_id, wave.scope)
        if asked_us is None:
            self.violate(event.execution_id, event.at_us, f"DRS asked about job {wave.job_id}", "it was not")
            return
        known = job.view(asked_us)
        if wave.status is WaveStatus.TIMEOUT and job.ended_us <= asked_us:
            self.violate(event.execution_id, event.at_us, f"wave {wave.number} as its job ended", "TIMEOUT")
        told = {server.source_server_id: server.status for server in known.servers}
        kept = {server.source_server_id: server.status for server in wave.servers}
        if wave.job_status is not known.status or any(kept.get(name) is not status for name, status in told.items()):
            expected = f"wave {wave.number} keeps job {known.status} with servers {', '.join(sorted(told.values()))}"
            observed = f"job {wave.job_status} with servers {', '.join(sorted(kept.values()))}"
            self.violate(event.execution_id, event.at_us, expected, observed)
