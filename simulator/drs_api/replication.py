"""The replication of a source server over time: its state, steps and bytes at each instant. `protection` has the calls.

Sources: DRS user guide on common replication errors and the recovery dashboard, AWS's sample servers of 2022-12. AWS
publishes no durations: those of the steps, of copying and of the first snapshot are assumed.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, NamedTuple

from drsim.simulator.drs_api.shapes import Frame, iso_duration
from drsim.simulator.randomness import Stream

STEPS: Final = (
    "WAIT",
    "CREATE_SECURITY_GROUP",
    "LAUNCH_REPLICATION_SERVER",
    "BOOT_REPLICATION_SERVER",
    "AUTHENTICATE_WITH_SERVICE",
    "DOWNLOAD_REPLICATION_SOFTWARE",
    "CREATE_STAGING_DISKS",
    "ATTACH_STAGING_DISKS",
    "PAIR_REPLICATION_SERVER_WITH_AGENT",
    "CONNECT_AGENT_TO_REPLICATION_SERVER",
    "START_DATA_TRANSFER",
)
ERRORS: Final = (
    *("AGENT_NOT_SEEN", "SNAPSHOTS_FAILURE", "NOT_CONVERGING", "UNSTABLE_NETWORK"),
    *(f"FAILED_TO_{step}" for step in STEPS[1:]),
)
OFF: Final = frozenset({"STOPPED", "DISCONNECTED"})
"""States in which nothing replicates and no point in time is left."""

_SYNC: Final = ("INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS")
COURSES: Final = {
    **{state: _SYNC[number:] for number, state in enumerate(_SYNC)},
    "RESCAN": ("RESCAN", "CONTINUOUS"),
    **{state: (state,) for state in ("BACKLOG", "PAUSED", "STALLED", "STOPPED", "DISCONNECTED")},
}
"""The states that follow each state by themselves. A state with no follower lasts until a call changes it."""

_SHARED: Final = range(1, 6)
"""Steps that are skipped when a replication server already runs, as in 5 of AWS's 6 sample servers."""

_SYNC_BYTES_PER_S: Final = 100 * 1024**2
_RESCAN_BYTES_PER_S: Final = 400 * 1024**2
_BACKLOG_BYTES_PER_S: Final = 1024**2
_SNAPSHOT_US: Final = 60_000_000
_NEXT_ATTEMPT_US: Final = 300_000_000


class Disk(NamedTuple):
    name: str
    bytes: int


class Period(NamedTuple):
    """One state from `begun_us` until the next period. `whole_us` is its planned duration, 0 for none."""

    state: str
    begun_us: int
    whole_us: int = 0
    error: str = ""
    raw_error: str = ""
    lag_us: int = 0


class View(NamedTuple):
    """Replication at one instant. Fractions are from 0 to 1; `None` is an instant or lag that does not exist."""

    period: Period
    initiated_us: int
    steps: Fraction
    replicated: Fraction
    rescanned: Fraction
    lag_us: int | None
    first_byte_us: int | None
    ready_since_us: int | None
    """Since when a point in time exists to launch from."""


@dataclass(slots=True)
class Replication:
    """The periods of one source server in the order of their begin, never none."""

    periods: list[Period]
    shares_server: bool = False
    exported: dict[str, Any] = field(default_factory=dict)
    """DataReplicationInfo of a real account, which holds until the first change."""

    def change(self, now_us: int, periods: list[Period]) -> None:
        """Replace all that was to follow. If the clock went back, this drops what it had reached before."""
        self.exported = {}
        self.periods = [each for each in self.periods if each.begun_us <= now_us] + periods

    def view(self, now_us: int) -> View:
        """Replication as of now; before its first period, as it began."""
        past = [each for each in self.periods if each.begun_us <= now_us] or self.periods[:1]
        ends_us = [*(each.begun_us for each in past[1:]), max(now_us, past[-1].begun_us)]
        initiated_us, steps, replicated, rescanned = past[0].begun_us, Fraction(1), Fraction(0), Fraction(0)
        first_byte_us = ready_us = behind_us = None
        for period, ended_us in zip(past, ends_us, strict=True):
            begun_us = period.begun_us
            done = Fraction(min(ended_us - begun_us, period.whole_us), period.whole_us) if period.whole_us else 1
            match period.state:
                case "INITIATING":
                    initiated_us, steps = begun_us, Fraction(done)
                    if ready_us is None:
                        replicated = rescanned = Fraction(0)
                case "INITIAL_SYNC":
                    steps, replicated, rescanned, ready_us = Fraction(1), Fraction(done), Fraction(done), None
                case "RESCAN":
                    steps, replicated, rescanned, ready_us = (
                        Fraction(1),
                        Fraction(1),
                        Fraction(done),
                        ready_us or begun_us,
                    )
                case "CONTINUOUS" | "BACKLOG":
                    steps, replicated, rescanned, ready_us = Fraction(1), Fraction(1), Fraction(1), ready_us or begun_us
                case "STOPPED" | "DISCONNECTED":
                    replicated, rescanned, ready_us = Fraction(0), Fraction(0), None
            if period.state not in {"INITIATING", "STALLED", "PAUSED", *OFF}:
                first_byte_us = begun_us if first_byte_us is None else first_byte_us
            is_behind = ready_us is not None and period.state != "CONTINUOUS"
            behind_us = (begun_us if behind_us is None else behind_us) if is_behind else None
        lag_us = None
        if ready_us is not None:
            lag_us = past[-1].lag_us + (0 if behind_us is None else max(0, now_us - behind_us))
        return View(past[-1], initiated_us, steps, replicated, rescanned, lag_us, first_byte_us, ready_us)


