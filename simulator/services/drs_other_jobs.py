"""Jobs that launch no recovery instance: those of source networks, and launches of a failback to on-premises.

AWS publishes no log of either. Their events are botocore's, in an order inferred from their names.
"""

from dataclasses import dataclass
from enum import StrEnum

from drsim.orchestrator.model import ServerStatus
from drsim.simulator.services.drs_jobs import DrsJob, LogItem


class NetworkChange(StrEnum):
    """What a job does for a source network; the prefix of DRS's initiatedBy."""

    CREATE = "CREATE"
    """Deploys a new CloudFormation stack."""
    UPDATE = "UPDATE"
    ASSOCIATE = "ASSOCIATE"
    """Only changes the launch templates of the network's servers, for a stack that exists."""


class NetworkOutcome(StrEnum):
    """How a network's part in a job ends, as in DRS's lastRecoveryResult."""

    SUCCESS = "SUCCESS"
    PARTIAL_SUCCESS = "PARTIAL_SUCCESS"
    """The network is deployed, its servers' launch templates are not changed."""
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLife:
    """One network's part in a job: PENDING until `begins_us`, IN_PROGRESS until `ended_us`, LAUNCHED or FAILED.

    From `deployed_us` on the launch templates of its servers are changed.
    """

    network_id: str
    vpc_id: str
    stack_name: str
    target_vpc_id: str
    change: NetworkChange
    outcome: NetworkOutcome
    begins_us: int
    deployed_us: int
    ended_us: int
    error: str

    def status(self, at_us: int) -> ServerStatus:
        """launchStatus. A network without its servers' templates is LAUNCHED (assumed)."""
        if at_us < self.begins_us:
            return ServerStatus.PENDING
        if at_us < self.ended_us:
            return ServerStatus.IN_PROGRESS
        return ServerStatus.FAILED if self.outcome is NetworkOutcome.FAIL else ServerStatus.LAUNCHED

    def result(self, at_us: int) -> str:
        """lastRecoveryResult. An association that is not a full success is ASSOCIATE_FAIL."""
        if at_us < self.ended_us:
            return "IN_PROGRESS"
        if self.change is not NetworkChange.ASSOCIATE:
            return self.outcome.value
        return "ASSOCIATE_SUCCESS" if self.outcome is NetworkOutcome.SUCCESS else "ASSOCIATE_FAIL"

    @property
    def changes_us(self) -> tuple[int, ...]:
        return (self.begins_us, self.ended_us)

    @property
    def failures(self) -> tuple[str, ...]:
        """The events whose data have `error`."""
        return (f"{self._deployment}_FAILED", "UPDATE_LAUNCH_TEMPLATE_FAILED", "NETWORK_RECOVERY_FAIL")

    @property
    def _deployment(self) -> str:
        verb = "DEPLOY" if self.change is NetworkChange.CREATE else "UPDATE"
        return f"{verb}_NETWORK_CONFIGURATION"

    def log_items(self) -> list[LogItem]:
        events: list[tuple[int, str]] = []
        fails = self.outcome is NetworkOutcome.FAIL
        associates = self.change is NetworkChange.ASSOCIATE
        if not associates:
            events.append((self.begins_us, f"{self._deployment}_START"))
            events.append((self.deployed_us, f"{self._deployment}_{'FAILED' if fails else 'END'}"))
        if associates or not fails:
            ending = "END" if self.outcome is NetworkOutcome.SUCCESS else "FAILED"
            events.append((self.deployed_us, "UPDATE_LAUNCH_TEMPLATE_START"))
            events.append((self.ended_us, f"UPDATE_LAUNCH_TEMPLATE_{ending}"))
        if fails:
            events.append((self.ended_us, "NETWORK_RECOVERY_FAIL"))
        return [LogItem(at_us, event, source_network_id=self.network_id) for at_us, event in events]


@dataclass(slots=True, eq=False)
class NetworkJob(DrsJob):
    """A job of StartSourceNetworkRecovery or AssociateSourceNetworkStack. It has no servers."""

    networks: tuple[NetworkLife, ...] = ()

    def __post_init__(self) -> None:
        DrsJob.__post_init__(self)
        self.ended_us = self.settled_us = max(life.ended_us for life in self.networks) + self.lingers_us
        self._changes = sorted(
            {self.started_us, self.ended_us, *(at for life in self.networks for at in life.changes_us)}
        )

    def log_items(self, at_us: int) -> tuple[LogItem, ...]:
        """Return the entries up to `at_us`, oldest first."""
        items = [LogItem(self.started_us, "JOB_START")]
        items += [item for life in self.networks for item in life.log_items()]
        items.append(LogItem(self.ended_us, "JOB_END"))
        return tuple(sorted((item for item in items if item.at_us <= at_us), key=lambda item: item.at_us))


@dataclass(slots=True, eq=False)
class FailbackJob(DrsJob):
    """A job of StartFailbackLaunch: converts the disks on the Failback Client's machine and reboots it."""

    def log_items(self, at_us: int) -> tuple[LogItem, ...]:
        """Return the entries up to `at_us`, oldest first: no snapshots, since the data is on the machine already."""
        items = [LogItem(self.started_us, "JOB_START")]
        for server in self.servers:
            name = server.source_server_id
            items.append(LogItem(self.started_us, "CONVERSION_START", name))
            if not server.never_begins:
                items.append(LogItem(server.launching_us, "CONVERSION_END", name))
                items.append(LogItem(server.launching_us, "LAUNCH_START", name))
                items.append(LogItem(server.ended_us, "LAUNCH_END" if server.launches else "LAUNCH_FAILED", name))
        items.append(LogItem(self.ended_us, "JOB_END"))
        return tuple(sorted((item for item in items if item.at_us <= at_us), key=lambda item: item.at_us))
