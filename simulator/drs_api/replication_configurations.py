"""The replication configuration of each source server. `replication_templates` has what new servers get."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict, validation_error
from drsim.simulator.drs_api.replication import COURSES, OFF, Disk
from drsim.simulator.drs_api.replication_templates import DEFAULTS, check_settings
from drsim.simulator.drs_api.source_properties import GIB
from drsim.simulator.drs_api.source_servers import TYPE, ServerRecord, change, record

_IOPS_MAX: Final = 80_000
_THROUGHPUT_MAX: Final = 2_000
"""Of gp3 volumes, in MiB/s (DRS release notes of 2026-08)."""

_OWN: Final = ("name", "ebsEncryptionKeyArn", "replicatedDisks")
"""Members that a call can set beside those of the template."""


def get_replication_configuration(region: DrsRegion, request: Members) -> Answer:
    return _shown(record(region, request["sourceServerID"]))


def update_replication_configuration(region: DrsRegion, request: Members) -> Answer:
    """Change the configuration; members and disks that the request omits stay as they are.

    Another encryption lets a server that replicates begin its initial sync again. Raises ConflictException for an
    extended server, and ValidationException for settings that do not fit each other or the server's disks.
    """
    found = record(region, request["sourceServerID"])
    if found.staging_account_id:
        text = f"Source Server {found.server_id} is staged in {found.staging_account_id} and changes only there."
        raise conflict(text, found.server_id, TYPE)
    changed = {name: request[name] for name in (*_OWN, *DEFAULTS) if name in request}
    if "replicatedDisks" in changed:
        changed["replicatedDisks"] = _disks(found, changed["replicatedDisks"])
    settings = {**found.settings, **changed}
    check_settings(settings)
    encryption = ("ebsEncryption", "ebsEncryptionKeyArn")
    is_encrypted_anew = any(settings.get(name) != found.settings.get(name) for name in encryption)
    found.settings = settings
    view = found.replication.view(region.world.service.now_us)
    if is_encrypted_anew and view.period.state not in {*OFF, "INITIATING", "PAUSED", "STALLED"}:
        change(region, found, COURSES["INITIAL_SYNC"])
    return _shown(found)


def _disks(found: ServerRecord, asked: list[Members]) -> list[Members]:
    """The settings of the server's disks after a call that sets these, in the order of the disks."""
    by_name = {each["deviceName"]: each for each in found.settings.get("replicatedDisks", ())}
    names = [disk.name for disk in found.disks]
    for number, disk in enumerate(asked):
        path, name = f"replicatedDisks.{number}", disk.get("deviceName")
        if name not in names:
            raise _invalid(f"{path}.deviceName", f"must be a disk of {found.server_id}, got {name!r}")
        by_name[name] = merged = {**by_name.get(name, {}), **disk}
        if merged.get("throughput", 0) and merged.get("stagingDiskType") != "GP3":
            raise _invalid(f"{path}.throughput", "must be 0 or omitted if stagingDiskType is not GP3")
        for member, most in (("iops", _IOPS_MAX), ("throughput", _THROUGHPUT_MAX)):
            if merged.get(member, 0) > most:
                raise _invalid(f"{path}.{member}", f"must be at most {most}, got {merged[member]}")
    return [by_name[name] for name in names if name in by_name]


def _invalid(path: str, text: str) -> Exception:
    return validation_error([(path, f"{path} {text}")])


def _shown(found: ServerRecord) -> Members:
    own: Members = {disk["deviceName"]: disk for disk in found.settings.get("replicatedDisks", ())}
    default_type = found.settings["defaultLargeStagingDiskType"]
    disks = []
    for number, disk in enumerate(found.disks):
        shown = {
            "isBootDisk": number == 0,
            "stagingDiskType": "AUTO",
            "iops": 0,
            "throughput": 0,
            **own.get(disk.name, {}),
        }
        # Read-only: what AUTO comes to.
        disks.append({**shown, "deviceName": disk.name, "optimizedStagingDiskType": _optimized(disk, default_type)})
    answer: dict[str, Any] = {
        "sourceServerID": found.server_id,
        "name": f"Data Replication Configuration for Source Server {found.server_id}",
        **deepcopy(found.settings),
        "replicatedDisks": disks,
    }
    return answer


def _optimized(disk: Disk, default_type: str) -> str:
    """The type of a staging disk under AUTO: magnetic up to 125 GiB (user guide, volumes), then the default type."""
    if disk.bytes <= 125 * GIB:
        return "STANDARD"
    return "GP3" if default_type == "AUTO" else default_type


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "GetReplicationConfiguration": DrsOperation(
        get_replication_configuration,
        assumed="Staging disks of more than 125 GiB are GP3 if the default type is AUTO.",
        source="DRS user guide, volumes; AWS's CLI examples",
    ),
    "UpdateReplicationConfiguration": DrsOperation(
        update_replication_configuration,
        assumed="Settings that do not fit are a ValidationException, an extended server is a ConflictException; "
        "the short pause after a change of subnet or instance type is not shown.",
        source="DRS user guide, individual replication settings and volumes",
    ),
}
