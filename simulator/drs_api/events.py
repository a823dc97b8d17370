"""DRS's events for EventBridge: one function for each detail type, which finds those since the last look.

Launch results and snapshots have the instants at which they happened. The other events are changes of a state that
DRS's answers show, as of each second by which such a state can change. A change that another account or Region caused
has the time of the look that saw it, and one that was over by then is missed.
Source: "Elastic Disaster Recovery events" (EventBridge reference), user guide "Event notifications".
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from drsim.simulator.drs_api.failback_state import InstanceRecords
from drsim.simulator.drs_api.networks import COPYING_US, SourceNetworks
from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.drs_api.plan_executions import settle
from drsim.simulator.drs_api.region import DrsRegion, Members
from drsim.simulator.drs_api.source_servers import Servers
from drsim.simulator.drs_api.times import unix_us

_SECOND_US: Final = 1_000_000


class DrsEvent(NamedTuple):
    """One event, of source aws.drs. Its instant counts from the world's epoch; `resources` are ARNs."""

    at_us: int
    detail_type: str
    resources: list[str]
    detail: Members


@dataclass(slots=True)
class Looks:
    """What earlier looks at an account and Region have seen."""

    until_us: int | None = None
    """The instant of the last look: what had happened by then has been reported."""
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    """The last state of each resource, by detail type and ARN."""
    has_skipped: bool = False
    """Whether the states are older than the last look, which asked for no events."""


def since_last_look(region: DrsRegion) -> list[DrsEvent]:
    """All events since the last look, oldest first; none at the first one. A clock that went back starts again."""
    # Recovery plans may have started jobs that ended since.
    settle(region)
    looks, now_us = region.part(Looks), region.frame.now_us
    after_us = now_us if looks.until_us is None else min(looks.until_us, now_us)
    if looks.has_skipped:
        _changes(region, after_us)
    looks.until_us, looks.has_skipped = now_us, False
    found = [event for kind in KINDS for event in kind(region, after_us)]
    for at_us in _instants(region, after_us):
        found += _changes(region, at_us)
    return sorted(found, key=lambda event: event.at_us)


def skip(region: DrsRegion) -> None:
    """Look without asking for events: those until now have no receiver."""
    looks = region.part(Looks)
    looks.until_us, looks.has_skipped = region.frame.now_us, True


def _changes(region: DrsRegion, at_us: int) -> list[DrsEvent]:
    """The changes of states since they were seen last, as of an instant."""
    with region.world.service.as_of(at_us):
        return [event for kind in STATES for event in kind(region)]


