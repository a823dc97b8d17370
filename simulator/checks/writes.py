"""Writes: statuses only move forward, and an execution ends once."""

from typing import Final, TypeVar

from drsim.orchestrator.model import TERMINAL, Status
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind, seconds
from drsim.simulator.checks.polls import PollsMonitor, WrittenPoll
from drsim.simulator.contract.layout import Layout
from drsim.simulator.events import FaultInjected, ItemChanged, LambdaEnded, LambdaStarted
from drsim.simulator.faults.plan import longest_call_us
from drsim.simulator.reader import WaveView

_S = TypeVar("_S", bound=Status)

REWRITTEN: Final = ViolationKind(
    "ended and written again", Consequence.WRONG_END, "A finished execution did not stay as it was."
)
RECREATED: Final = ViolationKind("created by a function", Consequence.WRONG_END, "A deleted execution came back.")
BACKWARD: Final = ViolationKind(
    "backward status", Consequence.LOST_DATA, "A status went back: readers see progress undone."
)
FINISHED_CHANGED: Final = ViolationKind(
    "finished wave changed", Consequence.WRONG_END, "A finished wave did not stay as it was."
)
STATUS_DROPPED: Final = ViolationKind("status dropped", Consequence.LOST_DATA, "A status that was known is gone.")
NO_END_TIME: Final = ViolationKind("no end time", Consequence.PROMISE, "Nothing shows when the execution ended.")
WRONG_END_TIME: Final = ViolationKind("wrong end time", Consequence.PROMISE, "The time to recover is reported wrongly.")
EARLY_END_TIME: Final = ViolationKind("end time without end", Consequence.PROMISE, "An open execution looks ended.")
SECOND_END_TIME: Final = ViolationKind(
    "second end time", Consequence.PROMISE, "The time to recover changed after the end."
)


class TerminalAbsorbing(Monitor):
    name = "terminal-absorbing"
    rule = "Finished executions are never modified, and deleted ones are never recreated."

    def prepare(self) -> None:
        # The executions that each running invocation has ended: the poll that ends one may still complete it.
        self._ended: dict[str, set[str]] = {}

    def _on_started(self, event: LambdaStarted) -> None:
        self._ended[event.request_id] = set()

    def _on_ended(self, event: LambdaEnded) -> None:
        self._ended.pop(event.request_id, None)

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        where = self.contract.execution.status
        if before is not None and before.status in TERMINAL:
            is_completed = (
                event.execution_id in self._ended.get(event.request_id, ())
                and now is not None
                and now.status is before.status
            )
            if event.after is not None and not is_completed:
                observed = f"{event.writer} wrote it again" + (f", now {now.status}" if now and now.status else "")
                self.violate(event, f"{before.status} for good", observed, REWRITTEN, where)
        elif now is not None and now.status in TERMINAL:
            self.checked += 1
            if event.request_id in self._ended:
                self._ended[event.request_id].add(event.execution_id)
        if event.before is None and event.request_id:
            self.violate(event, "functions create no execution", f"{event.writer} did", RECREATED, where)


