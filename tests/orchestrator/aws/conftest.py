"""Fixtures for all tests of the AWS adapters: dummy credentials, and no call that leaves the process."""

from collections.abc import Iterator

import boto3.session
import botocore.loaders
import pytest
from moto import mock_aws

from tests.orchestrator.aws.wire import REGION


@pytest.fixture(autouse=True)
def _environment_of_the_host_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIAOWN",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_SESSION_TOKEN": "none",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        # A closed port: a call that no handler answers fails here instead of reaching AWS.
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def _service_models_are_read_from_disk_once() -> Iterator[None]:
    loader = botocore.loaders.create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", lambda *_: loader)
        yield


@pytest.fixture(scope="session")
def session() -> boto3.session.Session:
    """One session for all tests."""
    return boto3.session.Session(aws_access_key_id="AKIAOWN", aws_secret_access_key="none", region_name=REGION)


@pytest.fixture(scope="session", autouse=True)
def _moto_builds_its_lambda_routes_once(session: boto3.session.Session) -> None:
    # The finder calls Lambda from several threads. If these make the first calls, all of them parse moto's routes,
    # and Python 3.11 fails with "AST constructor recursion depth mismatch" (gh-106905).
    with mock_aws():
        session.client("lambda").list_functions()


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that botocore would sleep between attempts. No real time passes."""
    waited: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waited.append)
    return waited
