"""Completion: executions end when DRS's truth does and with its outcome, and a timeout asks DRS first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from drsim.orchestrator.model import TERMINAL, ExecutionStatus, WaveStatus
from drsim.simulator.checks.monitor import Monitor, same_waves, seconds
from drsim.simulator.events import FaultInjected, ItemChanged, JobsDescribed, LambdaEnded
from drsim.simulator.faults.kinds import INCOMPLETE
from drsim.simulator.reader import ExecutionView, WaveView

# The wave and the job's view that were judged last, by index: the same pair is judged once.
_Judged = dict[int, tuple[WaveView, object]]
_JUDGED = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.PARTIAL, ExecutionStatus.FAILED})
_WATCHING_ENDED = frozenset({WaveStatus.TIMEOUT, WaveStatus.UNKNOWN})


@dataclass(slots=True)
class _Answers:
    """DRS's answers to one invocation, by job id."""

    is_faulty: bool = False
    # The last complete answer about each job, the jobs that a fault left out or without servers, and the latter alone.
    at_us: dict[str, int] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)


class _AnswersMonitor(Monitor):
    """Keeps what each running invocation has asked DRS, and how complete the answers were."""

    def prepare(self) -> None:
        self._answers: defaultdict[str, _Answers] = defaultdict(_Answers)

    def _asked_us(self, event: ItemChanged, wave: WaveView) -> int | None:
        """The instant of the last complete answer about the wave's job before this write, or None."""
        answers = self._answers.get(event.request_id)
        return None if answers is None or wave.job_id is None else answers.at_us.get(wave.job_id)

    def _left_out(self, event: ItemChanged, wave: WaveView) -> bool:
        return event.request_id in self._answers and wave.job_id in self._answers[event.request_id].left_out

    def _on_fault(self, event: FaultInjected) -> None:
        # Only a fault excuses an answer without the job: a poll that asks in the wrong Region gets no job, too.
        if event.fault in INCOMPLETE:
            self._answers[event.request_id].is_faulty = True

    def _on_described(self, event: JobsDescribed) -> None:
        answers = self._answers[event.request_id]
        if event.first_page:
            # An older answer no longer counts.
            for job_id in event.asked:
                answers.at_us.pop(job_id, None)
        answers.at_us.update({job_id: event.at_us for job_id in event.found if job_id not in event.incomplete})
        answers.named.update(event.incomplete)
        if answers.is_faulty:
            # Jobs on a further page leave the set when that page comes.
            answers.left_out.update(event.asked)
            answers.left_out.difference_update(answers.at_us)

    def _on_ended(self, event: LambdaEnded) -> None:
        self._answers.pop(event.request_id, None)


