"""What a request needs in IAM: its action, and the resources that policies may name.

Action names equal those of operations, and a tag on create needs drs:TagResource as well. Sources: Service
Authorization Reference for AWS Elastic Disaster Recovery, user guide "supported IAM actions for tagging".
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from drsim.simulator.drs_api.shapes import Frame

_TEMPLATE: Final = "launchConfigurationTemplateID"
_KINDS: Final[Mapping[str, str]] = {
    "sourceServerID": "source-server",
    "recoveryInstanceID": "recovery-instance",
    "recoveryInstanceIDs": "recovery-instance",
    "jobID": "job",
    "sourceNetworkID": "source-network",
    _TEMPLATE: "launch-configuration-template",
    "replicationConfigurationTemplateID": "replication-configuration-template",
}
"""The kind of resource that a member holds the id of."""

_WITH_RESOURCE: Final = frozenset({"DescribeJobLogItems", "DescribeRecoverySnapshots", "ListRecoveryPlanExecutions"})
"""Of the operations that begin with Describe or List, those on a resource; ListTagsForResource names its own."""


def needs(operation: str, request: Mapping[str, Any], frame: Frame) -> list[tuple[str, str]]:
    """The pairs of action and resource, "*" for none, that must all be allowed."""
    resources = ["*"]
    if operation in _WITH_RESOURCE or not operation.startswith(("Describe", "List")) or "resourceArn" in request:
        resources = list(dict.fromkeys(_resources(request, frame))) or ["*"]
    pairs = [(operation, resource) for resource in resources]
    if request.get("tags") and operation != "TagResource":
        pairs.append(("TagResource", "*"))
    return pairs


def _resources(request: Mapping[str, Any], frame: Frame) -> Iterator[str]:
    """The ARNs that a request names: members that are ARNs of DRS, and those with an id."""
    for name, value in request.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict) and name in ("sourceServers", "sourceNetworks"):
                if "recoveryPlanArn" in request:
                    # A plan's execution needs the plan alone.
                    continue
                yield from _resources(each, frame)
            elif isinstance(each, str) and name == "resourceId":
                yield frame.arn(_KINDS["sourceServerID" if each.startswith("s-") else _TEMPLATE], each)
            elif isinstance(each, str) and name in _KINDS:
                yield frame.arn(_KINDS[name], each)
            elif isinstance(each, str) and name.lower().endswith("arn") and ":drs:" in each:
                # Steps are no resources of their own: the plan or execution is.
                yield each.partition("/step/")[0]
