"""DRS's instances in moto's EC2: made, stopped and terminated when a request to EC2 or DRS looks, as of that instant.

DRS owns what was launched and when; this gives it an EC2 instance with volumes, an interface and DRS's tags. moto loads
EC2 only if a test uses it, and so does this. A DRS that is attached has no instances here.
"""

import string
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from moto.backends import get_backend
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import BaseResponse

from drsim.simulator.drs_api import launch, source_servers
from drsim.simulator.drs_api.plan_executions import settle
from drsim.simulator.drs_api.region import DrsRegion
from drsim.simulator.drs_api.replication import Disk
from drsim.simulator.drs_api.source_properties import GIB
from drsim.simulator.moto_drs.models import LOCK, DRSBackend, drs_backends, has_drs
from drsim.simulator.services.drs_jobs import DrsJob, ServerLife

if TYPE_CHECKING:
    from moto.ec2.models import EC2Backend

_IMAGE: Final = "ami-0d0000000000000d0"


def watch() -> None:
    """Let moto's EC2 show DRS's instances before it answers; a second call changes nothing."""
    original = BaseResponse.call_action
    if hasattr(original, "shows_drs"):
        return

    def call_action(self: BaseResponse) -> TYPE_RESPONSE:
        if self.service_name == "ec2":
            synchronize(self.current_account, self.region)
        return original(self)

    call_action.shows_drs = True  # type: ignore[attr-defined]
    BaseResponse.call_action = call_action  # type: ignore[method-assign]


def synchronize(account_id: str, region_name: str) -> None:
    """Make and end instances as DRS has by now, if EC2 is in use; each once, so that later changes in EC2 stay."""
    if "moto.ec2.models" not in sys.modules or DRSBackend.attached is not None:
        return
    if not has_drs(account_id, region_name):
        # EC2 is in Regions that DRS is not in.
        return
    with LOCK:
        drs = drs_backends[account_id][region_name]
        region, ec2 = drs.region, get_backend("ec2")[account_id][region_name]
        settle(region)
        _make_templates(ec2, region)
        now_us = region.frame.now_us
        for server, job, gone_us in region.world.service.instances(drs.scope):
            key = (job.job_id, server.source_server_id)
            if server.launched_us <= now_us < gone_us and key not in drs.launched:
                drs.launched.add(key)
                _launch(ec2, region, server, job)
            elif gone_us <= now_us and key in drs.launched:
                drs.launched.discard(key)
                _terminate(ec2, server.instance_id)


def _launch(ec2: "EC2Backend", region: DrsRegion, server: ServerLife, job: DrsJob) -> None:
    from moto.ec2.exceptions import EC2ClientError

    server_id = server.source_server_id
    if server.terms.instance_id is not None:
        if ec2.get_instance_by_id(server.instance_id) is not None:
            ec2.start_instances([server.instance_id])
        return
    if ec2.get_instance_by_id(server.instance_id) is not None:
        # DRS's clock went back, and EC2 has ended the instance.
        return
    own = {"drs.amazonaws.com-job": job.job_id, "drs.amazonaws.com-source-server": server_id}
    tags = {**_tags(server_id), **own}
    configuration = launch.settings(region).configurations.get(server_id)
    if configuration is None or configuration["ec2LaunchTemplateID"] not in ec2.launch_templates:
        # The source server was deleted or disconnected before a request looked at EC2.
        return
    record = source_servers.record(region, server_id)
    copied: Mapping[str, str] = {}
    if configuration["copyTags"]:
        copied = region.world.tags.get(region.frame.arn("source-server", server_id), {})
    template_id = configuration["ec2LaunchTemplateID"]
    template = ec2.launch_templates[template_id].default_version().data
    subnets = [each["SubnetId"] for each in template.get("NetworkInterfaces", ()) if "SubnetId" in each]
    subnets += [subnet.id for subnet in ec2.get_default_subnets().values()]
    if not subnets:
        # A template without a subnet needs a default VPC; without one nothing is launched (AWS's user guide).
        return
    # Right-sizing overrides the template's instance type.
    is_sized = configuration["targetInstanceTypeRightSizingMethod"] != "NONE"
    try:
        reservation = ec2.run_instances(
            _IMAGE,
            1,
            None,
            [],
            instance_type=_type(record),
            is_instance_type_default=not is_sized,
            region_name=region.scope.region,
            subnet_id=subnets[0],
            associate_public_ip=False,
            launch_template={"LaunchTemplateId": template_id},
            tags={"instance": {**copied, **tags}, "volume": tags},
            block_device_mappings=list(_volumes(record.disks)),
        )
    except (EC2ClientError, AttributeError):
        # What the EC2 launch template names does not exist. moto looks for an attribute of a missing security group.
        return
    (instance,) = reservation.instances
    # moto draws an id of its own, and keeps tags by id.
    ec2.tags[server.instance_id].update(ec2.tags.pop(instance.id, {}))
    instance.id = server.instance_id
    if server.terms.stays_stopped:
        instance.stop()


