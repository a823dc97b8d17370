"""Timeout-truth: an execution times out only when it may, and with what DRS said."""

from collections.abc import Mapping, Sequence
from typing import Final

from drsim.orchestrator.model import ExecutionStatus, ServerStatus, WaveStatus
from drsim.simulator.checks.monitor import Consequence, ViolationKind, seconds
from drsim.simulator.checks.polls import AnswersMonitor, WrittenPoll
from drsim.simulator.contract.layout import Vocabulary
from drsim.simulator.events import ItemChanged
from drsim.simulator.reader import ExecutionView, WaveView

EARLY_TIMEOUT: Final = ViolationKind(
    "early timeout", Consequence.UNASKED_TIMEOUT, "An execution was given up too early."
)
FALSE_TIMEOUT: Final = ViolationKind(
    "timeout over finished jobs", Consequence.WRONG_END, "DRS had ended every job, and the table says TIMEOUT."
)
FORBIDDEN_TIMEOUT: Final = ViolationKind(
    "timeout without a limit", Consequence.WRONG_END, "The team promises no timeout, and an execution was given up."
)
UNASKED_TIMEOUT: Final = ViolationKind(
    "timeout without asking", Consequence.UNASKED_TIMEOUT, "An execution was given up without asking DRS about a job."
)
IMPATIENT_TIMEOUT: Final = ViolationKind(
    "timeout over an incomplete answer",
    Consequence.UNASKED_TIMEOUT,
    "DRS left something out, and the execution was given up instead of asking again.",
)
FALSE_WAVE: Final = ViolationKind(
    "wave without its truth", Consequence.UNASKED_TIMEOUT, "At the timeout a wave shows what DRS did not say of it."
)

# A server without a status, or that waits for a job.
_UNNAMED: Final = frozenset({None, ServerStatus.NOT_STARTED})
_WATCHING_ENDED: Final = frozenset({WaveStatus.TIMEOUT, WaveStatus.UNKNOWN})


