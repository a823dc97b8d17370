"""Clients: their configuration, the function's own session, and a DRS client for each account and Region."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3.session
import botocore.session
from botocore.config import Config

from ..errors import RefusedError
from ..model import JobScope
from ..ports import Clock
from .errors import AWS_ERRORS, port_error

if TYPE_CHECKING:
    from mypy_boto3_drs import DrsClient
    from mypy_boto3_sts import STSClient

# A poller runs for at most 5 minutes, so credentials valid for 10 outlast any poll that starts with them.
_RENEWED_BEFORE_US: Final = 10 * 60 * 1_000_000


ATTEMPTS_MAX: Final = 3
CONNECT_TIMEOUT_S: Final = 2
READ_TIMEOUT_S: Final = 5
"""One hanging call must not use up the finder's 60 s. An attempt ends within 2 + 5 = 7 s, a call within 3 * 7 = 21 s
plus waits of at most 1 + 2 = 3 s: 24 s. The usual hang, a connection without an answer, takes 3 * 5 + 3 = 18 s.
(The header x-amz-retry-after may add 5 s to each wait: 34 s.)
"""


def client_config(*, connections_max: int) -> Config:
    """Return the configuration of all clients, which overrides each service's default mode and attempts."""
    return Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=connections_max,
    )


def own_session(*, connections_max: int) -> boto3.session.Session:
    """Return a session with the function's own credentials and Region; all its clients have `client_config`."""
    core = botocore.session.get_session()
    core.set_default_client_config(client_config(connections_max=connections_max))
    return boto3.session.Session(botocore_session=core)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RoleCredentials:
    """The result of AssumeRole, or None for the function's own credentials. It has no repr, to stay out of logs."""

    key_id: str | None = None
    secret: str | None = None
    token: str | None = None
    expires_us: int = 0


_OWN: Final = RoleCredentials()


class DrsClients:
    """A DRS client for each account and Region, created at its first use. Other accounts need a role to assume."""

    def __init__(
        self, session: boto3.session.Session, clock: Clock, *, account_id: str, role_name: str, partition: str = "aws"
    ) -> None:
        self._session = session
        self._clock = clock
        self._account_id = account_id
        self._role_name = role_name
        self._partition = partition
        self._sts: STSClient | None = None
        self._kept: dict[JobScope, tuple[DrsClient, RoleCredentials]] = {}
        self._credentials: dict[str, RoleCredentials] = {}

    def client_of(self, scope: JobScope) -> "DrsClient":
        """Return the client for this account and Region. Raises TryLaterError and RefusedError, as AssumeRole may."""
        credentials = _OWN if scope.account_id == self._account_id else self._role_in(scope.account_id)
        kept = self._kept.get(scope)
        if kept is not None and kept[1] is credentials:
            return kept[0]
        client = self._session.client(
            "drs",
            region_name=scope.region,
            aws_access_key_id=credentials.key_id,
            aws_secret_access_key=credentials.secret,
            aws_session_token=credentials.token,
        )
        self._kept[scope] = client, credentials
        return client

    def _role_in(self, account_id: str) -> RoleCredentials:
        credentials = self._credentials.get(account_id)
        if credentials is None or self._clock.now_us() >= credentials.expires_us - _RENEWED_BEFORE_US:
            credentials = self._credentials[account_id] = self._assume(account_id)
        return credentials

    def _assume(self, account_id: str) -> RoleCredentials:
        if not self._role_name:
            raise RefusedError(
                f"account {account_id} is not the function's own {self._account_id}: DRS_ROLE_NAME must name the role "
                "to take there, got ''"
            )
        role_arn = f"arn:{self._partition}:iam::{account_id}:role/{self._role_name}"
        self._sts = self._sts or self._session.client("sts")
        try:
            keys = self._sts.assume_role(RoleArn=role_arn, RoleSessionName="drs-execution-poller")["Credentials"]
        except AWS_ERRORS as error:
            raise port_error("AssumeRole", error, role_arn) from error
        return RoleCredentials(
            key_id=keys["AccessKeyId"],
            secret=keys["SecretAccessKey"],
            token=keys["SessionToken"],
            expires_us=int(keys["Expiration"].timestamp()) * 1_000_000,
        )
