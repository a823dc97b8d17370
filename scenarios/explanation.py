"""Explain a failure in domain words, and how the failing run differs from the nearest passing run."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from drsim.scenarios.changes import IDLE
from drsim.scenarios.contradiction import contradictions
from drsim.scenarios.failure import Failure, code_of
from drsim.scenarios.model import Scenario
from drsim.scenarios.narration import Line, Narrator
from drsim.scenarios.parts import Code, world_of
from drsim.simulator.decoder import columns_of
from drsim.simulator.figures.errors import without_numbers

_LINES_MAX: Final = 32
_FIRST_MAX: Final = 4
"""Of a longer story the first lines stay, which show where the execution comes from, and the last ones."""
_ROUND_MAX: Final = 10
"""The most lines of a round, a look and what follows it, that is folded with an equal one before it."""


class Difference(NamedTuple):
    """The first differing event, as text: `fails` in the failing run, `passes` in the run that `passing` describes."""

    passing: str
    fails: str
    passes: str


def story(failure: Failure) -> list[Line]:
    """Return at most 33 lines up to the violation, about its execution or, without one, about all.

    Equal rounds are folded into the last one, and what is left out in the middle has a line of its own.
    """
    world = world_of(failure.scenario, failure.seed, code_of(failure), verdict_only=True)
    narrator = Narrator(world, failure.execution_id)
    contradictions(world, failure.seed)
    lines = folded([line for line in narrator.lines() if line.at_us <= failure.at])
    world.close()
    left_out = lines[_FIRST_MAX : _FIRST_MAX - _LINES_MAX]
    if not left_out:
        return lines
    more = Line(left_out[0].at_us, f"... {len(left_out):,} more lines", "more")
    return [*lines[:_FIRST_MAX], more, *lines[_FIRST_MAX - _LINES_MAX :]]


class _Round(NamedTuple):
    """A line and how often the round of `length` lines that begins with it was there, first at `since_us`."""

    line: Line
    like: str
    since_us: int
    times: int = 1
    length: int = 1


def folded(lines: Sequence[Line]) -> list[Line]:
    """Fold each round of lines that repeats the one just before it, but for its figures."""
    kept: list[_Round] = []
    for line in lines:
        kept.append(_Round(line, _like(line), line.at_us))
        for length in range(1, min(_ROUND_MAX, len(kept) // 2) + 1):
            earlier, later = kept[-2 * length : -length], kept[-length:]
            if [each.like for each in earlier] == [each.like for each in later]:
                first = earlier[0]
                later[0] = later[0]._replace(since_us=first.since_us, times=first.times + 1, length=length)
                kept[-2 * length :] = later
                break
    return [line for each in kept for line in _unfolded(each)]


def _unfolded(kept: _Round) -> Iterator[Line]:
    since = f"{kept.times:,} times since {kept.since_us / 1e6:.3f} s"
    if kept.times > 1 and kept.length > 1:
        yield Line(kept.since_us, f"... {since}: the next {kept.length} lines", "more")
    yield kept.line._replace(text=f"{kept.line.text} ({since})") if kept.times > 1 == kept.length else kept.line


def _like(line: Line) -> str:
    """Return what repeated lines have in common: all but figures, unless the line changes something."""
    is_passive = line.kind in ("look", "call", "log") or IDLE in line.text
    return without_numbers(line.text) if is_passive else line.text


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