def _terminate(ec2: "EC2Backend", instance_id: str) -> None:
    instance = ec2.get_instance_by_id(instance_id)
    # DRS cannot terminate a protected instance (AWS's user guide).
    if instance is not None and not instance.disable_api_termination:
        instance.terminate()


def _make_templates(ec2: "EC2Backend", region: DrsRegion) -> None:
    """Give each source server the EC2 launch template that its launch configuration names."""
    for server_id, configuration in launch.settings(region).configurations.items():
        template_id, name = configuration["ec2LaunchTemplateID"], f"{server_id}-launch-template"
        replication = source_servers.record(region, server_id).replication
        if replication.view(region.frame.now_us).period.state == "DISCONNECTED":
            # DRS deletes it with the connection (AWS's user guide).
            if template_id in ec2.launch_templates:
                ec2.delete_launch_template("", template_id)
            continue
        if template_id in ec2.launch_templates or name in ec2.launch_template_name_to_ids:
            continue
        data = {"ImageId": _IMAGE, "InstanceType": _type(source_servers.record(region, server_id))}
        tags = {"launch-template": _tags(server_id)}
        template = ec2.create_launch_template(name, "Created by DRS", data, tags)
        ec2.tags[template_id].update(ec2.tags.pop(template.id, {}))
        del ec2.launch_templates[template.id]
        ec2.launch_template_insert_order[-1] = template_id
        template.id = ec2.launch_template_name_to_ids[name] = template_id
        ec2.launch_templates[template_id] = template


def _tags(server_id: str) -> dict[str, str]:
    """The tags that DRS gives to all that it makes for a server (seen by teams in public)."""
    managed = {"AWSElasticDisasterRecoveryManaged": "drs.amazonaws.com"}
    return {**managed, "AWSElasticDisasterRecoverySourceServerID": server_id}


def _type(record: source_servers.ServerRecord) -> str:
    """The instance type that DRS recommends."""
    return str(record.members.get("sourceProperties", {}).get("recommendedInstanceType", "t3.small"))


def _volumes(disks: Iterable[Disk]) -> Iterable[Mapping[str, Any]]:
    for number, disk in enumerate(disks):
        # EC2 has whole GiB, at least one.
        ebs = {"VolumeSize": max(1, -(-disk.bytes // GIB)), "VolumeType": "gp3", "DeleteOnTermination": True}
        yield {"DeviceName": device_name(number), "Ebs": ebs}


def device_name(number: int) -> str:
    """The device of a volume, counted from 0: /dev/sda1, /dev/xvdb to /dev/xvdz, then /dev/xvdaa (EC2's user guide)."""
    letters = string.ascii_lowercase
    first = "" if number < len(letters) else letters[number // len(letters) - 1]
    return "/dev/sda1" if number == 0 else f"/dev/xvd{first}{letters[number % len(letters)]}"
