"""Recovery instances: what recoveries launched."""

from collections.abc import Mapping
from typing import Final

from drsim.simulator.drs_api import shapes
from drsim.simulator.drs_api.region import Answer, DrsRegion, Members, Operation, passes


def describe_recovery_instances(region: DrsRegion, request: Members) -> Answer:
    """Recovery instances that pass all filters, in the order in which their source servers first had one."""
    frame, filters = region.frame, request.get("filters", {})
    return [
        shapes.recovery_instance(frame, instance)
        for server_id, instance in region.world.service.recovery_instances(region.scope).items()
        if passes(filters, "recoveryInstanceIDs", instance.launch.instance_id)
        and passes(filters, "sourceServerIDs", server_id)
    ]


OPERATIONS: Final[Mapping[str, Operation]] = {
    "DescribeRecoveryInstances": Operation(describe_recovery_instances),
}
