"""drsim.moto, the door to the DRS backend for moto, and the fixture `drs`."""

import subprocess
import sys

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


@pytest.mark.slow
def test_a_session_without_the_fixture_imports_no_moto(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
import sys
def test():
    assert "moto" not in sys.modules and "drsim.moto" not in sys.modules
""")
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    done.assert_outcomes(passed=1)