def course(
    states: tuple[str, ...],
    now_us: int,
    server_id: str,
    disks: list[Disk],
    *,
    error: str = "",
    raw_error: str = "",
    lag_us: int = 0,
) -> list[Period]:
    """Plan the states, one after the other, from now on. Error and lag are those of the first."""
    size_bytes = sum(disk.bytes for disk in disks)
    wholes_us = {
        # From 58 s to 2.7 min passed in AWS's samples until the first byte.
        "INITIATING": 58_000_000 + Stream(0, f"moto-drs/{server_id}/initiation").below(104_000_001),
        "INITIAL_SYNC": 1 + size_bytes * 1_000_000 // _SYNC_BYTES_PER_S,
        "CREATING_SNAPSHOT": _SNAPSHOT_US,
        "RESCAN": 1 + size_bytes * 1_000_000 // _RESCAN_BYTES_PER_S,
    }
    periods = [Period(states[0], now_us, wholes_us.get(states[0], 0), error, raw_error, lag_us)]
    for state in states[1:]:
        before = periods[-1]
        periods.append(Period(state, before.begun_us + before.whole_us, wholes_us.get(state, 0)))
    return periods


def info(frame: Frame, replication: Replication, disks: list[Disk]) -> dict[str, Any]:
    """DataReplicationInfo, as of now."""
    if replication.exported:
        return deepcopy(replication.exported)
    view = replication.view(frame.now_us)
    period, is_connected = view.period, view.period.state != "DISCONNECTED"
    size_bytes = sum(disk.bytes for disk in disks)
    backlog = Fraction(0)
    if view.lag_us and size_bytes:
        backlog = min(Fraction(1), Fraction(view.lag_us * _BACKLOG_BYTES_PER_S, 1_000_000 * size_bytes))
    shown: dict[str, Any] = {
        "dataReplicationState": period.state,
        "replicatedDisks": [
            {
                "deviceName": disk.name,
                "totalStorageBytes": disk.bytes if is_connected else 0,
                "replicatedStorageBytes": int(disk.bytes * view.replicated),
                "rescannedStorageBytes": int(disk.bytes * view.rescanned),
                "backloggedStorageBytes": int(disk.bytes * backlog),
                "volumeStatus": "REGULAR",
            }
            for disk in disks
        ],
        "stagingAvailabilityZone": f"{frame.scope.region}a",
    }
    if view.lag_us is not None:
        shown["lagDuration"] = iso_duration(view.lag_us)
    if period.state in {"INITIAL_SYNC", "RESCAN"}:
        shown["etaDateTime"] = frame.time(period.begun_us + period.whole_us)
    if period.state not in OFF:
        shown["dataReplicationInitiation"] = _initiation(frame, replication.shares_server, view)
    if period.error:
        shown["dataReplicationError"] = {"error": period.error}
        if period.raw_error:
            shown["dataReplicationError"]["rawError"] = period.raw_error
    return shown


def _initiation(frame: Frame, shares_server: bool, view: View) -> dict[str, Any]:
    """DataReplicationInitiation. All steps stay listed once they are over, and take equally long (assumed)."""
    done, status = int(view.steps * len(STEPS)), "IN_PROGRESS"
    if (failed := view.period.error.removeprefix("FAILED_TO_")) in STEPS:
        done, status = STEPS.index(failed), "FAILED"
    over = ["SKIPPED" if shares_server and number in _SHARED else "SUCCEEDED" for number in range(done)]
    statuses = [*over, status, *["NOT_STARTED"] * len(STEPS)]
    # In the samples a later multiple of five minutes.
    unix_us = frame.epoch_us + view.initiated_us
    next_us = unix_us - unix_us % _NEXT_ATTEMPT_US + _NEXT_ATTEMPT_US - frame.epoch_us
    return {
        "startDateTime": frame.time(view.initiated_us),
        "nextAttemptDateTime": frame.time(next_us),
        "steps": [{"name": name, "status": each} for name, each in zip(STEPS, statuses, strict=False)],
    }
