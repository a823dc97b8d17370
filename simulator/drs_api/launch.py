"""Launch settings: the configuration of each source server, the Region's template for new ones, and launch actions.

A server has its configuration, and copies of the template's actions, from its registration on. Sources: botocore's
model, AWS's user guide (launch settings, post-launch actions), the example answers of the AWS CLI.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from drsim.simulator.drs_api import source_servers
from drsim.simulator.drs_api.region import (
    Answer,
    DrsOperation,
    DrsRegion,
    Members,
    conflict,
    not_found,
    passes,
    validation_error,
)
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs import DrsRefusedError
from drsim.simulator.services.drs_jobs import LaunchTerms

_DEFAULTS: Final[Mapping[str, Any]] = {
    "launchDisposition": "STARTED",
    "targetInstanceTypeRightSizingMethod": "BASIC",
    "copyPrivateIp": False,
    "copyTags": False,
    "licensing": {"osByol": False},
    "postLaunchEnabled": False,
    "recoveryMode": "OPTIMAL",
}
_ACTIONS_MAX: Final = 200
_TEMPLATE: Final = "launch-configuration-template"
_AUTOMATIONS: Final = frozenset({"AWS-CreateImage", "AWS-StopEC2Instance", "AWS-StartEC2Instance"})


@dataclass(slots=True)
class LaunchSettings:
    """The launch settings of an account's Region. `actions` are by resource, a server or the template, then by id."""

    configurations: dict[str, Members] = field(default_factory=dict)
    template: Members | None = None
    templates_made: int = 0
    actions: dict[str, dict[str, Members]] = field(default_factory=dict)


def settings(region: DrsRegion) -> LaunchSettings:
    """The launch settings, with a configuration for each server that there is."""
    found, servers = region.part(LaunchSettings), region.world.service.servers(region.scope)
    for server_id in [each for each in found.configurations if each not in servers]:
        del found.configurations[server_id]
        found.actions.pop(server_id, None)
    template = found.template
    for server_id in servers:
        if server_id not in found.configurations:
            found.configurations[server_id] = _configuration(server_id, template)
            if template is not None:
                copied = found.actions.get(template["launchConfigurationTemplateID"], {})
                found.actions[server_id] = deepcopy(copied)
    return found


def configuration(region: DrsRegion, server_id: str) -> Members:
    """LaunchConfiguration of a server, itself. Raises DrsRefusedError (ResourceNotFoundException)."""
    source_servers.record(region, server_id)
    return settings(region).configurations[server_id]


def terms(
    region: DrsRegion, server_id: str, *, snapshot_us: int | None = None, previous_us: int | None = None
) -> LaunchTerms:
    """How a server is launched now, from a snapshot, from the most recent data, or from the previous data.

    Only with `postLaunchEnabled` do its actions run, the active ones; a server that has none leaves it to its JobLife.
    """
    found = configuration(region, server_id)
    own = _ordered(region.part(LaunchSettings), server_id)
    runs = [deepcopy(each) for each in own if each["active"] and found["postLaunchEnabled"]]
    return LaunchTerms(
        snapshot_us=snapshot_us,
        previous_us=previous_us,
        is_fast=found["recoveryMode"] == "FAST",
        actions=tuple(runs) if own else None,
        stays_stopped=found["launchDisposition"] == "STOPPED",
        instance_id=found["launchIntoInstanceProperties"].get("launchIntoEC2InstanceID"),
    )


def get_launch_configuration(region: DrsRegion, request: Members) -> Answer:
    return deepcopy(configuration(region, request["sourceServerID"]))


def update_launch_configuration(region: DrsRegion, request: Members) -> Answer:
    """Change the members that are given; jobs that have started keep the former ones."""
    found = configuration(region, request["sourceServerID"])
    changed = {**found, **deepcopy(request)}
    if changed["launchIntoInstanceProperties"]:
        for name in ("copyPrivateIp", "copyTags"):
            if changed[name]:
                text = f"{name} must be false for a launch into an existing instance"
                raise validation_error([(name, text)])
    found.update(changed)
    return deepcopy(found)


def create_template(region: DrsRegion, request: Members) -> Answer:
    found = settings(region)
    if found.template is not None:
        members = {"resourceId": region.scope.account_id, "resourceType": "account"}
        quota = {"serviceCode": "drs", "quotaCode": "L-1F3FAE4D"}
        text = "the quota of 1 launch configuration template is reached"
        raise DrsRefusedError("ServiceQuotaExceededException", text, **members, **quota)
    found.templates_made += 1
    place = f"{region.scope.account_id}/{region.scope.region}"
    digits = Stream(0, f"moto-drs/{place}/launch-template/{found.templates_made}")
    template_id = f"lct-{digits.hexadecimal(16)}{digits.hexadecimal(1)}"
    given = {name: each for name, each in request.items() if name != "tags"}
    first = {"launchConfigurationTemplateID": template_id, "launchIntoSourceInstance": False}
    found.template = {**first, **deepcopy(dict(_DEFAULTS)), **given}
    region.world.tags[region.frame.arn(_TEMPLATE, template_id)] = dict(request.get("tags", {}))
    return {"launchConfigurationTemplate": _shown_template(region, found.template)}


def update_template(region: DrsRegion, request: Members) -> Answer:
    """Change the members that are given, for servers that come later."""
    template = _template(region, request["launchConfigurationTemplateID"])
    template.update(deepcopy(request))
    return {"launchConfigurationTemplate": _shown_template(region, template)}


