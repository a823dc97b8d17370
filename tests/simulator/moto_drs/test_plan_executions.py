"""Executions of recovery plans over time: their jobs, ends, errors, and what people do to them.

A job of these tests lasts 35 s, and a validation 5 s.
"""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from moto import mock_aws

from drsim.simulator.moto_drs import JobLife, drs_backends, fail_launches, set_quotas
from drsim.simulator.services.plan_runs import EXECUTION_US_MAX
from drsim.simulator.services.spec import Drs
from tests.simulator.moto_drs import conftest
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, refusal, servers
from tests.simulator.moto_drs.plan_calls import (
    add,
    job_ids,
    of_servers,
    of_wait,
    plan,
    server_arn,
    shown,
    start,
    statuses,
    step_arn,
    steps,
)

CONFLICT = (409, "ConflictException")
INVALID = (400, "ValidationException")
DAY_S = EXECUTION_US_MAX // 1_000_000


def test_steps_run_one_after_the_other(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_wait(2), of_servers(second)))
    seen = [statuses(drs, execution)]
    for seconds in (4, 1, 35, 119, 1, 34, 1):
        clock.tick(seconds)
        seen.append(statuses(drs, execution))
    not_started = "NOT_STARTED"
    assert seen == [
        ["CREATED", not_started, not_started, not_started],
        ["CREATED", not_started, not_started, not_started],
        ["IN_PROGRESS", "EXECUTING", not_started, not_started],
        ["IN_PROGRESS", "COMPLETED", "WAITING", not_started],
        ["IN_PROGRESS", "COMPLETED", "WAITING", not_started],
        ["IN_PROGRESS", "COMPLETED", "COMPLETED", "EXECUTING"],
        ["IN_PROGRESS", "COMPLETED", "COMPLETED", "EXECUTING"],
        ["COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED"],
    ]


