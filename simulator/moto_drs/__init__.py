"""AWS Elastic Disaster Recovery for moto, which has none: import this, and `mock_aws` and moto's server answer for drs.

    import boto3, drsim.simulator.moto_drs as moto_drs
    from moto import mock_aws

    with mock_aws():
        ids = moto_drs.add_source_servers("123456789012", "us-east-1", 2)
        drs = boto3.client("drs", "us-east-1")
        drs.start_recovery(sourceServers=[{"sourceServerID": each} for each in ids], isDrill=True)

moto 5.2.5 has no plug-in interface: this puts itself where moto looks for its own services. Each account and Region has
its own state until moto's next reset. docs/moto-drs.md says what is modelled.
"""

import math
import re
import sys
from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Final

import moto
from moto import backend_index

from drsim.simulator.drs_api.failback import pair
from drsim.simulator.drs_api.jobs import start_aws_job as start_job
from drsim.simulator.drs_api.networks import network
from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.drs_api.region import DrsWorld
from drsim.simulator.moto_drs import ec2, exceptions, models, responses, urls
from drsim.simulator.moto_drs.bus import send_events
from drsim.simulator.moto_drs.exceptions import AccessDeniedError, DRSError, InternalServerError, ThrottlingError
from drsim.simulator.moto_drs.models import (
    DRSBackend,
    HostClock,
    backend_of,
    drs_backends,
    known_backends,
    settle_all,
)
from drsim.simulator.moto_drs.servers import (
    add_source_servers,
    load_source_servers,
    remove_staging_role,
    server_ids_of,
    set_replication,
)
from drsim.simulator.moto_drs.throttling import Bucket, Throttles
from drsim.simulator.moto_drs.trail import Trail
from drsim.simulator.services.drs import DrsRefusedError, DrsService
from drsim.simulator.services.network_jobs import NetworkOutcome
from drsim.simulator.services.spec import Drs, JobLife

__all__ = ["AccessDeniedError", "DRSError", "Drs", "InternalServerError", "JobLife", "ThrottlingError", "drs_backends"]
__all__ += ["add_source_servers", "advance", "attach", "calls", "detach", "fail_launches", "fail_next"]
__all__ += ["load_source_servers", "pair_failback_client", "register", "remove_staging_role", "set_quotas"]
__all__ += ["set_replication", "set_source_network", "start_aws_job", "throttle", "uninitialize"]

LAST_US: Final = 221_845_392_000_000_000
"""The begin of the year 9000 in Unix microseconds: answers hold later times as well, and Python ends with 9999."""


def register() -> None:
    """Register this backend with moto, in place of a drs of moto's own; importing the package does it."""
    # moto imports "moto.<service>" and takes "<service>_backends" from it.
    moto.drs = sys.modules["moto.drs"] = sys.modules[__name__]  # type: ignore[attr-defined]
    for module in (exceptions, models, responses, urls):
        sys.modules[f"moto.drs.{module.__name__.rpartition('.')[2]}"] = module
    ec2.watch()
    # moto's server and its stubber hold the list itself, so it must be changed in place.
    others = [entry for entry in backend_index.backend_url_patterns if entry[0] != "drs"]
    backend_index.backend_url_patterns[:] = [*others, *(("drs", re.compile(base)) for base in urls.url_bases)]


def uninitialize(account_id: str, region: str) -> None:
    """Let later calls there get UninitializedAccountException, as before DRS is set up; tag calls do not."""
    backend = backend_of(account_id, region)
    backend.world.uninitialized.add(backend.scope)


def pair_failback_client(
    account_id: str, region: str, instance_id: str, *, to_original: bool = True, error: str = ""
) -> str:
    """Let a Failback Client pair with a recovery instance of an on-premises server, and return the client's id.

    Its data is then copied; the failback can be launched once that is done. The client runs on the original machine,
    or on another one. With an error, such as "FAILBACK_CLIENT_NOT_SEEN", it stalls until the failback is stopped.
    Raises ValueError for an unknown error, and for an instance that cannot be paired now.
    """
    return pair(backend_of(account_id, region).region, instance_id, to_original=to_original, error=error)


def set_source_network(
    account_id: str, region: str, network_id: str, *, problem: str = "", outcome: NetworkOutcome | str = "SUCCESS"
) -> None:
    """Let a source network's replication be in ERROR with this problem, and its later recoveries have this outcome.

    An outcome is SUCCESS, PARTIAL_SUCCESS (deployed, its servers not configured) or FAIL. Raises ValueError for another
    outcome, and for an unknown network.
    """
    try:
        known = network(backend_of(account_id, region).region, network_id)
    except DrsRefusedError:
        raise ValueError(
            f"network_id must be a source network of {account_id} in {region}, got {network_id!r}"
        ) from None
    known.problem, known.outcome = problem, NetworkOutcome(outcome)


def set_quotas(account_id: str, region: str, quotas: Drs) -> None:
    """Set other quotas, or another page size, than AWS's. In an attached world they hold everywhere.

    Raises ValueError for what is no Drs.
    """
    if not isinstance(quotas, Drs):
        raise ValueError(f"quotas must be a Drs such as Drs(jobs_max=2), got {quotas!r}")
    backend_of(account_id, region).world.service.spec = quotas


