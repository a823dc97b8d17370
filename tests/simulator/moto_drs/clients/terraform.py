"""Create, read, update and delete of a replication configuration template, as a provider of Terraform does it."""

from collections.abc import Callable
from typing import Any

ID = "replicationConfigurationTemplateID"


def create(drs: Any, wanted: dict[str, Any], wait: Callable[[], None]) -> dict[str, Any]:
    """Create it, and wait until it can be read."""
    made = drs.create_replication_configuration_template(**wanted)
    for _ in range(10):
        if (found := read(drs, made[ID])) is not None:
            return found
        wait()
    raise TimeoutError(f"{made[ID]} cannot be read")


def read(drs: Any, template_id: str) -> dict[str, Any] | None:
    """The template; None if it is gone, which a plan shows as one to create again."""
    try:
        answer = drs.describe_replication_configuration_templates(replicationConfigurationTemplateIDs=[template_id])
    except drs.exceptions.ResourceNotFoundException:
        return None
    return dict(answer["items"][0]) if answer["items"] else None


def drift(present: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Members that must change."""
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def update(drs: Any, present: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Change what differs; tags have calls of their own."""
    changes = drift(present, wanted)
    tags = changes.pop("tags", None)
    if changes:
        drs.update_replication_configuration_template(**{ID: present[ID]}, **changes)
    if tags is not None:
        if gone := [key for key in present["tags"] if key not in tags]:
            drs.untag_resource(resourceArn=present["arn"], tagKeys=gone)
        drs.tag_resource(resourceArn=present["arn"], tags=tags)
    found = read(drs, present[ID])
    assert found is not None
    return found


def delete(drs: Any, template_id: str) -> None:
    """Delete it; that it is gone already is no error."""
    try:
        drs.delete_replication_configuration_template(**{ID: template_id})
    except drs.exceptions.ResourceNotFoundException:
        return
