"""The operations of DRS that are answered, which dispatch, docs and tests read, from the modules that have them."""

from collections.abc import Mapping
from typing import Final

from drsim.simulator.drs_api import jobs, plan_executions, plans, recovery_instances, source_servers, tags
from drsim.simulator.drs_api.region import Operation

OPERATIONS: Final[Mapping[str, Operation]] = {
    **source_servers.OPERATIONS,
    **jobs.OPERATIONS,
    **recovery_instances.OPERATIONS,
    **plans.OPERATIONS,
    **plan_executions.OPERATIONS,
    **tags.OPERATIONS,
}
"""By name in botocore's model, which has their routes, members and errors."""
