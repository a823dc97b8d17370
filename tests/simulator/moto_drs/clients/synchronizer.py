"""Keeps DRS's source servers like their EC2 instances: tags, and the settings of the next launch."""

from typing import Any


def synchronize(drs: Any, ec2: Any) -> dict[str, list[str]]:
    """Copy tags and launch settings to each connected server that is an EC2 instance; return changes by server."""
    changed = {}
    for page in drs.get_paginator("describe_source_servers").paginate(PaginationConfig={"PageSize": 50}):
        for server in page["items"]:
            instance_id = server["sourceProperties"]["identificationHints"].get("awsInstanceID")
            if instance_id is None or server["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED":
                continue
            changes = [*_tags(drs, ec2, server, instance_id), *_settings(drs, server["sourceServerID"])]
            if changes:
                changed[server["sourceServerID"]] = changes
    return changed


def _tags(drs: Any, ec2: Any, server: dict[str, Any], instance_id: str) -> list[str]:
    filters = [{"Name": "resource-id", "Values": [instance_id]}]
    wanted = {tag["Key"]: tag["Value"] for tag in ec2.describe_tags(Filters=filters)["Tags"]}
    new = {key: value for key, value in wanted.items() if server["tags"].get(key) != value}
    if new:
        drs.tag_resource(resourceArn=server["arn"], tags=new)
    gone = [key for key in server["tags"] if key not in wanted and not key.startswith("aws:")]
    if gone:
        drs.untag_resource(resourceArn=server["arn"], tagKeys=gone)
    return [*(f"tag {key}" for key in new), *(f"no tag {key}" for key in gone)]


def _settings(drs: Any, server_id: str) -> list[str]:
    wanted = {"copyTags": True, "launchDisposition": "STARTED", "targetInstanceTypeRightSizingMethod": "NONE"}
    present = drs.get_launch_configuration(sourceServerID=server_id)
    new = {name: value for name, value in wanted.items() if present.get(name) != value}
    if new:
        drs.update_launch_configuration(sourceServerID=server_id, **new)
    return sorted(new)
