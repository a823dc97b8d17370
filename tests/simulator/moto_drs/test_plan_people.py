"""What people do to executions of recovery plans: skip, retry, change and cancel."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import JobLife, fail_launches
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, refusal, servers
from tests.simulator.moto_drs.plan_calls import (
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
from tests.simulator.moto_drs.test_plan_executions import CONFLICT, DAY_S, INVALID

SKIPPED = "Completed with skipped steps. View execution details for more information."


def update(drs: DrsClient, execution: str, number: int, **changes: Any) -> Any:
    """Change a step of an execution, counted from 1."""
    request = {"recoveryPlanExecutionStepArn": step_arn(drs, execution, number), **changes}
    return drs.update_recovery_plan_execution_step(**request)["recoveryPlanExecutionStep"]


def retry(drs: DrsClient, execution: str, number: int) -> Any:
    arn = step_arn(drs, execution, number)
    return drs.retry_recovery_plan_execution_step(recoveryPlanExecutionStepArn=arn)["recoveryPlanExecutionStep"]


def cancel(drs: DrsClient, execution: str) -> Any:
    return drs.cancel_recovery_plan_execution(recoveryPlanExecutionArn=execution)["recoveryPlanExecution"]


@pytest.fixture
def failed(drs: DrsClient, clock: FrozenDateTimeFactory) -> tuple[str, list[str]]:
    """An execution whose first step has failed at its first of two servers, and its three servers."""
    ids = servers(3)
    execution = start(drs, plan(drs, of_servers(*ids[:2]), of_servers(ids[2])))
    fail_launches(ACCOUNT, EAST, ids[:1])
    clock.tick(100)
    assert statuses(drs, execution) == ["FAILED", "FAILED", "NOT_STARTED"]
    return execution, ids


# --- retry --------------------------------------------------------------------------------------------------------


def test_retry_launches_failed_servers_only(
    drs: DrsClient, clock: FrozenDateTimeFactory, failed: tuple[str, list[str]]
) -> None:
    execution, ids = failed
    first_job = job_ids(steps(drs, execution)[0])[1]
    fail_launches(ACCOUNT, EAST, ids, fail=False)
    retried = retry(drs, execution, 1)
    assert (retried["status"], retried["attempt"]) == ("EXECUTING", 2)
    assert "errorDetail" not in retried
    job = drs.describe_jobs()["items"][0]
    assert [each["sourceServerID"] for each in job["participatingServers"]] == ids[:1]
    assert job_ids(retried) == [job["jobID"], first_job]
    now = shown(drs, execution)
    assert now["status"] == "IN_PROGRESS"
    assert not now.keys() & {"completedAt", "errorDetail"}
    clock.tick(100)
    assert statuses(drs, execution) == ["COMPLETED", "COMPLETED", "COMPLETED"]
    assert "errorDetail" not in shown(drs, execution)


def test_retry_that_fails_can_be_retried(
    drs: DrsClient, clock: FrozenDateTimeFactory, failed: tuple[str, list[str]]
) -> None:
    execution, _ = failed
    assert retry(drs, execution, 1)["attempt"] == 2
    clock.tick(100)
    assert statuses(drs, execution) == ["FAILED", "FAILED", "NOT_STARTED"]
    assert retry(drs, execution, 1)["attempt"] == 3


def test_retry_launches_failed_optional_servers_too(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = servers(2)
    execution = start(drs, plan(drs, of_servers(ids[0], optional=(ids[1],))))
    fail_launches(ACCOUNT, EAST, ids)
    clock.tick(100)
    assert statuses(drs, execution) == ["FAILED", "FAILED"]
    retry(drs, execution, 1)
    assert len(drs.describe_jobs()["items"][0]["participatingServers"]) == 2


def test_retry_of_any_other_step_is_refused(
    drs: DrsClient, clock: FrozenDateTimeFactory, failed: tuple[str, list[str]]
) -> None:
    execution, ids = failed
    arn = step_arn(drs, execution, 2)
    assert refusal(drs.retry_recovery_plan_execution_step, recoveryPlanExecutionStepArn=arn).kind == CONFLICT
    other = start(drs, plan(drs, of_servers(ids[2]), of_wait(1), name="other"))
    clock.tick(10)
    arn = step_arn(drs, other, 1)
    assert refusal(drs.retry_recovery_plan_execution_step, recoveryPlanExecutionStepArn=arn).kind == CONFLICT
    arn = step_arn(drs, other, 2)
    assert refusal(drs.retry_recovery_plan_execution_step, recoveryPlanExecutionStepArn=arn).kind == INVALID


def test_retry_is_refused_while_the_plan_runs_again(
    drs: DrsClient, clock: FrozenDateTimeFactory, failed: tuple[str, list[str]]
) -> None:
    execution, _ = failed
    start(drs, shown(drs, execution)["recoveryPlanArn"])
    arn = step_arn(drs, execution, 1)
    assert refusal(drs.retry_recovery_plan_execution_step, recoveryPlanExecutionStepArn=arn).kind == CONFLICT
    assert statuses(drs, execution) == ["FAILED", "FAILED", "NOT_STARTED"]


def test_retry_is_refused_24_hours_after_the_start(
    drs: DrsClient, clock: FrozenDateTimeFactory, failed: tuple[str, list[str]]
) -> None:
    execution, _ = failed
    clock.tick(DAY_S - 100)
    arn = step_arn(drs, execution, 1)
    assert refusal(drs.retry_recovery_plan_execution_step, recoveryPlanExecutionStepArn=arn).kind == CONFLICT
    assert refusal(update, drs=drs, execution=execution, number=1, status="SKIPPED").kind == CONFLICT


# --- skip ---------------------------------------------------------------------------------------------------------


def test_skip_of_the_failed_step_resumes_with_the_next(
    drs: DrsClient, clock: FrozenDateTimeFactory, failed: tuple[str, list[str]]
) -> None:
    execution, _ = failed
    assert update(drs, execution, 1, status="SKIPPED")["status"] == "SKIPPED"
    assert statuses(drs, execution) == ["IN_PROGRESS", "SKIPPED", "EXECUTING"]
    clock.tick(100)
    assert statuses(drs, execution) == ["COMPLETED", "SKIPPED", "COMPLETED"]
    assert shown(drs, execution)["errorDetail"]["message"] == SKIPPED


def test_skip_of_the_last_step_completes_the_execution(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = servers(1)
    execution = start(drs, plan(drs, of_servers(*ids)))
    fail_launches(ACCOUNT, EAST, ids)
    clock.tick(100)
    update(drs, execution, 1, status="SKIPPED")
    assert statuses(drs, execution) == ["COMPLETED", "SKIPPED"]
    assert shown(drs, execution)["completedAt"] == "2025-11-28T20:34:09.000000+00:00"


def test_skip_of_a_later_step_does_not_resume(drs: DrsClient, failed: tuple[str, list[str]]) -> None:
    execution, _ = failed
    update(drs, execution, 2, status="SKIPPED")
    assert statuses(drs, execution) == ["FAILED", "FAILED", "SKIPPED"]
    update(drs, execution, 1, status="SKIPPED")
    assert statuses(drs, execution) == ["COMPLETED", "SKIPPED", "SKIPPED"]


def test_skipped_step_never_starts(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = servers(3)
    execution = start(drs, plan(drs, *(of_servers(each) for each in ids)))
    update(drs, execution, 3, status="SKIPPED")
    clock.tick(10)
    update(drs, execution, 2, status="SKIPPED")
    assert statuses(drs, execution) == ["IN_PROGRESS", "EXECUTING", "SKIPPED", "SKIPPED"]
    clock.tick(100)
    assert statuses(drs, execution) == ["COMPLETED", "COMPLETED", "SKIPPED", "SKIPPED"]
    assert len(drs.describe_jobs()["items"]) == 1


def test_step_that_runs_or_has_ended_cannot_be_skipped(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_wait(1), of_servers(second)))
    refused = []
    for seconds, number in ((10, 1), (40, 1), (0, 2), (60, 3), (100, 3)):
        clock.tick(seconds)
        refused.append(refusal(update, drs=drs, execution=execution, number=number, status="SKIPPED").kind)
    assert refused == [CONFLICT] * 5
    assert statuses(drs, execution) == ["COMPLETED"] * 4


@pytest.mark.parametrize("status", ["COMPLETED", "NOT_STARTED", "DONE"])
def test_status_of_a_step_can_only_become_skipped(drs: DrsClient, status: str) -> None:
    execution = start(drs, plan(drs, of_servers(*servers(1))))
    refused = refusal(update, drs=drs, execution=execution, number=1, status=status)
    assert (refused.kind, refused.fields) == (INVALID, ["status"])


# --- change -------------------------------------------------------------------------------------------------------


def test_step_that_has_not_started_can_be_changed(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = servers(3)
    execution = start(drs, plan(drs, of_servers(ids[0]), of_wait(1), of_servers(ids[1])))
    clock.tick(10)
    assert update(drs, execution, 2, waitDurationMinutes=3)["configuration"] == of_wait(3)
    wanted = [{"serverArn": server_arn(ids[2]), "impactLevel": "OPTIONAL"}]
    changed = update(drs, execution, 3, servers=wanted)
    assert changed["configuration"]["executionServerStepConfiguration"]["servers"] == wanted
    assert changed["updatedAt"] == "2025-11-28T20:32:39.000000+00:00"
    clock.tick(30 + 179)
    assert statuses(drs, execution)[1:] == ["COMPLETED", "WAITING", "NOT_STARTED"]
    clock.tick(60)
    assert statuses(drs, execution)[0] == "COMPLETED"
    job = drs.describe_jobs()["items"][0]
    assert [each["sourceServerID"] for each in job["participatingServers"]] == [ids[2]]


def test_step_that_runs_cannot_be_changed(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_wait(5)))
    wanted = [{"serverArn": server_arn(second)}]
    clock.tick(10)
    assert refusal(update, drs=drs, execution=execution, number=1, servers=wanted).kind == CONFLICT
    clock.tick(60)
    assert refusal(update, drs=drs, execution=execution, number=2, waitDurationMinutes=9).kind == CONFLICT
    clock.tick(600)
    assert refusal(update, drs=drs, execution=execution, number=1, servers=wanted).kind == CONFLICT


def test_change_of_a_step_must_fit_it(drs: DrsClient) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_wait(5), of_servers(second)))
    wanted = [{"serverArn": server_arn(first)}]

    def kind(number: int, **changes: Any) -> tuple[int, str]:
        return refusal(update, drs=drs, execution=execution, number=number, **changes).kind

    assert kind(1, waitDurationMinutes=9) == kind(2, servers=wanted) == INVALID
    assert kind(1) == kind(1, status="SKIPPED", servers=wanted) == INVALID
    assert kind(3, servers=wanted) == INVALID, "it is in another step of the execution"
    assert kind(3, servers=[{"serverArn": server_arn("s-00000000000000000")}])[0] == 404
    assert kind(2, waitDurationMinutes=121) == INVALID
    more = [{"serverArn": server_arn(each)} for each in servers(100)]
    assert kind(3, servers=more) == INVALID


# --- cancel -------------------------------------------------------------------------------------------------------


def test_cancel_waits_for_the_running_step(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_servers(second)))
    clock.tick(10)
    assert cancel(drs, execution)["status"] == "CANCELLING"
    assert statuses(drs, execution) == ["CANCELLING", "EXECUTING", "SKIPPED"]
    assert refusal(cancel, drs=drs, execution=execution).kind == CONFLICT
    assert refusal(drs.delete_recovery_plan_execution, recoveryPlanExecutionArn=execution).kind == CONFLICT
    clock.tick(30)
    assert statuses(drs, execution) == ["CANCELLED", "COMPLETED", "SKIPPED"]
    assert shown(drs, execution)["completedAt"] == "2025-11-28T20:33:09.000000+00:00"
    assert len(drs.describe_recovery_instances()["items"]) == 1
    assert refusal(cancel, drs=drs, execution=execution).kind == CONFLICT


@pytest.mark.parametrize("seconds", [0, 60])
def test_cancel_before_or_between_server_steps_is_immediate(
    drs: DrsClient, clock: FrozenDateTimeFactory, seconds: int
) -> None:
    first, second = servers(2)
    execution = start(drs, plan(drs, of_servers(first), of_wait(5), of_servers(second)))
    clock.tick(seconds)
    assert cancel(drs, execution)["status"] == "CANCELLED"
    begun = "COMPLETED" if seconds else "SKIPPED"
    clock.tick(3600)
    assert statuses(drs, execution) == ["CANCELLED", begun, "SKIPPED", "SKIPPED"]
    assert len(drs.describe_jobs()["items"]) == (1 if seconds else 0)


def test_cancel_is_final_when_the_running_step_fails(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = servers(2)
    execution = start(drs, plan(drs, of_servers(ids[0]), of_servers(ids[1])))
    fail_launches(ACCOUNT, EAST, ids)
    clock.tick(10)
    cancel(drs, execution)
    clock.tick(100)
    assert statuses(drs, execution) == ["CANCELLED", "FAILED", "SKIPPED"]
    arn = step_arn(drs, execution, 1)
    assert refusal(drs.retry_recovery_plan_execution_step, recoveryPlanExecutionStepArn=arn).kind == CONFLICT
    assert refusal(update, drs=drs, execution=execution, number=1, status="SKIPPED").kind == CONFLICT


def test_cancel_that_outlasts_24_hours_ends_then(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    execution = start(drs, plan(drs, of_servers(*servers(1, life=JobLife(hangs=True)))))
    clock.tick(10)
    cancel(drs, execution)
    clock.tick(DAY_S)
    assert statuses(drs, execution) == ["CANCELLED", "TIMED_OUT"]
