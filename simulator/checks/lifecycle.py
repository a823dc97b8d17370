"""Life cycle: statuses only move forward, terminal ones are final, and an execution is finalized once."""

from typing import TypeVar

from drsim.orchestrator.model import TERMINAL, Status
from drsim.simulator.checks.monitor import Monitor, pairs, seconds
from drsim.simulator.events import FaultInjected, ItemChanged, LambdaEnded
from drsim.simulator.reader import WaveView

_S = TypeVar("_S", bound=Status)


class TerminalAbsorbing(Monitor):
    """Compares each write with the end or the deletion before it."""

    name = "terminal-absorbing"
    rule = "Finished executions are never modified, and deleted ones are never recreated."

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if before is not None and before.status in TERMINAL:
            if event.after is not None:
                observed = f"{event.writer} wrote it again" + (f", now {now.status}" if now and now.status else "")
                self.violate(event, f"{before.status} for good", observed)
        elif now is not None and now.status in TERMINAL:
            self.checked += 1
        if event.before is None and event.request_id:
            self.violate(event, "functions create no execution", f"{event.writer} did")


class StatusOrder(Monitor):
    """Compares each change of a status with the moves in `orchestrator.model`."""

    name = "status-order"
    rule = "Statuses of executions, waves, jobs and servers only move forward, and finished waves never change."

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if before is None or now is None:
            return
        self.checked += 1
        # `terminal-absorbing` judges changes of a terminal status.
        if before.status is not None and before.status not in TERMINAL:
            self._check(event, "execution", before.status, now.status)
        for old, new in pairs(before.waves, now.waves):
            self._check_wave(event, old, new)

    def _check_wave(self, event: ItemChanged, old: WaveView, new: WaveView) -> None:
        what = f"wave {new.number}"
        if old.finished:
            if new != old:
                observed = f"{event.writer} changed it, now {new.status}"
                self.violate(event, f"{what}, {old.status}, unchanged", observed)
            return
        self._check(event, what, old.status, new.status)
        if old.job_status is not None and new.job_id == old.job_id:
            self._check(event, f"job of {what}", old.job_status, new.job_status)
            if new.job_status is None and not new.unreadable:
                self.violate(event, f"JobStatus of {what} kept", f"gone, by {event.writer}")
        kept = {server.source_server_id: server for server in new.servers}
        for server in old.servers:
            now = kept.get(server.source_server_id)
            if now is not None and now is not server:
                self._check(event, f"server {server.source_server_id}", server.status, now.status)

    def _check(self, event: ItemChanged, what: str, old: _S | None, new: _S | None) -> None:
        # A status that cannot be read is neither right nor wrong.
        if old is not None and new is not None and new is not old and new not in old.moves:
            allowed = ", ".join(sorted(old.moves)) or "nothing"
            self.violate(event, f"{what} goes from {old} to {allowed}", f"to {new} by {event.writer}")


class FinalizeOnce(Monitor):
    """Compares EndTime with the instant of the write that ends an execution."""

    name = "finalize-once"
    rule = "EndTime is written once, with the terminal status, and is the time of that poll."

    def prepare(self) -> None:
        self._held_us: dict[str, int] = {}

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if now is None or now.status is None:
            return
        if now.status not in TERMINAL:
            if now.end_us is not None:
                self.violate(event, f"no EndTime while {now.status}", "one was written")
            return
        self.checked += 1
        if now.end_us is None:
            self.violate(event, f"EndTime with {now.status}", "none")
        elif before is not None and before.status in TERMINAL:
            if before.end_us != now.end_us:
                self.violate(event, "EndTime written once", "it was written again")
        else:
            self._check_end(event, event.at_us + self.context.truth.epoch_us - now.end_us)

    def _check_end(self, event: ItemChanged, off_us: int) -> None:
        skew_us, delay_us = self.context.plan.skew_us, self.context.spec.bounds.poll_delay
        # EndTime is taken before the call that writes it, which a fault may delay.
        held_us = self._held_us.get(event.request_id, 0)
        if not -skew_us <= off_us <= delay_us + skew_us + held_us:
            observed = f"{seconds(abs(off_us))} {'before' if off_us > 0 else 'after'} the write"
            self.violate(event, "EndTime of the poll that ended it", observed)

    def _on_fault(self, event: FaultInjected) -> None:
        if event.request_id and event.operation == "UpdateItem":
            # Up to three attempts, and the waits between them.
            self._held_us[event.request_id] = 3 * event.delay_us + 5_000_000

    def _on_ended(self, event: LambdaEnded) -> None:
        self._held_us.pop(event.request_id, None)
