"""The compact data of a page's timeline, which `timeline.js` draws.

Instants are milliseconds since the run's start, each as the distance from the previous one.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from urllib.parse import quote

from drsim.orchestrator.model import ExecutionStatus
from drsim.reports.history import History, Lane, Spans
from drsim.reports.statuses import ENDS, LOOKS, PROGRESS
from drsim.reports.text import visible
from drsim.scenarios.result import Result
from drsim.simulator.durations import duration_us

_ID_MAX: Final = 100


def anchor(execution_id: str) -> str:
    """The fragment of a page's address that leads to an execution's lane, opened and with its story."""
    return f"execution={quote(visible(execution_id, _ID_MAX), safe='')}"


def timeline(result: Result, found: History) -> dict[str, Any]:
    """Lanes, fault rules and strikes, with statuses by their index in `names`; `ends` are the terminal ones.
    `order` has all statuses, those of the first steps first.

    A `polling` execution is drawn as its most advanced wave by `progress`; it is sound if it ends as `completed`.
    `healed` is the instant at which all faults end except permanent ones, or None.
    """
    heal = result.metrics.configuration.get("heal")
    names: dict[str, int] = {}
    indices = {lane.execution_id: index for index, lane in enumerate(found.lanes)}
    broken = {violation.execution_id for each in result.properties for violation in each.violations}
    return {
        "start": round(datetime.fromisoformat(result.metrics.configuration["start"]).timestamp() * 1000),
        "end": found.end_ms,
        "lanes": [_lane(lane, names, broken=lane.execution_id in broken) for lane in found.lanes],
        "names": list(names),
        "ends": sorted(ENDS),
        "order": list(LOOKS),
        "progress": list(PROGRESS),
        "polling": ExecutionStatus.POLLING,
        "completed": ExecutionStatus.COMPLETED,
        "healed": None if heal is None else duration_us(heal) // 1000,
        "faults": [[visible(each.rule), round(each.after * 1000), round(each.before * 1000)] for each in result.faults],
        "strikes": [[each.at_ms, each.rule, indices.get(each.execution_id, -1)] for each in found.strikes],
    }


def _lane(lane: Lane, names: dict[str, int], *, broken: bool) -> list[Any]:
    return [
        visible(lane.execution_id, _ID_MAX),
        _distances_and_names(lane.statuses, names),
        _distances(lane.polls),
        lane.failed,
        [[_distances_and_names(each, names) for each in (wave.table, wave.truth)] for wave in lane.waves],
        int(broken),
    ]


def _distances_and_names(spans: Spans, names: dict[str, int]) -> list[int]:
    """Distance, status, distance, status ..."""
    pairs = zip(_distances(at_ms for at_ms, _ in spans), spans, strict=True)
    return [part for distance, (_, status) in pairs for part in (distance, names.setdefault(status, len(names)))]


def _distances(instants: Iterable[int]) -> list[int]:
    return [after - before for before, after in pairwise((0, *instants))]
