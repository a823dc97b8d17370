"""Whether a run of handlers can be repeated: the first event by which two runs of a scenario and a seed differ.

Handlers may read what nothing here controls: addresses of objects, the order of a set, files, randomness of the
system. Their runs can neither be replayed nor shrunk. Where the second run takes place is the caller's: only another
process has another order of sets.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile, zip_longest
from operator import eq
from typing import Final, NamedTuple, Self

from drsim.scenarios.contradiction import BROKEN, Contradiction, contradictions
from drsim.scenarios.model import Scenario
from drsim.scenarios.record import FindingRecord, Record, ViolationRecord
from drsim.scenarios.result import instant
from drsim.scenarios.tiers import Tier, parts_of
from drsim.simulator.decoder import NoEventError, columns_of
from drsim.simulator.events import CallMade
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.trace import Level, Trace
from drsim.simulator.world import World

NOT_DETERMINISTIC: Final = "not-deterministic"
"""The `property` name of the finding."""

_MEANING: Final = (
    "The same seed gave another run: your handlers read what no seed decides, such as the order of a set, an address "
    "or a file. Such a failure cannot be replayed or shrunk."
)
_ENDED: Final = (
    "The run was repeated in another process, where it ended with this error. Until it does not, such a failure cannot "
    "be replayed or shrunk."
)
_OF_NO_CALL: Final = ("LogWritten", "LambdaEnded")
"""Events that no call causes. A call before or after them leads to their line."""
_CALL: Final = '["CallMade",'
_ABOUT: Final = ("function", "writer", "execution_id", "operation", "action")
_UNSHOWN: Final = ("at_us", "request_id", "by")
_TEXT_MAX: Final = 100
_KEPT: Final = 40
"""How much of two long texts is shown before they differ."""


class Divergence(Record):
    """The first event by which two runs differ. `place` is the line of the handler's file, `where` names the event."""

    at_us: int
    execution_id: str
    function: str
    where: str
    place: str
    first: str
    second: str


class Recorded(NamedTuple):
    """One run: its lines and their digest, the line of the handler's file for each call, and what the run broke."""

    lines: Sequence[str]
    digest: str
    places: Sequence[str]
    broke: tuple[str, ...] = ()


def places_of_calls(trace: Trace) -> list[str]:
    """Return a list that grows by the place of each CallMade. Equal places share one text."""
    places: list[str] = []
    known: dict[str, str] = {}
    trace.listen(CallMade, lambda event: places.append(known.setdefault(event.place, event.place)))
    return places


def recorded(
    scenario_json: str, seed: int, functions: Handlers, tier: Tier = "client", level: Level = "full"
) -> Recorded:
    """Run a scenario that fits the handlers' contract. The trace of a run that breaks ends with its error."""
    return _recorded(*_ran(scenario_json, seed, functions, tier, level))


def repeated(
    scenario_json: str, seed: int, functions: Handlers, tier: Tier, level: Level, digest: str
) -> Recorded | None:
    """Run a scenario again; what another process does. None for this digest: equal lines need not be sent."""
    trace, places, found = _ran(scenario_json, seed, functions, tier, level)
    return None if trace.digest() == digest else _recorded(trace, places, found)


def _ran(
    scenario_json: str, seed: int, functions: Handlers, tier: Tier, level: Level
) -> tuple[Trace, list[str], list[Contradiction]]:
    """Run a scenario; return its trace, the places of its calls, and what it broke."""
    scenario, trace = Scenario.model_validate_json(scenario_json), Trace(level=level)
    places = places_of_calls(trace)
    with parts_of(tier, scenario, seed=seed, functions=functions) as parts:
        world = World(scenario, seed=seed, parts=parts, trace=trace)
        found = contradictions(world, seed)
        world.close()
    return trace, places, found


def _recorded(trace: Trace, places: list[str], found: Sequence[Contradiction]) -> Recorded:
    ended = [each.observed for each in found if each.property == BROKEN]
    return Recorded([*trace.lines(), *ended], trace.digest(), places, tuple(each.property for each in found))


def divergence(first: Recorded, second: Recorded) -> Divergence | None:
    """Return the first event by which two runs differ; None without one."""
    pairs = enumerate(zip_longest(first.lines, second.lines, fillvalue="the run has ended"))
    for number, (one, other) in pairs:
        if one != other:
            return _divergence(_EventOfRun.of(one, number, first), _EventOfRun.of(other, number, second))
    return None


