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

import re
import sys
from collections.abc import Iterable, Mapping
from itertools import islice, repeat
from typing import Final

import moto
from moto import backend_index

from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.drs_api.region import DrsWorld
from drsim.simulator.moto_drs import exceptions, models, responses, urls
from drsim.simulator.moto_drs.exceptions import AccessDeniedError, DRSError, InternalServerError, ThrottlingError
from drsim.simulator.moto_drs.models import DRSBackend, drs_backends
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs, JobLife

__all__ = ["AccessDeniedError", "DRSError", "Drs", "InternalServerError", "JobLife", "ThrottlingError", "drs_backends"]
__all__ += ["add_source_servers", "attach", "detach", "fail_launches", "fail_next", "register"]
__all__ += ["set_quotas", "uninitialize"]

_SERVER_ID: Final = re.compile(r"s-[0-9a-zA-Z]{17}")


def register() -> None:
    """Register this backend with moto, in place of a drs of moto's own; importing the package does it."""
    # moto imports "moto.<service>" and takes "<service>_backends" from it.
    moto.drs = sys.modules["moto.drs"] = sys.modules[__name__]  # type: ignore[attr-defined]
    for module in (exceptions, models, responses, urls):
        sys.modules[f"moto.drs.{module.__name__.rpartition('.')[2]}"] = module
    # moto's server and its stubber hold the list itself, so it must be changed in place.
    others = [entry for entry in backend_index.backend_url_patterns if entry[0] != "drs"]
    backend_index.backend_url_patterns[:] = [*others, *(("drs", re.compile(base)) for base in urls.url_bases)]


def add_source_servers(
    account_id: str,
    region: str,
    servers: int | Iterable[str],
    *,
    life: JobLife | None = None,
    tags: Mapping[str, str] | None = None,
    staging_account_id: str | None = None,
) -> list[str]:
    """Create source servers (a count, or the given ids) and return their ids.

    `life` is the life of jobs that begin with one of them; an existing server gets the new one. They replicate to
    `staging_account_id`, by default their own account. Raises ValueError for an id that DRS could not have issued.
    """
    backend = drs_backends[account_id][region]
    world = backend.world
    ids = _new_ids(backend, servers) if isinstance(servers, int) else list(servers)
    for server_id in ids:
        if not _SERVER_ID.fullmatch(server_id):
            raise ValueError(f"a source server's id must match {_SERVER_ID.pattern}, got {server_id!r}")
    world.service.add_servers(backend.scope, ids, JobLife() if life is None else life)
    arns = [backend.region.frame.arn("source-server", server_id) for server_id in ids]
    if tags is not None:
        world.tags.update((arn, dict(tags)) for arn in arns)
    if staging_account_id is not None:
        world.staging_account_ids.update(dict.fromkeys(arns, staging_account_id))
    return ids


def _new_ids(backend: DRSBackend, count: int) -> list[str]:
    if count < 0:
        raise ValueError(f"servers must be >= 0, got {count}")
    # One stream for each account and Region: two calls return the same ids as one call for all.
    stream = Stream(0, f"moto-drs/{backend.account_id}/{backend.region_name}/servers")
    known = backend.world.service.servers(backend.scope)
    drawn = (f"s-{stream.hexadecimal(16)}{stream.hexadecimal(1)}" for _ in repeat(None))
    return list(islice((server_id for server_id in drawn if server_id not in known), count))


def uninitialize(account_id: str, region: str) -> None:
    """Let later calls there get UninitializedAccountException, as before DRS is set up; tag calls do not."""
    backend = drs_backends[account_id][region]
    backend.world.uninitialized.add(backend.scope)


def set_quotas(account_id: str, region: str, quotas: Drs) -> None:
    """Set other quotas, or another page size, than AWS's. In an attached world they hold everywhere."""
    drs_backends[account_id][region].world.service.spec = quotas


def fail_launches(account_id: str, region: str, server_ids: Iterable[str], *, fail: bool = True) -> None:
    """Let all later launches of these source servers fail, or launch again, whatever the lives of their jobs."""
    doomed = drs_backends[account_id][region].world.service.doomed
    (doomed.update if fail else doomed.difference_update)(server_ids)


def fail_next(account_id: str, region: str, operation: str, error: DRSError, *, times: int = 1) -> None:
    """Let the next calls of an operation, such as "DescribeJobs", fail. botocore's retries count as calls.

    Raises ValueError for an operation that is not modelled, and for `times` below 1.
    """
    if operation not in OPERATIONS:
        raise ValueError(f"operation must be one of {', '.join(sorted(OPERATIONS))}, got {operation!r}")
    if times < 1:
        raise ValueError(f"times must be >= 1, got {times}")
    backend = drs_backends[account_id][region]
    backend.world.failures.setdefault((backend.scope, operation), []).extend([error] * times)


def attach(service: DrsService, *, epoch_us: int) -> None:
    """Let all backends, of every account and Region, answer from this DRS until `detach`, also after moto's resets.

    Its clock counts from `epoch_us`, in Unix microseconds. Raises RuntimeError if one is attached already.
    """
    if DRSBackend.attached is not None:
        raise RuntimeError("attach() while a DRS is attached; call detach() first")
    DRSBackend.attached = DrsWorld(service, epoch_us)


def detach() -> None:
    """Let each backend answer from its own world again, if a DRS is attached."""
    DRSBackend.attached = None


register()
