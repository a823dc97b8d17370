"""Recovery plans and their steps: answers, order, limits and errors."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from tests.simulator.moto_drs.conftest import ACCOUNT, DrsClient, client, refusal, servers
from tests.simulator.moto_drs.plan_calls import (
    EXECUTION_ARN,
    PLAN_ARN,
    STEP_ARN,
    add,
    names,
    of_servers,
    of_wait,
    plan,
    server_arn,
    start,
)


def test_new_plan_is_invalid_and_has_no_steps(drs: DrsClient) -> None:
    created = drs.create_recovery_plan(name="Plan 1", description="All of it", tags={"tier": "web"})["recoveryPlan"]
    assert created["name"] == "Plan 1"
    assert created["description"] == "All of it"
    assert created["status"] == "INVALID"
    assert created["tags"] == {"tier": "web"}
    assert created["createdAt"] == created["updatedAt"] == "2025-11-28T20:32:29.000000+00:00"
    assert drs.get_recovery_plan(recoveryPlanArn=created["recoveryPlanArn"])["recoveryPlan"] == created
    assert names(drs, created["recoveryPlanArn"]) == []


def test_plan_is_active_while_it_has_a_server_step(drs: DrsClient) -> None:
    (server,) = servers(1)
    arn = plan(drs)

    def status() -> str:
        found: str = drs.get_recovery_plan(recoveryPlanArn=arn)["recoveryPlan"]["status"]
        return found

    step = add(drs, arn, of_servers(server))
    assert status() == "ACTIVE"
    drs.delete_recovery_plan_step(recoveryPlanStepArn=step["recoveryPlanStepArn"])
    assert status() == "INVALID"


def test_plans_are_listed_in_pages_oldest_first(drs: DrsClient) -> None:
    for number in range(3):
        plan(drs, name=f"plan {number}")
    first = drs.list_recovery_plans(maxResults=2)
    assert [each["name"] for each in first["recoveryPlans"]] == ["plan 0", "plan 1"]
    rest = drs.list_recovery_plans(maxResults=2, nextToken=first["nextToken"])
    assert [each["name"] for each in rest["recoveryPlans"]] == ["plan 2"]
    assert "nextToken" not in rest


def test_update_of_a_plan_keeps_what_it_leaves_out(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    arn = drs.create_recovery_plan(name="old", description="text")["recoveryPlan"]["recoveryPlanArn"]
    clock.tick(60)
    changed = drs.update_recovery_plan(recoveryPlanArn=arn, name="new")["recoveryPlan"]
    assert (changed["name"], changed["description"]) == ("new", "text")
    assert changed["createdAt"] < changed["updatedAt"]
    changed = drs.update_recovery_plan(recoveryPlanArn=arn, description="other")["recoveryPlan"]
    assert (changed["name"], changed["description"]) == ("new", "other")


def test_name_of_another_plan_is_a_conflict(drs: DrsClient) -> None:
    plan(drs, name="one")
    other = plan(drs, name="two")
    assert refusal(drs.create_recovery_plan, name="one").kind == (409, "ConflictException")
    assert refusal(drs.update_recovery_plan, recoveryPlanArn=other, name="one").kind == (409, "ConflictException")
    drs.update_recovery_plan(recoveryPlanArn=other, name="two")
    assert client("us-west-2").create_recovery_plan(name="one")


@pytest.mark.parametrize("name", ["-a", " a", "a.b", "ä", "a" * 257])
def test_name_outside_its_pattern_is_refused(drs: DrsClient, name: str) -> None:
    refused = refusal(drs.create_recovery_plan, name=name)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), ["name"])


def test_deleted_plan_is_gone_with_its_steps_and_tags(drs: DrsClient) -> None:
    (server,) = servers(1)
    arn = plan(drs)
    step = add(drs, arn, of_servers(server))["recoveryPlanStepArn"]
    assert drs.delete_recovery_plan(recoveryPlanArn=arn)["recoveryPlanArn"] == arn
    assert drs.list_recovery_plans()["recoveryPlans"] == []
    assert refusal(drs.get_recovery_plan_step, recoveryPlanStepArn=step).kind == (404, "ResourceNotFoundException")
    assert refusal(drs.list_tags_for_resource, resourceArn=arn).code == "ResourceNotFoundException"


def test_plan_can_be_tagged_and_its_step_cannot(drs: DrsClient) -> None:
    (server,) = servers(1)
    arn = plan(drs)
    step = add(drs, arn, of_servers(server))["recoveryPlanStepArn"]
    drs.tag_resource(resourceArn=arn, tags={"a": "b"})
    assert drs.get_recovery_plan(recoveryPlanArn=arn)["recoveryPlan"]["tags"] == {"a": "b"}
    assert refusal(drs.tag_resource, resourceArn=step, tags={"a": "b"}).code == "ResourceNotFoundException"


def test_client_token_returns_the_first_answer(drs: DrsClient) -> None:
    first = drs.create_recovery_plan(name="plan", clientToken="token")["recoveryPlan"]
    assert drs.create_recovery_plan(name="plan", clientToken="token")["recoveryPlan"] == first
    assert refusal(drs.create_recovery_plan, name="other", clientToken="token").kind == (409, "ConflictException")
    assert len(drs.list_recovery_plans()["recoveryPlans"]) == 1
    (server,) = servers(1)
    request = {"stepName": "step", "configuration": of_servers(server), "clientToken": "token"}
    step = drs.create_recovery_plan_step(recoveryPlanArn=first["recoveryPlanArn"], **request)["recoveryPlanStep"]
    again = drs.create_recovery_plan_step(recoveryPlanArn=first["recoveryPlanArn"], **request)["recoveryPlanStep"]
    assert again == step
    drs.delete_recovery_plan_step(recoveryPlanStepArn=step["recoveryPlanStepArn"])
    other = drs.create_recovery_plan_step(recoveryPlanArn=first["recoveryPlanArn"], **request)["recoveryPlanStep"]
    assert other["recoveryPlanStepArn"] != step["recoveryPlanStepArn"]


# --- steps ------------------------------------------------------------------------------------------------------


def test_step_shows_its_configuration_with_the_default_impact(drs: DrsClient) -> None:
    first, second = servers(2)
    arn = plan(drs)
    step = add(drs, arn, of_servers(first, optional=(second,)), "Web")
    assert (step["stepOrder"], step["stepName"]) == (1, "Web")
    listed = step["configuration"]["serverStepConfiguration"]["servers"]
    assert listed == [
        {"serverArn": server_arn(first), "impactLevel": "CRITICAL"},
        {"serverArn": server_arn(second), "impactLevel": "OPTIONAL"},
    ]
    assert add(drs, arn, of_wait(120))["configuration"] == of_wait(120)
    found = drs.get_recovery_plan_step(recoveryPlanStepArn=step["recoveryPlanStepArn"])["recoveryPlanStep"]
    assert found == step


def test_step_is_inserted_at_its_place(drs: DrsClient) -> None:
    ids = servers(3)
    arn = plan(drs, of_servers(ids[0]), of_servers(ids[1]))
    inserted = add(drs, arn, of_servers(ids[2]), "between", stepOrder=2)
    assert inserted["stepOrder"] == 2
    assert names(drs, arn) == [(1, "step 1"), (2, "between"), (3, "step 2")]
    assert refusal(add_at, drs=drs, arn=arn, order=5).fields == ["stepOrder"]


def add_at(drs: DrsClient, arn: str, order: int) -> Any:
    return add(drs, arn, of_wait(1), stepOrder=order)


def test_deleted_step_frees_its_servers_and_renumbers(drs: DrsClient) -> None:
    ids = servers(2)
    arn = plan(drs, of_servers(ids[0]))
    step = add(drs, arn, of_servers(ids[1]), "second", stepOrder=1)["recoveryPlanStepArn"]
    assert drs.delete_recovery_plan_step(recoveryPlanStepArn=step)["recoveryPlanStepArn"] == step
    assert names(drs, arn) == [(1, "step 1")]
    assert add(drs, arn, of_servers(ids[1]))["stepOrder"] == 2


def test_first_step_must_not_wait(drs: DrsClient) -> None:
    (server,) = servers(1)
    arn = plan(drs)
    assert refusal(add_at, drs=drs, arn=arn, order=1).kind == (400, "ValidationException")
    first = add(drs, arn, of_servers(server))["recoveryPlanStepArn"]
    assert refusal(add_at, drs=drs, arn=arn, order=1).kind == (400, "ValidationException")
    wait = add(drs, arn, of_wait(1))["recoveryPlanStepArn"]
    last = add(drs, arn, of_servers(*servers(1)))["recoveryPlanStepArn"]
    assert refusal(drs.delete_recovery_plan_step, recoveryPlanStepArn=first).kind == (400, "ValidationException")
    reorder = {"recoveryPlanArn": arn, "orderedStepArns": [wait, first, last]}
    assert refusal(drs.reorder_recovery_plan_steps, **reorder).kind == (400, "ValidationException")
    assert [order for order, _ in names(drs, arn)] == [1, 2, 3]


def test_reorder_needs_each_step_once(drs: DrsClient) -> None:
    ids = servers(3)
    arn = plan(drs, of_servers(ids[0]), of_servers(ids[1]))
    other = plan(drs, of_servers(ids[2]), name="other")
    listed = drs.list_recovery_plan_steps(recoveryPlanArn=arn)["recoveryPlanSteps"]
    first, second = (each["recoveryPlanStepArn"] for each in listed)
    foreign = drs.list_recovery_plan_steps(recoveryPlanArn=other)["recoveryPlanSteps"][0]["recoveryPlanStepArn"]
    for wrong in ([first], [first, first], [first, foreign], [first, second, second]):
        refused = refusal(drs.reorder_recovery_plan_steps, recoveryPlanArn=arn, orderedStepArns=wrong)
        assert (refused.kind, refused.fields) == ((400, "ValidationException"), ["orderedStepArns"])
    answer = drs.reorder_recovery_plan_steps(recoveryPlanArn=arn, orderedStepArns=[second, first])
    assert [each["recoveryPlanStepArn"] for each in answer["recoveryPlanSteps"]] == [second, first]
    assert names(drs, arn) == [(1, "step 2"), (2, "step 1")]


def test_update_replaces_servers_and_not_the_type_of_a_step(drs: DrsClient) -> None:
    ids = servers(3)
    arn = plan(drs, of_servers(ids[0], ids[1]))
    step = drs.list_recovery_plan_steps(recoveryPlanArn=arn)["recoveryPlanSteps"][0]["recoveryPlanStepArn"]
    update = drs.update_recovery_plan_step
    assert update(recoveryPlanStepArn=step, configuration=of_servers(ids[1], ids[0]))
    changed = update(recoveryPlanStepArn=step, stepName="New", configuration=of_servers(ids[2]))["recoveryPlanStep"]
    servers_now = changed["configuration"]["serverStepConfiguration"]["servers"]
    assert changed["stepName"] == "New"
    assert [each["serverArn"] for each in servers_now] == [server_arn(ids[2])]
    assert refusal(update, recoveryPlanStepArn=step, configuration=of_wait(1)).fields == ["configuration"]
    wait = add(drs, arn, of_wait(1))["recoveryPlanStepArn"]
    assert refusal(update, recoveryPlanStepArn=wait, configuration=of_servers(ids[0])).fields == ["configuration"]
    assert update(recoveryPlanStepArn=wait, configuration=of_wait(5))["recoveryPlanStep"]["configuration"] == of_wait(5)


def test_server_is_in_one_step_of_a_plan_and_in_many_plans(drs: DrsClient) -> None:
    first, second = servers(2)
    arn = plan(drs, of_servers(first), of_servers(second))
    path = "configuration.serverStepConfiguration.servers"
    again = {"recoveryPlanArn": arn, "stepName": "again", "configuration": of_servers(first)}
    refused = refusal(drs.create_recovery_plan_step, **again)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), [path])
    steps = drs.list_recovery_plan_steps(recoveryPlanArn=arn)["recoveryPlanSteps"]
    update = {"recoveryPlanStepArn": steps[1]["recoveryPlanStepArn"], "configuration": of_servers(first)}
    assert refusal(drs.update_recovery_plan_step, **update).fields == [path]
    again["configuration"] = of_servers(*servers(1) * 2)
    assert refusal(drs.create_recovery_plan_step, **again).fields == [f"{path}.1.serverArn"]
    assert plan(drs, of_servers(first, second), name="other")


def test_server_must_exist_in_account_and_region(drs: DrsClient) -> None:
    request: dict[str, Any] = {"recoveryPlanArn": plan(drs), "stepName": "step"}
    unknown = of_servers("s-00000000000000000")
    refused = refusal(drs.create_recovery_plan_step, **request, configuration=unknown)
    assert refused.kind == (404, "ResourceNotFoundException")
    (server,) = servers(1)
    foreign = {"serverStepConfiguration": {"servers": [{"serverArn": server_arn(server, account="9" * 12)}]}}
    refused = refusal(drs.create_recovery_plan_step, **request, configuration=foreign)
    assert refused.kind == (400, "ValidationException")


def test_configuration_outside_the_model_is_refused(drs: DrsClient) -> None:
    (server,) = servers(1)
    request: dict[str, Any] = {"recoveryPlanArn": plan(drs, of_servers(server)), "stepName": "step"}
    refused = refusal(drs.create_recovery_plan_step, **request, configuration=of_wait(121))
    assert refused.fields == ["configuration.waitStepConfiguration.waitDurationMinutes"]
    step = {**request, "configuration": {"serverStepConfiguration": {"servers": [{"serverArn": "x" * 20}]}}}
    assert refusal(drs.create_recovery_plan_step, **step).kind == (400, "ValidationException")
    wrong = of_servers(server)
    wrong["serverStepConfiguration"]["servers"][0]["impactLevel"] = "HIGH"
    refused = refusal(drs.create_recovery_plan_step, **request, configuration=wrong)
    assert refused.fields == ["configuration.serverStepConfiguration.servers.0.impactLevel"]


def test_plan_has_at_most_20_steps(drs: DrsClient) -> None:
    ids = servers(21)
    arn = plan(drs, *(of_servers(each) for each in ids[:20]))
    refused = refusal(add, drs=drs, arn=arn, configuration=of_servers(ids[20]))
    assert refused.kind == (402, "ServiceQuotaExceededException")
    assert refused.members == {
        "resourceId": ACCOUNT,
        "resourceType": "account",
        "serviceCode": "drs",
        "quotaCode": "unknown",
    }


def test_plan_has_at_most_100_servers(drs: DrsClient) -> None:
    ids = servers(101)
    arn = plan(drs, of_servers(*ids[:60]), of_servers(*ids[60:100]))
    refused = refusal(add, drs=drs, arn=arn, configuration=of_servers(ids[100]))
    assert refused.kind == (402, "ServiceQuotaExceededException")
    step = drs.list_recovery_plan_steps(recoveryPlanArn=arn)["recoveryPlanSteps"][1]["recoveryPlanStepArn"]
    update = {"recoveryPlanStepArn": step, "configuration": of_servers(*ids[60:])}
    assert refusal(drs.update_recovery_plan_step, **update).kind == (400, "ValidationException")


@pytest.mark.slow
def test_region_has_at_most_1000_plans(drs: DrsClient) -> None:
    for number in range(1000):
        drs.create_recovery_plan(name=f"plan {number}")
    assert refusal(drs.create_recovery_plan, name="one more").kind == (402, "ServiceQuotaExceededException")


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("get_recovery_plan", {"recoveryPlanArn": PLAN_ARN}),
        ("update_recovery_plan", {"recoveryPlanArn": PLAN_ARN}),
        ("delete_recovery_plan", {"recoveryPlanArn": PLAN_ARN}),
        ("list_recovery_plan_steps", {"recoveryPlanArn": PLAN_ARN}),
        ("create_recovery_plan_step", {"recoveryPlanArn": PLAN_ARN, "stepName": "a", "configuration": of_wait(1)}),
        ("reorder_recovery_plan_steps", {"recoveryPlanArn": PLAN_ARN, "orderedStepArns": [STEP_ARN]}),
        ("get_recovery_plan_step", {"recoveryPlanStepArn": STEP_ARN}),
        ("update_recovery_plan_step", {"recoveryPlanStepArn": STEP_ARN}),
        ("delete_recovery_plan_step", {"recoveryPlanStepArn": STEP_ARN}),
        ("start_recovery_plan_execution", {"recoveryPlanArn": PLAN_ARN, "mode": "DRILL"}),
        ("get_recovery_plan_execution", {"recoveryPlanExecutionArn": EXECUTION_ARN}),
        ("cancel_recovery_plan_execution", {"recoveryPlanExecutionArn": EXECUTION_ARN}),
        ("delete_recovery_plan_execution", {"recoveryPlanExecutionArn": EXECUTION_ARN}),
        ("list_recovery_plan_execution_steps", {"recoveryPlanExecutionArn": EXECUTION_ARN}),
        ("get_recovery_plan_execution_step", {"recoveryPlanExecutionStepArn": EXECUTION_ARN + "/step/1"}),
        ("retry_recovery_plan_execution_step", {"recoveryPlanExecutionStepArn": EXECUTION_ARN + "/step/1"}),
        (
            "update_recovery_plan_execution_step",
            {"recoveryPlanExecutionStepArn": EXECUTION_ARN + "/step/1", "status": "SKIPPED"},
        ),
    ],
)
def test_unknown_resource_of_a_plan_is_not_found(drs: DrsClient, operation: str, request_: dict[str, Any]) -> None:
    assert refusal(getattr(drs, operation), **request_).kind == (404, "ResourceNotFoundException")


def test_executed_plan_can_be_edited_and_not_deleted(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    arn = plan(drs, of_servers(first))
    execution = start(drs, arn)
    assert add(drs, arn, of_servers(second))["stepOrder"] == 2
    assert refusal(drs.delete_recovery_plan, recoveryPlanArn=arn).kind == (409, "ConflictException")
    clock.tick(60)
    drs.delete_recovery_plan(recoveryPlanArn=arn)
    ended = drs.get_recovery_plan_execution(recoveryPlanExecutionArn=execution)["recoveryPlanExecution"]
    assert (ended["status"], ended["recoveryPlanArn"]) == ("COMPLETED", arn)
    listed = drs.list_recovery_plan_execution_steps(recoveryPlanExecutionArn=execution)
    assert len(listed["recoveryPlanExecutionSteps"]) == 1


def test_server_of_a_plan_cannot_be_deleted(drs: DrsClient) -> None:
    (server,) = servers(1)
    arn = plan(drs, of_servers(server))
    drs.disconnect_source_server(sourceServerID=server)
    refused = refusal(drs.delete_source_server, sourceServerID=server)
    assert refused.kind == (409, "ConflictException")
    assert arn.partition("/")[2] in refused.message
    drs.delete_recovery_plan(recoveryPlanArn=arn)
    drs.delete_source_server(sourceServerID=server)
