"""DRS's instances in moto's EC2: through boto3, as of the instant of each look."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs.ec2 import device_name
from tests.simulator.moto_drs import plan_calls
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, refusal, servers, session, start

# The first test that uses EC2 loads moto's EC2, which takes a second.
pytestmark = pytest.mark.slow


@pytest.fixture
def ec2(drs: DrsClient) -> Any:
    """EC2 on the same moto and clock."""
    assert drs is not None
    return session().client("ec2", EAST)


def instances(ec2: Any, **more: Any) -> dict[str, Any]:
    found = ec2.describe_instances(**more)["Reservations"]
    return {each["InstanceId"]: each for reservation in found for each in reservation["Instances"]}


def states(ec2: Any) -> list[str]:
    return [each["State"]["Name"] for each in instances(ec2).values()]


def test_an_instance_exists_with_volume_interface_and_tags(
    drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory
) -> None:
    (server,) = servers(1, tags={"tier": "web"})
    drs.update_launch_configuration(sourceServerID=server, copyTags=True)
    job = start(drs, [server])
    clock.tick(34)
    assert instances(ec2) == {}
    clock.tick(1)
    # EC2 is asked first: nothing needs a call of DRS.
    (instance_id,) = instances(ec2)
    assert [each["ec2InstanceID"] for each in drs.describe_recovery_instances()["items"]] == [instance_id]
    found = instances(ec2, InstanceIds=[instance_id])[instance_id]
    assert found["State"]["Name"] == "running"
    own = {
        "AWSElasticDisasterRecoveryManaged": "drs.amazonaws.com",
        "AWSElasticDisasterRecoverySourceServerID": server,
        "drs.amazonaws.com-job": job["jobID"],
        "drs.amazonaws.com-source-server": server,
    }
    tags = {each["Key"]: each["Value"] for each in found["Tags"] if not each["Key"].startswith("aws:")}
    assert tags == {"tier": "web", **own}
    (interface,) = found["NetworkInterfaces"]
    assert (interface["PrivateIpAddress"], "PublicIpAddress" in found) == (found["PrivateIpAddress"], False)
    volumes = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}])["Volumes"]
    assert [(each["VolumeType"], {tag["Key"]: tag["Value"] for tag in each["Tags"]}) for each in volumes] == [
        ("gp3", own)
    ]


def test_a_termination_by_drs_ends_the_instance_in_ec2(drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory) -> None:
    start(drs, servers(2))
    clock.tick(35)
    assert states(ec2) == ["running"] * 2
    first, _ = drs.describe_recovery_instances()["items"]
    drs.terminate_recovery_instances(recoveryInstanceIDs=[first["recoveryInstanceID"]])
    clock.tick(34)
    assert states(ec2) == ["running"] * 2
    clock.tick(1)
    assert instances(ec2)[first["ec2InstanceID"]]["State"]["Name"] == "terminated"
    assert sorted(states(ec2)) == ["running", "terminated"]
    assert len(ec2.describe_volumes()["Volumes"]) == 1


def test_earlier_instant_makes_no_second_instance(drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory) -> None:
    start(drs, servers(1))
    clock.tick(40)
    (instance_id,) = instances(ec2)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    clock.tick(40)
    assert states(ec2) == ["terminated"]
    clock.tick(-40)
    for _ in range(2):
        found = [each["Instances"] for each in ec2.describe_instances()["Reservations"]]
        assert [[each["InstanceId"] for each in group] for group in found] == [[instance_id]]
        clock.tick(40)


def test_the_next_launch_terminates_the_earlier_instance(
    drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory
) -> None:
    (server,) = servers(1)
    start(drs, [server])
    clock.tick(35)
    (before,) = instances(ec2)
    start(drs, [server], isDrill=True)
    clock.tick(1)
    assert states(ec2) == ["terminated"]
    clock.tick(34)
    found = instances(ec2)
    assert [found.pop(before)["State"]["Name"], *(each["State"]["Name"] for each in found.values())] == [
        "terminated",
        "running",
    ]


def test_what_a_user_does_to_the_instance_stays(drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory) -> None:
    start(drs, servers(1))
    clock.tick(35)
    ec2.terminate_instances(InstanceIds=[*instances(ec2)])
    assert states(ec2) == ["terminated"]
    drs.describe_recovery_instances()
    assert states(ec2) == ["terminated"]


def test_termination_protection_keeps_the_earlier_instance(
    drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory
) -> None:
    (server,) = servers(1)
    start(drs, [server])
    clock.tick(35)
    (before,) = instances(ec2)
    ec2.modify_instance_attribute(InstanceId=before, DisableApiTermination={"Value": True})
    start(drs, [server])
    clock.tick(35)
    assert states(ec2) == ["running"] * 2


def test_a_stopped_disposition_stops_the_instance(drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    drs.update_launch_configuration(sourceServerID=server, launchDisposition="STOPPED")
    start(drs, [server])
    clock.tick(35)
    assert states(ec2) == ["stopped"]


def test_a_server_has_the_launch_template_of_its_configuration(
    drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory
) -> None:
    (server,) = servers(1)
    configuration = drs.update_launch_configuration(sourceServerID=server, targetInstanceTypeRightSizingMethod="NONE")
    template_id = configuration["ec2LaunchTemplateID"]
    (template,) = ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"]
    assert {each["Key"] for each in template["Tags"]} == {
        "AWSElasticDisasterRecoveryManaged",
        "AWSElasticDisasterRecoverySourceServerID",
    }
    data = {"ImageId": "ami-12345678", "InstanceType": "m5.large"}
    ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData=data)
    ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion="2")
    start(drs, [server])
    clock.tick(35)
    assert [each["InstanceType"] for each in instances(ec2).values()] == ["m5.large"]
    ec2.delete_launch_template(LaunchTemplateId=template_id)
    # DRS makes a new one with defaults.
    (again,) = ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"]
    assert again["LatestVersionNumber"] == 1


def test_a_disconnected_server_has_no_launch_template(drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory) -> None:
    ids = servers(2)
    templates = [drs.get_launch_configuration(sourceServerID=each)["ec2LaunchTemplateID"] for each in ids]
    assert len(ec2.describe_launch_templates()["LaunchTemplates"]) == 2
    drs.disconnect_source_server(sourceServerID=ids[0])
    shown = ec2.describe_launch_templates()["LaunchTemplates"]
    assert [each["LaunchTemplateId"] for each in shown] == templates[1:]


def test_a_launch_into_an_instance_starts_that_one(drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory) -> None:
    (target,) = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
    (server,) = servers(1)
    into = {"launchIntoEC2InstanceID": target["InstanceId"]}
    drs.update_launch_configuration(sourceServerID=server, launchIntoInstanceProperties=into)
    refused = refusal(start, drs=drs, ids=[server])
    assert refused.kind == (409, "ConflictException")
    assert "needs to be in a stopped state but is in a running state" in refused.message
    ec2.stop_instances(InstanceIds=[target["InstanceId"]])
    start(drs, [server])
    clock.tick(35)
    assert states(ec2) == ["running"]
    (instance,) = drs.describe_recovery_instances()["items"]
    assert instance["recoveryInstanceID"] == target["InstanceId"]


def test_other_accounts_and_regions_have_no_such_instance(
    drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory
) -> None:
    start(drs, servers(1))
    clock.tick(35)
    assert len(instances(ec2)) == 1
    assert instances(session().client("ec2", "eu-west-1")) == {}
    assert ACCOUNT in ec2.describe_instances()["Reservations"][0]["OwnerId"]


def test_instances_of_a_recovery_plan_appear_without_a_call_of_drs(
    drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory
) -> None:
    first, second = servers(2)
    plan_calls.start(drs, plan_calls.plan(drs, plan_calls.of_servers(first), plan_calls.of_servers(second)))
    clock.tick(40)
    assert len(instances(ec2)) == 1
    clock.tick(35)
    assert states(ec2) == ["running", "running"]


@pytest.mark.parametrize("groups", [{"SecurityGroups": ["nono"]}, {"SecurityGroupIds": ["sg-12345678"]}])
def test_a_template_with_an_unknown_security_group_leaves_ec2_empty(
    drs: DrsClient, ec2: Any, clock: FrozenDateTimeFactory, groups: Any
) -> None:
    (server,) = servers(1)
    template_id = drs.get_launch_configuration(sourceServerID=server)["ec2LaunchTemplateID"]
    ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData=groups)
    ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion="2")
    start(drs, [server])
    clock.tick(35)
    assert instances(ec2) == {}
    # DRS does not notice: docs/moto-drs.md, "What is not".
    assert drs.describe_recovery_instances()["items"][0]["ec2InstanceState"] == "RUNNING"


def test_devices_beyond_the_alphabet_have_two_letters() -> None:
    names = [device_name(number) for number in range(60)]
    assert [names[0], names[1], names[25], names[26], names[51], names[52]] == [
        *("/dev/sda1", "/dev/xvdb", "/dev/xvdz", "/dev/xvdaa", "/dev/xvdaz", "/dev/xvdba")
    ]
    assert len(set(names)) == 60
