"""AWS Elastic Disaster Recovery for moto: import this, and `mock_aws` and moto's server answer for drs.

    import boto3, drsim.moto
    from moto import mock_aws

    with mock_aws():
        ids = drsim.moto.add_source_servers("123456789012", "us-east-1", 2)
        drs = boto3.client("drs", "us-east-1")
        drs.start_recovery(sourceServers=[{"sourceServerID": each} for each in ids], isDrill=True)
        drsim.moto.advance(minutes=30)

The fixture `drs` of drsim's pytest plugin is a FakeDrs. Needs `pip install "drsim[moto]"`.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from drsim.scenarios.extras import needs

_OLDEST: Final = (5, 2)
_NEXT_MAJOR: Final = 6
_REGION: Final = "us-east-1"


def check_version(version: str) -> None:
    """Raise ImportError for a release of moto that this backend does not fit."""
    major, minor = (int(part) for part in version.split(".")[:2])
    if not _OLDEST <= (major, minor) < (_NEXT_MAJOR, 0):
        text = f"drsim.moto works with moto 5.2 and later releases of moto 5; moto {version} is installed"
        raise ImportError(f'{text}: pip install "drsim[moto]"', name="moto")


with needs("moto", "drsim.moto"):
    import boto3
    import moto
    from moto.core.models import DEFAULT_ACCOUNT_ID

check_version(moto.__version__)

with needs("moto", "drsim.moto"):
    from drsim.simulator.moto_drs import (
        AccessDeniedError,
        Drs,
        DRSError,
        InternalServerError,
        JobLife,
        ThrottlingError,
        add_source_servers,
        advance,
        attach,
        calls,
        detach,
        fail_launches,
        fail_next,
        load_source_servers,
        pair_failback_client,
        remove_staging_role,
        set_quotas,
        set_replication,
        set_source_network,
        start_aws_job,
        throttle,
        uninitialize,
    )

__all__ = ["AccessDeniedError", "DRSError", "Drs", "FakeDrs", "InternalServerError", "JobLife", "ThrottlingError"]
__all__ += ["add_source_servers", "advance", "attach", "calls", "detach", "fail_launches", "fail_next"]
__all__ += ["fake_drs", "load_source_servers", "pair_failback_client", "remove_staging_role", "set_quotas"]
__all__ += ["set_replication", "set_source_network", "start_aws_job", "throttle", "uninitialize"]


class FakeDrs:
    """DRS on moto in one account and Region, as a test sets it up and looks at it.

    The methods are the functions of `drsim.moto` without account and Region. By default those are the ones of boto3's
    clients: the Region of AWS_DEFAULT_REGION, or us-east-1, and the account of MOTO_ACCOUNT_ID, or 123456789012.
    """

    def __init__(self, account_id: str | None = None, region: str | None = None) -> None:
        self.account_id = account_id or os.environ.get("MOTO_ACCOUNT_ID") or DEFAULT_ACCOUNT_ID
        self.region = region or os.environ.get("AWS_DEFAULT_REGION") or _REGION

    def client(self, service: str = "drs") -> Any:
        """A boto3 client of the Region, for drs or any other service of moto."""
        return boto3.client(service, self.region)  # type: ignore[call-overload]

    def add_source_servers(self, servers: int | Iterable[str] = 1, **options: Any) -> list[str]:
        """Create source servers (a count, or the given ids) and return their ids; options as `add_source_servers`."""
        return add_source_servers(self.account_id, self.region, servers, **options)

    def load_source_servers(self, source: str | Path | Mapping[str, Any], *, life: JobLife | None = None) -> list[str]:
        """Create the source servers of a real account from an answer of describe-source-servers; return their ids."""
        return load_source_servers(self.account_id, self.region, source, life=life)

    def set_replication(self, server_id: str, state: str, **options: Any) -> None:
        """Let a source server replicate in another state from now on; options as `set_replication`."""
        set_replication(self.account_id, self.region, server_id, state, **options)

    def remove_staging_role(self, target_account_id: str) -> None:
        """Let the role of this staging account for a target account be missing."""
        remove_staging_role(self.account_id, self.region, target_account_id)

    def uninitialize(self) -> None:
        """Let later calls get UninitializedAccountException, until InitializeService."""
        uninitialize(self.account_id, self.region)

    def pair_failback_client(self, instance_id: str, *, to_original: bool = True, error: str = "") -> str:
        """Let a Failback Client pair with a recovery instance of an on-premises server, and return the client's id."""
        return pair_failback_client(self.account_id, self.region, instance_id, to_original=to_original, error=error)

    def set_source_network(self, network_id: str, *, problem: str = "", outcome: str = "SUCCESS") -> None:
        """Let a source network's replication be in ERROR with this problem, and its recoveries have this outcome."""
        set_source_network(self.account_id, self.region, network_id, problem=problem, outcome=outcome)

    def advance(self, minutes: float) -> None:
        """Move DRS's clock forward, and send the events of that time."""
        advance(minutes)

    def calls(self, operation: str = "") -> list[dict[str, Any]]:
        """The calls so far, of one operation or of all, oldest first, each as CloudTrail records it."""
        return calls(self.account_id, self.region, operation)

    def fail_launches(self, server_ids: Iterable[str], *, fail: bool = True) -> None:
        """Let all later launches of these source servers fail, or launch again."""
        fail_launches(self.account_id, self.region, server_ids, fail=fail)

    def fail_next(self, operation: str, error: DRSError, *, times: int = 1) -> None:
        """Let the next calls of an operation fail. botocore's retries count as calls."""
        fail_next(self.account_id, self.region, operation, error, times=times)

    def start_aws_job(self, server_ids: Iterable[str], initiated_by: str) -> str:
        """Start a job that no call of DRS starts, by "TARGET_ACCOUNT" or "DIAGNOSTIC", and return its id."""
        return start_aws_job(self.account_id, self.region, server_ids, initiated_by)

    def throttle(self, *, rate: float, burst: int = 1, operation: str = "") -> None:
        """Let calls beyond `rate` a second, or beyond `burst` at once, get ThrottlingException."""
        throttle(self.account_id, self.region, rate=rate, burst=burst, operation=operation)

    def set_quotas(self, quotas: Drs) -> None:
        """Set other quotas than AWS's, or another page size."""
        set_quotas(self.account_id, self.region, quotas)


@contextmanager
def fake_drs() -> Iterator[FakeDrs]:
    """`mock_aws` with an empty DRS where boto3's clients look; the fixture `drs` of the pytest plugin is this.

    AWS_DEFAULT_REGION is us-east-1 meanwhile, unless it is set; moto sets credentials in the same way.
    """
    given = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = given or _REGION
    try:
        with moto.mock_aws():
            yield FakeDrs()
    finally:
        if given is None:
            del os.environ["AWS_DEFAULT_REGION"]
        else:
            os.environ["AWS_DEFAULT_REGION"] = given
