"""Jobs that deploy source networks, or adopt stacks for them."""

from collections.abc import Mapping
from typing import Final

from drsim.simulator.drs_api import shapes
from drsim.simulator.drs_api.networks import (
    SourceNetwork,
    SourceNetworks,
    check_idle,
    export_bucket,
    network,
    target_vpc_id,
)
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict, validation_error
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs_jobs import InitiatedBy
from drsim.simulator.services.network_jobs import NetworkChange, NetworkJob, NetworkLife, NetworkOutcome

# AWS publishes no times of these jobs.
PENDING_US: Final = 10_000_000
DEPLOYING_US: Final = 4 * 60_000_000
TEMPLATES_US: Final = 30_000_000


def start_source_network_recovery(region: DrsRegion, request: Members) -> Answer:
    """Start a job that deploys each network's stack, or updates the last one."""
    now_us, entries = region.frame.now_us, request["sourceNetworks"]
    chosen: list[tuple[SourceNetwork, str, NetworkChange]] = []
    for number, entry in enumerate(entries):
        network_id, path = entry["sourceNetworkID"], f"sourceNetworks.{number}.sourceNetworkID"
        known = region.part(SourceNetworks).by_id.get(network_id)
        if known is None:
            raise validation_error([(path, f"Value '{network_id}' at '{path}' is no source network")])
        if any(known is each for each, _, _ in chosen):
            raise validation_error([(path, f"Value '{network_id}' at '{path}' comes twice")])
        check_idle(region, known)
        export_bucket(region, known)
        stack_name, change = _stack(region, known, entry.get("cfnStackName"), request.get("deployAsNew", False))
        if stack_name in [name for _, name, _ in chosen]:
            raise _taken(known, stack_name)
        chosen.append((known, stack_name, change))
    lives = [_life(region, *each, now_us) for each in chosen]
    return {"job": _start(region, lives, request.get("tags", {}))}


def associate_source_network_stack(region: DrsRegion, request: Members) -> Answer:
    """Start a job that changes the launch templates of a network's servers, for a stack that exists."""
    known = network(region, request["sourceNetworkID"])
    check_idle(region, known)
    life = _life(region, known, request["cfnStackName"], NetworkChange.ASSOCIATE, region.frame.now_us)
    return {"job": _start(region, [life], {})}


def _stack(region: DrsRegion, known: SourceNetwork, name: str | None, is_new: bool) -> tuple[str, NetworkChange]:
    """The stack's name, and whether it is deployed or updated. Raises DrsRefusedError for another network's."""
    now_us, own = region.frame.now_us, known.stacks(region.frame.now_us)
    if not is_new and own and name in (None, own[-1], *own):
        return name or own[-1], NetworkChange.UPDATE
    others = {stack for each in region.part(SourceNetworks).by_id.values() for stack in each.stacks(now_us)}
    if name is None:
        names = [f"drs-{known.network_id}", *(f"drs-{known.network_id}-{n}" for n in range(2, len(own) + 3))]
        return next(each for each in names if each not in others), NetworkChange.CREATE
    if name in others:
        raise _taken(known, name)
    return name, NetworkChange.CREATE


def _taken(known: SourceNetwork, stack_name: str) -> Exception:
    return conflict(f"CloudFormation stack {stack_name} already exists", known.network_id, "source-network")


def _life(region: DrsRegion, known: SourceNetwork, stack_name: str, change: NetworkChange, now_us: int) -> NetworkLife:
    begins_us = now_us + PENDING_US
    deployed_us = begins_us if change is NetworkChange.ASSOCIATE else begins_us + DEPLOYING_US
    fails_early = known.outcome is NetworkOutcome.FAIL and change is not NetworkChange.ASSOCIATE
    return NetworkLife(
        network_id=known.network_id,
        vpc_id=known.vpc_id,
        stack_name=stack_name,
        target_vpc_id=target_vpc_id(region.scope, stack_name),
        change=change,
        outcome=known.outcome,
        begins_us=begins_us,
        deployed_us=deployed_us,
        ended_us=deployed_us if fails_early else deployed_us + TEMPLATES_US,
        error=_ERROR if known.outcome is NetworkOutcome.FAIL else _ERROR_OF_TEMPLATES,
    )


_ERROR: Final = "The CloudFormation stack could not be deployed: ROLLBACK_COMPLETE"
_ERROR_OF_TEMPLATES: Final = "The EC2 launch templates of the network's source servers could not be modified"


def _start(region: DrsRegion, lives: list[NetworkLife], tags: Mapping[str, str]) -> Members:
    """The new job. One with any new stack is a CREATE_NETWORK_RECOVERY (inferred)."""
    changes = [life.change for life in lives]
    change = NetworkChange.CREATE if NetworkChange.CREATE in changes else changes[0]
    networks = region.part(SourceNetworks)
    networks.jobs_count += 1
    stream = Stream(0, f"moto-drs/{region.scope.account_id}/{region.scope.region}/network-job/{networks.jobs_count}")
    job = NetworkJob(
        f"drsjob-{stream.hexadecimal(16)}{stream.hexadecimal(1)}",
        region.scope,
        region.frame.now_us,
        lives[0].begins_us,
        (),
        initiated_by=InitiatedBy(f"{change}_NETWORK_RECOVERY"),
        networks=tuple(lives),
    )
    region.world.service.add_job(job)
    for life in lives:
        networks.by_id[life.network_id].recoveries.append(job)
    if tags:
        region.world.tags[region.frame.arn("job", job.job_id)] = dict(tags)
    return shapes.job(region.frame, job)


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "StartSourceNetworkRecovery": DrsOperation(
        start_source_network_recovery,
        assumed="A stack takes 4 minutes, launch templates 30 seconds; a network without a stack, or deployAsNew, "
        "is CREATE_NETWORK_RECOVERY, another UPDATE_NETWORK_RECOVERY. An unknown network is a "
        "ValidationException; one that was never PROTECTED, no export bucket and a taken stack name are conflicts. No "
        "stack is made in CloudFormation, and no launch template changes. The order of log events is inferred.",
        source="botocore's model; AWS DRS user guide, Replicating network configurations",
    ),
    "AssociateSourceNetworkStack": DrsOperation(
        associate_source_network_stack,
        assumed="Any stack name is accepted; the job takes 40 seconds.",
        source="botocore's model; AWS DRS user guide, Source networks",
    ),
}
