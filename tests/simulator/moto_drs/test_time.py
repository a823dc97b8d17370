"""DRS's clock: the host's, a frozen one in any zone, and the one that `advance` moves."""

from datetime import UTC, datetime

import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from moto import mock_aws

from drsim.simulator.kernel import Kernel
from drsim.simulator.moto_drs import add_source_servers, advance, attach, detach
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs
from drsim.simulator.trace import Trace
from tests.simulator.moto_drs.conftest import ACCOUNT, DrsClient, client, refusal, servers, start


@pytest.mark.parametrize("hours", [-11, 0, 5])
def test_job_times_are_utc_whatever_the_frozen_time_zone(hours: int) -> None:
    with freeze_time("2025-11-28 20:32:29.123457", tz_offset=hours), mock_aws():
        job = start(client(), servers(1))
    assert job["creationDateTime"] == "2025-11-28T20:32:29.123457+00:00"


def test_without_a_frozen_clock_jobs_begin_at_the_hosts_time() -> None:
    with mock_aws():
        before = datetime.now(UTC)
        job = start(client(), servers(1))
        after = datetime.now(UTC)
    assert before <= datetime.fromisoformat(job["creationDateTime"]) <= after


def test_advance_moves_jobs_in_all_regions_and_no_other_clock(clock: FrozenDateTimeFactory) -> None:
    with mock_aws():
        east, west = client(), client("us-west-2")
        job_id = start(east, servers(1))["jobID"]
        advance(0.5)
        (job,) = east.describe_jobs()["items"]
        assert (job["jobID"], job["status"]) == (job_id, "STARTED")
        advance(1)
        assert east.describe_jobs()["items"][0]["endDateTime"] == "2025-11-28T20:33:04.000000+00:00"
        (server_id,) = add_source_servers(ACCOUNT, "us-west-2", 1)
        (server,) = west.describe_source_servers()["items"]
        assert server["sourceServerID"] == server_id
        assert server["lifeCycle"]["addedToServiceDateTime"] == "2025-11-28T20:33:59.000000+00:00"
        assert clock.time_to_freeze == datetime(2025, 11, 28, 20, 32, 29)  # noqa: DTZ001 - as freezegun keeps it


def test_the_next_mock_begins_at_the_hosts_time_again(clock: FrozenDateTimeFactory) -> None:
    with mock_aws():
        advance(60)
    with mock_aws():
        assert start(client(), servers(1))["creationDateTime"] == "2025-11-28T20:32:29.000000+00:00"


def test_advance_refuses_to_go_back_and_an_attached_clock(kernel: Kernel) -> None:
    with pytest.raises(ValueError, match="minutes must be >= 0, got -1"):
        advance(-1)
    attach(DrsService(kernel, Trace(), Drs()), epoch_us=0)
    try:
        with pytest.raises(RuntimeError, match="move the clock of that DRS"):
            advance(1)
    finally:
        detach()


def test_earlier_instant_shows_no_later_job(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    earlier = start(drs, [first])
    clock.tick(7_200)
    later = start(drs, [second])
    clock.tick(60)
    after = drs.describe_source_servers()["items"]
    clock.move_to("2025-11-28 20:32:34")
    assert [job["jobID"] for job in drs.describe_jobs()["items"]] == [earlier["jobID"]]
    assert drs.describe_job_log_items(jobID=later["jobID"])["items"] == []
    assert drs.list_tags_for_resource(resourceArn=earlier["arn"])["tags"] == {}
    assert refusal(drs.list_tags_for_resource, resourceArn=later["arn"]).status == 404
    results = [server["lastLaunchResult"] for server in drs.describe_source_servers()["items"]]
    assert results == ["PENDING", "NOT_STARTED"]
    # The first job is open again.
    assert refusal(start, drs=drs, ids=[first]).kind == (409, "ConflictException")
    clock.move_to("2025-11-28 22:33:29")
    assert drs.describe_source_servers()["items"] == after
    clock.move_to("2025-11-28 22:32:39")
    assert refusal(start, drs=drs, ids=[second]).kind == (409, "ConflictException")
    start(drs, [first])


def test_first_job_can_start_after_the_clock_went_back(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    assert refusal(start, drs=drs, ids=["s-00000000000000000"]).status == 409
    (server,) = servers(1)
    clock.move_to("2025-11-28 20:32:28")
    assert start(drs, [server])["status"] == "PENDING"
