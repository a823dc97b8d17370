"""What tests of the DRS backend share: moto, a clock that stands still, and clients whose every answer is checked."""

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from moto import mock_aws
from moto.core.base_backend import BackendDict

from drsim.simulator.moto_drs import JobLife, add_source_servers
from tests.simulator.moto_drs import answers

ACCOUNT = "123456789012"
EAST = "us-east-1"

DrsClient: TypeAlias = Any
"""A boto3 client. Its stubs know the model only, and tests send and expect what is not in the model."""

FIXED = JobLife.model_validate({"pending": "10s", "started": "5s", "in_progress": "20s"})
"""PENDING to 10 s, STARTED from then on, servers IN_PROGRESS from 15 s, all over at 35 s."""


@cache
def session() -> boto3.Session:
    """One for all tests: each session reads botocore's data again, which takes ten times as long as a test."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")


def client(region: str = EAST, account: str | None = None, **more: Any) -> DrsClient:
    """A client that checks every answer against botocore's model before the test sees it, and tries nothing twice."""
    made = session().client("drs", region, config=Config(retries={"total_max_attempts": 1}), **more)

    def check(response_dict: dict[str, Any], event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        answers.check(operation, response_dict["status_code"], response_dict["headers"], response_dict["body"])

    def name_account(request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = account

    made.meta.events.register("response-received.drs", check)
    if account is not None:
        made.meta.events.register("before-sign.drs", name_account)
    return made


class Refusal:
    """The error that a call ended in."""

    def __init__(self, response: Any) -> None:
        self.code: str = response["Error"]["Code"]
        self.message: str = response["Error"]["Message"]
        self.status: int = response["ResponseMetadata"]["HTTPStatusCode"]
        self.members: dict[str, Any] = {
            name: value
            for name, value in response.items()
            # The message and the code are looked at by their own names.
            if name not in {"Error", "ResponseMetadata", "message", "code", "fieldList"}
        }
        self.fields: list[str] = [each["name"] for each in response.get("fieldList", ())]
        self.kind: tuple[int, str] = (self.status, self.code)


def refusal(call: Any, /, **request: Any) -> Refusal:
    """Call and give the error."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    return Refusal(caught.value.response)


def servers(count: int, **more: Any) -> list[str]:
    """New source servers in the account of tests."""
    return add_source_servers(ACCOUNT, EAST, count, **{"life": FIXED, **more})


def start(drs: DrsClient, ids: list[str], **more: Any) -> Any:
    """The job of a StartRecovery for them."""
    return drs.start_recovery(sourceServers=[{"sourceServerID": each} for each in ids], **more)["job"]


@pytest.fixture
def clock() -> Iterator[FrozenDateTimeFactory]:
    """The host's clock, which stands still at the start of Phase 2 until a test moves it."""
    with freeze_time("2025-11-28 20:32:29") as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen


@pytest.fixture
def drs(clock: FrozenDateTimeFactory) -> Iterator[DrsClient]:
    """DRS in us-east-1, on moto and on `clock`."""
    with mock_aws():
        yield client()


@pytest.fixture
def endpoint_url() -> Iterator[str]:
    """Where moto's server listens, until the test is over."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    # What serve_forever leaves open once it has ended; without this pytest warns of an open socket.
    assert server._server is not None
    server._server.server_close()
    BackendDict.reset()
