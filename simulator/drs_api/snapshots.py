"""Recovery snapshots, the points in time of a source server: those that the schedule made and has not pruned by now.

DRS takes one every 10 minutes and keeps it an hour; it keeps one of each hour for 24 hours, and one of each day for 7
days (AWS's user guide, point-in-time policy). Which exist is a function of time, so nothing is stored.
"""

from collections.abc import Iterator, Mapping
from math import inf
from typing import Final, NamedTuple

from drsim.simulator.drs_api import shapes, source_servers
from drsim.simulator.drs_api.region import Answer, DrsRegion, Members, Operation
from drsim.simulator.randomness import Stream

_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 24 * 60 * _MINUTE_US
DAYS_KEPT: Final = 7
_RULES: Final = ((10 * _MINUTE_US, 60 * _MINUTE_US), (60 * _MINUTE_US, _DAY_US))
"""Interval and retention of the rules that AWS fixes; the third is the daily one."""


class Snapshot(NamedTuple):
    """A point in time. `expected_us` is its round time by schedule, `at_us` the real one, some seconds later."""

    snapshot_id: str
    expected_us: int
    at_us: int


class Healthy(NamedTuple):
    """A time in which a server replicates without lag, so that snapshots are taken: from, and before."""

    from_us: int
    until_us: int


def known(region: DrsRegion, server_id: str) -> list[Snapshot]:
    """The snapshots that exist now, oldest first; none for an unknown server."""
    if server_id not in region.world.service.servers(region.scope):
        return []
    now_us = region.frame.now_us
    instants = {at_us for healthy in _healthy(region, server_id) for at_us in _expected(region, healthy, now_us)}
    found = [_snapshot(region, server_id, at_us) for at_us in sorted(instants)]
    return [each for each in found if each.at_us <= now_us]


def find(region: DrsRegion, server_id: str, snapshot_id: str) -> Snapshot | None:
    """The snapshot of this id, if it exists now."""
    return next((each for each in known(region, server_id) if each.snapshot_id == snapshot_id), None)


def describe_recovery_snapshots(region: DrsRegion, request: Members) -> Answer:
    """The snapshots of a server whose time lies between both dates, these included."""
    server_id, filters, frame = request["sourceServerID"], request.get("filters", {}), region.frame
    first_us = shapes.instant_us("filters.fromDateTime", filters.get("fromDateTime"), -inf)
    last_us = shapes.instant_us("filters.toDateTime", filters.get("toDateTime"), inf)
    found = [each for each in known(region, server_id) if first_us <= frame.epoch_us + each.at_us <= last_us]
    if request.get("order") == "DESC":
        found.reverse()
    return [
        {
            "snapshotID": each.snapshot_id,
            "sourceServerID": server_id,
            "expectedTimestamp": frame.time(each.expected_us),
            "timestamp": frame.time(each.at_us),
            "ebsSnapshots": _ebs_snapshots(region, server_id, each),
        }
        for each in found
    ]


def _healthy(region: DrsRegion, server_id: str) -> Iterator[Healthy]:
    """The times without lag since the last initial sync, for a stop deletes what was before."""
    record = source_servers.record(region, server_id)
    yield Healthy(record.added_us, region.frame.now_us + 1)


def _expected(region: DrsRegion, healthy: Healthy, now_us: int) -> Iterator[int]:
    """The scheduled instants of kept snapshots: round times of the calendar in UTC, and the begin of the first time."""
    epoch_us = region.world.epoch_us
    first_us, last_us = healthy.from_us, min(healthy.until_us - 1, now_us)
    for interval_us, kept_us in (*_RULES, (_DAY_US, DAYS_KEPT * _DAY_US)):
        oldest_us = epoch_us + max(first_us, now_us - kept_us + 1)
        newest_us = epoch_us + last_us
        for at_us in range(-(-oldest_us // interval_us) * interval_us, newest_us + 1, interval_us):
            yield at_us - epoch_us
    # After the initial sync comes a first one, at no round time.
    if now_us - first_us < _RULES[0][1] and first_us <= last_us:
        yield first_us


def _snapshot(region: DrsRegion, server_id: str, expected_us: int) -> Snapshot:
    stream = Stream(0, f"moto-drs/{server_id}/snapshot/{region.world.epoch_us + expected_us}")
    snapshot_id = f"pit-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
    return Snapshot(snapshot_id, expected_us, expected_us + 2_000_000 + stream.below(13_000_000))


def _ebs_snapshots(region: DrsRegion, server_id: str, snapshot: Snapshot) -> list[str]:
    """One for each disk."""
    stream = Stream(0, f"moto-drs/{snapshot.snapshot_id}/ebs")
    count = len(source_servers.record(region, server_id).disks)
    return [f"snap-{stream.hexadecimal(16)}{stream.hexadecimal(1)}" for _ in range(count)]


OPERATIONS: Final[Mapping[str, Operation]] = {
    "DescribeRecoverySnapshots": Operation(
        describe_recovery_snapshots,
        "Sorted from the oldest on without `order`; both dates are included; an unknown server has no snapshots; "
        "snapshots are 2 to 15 s later than expected.",
        "AWS user guide, point-in-time policy; AWS CLI examples",
    ),
}