def fail_launches(account_id: str, region: str, server_ids: Iterable[str], *, fail: bool = True) -> None:
    """Let all later launches of these source servers fail, or launch again, whatever the lives of their jobs.

    Raises ValueError for an unknown source server.
    """
    backend, ids = backend_of(account_id, region), server_ids_of(server_ids)
    service = backend.world.service
    for server_id in ids:
        # A server may have been deleted since it was set to fail.
        if server_id not in service.servers(backend.scope) and (fail or server_id not in service.doomed):
            raise ValueError(f"server_ids must be source servers of {account_id} in {region}, got {server_id!r}")
    (service.doomed.update if fail else service.doomed.difference_update)(ids)


def start_aws_job(account_id: str, region: str, server_ids: Iterable[str], initiated_by: str) -> str:
    """Start a job that no call of DRS starts, and return its id.

    One that "TARGET_ACCOUNT" initiates makes converted snapshots of servers that are staged here, a "DIAGNOSTIC" one of
    AWS Support launches them as a drill (both assumed). Raises ValueError for another initiator, and for servers that
    are unknown, busy, or cannot be launched.
    """
    ids, here = server_ids_of(server_ids), backend_of(account_id, region).region
    if not ids:
        raise ValueError("server_ids must have at least 1 id, got []")
    try:
        return start_job(here, ids, initiated_by).job_id
    except DrsRefusedError as error:
        raise ValueError(
            f"server_ids must be source servers that can be launched, got {ids}: {error.message}"
        ) from None


def fail_next(account_id: str, region: str, operation: str, error: DRSError, *, times: int = 1) -> None:
    """Let the next calls of an operation, such as "DescribeJobs", fail. botocore's retries count as calls.

    Raises ValueError for an operation that is not modelled, for what is no DRSError, and for `times` below 1.
    """
    _check_operation(operation)
    if not isinstance(error, DRSError):
        raise ValueError(f"error must be a DRSError such as ThrottlingError(), got {error!r}")
    if times < 1:
        raise ValueError(f"times must be >= 1, got {times}")
    backend = backend_of(account_id, region)
    backend.world.failures.setdefault((backend.scope, operation), []).extend([error] * times)


def _check_operation(operation: str) -> None:
    if operation not in OPERATIONS:
        raise ValueError(f"operation must be one of {', '.join(sorted(OPERATIONS))}, got {operation!r}")


def throttle(account_id: str, region: str, *, rate: float, burst: int = 1, operation: str = "") -> None:
    """Let calls there beyond `rate` a second, or beyond `burst` at once, get ThrottlingException.

    For one operation, or for all calls together. DRS's clock fills the bucket: with a frozen clock, move it. AWS
    publishes no rates. Raises ValueError for an operation that is not modelled, and for a rate or burst of nothing.
    """
    _check_operation(operation or "DescribeJobs")
    # A rate that is no number passes no comparison.
    if not 0 < rate < math.inf or burst < 1:
        raise ValueError(f"rate must be > 0 and burst >= 1, got {rate} and {burst}")
    backend_of(account_id, region).region.part(Throttles).buckets[operation] = Bucket(rate, burst)


def calls(account_id: str, region: str, operation: str = "") -> list[dict[str, Any]]:
    """The calls to DRS there, of one operation or of all, oldest first, each as CloudTrail records it.

    `eventName` is the operation, `requestParameters` its members; `errorCode` is there for a refused call alone. The
    last 10,000 are kept.
    """
    records = backend_of(account_id, region).region.part(Trail).records
    return [deepcopy(each) for each in records if operation in ("", each["eventName"])]


def advance(minutes: float) -> None:
    """Move DRS's clock forward in all accounts and Regions, until moto's next reset. The host's clock stays.

    Recovery plans start the jobs of the time passed, and its events are sent; `advance(0)` does what is due.

    Raises ValueError for a negative number and for a time after the year 9000, and RuntimeError while a DRS is
    attached, which has a clock of its own.
    """
    if DRSBackend.attached is not None:
        raise RuntimeError("advance() while a DRS is attached; move the clock of that DRS")
    most = (LAST_US - HostClock().now_us) / 60_000_000
    # A float that is no number passes no comparison.
    if not minutes >= 0:
        raise ValueError(f"minutes must be >= 0, got {minutes}")
    if minutes > most:
        raise ValueError(f"minutes must be <= {most:.0f}, which is the year 9000, got {minutes}")
    # moto resets only backends that exist, and a reset takes the clock back.
    _ = drs_backends["123456789012"]["us-east-1"]
    HostClock.ahead_us += round(minutes * 60_000_000)
    settle_all()
    for backend in known_backends():
        send_events(backend.region)


def attach(service: DrsService, *, epoch_us: int) -> None:
    """Let all backends, of every account and Region, answer from this DRS until `detach`, also after moto's resets.

    Its clock counts from `epoch_us`, in Unix microseconds. Raises RuntimeError if one is attached already.
    """
    if DRSBackend.attached is not None:
        raise RuntimeError("attach() while a DRS is attached; call detach() first")
    DRSBackend.attached = DrsWorld(service, epoch_us, outside=models.MotoServices())


def detach() -> None:
    """Let each backend answer from its own world again, if a DRS is attached."""
    DRSBackend.attached = None


register()
