"""Launch configuration templates, as far as source networks read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drsim.simulator.drs_api.region import Answer, DrsRegion, Members, Operation


@dataclass(slots=True)
class LaunchTemplates:
    shown: list[Members] = field(default_factory=list)


def create_launch_configuration_template(region: DrsRegion, request: Members) -> Answer:
    template = {"launchConfigurationTemplateID": "lct-00000000000000000", **request}
    region.part(LaunchTemplates).shown.append(template)
    return {"launchConfigurationTemplate": template}


def describe_launch_configuration_templates(region: DrsRegion, _request: Members) -> Answer:
    return list(region.part(LaunchTemplates).shown)


OPERATIONS: Final[Mapping[str, Operation]] = {
    "CreateLaunchConfigurationTemplate": Operation(create_launch_configuration_template),
    "DescribeLaunchConfigurationTemplates": Operation(describe_launch_configuration_templates),
}
