"""Polls: what each running invocation has written of each execution, and what it asked DRS.

A poll may write several times, so monitors judge what it leaves behind when its invocation ends.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from drsim.orchestrator.model import TERMINAL, WaveStatus
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import FaultInjected, Invoked, ItemChanged, JobsDescribed, LambdaEnded, LambdaStarted
from drsim.simulator.faults.kinds import INCOMPLETE, UPDATE_ITEM
from drsim.simulator.reader import ExecutionView, WaveView


class WaveEnd(NamedTuple):
    """The write that ended a wave, the ends that were right then, and the one that messages name."""

    event: ItemChanged
    right: frozenset[WaveStatus | None]
    true: WaveStatus | None


@dataclass(slots=True)
class WrittenPoll:
    """What one invocation has written of one execution.

    `before` is the view that its first write replaced, `last` its latest write, `now` the view that this one left, and
    `ended` the write that gave the execution its present end, if any. `is_done` once the invocation returned normally.
    """

    before: ExecutionView | None
    first_us: int
    last: ItemChanged
    now: ExecutionView
    ended: ItemChanged | None = None
    is_done: bool = False
    asked_us: Sequence[int | None] | None = None
    """For each wave, when DRS answered before the latest write of the waves; None without such a write."""
    answers_us: Mapping[str, int] = field(default_factory=dict)
    """When DRS last answered about each job before `ended`."""
    ends: dict[int, WaveEnd] = field(default_factory=dict)
    """The waves that the poll ended, by index."""


class PollsMonitor(Monitor, ABC):
    """Collects the writes of each poll. A subclass judges a poll in `judge`, once its invocation has ended."""

    def prepare(self) -> None:
        # The polls of each running invocation, by execution.
        self._running: dict[str, dict[str, WrittenPoll]] = {}

    @abstractmethod
    def judge(self, poll: WrittenPoll) -> None:
        """Judge what a poll left behind."""

    def wrote(self, event: ItemChanged, poll: WrittenPoll) -> None:
        """Take notice of one write; `poll` shows the state after it."""

    def _on_started(self, event: LambdaStarted) -> None:
        self._running[event.request_id] = {}

    def _on_ended(self, event: LambdaEnded) -> None:
        for poll in self._running.pop(event.request_id, {}).values():
            poll.is_done = event.outcome == "ok"
            self.judge(poll)

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if not event.request_id or now is None:
            return
        polls = self._running.get(event.request_id)
        poll = None if polls is None else polls.get(event.execution_id)
        if poll is None:
            poll = WrittenPoll(before, event.at_us, event, now)
            if polls is not None:
                polls[event.execution_id] = poll
        if now.status not in TERMINAL:
            poll.ended = None
        elif before is None or before.status is not now.status:
            poll.ended = event
        self.wrote(event, poll)
        poll.last, poll.now = event, now
        if polls is None:
            # Work that an invocation left behind: each of its writes stands for itself.
            poll.is_done = True
            self.judge(poll)

    def finish(self, end_us: int) -> None:
        """Judge the polls of invocations that still run, unless they may be about to write again."""
        for polls in self._running.values():
            for poll in polls.values():
                if poll.last.at_us + self.bounds.poll_delay < end_us:
                    self.judge(poll)
        self._running.clear()


@dataclass(slots=True)
class Answers:
    """DRS's answers to one invocation, by job id."""

    is_faulty: bool = False
    # Whether a fault met a write, so that the invocation may not know what it has written.
    is_unsure: bool = False
    # The last complete answer about each job, the jobs that a fault left out or without servers, and the latter alone.
    at_us: dict[str, int] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    named: set[str] = field(default_factory=set)

    def asked_us(self, wave: WaveView) -> int | None:
        """Return the instant of the last complete answer about the wave's job, or None."""
        return None if wave.job_id is None else self.at_us.get(wave.job_id)

    def copy(self) -> "Answers":
        """Return the answers as they are now."""
        return replace(self, at_us=dict(self.at_us), left_out=set(self.left_out), named=set(self.named))


_NONE = Answers()


class AnswersMonitor(PollsMonitor):
    """Keeps what each running invocation has asked DRS as well, and how complete the answers were.

    An invocation that another one dispatches knows the answers to that one, too.
    """

    def prepare(self) -> None:
        super().prepare()
        self._answers: defaultdict[str, Answers] = defaultdict(Answers)
        # The answers that invocations were dispatched with.
        self._given: dict[str, Answers] = {}

    def answers(self, request_id: str) -> Answers:
        """Return the answers to an invocation so far."""
        return self._answers.get(request_id, _NONE)

    def _on_invoked(self, event: Invoked) -> None:
        if event.by in self._answers:
            self._given[event.request_id] = self._answers[event.by].copy()

    def _on_started(self, event: LambdaStarted) -> None:
        super()._on_started(event)
        if event.request_id in self._given:
            self._answers[event.request_id] = self._given[event.request_id].copy()

    def _on_fault(self, event: FaultInjected) -> None:
        # Only a fault excuses an answer without the job: a poll that asks in the wrong Region gets no job, too.
        if event.fault in INCOMPLETE:
            self._answers[event.request_id].is_faulty = True
        elif event.operation == UPDATE_ITEM:
            self._answers[event.request_id].is_unsure = True

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
        super()._on_ended(event)
        self._answers.pop(event.request_id, None)
        if event.outcome == "ok":
            # Lambda may deliver a failed event again.
            self._given.pop(event.request_id, None)