def test_step_starts_one_job_at_its_own_instant(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second, third = servers(3)
    execution = start(drs, plan(drs, of_servers(first, second), of_wait(2), of_servers(third)), mode="RECOVERY")
    # Nothing calls DRS before all is over.
    clock.tick(3600)
    later, earlier = drs.describe_jobs()["items"]
    assert earlier["creationDateTime"] == "2025-11-28T20:32:34.000000+00:00"
    assert later["creationDateTime"] == "2025-11-28T20:35:09.000000+00:00"
    assert [job["initiatedBy"] for job in (earlier, later)] == ["START_RECOVERY"] * 2
    assert [len(job["participatingServers"]) for job in (earlier, later)] == [2, 1]
    begun, waited, ended = steps(drs, execution)
    assert job_ids(begun) == [earlier["jobID"]] * 2
    assert job_ids(ended) == [later["jobID"]]
    assert waited["configuration"] == of_wait(2)
    assert shown(drs, execution)["completedAt"] == "2025-11-28T20:35:44.000000+00:00"
    assert ended["updatedAt"] == shown(drs, execution)["completedAt"]


def test_looking_often_or_once_shows_the_same(clock: FrozenDateTimeFactory) -> None:
    def seen(looks: int) -> Any:
        with mock_aws():
            drs = conftest.client()
            first, second = servers(2)
            execution = start(drs, plan(drs, of_servers(first), of_servers(second)))
            for _ in range(looks):
                clock.tick(100 // looks)
                drs.describe_jobs()
            found = (steps(drs, execution), shown(drs, execution), drs.describe_jobs()["items"])
            clock.tick(-100)
            return found

    assert seen(1) == seen(20)


def test_mode_of_a_drill_holds_for_its_jobs(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    execution = start(drs, plan(drs, of_servers(*servers(1))), mode="DRILL", tags={"a": "b"})
    clock.tick(10)
    assert drs.describe_jobs()["items"][0]["initiatedBy"] == "START_DRILL"
    found = shown(drs, execution)
    assert (found["mode"], found["tags"]) == ("DRILL", {"a": "b"})
    assert drs.list_tags_for_resource(resourceArn=execution)["tags"] == {"a": "b"}


def test_failed_optional_server_leaves_its_step_completed(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second, third = servers(3)
    execution = start(drs, plan(drs, of_servers(first, optional=(second,)), of_servers(third)))
    fail_launches(ACCOUNT, EAST, [second])
    clock.tick(100)
    assert statuses(drs, execution) == ["COMPLETED", "COMPLETED", "COMPLETED"]
    assert second in steps(drs, execution)[0]["errorDetail"]["message"]
    assert "errorDetail" not in shown(drs, execution)


def test_step_of_failed_optional_servers_only_completes(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = servers(2)
    execution = start(drs, plan(drs, of_servers(optional=(ids[0], ids[1]))))
    fail_launches(ACCOUNT, EAST, ids)
    clock.tick(100)
    assert statuses(drs, execution) == ["COMPLETED", "COMPLETED"]


def test_failed_critical_server_stops_the_plan(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second, third = servers(3)
    execution = start(drs, plan(drs, of_servers(first, second), of_servers(third)))
    fail_launches(ACCOUNT, EAST, [first])
    clock.tick(3600)
    assert statuses(drs, execution) == ["FAILED", "FAILED", "NOT_STARTED"]
    assert shown(drs, execution)["completedAt"] == "2025-11-28T20:33:09.000000+00:00"
    assert shown(drs, execution)["errorDetail"]["message"] == "Step 1 (step 1) failed."
    assert first in steps(drs, execution)[0]["errorDetail"]["message"]
    (job,) = drs.describe_jobs()["items"]
    assert [each["launchStatus"] for each in job["participatingServers"]] == ["FAILED", "LAUNCHED"]


def test_step_ends_with_its_slowest_server(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    life = JobLife.model_validate({"pending": "10s", "started": "5s", "in_progress": "20s..300s"})
    execution = start(drs, plan(drs, of_servers(*servers(5, life=life))))
    clock.tick(10)
    drs.describe_jobs()
    (job,) = drs_backends[ACCOUNT][EAST].world.service.jobs(drs_backends[ACCOUNT][EAST].scope)
    ends = sorted(server.ended_us for server in job.servers)
    clock.tick((ends[-1] - job.created_us) / 1_000_000 - 6)
    assert statuses(drs, execution) == ["IN_PROGRESS", "EXECUTING"]
    clock.tick(1)
    assert statuses(drs, execution) == ["COMPLETED", "COMPLETED"]


# --- conditions of a start ----------------------------------------------------------------------------------------


def test_plan_without_steps_cannot_be_executed(drs: DrsClient) -> None:
    arn = plan(drs)
    refused = refusal(drs.start_recovery_plan_execution, recoveryPlanArn=arn, mode="DRILL")
    assert refused.kind == INVALID
    plan_id = arn.partition("/")[2]
    text = f"Recovery plan {plan_id} has no steps. Add at least one step to the plan before starting an execution."
    assert text in refused.message


def test_plan_that_is_not_active_cannot_be_executed(drs: DrsClient) -> None:
    arn = plan(drs, of_servers(*servers(1)), of_wait(1))
    first = drs.list_recovery_plan_steps(recoveryPlanArn=arn)["recoveryPlanSteps"][0]["recoveryPlanStepArn"]
    drs.delete_recovery_plan_step(recoveryPlanStepArn=first)
    refused = refusal(drs.start_recovery_plan_execution, recoveryPlanArn=arn, mode="DRILL")
    text = "is in status INVALID and cannot be executed. Only ACTIVE plans can be executed."
    assert refused.kind == CONFLICT
    assert refused.message == f"Recovery plan {arn.partition('/')[2]} {text}"


def test_plan_that_is_executed_cannot_be_started_again(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    arn = plan(drs, of_servers(*servers(1)))
    start(drs, arn)
    for _ in range(2):
        refused = refusal(drs.start_recovery_plan_execution, recoveryPlanArn=arn, mode="DRILL")
        assert refused.kind == CONFLICT
        assert refused.message == f"Another execution is already active for plan {arn.partition('/')[2]}"
        clock.tick(10)
    clock.tick(100)
    assert start(drs, arn)


def test_server_of_another_running_plan_is_a_conflict(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    arn, other = plan(drs, of_servers(first)), plan(drs, of_servers(second, first), name="other")
    execution = start(drs, arn)
    refused = refusal(drs.start_recovery_plan_execution, recoveryPlanArn=other, mode="DRILL")
    assert refused.kind == CONFLICT
    assert arn.partition("/")[2] in refused.message
    assert execution.partition("/")[2] in refused.message
    assert start(drs, plan(drs, of_servers(second), name="third"))
    clock.tick(100)
    assert start(drs, other)


def test_chosen_snapshots_must_be_of_servers_of_the_plan(drs: DrsClient) -> None:
    first, second = servers(2)
    arn = plan(drs, of_servers(first))

    def refused(*ids: str, snapshot: str = "pit-00000000000000000") -> Any:
        chosen = [{"sourceServerID": each, "recoverySnapshotID": snapshot} for each in ids]
        request = {"recoveryPlanArn": arn, "mode": "DRILL", "sourceServers": chosen}
        return refusal(drs.start_recovery_plan_execution, **request)

    assert f"Source server IDs not found in plan: {second}" in refused(second).message
    assert refused(second).kind == refused(first, first).kind == INVALID
    assert refused(first, snapshot="snap-0123456789abcdef").kind == INVALID
    assert drs.list_recovery_plan_executions()["recoveryPlanExecutions"] == []


def test_mode_outside_the_model_is_refused(drs: DrsClient) -> None:
    arn = plan(drs, of_servers(*servers(1)))
    refused = refusal(drs.start_recovery_plan_execution, recoveryPlanArn=arn, mode="TEST")
    assert (refused.kind, refused.fields) == (INVALID, ["mode"])


def test_client_token_of_a_start_returns_the_first_answer(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    arn = plan(drs, of_servers(*servers(1)))
    assert start(drs, arn, clientToken="token") == start(drs, arn, clientToken="token")
    clock.tick(100)
    assert start(drs, arn, clientToken="token") == start(drs, arn, clientToken="token")
    request = {"recoveryPlanArn": arn, "mode": "RECOVERY", "clientToken": "token"}
    assert refusal(drs.start_recovery_plan_execution, **request).kind == CONFLICT
    assert len(drs.list_recovery_plan_executions()["recoveryPlanExecutions"]) == 1


def test_executions_are_listed_newest_first_and_filtered(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    arn, other = plan(drs, of_servers(first)), plan(drs, of_servers(second), name="other")
    older = start(drs, arn)
    clock.tick(100)
    newer = start(drs, other)

    def listed(**filters: str) -> list[str]:
        found = drs.list_recovery_plan_executions(**filters)["recoveryPlanExecutions"]
        return [each["recoveryPlanExecutionArn"] for each in found]

    assert listed() == [newer, older]
    assert listed(recoveryPlanArn=arn) == listed(status="COMPLETED") == [older]
    assert listed(recoveryPlanArn=other, status="CREATED") == [newer]
    assert listed(status="TIMED_OUT") == listed(recoveryPlanArn=f"{arn}0") == []
    assert refusal(drs.list_recovery_plan_executions, status="DONE").kind == INVALID


def test_steps_of_an_execution_are_filtered_by_status(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_servers(second)))
    clock.tick(10)
    request = {"recoveryPlanExecutionArn": execution, "filter": {"status": "EXECUTING"}}
    found = drs.list_recovery_plan_execution_steps(**request)["recoveryPlanExecutionSteps"]
    assert [each["stepIndex"] for each in found] == [1]


# --- validation ---------------------------------------------------------------------------------------------------


def test_busy_server_fails_the_validation_of_the_whole_plan(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    arn = plan(drs, of_servers(first), of_servers(optional=(second,)))
    execution = start(drs, arn)
    conftest.start(drs, [second])
    clock.tick(60)
    assert statuses(drs, execution) == ["FAILED", "NOT_STARTED", "NOT_STARTED"]
    assert second in shown(drs, execution)["errorDetail"]["message"]
    assert len(drs.describe_jobs()["items"]) == 1
    step = step_arn(drs, execution, 1)
    assert refusal(drs.retry_recovery_plan_execution_step, recoveryPlanExecutionStepArn=step).kind == CONFLICT
    skip = {"recoveryPlanExecutionStepArn": step, "status": "SKIPPED"}
    assert refusal(drs.update_recovery_plan_execution_step, **skip).kind == CONFLICT


def test_server_busy_when_its_step_begins_fails_the_step(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second, third = servers(3)
    execution = start(drs, plan(drs, of_servers(first), of_servers(second, third)))
    clock.tick(20)
    conftest.start(drs, [third])
    clock.tick(30)
    assert statuses(drs, execution) == ["FAILED", "COMPLETED", "FAILED"]
    failed = steps(drs, execution)[1]
    assert job_ids(failed) == [None, None]
    assert third in failed["errorDetail"]["message"]
    clock.tick(10)
    retry = drs.retry_recovery_plan_execution_step
    retried = retry(recoveryPlanExecutionStepArn=failed["recoveryPlanExecutionStepArn"])["recoveryPlanExecutionStep"]
    assert (retried["status"], retried["attempt"]) == ("EXECUTING", 2)
    assert None not in job_ids(retried)
    clock.tick(35)
    assert statuses(drs, execution) == ["COMPLETED", "COMPLETED", "COMPLETED"]


def test_quota_of_jobs_fails_the_step_that_exceeds_it(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first)))
    set_quotas(ACCOUNT, EAST, Drs(jobs_max=1))
    conftest.start(drs, [second])
    clock.tick(10)
    assert statuses(drs, execution) == ["FAILED", "FAILED"]
    assert "concurrent jobs" in steps(drs, execution)[0]["errorDetail"]["message"]


def test_disconnected_server_fails_the_validation(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_servers(second)))
    drs.disconnect_source_server(sourceServerID=second)
    clock.tick(10)
    assert statuses(drs, execution) == ["FAILED", "NOT_STARTED", "NOT_STARTED"]
    assert second in shown(drs, execution)["errorDetail"]["message"]
    assert drs.describe_jobs()["items"] == []


def test_pinned_snapshot_is_launched_while_it_exists(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    arn = plan(drs, of_servers(first), of_wait(120), of_servers(second))
    clock.tick(2 * 3600)

    def oldest(server_id: str) -> dict[str, str]:
        found = drs.describe_recovery_snapshots(sourceServerID=server_id, order="DESC")["items"]
        # Of those that are kept for an hour.
        snapshot = found[4]
        return {"sourceServerID": server_id, "recoverySnapshotID": snapshot["snapshotID"]}

    execution = start(drs, arn, sourceServers=[oldest(first), oldest(second)])
    clock.tick(3 * 3600)
    assert statuses(drs, execution) == ["FAILED", "COMPLETED", "COMPLETED", "FAILED"]
    assert oldest(second)["recoverySnapshotID"] not in steps(drs, execution)[2]["errorDetail"]["message"]
    assert "recovery snapshot pit-" in steps(drs, execution)[2]["errorDetail"]["message"]
    (job,) = drs.describe_jobs()["items"]
    log = drs.describe_job_log_items(jobID=job["jobID"])["items"]
    assert not [each for each in log if each["event"].startswith("SNAPSHOT")]


# --- deletion and the limit of 24 hours ---------------------------------------------------------------------------


def test_execution_is_deleted_only_after_its_end(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    execution = start(drs, plan(drs, of_servers(*servers(1))))
    clock.tick(10)
    assert refusal(drs.delete_recovery_plan_execution, recoveryPlanExecutionArn=execution).kind == CONFLICT
    clock.tick(90)
    deleted = drs.delete_recovery_plan_execution(recoveryPlanExecutionArn=execution)
    assert deleted["recoveryPlanExecutionArn"] == execution
    assert drs.list_recovery_plan_executions()["recoveryPlanExecutions"] == []
    assert len(drs.describe_recovery_instances()["items"]) == 1


def test_execution_times_out_after_24_hours(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2, life=JobLife(hangs=True))
    execution = start(drs, plan(drs, of_servers(first), of_servers(second)))
    clock.tick(DAY_S - 1)
    assert statuses(drs, execution) == ["IN_PROGRESS", "EXECUTING", "NOT_STARTED"]
    clock.tick(1)
    assert statuses(drs, execution) == ["TIMED_OUT", "TIMED_OUT", "NOT_STARTED"]
    assert drs.describe_jobs()["items"][0]["status"] == "STARTED"
    found = drs.list_recovery_plan_executions(status="TIMED_OUT")["recoveryPlanExecutions"]
    assert [each["recoveryPlanExecutionArn"] for each in found] == [execution]
    step = {"recoveryPlanExecutionStepArn": step_arn(drs, execution, 1)}
    assert refusal(drs.retry_recovery_plan_execution_step, **step).kind == CONFLICT
    assert refusal(drs.update_recovery_plan_execution_step, **step, status="SKIPPED").kind == CONFLICT
    assert refusal(drs.cancel_recovery_plan_execution, recoveryPlanExecutionArn=execution).kind == CONFLICT


def test_later_edits_of_the_plan_leave_its_execution_alone(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    arn = plan(drs, of_servers(first))
    execution = start(drs, arn)
    add(drs, arn, of_servers(second))
    clock.tick(100)
    (step,) = steps(drs, execution)
    listed = step["configuration"]["executionServerStepConfiguration"]["servers"]
    assert [each["serverArn"] for each in listed] == [server_arn(first)]


@pytest.mark.parametrize("seconds", [0, 10, 100])
def test_clock_that_goes_back_shows_the_earlier_state(
    drs: DrsClient, clock: FrozenDateTimeFactory, seconds: int
) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_servers(second)))
    clock.tick(seconds)
    before = statuses(drs, execution)
    clock.tick(3600)
    assert statuses(drs, execution)[0] == "COMPLETED"
    clock.tick(-3600)
    assert statuses(drs, execution) == before


def test_client_token_of_a_deleted_execution_starts_another(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    arn = plan(drs, of_servers(*servers(1)))
    first = start(drs, arn, clientToken="token")
    clock.tick(120)
    drs.delete_recovery_plan_execution(recoveryPlanExecutionArn=first)
    second = start(drs, arn, clientToken="token")
    assert second != first
    assert statuses(drs, second)[0] == "CREATED"
