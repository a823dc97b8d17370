"""The executions timeline of a page: its data, as small as it can be. `timeline.js` draws it.

Instants are milliseconds since the run's start, each told as the distance from the one before.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from drsim.reports.history import History, Lane
from drsim.reports.text import visible
from drsim.scenarios.result import Result
from drsim.simulator.durations import duration_us


def timeline(result: Result, told: History) -> dict[str, Any]:
    """What `timeline.js` needs: lanes, fault rules and strikes, statuses by their place in `names`.

    "healed" is when faults cease, save those that last; None if they do not.
    """
    heal = result.metrics.configuration.get("heal")
    names: dict[str, int] = {}
    places = {lane.execution_id: place for place, lane in enumerate(told.lanes)}
    broken = {violation.execution_id for each in result.properties for violation in each.violations}
    return {
        "start": round(datetime.fromisoformat(result.metrics.configuration["start"]).timestamp() * 1000),
        "end": told.end_ms,
        "lanes": [_lane(lane, names, broken=lane.execution_id in broken) for lane in told.lanes],
        "names": list(names),
        "healed": None if heal is None else duration_us(heal) // 1000,
        "faults": [[visible(each.rule), round(each.after * 1000), round(each.before * 1000)] for each in result.faults],
        "strikes": [[each.at_ms, each.rule, places.get(each.execution_id, -1)] for each in told.strikes],
    }


def _lane(lane: Lane, names: dict[str, int], *, broken: bool) -> list[Any]:
    return [
        visible(lane.execution_id, 100),
        _spans(lane.statuses, names),
        _distances(lane.polls),
        lane.failed,
        [[_spans(wave.table, names), _spans(wave.truth, names)] for wave in lane.waves],
        int(broken),
    ]


def _spans(changes: Sequence[tuple[int, str]], names: dict[str, int]) -> list[int]:
    """Distance, status, distance, status ..."""
    instants = _distances(at_ms for at_ms, _ in changes)
    statuses = (names.setdefault(status, len(names)) for _, status in changes)
    return [part for pair in zip(instants, statuses, strict=True) for part in pair]


def _distances(instants: Iterable[int]) -> list[int]:
    found, before = [], 0
    for instant in instants:
        found.append(instant - before)
        before = instant
    return found
