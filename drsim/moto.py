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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from drsim.scenarios.extras import needs

_OLDEST: Final = (5, 2)
_NEXT_MAJOR: Final = 6


def check_version(version: str) -> None:
    """Raise ImportError for a release of moto that this backend does not fit."""
    major, minor = (int(part) for part in version.split(".")[:2])
    if not _OLDEST <= (major, minor) < (_NEXT_MAJOR, 0):
        text = f"drsim.moto works with moto 5.2 and later releases of moto 5; moto {version} is installed"
        raise ImportError(f'{text}: pip install "drsim[moto]"', name="moto")


with needs("moto", "drsim.moto"):
    import boto3
    import moto

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
        throttle,
        uninitialize,
    )

__all__ = ["AccessDeniedError", "DRSError", "Drs", "FakeDrs", "InternalServerError", "JobLife", "ThrottlingError"]
__all__ += ["add_source_servers", "advance", "attach", "calls", "detach", "fail_launches", "fail_next"]
__all__ += ["fake_drs", "load_source_servers", "pair_failback_client", "remove_staging_role", "set_quotas"]
__all__ += ["set_replication", "set_source_network", "throttle", "uninitialize"]


class FakeDrs:
    """DRS on moto in one account and Region, as a test sets it up and looks at it; see `drsim.moto` for the rest."""

    def __init__(self, account_id: str = "123456789012", region: str = "us-east-1") -> None:
        self.account_id = account_id
        self.region = region

    def client(self, service: str = "drs") -> Any:
        """A boto3 client of the Region, for drs or any other service of moto."""
        return boto3.client(service, self.region)  # type: ignore[call-overload]

    def add_source_servers(self, servers: int | Iterable[str] = 1, **options: Any) -> list[str]:
        """Create source servers (a count, or the given ids) and return their ids; options as `add_source_servers`."""
        return add_source_servers(self.account_id, self.region, servers, **options)

    def advance(self, minutes: float) -> None:
        """Move DRS's clock forward, and send the events of that time."""
        advance(minutes)

    def calls(self, operation: str = "") -> list[dict[str, Any]]:
        """The calls so far, of one operation or of all, oldest first, each as CloudTrail records it."""
        return calls(self.account_id, self.region, operation)

    def fail_next(self, operation: str, error: DRSError, *, times: int = 1) -> None:
        """Let the next calls of an operation fail. botocore's retries count as calls."""
        fail_next(self.account_id, self.region, operation, error, times=times)

    def throttle(self, *, rate: float, burst: int = 1, operation: str = "") -> None:
        """Let calls beyond `rate` a second, or beyond `burst` at once, get ThrottlingException."""
        throttle(self.account_id, self.region, rate=rate, burst=burst, operation=operation)

    def set_quotas(self, quotas: Drs) -> None:
        """Set other quotas than AWS's, or another page size."""
        set_quotas(self.account_id, self.region, quotas)


@contextmanager
def fake_drs() -> Iterator[FakeDrs]:
    """`mock_aws` with an empty DRS of moto's default account; the fixture `drs` of the pytest plugin is this.

    AWS_DEFAULT_REGION is us-east-1 meanwhile, unless it is set; moto sets credentials in the same way.
    """
    given = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = given or "us-east-1"
    try:
        with moto.mock_aws():
            yield FakeDrs()
    finally:
        if given is None:
            del os.environ["AWS_DEFAULT_REGION"]
