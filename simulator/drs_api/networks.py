"""Source networks: VPCs whose configuration DRS copies, so that it can deploy them in its own Region.

`network_recovery` has their jobs. Sources: botocore's model, and the AWS DRS user guide ("Source networks").
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api import launch
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict, not_found, passes
from drsim.simulator.drs_api.shapes import Frame
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs import DrsRefusedError
from drsim.simulator.services.network_jobs import NetworkJob, NetworkLife, NetworkOutcome

COPYING_US: Final = 5 * 60_000_000
"""From the start of a network's replication until it is PROTECTED (assumed; AWS publishes no time)."""

NETWORKS_MAX: Final = 100
"""Source networks in an account's Region (Service Quotas L-4B0323BD, adjustable)."""


@dataclass(slots=True)
class SourceNetwork:
    """One source network. `switched` has the instants at which its replication was started (True) and stopped."""

    network_id: str
    vpc_id: str
    origin: JobScope
    switched: list[tuple[int, bool]] = field(default_factory=list)
    problem: str = ""
    """Why it cannot be replicated; "" if it can."""
    outcome: NetworkOutcome = NetworkOutcome.SUCCESS
    """How its next recoveries end."""
    recoveries: list[NetworkJob] = field(default_factory=list)
    """Oldest first."""

    def status(self, at_us: int) -> str:
        """replicationStatus."""
        switched_us, is_on = max((each for each in self.switched if each[0] <= at_us), default=(0, False))
        if not is_on:
            return "STOPPED"
        if self.problem:
            return "ERROR"
        return "PROTECTED" if at_us >= switched_us + COPYING_US else "IN_PROGRESS"

    def was_protected(self, at_us: int) -> bool:
        """Whether its configuration was ever copied completely, and can still be read."""
        began_us = None
        for switched_us, is_on in [*self.switched, (at_us, False)]:
            if began_us is not None and min(switched_us, at_us) >= began_us + COPYING_US:
                return not self.problem
            began_us = switched_us if is_on else None
        return False

    def parts(self, at_us: int) -> list[tuple[NetworkJob, NetworkLife]]:
        """Its jobs that have started, with its part in each, oldest first."""
        jobs = [job for job in self.recoveries if job.created_us <= at_us]
        return [(job, life) for job in jobs for life in job.networks if life.network_id == self.network_id]

    def stacks(self, at_us: int) -> list[str]:
        """Names of the stacks that its jobs have deployed or adopted, the current one last."""
        return [life.stack_name for _, life in self.parts(at_us) if life.status(at_us).value == "LAUNCHED"]


@dataclass(slots=True)
class SourceNetworks:
    """The source networks of an account's Region, by id, oldest first."""

    by_id: dict[str, SourceNetwork] = field(default_factory=dict)
    made_count: int = 0
    jobs_count: int = 0


def network(region: DrsRegion, network_id: str) -> SourceNetwork:
    """Raises DrsRefusedError for an unknown id."""
    found = region.part(SourceNetworks).by_id.get(network_id)
    if found is None:
        raise not_found(network_id, "source-network")
    return found


def shown(frame: Frame, known: SourceNetwork) -> dict[str, Any]:
    """SourceNetwork, as of now."""
    now_us = frame.now_us
    answer = {
        "sourceNetworkID": known.network_id,
        **frame.identity("source-network", known.network_id),
        "sourceVpcID": known.vpc_id,
        "sourceAccountID": known.origin.account_id,
        "sourceRegion": known.origin.region,
        "replicationStatus": known.status(now_us),
        "lastRecovery": {"lastRecoveryResult": "NOT_STARTED"},
    }
    if answer["replicationStatus"] == "ERROR":
        answer["replicationStatusDetails"] = known.problem
    if parts := known.parts(now_us):
        job, life = parts[-1]
        answer["lastRecovery"] = {
            "apiCallDateTime": frame.time(job.created_us),
            "jobID": job.job_id,
            "lastRecoveryResult": life.result(now_us),
        }
    if stacks := known.stacks(now_us):
        answer["cfnStackName"] = stacks[-1]
        answer["launchedVpcID"] = target_vpc_id(frame.scope, stacks[-1])
    return answer


def target_vpc_id(scope: JobScope, stack_name: str) -> str:
    """The VPC of a stack: a stack that is adopted again still has the VPC that it deployed."""
    return f"vpc-0{Stream(0, f'moto-drs/{scope.account_id}/{scope.region}/stack/{stack_name}').hexadecimal(16)}"


def create_source_network(region: DrsRegion, request: Members) -> Answer:
    """A new network, which does not replicate yet."""
    networks = region.part(SourceNetworks)
    vpc_id, origin = request["vpcID"], JobScope(request["originAccountID"], request["originRegion"])
    for each in networks.by_id.values():
        if (each.vpc_id, each.origin) == (vpc_id, origin):
            raise conflict(f"VPC {vpc_id} is protected by {each.network_id}", each.network_id, "source-network")
    if len(networks.by_id) >= NETWORKS_MAX:
        account_id = region.scope.account_id
        quota = {"resourceType": "account", "serviceCode": "drs", "quotaCode": "L-4B0323BD"}
        text = f"the quota of {NETWORKS_MAX} source networks is reached"
        raise DrsRefusedError("ServiceQuotaExceededException", text, resourceId=account_id, **quota)
    networks.made_count += 1
    name = f"moto-drs/{region.scope.account_id}/{region.scope.region}/network/{networks.made_count}"
    stream = Stream(0, name)
    network_id = f"sn-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
    networks.by_id[network_id] = SourceNetwork(network_id, vpc_id, origin)
    if tags := request.get("tags"):
        region.world.tags[region.frame.arn("source-network", network_id)] = dict(tags)
    return {"sourceNetworkID": network_id}