class TimeoutTruth(AnswersMonitor):
    """Compares a TIMEOUT with DRS's truth at that poll. `completion-soundness` judges the ends of waves."""

    name = "timeout-truth"
    rule = (
        "An execution times out only after its timeout and after asking DRS. Finished jobs take precedence, incomplete "
        "answers are retried, and each wave keeps its truth."
    )

    def prepare(self) -> None:
        super().prepare()
        self._wave_words = Vocabulary(WaveStatus, self.contract.words.wave)
        self._where = self.contract.execution.status

    def wrote(self, event: ItemChanged, poll: WrittenPoll) -> None:
        if poll.ended is event:
            poll.answers_us = dict(self.answers(event.request_id).at_us)

    def judge(self, poll: WrittenPoll) -> None:
        event, now, asked_us = poll.ended, poll.now, poll.answers_us
        if event is None or now.status is not ExecutionStatus.TIMEOUT:
            return
        self.checked += 1
        if self.contract.limits.timeout == "none":
            self.violate(event, "no TIMEOUT, because polling never gives up", "TIMEOUT", FORBIDDEN_TIMEOUT, self._where)
            return
        late_us = event.at_us - self.truth.times_out_us(now)
        if late_us + self.plan.skew_us <= 0 and now.start_us is not None:
            timeout_us = self.limits.timeout_us or 0
            expected, observed = f"TIMEOUT only after {seconds(timeout_us)}", f"after {seconds(timeout_us + late_us)}"
            self.violate(event, expected, observed, EARLY_TIMEOUT, self._where)
        # The waves before the poll's first write as well: a TIMEOUT may drop them.
        dropped = () if poll.before is None else poll.before.waves[len(now.waves) :]
        waves = (*now.waves, *dropped)
        ends = [self._end_of(event, now, wave, asked_us) for wave in waves]
        ended = self.truth.sum_of(now, ends)
        if ended is not None:
            self.violate(event, f"{ended}, for every job had ended", "TIMEOUT", FALSE_TIMEOUT, self._where)
        elif poll.before is not None and self.limits.incomplete_answer_us:
            self._judge_patience(event, poll.before, now, waves, ends)
        for index, wave in enumerate(waves):
            if not wave.finished:
                self._judge_wave(event, index, wave, asked_us, is_kept=index < len(now.waves))

    def _end_of(
        self, event: ItemChanged, now: ExecutionView, wave: WaveView, asked_us: Mapping[str, int]
    ) -> WaveStatus | None:
        if wave.finished:
            return wave.status
        seen_us = asked_us.get(wave.job_id or "")
        if seen_us is None and self._left_out(event, wave):
            return None
        return self.truth.wave_status(now, wave, event.at_us if seen_us is None else seen_us, overdue=True)

    def _left_out(self, event: ItemChanged, wave: WaveView) -> bool:
        return wave.job_id in self.answers(event.request_id).left_out

    def _judge_patience(
        self,
        event: ItemChanged,
        before: ExecutionView,
        now: ExecutionView,
        waves: Sequence[WaveView],
        ends: Sequence[WaveStatus | None],
    ) -> None:
        """Judge whether a TIMEOUT that follows an incomplete answer came after retrying for long enough."""
        limits, times_out_us = self.limits, self.truth.times_out_us(now)
        # A poll may give up early if the next one would come after the last instant.
        step_us = max(self.spec.schedule.rate, limits.longest_interval_us)
        if event.at_us + self.plan.skew_us + step_us > times_out_us + limits.incomplete_answer_us:
            return
        # A job that DRS first names to this poll was not named before.
        named = {index for index, wave in enumerate(before.waves) if self._was_named(wave)}
        for index, (wave, end) in enumerate(zip(waves, ends, strict=True)):
            if end is None and index in named and self._hidden(event, wave):
                expected = f"POLLING for up to {seconds(limits.incomplete_answer_us)} after the timeout"
                late = seconds(event.at_us - times_out_us)
                observed = f"TIMEOUT {late} after it, and DRS's answer left out job {wave.job_id} or its servers"
                self.violate(event, expected, observed, IMPATIENT_TIMEOUT, self._where)
                return

    def _was_named(self, wave: WaveView) -> bool:
        """Whether DRS has named the wave's job before, as far as the table shows it."""
        if self.contract.wave.job_status is not None:
            return wave.job_status is not None
        return any(server.status not in _UNNAMED for server in wave.servers)

    def _hidden(self, event: ItemChanged, wave: WaveView) -> bool:
        """Whether the answer left out the wave's job, or the servers of a job that it shows as ended."""
        job = self.truth.job(wave)
        if wave.finished or job is None or not self._left_out(event, wave):
            return False
        return job.ended_us <= event.at_us or job.job_id not in self.answers(event.request_id).named

    def _judge_wave(
        self, event: ItemChanged, index: int, wave: WaveView, asked_us: Mapping[str, int], *, is_kept: bool
    ) -> None:
        what, where = wave.shown(index), f"wave {self.contract.wave.status}"
        waits = wave.job_id is None and wave.status is WaveStatus.PENDING
        is_judged = self.contract.promises.wave_timeout and is_kept and wave.status is not None
        if is_judged and wave.status not in _WATCHING_ENDED and not waits:
            expected = f"{what} TIMEOUT or UNKNOWN, because polling has ended"
            self.violate(event, expected, str(wave.status), FALSE_WAVE, where)
        if not is_kept:
            self.violate(event, f"{what} kept at the timeout", "it was dropped", FALSE_WAVE, where)
        job = self.truth.job(wave)
        if job is None:
            return
        seen_us = asked_us.get(job.job_id)
        if seen_us is None:
            if not self._left_out(event, wave):
                self.violate(event, f"DRS asked about job {job.job_id}", "it was not", UNASKED_TIMEOUT, "DescribeJobs")
        elif wave.status is WaveStatus.TIMEOUT and job.ended_us <= seen_us:
            self.violate(event, f"{what} as its job ended", "TIMEOUT", FALSE_WAVE, where)
        elif (
            wave.status is WaveStatus.UNKNOWN and job.ended_us > seen_us and self._wave_words.theirs[WaveStatus.TIMEOUT]
        ):
            expected = f"{what} TIMEOUT, because its job was {job.status(seen_us)}"
            self.violate(event, expected, "UNKNOWN", FALSE_WAVE, where)
