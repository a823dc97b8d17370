"""Explain a failure in domain words, and how the failing run differs from the nearest passing run."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from drsim.scenarios.changes import IDLE
from drsim.scenarios.contradiction import BROKEN, contradictions
from drsim.scenarios.failure import Failure, code_of
from drsim.scenarios.model import Scenario
from drsim.scenarios.narration import Line, Narrator
from drsim.scenarios.parts import Code, world_of
from drsim.simulator.decoder import columns_of
from drsim.simulator.figures.errors import without_numbers
from drsim.simulator.trace import BrokenSimulationError

_LINES_MAX: Final = 32
_FIRST_MAX: Final = 4
"""Of a longer story the first lines stay, which show where the execution comes from, and the last ones."""
_KEPT_MAX: Final = 8
# Of a long event: its instant and name, what comes before the difference, and all that is shown.
_HEAD_MAX: Final = 40
_CONTEXT_MAX: Final = 40
_DIFFERENCE_MAX: Final = 200
_ROUND_MAX: Final = 15
"""The most lines of a round, a look and what follows it, that is folded with an equal one before it."""


class Difference(NamedTuple):
    """The first differing event, as text: `fails` in the failing run, `passes` in the run that `passing` describes."""

    passing: str
    fails: str
    passes: str


def story(failure: Failure) -> list[Line]:
    """Return the lines up to the violation, about its execution or, without one, about all.

    Equal rounds are folded into the last one. Of a long story the middle is left out, but for faults and what DRS does.
    Raises BrokenSimulationError if the run breaks, unless that is the failure.
    """
    world = world_of(failure.scenario, failure.seed, code_of(failure), verdict_only=True)
    narrator = Narrator(world, failure.execution_id)
    for found in contradictions(world, failure.seed):
        if found.property == BROKEN != failure.property:
            raise BrokenSimulationError(found.observed)
    lines = folded([line for line in narrator.lines() if line.at_us <= failure.at])
    world.close()
    middle = lines[_FIRST_MAX : _FIRST_MAX - _LINES_MAX]
    return [*lines[:_FIRST_MAX], *_shortened(middle), *lines[_FIRST_MAX - _LINES_MAX :]] if middle else lines


def _shortened(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the last faults and facts of DRS among the lines, and how many lines are left out between them."""
    kept = [line for line in lines if line.kind in ("fault", "drs")][-_KEPT_MAX:]
    for is_kept, group in groupby(lines, key=lambda line: line in kept):
        found = list(group)
        if is_kept or len(found) == 1:
            yield from found
        else:
            yield Line(found[0].at_us, f"... {len(found):,} more lines", "more")


class _Folded(NamedTuple):
    """A line that stands for equal ones, the first at `since_us`, and for `rounds` of `length` lines from it on.

    The first of these rounds began at `begun_us`.
    """

    line: Line
    like: str
    since_us: int
    begun_us: int
    times: int = 1
    rounds: int = 1
    length: int = 1


def folded(lines: Sequence[Line]) -> list[Line]:
    """Fold each line that repeats the one before it, and each round that does so but for times and logged figures."""
    kept: list[_Folded] = []
    for line in lines:
        kept.append(_Folded(line, _like(line), line.at_us, line.at_us))
        for length in range(1, min(_ROUND_MAX, len(kept) // 2) + 1):
            earlier, later = kept[-2 * length : -length], kept[-length:]
            if _are_alike(earlier, later):
                later[0] = _joined(earlier[0], later[0], length)
                kept[-2 * length :] = later
                break
    return [line for each in kept for line in _unfolded(each)]


def _joined(first: _Folded, last: _Folded, length: int) -> _Folded:
    if length == 1:
        return last._replace(since_us=first.since_us, begun_us=first.begun_us, times=first.times + 1)
    rounds = first.rounds if first.length == length else 1
    return last._replace(begun_us=first.begun_us, rounds=rounds + 1, length=length)


def _unfolded(kept: _Folded) -> Iterator[Line]:
    if kept.rounds > 1:
        yield Line(kept.begun_us, f"... {kept.rounds:,} times from here: the next {kept.length} lines", "more")
    since = f" ({kept.times:,} times since {kept.since_us / 1e6:.3f} s)" if kept.times > 1 else ""
    yield kept.line._replace(text=f"{kept.line.text}{since}")


def _are_alike(earlier: Sequence[_Folded], later: Sequence[_Folded]) -> bool:
    if len(later) == 1:
        return earlier[0].line[1:] == later[0].line[1:]
    # A round begins with a look, unless none is among its lines.
    begins = later[0].line.kind == "look" or all(each.line.kind != "look" for each in later)
    return begins and [each.like for each in earlier] == [each.like for each in later]


def _like(line: Line) -> str:
    """Return what equal rounds have in common in this line: no counts of items, times, versions and runs."""
    has_figures = line.kind in ("look", "log", "fault") or IDLE in line.text
    return without_numbers(line.text) if has_figures else line.text


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
    shown = ((_shown(fails), _shown(passes)) for fails, passes in pairs if fails != passes)
    differing = (Difference(passing, *around_difference(fails, passes)) for fails, passes in shown if fails != passes)
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
    # Request ids do not help readers, and the fault of a call differs by construction.
    omitted = ("request_id", "by", "fault")
    shown = [f"{field}={value}" for field, value in columns.items() if field not in omitted and value != ""]
    return f"{at_us / 1e6:.3f} s {name} {' '.join(shown)}"


def around_difference(text: str, other: str) -> tuple[str, str]:
    """Shorten two long texts to their beginnings and to what surrounds their first difference, which stays visible."""
    at = next((at for at, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
    begin = max(at - _CONTEXT_MAX, 0)
    # From the next word on, if one begins before the difference.
    begin = text.find(" ", begin, at) + 1 or begin

    def cut(each: str) -> str:
        if len(each) > _DIFFERENCE_MAX and begin > _HEAD_MAX:
            each = f"{each[:_HEAD_MAX]}... {each[begin:]}"
        return each if len(each) <= _DIFFERENCE_MAX else f"{each[:_DIFFERENCE_MAX]}..."

    return cut(text), cut(other)
