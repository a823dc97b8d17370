"""Replication configuration templates, and the rules that their settings share with a server's configuration.

Sources: DRS user guide on replication settings and volumes, points in time, and AWS's CLI examples.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, not_found, validation_error
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs import DrsRefusedError

_TYPE: Final = "replication-configuration-template"

DEFAULTS: Final[Mapping[str, Any]] = {
    "associateDefaultSecurityGroup": True,
    "autoReplicateNewDisks": True,
    "bandwidthThrottling": 0,
    "createPublicIP": True,
    "dataPlaneRouting": "PUBLIC_IP",
    "defaultLargeStagingDiskType": "AUTO",
    "ebsEncryption": "DEFAULT",
    "internetProtocol": "IPV4",
    "pitPolicy": [
        {"ruleID": 1, "units": "MINUTE", "interval": 10, "retentionDuration": 60, "enabled": True},
        {"ruleID": 2, "units": "HOUR", "interval": 1, "retentionDuration": 24, "enabled": True},
        {"ruleID": 3, "units": "DAY", "interval": 1, "retentionDuration": 7, "enabled": True},
    ],
    "replicationServerInstanceType": "t3.small",
    "replicationServersSecurityGroupsIDs": [],
    "stagingAreaSubnetId": "subnet-0123456789abcdef0",
    "stagingAreaTags": {},
    "useDedicatedReplicationServer": False,
}
"""What holds for members that neither a template nor a call sets."""


@dataclass(slots=True)
class ReplicationTemplates:
    """The templates of an account and Region, by id. A server gets the settings of the first one when it is added."""

    by_id: dict[str, Members] = field(default_factory=dict)
    made_count: int = 0


def settings_for_new(region: DrsRegion) -> Members:
    """The settings of a source server that is added now: the template's, or the defaults. None is changed in place."""
    return next(iter(region.part(ReplicationTemplates).by_id.values()), dict(DEFAULTS))


def check_settings(settings: Members) -> None:
    """Raise ValidationException for settings that do not fit each other (assumed: that is the error)."""
    if settings["ebsEncryption"] == "CUSTOM" and not settings.get("ebsEncryptionKeyArn"):
        raise validation_error([("ebsEncryptionKeyArn", "ebsEncryptionKeyArn is required if ebsEncryption is CUSTOM")])
    rules = [(rule["units"], rule["interval"], rule["retentionDuration"]) for rule in settings["pitPolicy"]]
    if rules[:2] != [("MINUTE", 10, 60), ("HOUR", 1, 24)] or rules[2][:2] != ("DAY", 1) or rules[2][2] > 365:
        text = "pitPolicy must be MINUTE 10 for 60, HOUR 1 for 24 and DAY 1 for 1 to 365, in this order"
        raise validation_error([("pitPolicy", text)])


def create_replication_configuration_template(region: DrsRegion, request: Members) -> Answer:
    """Make the template of this account and Region. Raises ServiceQuotaExceededException for a second one."""
    templates = region.part(ReplicationTemplates)
    settings = _with(dict(DEFAULTS), request)
    check_settings(settings)
    if templates.by_id:
        account_id = region.scope.account_id
        # AWS publishes no quota code for it.
        members = {"resourceId": account_id, "resourceType": "account", "serviceCode": "drs", "quotaCode": "unknown"}
        text = "the quota of 1 replication configuration template is reached"
        raise DrsRefusedError("ServiceQuotaExceededException", text, **members)
    templates.made_count += 1
    stream = Stream(0, f"moto-drs/{'/'.join(region.scope)}/replication-templates/{templates.made_count}")
    template_id = f"rct-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
    templates.by_id[template_id] = settings
    region.world.tags[region.frame.arn(_TYPE, template_id)] = dict(request.get("tags", {}))
    return _shown(region, template_id)


def update_replication_configuration_template(region: DrsRegion, request: Members) -> Answer:
    """Change a template for servers that are added later. Members that the request omits stay as they are."""
    template_id = request["replicationConfigurationTemplateID"]
    settings = _with(_template(region, template_id), request)
    check_settings(settings)
    region.part(ReplicationTemplates).by_id[template_id] = settings
    return _shown(region, template_id)


def describe_replication_configuration_templates(region: DrsRegion, request: Members) -> Answer:
    """All templates, or those with these ids. Raises ResourceNotFoundException for an id that does not exist."""
    known = region.part(ReplicationTemplates).by_id
    ids = dict.fromkeys(request.get("replicationConfigurationTemplateIDs") or known)
    for template_id in ids:
        _template(region, template_id)
    return [_shown(region, template_id) for template_id in ids]


def delete_replication_configuration_template(region: DrsRegion, request: Members) -> Answer:
    """Delete a template and its tags. Source servers keep their settings."""
    template_id = request["replicationConfigurationTemplateID"]
    _template(region, template_id)
    del region.part(ReplicationTemplates).by_id[template_id]
    region.world.tags.pop(region.frame.arn(_TYPE, template_id), None)
    return None


def _template(region: DrsRegion, template_id: str) -> Members:
    found = region.part(ReplicationTemplates).by_id.get(template_id)
    if found is None:
        raise not_found(template_id, _TYPE)
    return found


def _with(settings: Members, request: Members) -> Members:
    """The settings with those that the request sets; its ids and tags are no settings."""
    changed = {name: request[name] for name in ("ebsEncryptionKeyArn", *DEFAULTS) if name in request}
    return {**settings, **changed}


def _shown(region: DrsRegion, template_id: str) -> Members:
    identity = region.frame.identity(_TYPE, template_id)
    settings = deepcopy(region.part(ReplicationTemplates).by_id[template_id])
    return {"replicationConfigurationTemplateID": template_id, **identity, **settings}


_TEXT: Final = "DRS user guide, default replication settings; AWS's CLI examples"
OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "CreateReplicationConfigurationTemplate": DrsOperation(
        create_replication_configuration_template,
        assumed="A second template exceeds a quota without a code; settings that do not fit are a ValidationException.",
        source=_TEXT,
    ),
    "UpdateReplicationConfigurationTemplate": DrsOperation(
        update_replication_configuration_template,
        assumed="Omitted members stay as they are; `arn` is not compared.",
        source=_TEXT,
    ),
    "DescribeReplicationConfigurationTemplates": DrsOperation(
        describe_replication_configuration_templates,
        assumed="An id that does not exist is a ResourceNotFoundException.",
        source=_TEXT,
    ),
    "DeleteReplicationConfigurationTemplate": DrsOperation(
        delete_replication_configuration_template, assumed="Source servers keep their settings.", source=_TEXT
    ),
}
