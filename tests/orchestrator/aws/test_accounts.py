"""The credentials and the Region of each DRS client, and when they are renewed."""

from typing import Any

import boto3.session
import pytest

from drsim.orchestrator.aws.accounts import DrsClients, RoleCredentials, own_session
from drsim.orchestrator.errors import RefusedError
from drsim.orchestrator.model import JobScope
from drsim.orchestrator.settings import MINUTE_US
from tests.orchestrator.aws.wire import Answer, Request, Wire, granted, in_json
from tests.orchestrator.ports import VirtualClock
from tests.orchestrator.samples import EAST, OTHER_ACCOUNT, WEST

OTHER_WEST = JobScope(OTHER_ACCOUNT.account_id, WEST.region)


FIRST = granted("AKIAONE", "2025-11-28T21:32:29Z")
SECOND = granted("AKIATWO", "2025-11-28T22:32:29Z")


class Session(boto3.session.Session):
    """A real session whose clients of STS and DRS each have their own wire."""

    def __init__(self, *grants: Answer) -> None:
        super().__init__(botocore_session=own_session(connections_max=1)._session)
        self._grants = grants
        self.sts_wires: list[Wire] = []
        self.drs_wires: list[Wire] = []

    def client(self, service_name: str, **options: Any) -> Any:  # type: ignore[override]
        client = super().client(service_name, **options)  # type: ignore[call-overload]
        if service_name == "sts":
            self.sts_wires.append(Wire(client, *self._grants))
        else:
            self.drs_wires.append(Wire(client, in_json({"items": []})))
        return client


class Scene:
    """A poller's clients at 2025-11-28 20:32:29 UTC, an hour before the first credentials expire."""

    def __init__(self, *grants: Answer, role_name: str = "DrsReader", partition: str = "aws") -> None:
        self.clock = VirtualClock()
        self.session = Session(*grants)
        self._of = DrsClients(
            self.session, self.clock, account_id=EAST.account_id, role_name=role_name, partition=partition
        )

    def ask(self, scope: JobScope) -> tuple[str, str]:
        """Call DRS in this scope; return the access key and the Region of the request."""
        client = self._of.client_of(scope)
        client.describe_jobs()
        request: Request = max((wire.requests for wire in self.session.drs_wires), key=len)[-1]
        for wire in self.session.drs_wires:
            wire.requests.clear()
        return request.key_id, request.url.split(".")[1]

    @property
    def assumed(self) -> list[bytes]:
        """The bodies of all requests to STS."""
        return [request.body for wire in self.session.sts_wires for request in wire.requests]


def test_own_account_uses_the_functions_credentials_in_each_region() -> None:
    scene = Scene()
    assert [scene.ask(scope) for scope in (EAST, WEST, EAST)] == [
        ("AKIAOWN", "us-east-1"),
        ("AKIAOWN", "us-west-2"),
        ("AKIAOWN", "us-east-1"),
    ]
    assert (len(scene.session.drs_wires), scene.assumed) == (2, [])


def test_other_account_uses_its_role_assumed_once_for_all_regions() -> None:
    scene = Scene(FIRST)
    assert [scene.ask(scope) for scope in (OTHER_ACCOUNT, OTHER_WEST, OTHER_ACCOUNT, EAST)] == [
        ("AKIAONE", "us-east-1"),
        ("AKIAONE", "us-west-2"),
        ("AKIAONE", "us-east-1"),
        ("AKIAOWN", "us-east-1"),
    ]
    (body,) = scene.assumed
    assert b"RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FDrsReader&" in body
    assert body.startswith(b"Action=AssumeRole&")


def test_role_is_assumed_in_the_partition_of_the_function() -> None:
    scene = Scene(FIRST, partition="aws-us-gov")
    scene.ask(OTHER_ACCOUNT)
    assert b"RoleArn=arn%3Aaws-us-gov%3Aiam" in scene.assumed[0]


def test_credentials_and_clients_are_renewed_10_minutes_before_expiry() -> None:
    scene = Scene(FIRST, SECOND)
    assert scene.ask(OTHER_ACCOUNT) == ("AKIAONE", "us-east-1")
    scene.clock.pass_us(50 * MINUTE_US - 1)
    assert scene.ask(OTHER_ACCOUNT) == ("AKIAONE", "us-east-1")
    scene.clock.pass_us(1)
    assert [scene.ask(scope) for scope in (OTHER_ACCOUNT, OTHER_ACCOUNT)] == [("AKIATWO", "us-east-1")] * 2
    assert (len(scene.assumed), len(scene.session.sts_wires), len(scene.session.drs_wires)) == (2, 1, 2)


def test_other_account_without_a_role_is_refused_naming_the_setting() -> None:
    scene = Scene(role_name="")
    message = r"^account 111122223333 is not the function's own 777788889999: DRS_ROLE_NAME must name the role"
    with pytest.raises(RefusedError, match=message):
        scene.ask(OTHER_ACCOUNT)
    assert scene.ask(EAST) == ("AKIAOWN", "us-east-1")


def test_role_that_denies_access_is_refused_by_its_name() -> None:
    denied = Answer(
        403,
        b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
        b"<RequestId>r-9</RequestId></ErrorResponse>",
    )
    scene = Scene(denied)
    message = (
        r"^AssumeRole \(arn:aws:iam::111122223333:role/DrsReader\): AccessDenied: not you \[HTTP 403, request r-9, "
    )
    with pytest.raises(RefusedError, match=message):
        scene.ask(OTHER_ACCOUNT)


def test_credentials_hide_their_secret_in_repr() -> None:
    credentials = RoleCredentials(key_id="k", secret="hush", token="t", expires_us=1)
    assert "hush" not in repr(credentials)
