"""drsim.moto, the door to the DRS backend for moto, and the fixture `drs`."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

import drsim.moto
from drsim.moto import FakeDrs, JobLife, ThrottlingError
from drsim.simulator import moto_drs

pytest_plugins = ["pytester"]

SOON = JobLife.model_validate({"pending": "1m", "started": "1m", "in_progress": "1m"})


def test_all_that_tests_call_is_offered_by_drsim_moto() -> None:
    # What moto itself looks for, and does by itself.
    assert set(moto_drs.__all__) - set(drsim.moto.__all__) == {"drs_backends", "register"}
    for name in set(moto_drs.__all__) & set(drsim.moto.__all__):
        assert getattr(drsim.moto, name) is getattr(moto_drs, name), name


@pytest.mark.parametrize("version", ["5.2.0", "5.2.5", "5.10.1", "5.3.0.dev"])
def test_releases_of_moto_from_5_2_to_6_fit(version: str) -> None:
    drsim.moto.check_version(version)


@pytest.mark.parametrize("version", ["4.2.14", "5.1.22", "6.0.0"])
def test_other_releases_of_moto_are_an_import_error_with_versions(version: str) -> None:
    with pytest.raises(ImportError) as caught:
        drsim.moto.check_version(version)
    text = "drsim.moto works with moto 5.2 and later releases of moto 5"
    assert f"{caught.value}" == f'{text}; moto {version} is installed: pip install "drsim[moto]"'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "message"),
    [
        (
            "sys.modules['moto'] = None",
            "drsim.moto needs more than is installed (import of moto halted; None in sys.mod",
        ),
        ("import moto; moto.__version__ = '4.2.14'", "ImportError: drsim.moto works with moto 5.2 and later"),
    ],
)
def test_without_a_fitting_moto_the_import_says_what_to_install(before: str, message: str) -> None:
    script = f"import sys; {before}; import drsim.moto"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert message in done.stderr
    assert done.stderr.endswith('pip install "drsim[moto]"\n')


def test_the_fixture_is_an_empty_drs_on_moto(drs: FakeDrs) -> None:
    client = boto3.client("drs")
    assert client.describe_source_servers()["items"] == []
    ids = drs.add_source_servers(2, life=SOON, tags={"tier": "web"})
    job = client.start_recovery(sourceServers=[{"sourceServerID": each} for each in ids])["job"]
    drs.advance(minutes=4)
    (shown,) = drs.client().describe_jobs()["items"]
    assert (shown["jobID"], shown["status"]) == (job["jobID"], "COMPLETED")
    assert [each["eventName"] for each in drs.calls("StartRecovery")] == ["StartRecovery"]


def test_nothing_of_another_test_is_in_the_fixture(drs: FakeDrs) -> None:
    assert drs.client().describe_source_servers()["items"] == []
    assert len(drs.calls()) == 1


def test_the_fixture_refuses_and_throttles_calls(drs: FakeDrs) -> None:
    client = boto3.client("drs", config=Config(retries={"total_max_attempts": 1}))
    drs.fail_next("DescribeJobs", ThrottlingError())
    drs.throttle(rate=0.001, operation="DescribeSourceServers")
    drs.set_quotas(drsim.moto.Drs(servers_per_job_max=1))
    ids = drs.add_source_servers(["s-00000000000000001", "s-00000000000000002"])
    with pytest.raises(client.exceptions.ServiceQuotaExceededException):
        client.start_recovery(sourceServers=[{"sourceServerID": each} for each in ids])
    with pytest.raises(client.exceptions.ThrottlingException):
        client.describe_jobs()
    assert client.describe_jobs()["items"] == []
    client.describe_source_servers()
    with pytest.raises(client.exceptions.ThrottlingException):
        client.describe_source_servers()


def test_the_fixture_has_a_method_for_each_function_of_a_region() -> None:
    def options(function: Callable[..., Any]) -> set[str]:
        return {*inspect.signature(function).parameters} - {"account_id", "staging_account_id", "region", "self"}

    others = {"advance", "attach", "detach", "fake_drs"}
    functions = {name for name in drsim.moto.__all__ if inspect.isfunction(getattr(drsim.moto, name))} - others
    assert functions <= {*vars(FakeDrs)}
    for name in functions:
        method, function = options(getattr(FakeDrs, name)), options(getattr(drsim.moto, name))
        assert method - {"options"} <= function, name
        assert "options" in method or method == function, name


def test_each_method_acts_in_the_account_and_region_of_the_fixture(drs: FakeDrs) -> None:
    client = boto3.client("drs", config=Config(retries={"total_max_attempts": 1}))
    server = {"sourceServerID": "s-00000000000000001", "sourceProperties": {"cpus": [{"cores": 3}]}}
    (server_id,) = drs.load_source_servers({"items": [server]}, life=SOON)
    drs.set_replication(server_id, "STALLED", error="AGENT_NOT_SEEN")
    (shown,) = client.describe_source_servers()["items"]
    assert shown["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
    assert shown["sourceProperties"]["cpus"] == [{"cores": 3}]
    drs.set_replication(server_id, "CONTINUOUS")
    drs.fail_launches([server_id])
    for expected in ("FAILED", "LAUNCHED"):
        client.start_recovery(sourceServers=[{"sourceServerID": server_id}])
        drs.advance(10)
        assert client.describe_jobs()["items"][0]["participatingServers"][0]["launchStatus"] == expected
        drs.fail_launches([server_id], fail=False)
    instance_id = client.describe_recovery_instances()["items"][0]["recoveryInstanceID"]
    assert drs.pair_failback_client(instance_id).startswith("i-")
    network_id = client.create_source_network(
        vpcID="vpc-00000000000000001", originAccountID=drs.account_id, originRegion="us-west-2"
    )["sourceNetworkID"]
    client.start_source_network_replication(sourceNetworkID=network_id)
    drs.set_source_network(network_id, problem="no route")
    assert client.describe_source_networks()["items"][0]["replicationStatusDetails"] == "no route"
    drs.advance(10)
    job_id = drs.start_aws_job([server_id], "TARGET_ACCOUNT")
    job = client.describe_jobs(filters={"jobIDs": [job_id]})["items"][0]
    assert job["type"] == "CREATE_CONVERTED_SNAPSHOT"
    drs.remove_staging_role("999988887777")
    drs.uninitialize()
    with pytest.raises(client.exceptions.UninitializedAccountException):
        client.describe_jobs()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed", [{"AWS_DEFAULT_REGION": "eu-west-1"}, {"MOTO_ACCOUNT_ID": "111111111111"}], ids=["region", "account"]
)
def test_the_recipes_run_in_any_region_and_account(changed: dict[str, str]) -> None:
    code = """
from drsim.moto import fake_drs
from tests.simulator.moto_drs.test_page import examples
tests = [*examples("moto-drs.md"), *examples("moto-drs-recipes.md")]
for test in tests:
    with fake_drs() as drs:
        test(drs)
print(len(tests), drs.region, drs.account_id)
"""
    env = {**os.environ, **changed}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)
    expected = {"AWS_DEFAULT_REGION": "us-east-1", "MOTO_ACCOUNT_ID": "123456789012", **changed}
    assert done.stdout == f"7 {expected['AWS_DEFAULT_REGION']} {expected['MOTO_ACCOUNT_ID']}\n", done.stderr


@pytest.mark.parametrize("given", [None, "", "eu-west-1"])
def test_the_region_of_the_environment_is_as_before_after_a_test(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    if given is not None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", given)
    with drsim.moto.fake_drs() as drs:
        assert drs.region == os.environ["AWS_DEFAULT_REGION"] == (given or "us-east-1")
    assert os.environ.get("AWS_DEFAULT_REGION") == given


@pytest.mark.slow
def test_a_session_without_the_fixture_imports_no_moto(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
import sys
def test():
    assert "moto" not in sys.modules and "drsim.moto" not in sys.modules
""")
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    done.assert_outcomes(passed=1)
