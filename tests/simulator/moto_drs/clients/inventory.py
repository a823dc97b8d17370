"""An inventory of DRS over accounts' Regions, as tools that turn APIs into tables make it."""

from collections.abc import Iterable
from typing import Any

_NOT_USED = ("UninitializedAccountException", "BadRequestException")


def rows(clients: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """One row for each source server of each Region; a Region without DRS has none."""
    found = []
    for region, drs in clients:
        try:
            pages = [*drs.get_paginator("describe_source_servers").paginate(maxResults=1000)]
        except drs.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _NOT_USED:
                continue
            raise
        instances = drs.describe_recovery_instances()["items"]
        by_server = {each["sourceServerID"]: each["recoveryInstanceID"] for each in instances}
        found += [_row(region, drs, server, by_server) for page in pages for server in page["items"]]
    return found


def _row(region: str, drs: Any, server: dict[str, Any], instances: dict[str, str]) -> dict[str, Any]:
    properties, server_id = server["sourceProperties"], server["sourceServerID"]
    snapshots = drs.describe_recovery_snapshots(sourceServerID=server_id, order="DESC", maxResults=1)["items"]
    return {
        "region": region,
        "id": server_id,
        "hostname": properties["identificationHints"]["hostname"],
        "os": properties["os"]["fullString"],
        "ram_bytes": properties["ramBytes"],
        "disk_bytes": sum(disk["bytes"] for disk in properties["disks"]),
        "state": server["dataReplicationInfo"]["dataReplicationState"],
        "last_launch": server["lastLaunchResult"],
        "instance": instances.get(server_id),
        "snapshot": snapshots[0]["snapshotID"] if snapshots else None,
        "subnet": drs.get_replication_configuration(sourceServerID=server_id)["stagingAreaSubnetId"],
        "tier": server["tags"].get("tier"),
    }
