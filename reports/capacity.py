"""The capacity note of a run: which limit its system reaches first, at how many executions, and what follows.

Owns the order and the words; `limits` owns how each limit is extrapolated. It judges nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from drsim.reports.limits import Figures, Limit, limits_of
from drsim.scenarios.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """A run's limits; of the hard ones that some number of executions reaches, the first; and what follows from them.

    A limit that the run itself has reached comes before all that are extrapolated.
    `executions` is how many the run's fullest look found. Where a run has too little data there are no limits, and one
    sentence that says what is missing.
    """

    executions: int
    limits: tuple[Limit, ...] = ()
    first: Limit | None = None
    sentences: tuple[str, ...]


def capacity(result: Result) -> Capacity:
    """The capacity note of one run.

    Raises KeyError, TypeError or ValueError if the configuration in the result is not that of a scenario.
    """
    figures = Figures.of(result)
    if figures is None:
        sentence = "This run says nothing about capacity: too few executions were found, handed over and polled."
        found_max = max((tick.found for tick in result.metrics.ticks), default=0)
        return Capacity(executions=found_max, sentences=(sentence,))
    limits = limits_of(figures)
    hard = [each for each in limits if each.is_hard]
    reached = [each for each in hard if each.is_reached]
    to_come = sorted(
        (each for each in hard if each.at_executions is not None and not each.is_reached),
        key=lambda each: (each.at_executions, each.name),
    )
    return Capacity(
        executions=figures.found_max,
        limits=limits,
        first=next(iter((*reached, *to_come)), None),
        sentences=(*_finder_sentences(figures), *_order_sentences(reached, to_come), *_never_sentences(hard)),
    )


def _finder_sentences(figures: Figures) -> Iterator[str]:
    def within(at_a_time: int) -> tuple[str, str]:
        ends, leaves = figures.window, figures.window - figures.reserve
        return about(figures.executions_within(ends, at_a_time)), about(figures.executions_within(leaves, at_a_time))

    time = f"{figures.timeout:g} s" if figures.looks_per_tick == 1 else f"{figures.window:g} s for its last look"
    ends, leaves = within(1)
    yield (
        f"With invokes one after the other, at {figures.invoke * 1000:.1f} ms each (this run's mean), "
        f"ExecutionFinder's {time} would end at {ends} executions due at once; it begins nothing in the last "
        f"{figures.reserve:g} s, so from {leaves} on it would leave some to the next minute."
    )
    if figures.at_a_time > 1:
        ends, leaves = within(figures.at_a_time)
        yield f"With {figures.at_a_time} at a time, as here, they end at {ends}, and from {leaves} on some are left."


def _order_sentences(reached: Sequence[Limit], to_come: Sequence[Limit]) -> Iterator[str]:
    if reached:
        names = [f"{each.name}{f' ({each.refused} refused)' if each.refused else ''}" for each in reached]
        yield f"This run itself reached {' and '.join(names)}."
    order = [f"{each.name} at {about(each.at_executions)}" for each in to_come if each.at_executions is not None]
    if order:
        yield f"Extrapolated, the {'next' if reached else 'first'} limit to be reached is {order[0]} executions in " + (
            f"POLLING at once. Then come {'; '.join(order[1:])}." if order[1:] else "POLLING at once."
        )


def _never_sentences(limits: Iterable[Limit]) -> Iterator[str]:
    # Only what pollers do is bounded by the finder; others may use more of the same limit.
    bounded = ("Concurrent Lambda invocations", "Write throughput of StatusIndex")
    never = [each.name for each in limits if each.name.startswith(bounded) and each.at_executions is None]
    if never:
        yield (
            f"However many executions there are, pollers alone never reach {' or '.join(never)}: ExecutionFinder hands "
            "over too slowly for that."
        )


def about(executions: int) -> str:
    """An extrapolated number with the three digits that it deserves, rounded down: "521", "20,600"."""
    unit = 10 ** max(len(str(executions)) - 3, 0)
    return f"{executions // unit * unit:,}"