def never_again(scenario: Scenario, broke: str) -> Divergence:
    """Return the difference between a run that broke a property or criterion and two equal ones that did not."""
    return Divergence(
        at_us=scenario.duration,
        execution_id="",
        function="",
        where="",
        place="",
        first=f"a run that breaks {broke}",
        second="a run that does not, with the same seed",
    )


def finding_of(found: Divergence, epoch_us: int, second: Recorded) -> FindingRecord:
    """Return the difference of the second run as a finding."""
    is_error = BROKEN in second.broke and found.second == second.lines[-1]
    case = ViolationRecord(
        execution_id=found.execution_id,
        at=instant(epoch_us + found.at_us),
        expected=f"as in the first run, {found.first}",
        observed=f"in the second run {found.second}",
        place=found.place,
    )
    return FindingRecord(
        property=NOT_DETERMINISTIC,
        kind="a repetition differs",
        consequence="another run",
        meaning=_ENDED if is_error else _MEANING,
        function=found.function,
        where=found.where,
        place=found.place,
        count=1,
        executions=int(bool(found.execution_id)),
        cases=(case,),
    )


class _EventOfRun(NamedTuple):
    """What one of the runs has where both differ: an event, or a text about the run's end.

    `place` is the line of the handler's file, with the operation if it is the event's call; `near` relates the two.
    """

    name: str
    columns: Mapping[str, int | str]
    place: str = ""
    near: str = "at"

    @classmethod
    def of(cls, line: str, number: int, run: Recorded) -> Self:
        try:
            name, columns = columns_of(line)
        except NoEventError:
            return cls(line, {})
        calls = _calls(str(columns.get("by") or columns.get("request_id")), run)
        before = [place for at, place in calls if at < number]
        after = [place for at, place in calls if at >= number]
        if name not in _OF_NO_CALL:
            return cls(name, columns, after[0] if after else "")
        nearest, near = (
            (before[-1], "after the call at") if before else (after[0] if after else "", "before the call at")
        )
        return cls(name, columns, nearest.partition(" ")[0], near)

    def shown(self, other: Self) -> str:
        """The event in one line: what it is about, and what the other run has otherwise."""
        columns = {name: value for name, value in self.columns.items() if value != "" and name not in _UNSHOWN}
        if self.name == other.name:
            same = {name for name in columns if columns[name] == other.columns[name] and name not in _ABOUT}
            columns = {name: value for name, value in columns.items() if name not in same}
        fields = [f"{name} {_around(value, other.columns.get(name, ''))}" for name, value in columns.items()]
        parts = [
            f"{int(self.columns['at_us']) / 1_000_000:.6f} s" if self.columns else "",
            self.name,
            f"({', '.join(fields)})" if fields else "",
            f"{self.near} {self.place}" if self.place else "",
        ]
        return " ".join(filter(None, parts))


def _divergence(one: _EventOfRun, other: _EventOfRun) -> Divergence:
    # A run that has ended, or an event of AWS, leads to no line.
    side = next((each for each in (one, other) if each.place), one if one.columns else other)
    text = {name: str(value) for name, value in side.columns.items()}
    return Divergence(
        at_us=min([int(each.columns["at_us"]) for each in (one, other) if each.columns], default=0),
        execution_id=text.get("execution_id", ""),
        function=text.get("function") or text.get("writer", ""),
        where=text.get("operation") or text.get("action") or side.name,
        place=side.place,
        first=one.shown(other),
        second=other.shown(one),
    )


def _calls(request_id: str, run: Recorded) -> list[tuple[int, str]]:
    """Return the line's number and the place of each call that an invocation made."""
    numbers = (number for number, line in enumerate(run.lines) if line.startswith(_CALL))
    calls = zip(numbers, run.places, strict=False)
    return [(number, place) for number, place in calls if f'"{request_id}"' in run.lines[number]]


def _around(value: int | str, other: int | str) -> str:
    """Return a value as text; a long one from shortly before it differs from the other."""
    text = str(value)
    if len(text) <= _TEXT_MAX:
        return text
    same_count = sum(1 for _ in takewhile(bool, map(eq, text, str(other))))
    begin = max(same_count - _KEPT, 0)
    return f"{'…' if begin else ''}{text[begin : begin + _TEXT_MAX]}{'…' if begin + _TEXT_MAX < len(text) else ''}"
