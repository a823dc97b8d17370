"""What a write changed of an execution, in words."""

from collections.abc import Iterator
from typing import Final

from drsim.scenarios.result import instant
from drsim.simulator.contract.layout import Layout
from drsim.simulator.durations import plural
from drsim.simulator.events import ItemChanged
from drsim.simulator.reader import ExecutionView, WaveView

IDLE: Final = "nothing but "
"""How a write reads that changed no status, wave or end."""
_UNREADABLE_MAX: Final = 2


def change(event: ItemChanged, layout: Layout) -> str:
    """Return what a write changed; instants have the contract's names."""
    before, now = event.previous, event.execution
    if now is None:
        return "deleted" if event.after is None else "no longer readable"
    if before is None:
        waves = "no TotalWaves" if now.total_waves is None else plural(now.total_waves, "wave")
        return "; ".join([f"{now.status}, {waves}", *_unreadable(now, None)])
    times = [*_times(before, now, layout)]
    changes = [*_changes(before, now), *_ends(before, now, layout), *_unreadable(now, before)]
    if changes:
        return "; ".join([*changes, *times])
    version = [] if now.version is None or layout.contract.execution.version is None else [f"version {now.version}"]
    return IDLE + (", ".join([*times, *version]) or "attributes that are no status")


def wall_clock(epoch_us: int) -> str:
    """Return the time of day: 20:33:29, with milliseconds if it has a fraction of a second."""
    at = instant(epoch_us).partition("T")[2]
    return at[: len("20:33:29.000")] if "." in at else at[: len("20:33:29")]


def _ends(before: ExecutionView, now: ExecutionView, layout: Layout) -> Iterator[str]:
    if now.end_us is not None and now.end_us != before.end_us:
        yield f"{layout.execution.path('end')} {wall_clock(now.end_us)}"


def _times(before: ExecutionView, now: ExecutionView, layout: Layout) -> Iterator[str]:
    if now.last_polled_us is not None and now.last_polled_us != before.last_polled_us:
        since = "" if before.last_polled_us is None else f"{wall_clock(before.last_polled_us)} -> "
        yield f"{layout.execution.path('last_polled')} {since}{wall_clock(now.last_polled_us)}"


def _unreadable(now: ExecutionView, before: ExecutionView | None) -> list[str]:
    new = [reason for reason in now.unreadable if before is None or reason not in before.unreadable]
    return [f"unreadable: {reason.attribute} = {reason.value}" for reason in new[:_UNREADABLE_MAX]]


def _changes(before: ExecutionView, now: ExecutionView) -> Iterator[str]:
    if now.status is not before.status:
        yield f"{before.status} -> {now.status}"
    elif now.word != before.word:
        yield f"{before.word} -> {now.word}"
    for index, wave in enumerate(now.waves):
        if index < len(before.waves):
            yield from _wave_changes(before.waves[index], wave, wave.shown(index))
        else:
            yield f"{wave.shown(index)} {wave.status}"
    if len(now.waves) < len(before.waves):
        yield f"{plural(len(before.waves) - len(now.waves), 'wave')} gone"


def _wave_changes(old: WaveView, wave: WaveView, name: str) -> Iterator[str]:
    if wave.status is not old.status:
        yield f"{name} {old.status} -> {wave.status}"
    if wave.job_id != old.job_id:
        yield f"{name} has job {wave.job_id or 'no more'}"
    if wave.job_status is not old.job_status:
        yield f"the job of {name} {wave.job_status}"
    servers = {server.source_server_id: server.status for server in old.servers}
    moved = [str(each.status) for each in wave.servers if servers.get(each.source_server_id) is not each.status]
    if moved:
        yield f"{plural(len(moved), 'server')} of {name} {', '.join(sorted(set(moved)))}"
    if len(wave.servers) < len(old.servers):
        yield f"{plural(len(old.servers) - len(wave.servers), 'server')} of {name} gone"
