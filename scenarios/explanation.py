"""Explain a failure in domain words, and how the failing run differs from the nearest passing run."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby
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
_KEPT_MAX: Final = 12
# Of a long event: its instant and name, what comes before the difference, and all that is shown.
_HEAD_MAX: Final = 40
_CONTEXT_MAX: Final = 40
_DIFFERENCE_MAX: Final = 200
_ROUND_MAX: Final = 15
"""The most parts of a round, a look and what follows it, that is folded with an equal one before it."""


class Difference(NamedTuple):
    """The first differing event, as text: `fails` in the failing run, `passes` in the run that `passing` describes."""

    passing: str
    fails: str
    passes: str


class _Repeated(NamedTuple):
    """A line or a round of several, and how many `times` it came in a row since then.

    `line` is the line, the last of the equal ones, or the first line of the first round. `round` is the last round, ()
    for a line. `like` is what equal rounds have in common.
    """

    line: Line
    round: tuple["_Repeated", ...]
    since_us: int
    like: str
    times: int = 1

    def lines(self) -> list[Line]:
        if self.round:
            lines = _lines(self.round)
            text = f"... {self.times:,} times from here: the next {len(lines)} lines"
            return [Line(self.since_us, text, "more"), *lines]
        since = f" ({self.times:,} times since {self.since_us / 1e6:.3f} s)" if self.times > 1 else ""
        return [self.line._replace(text=f"{self.line.text}{since}")]


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
    lines = shortened([line for line in narrator.lines() if line.at_us <= failure.at])
    world.close()
    return lines


def shortened(lines: Sequence[Line]) -> list[Line]:
    """Fold the lines; of too many keep the first, the last, and between them the last faults and what DRS does.

    A line is folded that repeats the one before it, and a round that does so but for instants and figures.
    A round is kept or left out as a whole. Each gap is one line with the number of lines left out.
    """
    found = _rounds(lines)
    if len(_lines(found)) <= _LINES_MAX:
        return _lines(found)
    first = _fitting(found, _FIRST_MAX)
    last = max(_fitting(found[::-1], _LINES_MAX - _FIRST_MAX), 1)
    middle = found[first:-last]
    eventful = [each for each in middle if any(line.kind in ("fault", "drs") for line in each.lines())]
    kept = eventful[len(eventful) - _fitting(eventful[::-1], _KEPT_MAX) :]
    shown = _lines(found[:first])
    for is_kept, group in groupby(middle, key=lambda each: each in kept):
        own = _lines(group)
        more = Line(own[0].at_us, f"... {len(own):,} more lines", "more")
        shown += own if is_kept or len(own) == 1 else [more]
    return [*shown, *_lines(found[-last:])]


def _fitting(found: Sequence[_Repeated], lines_max: int) -> int:
    """Return how many of the first rounds have at most that many lines together."""
    counts = accumulate(len(each.lines()) for each in found)
    return sum(count <= lines_max for count in counts)


def _lines(found: Iterable[_Repeated]) -> list[Line]:
    return [line for each in found for line in each.lines()]


def _rounds(lines: Sequence[Line]) -> list[_Repeated]:
    kept: list[_Repeated] = []
    for line in lines:
        kept.append(_Repeated(line, (), line.at_us, _like(line)))
        # What is folded may complete a longer round.
        while _fold_last(kept):
            pass
    return kept


def _fold_last(kept: list[_Repeated]) -> bool:
    """Fold the shortest round at the end that repeats what is before it, and return whether there is one."""
    if len(kept) > 1 and _is_repeated(*kept[-2:]):
        first, again = kept[-2:]
        kept[-2:] = [again._replace(since_us=first.since_us, times=first.times + 1)]
        return True
    for length in range(2, min(_ROUND_MAX, len(kept) - 1) + 1):
        before = kept[-length - 1]
        earlier, last = kept[-2 * length : -length], kept[-length:]
        if _are_alike(before.round, last):
            kept[-length - 1 :] = [before._replace(round=tuple(last), times=before.times + 1)]
            return True
        # A round begins with a look, unless none is among its lines.
        begins = last[0].line.kind == "look" or all(each.line.kind != "look" for each in last)
        if begins and _are_alike(earlier, last):
            like = " ".join(f"{each.times} {each.like}" for each in last)
            kept[-2 * length :] = [_Repeated(earlier[0].line, tuple(last), earlier[0].since_us, like, times=2)]
            return True
    return False


def _is_repeated(line: _Repeated, other: _Repeated) -> bool:
    return not line.round and not other.round and line.line[1:] == other.line[1:]


def _are_alike(earlier: Sequence[_Repeated], later: Sequence[_Repeated]) -> bool:
    return [(each.like, each.times) for each in earlier] == [(each.like, each.times) for each in later]


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
