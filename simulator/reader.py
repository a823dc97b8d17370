"""The judge's reader: what the contract says that an item means, field by field.

Properties and figures see the table through these views, so that nothing which production misreads is hidden from
them. The reader shares nothing with production but the words for statuses. A field that it cannot read is None, and
`unreadable` gives the reason; it reads the other fields all the same. Instants are microseconds since the Unix epoch.
"""

from collections.abc import Mapping
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
from drsim.simulator.contract.layout import (
    HOME_ACCOUNT,
    HOME_REGION,
    Attributes,
    Layout,
    Level,
    Place,
    Vocabulary,
    instant_us,
    number_of,
)
from drsim.simulator.contract.places import TimeFormat

_W = TypeVar("_W", bound=StrEnum)


class Unreadable(NamedTuple):
    """A field that cannot be read: its attribute, what it must be, and the value that it has."""

    attribute: str
    rule: str
    value: str

    def __str__(self) -> str:
        return f"{self.attribute} must be {self.rule}, got {self.value}"

    def under(self, parent: str) -> "Unreadable":
        return self._replace(attribute=f"{parent}.{self.attribute}")


class ServerView(NamedTuple):
    """One source server of a wave. `extra` holds the attributes that the contract does not name."""

    source_server_id: str | None
    status: ServerStatus | None
    instance_id: str | None
    extra: Attributes


class WaveView(NamedTuple):
    """One wave of an item. `scope` is the account and the Region of its job."""

    number: int | None
    name: str | None
    scope: tuple[str, str] | None
    status: WaveStatus | None
    job_id: str | None
    job_status: JobStatus | None
    message: str | None
    servers: tuple[ServerView, ...]
    extra: Attributes
    unreadable: tuple[Unreadable, ...]

    @property
    def finished(self) -> bool:
        """Whether the wave has its final status."""
        return self.status in FINISHED_WAVE

    def shown(self, index: int) -> str:
        """Return the wave as messages name it: by its number or, without one, by its place from 1."""
        return f"wave {index + 1 if self.number is None else self.number}"


class ExecutionView(NamedTuple):
    """One version of an item. `word` is the team's own status; `unreadable` holds the reasons of its waves as well.

    It `owes_polls` while its status is open. A status that a function made unreadable leaves it open.
    """

    status: ExecutionStatus | None
    type: ExecutionType | None
    start_us: int | None
    end_us: int | None
    last_polled_us: int | None
    version: int | None
    total_waves: int | None
    waves: tuple[WaveView, ...]
    word: str | None
    owes_polls: bool
    unreadable: tuple[Unreadable, ...]


