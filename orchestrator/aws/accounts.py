"""Clients of one Lambda environment: those of the function's own account, and DRS's of any account and Region.

Owns which credentials a client has. Makes each client when it is first asked for, in the caller's thread.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3.session

from ..errors import RefusedError
from ..model import JobScope
from ..ports import Clock
from .config import client_config
from .errors import AWS_ERRORS, port_error

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_drs import DrsClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sts import STSClient

_RENEWED_BEFORE_US: Final = 10 * 60 * 1_000_000
"""A poller lives for 5 minutes at most, so credentials that are good for 10 outlast any poll that begins with them."""

_SESSION_NAME: Final = "drs-execution-poller"


class OwnClients:
    """Clients with the function's own credentials, in its own Region."""

    def __init__(self, *, connections_max: int) -> None:
        self._session = boto3.session.Session()
        self._config = client_config(connections_max=connections_max)

    def dynamodb(self) -> "DynamoDBClient":
        """A client of DynamoDB."""
        return self._session.client("dynamodb", config=self._config)

    def lambda_(self) -> "LambdaClient":
        """A client of Lambda."""
        return self._session.client("lambda", config=self._config)

    def cloudwatch(self) -> "CloudWatchClient":
        """A client of CloudWatch."""
        return self._session.client("cloudwatch", config=self._config)

    def sts(self) -> "STSClient":
        """A client of STS."""
        return self._session.client("sts", config=self._config)

    def drs(self, region: str, credentials: "RoleCredentials | None" = None) -> "DrsClient":
        """A client of DRS in a Region, of the account that the credentials belong to."""
        if credentials is None:
            return self._session.client("drs", region_name=region, config=self._config)
        return self._session.client(
            "drs",
            region_name=region,
            config=self._config,
            aws_access_key_id=credentials.key_id,
            aws_secret_access_key=credentials.secret,
            aws_session_token=credentials.token,
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RoleCredentials:
    """What AssumeRole gave, and until when it is good. Has no repr, so that no log can show it."""

    key_id: str
    secret: str
    token: str
    expires_us: int


class DrsClients:
    """A DRS client for each account and Region. In other accounts it takes the role of the given name there."""

    def __init__(
        self, clients: OwnClients, clock: Clock, *, account_id: str, role_name: str, partition: str = "aws"
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._account_id = account_id
        self._role_name = role_name
        self._partition = partition
        self._sts: STSClient | None = None
        self._kept: dict[JobScope, tuple[DrsClient, RoleCredentials | None]] = {}
        self._credentials: dict[str, RoleCredentials] = {}

    def client_of(self, scope: JobScope) -> "DrsClient":
        """The client for this account and Region. Raises TryLaterError and RefusedError, as AssumeRole may."""
        credentials = None if scope.account_id == self._account_id else self._role_in(scope.account_id)
        kept = self._kept.get(scope)
        if kept is not None and kept[1] is credentials:
            return kept[0]
        client = self._clients.drs(scope.region, credentials)
        self._kept[scope] = client, credentials
        return client

    def _role_in(self, account_id: str) -> RoleCredentials:
        """Credentials in another account that are good for a while yet: one AssumeRole serves all Regions."""
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
        self._sts = self._sts or self._clients.sts()
        try:
            granted = self._sts.assume_role(RoleArn=role_arn, RoleSessionName=_SESSION_NAME)["Credentials"]
        except AWS_ERRORS as error:
            raise port_error("AssumeRole", error, role_arn) from error
        return RoleCredentials(
            key_id=granted["AccessKeyId"],
            secret=granted["SecretAccessKey"],
            token=granted["SessionToken"],
            expires_us=int(granted["Expiration"].timestamp()) * 1_000_000,
        )
