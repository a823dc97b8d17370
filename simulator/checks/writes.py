"""Writes: statuses only move forward, an execution ends once, no update is lost, and polls keep to their execution."""

from typing import Final, TypeVar

from drsim.orchestrator.model import TERMINAL, Status
from drsim.simulator.checks.monitor import Monitor, pairs, same_waves, seconds
from drsim.simulator.contract.layout import Attributes
from drsim.simulator.durations import plural
from drsim.simulator.events import FINDER, FaultInjected, ItemChanged, JobsDescribed, LambdaEnded, LambdaStarted
from drsim.simulator.reader import WaveView

_S = TypeVar("_S", bound=Status)
_WRITTEN_BY_POLLS: Final = frozenset({"Waves", "LastPolledTime", "Version", "Status", "EndTime"})


class TerminalAbsorbing(Monitor):
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
                self.violate(event, f"{what}, {old.status}, unchanged", f"{event.writer} changed it, now {new.status}")
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
    name = "finalize-once"
    rule = "EndTime is written once, with the terminal status, and is the time of that poll."

    def prepare(self) -> None:
        self._held_us: dict[str, int] = {}

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if now is None or now.status is None or event.after is None:
            return
        self.checked += now.status in TERMINAL
        if now.status not in TERMINAL:
            if now.end_us is not None:
                self.violate(event, f"no EndTime while {now.status}", "one was written")
        elif now.end_us is None:
            # An EndTime that cannot be read is neither right nor wrong.
            if event.after.get("EndTime") is None:
                self.violate(event, f"EndTime with {now.status}", "none")
        elif before is not None and before.status in TERMINAL:
            if before.end_us is not None and before.end_us != now.end_us:
                self.violate(event, "EndTime written once", "it was written again")
        else:
            self._check_end(event, event.at_us + self.truth.epoch_us - now.end_us)

    def _check_end(self, event: ItemChanged, off_us: int) -> None:
        skew_us, delay_us = self.plan.skew_us, self.bounds.poll_delay
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


class NoLostUpdate(Monitor):
    name = "no-lost-update"
    rule = "A function's write keeps what others wrote: job ids, waves, servers, foreign attributes, versions."

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if before is None or event.before is None or not event.request_id:
            return
        self.checked += 1
        if now is None or event.after is None:
            self._lost(event, "the item kept", "deleted")
            return
        self._check_attributes(event, event.before, event.after)
        if now.unreadable or before.unreadable:
            reasons = "; ".join(map(str, now.unreadable or before.unreadable))
            self.violate(event, "a write of an item that can be read", reasons)
        if before.version is not None and now.version is not None and now.version != before.version + 1:
            self._lost(event, f"Version rises from {before.version} to {before.version + 1}", f"it is {now.version}")
        # A time that cannot be read stays None and is not judged.
        polled_us = 0 if event.after.get("LastPolledTime") is None else now.last_polled_us
        if before.last_polled_us is not None and polled_us is not None and polled_us < before.last_polled_us:
            self._lost(event, "LastPolledTime does not go back", "it went back")
        if len(now.waves) < len(before.waves):
            self._lost(event, plural(len(before.waves), "wave"), f"{len(now.waves)}")
        for old, new in pairs(before.waves, now.waves):
            self._check_wave(event, old, new)

    def _check_attributes(self, event: ItemChanged, before: Attributes, after: Attributes) -> None:
        for name in sorted(before.keys() - after.keys()):
            self._lost(event, f"{name} kept", "gone")
        for name, value in before.items():
            now = after.get(name, value)
            if now is not value and name not in _WRITTEN_BY_POLLS and now != value:
                self._lost(event, f"{name} left alone", "changed")

    def _check_wave(self, event: ItemChanged, old: WaveView, new: WaveView) -> None:
        what = f"wave {old.number}"
        if old.job_id is not None and new.job_id != old.job_id:
            self._lost(event, f"JobId {old.job_id} of {what} kept", f"JobId {new.job_id or 'gone'}")
        if (old.number, old.name, old.scope, old.extra) != (new.number, new.name, new.scope, new.extra):
            self._lost(event, f"foreign attributes of {what} kept", "changed")
        kept = {server.source_server_id: server for server in new.servers}
        for server in old.servers:
            what, now = f"server {server.source_server_id}", kept.get(server.source_server_id)
            if now is None:
                self._lost(event, f"{what} kept", "gone")
            elif now is not server and server.extra != now.extra:
                self._lost(event, f"foreign attributes of {what} kept", "changed")
            elif server.instance_id is not None and now.instance_id != server.instance_id:
                self._lost(event, f"InstanceId of {what} kept", f"{now.instance_id or 'gone'}")

    def _lost(self, event: ItemChanged, expected: str, observed: str) -> None:
        self.violate(event, expected, f"{observed}, by {event.writer}")


class Isolation(Monitor):
    name = "isolation"
    rule = "A poll reads and writes only its own execution's jobs and servers; the finder writes nothing."

    def prepare(self) -> None:
        # The execution of each running invocation, and the jobs (account, Region, id) of each execution.
        self._serves: dict[str, str] = {}
        self._jobs: dict[str, frozenset[tuple[str, str, str]]] = {}

    def _on_started(self, event: LambdaStarted) -> None:
        self._serves[event.request_id] = event.execution_id

    def _on_ended(self, event: LambdaEnded) -> None:
        self._serves.pop(event.request_id, None)

    def _on_described(self, event: JobsDescribed) -> None:
        own = self._jobs.get(event.execution_id)
        if own is None:
            return
        self.checked += 1
        for job_id in event.asked:
            if (event.account_id, event.region, job_id) not in own:
                where = f"{event.account_id} {event.region}"
                self.violate(event, "DRS asked about the execution's own jobs", f"{job_id} in {where}")

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if now is None or now.status in TERMINAL:
            self._jobs.pop(event.execution_id, None)
        elif not same_waves(before, now):
            self._jobs[event.execution_id] = frozenset(
                [(*wave.scope, wave.job_id or "") for wave in now.waves if wave.scope is not None]
            )
        if not event.request_id:
            return
        self.checked += 1
        own = self._serves.get(event.request_id)
        if event.writer == FINDER or own != event.execution_id:
            observed = f"{event.writer} wrote {event.execution_id}"
            if event.writer == FINDER:
                self.violate(event, "the finder writes nothing", observed)
            elif own is None:
                self.violate(event, "a poll writes while it runs", f"{observed} after its invocation had ended")
            else:
                self.violate(event, f"a write to execution {own}", observed)
        if before is not None and now is not None:
            for old, new in pairs(before.waves, now.waves):
                if len(new.servers) > len(old.servers):
                    self._check_servers(event, old, new)

    def _check_servers(self, event: ItemChanged, old: WaveView, new: WaveView) -> None:
        job = self.truth.job(new)
        own = {server.source_server_id for server in old.servers}
        own |= {server.source_server_id for server in job.servers} if job is not None else set()
        for server in new.servers:
            if server.source_server_id not in own:
                self.violate(event, f"wave {new.number} with its own servers", f"server {server.source_server_id}")
