"""Launch configurations, their template and launch actions through boto3, and what jobs make of them."""

from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import JobLife
from tests.simulator.moto_drs.conftest import FIXED, DrsClient, refusal, servers, start

ACTION_IDS: Final = [f"00000000-0000-4000-a000-00000000000{number}" for number in range(4)]
UNKNOWN: Final = "s-00000000000000000"


def put(drs: DrsClient, resource_id: str, number: int = 0, **changes: Any) -> Any:
    action = {
        "actionId": ACTION_IDS[number],
        "actionCode": "AWSMigration-VerifyMountedVolumes",
        "order": 400 + number,
        "optional": True,
        "active": True,
        "name": f"Action {number}",
        "actionVersion": "$DEFAULT",
        "category": "VALIDATION",
        "description": "Looks at the volumes",
    }
    return drs.put_launch_action(resourceId=resource_id, **{**action, **changes})


def members(answer: Any) -> Any:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def runs(drs: DrsClient) -> list[tuple[str, str]]:
    (job,) = drs.describe_jobs()["items"]
    (server,) = job["participatingServers"]
    shown = server.get("launchActionsStatus", {}).get("runs", [])
    return [(each["action"]["name"], each["status"]) for each in shown]


def events(drs: DrsClient) -> list[str]:
    (job,) = drs.describe_jobs()["items"]
    return [str(each["event"]) for each in drs.describe_job_log_items(jobID=job["jobID"])["items"]]


def test_a_new_server_has_the_services_own_launch_configuration(drs: DrsClient) -> None:
    (server,) = servers(1)
    found = members(drs.get_launch_configuration(sourceServerID=server))
    assert found.pop("ec2LaunchTemplateID").startswith("lt-0")
    assert found == {
        "sourceServerID": server,
        "name": f"Launch Configuration for Source Server {server}",
        "launchDisposition": "STARTED",
        "targetInstanceTypeRightSizingMethod": "BASIC",
        "copyPrivateIp": False,
        "copyTags": False,
        "licensing": {"osByol": False},
        "postLaunchEnabled": False,
        "launchIntoInstanceProperties": {},
        "recoveryMode": "OPTIMAL",
    }


def test_an_update_changes_what_it_names_and_no_other_server(drs: DrsClient) -> None:
    first, second = servers(2)
    before = members(drs.get_launch_configuration(sourceServerID=second))
    changed = drs.update_launch_configuration(sourceServerID=first, copyTags=True, launchDisposition="STOPPED")
    assert members(changed) == members(drs.get_launch_configuration(sourceServerID=first))
    assert (changed["copyTags"], changed["launchDisposition"], changed["recoveryMode"]) == (True, "STOPPED", "OPTIMAL")
    assert members(drs.get_launch_configuration(sourceServerID=second)) == before


@pytest.mark.parametrize("name", ["copyPrivateIp", "copyTags"])
def test_launch_into_an_instance_excludes_copies(drs: DrsClient, name: str) -> None:
    (server,) = servers(1)
    into = {"launchIntoEC2InstanceID": "i-0123456789abcdef0"}
    bad = {"launchIntoInstanceProperties": into, name: True}
    refused = refusal(drs.update_launch_configuration, sourceServerID=server, **bad)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), [name])
    assert drs.get_launch_configuration(sourceServerID=server)["launchIntoInstanceProperties"] == {}
    drs.update_launch_configuration(sourceServerID=server, launchIntoInstanceProperties=into)
    assert drs.get_launch_configuration(sourceServerID=server)["launchIntoInstanceProperties"] == into


def test_unknown_resources_of_launch_settings_are_not_found(drs: DrsClient) -> None:
    template = "lct-00000000000000000"
    (server,) = servers(1)
    unknown, action = {"launchConfigurationTemplateID": template}, {"actionId": ACTION_IDS[0]}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("get_launch_configuration", {"sourceServerID": UNKNOWN}),
        ("update_launch_configuration", {"sourceServerID": UNKNOWN}),
        ("update_launch_configuration_template", unknown),
        ("delete_launch_configuration_template", unknown),
        ("describe_launch_configuration_templates", {"launchConfigurationTemplateIDs": [template]}),
        ("list_launch_actions", {"resourceId": UNKNOWN}),
        ("list_launch_actions", {"resourceId": template}),
        ("delete_launch_action", {"resourceId": UNKNOWN, **action}),
        ("delete_launch_action", {"resourceId": server, **action}),
    ]
    for method, request in calls:
        assert refusal(getattr(drs, method), **request).kind == (404, "ResourceNotFoundException")
    assert refusal(put, drs=drs, resource_id=UNKNOWN).kind == (404, "ResourceNotFoundException")


