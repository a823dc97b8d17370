"""What tests set up: at the instant of the call, and refused early if it cannot be."""

import math
from collections.abc import Callable
from typing import Any, cast

import boto3
import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator import moto_drs
from drsim.simulator.moto_drs import (
    Drs,
    JobLife,
    add_source_servers,
    advance,
    drs_backends,
    fail_launches,
    fail_next,
    set_quotas,
    set_replication,
    throttle,
)
from tests.simulator.moto_drs import plan_calls
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, servers, session, start

UNKNOWN = "s-99999999999999999"
NOWHERE = "nowhere-1"


# --- recovery plans that are overdue --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda ids: fail_launches(ACCOUNT, EAST, ids),
        lambda ids: set_replication(ACCOUNT, EAST, ids[1], "STOPPED"),
        lambda _: set_quotas(ACCOUNT, EAST, Drs(servers_per_job_max=1)),
        lambda ids: add_source_servers(ACCOUNT, EAST, ids, life=JobLife(failed_servers=1)),
    ],
    ids=["fail_launches", "set_replication", "set_quotas", "add_source_servers"],
)
def test_what_a_test_sets_up_changes_no_step_that_was_due_before(
    drs: DrsClient, clock: FrozenDateTimeFactory, change: Callable[[list[str]], Any]
) -> None:
    first, second, third = servers(3)
    plan = plan_calls.plan(drs, plan_calls.of_servers(first), plan_calls.of_servers(second, third))
    arn = plan_calls.start(drs, plan)
    clock.tick(3600)
    change([first, second])
    assert drs.get_recovery_plan_execution(recoveryPlanExecutionArn=arn)["recoveryPlanExecution"]["status"] == (
        "COMPLETED"
    )


def test_advance_starts_the_jobs_of_recovery_plans_without_a_call(drs: DrsClient) -> None:
    (server_id,) = servers(1)
    plan_calls.start(drs, plan_calls.plan(drs, plan_calls.of_servers(server_id)))
    advance(60)
    backend = drs_backends[ACCOUNT][EAST]
    assert [len(job.servers) for job in backend.world.service.jobs(backend.scope)] == [1]


# --- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: fail_launches(ACCOUNT, EAST, UNKNOWN), f"server_ids must be a list of ids .*, got '{UNKNOWN}'"),
        (lambda _: fail_launches(ACCOUNT, EAST, [UNKNOWN]), f"must be source servers of {ACCOUNT} .*'{UNKNOWN}'"),
        (lambda _: add_source_servers(ACCOUNT, EAST, UNKNOWN), f"servers must be a list of ids .*, got '{UNKNOWN}'"),
        (lambda _: add_source_servers(ACCOUNT, EAST, cast(Any, None)), "servers must be a list of ids .*, got None"),
        (lambda _: add_source_servers(ACCOUNT, EAST, True), "servers must be >= 0, got True"),
        (lambda _: add_source_servers(ACCOUNT, NOWHERE, 1), "region must be one that has DRS.*, got 'nowhere-1'"),
        (lambda _: add_source_servers("12", EAST, 1), "account_id must be an account id of 12 digits, got '12'"),
        (
            lambda _: add_source_servers(ACCOUNT, EAST, 1, staging_account_id="x"),
            "staging_account_id must be an account id of 12 digits, got 'x'",
        ),
        (
            lambda _: add_source_servers(ACCOUNT, EAST, 1, origin="AWS", origin_region="moon-1"),
            "origin_region must be one that has DRS.*, got 'moon-1'",
        ),
        (
            lambda _: add_source_servers(ACCOUNT, EAST, 1, origin="AWS", origin_account_id="x"),
            "origin_account_id must be an account id of 12 digits, got 'x'",
        ),
        (lambda _: add_source_servers(ACCOUNT, EAST, 1, disks_bytes=cast(Any, ["x"])), "disks_bytes must .*, got 'x'"),
        (lambda ids: set_replication(ACCOUNT, EAST, ids[0], "BACKLOG", lag=-5), "lag must be .*, got -5"),
        (lambda _: set_quotas(ACCOUNT, EAST, cast(Any, None)), "quotas must be a Drs .*, got None"),
        (lambda _: throttle(ACCOUNT, EAST, rate=math.nan), "rate must be > 0 and burst >= 1, got nan and 1"),
        (lambda _: throttle(ACCOUNT, EAST, rate=math.inf), "rate must be > 0 and burst >= 1, got inf and 1"),
        (
            lambda _: fail_next(ACCOUNT, EAST, "DescribeJobs", cast(Any, ValueError("x"))),
            "error must be a DRSError .*, got ValueError",
        ),
        (lambda _: moto_drs.set_source_network(ACCOUNT, EAST, "sn-1"), "network_id must be .*, got 'sn-1'"),
        (lambda _: moto_drs.remove_staging_role(ACCOUNT, EAST, "x"), "target_account_id must be .*, got 'x'"),
        (lambda _: moto_drs.start_aws_job(ACCOUNT, EAST, [], "DIAGNOSTIC"), "server_ids must have at least 1 id"),
        (lambda _: moto_drs.start_aws_job(ACCOUNT, EAST, [UNKNOWN], "DIAGNOSTIC"), f"can be launched, .*'{UNKNOWN}'"),
        (lambda ids: moto_drs.start_aws_job(ACCOUNT, EAST, ids, "ME"), "initiated_by must be .*, got 'ME'"),
        (lambda _: moto_drs.calls(ACCOUNT, NOWHERE), "region must be one that has DRS.*, got 'nowhere-1'"),
        (lambda _: advance(math.nan), "minutes must be >= 0, got nan"),
        (lambda _: advance(math.inf), "minutes must be <= .*, which is the year 9000, got inf"),
        (lambda _: advance(5e9), "minutes must be <= .*, which is the year 9000, got 5000000000.0"),
    ],
)
def test_impossible_arguments_are_refused_with_name_and_value(
    drs: DrsClient, call: Callable[[list[str]], Any], message: str
) -> None:
    ids = servers(1)
    with pytest.raises(ValueError, match=message):
        call(ids)
    # Nothing is left of it.
    assert start(drs, ids)["status"] == "PENDING"
    assert len(drs.describe_source_servers()["items"]) == 1


