"""DRS's metrics in moto's CloudWatch, namespace AWS/DRS: one point for each, as of now.

Sources: user guide "Monitoring with Amazon CloudWatch"; the dimension SourceServerID is that of AWS's sample dashboard.
moto asks for the metrics whenever they are read, so that there is no history.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar

from drsim.simulator.drs_api.events import items
from drsim.simulator.drs_api.plan_executions import settle
from drsim.simulator.drs_api.region import DrsRegion, Members
from drsim.simulator.drs_api.times import duration_s, unix_us

NAMESPACE: Final = "AWS/DRS"
_INACTIVE: Final = frozenset({"DISCONNECTED", "STOPPED"})
_PROTECTED: Final = frozenset({"CONTINUOUS", "BACKLOG", "RESCAN", "CREATING_SNAPSHOT"})
Number = TypeVar("Number", int, float)


class DrsMetric(NamedTuple):
    """A value as of now; `server_id` is "" for one of the whole account and Region."""

    name: str
    value: float
    unit: str
    server_id: str = ""


def metrics(region: DrsRegion) -> Iterator[DrsMetric]:
    """The metrics of each source server, and the counts of all; which states are active or protected is assumed.

    Without source servers there are none (assumed), as where DRS was never set up.
    """
    settle(region)
    servers = items(region, "DescribeSourceServers")
    if not servers:
        return
    launched = _last_launches(region)
    for server in servers:
        yield from _of_server(region, server, launched)
    states = [server.get("dataReplicationInfo", {}).get("dataReplicationState", "") for server in servers]
    yield DrsMetric("TotalSourceServerCount", len(servers), "Count")
    yield DrsMetric("ActiveSourceServerCount", sum(state not in _INACTIVE for state in states), "Count")
    yield DrsMetric("ProtectedSourceServerCount", sum(state in _PROTECTED for state in states), "Count")


def _of_server(region: DrsRegion, server: Members, launched: dict[str, int]) -> Iterator[DrsMetric]:
    server_id, replication = server["sourceServerID"], server.get("dataReplicationInfo", {})
    now_us = region.frame.now_us
    if (lag_s := _read(duration_s, replication.get("lagDuration"))) is not None:
        yield DrsMetric("LagDuration", lag_s, "Seconds", server_id)
    backlog = sum(disk.get("backloggedStorageBytes", 0) for disk in replication.get("replicatedDisks", ()))
    yield DrsMetric("Backlog", backlog, "Bytes", server_id)
    if (first_us := _read(unix_us, server.get("lifeCycle", {}).get("firstByteDateTime"))) is not None:
        elapsed_us = region.frame.epoch_us + now_us - first_us
        yield DrsMetric("ElapsedReplicationDuration", max(0, elapsed_us) / 1e6, "Seconds", server_id)
    if server_id in launched:
        elapsed_s = (now_us - launched[server_id]) / 1e6
        yield DrsMetric("DurationSinceLastSuccessfulRecoveryLaunch", elapsed_s, "Seconds", server_id)


def _read(reader: Callable[[str], Number], text: str | None) -> Number | None:
    """What a member of an answer says; None for a missing one, and for a loaded server's that cannot be read."""
    try:
        return None if text is None else reader(text)
    except (ValueError, TypeError):
        return None


def _last_launches(region: DrsRegion) -> dict[str, int]:
    """When each server was last launched, drills included (assumed), also by a job that was deleted."""
    now_us, found = region.frame.now_us, dict[str, int]()
    for server, _job, _gone_us in region.world.service.instances(region.scope):
        if server.launches and server.ended_us <= now_us:
            found[server.source_server_id] = max(server.ended_us, found.get(server.source_server_id, 0))
    return found