def test_a_template_is_created_shown_changed_and_deleted(drs: DrsClient) -> None:
    assert drs.describe_launch_configuration_templates()["items"] == []
    bucket = "arn:aws:s3:::export-bucket"
    made = drs.create_launch_configuration_template(tags={"team": "a"}, copyTags=True, exportBucketArn=bucket)
    template = made["launchConfigurationTemplate"]
    template_id, arn = template["launchConfigurationTemplateID"], template["arn"]
    assert arn.endswith(f":launch-configuration-template/{template_id}")
    assert (template["copyTags"], template["launchIntoSourceInstance"], template["tags"]) == (
        True,
        False,
        {"team": "a"},
    )
    drs.tag_resource(resourceArn=arn, tags={"more": "b"})
    found = drs.describe_launch_configuration_templates(launchConfigurationTemplateIDs=[template_id])["items"]
    assert found == [{**template, "tags": {"team": "a", "more": "b"}}]
    changed = drs.update_launch_configuration_template(
        launchConfigurationTemplateID=template_id, launchDisposition="STOPPED"
    )["launchConfigurationTemplate"]
    assert (changed["launchDisposition"], changed["exportBucketArn"]) == ("STOPPED", bucket)
    drs.delete_launch_configuration_template(launchConfigurationTemplateID=template_id)
    assert drs.describe_launch_configuration_templates()["items"] == []
    assert refusal(drs.list_tags_for_resource, resourceArn=arn).status == 404
    second = drs.create_launch_configuration_template()["launchConfigurationTemplate"]
    assert (second["launchConfigurationTemplateID"] != template_id, second["tags"]) == (True, {})


def test_a_second_template_exceeds_the_quota(drs: DrsClient) -> None:
    drs.create_launch_configuration_template()
    refused = refusal(drs.create_launch_configuration_template)
    assert refused.kind == (402, "ServiceQuotaExceededException")
    assert refused.members["quotaCode"] == "L-1F3FAE4D"


def test_the_template_and_its_actions_are_for_later_servers_only(drs: DrsClient) -> None:
    (before,) = servers(1)
    made = drs.create_launch_configuration_template(postLaunchEnabled=True, recoveryMode="FAST")
    template_id = made["launchConfigurationTemplate"]["launchConfigurationTemplateID"]
    put(drs, template_id)
    (after,) = servers(1)
    found = [drs.get_launch_configuration(sourceServerID=each) for each in (before, after)]
    assert [(each["postLaunchEnabled"], each["recoveryMode"]) for each in found] == [(False, "OPTIMAL"), (True, "FAST")]
    put(drs, template_id, number=1)
    shown = [drs.list_launch_actions(resourceId=each)["items"] for each in (before, after, template_id)]
    assert [[each["name"] for each in some] for some in shown] == [[], ["Action 0"], ["Action 0", "Action 1"]]
    drs.delete_launch_configuration_template(launchConfigurationTemplateID=template_id)
    assert len(drs.list_launch_actions(resourceId=after)["items"]) == 1


def test_an_action_is_put_replaced_listed_in_order_and_deleted(drs: DrsClient) -> None:
    (server,) = servers(1)
    parameters = {"instances": {"type": "DYNAMIC", "value": "instance-id"}}
    first = put(drs, server, number=0, order=900, parameters=parameters)
    assert (first["resourceId"], first["type"], first["parameters"]) == (server, "SSM_COMMAND", parameters)
    assert put(drs, server, number=1, actionCode="AWS-CreateImage")["type"] == "SSM_AUTOMATION"
    put(drs, server, number=2, order=2)
    listed = drs.list_launch_actions(resourceId=server)["items"]
    assert [(each["name"], each["order"]) for each in listed] == [("Action 2", 2), ("Action 1", 401), ("Action 0", 900)]
    put(drs, server, number=2, order=1000, name="Last")
    filters = {"actionIds": [ACTION_IDS[2], ACTION_IDS[0]]}
    listed = drs.list_launch_actions(resourceId=server, filters=filters)["items"]
    assert [(each["name"], each["order"]) for each in listed] == [("Action 0", 900), ("Last", 1000)]
    drs.delete_launch_action(resourceId=server, actionId=ACTION_IDS[2])
    page = drs.list_launch_actions(resourceId=server, maxResults=1)
    assert [each["name"] for each in page["items"]] == ["Action 1"]
    rest = drs.list_launch_actions(resourceId=server, nextToken=page["nextToken"])["items"]
    assert [each["name"] for each in rest] == ["Action 0"]


