"""What the time of a recovery consisted of, as a pure function. The table of figures has the parts.

Parts add up to the whole. They follow the job that ended last and, before that was started, the job before it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from drsim.simulator.services.drs import DrsJob


class JobSpan(NamedTuple):
    """The instants at which a job's phases begin, settled last; they only rise."""

    created_us: int
    converting_us: int
    launching_us: int
    ended_us: int
    settled_us: int


def span_of(job: DrsJob, *, counts_actions: bool) -> JobSpan:
    """Return a job's span. Without launch actions it is settled when it ends."""
    launching_us = min(server.launching_us for server in job.servers)
    converting_us = min(job.converting_us(server) for server in job.servers)
    settled_us = job.settled_us if counts_actions else job.ended_us
    return JobSpan(job.created_us, converting_us, launching_us, job.ended_us, settled_us)


def divided(
    began_us: int, known_us: int, look_us: int | None, written_us: int, spans: Sequence[JobSpan]
) -> tuple[int, ...]:
    """Divide a recovery's time into PARTS, in microseconds, which add up to `written_us` less `began_us`.

    `known_us` is when DRS had finished, `look_us` the start of the look whose poll wrote the end, None if it is not
    known. The first span is the job that decided the end; the others count where they ran before it.
    """
    known_us = min(max(known_us, began_us), written_us)
    seen_us = min(max(known_us if look_us is None else look_us, known_us), written_us)
    idle_us, phases, until_us = 0, [0, 0, 0, 0], known_us
    for span in (*spans[:1], *sorted(spans[1:], key=lambda span: -span.settled_us)):
        edges = list(_clamped(span, began_us, until_us))
        phases = [total + after - before for total, before, after in zip(phases, edges, edges[1:], strict=False)]
        idle_us += until_us - edges[-1]
        until_us = edges[0]
    idle_us += until_us - began_us
    return idle_us, *phases, seen_us - known_us, written_us - seen_us


def _clamped(span: JobSpan, low_us: int, high_us: int) -> Iterator[int]:
    for instant_us in span:
        low_us = max(low_us, min(instant_us, high_us))
        yield low_us
