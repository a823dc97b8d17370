"""Tags of any resource."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from drsim.simulator.drs_api import launch
from drsim.simulator.drs_api.networks import SourceNetworks
from drsim.simulator.drs_api.plan_records import Plans
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, not_found, validation_error
from drsim.simulator.drs_api.replication_templates import ReplicationTemplates

TAGS_MAX: Final = 50
"""Tags of one resource (botocore's documentation of TagResource)."""


def check(keys: Collection[str]) -> None:
    """Raise ValidationException for keys that a resource cannot have together; AWS publishes no error (assumed)."""
    if len(keys) > TAGS_MAX:
        raise validation_error([("tags", f"a resource must have at most {TAGS_MAX} tags, got {len(keys)}")])
    if reserved := [key for key in keys if key.lower().startswith("aws:")]:
        raise validation_error([("tags", f"a tag's key must not begin with aws:, got {reserved[0]!r}")])


def tag_resource(region: DrsRegion, request: Members) -> Answer:
    """Add tags to a resource, or overwrite them."""
    tags = _tags_of(region, request["resourceArn"])
    check({**tags, **request["tags"]})
    tags.update(request["tags"])
    return {}


def untag_resource(region: DrsRegion, request: Members) -> Answer:
    """Remove tags from a resource; a key that does not exist is no error."""
    tags = _tags_of(region, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags_for_resource(region: DrsRegion, request: Members) -> Answer:
    return {"tags": dict(_tags_of(region, request["resourceArn"]))}


def _tags_of(region: DrsRegion, arn: str) -> dict[str, str]:
    """The tags of a resource, to read and to change. Raises DrsRefusedError."""
    prefix, _, resource_id = arn.partition("/")
    resource_type, service = prefix.rpartition(":")[2], region.world.service
    ids: Iterable[str] = ()
    match resource_type:
        case "job":
            ids = (job.job_id for job in service.jobs(region.scope))
        case "source-server":
            ids = service.servers(region.scope)
        case "launch-configuration-template":
            ids = launch.template_ids(region)
        case "replication-configuration-template":
            ids = region.part(ReplicationTemplates).by_id
        case "recovery-instance":
            ids = (each.launch.instance_id for each in service.recovery_instances(region.scope).values())
        case "source-network":
            ids = region.part(SourceNetworks).by_id
        case "recovery-plan":
            ids = (each.partition("/")[2] for each in region.part(Plans).plans)
        case "recovery-plan-execution":
            ids = (each.partition("/")[2] for each in region.part(Plans).executions)
    # Comparing whole ARNs refuses those of other accounts, Regions and services.
    if resource_id not in ids or arn != region.frame.arn(resource_type, resource_id):
        raise not_found(resource_id or arn, resource_type or "resource")
    return region.world.tags.setdefault(arn, {})


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "TagResource": DrsOperation(
        tag_resource,
        assumed="A 51st tag, and a key that begins with `aws:`, are ValidationExceptions, also when a resource is made "
        "with tags.",
        source="botocore's documentation of the operation",
    ),
    "UntagResource": DrsOperation(untag_resource),
    "ListTagsForResource": DrsOperation(list_tags_for_resource),
}