def test_two_actions_of_one_order_and_a_201st_action_conflict(drs: DrsClient) -> None:
    first, second = servers(2)
    put(drs, first, number=0, order=5)
    assert refusal(put, drs=drs, resource_id=first, number=1, order=5).kind == (409, "ConflictException")
    put(drs, second, number=1, order=5)
    for number in range(199):
        put(drs, first, actionId=f"00000000-0000-4000-b000-{number:012}", order=1000 + number)
    assert refusal(put, drs=drs, resource_id=first, number=3).kind == (409, "ConflictException")
    put(drs, first, number=0, order=6)


def test_wrong_members_of_an_action_are_validation_errors(drs: DrsClient) -> None:
    (server,) = servers(1)
    for wrong in ({"order": 10_001}, {"actionVersion": "latest"}, {"name": " x"}):
        refused = refusal(put, drs=drs, resource_id=server, **wrong)
        assert (refused.kind, refused.fields) == ((400, "ValidationException"), [*wrong])


def test_a_job_runs_the_servers_active_actions_in_order(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1, life=JobLife.model_validate({**FIXED.model_dump(), "action_time": "10s"}))
    drs.update_launch_configuration(sourceServerID=server, postLaunchEnabled=True)
    for number, order in enumerate((500, 300, 400)):
        put(drs, server, number, order=order, active=number != 2)
    start(drs, [server])
    # What changes after the call is for later jobs.
    put(drs, server, number=1, order=300, name="Renamed")
    seen = []
    for seconds in (34, 1, 10, 10):
        clock.tick(seconds)
        seen.append(runs(drs))
    first, last = "Action 1", "Action 0"
    assert seen == [
        [],
        [(first, "IN_PROGRESS")],
        [(first, "SUCCEEDED"), (last, "IN_PROGRESS")],
        [(first, "SUCCEEDED"), (last, "SUCCEEDED")],
    ]


def test_actions_do_not_run_without_post_launch_enabled(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    put(drs, server)
    start(drs, [server])
    clock.tick(600)
    assert runs(drs) == []


@pytest.mark.parametrize(("optional", "status"), [(True, "LAUNCHED"), (False, "FAILED")])
def test_a_failed_action_fails_the_launch_unless_optional(
    drs: DrsClient, clock: FrozenDateTimeFactory, optional: bool, status: str
) -> None:
    own = {"action_time": "10s", "failed_actions": 1}
    (server,) = servers(1, life=JobLife.model_validate({**FIXED.model_dump(), **own}))
    drs.update_launch_configuration(sourceServerID=server, postLaunchEnabled=True)
    put(drs, server, optional=optional)
    start(drs, [server])
    clock.tick(40)
    (during,) = drs.describe_jobs()["items"]
    assert during["status"] == ("COMPLETED" if optional else "STARTED")
    # The instance is launched in any case.
    assert len(drs.describe_recovery_instances()["items"]) == 1
    clock.tick(10)
    (job,) = drs.describe_jobs()["items"]
    assert (job["status"], job["participatingServers"][0]["launchStatus"]) == ("COMPLETED", status)
    assert runs(drs) == [("Action 0", "FAILED")]
    assert ("LAUNCH_FAILED" in events(drs), "LAUNCH_END" in events(drs)) == (not optional, True)
    (known,) = drs.describe_source_servers()["items"]
    assert known["lastLaunchResult"] == ("SUCCEEDED" if optional else "FAILED")
    assert len(drs.describe_recovery_instances()["items"]) == 1


def test_fast_recovery_has_no_conversion_in_its_log(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    drs.update_launch_configuration(sourceServerID=server, recoveryMode="FAST")
    start(drs, [server])
    clock.tick(60)
    assert events(drs) == ["JOB_START", "SNAPSHOT_START", "SNAPSHOT_END", "LAUNCH_START", "LAUNCH_END", "JOB_END"]


def test_a_stopped_disposition_leaves_the_instance_stopped(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    drs.update_launch_configuration(sourceServerID=first, launchDisposition="STOPPED")
    start(drs, [first, second])
    clock.tick(60)
    found = {each["sourceServerID"]: each["ec2InstanceState"] for each in drs.describe_recovery_instances()["items"]}
    assert found == {first: "STOPPED", second: "RUNNING"}