def describe_source_networks(region: DrsRegion, request: Members) -> Answer:
    """Source networks that pass all filters, oldest first."""
    filters = request.get("filters", {})
    return [
        shown(region.frame, each)
        for each in region.part(SourceNetworks).by_id.values()
        if passes(filters, "sourceNetworkIDs", each.network_id)
        and filters.get("originAccountID") in (None, each.origin.account_id)
        and filters.get("originRegion") in (None, each.origin.region)
    ]


def delete_source_network(region: DrsRegion, request: Members) -> Answer:
    """Forget a network and its tags. What its jobs deployed stays."""
    known = network(region, request["sourceNetworkID"])
    status = known.status(region.frame.now_us)
    if status != "STOPPED":
        text = f"Source Network {known.network_id} cannot be deleted while its replication status is {status}"
        raise conflict(text, known.network_id, "source-network")
    check_idle(region, known)
    del region.part(SourceNetworks).by_id[known.network_id]
    region.world.tags.pop(region.frame.arn("source-network", known.network_id), None)
    return None


def check_idle(region: DrsRegion, known: SourceNetwork) -> None:
    """Raises DrsRefusedError while a job works on the network."""
    now_us = region.frame.now_us
    if any(job.ended_us > now_us for job, _ in known.parts(now_us)):
        text = f"Source Network {known.network_id} is currently being processed by a Job"
        raise conflict(text, known.network_id, "source-network")


def start_source_network_replication(region: DrsRegion, request: Members) -> Answer:
    return _switch(region, request["sourceNetworkID"], is_on=True)


def stop_source_network_replication(region: DrsRegion, request: Members) -> Answer:
    return _switch(region, request["sourceNetworkID"], is_on=False)


def _switch(region: DrsRegion, network_id: str, *, is_on: bool) -> Answer:
    known, now_us = network(region, network_id), region.frame.now_us
    status = known.status(now_us)
    if (status != "STOPPED") is is_on:
        text = f"Source Network {network_id} has the replication status {status}"
        raise conflict(text, network_id, "source-network")
    # The host's clock can go back: what was done later than now is undone.
    known.switched = [*(each for each in known.switched if each[0] < now_us), (now_us, is_on)]
    return {"sourceNetwork": shown(region.frame, known)}


def export_source_network_cfn_template(region: DrsRegion, request: Members) -> Answer:
    """Write the network's CloudFormation template to the export bucket, if S3 has the bucket."""
    known = network(region, request["sourceNetworkID"])
    bucket, key = export_bucket(region, known), f"{known.network_id}.json"
    if region.world.outside is not None:
        region.world.outside.put_object(region.scope, bucket, key, json.dumps(_template(known), indent=2))
    return {"s3DestinationUrl": f"s3://{bucket}/{key}"}


def export_bucket(region: DrsRegion, known: SourceNetwork) -> str:
    """The bucket of the launch configuration template. Raises DrsRefusedError without one or without a template."""
    if not known.was_protected(region.frame.now_us):
        text = f"Source Network {known.network_id} has not been replicated yet"
        raise conflict(text, known.network_id, "source-network")
    arn = (launch.settings(region).template or {}).get("exportBucketArn")
    if not arn:
        text = "exportBucketArn is not set in the launch configuration template"
        raise conflict(text, known.network_id, "source-network")
    return str(arn).rpartition(":")[2]


def _template(known: SourceNetwork) -> dict[str, Any]:
    """A CloudFormation template with the VPC alone: subnets, routes and groups are not simulated."""
    tags = [{"Key": "AWSElasticDisasterRecoverySourceNetworkID", "Value": known.network_id}]
    vpc = {"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": True, "EnableDnsHostnames": True, "Tags": tags}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{known.vpc_id} of {known.origin.account_id} in {known.origin.region}",
        "Resources": {"VPC": {"Type": "AWS::EC2::VPC", "Properties": vpc}},
        "Outputs": {"VpcId": {"Value": {"Ref": "VPC"}}},
    }


_ASSUMED_STATUS: Final = (
    "It is IN_PROGRESS for 5 minutes, then PROTECTED. A network that replicates already is a conflict."
)
_GUIDE: Final = "botocore's model; AWS DRS user guide, Source networks"

OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "CreateSourceNetwork": DrsOperation(
        create_source_network,
        assumed="A new network is STOPPED. A VPC that has a network is a conflict. The VPC is not looked up.",
        source="botocore's model; Service Quotas L-4B0323BD",
    ),
    "DescribeSourceNetworks": DrsOperation(
        describe_source_networks,
        assumed="Networks come in the order of their creation. lastRecoveryResult is NOT_STARTED before any recovery.",
        source=_GUIDE,
    ),
    "DeleteSourceNetwork": DrsOperation(
        delete_source_network,
        assumed="A network that replicates, or that a job works on, is a conflict.",
        source=_GUIDE,
    ),
    "StartSourceNetworkReplication": DrsOperation(
        start_source_network_replication, assumed=_ASSUMED_STATUS, source=_GUIDE
    ),
    "StopSourceNetworkReplication": DrsOperation(
        stop_source_network_replication,
        assumed="A network that is STOPPED already is a conflict.",
        source=_GUIDE,
    ),
    "ExportSourceNetworkCfnTemplate": DrsOperation(
        export_source_network_cfn_template,
        assumed="Without exportBucketArn, or before it was PROTECTED once, it is a conflict. It has the VPC only.",
        source="AWS CLI examples; AWS DRS user guide, Replicating network configurations",
    ),
}
