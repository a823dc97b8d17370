"""The log of a DRS job, as DescribeJobLogItems has it, derived from the job's timeline.

Order and times of a drill are those of AWS's sample job logs of 2022-12-07; their two jobs failed nowhere. Inferred
from the events' names in botocore's model and from AWS's user guide: the places of CLEANUP_*, SERVER_SKIPPED and
USING_PREVIOUS_SNAPSHOT*; the whole logs of terminations, failbacks and converted snapshots; that no phase follows a
failed one. JOB_CANCEL does not occur: DRS has no public call that cancels a job.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from drsim.simulator.services.drs_jobs import DrsJob, ServerLife

_START_US: Final = 300_000
_CLEANUP_US: Final = 400_000
CLEANED_US: Final = 700_000
"""From the call until the earlier instance of a server is gone (assumed)."""
_SNAPSHOT_US: Final = 800_000
_END_US: Final = 26_000


class LogItem(NamedTuple):
    """One entry of DescribeJobLogItems. The job's own events have neither a server nor a network."""

    at_us: int
    event: str
    source_server_id: str = ""
    raw_error: str = ""
    source_network_id: str = ""


def log_of(job: "DrsJob", cleaned: Collection[str]) -> list[LogItem]:
    """Return the whole log, oldest first. `cleaned` has the ids of servers whose earlier instance the job removes."""
    launching_us = min((server.launching_us for server in job.servers), default=job.ended_us)
    # A simulated job may be shorter than the samples, so cap early entries at the first launch.
    items = [LogItem(min(job.created_us + _START_US, launching_us), "JOB_START")]
    for number, server in enumerate(job.servers):
        name = server.source_server_id
        if server.terminates:
            items.append(LogItem(server.launching_us, "CLEANUP_START", name))
            items.append(LogItem(server.ended_us, "CLEANUP_END", name))
        elif server.fails_in == "skip":
            items.append(LogItem(server.ended_us, "SERVER_SKIPPED", name, server.raw_error))
        else:
            items += _launch(job, number, server, is_cleaned=name in cleaned)
    items.append(LogItem(job.ended_us + _END_US, "JOB_END"))
    return sorted(items, key=lambda item: item.at_us)


def _launch(job: "DrsJob", number: int, server: "ServerLife", *, is_cleaned: bool) -> list[LogItem]:
    name, created_us, most_us = server.source_server_id, job.created_us, server.launching_us
    items: list[LogItem] = []
    if is_cleaned or server.fails_in == "cleanup":
        items.append(LogItem(min(created_us + _CLEANUP_US, most_us), "CLEANUP_START", name))
        if server.fails_in == "cleanup":
            return [*items, LogItem(server.ended_us, "CLEANUP_FAIL", name, server.raw_error)]
        items.append(LogItem(min(created_us + CLEANED_US, most_us), "CLEANUP_END", name))
    snapshot_us = min(created_us + _SNAPSHOT_US + number, most_us)
    if job.takes_snapshots and server.terms.snapshot_us is None:
        items += _snapshot(server, snapshot_us)
    if server.never_begins or server.fails_in == "snapshot":
        return items
    if not server.terms.is_fast:
        items.append(LogItem(job.converting_us(server, snapshot_us), "CONVERSION_START", name))
        if server.fails_in == "conversion":
            return [*items, LogItem(server.ended_us, "CONVERSION_FAIL", name, server.raw_error)]
        items.append(LogItem(server.launching_us, "CONVERSION_END", name))
    return items if job.only_converts else [*items, *_instance(server)]


def _snapshot(server: "ServerLife", at_us: int) -> list[LogItem]:
    """Snapshots take no time. One that fails is replaced by the previous one, if there is one."""
    name, error = server.source_server_id, server.raw_error or "Failed to take snapshot"
    start = LogItem(at_us, "SNAPSHOT_START", name)
    if server.fails_in == "snapshot":
        failed = LogItem(server.ended_us, "USING_PREVIOUS_SNAPSHOT_FAILED", name, error)
        return [start, LogItem(at_us, "SNAPSHOT_FAIL", name, error), failed]
    if server.previous_us is not None:
        fail = LogItem(at_us, "SNAPSHOT_FAIL", name, error)
        return [start, fail, LogItem(at_us, "USING_PREVIOUS_SNAPSHOT", name)]
    return [start, LogItem(at_us, "SNAPSHOT_END", name)]


def _instance(server: "ServerLife") -> list[LogItem]:
    """The launch. LAUNCH_END occurs in AWS's samples but not in botocore's enum."""
    name = server.source_server_id
    items = [LogItem(server.launching_us, "LAUNCH_START", name)]
    if server.makes_instance:
        items.append(LogItem(server.launched_us, "LAUNCH_END", name))
    if not server.launches:
        items.append(LogItem(server.ended_us, "LAUNCH_FAILED", name, server.raw_error))
    return items