def _instants(region: DrsRegion, after_us: int) -> list[int]:
    """The whole seconds since then by which a state that is reported can have changed, and now."""
    found: set[int] = set()
    for record in region.part(Servers).records.values():
        periods = record.replication.periods
        is_stalled = [each.state == "STALLED" for each in periods]
        pairs = zip(periods, is_stalled, [False, *is_stalled], strict=False)
        found |= {period.begun_us for period, stalls, stalled in pairs if stalls or stalled}
    for failback in [each.failback for each in region.part(InstanceRecords).by_key.values() if each.failback]:
        found |= {failback.begun_us, failback.stopped_us, *(each.begun_us for each in failback.replication.periods)}
        if failback.job is not None:
            found |= {failback.job.created_us, *(each.ended_us for each in failback.job.servers)}
    for network in region.part(SourceNetworks).by_id.values():
        found |= {at_us + wait_us for at_us, _ in network.switched for wait_us in (0, COPYING_US)}
        found |= {life.ended_us for _, life in network.parts(region.frame.now_us)}
    # Events have no fractions of seconds, and each instant takes a look at all resources. With a frozen clock a change
    # can follow the last look at the same instant.
    seconds = {-(-each // _SECOND_US) * _SECOND_US for each in found if after_us <= each}
    return [*sorted(each for each in seconds if each < region.frame.now_us), region.frame.now_us]


def launch_results(region: DrsRegion, after_us: int) -> Iterator[DrsEvent]:
    """Ends of launches. A server that never began in its job failed (assumed)."""
    frame = region.frame
    for job in region.world.service.jobs(region.scope):
        for server in job.servers:
            if after_us < server.ended_us <= frame.now_us and not (server.terminates or job.only_converts):
                detail = {
                    "state": "RECOVERY_LAUNCH_SUCCEEDED" if server.launches else "RECOVERY_LAUNCH_FAILED",
                    "job-id": job.job_id,
                    # A text: "FALSE" in AWS's sample.
                    "is-drill": "TRUE" if job.is_drill else "FALSE",
                }
                arn = frame.arn("source-server", server.source_server_id)
                yield DrsEvent(server.ended_us, "DRS Source Server Launch Result", [arn], detail)


def snapshots_taken(region: DrsRegion, after_us: int) -> Iterator[DrsEvent]:
    """Recovery snapshots, each with the ids of its EBS snapshots as one text."""
    frame = region.frame
    filters = {"fromDateTime": frame.time(after_us + 1), "toDateTime": frame.time(frame.now_us)}
    if after_us == frame.now_us or "DescribeRecoverySnapshots" not in OPERATIONS:
        return
    for server_id in region.world.service.servers(region.scope):
        for taken in items(region, "DescribeRecoverySnapshots", {"sourceServerID": server_id, "filters": filters}):
            at_us = unix_us(taken.get("timestamp") or taken["expectedTimestamp"]) - frame.epoch_us
            if after_us < at_us <= frame.now_us:
                ebs_ids = ",".join(taken.get("ebsSnapshots", ()))
                detail = {"DrsSnapshotID": taken["snapshotID"], "EbsSnapshotIDs": ebs_ids}
                yield DrsEvent(at_us, "DRS PIT Snapshot Taken", [frame.arn("source-server", server_id)], detail)


def stalled_changes(region: DrsRegion) -> Iterator[DrsEvent]:
    """Source servers that stalled, and those that no longer are."""
    for server in items(region, "DescribeSourceServers"):
        is_stalled = server.get("dataReplicationInfo", {}).get("dataReplicationState") == "STALLED"
        state = "STALLED" if is_stalled else "NOT_STALLED"
        detail_type = "DRS Source Server Data Replication Stalled Change"
        yield from _change(region, detail_type, server["arn"], state, usual="NOT_STALLED")


def failback_changes(region: DrsRegion) -> Iterator[DrsEvent]:
    """Recovery instances whose failback is in progress, completed, or in error; AWS lists no other states."""
    for instance in items(region, "DescribeRecoveryInstances"):
        state = instance.get("failback", {}).get("state", "")
        reported = state in {"FAILBACK_IN_PROGRESS", "FAILBACK_COMPLETED", "FAILBACK_ERROR"}
        arn = instance["arn"]
        yield from _change(region, "DRS Recovery Instance Failback State Change", arn, state if reported else "")


def network_protections(region: DrsRegion) -> Iterator[DrsEvent]:
    """Source networks whose protection changed. AWS does not publish the detail: {state} is assumed."""
    for network in items(region, "DescribeSourceNetworks"):
        status = network.get("replicationStatus", "")
        arn = network["arn"]
        yield from _change(region, "DRS Source Network Protection Status Change", arn, status, usual="STOPPED")


def network_recoveries(region: DrsRegion) -> Iterator[DrsEvent]:
    """Recoveries of source networks that ended. AWS does not publish the detail: {state, job-id} is assumed."""
    for network in items(region, "DescribeSourceNetworks"):
        recovery = network.get("lastRecovery", {})
        result, job_id = recovery.get("lastRecoveryResult", ""), recovery.get("jobID", "")
        ended = f"{result} {job_id}" if result not in {"", "NOT_STARTED", "IN_PROGRESS"} else ""
        for event in _change(region, "DRS Source Network Recovery Result", network["arn"], ended):
            yield event._replace(detail={"state": result, "job-id": job_id})


def _change(region: DrsRegion, detail_type: str, arn: str, state: str, *, usual: str = "") -> Iterator[DrsEvent]:
    """An event if the state is another one than at the last look, `usual` at first; "" is never reported."""
    states = region.part(Looks).states
    before = states.get((detail_type, arn), usual)
    states[detail_type, arn] = state
    if state not in (before, ""):
        yield DrsEvent(region.frame.now_us, detail_type, [arn], {"state": state})


def items(region: DrsRegion, operation: str, request: Members | None = None) -> list[Members]:
    """All items that a list operation answers, of all pages; none for an operation that is not answered."""
    answered = OPERATIONS[operation].answer(region, request or {}) if operation in OPERATIONS else []
    return [item() if callable(item) else item for item in answered] if isinstance(answered, list) else []


KINDS: Final[tuple[Callable[[DrsRegion, int], Iterator[DrsEvent]], ...]] = (launch_results, snapshots_taken)
"""Given the instant of the last look, each yields the events of one detail type since."""

STATES: Final[tuple[Callable[[DrsRegion], Iterator[DrsEvent]], ...]] = (
    stalled_changes,
    failback_changes,
    network_protections,
    network_recoveries,
)
"""Each yields the events of one detail type for states that are others than at the last look."""
