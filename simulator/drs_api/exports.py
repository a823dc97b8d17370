"""Answers of describe-source-servers from real accounts, as files or mappings, to be shown by this DRS as they are."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from drsim.simulator.drs_api.region import DrsRegion, Members
from drsim.simulator.drs_api.replication import COURSES, Period
from drsim.simulator.drs_api.source_servers import ServerRecord, add
from drsim.simulator.drs_api.validation import shape_of, type_problems, without_nulls

SERVER_ID: Final = re.compile(r"s-[0-9a-zA-Z]{17}")


def read_export(source: str | Path | Mapping[str, Any]) -> list[Members]:
    """The source servers of an answer: a mapping, or the path of a JSON file, with a list `items`.

    Only types are checked, since real answers have members and values that botocore's model lacks. Raises ValueError
    that names file, member and value; OSError for a file that cannot be read.
    """
    name = "source servers" if isinstance(source, Mapping) else str(source)
    answer: Any = source
    if not isinstance(source, Mapping):
        try:
            answer = json.loads(Path(source).read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{name} must be a JSON file, got {error}") from None
    items = answer.get("items") if isinstance(answer, Mapping) else None
    if not isinstance(items, list):
        raise ValueError(f'{name} must be an answer of describe-source-servers: {{"items": [...]}} has all servers')
    seen: dict[str, int] = {}
    for number, item in enumerate(items):
        for problem in _problems(item):
            raise ValueError(f"{name}: items[{number}]{problem}")
        server_id = item["sourceServerID"]
        if server_id in seen:
            raise ValueError(f"{name}: items[{seen[server_id]}] and items[{number}] are the same server, {server_id}")
        seen[server_id] = number
    kept: list[Members] = without_nulls(items)
    return kept


def add_exported(region: DrsRegion, item: Members) -> ServerRecord:
    """Keep a record of a server of `read_export` that the service has.

    ARN, tags, and the account of its staging area become those of this account and Region. It has not been launched
    here: its recovery instance and its last launch are left out. Replication stays as it is until a call changes it.
    """
    members = dict(item)
    server_id, info = members.pop("sourceServerID"), members.pop("dataReplicationInfo", None)
    for name in ("arn", "tags", "recoveryInstanceId", "lastLaunchResult"):
        members.pop(name, None)
    if "lastLaunch" in members.get("lifeCycle", {}):
        members["lifeCycle"] = {**members["lifeCycle"], "lastLaunch": {"initiated": {}}}
    staging_account_id = ""
    if members.get("stagingArea", {}).get("status") in {"EXTENDED", "EXTENSION_ERROR"}:
        staging_account_id = members["stagingArea"].get("stagingAccountID", "")
    else:
        members.pop("stagingArea", None)
    made = add(region, server_id, members)
    made.staging_account_id = staging_account_id
    if info is not None:
        state = info.get("dataReplicationState", "CONTINUOUS")
        error = info.get("dataReplicationError", {}).get("error", "")
        # A state that is not known yet counts as CONTINUOUS.
        known = state if state in COURSES else "CONTINUOUS"
        made.replication.periods = [Period(known, made.added_us, error=error)]
        if "lagDuration" in info:
            # It was up to date once, so there is a point in time.
            made.replication.periods.insert(0, Period("CONTINUOUS", made.added_us))
        made.replication.exported = info
    return made


def _problems(item: Any) -> Iterator[str]:
    """What is wrong with a server, as the end of a message whose begin names it."""
    yield from type_problems(shape_of("SourceServer"), item)
    server_id = item.get("sourceServerID")
    if not isinstance(server_id, str) or not SERVER_ID.fullmatch(server_id):
        yield f".sourceServerID must match {SERVER_ID.pattern}, got {server_id!r}"
