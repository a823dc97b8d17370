"""Writes: no update is lost, and a poll touches only its own execution."""

from typing import Final

from drsim.orchestrator.model import TERMINAL
from drsim.simulator.checks.monitor import Monitor, pairs, same_waves
from drsim.simulator.events import FINDER, ItemChanged, JobsDescribed, LambdaEnded, LambdaStarted
from drsim.simulator.reader import Attributes, WaveView

_POLLS_OWN: Final = frozenset({"Waves", "LastPolledTime", "Version", "Status", "EndTime"})
"""The attributes that a poll may write."""


class NoLostUpdate(Monitor):
    """Compares each write of a function with the item before it."""

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
            reasons = "; ".join(now.unreadable or before.unreadable)
            self.violate(event, "a write of an item that can be read", reasons)
        if before.version is not None and now.version is not None and now.version != before.version + 1:
            expected = f"Version rises from {before.version} to {before.version + 1}"
            self._lost(event, expected, f"it is {now.version}")
        if before.last_polled_us is not None and (now.last_polled_us or 0) < before.last_polled_us:
            self._lost(event, "LastPolledTime does not go back", "it went back")
        if len(now.waves) < len(before.waves):
            self._lost(event, f"{len(before.waves)} waves", f"{len(now.waves)}")
        for old, new in pairs(before.waves, now.waves):
            self._check_wave(event, old, new)

    def _check_attributes(self, event: ItemChanged, before: Attributes, after: Attributes) -> None:
        for name in sorted(before.keys() - after.keys()):
            self._lost(event, f"{name} kept", "gone")
        for name, value in before.items():
            now = after.get(name, value)
            if now is not value and name not in _POLLS_OWN and now != value:
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
    """Compares what each poll asks and writes with the execution that it was invoked for."""

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
                observed = f"{job_id} in {event.account_id} {event.region}"
                self.violate(event, "DRS asked about the execution's own jobs", observed)

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
        job = self.context.truth.job(new)
        own = {server.source_server_id for server in old.servers}
        own |= {server.source_server_id for server in job.servers} if job is not None else set()
        for server_id in [server.source_server_id for server in new.servers]:
            if server_id not in own:
                self.violate(event, f"wave {new.number} with its own servers", f"server {server_id}")