class StatusOrder(Monitor):
    name = "status-order"
    rule = "Statuses of executions, waves, jobs and servers only move forward, and finished waves never change."

    def prepare(self) -> None:
        # The waves (execution, index) that each running invocation has finished, which it may still complete.
        self._finished: dict[str, set[tuple[str, int]]] = {}

    def _on_started(self, event: LambdaStarted) -> None:
        self._finished[event.request_id] = set()

    def _on_ended(self, event: LambdaEnded) -> None:
        self._finished.pop(event.request_id, None)

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if before is None or now is None:
            return
        self.checked += 1
        # `terminal-absorbing` judges changes of a terminal status.
        if before.status is not None and before.status not in TERMINAL:
            self._check(event, "execution", before.status, now.status, self.contract.execution.status)
        if before.waves is now.waves:
            return
        for index, (old, new) in enumerate(zip(before.waves, now.waves, strict=False)):
            if old is not new:
                self._check_wave(event, index, old, new)

    def _check_wave(self, event: ItemChanged, index: int, old: WaveView, new: WaveView) -> None:
        what, places = new.shown(index), self.contract.wave
        where = f"wave {places.status}"
        own = self._finished.get(event.request_id)
        if old.finished:
            is_own = own is not None and (event.execution_id, index) in own
            if not is_own and _content(new) != _content(old):
                observed = f"{event.writer} changed it, now {new.status}"
                self.violate(event, f"{what}, {old.status}, unchanged", observed, FINISHED_CHANGED, where)
            return
        if new.finished and own is not None:
            own.add((event.execution_id, index))
        self._check(event, what, old.status, new.status, where)
        if old.job_status is not None and new.job_id == old.job_id:
            where = f"wave {places.job_status}"
            self._check(event, f"job of {what}", old.job_status, new.job_status, where)
            if new.job_status is None and not new.unreadable and self.contract.promises.job_status:
                expected = f"{places.job_status} of {what} kept"
                self.violate(event, expected, f"gone, by {event.writer}", STATUS_DROPPED, where)
        kept = {server.source_server_id: server for server in new.servers}
        for server in old.servers:
            now = kept.get(server.source_server_id)
            if now is not None and now is not server:
                where = f"server {self.contract.server.status}"
                self._check(event, f"server {server.source_server_id}", server.status, now.status, where)

    def _check(self, event: ItemChanged, what: str, old: _S | None, new: _S | None, where: str) -> None:
        # A status that cannot be read is neither right nor wrong.
        if old is not None and new is not None and new is not old and new not in old.moves:
            allowed = f" or goes to {', '.join(sorted(old.moves))}" if old.moves else ""
            self.violate(event, f"{what} stays {old}{allowed}", f"to {new} by {event.writer}", BACKWARD, where)


class FinalizeOnce(PollsMonitor):
    name = "finalize-once"
    rule = "EndTime is written once, by the poll that writes the terminal status, and is the time of that poll."

    def prepare(self) -> None:
        super().prepare()
        self._place = Layout(self.contract).execution.places.get("end")
        self._held_us: dict[str, int] = {}

    def _on_change(self, event: ItemChanged) -> None:
        super()._on_change(event)
        if not event.request_id and event.execution is not None:
            # A person's write stands for itself.
            self.judge(WrittenPoll(event.previous, event.at_us, event, event.execution))

    def judge(self, poll: WrittenPoll) -> None:
        before, now, event = poll.before, poll.now, poll.ended or poll.last
        if now.status is None:
            return
        self.checked += now.status in TERMINAL
        if self._place is None:
            return
        where = name = self._place.path
        if now.status not in TERMINAL:
            if now.end_us is not None:
                self.violate(event, f"no {name} while {now.status}", "one was written", EARLY_END_TIME, where)
        elif now.end_us is None:
            # An EndTime that cannot be read is neither right nor wrong.
            if poll.last.after is not None and self._place.of(poll.last.after) is None:
                self.violate(event, f"{name} with {now.status}", "none", NO_END_TIME, where)
        elif before is not None and before.status in TERMINAL:
            if before.end_us is not None and before.end_us != now.end_us:
                self.violate(event, f"{name} written once", "it was written again", SECOND_END_TIME, where)
        else:
            self._check_end(event, poll, now.end_us - self.truth.epoch_us)

    def _check_end(self, event: ItemChanged, poll: WrittenPoll, end_us: int) -> None:
        skew_us, delay_us = self.plan.skew_us, self.bounds.poll_delay
        # EndTime is taken before the call that writes it, which a fault may delay.
        held_us = self._held_us.get(event.request_id, 0)
        early_us, late_us = poll.first_us - end_us, end_us - poll.last.at_us
        if early_us > delay_us + skew_us + held_us or late_us > skew_us:
            side = f"{seconds(early_us)} before" if early_us > 0 else f"{seconds(late_us)} after"
            assert self._place is not None, "what has no place is not judged"
            where = self._place.path
            self.violate(event, f"{where} of the poll that ended it", f"{side} the write", WRONG_END_TIME, where)

    def _on_fault(self, event: FaultInjected) -> None:
        if event.request_id and event.operation == "UpdateItem":
            self._held_us[event.request_id] = longest_call_us(event.delay_us)

    def _on_ended(self, event: LambdaEnded) -> None:
        super()._on_ended(event)
        self._held_us.pop(event.request_id, None)


def _content(wave: WaveView) -> tuple[object, ...]:
    """What a wave shows by its contract; functions may keep further attributes of their own."""
    servers = [(each.source_server_id, each.status, each.instance_id) for each in wave.servers]
    return wave.status, wave.job_id, wave.job_status, wave.message, servers
