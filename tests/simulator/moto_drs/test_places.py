"""Where answers come from: each account and Region by itself, moto's resets, an attached DRS, and the registration."""

import json
import subprocess
import sys
from collections.abc import Iterator

import moto.backends
import pytest
from freezegun.api import FrozenDateTimeFactory
from moto import backend_index, mock_aws

from drsim.orchestrator.model import JobScope
from drsim.simulator import moto_drs
from drsim.simulator.kernel import Kernel
from drsim.simulator.moto_drs import (
    add_source_servers,
    attach,
    detach,
    drs_backends,
    register,
    set_quotas,
    uninitialize,
)
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs
from drsim.simulator.trace import Trace
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, client, refusal, servers, session, start

WEST = "us-west-2"
OTHER = "999988887777"
EPOCH_US = 1_764_361_949_000_000
"""2025-11-28 20:32:29 UTC."""
SERVERS = ["s-00000000000000001", "s-00000000000000002"]


def test_each_account_and_region_has_its_own_servers_and_jobs(drs: DrsClient) -> None:
    places = [drs, client(WEST), client(account=OTHER), client(WEST, OTHER)]
    scopes = [(ACCOUNT, EAST), (ACCOUNT, WEST), (OTHER, EAST), (OTHER, WEST)]
    for (account_id, region), place in zip(scopes, places, strict=True):
        add_source_servers(account_id, region, SERVERS, life=FIXED)
        job = start(place, SERVERS)
        assert f":drs:{region}:{account_id}:job/" in job["arn"]
    assert len({place.describe_jobs()["items"][0]["jobID"] for place in places}) == 4
    assert all(len(place.describe_jobs()["items"]) == 1 for place in places)
    uninitialize(OTHER, EAST)
    assert refusal(places[2].describe_jobs).code == "UninitializedAccountException"
    assert all(place.describe_jobs()["items"] for place in (places[0], places[1], places[3]))


def test_the_credentials_of_an_assumed_role_name_its_account(drs: DrsClient) -> None:
    add_source_servers(OTHER, EAST, SERVERS, life=FIXED)
    role = f"arn:aws:iam::{OTHER}:role/recovery"
    keys = session().client("sts", EAST).assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    there = client(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert start(there, SERVERS)["arn"].startswith(f"arn:aws:drs:{EAST}:{OTHER}:job/")
    assert drs.describe_jobs()["items"] == drs.describe_source_servers()["items"] == []


def test_nothing_is_left_when_the_next_mock_begins() -> None:
    seen = []
    for _ in range(2):
        with mock_aws():
            drs = client()
            seen.append((len(drs.describe_source_servers()["items"]), len(drs.describe_jobs()["items"])))
            set_quotas(ACCOUNT, EAST, Drs(jobs_max=1))
            job = start(drs, servers(1))
            drs.tag_resource(resourceArn=job["arn"], tags={"a": "b"})
            uninitialize(ACCOUNT, EAST)
    assert seen == [(0, 0), (0, 0)]


def test_the_same_steps_give_the_same_ids(clock: FrozenDateTimeFactory) -> None:
    seen = []
    for _ in range(2):
        with mock_aws():
            seen.append(start(client(), servers(2)))
    assert seen[0] == seen[1]


# --- an attached DRS ------------------------------------------------------------------------------------------


@pytest.fixture
def attached(kernel: Kernel) -> Iterator[DrsService]:
    """A world's DRS on a kernel's clock, with two servers in two Regions of two accounts."""
    service = DrsService(kernel, Trace(), Drs())
    attach(service, epoch_us=EPOCH_US)
    for scope in (JobScope(ACCOUNT, EAST), JobScope(OTHER, WEST)):
        service.add_servers(scope, SERVERS, FIXED)
    yield service
    detach()


def test_all_backends_answer_from_the_attached_drs_on_its_clock(attached: DrsService, kernel: Kernel) -> None:
    kernel.run(until_us=1_000_000)
    with mock_aws():
        east, west = client(), client(WEST, OTHER)
        job = start(east, SERVERS, isDrill=True)
        assert job["creationDateTime"] == "2025-11-28T20:32:30.000000+00:00"
        kernel.run(until_us=36_000_000)
        (shown,) = east.describe_jobs()["items"]
        assert (shown["status"], shown["endDateTime"]) == ("COMPLETED", "2025-11-28T20:33:05.000000+00:00")
        assert attached.job(JobScope(ACCOUNT, EAST), job["jobID"]) is not None
        assert west.describe_jobs()["items"] == []
        assert [each["sourceServerID"] for each in west.describe_source_servers()["items"]] == SERVERS
        begun = attached.start_recovery(JobScope(OTHER, WEST), SERVERS)
        assert [each["jobID"] for each in west.describe_jobs()["items"]] == [begun.job_id]
        found = east.describe_jobs(filters={"fromDate": "2025-11-28T20:32:30Z", "toDate": "2025-11-28T20:32:30Z"})
        assert len(found["items"]) == 1


def test_motos_reset_leaves_the_attached_drs_as_it_is(attached: DrsService) -> None:
    with mock_aws():
        job = start(client(), SERVERS, tags={"a": "b"})
    with mock_aws():
        assert client().describe_jobs()["items"] == [job]


def test_after_detaching_each_backend_has_its_own_world_again(attached: DrsService) -> None:
    with mock_aws():
        drs = client()
        start(drs, SERVERS)
        detach()
        assert drs.describe_jobs()["items"] == drs.describe_source_servers()["items"] == []
        detach()
        attach(attached, epoch_us=EPOCH_US)
        assert len(drs.describe_jobs()["items"]) == 1


def test_a_second_drs_is_attached_only_after_detaching_the_first(attached: DrsService) -> None:
    with pytest.raises(RuntimeError, match="call detach\\(\\) first"):
        attach(attached, epoch_us=0)


# --- registration ---------------------------------------------------------------------------------------------


def test_registering_again_changes_nothing() -> None:
    before = list(backend_index.backend_url_patterns)
    register()
    assert backend_index.backend_url_patterns == before
    assert [name for name, _ in before].count("drs") == 1
    assert moto.backends.get_backend("drs") is drs_backends  # type: ignore[call-overload]
    assert sys.modules["moto.drs"] is moto_drs
    assert sys.modules["moto.drs.models"] is moto_drs.models


@pytest.mark.slow
def test_importing_the_backend_needs_nothing_else_of_this_project() -> None:
    code = """
import json, sys
import drsim.simulator.moto_drs
others = {"drsim.scenarios", "drsim.reports", "drsim.cli", "tests", "greenlet", "pandas", "freezegun"}
print(json.dumps(sorted(others & set(sys.modules))))
"""
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(printed) == []
