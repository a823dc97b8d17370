"""The capacity note of a run: which limit its system reaches first, at how many executions, and what follows.

Owns the order and the words; the result holds the limits. It judges nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from drsim.scenarios.result import Capacity, Limit
from drsim.simulator.durations import about


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityNote:
    """All limits, the first hard one that some number of executions reaches, and sentences for people.

    A limit that the run itself reached comes before all extrapolated ones. A run with too few figures has no limits.
    """

    limits: tuple[Limit, ...] = ()
    first: Limit | None = None
    sentences: tuple[str, ...]


def note(capacity: Capacity | None, *, is_ours: bool = True) -> CapacityNote:
    """Return the capacity note of one run."""
    if not is_ours:
        return CapacityNote(sentences=("Limits are computed for drsim's own functions only.",))
    if capacity is None:
        return CapacityNote(sentences=("This result, of version 1, lacks the figures that limits are computed from.",))
    if not capacity.limits:
        return CapacityNote(sentences=("Too few executions were found, handed over and polled to compute capacity.",))
    hard = [each for each in capacity.limits if each.is_hard]
    reached = [each for each in hard if each.is_reached]
    ahead = [each for each in hard if not each.is_reached]
    order = sorted((each.at_executions, each.name) for each in ahead if each.at_executions is not None)
    return CapacityNote(
        limits=capacity.limits,
        first=capacity.first,
        sentences=(*_finder_sentences(capacity), *_limit_sentences(hard, reached, order)),
    )


def _finder_sentences(capacity: Capacity) -> Iterator[str]:
    alone, *together = capacity.hand_overs
    is_only = capacity.window == capacity.timeout
    time = f"{capacity.timeout:g} s" if is_only else f"{capacity.window:g} s for its last look"
    yield (
        f"With invokes one after the other, at {capacity.invoke_ms:.1f} ms each (this run's mean), "
        f"ExecutionFinder's {time} would end at {about(alone.before_timeout)} executions due at once; it begins "
        f"nothing in the last {capacity.reserve:g} s, so from {about(alone.before_reserve)} on it would leave some to "
        "the next minute."
    )
    for each in together:
        yield (
            f"With {each.at_a_time} at a time, as here, they end at {about(each.before_timeout)}, and from "
            f"{about(each.before_reserve)} on some are left."
        )


def _limit_sentences(hard: list[Limit], reached: list[Limit], order: list[tuple[int, str]]) -> Iterator[str]:
    if reached:
        names = [f"{each.name}{f' ({each.refused} refused)' if each.refused else ''}" for each in reached]
        yield f"This run itself reached {' and '.join(names)}."
    if order:
        first, *others = [f"{name} at {about(executions)}" for executions, name in order]
        then = f" Then come {'; '.join(others)}." if others else ""
        place = "next" if reached else "first"
        yield f"Extrapolated, the {place} limit to be reached is {first} executions in POLLING at once.{then}"
    if never := [each.name for each in hard if each.is_paced and each.at_executions is None]:
        yield (
            f"However many executions there are, pollers alone never reach {' or '.join(never)}: ExecutionFinder hands "
            "over too slowly for that."
        )
