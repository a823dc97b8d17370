"""Recovery snapshots, the points in time of a source server: those that the schedule made and has not pruned by now.

DRS takes one every 10 minutes and keeps it an hour; it keeps one of each hour for 24 hours, and one of each day for as
many days as the server's replication configuration says (AWS's user guide, point-in-time policy). It takes none while
replication lags, rescans or stalls, and then keeps the last one (assumed). Which exist is a function of time, so
nothing is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

from drsim.simulator.drs_api import shapes, source_servers
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members
from drsim.simulator.drs_api.replication import OFF
from drsim.simulator.drs_api.source_servers import ServerRecord
from drsim.simulator.randomness import Stream

_UNITS_US: Final = {"MINUTE": 60_000_000, "HOUR": 3_600_000_000, "DAY": 86_400_000_000}
_FIRST_KEPT_US: Final = _UNITS_US["HOUR"]
_LATEST_US: Final = 15_000_000
"""How long after its expected time a snapshot is taken at the latest."""
_NEW: Final = OFF | {"INITIATING", "INITIAL_SYNC"}


class Snapshot(NamedTuple):
    """A point in time. `expected_us` is its round time by schedule, `at_us` the real one, some seconds later."""

    snapshot_id: str
    expected_us: int
    at_us: int


class Healthy(NamedTuple):
    """A time in which a server replicates without lag, so that snapshots are taken."""

    from_us: int
    until_us: int


def known(region: DrsRegion, server_id: str) -> list[Snapshot]:
    """The snapshots that exist now, oldest first; none for an unknown server."""
    if server_id not in region.world.service.servers(region.scope):
        return []
    now_us, record = region.frame.now_us, source_servers.record(region, server_id)
    healthy, rules = _healthy(record, now_us), record.settings["pitPolicy"]
    instants = {*_expected(rules, healthy, region.world.epoch_us, now_us)}
    found = [_snapshot(region, server_id, at_us) for at_us in sorted(instants)]
    return [each for each in found if each.at_us <= now_us]


def find(region: DrsRegion, server_id: str, snapshot_id: str) -> Snapshot | None:
    """The snapshot of this id, if it exists now."""
    return next((each for each in known(region, server_id) if each.snapshot_id == snapshot_id), None)


def previous_us(region: DrsRegion, server_id: str) -> int | None:
    """The time of the data to launch from while no snapshot can be taken; None while replication is up to date.

    It is that of the last snapshot, or without one the last instant without lag.
    """
    now_us = region.frame.now_us
    view = source_servers.record(region, server_id).replication.view(now_us)
    if view.period.state == "CONTINUOUS":
        return None
    found = known(region, server_id)
    return found[-1].at_us if found else now_us - (view.lag_us or 0)


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


def _healthy(record: ServerRecord, now_us: int) -> list[Healthy]:
    """The times in CONTINUOUS since replication last started again, which deletes what was before."""
    found: list[Healthy] = []
    past = [each for each in record.replication.periods if each.begun_us <= now_us]
    ends_us = [*(each.begun_us for each in past[1:]), now_us + 1]
    # Without a period, for the host's clock went back, there is none.
    for period, ended_us in zip(past, ends_us, strict=False):
        if period.state in _NEW:
            found = []
        elif period.state == "CONTINUOUS":
            found.append(Healthy(period.begun_us, ended_us))
    return found


def _expected(rules: Sequence[Members], healthy: Sequence[Healthy], epoch_us: int, now_us: int) -> Iterator[int]:
    """The scheduled instants of kept snapshots: round times of the calendar in UTC, and the end of the initial sync."""
    kept_us = 0
    for rule in rules:
        if not rule.get("enabled", True):
            continue
        unit_us = _UNITS_US[rule["units"]]
        interval_us, kept_us = rule["interval"] * unit_us, rule["retentionDuration"] * unit_us
        for span in healthy:
            oldest_us = epoch_us + max(span.from_us, now_us - kept_us + 1)
            newest_us = epoch_us + span.until_us - 1
            for at_us in range(-(-oldest_us // interval_us) * interval_us, newest_us + 1, interval_us):
                yield at_us - epoch_us
    if healthy and now_us - healthy[0].from_us < _FIRST_KEPT_US:
        yield healthy[0].from_us
    yield from _last(rules, healthy, epoch_us, now_us - _LATEST_US)


def _last(rules: Sequence[Members], healthy: Sequence[Healthy], epoch_us: int, by_us: int) -> list[int]:
    """The last scheduled instant up to one, or none. It stays until a newer snapshot is taken, however old it is."""
    intervals_us = [rule["interval"] * _UNITS_US[rule["units"]] for rule in rules if rule.get("enabled", True)]
    found = [healthy[0].from_us] if healthy else []
    for span in healthy:
        newest_us = epoch_us + min(span.until_us - 1, by_us)
        rounded = [newest_us - newest_us % interval_us - epoch_us for interval_us in intervals_us]
        found += [at_us for at_us in rounded if at_us >= span.from_us]
    return [max(found)] if found else []


def _snapshot(region: DrsRegion, server_id: str, expected_us: int) -> Snapshot:
    stream = Stream(0, f"moto-drs/{server_id}/snapshot/{region.world.epoch_us + expected_us}")
    snapshot_id = f"pit-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
    return Snapshot(snapshot_id, expected_us, expected_us + 2_000_000 + stream.below(13_000_000))


def _ebs_snapshots(region: DrsRegion, server_id: str, snapshot: Snapshot) -> list[str]:
    """One for each disk."""
    stream = Stream(0, f"moto-drs/{snapshot.snapshot_id}/ebs")
    count = len(source_servers.record(region, server_id).disks)
    return [f"snap-{stream.hexadecimal(16)}{stream.hexadecimal(1)}" for _ in range(count)]


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "DescribeRecoverySnapshots": DrsOperation(
        describe_recovery_snapshots,
        "Sorted from the oldest on without `order`; both dates are included; an unknown server has no snapshots; "
        "snapshots are 2 to 15 s later than expected; the first is taken when the initial sync ends, and kept an hour; "
        "the last is kept until the next.",
        "AWS user guide, point-in-time policy; AWS CLI examples",
    ),
}
