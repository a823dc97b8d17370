"""The judge's reader: what the contract says that an item means, field by field.

Properties and figures see the table through these views, so that nothing which production misreads is hidden from
them. The reader shares nothing with production but the words for statuses. A field that it cannot read is None, and
`unreadable` gives the reason; it reads the other fields all the same. Instants are microseconds since the Unix epoch.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from drsim.orchestrator.model import (
    FINISHED_WAVE,
    ExecutionStatus,
    ExecutionType,
    JobStatus,
    ServerStatus,
    WaveStatus,
)

Attributes = Mapping[str, object]

_S = TypeVar("_S", bound=StrEnum)

_SERVER_ATTRIBUTES: Final = frozenset(["SourceServerId", "Status", "InstanceId"])
_WAVE_ATTRIBUTES: Final = frozenset(
    ["WaveNumber", "WaveName", "Region", "AccountId", "JobId", "JobStatus", "Status", "StatusMessage", "Servers"]
)
# The largest exponent of a DynamoDB number: "Constraints in Amazon DynamoDB", November 2025.
_EXPONENT_MAX: Final = 125


class ServerView(NamedTuple):
    """One source server of a wave. `extra` holds the attributes that the contract does not name."""

    source_server_id: str | None
    status: ServerStatus | None
    instance_id: str | None
    extra: Attributes


class WaveView(NamedTuple):
    """One entry of `Waves`. `scope` is the account and the Region of its job."""

    number: int | None
    name: str | None
    scope: tuple[str, str] | None
    status: WaveStatus | None
    job_id: str | None
    job_status: JobStatus | None
    message: str | None
    servers: tuple[ServerView, ...]
    extra: Attributes
    unreadable: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether the wave has its final status."""
        return self.status in FINISHED_WAVE


class ExecutionView(NamedTuple):
    """One version of an item. `unreadable` holds the reasons of its waves as well."""

    status: ExecutionStatus | None
    type: ExecutionType | None
    start_us: int | None
    end_us: int | None
    last_polled_us: int | None
    version: int | None
    total_waves: int | None
    waves: tuple[WaveView, ...]
    unreadable: tuple[str, ...]

    @property
    def owes_polls(self) -> bool:
        """Whether polls are due: the execution is POLLING, and each field of it can be read.

        Production and any other poller that parses strictly refuses an item with a malformed field, so it cannot poll
        it. `no-lost-update` reports the field when a function writes such an item.
        """
        return self.status is ExecutionStatus.POLLING and not self.unreadable


def read_execution(item: Attributes, waves: tuple[WaveView, ...]) -> ExecutionView:
    """Read an item whose waves are read already."""
    wrong: list[str] = []
    view = ExecutionView(
        _word(ExecutionStatus, item, "Status", wrong),
        _word(ExecutionType, item, "ExecutionType", wrong),
        _instant_us(item, "StartTime", wrong),
        None if item.get("EndTime") is None else _instant_us(item, "EndTime", wrong),
        None if item.get("LastPolledTime") is None else _instant_us(item, "LastPolledTime", wrong),
        _count(item, "Version", wrong, absent=0),
        _count(item, "TotalWaves", wrong),
        waves,
        (),
    )
    if not isinstance(item.get("Waves", []), list):
        wrong.append(f"Waves must be a list of maps, got {item['Waves']!r}")
    for wave in waves:
        wrong += wave.unreadable
    return view._replace(unreadable=tuple(wrong)) if wrong else view


def read_wave(place: int, item: object) -> WaveView:
    """Read the entry of `Waves` at this place."""
    if not isinstance(item, dict):
        reason = f"Waves[{place}] must be a map, got {item!r}"
        return WaveView(None, None, None, None, None, None, None, (), {}, (reason,))
    wrong: list[str] = []
    account_id, region = _text(item, "AccountId", wrong), _text(item, "Region", wrong)
    view = WaveView(
        None if item.get("WaveNumber") is None else _count(item, "WaveNumber", wrong),
        _optional_text(item, "WaveName", wrong),
        None if account_id is None or region is None else (account_id, region),
        _word(WaveStatus, item, "Status", wrong),
        _optional_text(item, "JobId", wrong),
        None if item.get("JobStatus") is None else _word(JobStatus, item, "JobStatus", wrong),
        _optional_text(item, "StatusMessage", wrong),
        _servers(item.get("Servers", []), wrong),
        {name: value for name, value in item.items() if name not in _WAVE_ATTRIBUTES},
        (),
    )
    return view._replace(unreadable=tuple(f"Waves[{place}]: {reason}" for reason in wrong)) if wrong else view


def _servers(items: object, wrong: list[str]) -> tuple[ServerView, ...]:
    if not isinstance(items, list):
        wrong.append(f"Servers must be a list of maps, got {items!r}")
        return ()
    return tuple([_server(place, item, wrong) for place, item in enumerate(items)])


def _server(place: int, item: object, wrong: list[str]) -> ServerView:
    if not isinstance(item, dict):
        wrong.append(f"Servers[{place}] must be a map, got {item!r}")
        return ServerView(None, None, None, {})
    own: list[str] = []
    view = ServerView(
        _text(item, "SourceServerId", own),
        _word(ServerStatus, item, "Status", own),
        _optional_text(item, "InstanceId", own),
        {name: value for name, value in item.items() if name not in _SERVER_ATTRIBUTES},
    )
    wrong += [f"Servers[{place}]: {reason}" for reason in own]
    return view


def _word(words: type[_S], item: Attributes, name: str, wrong: list[str]) -> _S | None:
    value = item.get(name)
    try:
        return words[str(value)]
    except KeyError:
        wrong.append(f"{name} must be one of {', '.join(words)}, got {value!r}")
        return None


def _text(item: Attributes, name: str, wrong: list[str]) -> str | None:
    value = item.get(name)
    if isinstance(value, str) and value:
        return value
    wrong.append(f"{name} must be a text of at least one character, got {value!r}")
    return None


def _optional_text(item: Attributes, name: str, wrong: list[str]) -> str | None:
    """A text; an absent or empty one is None, which is no fault: Phase 1 writes "" for a job that it cannot start."""
    value = item.get(name)
    if value is None or isinstance(value, str):
        return value or None
    wrong.append(f"{name} must be a text, got {value!r}")
    return None


def _count(item: Attributes, name: str, wrong: list[str], *, absent: int | None = None) -> int | None:
    value = _number(item.get(name, absent))
    # Not `value % 1`, which raises an error once the quotient has more than 28 digits.
    if value is not None and value >= 0 and value == int(value):
        return int(value)
    wrong.append(f"{name} must be a whole number >= 0, got {item.get(name)!r}")
    return None


def _instant_us(item: Attributes, name: str, wrong: list[str]) -> int | None:
    value = _number(item.get(name))
    if value is not None:
        return int(value * 1_000_000)
    wrong.append(f"{name} must be a number of seconds since 1970, got {item.get(name)!r}")
    return None


def _number(value: object) -> int | Decimal | None:
    if isinstance(value, Decimal):
        return value if value.is_finite() and value.adjusted() <= _EXPONENT_MAX else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
