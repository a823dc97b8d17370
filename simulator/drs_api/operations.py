"""The operations of DRS that are answered, which dispatch, docs and tests read, from the modules that have them."""

from collections.abc import Mapping
from typing import Final

from drsim.simulator.drs_api import (
    account,
    failback,
    jobs,
    launch,
    network_recovery,
    networks,
    plan_executions,
    plans,
    protection,
    recovery_instances,
    replication_configurations,
    replication_templates,
    reversal,
    snapshots,
    source_servers,
    tags,
)
from drsim.simulator.drs_api.region import DrsOperation

OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    **source_servers.OPERATIONS,
    **protection.OPERATIONS,
    **replication_configurations.OPERATIONS,
    **replication_templates.OPERATIONS,
    **account.OPERATIONS,
    **jobs.OPERATIONS,
    **launch.OPERATIONS,
    **snapshots.OPERATIONS,
    **recovery_instances.OPERATIONS,
    **failback.OPERATIONS,
    **reversal.OPERATIONS,
    **networks.OPERATIONS,
    **network_recovery.OPERATIONS,
    **plans.OPERATIONS,
    **plan_executions.OPERATIONS,
    **tags.OPERATIONS,
}
"""By name in botocore's model, which has their routes, members and errors."""
