"""DRS's answers as JSON, without the members that are not simulated: in the model, all but jobID are optional.

Sources: botocore's service model for drs 2020-02-26, AWS's sample jobs of 2022-12-07.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from drsim.orchestrator.model import JobScope, JobStatus
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs import DrsJob, DrsRefusedError
from drsim.simulator.services.drs_jobs import ActionLife, InitiatedBy
from drsim.simulator.services.drs_log import LogItem
from drsim.simulator.services.network_jobs import NetworkJob, NetworkLife

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


class Frame(NamedTuple):
    """What the parts of an answer share: instants count from `epoch_us`, `tags` are by ARN."""

    scope: JobScope
    partition: str
    epoch_us: int
    now_us: int
    tags: Mapping[str, Mapping[str, str]]

    def time(self, at_us: int) -> str:
        """An instant as AWS sends it: 32 characters that end in +00:00, where the model's pattern ends in Z."""
        return _time(self.epoch_us + at_us)

    def arn(self, resource_type: str, resource_id: str) -> str:
        """The ARN of a job, source-server or recovery-instance."""
        account_id, region = self.scope
        return f"arn:{self.partition}:drs:{region}:{account_id}:{resource_type}/{resource_id}"

    def identity(self, resource_type: str, resource_id: str) -> dict[str, Any]:
        arn = self.arn(resource_type, resource_id)
        return {"arn": arn, "tags": dict(self.tags.get(arn, {}))}


