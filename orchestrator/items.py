"""Conversion between executions and DynamoDB items, for every adapter. Items are mappings as boto3 deserializes them.

Unknown attributes survive: those of the item because a write names only the attributes it sets, those of waves and
servers in `extra`. Numbers are `int` or `Decimal`; instants are seconds since the Unix epoch.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from .errors import MalformedError
from .model import (
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    JobScope,
    JobStatus,
    Server,
    ServerStatus,
    Wave,
    WaveStatus,
)

Item = Mapping[str, object]
"""One DynamoDB item, deserialized."""

_S = TypeVar("_S", bound=StrEnum)
_T = TypeVar("_T")

_SERVER_ATTRIBUTES: Final = frozenset(["SourceServerId", "Status", "InstanceId"])
_WAVE_ATTRIBUTES: Final = frozenset(
    ["WaveNumber", "WaveName", "Region", "AccountId", "JobId", "JobStatus", "Status", "StatusMessage", "Servers"]
)


def key_of(item: Item) -> ExecutionKey:
    """Return the item's key. Raises MalformedError."""
    try:
        return ExecutionKey(_text(item, "ExecutionId"), _text(item, "PlanId"))
    except MalformedError as error:
        raise MalformedError(f"item: {error}") from None


def execution_of(item: Item) -> Execution:
    """Return the execution that an item describes. Raises MalformedError with the path, the rule and the value."""
    key = key_of(item)
    try:
        return Execution(
            key=key,
            status=_one_of(ExecutionStatus, item, "Status"),
            type=_one_of(ExecutionType, item, "ExecutionType"),
            start_us=_instant_us(item, "StartTime"),
            end_us=None if item.get("EndTime") is None else _instant_us(item, "EndTime"),
            last_polled_us=None if item.get("LastPolledTime") is None else _instant_us(item, "LastPolledTime"),
            version=_count(item, "Version", absent=0),
            total_waves=_count(item, "TotalWaves"),
            waves=_each(_wave_of, item, "Waves"),
        )
    except MalformedError as error:
        raise MalformedError(f"execution {key.execution_id}: {error}") from None


def _wave_of(wave: Item) -> Wave:
    return Wave(
        number=None if wave.get("WaveNumber") is None else _count(wave, "WaveNumber"),
        name=_optional_text(wave, "WaveName"),
        scope=JobScope(_text(wave, "AccountId"), _text(wave, "Region")),
        status=_one_of(WaveStatus, wave, "Status"),
        job_id=_optional_text(wave, "JobId"),
        job_status=None if wave.get("JobStatus") is None else _one_of(JobStatus, wave, "JobStatus"),
        message=_optional_text(wave, "StatusMessage"),
        servers=_each(_server_of, wave, "Servers"),
        extra={name: value for name, value in wave.items() if name not in _WAVE_ATTRIBUTES},
    )


def _server_of(server: Item) -> Server:
    return Server(
        source_server_id=_text(server, "SourceServerId"),
        status=_one_of(ServerStatus, server, "Status"),
        instance_id=_optional_text(server, "InstanceId"),
        extra={name: value for name, value in server.items() if name not in _SERVER_ATTRIBUTES},
    )


def waves_item(waves: Sequence[Wave]) -> list[dict[str, object]]:
    """Return the `Waves` attribute for these waves, without attributes that are None."""
    return [
        _present(
            wave.extra,
            WaveNumber=wave.number,
            WaveName=wave.name,
            AccountId=wave.scope.account_id,
            Region=wave.scope.region,
            Status=str(wave.status),
            JobId=wave.job_id,
            JobStatus=None if wave.job_status is None else str(wave.job_status),
            StatusMessage=wave.message,
            Servers=[
                _present(
                    server.extra,
                    SourceServerId=server.source_server_id,
                    Status=str(server.status),
                    InstanceId=server.instance_id,
                )
                for server in wave.servers
            ],
        )
        for wave in waves
    ]


def _present(extra: Item, **attributes: object) -> dict[str, object]:
    return {**extra, **{name: value for name, value in attributes.items() if value is not None}}


def seconds_item(instant_us: int) -> int | Decimal:
    """Return an instant as the table stores it: seconds since the Unix epoch, an int if they are whole."""
    seconds, rest = divmod(instant_us, 1_000_000)
    return seconds if rest == 0 else Decimal(instant_us).scaleb(-6)


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    if isinstance(value, str) and value:
        return value
    raise MalformedError(f"{name} must be a text of at least one character, got {value!r}")


def _optional_text(item: Item, name: str) -> str | None:
    value = item.get(name)
    if value is None or isinstance(value, str):
        # Phase 1 writes "" for a job it could not start; an empty id names no job.
        return value or None
    raise MalformedError(f"{name} must be a text, got {value!r}")


def _one_of(words: type[_S], item: Item, name: str) -> _S:
    value = item.get(name)
    try:
        return words[str(value)]
    except KeyError:
        raise MalformedError(f"{name} must be one of {', '.join(words)}, got {value!r}") from None


def _count(item: Item, name: str, *, absent: int | None = None) -> int:
    value = item.get(name, absent)
    whole = int(value) if isinstance(value, Decimal) and value.is_finite() and value == int(value) else value
    if isinstance(whole, int) and not isinstance(whole, bool) and whole >= 0:
        return whole
    raise MalformedError(f"{name} must be a whole number >= 0, got {value!r}")


def _instant_us(item: Item, name: str) -> int:
    value = item.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1_000_000
    if isinstance(value, Decimal) and value.is_finite():
        return int(value * 1_000_000)
    raise MalformedError(f"{name} must be a number of seconds since 1970, got {value!r}")


def _each(read: Callable[[Item], _T], item: Item, name: str) -> tuple[_T, ...]:
    entries = item.get(name, [])
    if not isinstance(entries, list):
        raise MalformedError(f"{name} must be a list of maps, got {entries!r}")
    found = []
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise MalformedError(f"{name}[{place}] must be a map, got {entry!r}")
        try:
            found.append(read(entry))
        except MalformedError as error:
            raise MalformedError(f"{name}[{place}]: {error}") from None
    return tuple(found)