class CompletionSoundness(_AnswersMonitor):
    name = "completion-soundness"
    rule = "Waves and executions end exactly when and how DRS's truth says, and until then show DRS's last answer."

    def prepare(self) -> None:
        super().prepare()
        self._judged: dict[str, _Judged] = {}

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if before is not None and now is not None and event.request_id:
            judged = self._judged.setdefault(event.execution_id, {})
            for index, (old, new) in enumerate(zip(before.waves, now.waves, strict=False)):
                if not old.finished:
                    if new.finished:
                        self._judge_end(event, before, old, new)
                    self._judge_record(event, judged, index, new)
            if now.status in _JUDGED and before.status not in TERMINAL:
                self.checked += 1
                # Each wave's end is judged separately.
                expected = self.truth.sum_of(now, [wave.status for wave in now.waves])
                # A field that cannot be read may hide that all waves have ended.
                if now.status is not expected and not (expected is None and now.unreadable):
                    self.violate(event, f"{expected or 'unfinished'}, as its waves", str(now.status))
        if now is None or now.status in TERMINAL:
            self._judged.pop(event.execution_id, None)

    def _judge_record(self, event: ItemChanged, judged: _Judged, index: int, wave: WaveView) -> None:
        asked_us = self._asked_us(event, wave)
        job = None if asked_us is None else self.truth.job(wave)
        if job is None or asked_us is None:
            return
        view = job.view(asked_us)
        last_wave, last_view = judged.get(index, (None, None))
        if last_wave is wave and last_view is view:
            return
        judged[index] = (wave, view)
        self.checked += 1
        if wave.job_status is not view.status:
            self.violate(event, f"wave {wave.number} with its job {view.status}", f"job {wave.job_status}")
        kept = {server.source_server_id: server for server in wave.servers}
        for launch in view.servers:
            server = kept.get(launch.source_server_id)
            if server is None or server.status is not launch.status:
                observed = "missing" if server is None else str(server.status)
                self.violate(event, f"server {launch.source_server_id} {launch.status} by DRS's truth", observed)
            elif launch.instance_id is not None and server.instance_id != launch.instance_id:
                expected = f"server {launch.source_server_id} with instance {launch.instance_id}"
                self.violate(event, expected, str(server.instance_id))

    def _judge_end(self, event: ItemChanged, before: ExecutionView, old: WaveView, new: WaveView) -> None:
        self.checked += 1
        truth, skew_us = self.truth, self.plan.skew_us
        asked_us = self._asked_us(event, old)
        # A poll decides between DRS's answer and its write, so the truth at either instant is right.
        seen_us = (event.at_us,) if asked_us is None else (asked_us, event.at_us)
        ends_us = truth.times_out_us(before)
        overdue = {each + off_us > ends_us for each in seen_us for off_us in {-skew_us, skew_us}}
        true = [truth.wave_status(before, old, each, overdue=late) for each in seen_us for late in sorted(overdue)]
        if new.status not in true:
            self.violate(event, f"wave {new.number} {true[-1] or 'unfinished'} by DRS's truth", str(new.status))


@dataclass(slots=True)
class _Owed:
    """When an execution must end: when its waves do, when a poll can first see that, and when it is overdue."""

    began_us: int
    final_us: int
    base_us: int
    late_us: int


class CompletionLiveness(Monitor):
    name = "completion-liveness"
    rule = "An execution is terminal within a bound of DRS's truth, or of its timeout if DRS never finishes."

    def prepare(self) -> None:
        self._owed: dict[str, _Owed] = {}
        # Times from healing to the end, of executions that were due before healing and ended after it.
        self.margins_us: list[int] = []
        # The latest end that was judged, after the instant from which the bound counts. None if none was.
        self.late_us_max: int | None = None

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is None or not now.owes_polls:
            owed = self._owed.pop(event.execution_id, None)
            if owed is not None:
                self._end(event, owed, now)
            return
        owed = self._owed.get(event.execution_id)
        if owed is not None and same_waves(event.previous, now):
            return
        final_us = self.truth.final_us(now)
        if owed is not None and owed.final_us == final_us:
            return
        began_us = event.at_us if owed is None else owed.began_us
        late_us = max(self.truth.times_out_us(now), began_us)
        base_us = min(max(final_us, event.at_us), late_us)
        self._owed[event.execution_id] = _Owed(began_us, final_us, base_us, late_us)

    def _end(self, event: ItemChanged, owed: _Owed, now: ExecutionView | None) -> None:
        healed_us = self.plan.healed_us
        if now is not None and owed.base_us < healed_us <= event.at_us:
            self.margins_us.append(event.at_us - healed_us)
        by_poll = now is not None and event.request_id != ""
        self._check(event.execution_id, owed, event.at_us, "gone" if now is None else str(now.status), by_poll)

    def finish(self, end_us: int) -> None:
        for execution_id, owed in self._owed.items():
            self._check(execution_id, owed, end_us, "POLLING", by_poll=False)

    def _check(self, execution_id: str, owed: _Owed, now_us: int, status: str, by_poll: bool) -> None:
        # Incomplete answers delay the end, for a limited time after the timeout.
        patience_us = owed.late_us + self.limits.incomplete_answer_us
        waits_until_us = min(self.plan.incomplete_us(execution_id), patience_us)
        due_us, bound_us = self.context.owed_us(execution_id, max(owed.base_us, waits_until_us)), self.bounds.completion
        is_lost = self.context.lost(execution_id)
        late = now_us > due_us + bound_us and not is_lost
        # Without a poll, only an end that is late shows something.
        self.checked += by_poll or late
        if late or (by_poll and not is_lost):
            self.late_us_max = max(now_us - due_us, self.late_us_max or 0)
        if late:
            expected = f"terminal within {seconds(bound_us)} of the truth at {seconds(due_us)}"
            self.violate_at(execution_id, now_us, expected, f"{status} {seconds(now_us - due_us)} after it")


