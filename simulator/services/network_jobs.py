"""Jobs of source networks. AWS publishes no log of one: the order of their events is inferred from the names."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from drsim.orchestrator.model import ServerStatus
from drsim.simulator.services.drs_jobs import DrsJob
from drsim.simulator.services.drs_log import LogItem


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

    def log_items(self) -> list[LogItem]:
        items: list[LogItem] = []

        def add(at_us: int, event: str) -> None:
            error = self.error if "FAIL" in event else ""
            items.append(LogItem(at_us, event, raw_error=error, source_network_id=self.network_id))

        fails = self.outcome is NetworkOutcome.FAIL
        if self.change is not NetworkChange.ASSOCIATE:
            verb = "DEPLOY" if self.change is NetworkChange.CREATE else "UPDATE"
            add(self.begins_us, f"{verb}_NETWORK_CONFIGURATION_START")
            add(self.deployed_us, f"{verb}_NETWORK_CONFIGURATION_{'FAILED' if fails else 'END'}")
        if self.change is NetworkChange.ASSOCIATE or not fails:
            add(self.deployed_us, "UPDATE_LAUNCH_TEMPLATE_START")
            ending = "END" if self.outcome is NetworkOutcome.SUCCESS else "FAILED"
            add(self.ended_us, f"UPDATE_LAUNCH_TEMPLATE_{ending}")
        if fails:
            add(self.ended_us, "NETWORK_RECOVERY_FAIL")
        return items


@dataclass(slots=True, eq=False)
class NetworkJob(DrsJob):
    """A job of StartSourceNetworkRecovery or AssociateSourceNetworkStack. It has no servers."""

    networks: tuple[NetworkLife, ...] = ()

    def __post_init__(self) -> None:
        DrsJob.__post_init__(self)
        self.ended_us = self.settled_us = max(life.ended_us for life in self.networks) + self.lingers_us
        changes = {instant for life in self.networks for instant in (life.begins_us, life.ended_us)}
        self._changes = sorted({self.started_us, self.ended_us} | changes)

    def log_items(self, at_us: int, cleaned: Collection[str] = ()) -> tuple[LogItem, ...]:  # noqa: ARG002
        """Return the entries up to `at_us`, oldest first. It cleans up no instances."""
        items = [LogItem(self.started_us, "JOB_START")]
        items += [item for life in self.networks for item in life.log_items()]
        items.append(LogItem(self.ended_us, "JOB_END"))
        return tuple(sorted((item for item in items if item.at_us <= at_us), key=lambda item: item.at_us))
