"""Isolation: a poll asks about and writes its own execution only."""

import re
from typing import Final

from drsim.orchestrator.model import TERMINAL
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind, same_waves
from drsim.simulator.events import FINDER, ItemChanged, JobsDescribed, LambdaEnded, LambdaStarted
from drsim.simulator.reader import ExecutionView, WaveView

FOREIGN_WRITE: Final = ViolationKind("foreign write", Consequence.LOST_DATA, "A poll wrote another execution.")
LATE_WRITE: Final = ViolationKind(
    "write after the invocation", Consequence.LOST_DATA, "Work that an invocation left behind wrote later, or never."
)
FINDER_WRITE: Final = ViolationKind(
    "finder writes", Consequence.LOST_DATA, "The finder's writes race with those of polls."
)
FOREIGN_JOB: Final = ViolationKind(
    "foreign job", Consequence.LOST_DATA, "A poll asked about the jobs of another execution."
)
WRONG_PLACE: Final = ViolationKind(
    "own job elsewhere",
    Consequence.LOST_DATA,
    "A poll asked about its own job in an account or Region that does not have it.",
)
FOREIGN_SERVER: Final = ViolationKind("foreign server", Consequence.LOST_DATA, "A wave shows a server of another wave.")
FOREIGN_MESSAGE: Final = ViolationKind(
    "foreign message", Consequence.LOST_DATA, "A wave's message is about another execution."
)

# The ids of DRS's jobs and source servers.
_ID: Final = re.compile(r"\b(?:drsjob|s)-[0-9a-f]{17}\b")


class Isolation(Monitor):
    name = "isolation"
    rule = (
        "A poll reads and writes only its own execution's jobs and servers; a finder that polls nothing writes nothing."
    )

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
                self._violate_described(event, job_id)

    def _violate_described(self, event: JobsDescribed, job_id: str) -> None:
        """Say whose the job is that DRS was asked about, and where it is in truth."""
        known = ((each, *job) for each, jobs in self._jobs.items() for job in jobs if job[2] == job_id)
        owner, account_id, region, _ = next(known, ("", "", "", ""))
        expected, kind = "DRS asked about the execution's own jobs", FOREIGN_JOB
        whose = f"the job of execution {owner} in {account_id} {region}" if owner else "the job of no open execution"
        if owner == event.execution_id:
            expected, kind = "DRS asked about each job in its own account and Region", WRONG_PLACE
            whose = f"its own job in {account_id} {region}"
        observed = f"{job_id} asked about in {event.account_id} {event.region}, {whose}"
        self.violate(event, expected, observed, kind, "DescribeJobs")

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
        self._check_writer(event)
        if before is not None and now is not None:
            for index, (old, new) in enumerate(zip(before.waves, now.waves, strict=False)):
                if new.servers is not old.servers:
                    self._check_servers(event, old, new, new.shown(index))
                if new.message is not None and new.message != old.message:
                    self._check_message(event, now, new.message, new.shown(index))

    def _check_writer(self, event: ItemChanged) -> None:
        """An invocation for no execution in particular ("") serves several."""
        own, observed = self._serves.get(event.request_id), f"{event.writer} wrote {event.execution_id}"
        if event.writer == FINDER and not self.context.finder_polls:
            self.violate(event, "the finder writes nothing", observed, FINDER_WRITE, "item")
        elif own is None:
            observed = f"{observed} after its invocation had ended"
            self.violate(event, "a poll writes while it runs", observed, LATE_WRITE, "item")
        elif own not in ("", event.execution_id):
            self.violate(event, f"a write to execution {own}", observed, FOREIGN_WRITE, "item")

    def _check_servers(self, event: ItemChanged, old: WaveView, new: WaveView, which: str) -> None:
        own = {server.source_server_id for server in old.servers}
        if all(server.source_server_id in own for server in new.servers):
            return
        job = self.truth.job(new)
        own |= {server.source_server_id for server in job.servers} if job is not None else set()
        for server in new.servers:
            if server.source_server_id is not None and server.source_server_id not in own:
                what, where = f"server {server.source_server_id}", f"server {self.contract.server.id}"
                self.violate(event, f"{which} with its own servers", what, FOREIGN_SERVER, where)

    def _check_message(self, event: ItemChanged, now: ExecutionView, message: str, which: str) -> None:
        named = set(_ID.findall(message))
        if not named:
            return
        for each in now.waves:
            job = self.truth.job(each)
            named -= {each.job_id, *(server.source_server_id for server in each.servers)}
            named -= {server.source_server_id for server in job.servers} if job is not None else set()
        if named:
            expected, where = f"{which} with a message about itself", f"wave {self.contract.wave.message}"
            self.violate(event, expected, f"it names {', '.join(sorted(named))}", FOREIGN_MESSAGE, where)
