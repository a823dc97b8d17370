"""Explain a failure in domain words, and how the failing run differs from the nearest passing run."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from drsim.scenarios.contradiction import contradictions
from drsim.scenarios.failure import Failure, code_of
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import Code, world_of
from drsim.simulator.decoder import columns_of
from drsim.simulator.durations import plural
from drsim.simulator.events import FaultInjected, ItemChanged, JobStarted, LambdaEnded, WriteRefused
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.world import World

_LINES_MAX = 16
_IDLE = "nothing but version"
_Event = ItemChanged | FaultInjected | WriteRefused | LambdaEnded | JobStarted


class Line(NamedTuple):
    """One line of the story; `kind` is "write", "fault", "trouble", "drs", or "more" for omitted lines."""

    at_us: int
    text: str
    kind: str = "write"


class Difference(NamedTuple):
    """The first differing event, as text: `fails` in the failing run, `passes` in the run that `passing` describes."""

    passing: str
    fails: str
    passes: str


def story(failure: Failure) -> list[Line]:
    """Return the last 16 lines up to the violation: its execution's, all DRS job starts and unattributed events."""
    world = world_of(failure.scenario, failure.seed, code_of(failure), verdict_only=True)
    concerned = failure.execution_id
    lines: list[Line] = []

    def on_event(event: _Event) -> None:
        line = line_of(event)
        if line and (not concerned or isinstance(event, JobStarted) or event.execution_id in ("", concerned)):
            lines.append(line)

    for event_type in _Event.__args__:
        world.trace.listen(event_type, on_event)
    contradictions(world, failure.seed)
    lines += _truth(world, concerned)
    world.close()
    lines = sorted((line for line in lines if line.at_us <= failure.at), key=lambda line: line.at_us)
    # Collapse consecutive identical lines, and consecutive polls that changed nothing, to the last one.
    alike = groupby(lines, key=lambda line: _IDLE if _IDLE in line.text else line.text)
    shown = [list(group)[-1] for _, group in alike]
    left_out = len(shown) - _LINES_MAX
    more = [Line(shown[0].at_us, f"... {left_out} earlier events", "more")] if left_out > 0 else []
    return more + shown[-_LINES_MAX:]


def line_of(event: _Event) -> Line | None:
    """The line of an event in a story; None for an invocation that ended well."""
    match event:
        case ItemChanged():
            where = f" at {event.place}" if event.place else ""
            return Line(event.at_us, f"{event.writer} writes {event.execution_id}{where}: {_change(event)}")
        case FaultInjected():
            where = f" in run {event.run} of {event.function}" if event.function else ""
            return Line(event.at_us, f"FAULT {event.fault} at {event.operation}{where}", "fault")
        case WriteRefused():
            where = f" at {event.place}" if event.place else ""
            return Line(event.at_us, f"{event.writer} is refused its write{where}: another write came first", "trouble")
        case LambdaEnded():
            text = f"{event.function} ends in {event.outcome}: {event.detail}"
            return None if event.outcome == "ok" else Line(event.at_us, text, "trouble")
        case JobStarted():
            return Line(event.at_us, f"DRS starts {event.job_id} with {plural(event.servers, 'server')}", "drs")


def difference(failure: Failure) -> Difference | None:
    """Return the first difference from the nearest passing run; None without such a run or a differing event."""
    scenario, code = failure.scenario, code_of(failure)
    # The passing run omits the last fault (every fault in a shrunk plan is needed) or uses drsim's own code.
    if scenario.faults:
        without = scenario.model_copy(update={"faults": scenario.faults[:-1]})
        passing, passed = f"the same run without {scenario.faults[-1]}", _events(without, failure.seed, code)
    elif failure.parts:
        passing, passed = "the same run of drsim's own code", _events(scenario, failure.seed, "")
    else:
        return None
    pairs = zip(_events(scenario, failure.seed, code), passed, strict=False)
    differing = (Difference(passing, _shown(fails), _shown(passes)) for fails, passes in pairs if fails != passes)
    return next(differing, None)


def _events(scenario: Scenario, seed: int, code: Code) -> list[str]:
    world = world_of(scenario, seed, code)
    contradictions(world, seed)
    # Fault events differ by construction.
    lines = [line for line in world.trace.lines() if not line.startswith('["FaultInjected"')]
    world.close()
    return lines


def _shown(line: str) -> str:
    name, columns = columns_of(line)
    at_us = int(columns.pop("at_us"))
    # Omit request ids: they do not help readers.
    shown = [str(value) for field, value in columns.items() if field not in ("request_id", "by") and value != ""]
    return f"{at_us / 1e6:.3f} s {name} {' '.join(shown)}"


def _truth(world: World, concerned: str) -> Iterator[Line]:
    """Yield a line for each DRS job of the execution that ended during the run."""
    items = [world.table.get(key) for key in world.workload.expected if concerned in ("", key.execution_id)]
    for wave in (wave for item in items if item and item.execution for wave in item.execution.waves):
        job = world.truth.job(wave)
        if job is not None and job.ended_us < world.spec.duration:
            launched = sum(server.launches for server in job.servers)
            servers = f"{launched} of {plural(len(job.servers), 'server')} launched"
            yield Line(job.ended_us, f"DRS ends the job of wave {wave.number}: {servers}", "drs")


def _change(event: ItemChanged) -> str:
    before, now = event.previous, event.execution
    if now is None:
        return "deleted" if event.after is None else "no longer readable"
    if before is None:
        waves = "no TotalWaves" if now.total_waves is None else plural(now.total_waves, "wave")
        return f"{now.status}, {waves}"
    return "; ".join(_changes(before, now)) or f"{_IDLE} {now.version}"


def _changes(before: ExecutionView, now: ExecutionView) -> Iterator[str]:
    if now.status is not before.status:
        yield f"{before.status} -> {now.status}"
    for old, wave in zip(before.waves, now.waves, strict=False):
        yield from _wave_changes(old, wave)
    yield from (f"wave {wave.number} {wave.status}" for wave in now.waves[len(before.waves) :])
    if len(now.waves) < len(before.waves):
        yield f"{plural(len(before.waves) - len(now.waves), 'wave')} gone"


def _wave_changes(old: WaveView, wave: WaveView) -> Iterator[str]:
    if wave.status is not old.status:
        yield f"wave {wave.number} {old.status} -> {wave.status}"
    if wave.job_id != old.job_id:
        yield f"wave {wave.number} has job {wave.job_id or 'no more'}"
    if wave.job_status is not old.job_status:
        yield f"its job {wave.job_status}"
    servers = {server.source_server_id: server.status for server in old.servers}
    moved = [str(each.status) for each in wave.servers if servers.get(each.source_server_id) is not each.status]
    if moved:
        yield f"{len(moved)} of its servers {', '.join(sorted(set(moved)))}"
    if len(wave.servers) < len(old.servers):
        yield f"{len(old.servers) - len(wave.servers)} of its servers gone"