def delete_template(region: DrsRegion, request: Members) -> Answer:
    """Delete the template and its actions; servers keep their copies."""
    template_id = request["launchConfigurationTemplateID"]
    _template(region, template_id)
    found = settings(region)
    found.template = None
    found.actions.pop(template_id, None)
    region.world.tags.pop(region.frame.arn(_TEMPLATE, template_id), None)
    return None


def describe_templates(region: DrsRegion, request: Members) -> Answer:
    ids = request.get("launchConfigurationTemplateIDs")
    if ids:
        return [_shown_template(region, _template(region, each)) for each in ids]
    template = settings(region).template
    return [] if template is None else [_shown_template(region, template)]


def put_launch_action(region: DrsRegion, request: Members) -> Answer:
    """Add an action to a server or the template, or replace the one with this id."""
    resource_id, action_id = request["resourceId"], request["actionId"]
    actions = _actions_of(region, resource_id)
    resource = "source-server" if resource_id.startswith("s-") else _TEMPLATE
    for each in actions.values():
        if each["order"] == request["order"] and each["actionId"] != action_id:
            raise conflict(f"Order {request['order']} is that of action {each['actionId']}", resource_id, resource)
    if action_id not in actions and len(actions) >= _ACTIONS_MAX:
        raise conflict(f"the quota of {_ACTIONS_MAX} launch actions is reached", resource_id, resource)
    given = {name: each for name, each in request.items() if name != "resourceId"}
    actions[action_id] = {"parameters": {}, **deepcopy(given), "type": _type_of(request["actionCode"])}
    return {"resourceId": resource_id, **deepcopy(actions[action_id])}


def delete_launch_action(region: DrsRegion, request: Members) -> Answer:
    actions = _actions_of(region, request["resourceId"])
    if request["actionId"] not in actions:
        raise not_found(request["actionId"], "launch-action")
    del actions[request["actionId"]]
    return None


def list_launch_actions(region: DrsRegion, request: Members) -> Answer:
    """The actions of a server or the template, as they run."""
    _actions_of(region, request["resourceId"])
    filters = request.get("filters", {})
    found = _ordered(settings(region), request["resourceId"])
    return [deepcopy(each) for each in found if passes(filters, "actionIds", each["actionId"])]


def template_ids(region: DrsRegion) -> list[str]:
    """The id of the template, if there is one."""
    template = settings(region).template
    return [] if template is None else [template["launchConfigurationTemplateID"]]


def _configuration(server_id: str, template: Members | None) -> Members:
    # The members that both have; a template has others for itself.
    usual = {name: (template or _DEFAULTS)[name] for name in _DEFAULTS}
    digits = Stream(0, f"moto-drs/{server_id}/ec2-launch-template").hexadecimal(16)
    return {
        "sourceServerID": server_id,
        "name": f"Launch Configuration for Source Server {server_id}",
        "ec2LaunchTemplateID": f"lt-0{digits}",
        "launchIntoInstanceProperties": {},
        **deepcopy(usual),
    }


def _template(region: DrsRegion, template_id: str) -> Members:
    template = settings(region).template
    if template is None or template["launchConfigurationTemplateID"] != template_id:
        raise not_found(template_id, _TEMPLATE)
    return template


def _shown_template(region: DrsRegion, template: Members) -> Members:
    return {**deepcopy(template), **region.frame.identity(_TEMPLATE, template["launchConfigurationTemplateID"])}


def _actions_of(region: DrsRegion, resource_id: str) -> dict[str, Members]:
    """The actions of a resource, to change. Raises DrsRefusedError (ResourceNotFoundException)."""
    if resource_id.startswith("s-"):
        source_servers.record(region, resource_id)
    else:
        _template(region, resource_id)
    return settings(region).actions.setdefault(resource_id, {})


def _ordered(found: LaunchSettings, resource_id: str) -> list[Members]:
    return sorted(found.actions.get(resource_id, {}).values(), key=lambda each: int(each["order"]))


def _type_of(action_code: str) -> str:
    is_automation = action_code in _AUTOMATIONS or "automation" in action_code.lower()
    return "SSM_AUTOMATION" if is_automation else "SSM_COMMAND"


_CLI: Final = "AWS CLI examples, AWS user guide"
_UNKNOWN: Final = "An unknown id is a ResourceNotFoundException."
_SIZING: Final = "The service's own defaults: BASIC right-sizing, STARTED, OPTIMAL, all else off."

OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "GetLaunchConfiguration": DrsOperation(get_launch_configuration, _SIZING, _CLI),
    "UpdateLaunchConfiguration": DrsOperation(
        update_launch_configuration,
        "Omitted members stay. A launch into an instance together with copyPrivateIp or copyTags is a "
        "ValidationException; the instance itself is not checked.",
        _CLI,
    ),
    "CreateLaunchConfigurationTemplate": DrsOperation(
        create_template, f"A second template is a ServiceQuotaExceededException. {_SIZING}", _CLI
    ),
    "UpdateLaunchConfigurationTemplate": DrsOperation(update_template, "Omitted members stay.", _CLI),
    "DescribeLaunchConfigurationTemplates": DrsOperation(describe_templates, _UNKNOWN, _CLI),
    "DeleteLaunchConfigurationTemplate": DrsOperation(
        delete_template, "Its actions go, too; servers keep theirs.", _CLI
    ),
    "PutLaunchAction": DrsOperation(
        put_launch_action,
        "An order that another action has, and a 201st action, are ConflictExceptions. `type` is SSM_AUTOMATION for a "
        "few documents and for names with Automation, else SSM_COMMAND.",
        _CLI,
    ),
    "DeleteLaunchAction": DrsOperation(delete_launch_action, _UNKNOWN, _CLI),
    "ListLaunchActions": DrsOperation(list_launch_actions, "Sorted by order.", _CLI),
}
