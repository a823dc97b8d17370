"""How an execution lies in DynamoDB: items as plain mappings to values and back, for every adapter alike.

Attributes this package does not know survive: those of the item because a write names only what it sets, those of waves
and servers because they travel in `extra`. Numbers are `int` or `Decimal`, as boto3's deserializer gives them; instants
lie in the table as seconds since the Unix epoch.
"""

from collections.abc import Mapping, Sequence
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

_SERVER_ATTRIBUTES: Final = frozenset({"SourceServerId", "Status", "InstanceId"})
_WAVE_ATTRIBUTES: Final = frozenset(
    {
        "WaveNumber",
        "WaveName",
        "Region",
        "AccountId",
        "JobId",
        "JobStatus",
        "Status",
        "StatusMessage",
        "Servers",
    }
)


def key_of(item: Item) -> ExecutionKey:
    """The item's key. Raises MalformedError."""
    return ExecutionKey(_text(item, "ExecutionId", "item"), _text(item, "PlanId", "item"))


def execution_of(item: Item) -> Execution:
    """The execution that an item describes. Raises MalformedError with the path, the rule and the value."""
    key = key_of(item)
    where = f"execution {key.execution_id}"
    return Execution(
        key=key,
        status=_one_of(ExecutionStatus, item.get("Status"), where, "Status"),
        type=_one_of(ExecutionType, item.get("ExecutionType"), where, "ExecutionType"),
        start_us=_instant_us(item.get("StartTime"), where, "StartTime"),
        end_us=_optional_instant_us(item, "EndTime", where),
        last_polled_us=_optional_instant_us(item, "LastPolledTime", where),
        version=_count(item.get("Version", 0), where, "Version"),
        total_waves=_count(item.get("TotalWaves"), where, "TotalWaves"),
        waves=tuple(
            _wave_of(wave, f"{where}: Waves[{place}]")
            for place, wave in enumerate(_maps(item.get("Waves", ()), where, "Waves"))
        ),
    )


def _wave_of(wave: Item, where: str) -> Wave:
    number = wave.get("WaveNumber")
    job_status = wave.get("JobStatus")
    return Wave(
        number=None if number is None else _count(number, where, "WaveNumber"),
        name=_optional_text(wave, "WaveName", where),
        scope=JobScope(_text(wave, "AccountId", where), _text(wave, "Region", where)),
        status=_one_of(WaveStatus, wave.get("Status"), where, "Status"),
        job_id=_optional_text(wave, "JobId", where),
        job_status=None if job_status is None else _one_of(JobStatus, job_status, where, "JobStatus"),
        message=_optional_text(wave, "StatusMessage", where),
        servers=tuple(
            _server_of(server, f"{where}.Servers[{number}]")
            for number, server in enumerate(_maps(wave.get("Servers", ()), where, "Servers"))
        ),
        extra={name: value for name, value in wave.items() if name not in _WAVE_ATTRIBUTES},
    )


def _server_of(server: Item, where: str) -> Server:
    return Server(
        source_server_id=_text(server, "SourceServerId", where),
        status=_one_of(ServerStatus, server.get("Status"), where, "Status"),
        instance_id=_optional_text(server, "InstanceId", where),
        extra={name: value for name, value in server.items() if name not in _SERVER_ATTRIBUTES},
    )


def waves_item(waves: Sequence[Wave]) -> list[dict[str, object]]:
    """The `Waves` attribute for these waves; what is None is left out."""
    return [wave_item(wave) for wave in waves]


def wave_item(wave: Wave) -> dict[str, object]:
    """One entry of `Waves`."""
    item: dict[str, object] = dict(wave.extra)
    if wave.number is not None:
        item["WaveNumber"] = wave.number
    if wave.name is not None:
        item["WaveName"] = wave.name
    item["AccountId"], item["Region"] = wave.scope
    item["Status"] = str(wave.status)
    if wave.job_id is not None:
        item["JobId"] = wave.job_id
    if wave.job_status is not None:
        item["JobStatus"] = str(wave.job_status)
    if wave.message is not None:
        item["StatusMessage"] = wave.message
    item["Servers"] = [_server_item(server) for server in wave.servers]
    return item


def _server_item(server: Server) -> dict[str, object]:
    item: dict[str, object] = dict(server.extra)
    item["SourceServerId"] = server.source_server_id
    item["Status"] = str(server.status)
    if server.instance_id is not None:
        item["InstanceId"] = server.instance_id
    return item


def seconds_item(instant_us: int) -> int | Decimal:
    """An instant as the table keeps it: seconds since the Unix epoch, whole where they are whole."""
    seconds, rest = divmod(instant_us, 1_000_000)
    return seconds if rest == 0 else Decimal(instant_us).scaleb(-6)


def _text(item: Item, name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{where}: {name} must be a text of at least one character, got {value!r}")
    return value


def _optional_text(item: Item, name: str, where: str) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise MalformedError(f"{where}: {name} must be a text, got {value!r}")
    # Phase 1 writes "" for a job it could not start; an empty id names no job.
    return value or None


def _one_of(words: type[_S], value: object, where: str, name: str) -> _S:
    try:
        return words(str(value))
    except ValueError:
        raise MalformedError(f"{where}: {name} must be one of {', '.join(words)}, got {value!r}") from None


def _count(value: object, where: str, name: str) -> int:
    whole = int(value) if isinstance(value, Decimal) and value.is_finite() and value == int(value) else value
    if isinstance(whole, int) and not isinstance(whole, bool) and whole >= 0:
        return whole
    raise MalformedError(f"{where}: {name} must be a whole number >= 0, got {value!r}")


def _instant_us(value: object, where: str, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 1_000_000
    if isinstance(value, Decimal) and value.is_finite():
        return int(value * 1_000_000)
    raise MalformedError(f"{where}: {name} must be a number of seconds since 1970, got {value!r}")


def _optional_instant_us(item: Item, name: str, where: str) -> int | None:
    value = item.get(name)
    return None if value is None else _instant_us(value, where, name)


def _maps(value: object, where: str, name: str) -> Sequence[Item]:
    if isinstance(value, list | tuple):
        for position, entry in enumerate(value):
            if not isinstance(entry, Mapping):
                raise MalformedError(f"{where}: {name}[{position}] must be a map, got {entry!r}")
        return value
    raise MalformedError(f"{where}: {name} must be a list of maps, got {value!r}")
