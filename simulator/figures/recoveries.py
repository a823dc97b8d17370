"""Recovery times against their objectives: of executions, and of their waves by name.

An execution recovers when COMPLETED or PARTIAL is written. It misses its objective if that is later, if it ends as
TIMEOUT, or if it is still open past its objective when the run ends. One that DRS failed, or that a person ended or
deleted, has no recovery time and is counted apart. Times are microseconds from the StartTime that Phase 1 wrote.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from drsim.orchestrator.model import TERMINAL, ExecutionType
from drsim.simulator import events
from drsim.simulator.checks.truth import Truth
from drsim.simulator.contract.objectives import Objectives
from drsim.simulator.durations import NEVER_US
from drsim.simulator.figures.parts import divided, span_of
from drsim.simulator.figures.sketch import Sketch
from drsim.simulator.figures.table import PART_NAMES
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.services.drs_jobs import DrsJob
from drsim.simulator.trace import Trace
from drsim.simulator.workload import PERSON, WORKER

SLOWEST_MAX: Final = 5
FIRST_MAX: Final = 3
_WAVES_MAX: Final = 200
_OTHERS: Final = "other waves"
"""The waves beyond that number of names, which a function may have written. They have no objective."""

_RECOVERED: Final = frozenset({"COMPLETED", "PARTIAL"})
_OVERDUE: Final = frozenset({"TIMEOUT", "UNKNOWN"})
_OPEN: Final = "POLLING"


class Recovery(NamedTuple):
    """One recovery: when it ended or the run did, its time, the time from its own job's start, and its parts.

    `age_us` is the age that its oldest data had when its job was started, None without a job.
    """

    execution_id: str
    status: str
    ended_us: int
    took_us: int
    own_us: int | None
    parts: tuple[int, ...]
    age_us: int | None = None


@dataclass(slots=True)
class Achieved:
    """The recoveries of all executions, or of one wave of theirs; `number` orders waves, from 1."""

    number: int
    objective_us: int | None
    times: Sketch = field(default_factory=Sketch)
    own: Sketch = field(default_factory=Sketch)
    ages: Sketch = field(default_factory=Sketch)
    parts: list[int] = field(default_factory=lambda: [0] * len(PART_NAMES))
    still_open: int = 0
    missed: int = 0
    unrecovered: Counter[str] = field(default_factory=Counter)
    """Those without a recovery time, by what became of them."""
    slowest: list[Recovery] = field(default_factory=list)
    first_missed: list[Recovery] = field(default_factory=list)

    def add(self, found: Recovery) -> None:
        self.times.append(found.took_us)
        self.still_open += found.status == _OPEN
        if found.own_us is not None:
            self.own.append(found.own_us)
        if found.age_us is not None:
            self.ages.append(found.age_us)
        self.parts = [total + each for total, each in zip(self.parts, found.parts, strict=True)]
        if self.objective_us is not None and (found.took_us > self.objective_us or found.status not in _RECOVERED):
            self.missed += 1
            if len(self.first_missed) < FIRST_MAX:
                self.first_missed.append(found)
        if len(self.slowest) < SLOWEST_MAX or found.took_us > self.slowest[-1].took_us:
            self.slowest = sorted([*self.slowest, found], key=lambda each: -each.took_us)[:SLOWEST_MAX]

    def settle(self) -> None:
        self.times.settle()
        self.own.settle()
        self.ages.settle()


@dataclass(slots=True)
class _Open:
    """An execution that has not ended, and the indexes of its waves that have."""

    began_us: int
    ended: set[int] = field(default_factory=set)
    waves: tuple[WaveView, ...] = ()


class Recoveries:
    """Listens to one run. Memory grows with the executions that are open at once, and with the waves' names."""

    def __init__(
        self,
        trace: Trace,
        truth: Truth,
        objectives: Objectives,
        look_us: Callable[[str], int | None],
    ) -> None:
        self.objectives = objectives
        self.executions = Achieved(0, objectives.execution)
        self._waves: dict[tuple[str, int | None], Achieved] = {}
        """By name, and by number where that sets the objective: waves of one name may differ in it."""
        self._truth = truth
        self._look_us = look_us
        self._open: dict[str, _Open] = {}
        trace.attach(self)

    @property
    def all(self) -> dict[str, Achieved]:
        """By the wave's name, in the order of waves; "" for the executions as a whole.

        Waves of one name have their number beside it if that sets their objectives.
        """
        alike = Counter(name for name, _ in self._waves)
        waves = sorted(self._waves.items(), key=lambda each: (each[1].number, each[0][0]))
        return {"": self.executions} | {
            f"{name} (wave {number})" if number and alike[name] > 1 else name: achieved
            for (name, number), achieved in waves
        }

    def _on_tick(self, _: events.TickFired) -> None:
        for each in (self.executions, *self._waves.values()):
            each.settle()

    def _on_change(self, event: events.ItemChanged) -> None:
        now, seen = event.execution, self._open.get(event.execution_id)
        if seen is None:
            if event.before is None and event.writer == WORKER and now is not None:
                began_us = event.at_us if now.start_us is None else now.start_us - self._truth.epoch_us
                self._open[event.execution_id] = _Open(began_us)
            return
        if now is None:
            self._leave_out(seen, "deleted")
        else:
            if now.waves is not seen.waves:
                for index, wave in self._ended_waves(seen, now):
                    self._add_wave(event, seen, now, index, wave, str(wave.status))
                seen.waves = now.waves
            if now.status not in TERMINAL:
                return
            self._add(event, seen, now, str(now.status))
        del self._open[event.execution_id]

    def _ended_waves(self, seen: _Open, now: ExecutionView) -> Iterator[tuple[int, WaveView]]:
        for index, wave in enumerate(now.waves):
            if index not in seen.ended and (wave.finished or wave.status in _OVERDUE):
                seen.ended.add(index)
                yield index, wave

    def _add(self, event: events.ItemChanged, seen: _Open, now: ExecutionView, status: str) -> None:
        if event.writer == PERSON or status not in _RECOVERED | _OVERDUE:
            self._leave_out(seen, f"{status} by hand" if event.writer == PERSON else status)
            return
        ends = [(self._truth.wave_final_us(now, wave), index) for index, wave in enumerate(now.waves)]
        last = max(ends, default=(0, 0), key=lambda end: (end[0], -end[1]))[1]
        parts, _ = self._parts(event, seen, now, last)
        took_us = event.at_us - seen.began_us
        ages = [job.age_us for job in map(self._truth.job, now.waves) if job is not None]
        age_us = max(ages, default=None)
        self.executions.add(Recovery(event.execution_id, status, event.at_us, took_us, None, parts, age_us))
        if status in _OVERDUE:
            for index, wave in enumerate(now.waves):
                if index not in seen.ended:
                    self._add_wave(event, seen, now, index, wave, status)

    def _add_wave(
        self, event: events.ItemChanged, seen: _Open, now: ExecutionView, index: int, wave: WaveView, status: str
    ) -> None:
        achieved = self._of_wave(wave, index)
        if status not in _RECOVERED | _OVERDUE:
            achieved.unrecovered[status] += 1
            return
        parts, job = self._parts(event, seen, now, index)
        own_us, age_us = (None, None) if job is None else (event.at_us - job.created_us, job.age_us)
        took_us = event.at_us - seen.began_us
        achieved.add(Recovery(event.execution_id, status, event.at_us, took_us, own_us, parts, age_us))

    def _of_wave(self, wave: WaveView, index: int) -> Achieved:
        number = index + 1 if wave.number is None else wave.number
        name = wave.name or f"Wave {number}"
        key = (name, number if self.objectives.is_by_number(name, number) else None)
        objective_us = self.objectives.of_wave(name, number)
        if key not in self._waves and len(self._waves) >= _WAVES_MAX:
            key, objective_us = (_OTHERS, None), None
        if key not in self._waves:
            self._waves[key] = Achieved(number, objective_us)
        return self._waves[key]

    def _parts(
        self, event: events.ItemChanged, seen: _Open, now: ExecutionView, index: int
    ) -> tuple[tuple[int, ...], DrsJob | None]:
        """The parts of the time to a wave's end, and its job."""
        decisive = self._truth.job(now.waves[index]) if now.waves else None
        others = (self._truth.job(wave) for wave in now.waves if wave is not now.waves[index])
        jobs = [job for job in (decisive, *others) if job is not None]
        spans = [span_of(job, counts_actions=now.type is ExecutionType.RECOVERY) for job in jobs]
        known_us = self._truth.wave_final_us(now, now.waves[index]) if now.waves else NEVER_US
        parts = divided(seen.began_us, known_us, self._look_us(event.request_id), event.at_us, spans)
        return parts, decisive

    def _leave_out(self, seen: _Open, status: str) -> None:
        self.executions.unrecovered[status] += 1
        for index, wave in enumerate(seen.waves):
            if index not in seen.ended:
                self._of_wave(wave, index).unrecovered[status] += 1

    def _on_end(self, event: events.RunEnded) -> None:
        """Count what is still open past its objective, as of now."""
        for execution_id, seen in self._open.items():
            age_us = event.at_us - seen.began_us
            open_waves = [self._of_wave(wave, at) for at, wave in enumerate(seen.waves) if at not in seen.ended]
            for achieved in (self.executions, *open_waves):
                if achieved.objective_us is not None and age_us > achieved.objective_us:
                    parts = (age_us, *[0] * (len(PART_NAMES) - 1))
                    achieved.add(Recovery(execution_id, _OPEN, event.at_us, age_us, None, parts))
