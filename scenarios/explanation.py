"""The story of a failure in domain words: what happened to which execution, and who wrote over whom.

Told from the events of the smallest run, which is made again; with how it first differs from the nearest passing run.
"""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from drsim.orchestrator.model import Execution
from drsim.scenarios.contradiction import contradictions, world_of
from drsim.scenarios.failure import Failure
from drsim.scenarios.parts import parts_of
from drsim.simulator.events import FaultInjected, ItemChanged, JobStarted, LambdaEnded, WriteRefused
from drsim.simulator.world import Parts, World

_LINES_MAX = 16
_IDLE = "nothing but version"
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Line(NamedTuple):
    """One line of the story.

    `kind` is "write", "fault", "trouble" (a run ends badly, a write is refused), "drs" or "more" (what is left out).
    """

    at_us: int
    text: str
    kind: str = "write"


class Difference(NamedTuple):
    """The first event in which the failing run and the nearest passing one are not alike."""

    passing: str
    fails: str
    passes: str


def story(failure: Failure) -> list[Line]:
    """The last events before the violation that concern its execution, in order."""
    world = world_of(failure.scenario, failure.seed, parts_of(failure.parts), verdict_only=True)
    lines: list[Line] = []
    whom = failure.execution_id

    def on_change(event: ItemChanged) -> None:
        if not whom or event.execution_id == whom:
            lines.append(Line(event.at_us, f"{event.writer} writes {event.execution_id}: {_change(event)}"))

    def on_fault(event: FaultInjected) -> None:
        if event.execution_id in ("", whom) or not whom:
            where = f" in run {event.run} of {event.function}" if event.function else ""
            lines.append(Line(event.at_us, f"FAULT {event.fault} at {event.operation}{where}", "fault"))

    def on_refused(event: WriteRefused) -> None:
        if event.execution_id == whom:
            lines.append(Line(event.at_us, f"{event.writer} is refused its write: somebody came first", "trouble"))

    def on_ended(event: LambdaEnded) -> None:
        if event.outcome != "ok" and event.execution_id in ("", whom):
            lines.append(Line(event.at_us, f"{event.function} ends in {event.outcome}: {event.detail}", "trouble"))

    def on_job(event: JobStarted) -> None:
        lines.append(Line(event.at_us, f"DRS starts {event.job_id} with {event.servers} servers", "drs"))

    world.trace.listen(ItemChanged, on_change)
    world.trace.listen(FaultInjected, on_fault)
    world.trace.listen(WriteRefused, on_refused)
    world.trace.listen(LambdaEnded, on_ended)
    world.trace.listen(JobStarted, on_job)
    list(contradictions(world, failure.seed))
    lines += _truth(world, whom)
    world.close()
    at_us = failure.at
    told = _without_idle(sorted((line for line in lines if line.at_us <= at_us), key=lambda line: line.at_us))
    left_out = len(told) - _LINES_MAX
    if left_out > 0:
        told = [Line(told[0].at_us, f"... {left_out} earlier events", "more"), *told[left_out:]]
    return told


def difference(failure: Failure) -> Difference | None:
    """How the failing run first differs from the nearest one that passes, or None if there is no such run.

    That is the run without the last fault of the plan, for none of a smallest plan can be left out; where there is no
    fault, the run of the real code.
    """
    scenario, parts = failure.scenario, parts_of(failure.parts)
    if scenario.faults:
        without = scenario.model_copy(update={"faults": scenario.faults[:-1]})
        told = f"the same run without {scenario.faults[-1]}"
        passing = _events(world_of(without, failure.seed, parts), failure.seed)
    elif failure.parts:
        told = "the same run of drsim's own code"
        passing = _events(world_of(scenario, failure.seed, Parts()), failure.seed)
    else:
        return None
    failing = _events(world_of(scenario, failure.seed, parts), failure.seed)
    for fails, passes in zip(failing, passing, strict=False):
        if fails != passes:
            return Difference(told, _shown(fails), _shown(passes))
    return None


def _events(world: World, seed: int) -> Sequence[str]:
    list(contradictions(world, seed))
    lines = [line for line in world.trace.lines() if not line.startswith('["FaultInjected"')]
    world.close()
    return lines


def _without_idle(lines: Sequence[Line]) -> list[Line]:
    """The lines with polls that changed nothing, and faults that struck alike again, told once."""
    told: list[Line] = []
    for line in lines:
        if told and _same(told[-1].text, line.text):
            told.pop()
        told.append(line)
    return told


def _same(before: str, now: str) -> bool:
    return before == now or (_IDLE in before and _IDLE in now)


def _shown(line: str) -> str:
    name, at_us, *fields = json.loads(line)
    # Ids of requests say nothing to people.
    fields = [field for field in fields if not (isinstance(field, str) and re.fullmatch(_UUID, field))]
    return f"{at_us / 1e6:.3f} s {name} " + " ".join(str(field) for field in fields if field != "")


def _truth(world: World, whom: str) -> list[Line]:
    """When DRS's jobs of the execution ended, and how."""
    lines = []
    for key in world.workload.expected:
        item = world.table.get(key)
        execution = None if item is None else item.execution
        if execution is None or (whom and key.execution_id != whom):
            continue
        for wave in execution.waves:
            job = world.truth.job(wave)
            if job is not None and job.ended_us < world.spec.duration:
                launched = sum(server.launches for server in job.servers)
                text = f"DRS ends the job of wave {wave.number}: {launched} of {len(job.servers)} servers launched"
                lines.append(Line(job.ended_us, text, "drs"))
    return lines


def _change(event: ItemChanged) -> str:
    """What a write changed, in words."""
    before, now = event.previous, event.execution
    if now is None:
        return "deleted" if event.after is None else "no longer readable"
    if before is None:
        return f"{now.status}, {now.total_waves} waves"
    return "; ".join(_changes(before, now)) or f"{_IDLE} {now.version}"


def _changes(before: Execution, now: Execution) -> list[str]:
    words = [] if now.status is before.status else [f"{before.status} -> {now.status}"]
    for place, wave in enumerate(now.waves):
        old = before.waves[place] if place < len(before.waves) else None
        if old is None:
            words.append(f"wave {wave.number} {wave.status}")
            continue
        if wave.status is not old.status:
            words.append(f"wave {wave.number} {old.status} -> {wave.status}")
        if wave.job_id != old.job_id:
            words.append(f"wave {wave.number} has job {wave.job_id or 'no more'}")
        if wave.job_status is not old.job_status:
            words.append(f"its job {wave.job_status}")
        servers = {server.source_server_id: server.status for server in old.servers}
        moved = [each.status for each in wave.servers if servers.get(each.source_server_id) is not each.status]
        if moved:
            words.append(f"{len(moved)} of its servers {', '.join(sorted(set(moved)))}")
        if len(wave.servers) < len(old.servers):
            words.append(f"{len(old.servers) - len(wave.servers)} of its servers gone")
    if len(now.waves) < len(before.waves):
        words.append(f"{len(before.waves) - len(now.waves)} waves gone")
    return words
