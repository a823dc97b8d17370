"""The account as a whole: initialization, and source servers that are staged in other accounts.

Source: DRS user guide, multiple accounts; the texts of refusals are from operators' logs of 2025.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Final

from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, not_found, validation_error
from drsim.simulator.drs_api.source_servers import TYPE, ServerRecord, Servers, record, shown
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs import DrsRefusedError

_INHERITED: Final = ("agentVersion", "sourceCloudProperties", "sourceProperties")
"""Members that an extended server shares with its staging server."""


def initialize_service(region: DrsRegion, _: Members) -> Answer:
    """End an account's being uninitialized; in an initialized one, do nothing."""
    region.world.uninitialized.discard(region.scope)
    return None


def list_staging_accounts(region: DrsRegion, _: Members) -> Answer:
    """The accounts in which extended servers of this account are staged, in ascending order."""
    found = {server.staging_account_id for server in _records(region) if server.staging_account_id}
    return [{"accountID": account_id} for account_id in sorted(found)]


def list_extensible_source_servers(region: DrsRegion, request: Members) -> Answer:
    """The servers of a staging account that are not extended into this account and extend no other themselves."""
    staging = _staging(region, request["stagingAccountID"], region.scope.region, "stagingAccountID")
    extended = {server.staging_arn for server in _records(region)}
    answers = []
    for server in _records(staging):
        identity = staging.frame.identity(TYPE, server.server_id)
        if not server.staging_account_id and identity["arn"] not in extended:
            hints = server.members.get("sourceProperties", {}).get("identificationHints", {})
            answers.append({"hostname": hints.get("hostname", ""), **identity})
    return answers


def create_extended_source_server(region: DrsRegion, request: Members) -> Answer:
    """Add a server that extends one of a staging account: with its properties, settings, replication and life.

    Raises AccessDeniedException if the staging account lacks the role, ResourceNotFoundException for a server that it
    does not have, and ValidationException for one that cannot be extended.
    """
    arn = request["sourceServerArn"]
    _, _, _, name, account_id, resource = arn.split(":", 5)
    staging, server_id = _staging(region, account_id, name, "sourceServerArn"), resource.rpartition("/")[2]
    # Comparing whole ARNs refuses those of other services and partitions.
    if arn != staging.frame.arn(TYPE, server_id):
        raise not_found(arn, TYPE)
    source = record(staging, server_id)
    if source.staging_account_id:
        raise _invalid(f"Source Server {arn} is an extended source server itself")
    if any(server.staging_arn == arn for server in _records(region)):
        raise _invalid(f"Source Server {arn} is already extended")
    if source.settings["ebsEncryption"] != "CUSTOM":
        raise _invalid(f"Source Server {arn} cannot be extended if it has the default EBS encryption key")
    return {"sourceServer": shown(region, _extend(region, staging, source, request.get("tags", {})))}


def _extend(region: DrsRegion, staging: DrsRegion, source: ServerRecord, tags: Mapping[str, str]) -> ServerRecord:
    service, kept = region.world.service, region.part(Servers)
    kept.extended_count += 1
    stream = Stream(0, f"moto-drs/{'/'.join(region.scope)}/extended/{kept.extended_count}")
    server_id = f"s-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
    service.add_servers(region.scope, [server_id], staging.world.service.servers(staging.scope)[source.server_id].life)
    kept.records[server_id] = made = ServerRecord(
        server_id,
        service.now_us,
        deepcopy({name: source.members[name] for name in _INHERITED if name in source.members}),
        source.replication,
        source.settings,
        staging.scope.account_id,
        staging.frame.arn(TYPE, source.server_id),
    )
    region.world.tags[region.frame.arn(TYPE, server_id)] = dict(tags)
    return made


def _staging(region: DrsRegion, account_id: str, name: str, path: str) -> DrsRegion:
    """DRS in the staging account, which `path` names in the request. Raises DrsRefusedError if it cannot be one."""
    if (account_id, name) == region.scope or name != region.scope.region:
        text = (
            f"{account_id} in {name} cannot be a staging account of {region.scope.account_id} in {region.scope.region}"
        )
        raise validation_error([(path, text)])
    staging = region.at(account_id, name)
    if region.scope.account_id in staging.part(Servers).untrusted:
        raise DrsRefusedError("AccessDeniedException", "Error in Authorization")
    return staging


def _records(region: DrsRegion) -> list[ServerRecord]:
    return [record(region, server_id) for server_id in region.world.service.servers(region.scope)]


def _invalid(text: str) -> DrsRefusedError:
    return validation_error([("sourceServerArn", text)], reason="other")


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "InitializeService": DrsOperation(
        initialize_service,
        assumed="A second call does nothing. Roles and instance profiles are not made.",
        source="DRS user guide, initialization",
    ),
    "ListStagingAccounts": DrsOperation(list_staging_accounts, source="botocore's model of the operation"),
    "ListExtensibleSourceServers": DrsOperation(
        list_extensible_source_servers,
        assumed="This account itself is a ValidationException, a missing role an AccessDeniedException.",
        source="botocore's model of the operation",
    ),
    "CreateExtendedSourceServer": DrsOperation(
        create_extended_source_server,
        assumed="A server of this account, one extended already and one that is extended itself are a "
        "ValidationException; staging area and server are in one Region; accounts trust each other at first.",
        source="DRS user guide, multiple accounts",
    ),
}