def test_answers_are_given_up_to_the_last_instant_of_the_clock(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = servers(1)
    start(drs, ids)
    advance((moto_drs.LAST_US / 1e6 - clock().timestamp()) // 60)
    assert drs.describe_source_servers()["items"][0]["sourceServerID"] == ids[0]
    assert drs.describe_jobs()["items"][0]["status"] == "COMPLETED"
    assert len(drs.describe_recovery_snapshots(sourceServerID=ids[0])["items"]) > 1


def test_times_beyond_all_years_are_shown_as_the_last_or_first(drs: DrsClient) -> None:
    (server_id,) = servers(1, disks_bytes=[2**62] * 60)
    set_replication(ACCOUNT, EAST, server_id, "INITIAL_SYNC")
    (shown,) = drs.describe_source_servers()["items"]
    assert shown["dataReplicationInfo"]["etaDateTime"].startswith("9999-12-31")
    set_replication(ACCOUNT, EAST, server_id, "CONTINUOUS")
    set_replication(ACCOUNT, EAST, server_id, "BACKLOG", lag=10**18)
    start(drs, [server_id])
    advance(30)
    (instance,) = drs.describe_recovery_instances()["items"]
    assert instance["pointInTimeSnapshotDateTime"] <= "2025-11-28T20:32:29"


def test_a_deleted_server_can_be_taken_out_of_those_that_fail(drs: DrsClient) -> None:
    (server_id,) = servers(1)
    fail_launches(ACCOUNT, EAST, [server_id])
    drs.disconnect_source_server(sourceServerID=server_id)
    drs.delete_source_server(sourceServerID=server_id)
    fail_launches(ACCOUNT, EAST, [server_id], fail=False)
    assert servers(1, life=FIXED) != []


# --- Regions that DRS is not in -------------------------------------------------------------------------------


@pytest.mark.slow
def test_ec2_and_cloudwatch_answer_in_all_regions_of_all_partitions(drs: DrsClient) -> None:
    known = boto3.Session()
    without_drs = []
    for partition in known.get_available_partitions():
        drs_regions = known.get_available_regions("drs", partition_name=partition)
        for region in known.get_available_regions("ec2", partition_name=partition):
            assert session().client("ec2", region).describe_instances()["Reservations"] == [], region
            if region not in drs_regions:
                without_drs.append(region)
                assert session().client("cloudwatch", region).list_metrics(Namespace="AWS/DRS")["Metrics"] == []
    assert "cn-north-1" in without_drs