def iso_duration(duration_us: int) -> str:
    """A duration as AWS sends it, such as P2DT1H32M12.136909S; P0D for none."""
    minutes, left_us = divmod(duration_us, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    seconds, micros = divmod(left_us, 1_000_000)
    seconds_text = f"{seconds}.{micros:06d}".rstrip("0") if micros else str(seconds)
    parts = ((hours, f"{hours}H"), (minutes, f"{minutes}M"), (left_us, f"{seconds_text}S"))
    time = "".join(text for count, text in parts if count)
    return f"P{f'{days}D' if days or not time else ''}{f'T{time}' if time else ''}"


@lru_cache(maxsize=4096)
def _time(unix_us: int) -> str:
    # The ETA of huge disks can lie after the years that Python has, and the data of a huge lag before them.
    shown = EPOCH + timedelta(microseconds=min(max(unix_us, _FIRST_US), _LAST_US))
    return shown.isoformat(timespec="microseconds")


def instant_us(path: str, text: str | None, default_us: float) -> float:
    """Unix microseconds of a time that matches the model's pattern, the default for None.

    Raises DrsRefusedError (ValidationException) for a date that does not exist.
    """
    if text is None:
        return default_us
    try:
        return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
    except ValueError:
        text = f"Value '{text}' at '{path}' is no date of the calendar"
        members = {"reason": "fieldValidationFailed", "fieldList": [{"name": path, "message": text}]}
        raise DrsRefusedError("ValidationException", f"1 validation error detected: {text}", **members) from None


def job(frame: Frame, shown: DrsJob) -> dict[str, Any]:
    """Job, as of now."""
    view = shown.view(frame.now_us)
    answer = {
        "jobID": shown.job_id,
        **frame.identity("job", shown.job_id),
        "type": shown.kind.value,
        "initiatedBy": shown.starter.value,
        "creationDateTime": frame.time(shown.created_us),
        "status": view.status.value,
        "participatingServers": [],
    }
    if isinstance(shown, NetworkJob):
        # AWS's sample of such a job has no servers, not an empty list.
        del answer["participatingServers"]
        answer["participatingResources"] = [_network_part(life, frame.now_us) for life in shown.networks]
    if view.status is JobStatus.COMPLETED:
        answer["endDateTime"] = frame.time(shown.ended_us)
    for launch, life in zip(view.servers, shown.servers, strict=True):
        server: dict[str, Any] = {"sourceServerID": launch.source_server_id, "launchStatus": launch.status.value}
        if launch.instance_id is not None:
            server["recoveryInstanceID"] = launch.instance_id
        if launch.actions:
            owner, started = f"{shown.job_id}/{life.source_server_id}", enumerate(life.actions[: len(launch.actions)])
            own = life.terms.actions or (None,) * len(life.actions)
            runs = [_run(number, action, owner, own[number], frame.now_us) for number, action in started]
            server["launchActionsStatus"] = {"ssmAgentDiscoveryDatetime": frame.time(life.launched_us), "runs": runs}
        answer["participatingServers"].append(server)
    return answer


def _network_part(life: NetworkLife, now_us: int) -> dict[str, Any]:
    network = {"sourceNetworkID": life.network_id}
    return {"participatingResourceID": network, "launchStatus": life.status(now_us).value}


def _run(number: int, action: ActionLife, owner: str, known: Mapping[str, Any] | None, now_us: int) -> dict[str, Any]:
    """LaunchActionRun. Without a known action of the server's own it is a made-up one."""
    made_up = {
        "actionId": _uuid(f"action/{number}"),
        "actionCode": "AWS-RunShellScript",
        "type": "SSM_COMMAND",
        "name": f"Post-launch action {number + 1}",
        "active": True,
        "order": number + 2,  # The model's least is 2.
        "actionVersion": "1",
        "optional": True,
        "category": "OTHER",
    }
    shown = made_up if known is None else dict(known)
    run = {"action": shown, "runId": _uuid(f"{owner}/{number}"), "status": action.status(now_us).value}
    if run["status"] == "FAILED":
        run["failureReason"] = "The command ended with status Failed"
    return run


def log_item(frame: Frame, shown: DrsJob, item: LogItem) -> dict[str, Any]:
    """JobLog. In AWS's samples the job's own events carry empty data."""
    data: dict[str, Any] = {}
    if item.source_network_id and isinstance(shown, NetworkJob):
        network = next(each for each in shown.networks if each.network_id == item.source_network_id)
        data["eventResourceData"] = {"sourceNetworkData": _network_data(network, item.event)}
    if item.source_server_id:
        life = next(each for each in shown.servers if each.source_server_id == item.source_server_id)
        data["sourceServerID"] = life.source_server_id
        # A failback converts and launches the machine of the Failback Client, not an EC2 instance.
        match item.event if shown.initiated_by is not InitiatedBy.FAILBACK else "":
            case "CONVERSION_END":
                digits = Stream(0, f"moto-drs/{shown.job_id}/{life.source_server_id}/converter").hexadecimal(16)
                data["conversionServerID"] = f"i-0{digits}"
            case "LAUNCH_END":
                data["targetInstanceID"] = life.instance_id
    if item.raw_error:
        data["rawError"] = item.raw_error
    return {"logDateTime": frame.time(item.at_us), "event": item.event, "eventData": data}


def _network_data(life: NetworkLife, event: str) -> dict[str, str]:
    data = {"sourceNetworkID": life.network_id, "sourceVpc": life.vpc_id, "stackName": life.stack_name}
    # The new VPC has no id before its stack is complete.
    return data if event.endswith("CONFIGURATION_START") else {**data, "targetVpc": life.target_vpc_id}


def identification_hints(server_id: str) -> dict[str, str]:
    """IdentificationHints, derived from the id, so that each server has the same ones in every answer."""
    hostname = f"host-{server_id[2:10]}"
    return {"hostname": hostname, "fqdn": f"{hostname}.example.com", "vmWareUuid": _uuid(server_id)}


def _uuid(name: str) -> str:
    """A UUID in the form of version 4, derived from a name."""
    stream = Stream(0, f"moto-drs/uuid/{name}")
    high, low = stream.hexadecimal(16), stream.hexadecimal(16)
    return f"{high[:8]}-{high[8:12]}-4{high[13:]}-a{low[1:4]}-{low[4:]}"