class TimeoutTruth(_AnswersMonitor):
    """Compares a TIMEOUT with DRS's truth at that poll. `completion-soundness` judges the record of each wave."""

    name = "timeout-truth"
    rule = (
        "An execution times out only after 30 minutes and after asking DRS. Finished jobs take precedence, incomplete "
        "answers are retried, and each wave keeps its truth."
    )

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        was_over = before is not None and before.status is ExecutionStatus.TIMEOUT
        if now is None or now.status is not ExecutionStatus.TIMEOUT or was_over:
            return
        self.checked += 1
        late_us = event.at_us - self.truth.times_out_us(now)
        if late_us + self.plan.skew_us <= 0:
            timeout_us = self.limits.timeout_us or 0
            self.violate(event, f"TIMEOUT only after {seconds(timeout_us)}", f"after {seconds(timeout_us + late_us)}")
        ends = [self._end_of(event, now, wave) for wave in now.waves]
        ended = self.truth.sum_of(now, ends)
        if ended is not None:
            self.violate(event, f"{ended}, for every job had ended", "TIMEOUT")
        elif before is not None and self.limits.incomplete_answer_us:
            self._judge_patience(event, before, now, ends)
        for wave in now.waves:
            if not wave.finished:
                self._judge_wave(event, wave)

    def _end_of(self, event: ItemChanged, now: ExecutionView, wave: WaveView) -> WaveStatus | None:
        if wave.finished:
            return wave.status
        asked_us = self._asked_us(event, wave)
        if asked_us is None and self._left_out(event, wave):
            return None
        seen_us = event.at_us if asked_us is None else asked_us
        return self.truth.wave_status(now, wave, seen_us, overdue=True)

    def _judge_patience(
        self, event: ItemChanged, before: ExecutionView, now: ExecutionView, ends: Sequence[WaveStatus | None]
    ) -> None:
        """Judge whether a TIMEOUT that follows an incomplete answer came after retrying for long enough."""
        limits, times_out_us = self.limits, self.truth.times_out_us(now)
        # A poll may give up early if the next one would come after the last instant.
        step_us = max(self.spec.schedule.rate, limits.longest_interval_us)
        if event.at_us + self.plan.skew_us + step_us > times_out_us + limits.incomplete_answer_us:
            return
        # A job that DRS first names to this poll was not named before.
        named = {wave.number for wave in before.waves if wave.job_status is not None}
        for wave, end in zip(now.waves, ends, strict=True):
            if end is None and wave.number in named and self._hidden(event, wave):
                expected = f"POLLING for up to {seconds(limits.incomplete_answer_us)} after the timeout"
                late = seconds(event.at_us - times_out_us)
                observed = f"TIMEOUT {late} after it, and DRS's answer left out job {wave.job_id} or its servers"
                self.violate(event, expected, observed)
                return

    def _hidden(self, event: ItemChanged, wave: WaveView) -> bool:
        """Whether the answer left out the wave's job, or the servers of a job that it shows as ended."""
        job = self.truth.job(wave)
        if wave.finished or job is None or not self._left_out(event, wave):
            return False
        return job.ended_us <= event.at_us or job.job_id not in self._answers[event.request_id].named

    def _judge_wave(self, event: ItemChanged, wave: WaveView) -> None:
        if wave.status not in _WATCHING_ENDED and not (wave.job_id is None and wave.status is WaveStatus.PENDING):
            self.violate(event, f"wave {wave.number} TIMEOUT or UNKNOWN, because polling has ended", str(wave.status))
        job = self.truth.job(wave)
        if job is None:
            return
        asked_us = self._asked_us(event, wave)
        if asked_us is None:
            if not self._left_out(event, wave):
                self.violate(event, f"DRS asked about job {wave.job_id}", "it was not")
        elif wave.status is WaveStatus.TIMEOUT and job.ended_us <= asked_us:
            self.violate(event, f"wave {wave.number} as its job ended", "TIMEOUT")
