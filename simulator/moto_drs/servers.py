"""What tests set up of source servers: which there are, and how they replicate."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from drsim.simulator.drs_api import source_properties, source_servers
from drsim.simulator.drs_api.exports import SERVER_ID, add_exported, read_export
from drsim.simulator.drs_api.replication import COURSES, ERRORS
from drsim.simulator.drs_api.source_properties import GIB, Origin
from drsim.simulator.durations import duration_us
from drsim.simulator.moto_drs.models import DRSBackend, backend_of, check_account, has_drs
from drsim.simulator.randomness import Stream
from drsim.simulator.services.spec import JobLife


def add_source_servers(
    account_id: str,
    region: str,
    servers: int | Iterable[str],
    *,
    life: JobLife | None = None,
    tags: Mapping[str, str] | None = None,
    staging_account_id: str | None = None,
    origin: Origin = "ON_PREMISES",
    origin_account_id: str | None = None,
    origin_region: str | None = None,
    disks_bytes: Sequence[int] = (8 * GIB,),
    properties: Mapping[str, Any] | None = None,
    replication: str = "CONTINUOUS",
) -> list[str]:
    """Create source servers (a count, or the given ids) and return their ids.

    `life` is the life of jobs that begin with one of them; an existing server is replaced. They replicate to
    `staging_account_id`, by default their own account. Servers of `origin` "AWS" are EC2 instances, by default of this
    account and Region. `properties` are members of sourceProperties, in place of those made up from the id.
    `replication` is the state that begins now: "INITIATING" for servers whose agent has just been installed.
    Raises ValueError for an id that DRS could not have issued, and for an unknown state, origin, account or Region.
    """
    backend = backend_of(account_id, region)
    cloud = _cloud(origin, origin_account_id, origin_region, backend)
    for size in disks_bytes:
        _check_whole("disks_bytes must be >= 0", size)
    if staging_account_id is not None:
        check_account("staging_account_id", staging_account_id)
    _check_state(replication)
    world = backend.world
    ids = _new_ids(backend, servers) if isinstance(servers, int) else server_ids_of(servers, "servers")
    for server_id in ids:
        if not SERVER_ID.fullmatch(server_id):
            raise ValueError(f"a source server's id must match {SERVER_ID.pattern}, got {server_id!r}")
    machine = partial(source_properties.members, disks_bytes=disks_bytes, properties=properties, cloud=cloud)
    members = [machine(server_id) for server_id in ids]
    world.service.add_servers(backend.scope, ids, JobLife() if life is None else life)
    for server_id, shown in zip(ids, members, strict=True):
        made = source_servers.add(backend.region, server_id, shown, replication)
        made.staging_account_id = "" if staging_account_id in (None, account_id) else str(staging_account_id)
        if tags is not None:
            world.tags[_arn(backend, server_id)] = dict(tags)
    return ids


def load_source_servers(
    account_id: str, region: str, source: str | Path | Mapping[str, Any], *, life: JobLife | None = None
) -> list[str]:
    """Create the source servers of a real account from an answer of describe-source-servers; return their ids.

    `source` is the path of its JSON, as the AWS CLI prints it, or the answer itself. Servers are shown with all members
    that the answer has, known to botocore's model or not, but with the ARN and the own staging account of this account.
    Raises ValueError for what is no such answer, and OSError for a file that cannot be read.
    """
    backend = backend_of(account_id, region)
    items = read_export(source)
    ids = [item["sourceServerID"] for item in items]
    backend.world.service.add_servers(backend.scope, ids, JobLife() if life is None else life)
    for item in items:
        backend.world.tags[_arn(backend, item["sourceServerID"])] = dict(item.get("tags") or {})
        add_exported(backend.region, item)
    return ids


def set_replication(
    account_id: str,
    region: str,
    server_id: str,
    state: str,
    *,
    error: str = "",
    raw_error: str = "",
    lag: str | int = 0,
) -> None:
    """Let a source server replicate in another state from now on.

    INITIATING, INITIAL_SYNC, CREATING_SNAPSHOT and RESCAN lead to CONTINUOUS in time; BACKLOG, PAUSED, STALLED, STOPPED
    and DISCONNECTED last until the next call; CONTINUOUS ends any of them. `error`, such as AGENT_NOT_SEEN or
    FAILED_TO_LAUNCH_REPLICATION_SERVER, is for STALLED only. `lag` is a duration such as "11m", or microseconds, at
    which the state begins; it grows in all states but CONTINUOUS. Raises ValueError for an unknown server or value.
    """
    _check_state(state)
    if error and state != "STALLED":
        raise ValueError(f"state must be STALLED for a server with an error, got {state}")
    if error and error not in ERRORS:
        raise ValueError(f"error must be one of {', '.join(ERRORS)}, got {error!r}")
    backend = backend_of(account_id, region)
    if server_id not in backend.world.service.servers(backend.scope):
        raise ValueError(f"server_id must be a source server of {account_id} in {region}, got {server_id!r}")
    lag_us = duration_us(lag) if isinstance(lag, str) else lag
    _check_whole("lag must be a duration such as '11m', or microseconds >= 0", lag_us)
    found = source_servers.record(backend.region, server_id)
    first = {"error": error, "raw_error": raw_error, "lag_us": lag_us}
    source_servers.change(backend.region, found, COURSES[state], **first)


def remove_staging_role(staging_account_id: str, region: str, target_account_id: str) -> None:
    """Let the role of a staging account for a target account be missing, which exists at first (assumed).

    The target's calls for that account get AccessDeniedException, and its extended servers have EXTENSION_ERROR.
    """
    check_account("target_account_id", target_account_id)
    servers = backend_of(staging_account_id, region).region.part(source_servers.Servers)
    servers.untrusted.add(target_account_id)


def server_ids_of(given: object, name: str = "server_ids") -> list[str]:
    """The ids that an argument lists. Raises ValueError for what is no list of texts, such as a text itself."""
    ids = list(given) if isinstance(given, Iterable) else []
    found = [each for each in ids if isinstance(each, str)]
    if isinstance(given, str) or not isinstance(given, Iterable) or len(found) < len(ids):
        raise ValueError(f"{name} must be a list of ids of source servers, got {given!r}")
    return found


def _check_whole(rule: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{rule}, got {value!r}")


def _cloud(origin: str, account_id: str | None, region: str | None, backend: DRSBackend) -> dict[str, str] | None:
    """The sourceCloudProperties of servers of that origin. Raises ValueError for an impossible one."""
    if origin not in ("ON_PREMISES", "AWS"):
        raise ValueError(f"origin must be ON_PREMISES or AWS, got {origin!r}")
    if origin == "ON_PREMISES":
        if account_id or region:
            text = "origin must be AWS for servers with an origin_account_id or origin_region, got ON_PREMISES"
            raise ValueError(text)
        return None
    account_id, region = account_id or backend.account_id, region or backend.region_name
    check_account("origin_account_id", account_id)
    if not has_drs(account_id, region):
        raise ValueError(f"origin_region must be one that has DRS, such as us-east-1, got {region!r}")
    return {"originAccountID": account_id, "originRegion": region, "originAvailabilityZone": f"{region}a"}


def _new_ids(backend: DRSBackend, count: int) -> list[str]:
    if count < 0 or isinstance(count, bool):
        raise ValueError(f"servers must be >= 0, got {count}")
    # One stream for each account and Region: two calls return the same ids as one call for all.
    stream = Stream(0, f"moto-drs/{backend.account_id}/{backend.region_name}/servers")
    known = backend.world.service.servers(backend.scope)
    drawn = (f"s-{stream.hexadecimal(16)}{stream.hexadecimal(1)}" for _ in repeat(None))
    return list(islice((server_id for server_id in drawn if server_id not in known), count))


def _arn(backend: DRSBackend, server_id: str) -> str:
    return backend.region.frame.arn(source_servers.TYPE, server_id)


def _check_state(state: str) -> None:
    if state not in COURSES:
        raise ValueError(f"state must be one of {', '.join(COURSES)}, got {state!r}")
