"""Source servers: what DRS knows of the machines that it protects."""

from collections.abc import Mapping
from typing import Final

from drsim.simulator.drs_api import shapes
from drsim.simulator.drs_api.region import Answer, DrsRegion, Members, Operation, passes


def describe_source_servers(region: DrsRegion, request: Members) -> Answer:
    """Source servers that pass all filters, in the order in which they were added.

    The model does not define a hardware id; here it is the vmWareUuid of the identification hints.
    """
    frame, world, filters = region.frame, region.world, request.get("filters", {})
    instances = world.service.recovery_instances(region.scope)
    launches = world.service.last_launches(region.scope)
    answers = []
    for server_id, known in world.service.servers(region.scope).items():
        staging = world.staging_account_ids.get(frame.arn("source-server", server_id), region.scope.account_id)
        if (
            passes(filters, "sourceServerIDs", server_id)
            and filters.get("hardwareId") in (None, shapes.identification_hints(server_id)["vmWareUuid"])
            and passes(filters, "stagingAccountIDs", staging)
        ):
            latest = {"last_launch": launches.get(server_id), "instance": instances.get(server_id)}
            answers.append(shapes.source_server(frame, server_id, known, staging_account_id=staging, **latest))
    return answers


def launch_problem(region: DrsRegion, server_id: str) -> str | None:  # noqa: ARG001
    """Return why a server cannot be launched now, or None."""
    return None


OPERATIONS: Final[Mapping[str, Operation]] = {
    "DescribeSourceServers": Operation(describe_source_servers),
}