class Reader:
    """Reads the items of one contract."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.epoch_us: int | None = None
        """The run's start, from which instants may lie years away and no decades; None reads any."""
        self.planned: Mapping[str, int] = {}
        """The number of waves of each execution's plan, for a table that does not hold it."""
        execution, wave, server = layout.execution, layout.wave, layout.server
        self._status, self._type = (_field(execution, name) for name in ("status", "type"))
        self._start, self._end, self._polled = (_field(execution, name) for name in ("start", "end", "last_polled"))
        self._version, self._total = (_field(execution, name) for name in ("version", "total_waves"))
        self._waves = _field(execution, "waves")
        self._number, self._name, self._message = (_field(wave, name) for name in ("number", "name", "message"))
        self._account, self._region = (_field(wave, name) for name in ("account", "region"))
        self._wave_status, self._servers = (_field(wave, name) for name in ("status", "servers"))
        self._job, self._job_status = (_field(wave, name) for name in ("job", "job_status"))
        self._server_id, self._server_status = (_field(server, name) for name in ("id", "status"))
        self._instance = _field(server, "instance")
        # A team without a word for servers that no job names writes none.
        self._unnamed = None if layout.servers.written(ServerStatus.NOT_STARTED) else ServerStatus.NOT_STARTED

    def execution(self, item: Attributes, waves: tuple[WaveView, ...]) -> ExecutionView:
        """Read an item whose waves are read already."""
        layout, wrong = self.layout, list[Unreadable]()
        word = None if self._status is None else self._status.of(item)
        status, is_other = layout.executions.ours(word), layout.executions.is_other(word)
        if status is None and not is_other:
            wrong.append(
                Unreadable(
                    "Status" if self._status is None else self._status.path, _among(layout.executions), repr(word)
                )
            )
        view = ExecutionView(
            status,
            _word(layout.types, self._type, item, wrong),
            self._instant_us("start", self._start, item, wrong, is_required=True),
            self._instant_us("end", self._end, item, wrong),
            self._instant_us("last_polled", self._polled, item, wrong),
            None if self._version is None else _count(self._version, item, wrong, absent=0),
            self._planned(item, waves) if self._total is None else _count(self._total, item, wrong),
            waves,
            word if isinstance(word, str) else None,
            status is ExecutionStatus.POLLING or (status is None and not is_other),
            (),
        )
        listed = None if self._waves is None else self._waves.of(item)
        if self._waves is not None and listed is not None and not isinstance(listed, list):
            wrong.append(Unreadable(self._waves.path, "a list of maps", repr(listed)))
        for wave in waves:
            wrong += wave.unreadable
        return view._replace(unreadable=tuple(wrong)) if wrong else view

    def _planned(self, item: Attributes, waves: tuple[WaveView, ...]) -> int:
        """Return the number of waves without a place for it: those listed are all, unless the plan has more."""
        return max(self.planned.get(self.layout.key_of(item).execution_id, 0), len(waves))

    def wave(self, place: int, item: object) -> WaveView:
        """Read the entry at this place of the waves."""
        waves = "Waves" if self._waves is None else self._waves.path
        if not isinstance(item, dict):
            reason = Unreadable(f"{waves}[{place}]", "a map", repr(item))
            return WaveView(None, None, None, None, None, None, None, (), {}, (reason,))
        layout, wrong = self.layout, list[Unreadable]()
        account_id, region = _text(self._account, item, wrong), _text(self._region, item, wrong)
        view = WaveView(
            _count(self._number, item, wrong)
            if self._number is not None and self._number.of(item) is not None
            else None,
            _text(self._name, item, wrong),
            # A wave that names none has its job where the functions run.
            (account_id or HOME_ACCOUNT, region or HOME_REGION),
            _word(layout.waves, self._wave_status, item, wrong),
            _text(self._job, item, wrong),
            _word(layout.jobs, self._job_status, item, wrong, is_required=False),
            _text(self._message, item, wrong),
            self._servers_of(item, wrong),
            layout.wave.extra(item),
            (),
        )
        if not wrong:
            return view
        return view._replace(unreadable=tuple([reason.under(f"{waves}[{place}]") for reason in wrong]))

    def _servers_of(self, wave: Attributes, wrong: list[Unreadable]) -> tuple[ServerView, ...]:
        if self._servers is None:
            return ()
        items, path = self._servers.of(wave), self._servers.path
        if items is None:
            return ()
        if self.layout.servers_are_mapping:
            if not isinstance(items, dict):
                wrong.append(Unreadable(path, "a map of maps", repr(items)))
                return ()
            return tuple([self._server(f"{path}.{each}", each, item, wrong) for each, item in items.items()])
        if not isinstance(items, list):
            wrong.append(Unreadable(path, "a list of maps", repr(items)))
            return ()
        return tuple([self._server(f"{path}[{place}]", None, item, wrong) for place, item in enumerate(items)])

    def _server(self, where: str, key: str | None, item: object, wrong: list[Unreadable]) -> ServerView:
        if not isinstance(item, dict):
            wrong.append(Unreadable(where, "a map", repr(item)))
            return ServerView(key, None, None, {})
        own: list[Unreadable] = []
        server_id = _text(self._server_id, item, own, is_required=key is None) or key
        status = None if self._server_status is None else self._server_status.of(item)
        view = ServerView(
            server_id,
            self._unnamed
            if status is None and self._unnamed
            else _word(self.layout.servers, self._server_status, item, own),
            _text(self._instance, item, own),
            self.layout.server.extra(item),
        )
        if own:
            wrong += [reason.under(where) for reason in own]
        return view

    def _instant_us(
        self, field: str, place: Place | None, item: Attributes, wrong: list[Unreadable], *, is_required: bool = False
    ) -> int | None:
        value = None if place is None else place.of(item)
        if place is None or (value is None and not is_required):
            return None
        form = self.layout.formats[field]
        found = instant_us(value, form)
        if found is None:
            wrong.append(Unreadable(place.path, _FORMATS[form], repr(value)))
        elif self.epoch_us is not None and abs(found - self.epoch_us) > _DECADES_US:
            wrong.append(Unreadable(place.path, _FORMATS[form], f"{value}, {_distance(found - self.epoch_us, form)}"))
            return None
        return found


_FORMATS: Final = {
    "seconds": "a number of seconds since 1970",
    "milliseconds": "a number of milliseconds since 1970",
    "iso": "an instant such as 2025-11-28T20:32:29Z",
}


_YEAR_US: Final = 31_556_952_000_000
_DECADES_US: Final = 20 * _YEAR_US


def _distance(off_us: int, form: TimeFormat) -> str:
    """Say how far off an instant lies, with the usual reason."""
    years, side = abs(off_us) // _YEAR_US, "ahead" if off_us > 0 else "back"
    # With two digits: nothing depends on more.
    shown = round(years, 2 - len(str(years)))
    reason = ""
    if form == "seconds" and off_us > 0:
        reason = ": milliseconds instead of seconds?"
    elif form == "milliseconds" and off_us < 0:
        reason = ": seconds instead of milliseconds?"
    return f"which lies {shown:,} years {side}{reason}"


def _field(level: Level, name: str) -> Place | None:
    return level.places.get(name)


def _among(words: Vocabulary[_W]) -> str:
    return "one of " + ", ".join(words.all)


def _word(
    words: Vocabulary[_W], place: Place | None, item: Attributes, wrong: list[Unreadable], *, is_required: bool = True
) -> _W | None:
    if place is None:
        return None
    value = place.of(item)
    if value is None and not is_required:
        return None
    found = words.ours(value)
    if found is None and not words.is_other(value):
        wrong.append(Unreadable(place.path, _among(words), repr(value)))
    return found


def _text(place: Place | None, item: Attributes, wrong: list[Unreadable], *, is_required: bool = False) -> str | None:
    """A text; an absent or empty one is None, which is no fault: Phase 1 writes "" for a job that it cannot start."""
    if place is None:
        return None
    value = place.of(item)
    if isinstance(value, str) and value:
        return value
    if is_required or not (value is None or isinstance(value, str)):
        wrong.append(Unreadable(place.path, "a text of at least one character", repr(value)))
    return None


def _count(place: Place, item: Attributes, wrong: list[Unreadable], *, absent: int | None = None) -> int | None:
    found = place.of(item)
    value = number_of(absent if found is None and absent is not None else found)
    # Not `value % 1`, which raises an error once the quotient has more than 28 digits.
    if value is not None and value >= 0 and value == int(value):
        return int(value)
    wrong.append(Unreadable(place.path, "a whole number >= 0", repr(found)))
    return None
