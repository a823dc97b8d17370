"""One call of a function's client, and how each service answers it and records it in the trace."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.cloudwatch.models import MetricDatum, cloudwatch_backends

from drsim.orchestrator.model import ExecutionKey, JobScope, MetricPoint, Unit
from drsim.simulator.events import FINDER, ActionUsed, IndexRead, JobsDescribed, WriteRefused
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation
from drsim.simulator.wire import messages
from drsim.simulator.wire.deployment import REGION
from drsim.simulator.wire.errors import NotSimulatedError
from drsim.simulator.wire.messages import body_of, header_of
from drsim.simulator.wire.table import MotoTable
from drsim.simulator.workload import HOME_ACCOUNT
from drsim.simulator.world import World


@dataclass(slots=True)
class ClientCall:
    """One call over all of its attempts: `act` answers an attempt, `seen` records a successful answer."""

    request: AWSPreparedRequest
    operation: str
    invocation: Invocation
    stream: Stream
    latency: Spread
    act: Callable[[], AWSResponse] = field(init=False)
    seen: Callable[[AWSResponse], None] | None = None
    key: ExecutionKey | None = None
    region: str = ""
    resource: str = "*"
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where calls are made: a world and moto. `functions` has the world's names of functions by deployed name."""

    world: World
    table: MotoTable
    functions: Mapping[str, str]
    executions: Mapping[str, ExecutionKey]
    moto: Callable[[AWSPreparedRequest], AWSResponse]

    def used(self, call: ClientCall, action: str, condition: str = "") -> None:
        """Record that the call needs permission for an action on its resource."""
        ids = (call.invocation.request_id, call.invocation.function)
        self.world.trace.emit(ActionUsed(self.world.kernel.now_us, *ids, action, call.resource, condition))


def _to_dynamodb(site: Site, call: ClientCall) -> None:
    world, table, body, invocation = site.world, site.table, body_of(call.request), call.invocation
    request_id, function = invocation.request_id, invocation.function
    keys = [table.key_of(each) for each in messages.items_of(body, table.name)]
    call.key = keys[0] if len(keys) == 1 else None
    name = messages.table_name(body.get("TableName", table.name))
    call.resource = f"arn:aws:dynamodb:{REGION}:{HOME_ACCOUNT}:table/{name}"
    if "IndexName" in body:
        call.resource += f"/index/{body['IndexName']}"

    def act() -> AWSResponse:
        if "IndexName" in body:
            with table.as_indexed():
                return site.moto(call.request)
        response = site.moto(call.request)
        if messages.refused_by_condition(response):
            for key in keys:
                world.trace.emit(WriteRefused(world.kernel.now_us, request_id, function, key.execution_id))
        elif response.status_code < 300 and call.operation in messages.WRITES:
            for key in keys:
                table.written(key, function, request_id)
        elif response.status_code < 300 and not messages.READS.match(call.operation):
            table.look_again(function, request_id)
        return response

    def seen(response: AWSResponse) -> None:
        page = json.loads(response.content)
        is_first, is_last = int("ExclusiveStartKey" not in body), int("LastEvaluatedKey" not in page)
        items_count, size_bytes = len(page.get("Items", ())), len(response.content)
        world.trace.emit(IndexRead(world.kernel.now_us, request_id, is_first, is_last, items_count, size_bytes))

    call.act = act
    if call.operation in ("Query", "Scan") and function == FINDER:
        call.seen = seen


def _to_drs(site: Site, call: ClientCall) -> None:
    call.region = call.request.url.split("/")[2].split(".")[1]
    if call.operation != "DescribeJobs":
        return
    world, body = site.world, body_of(call.request)
    access_key = header_of(call.request, "Authorization").partition("Credential=")[2].partition("/")[0]
    scope = JobScope(messages.account_of(access_key), call.region)
    ids = (call.invocation.request_id, call.invocation.execution_id, *scope)
    asked, is_first = tuple(body.get("filters", {}).get("jobIDs", ())), int("nextToken" not in body)

    def seen(response: AWSResponse) -> None:
        items = json.loads(response.content)["items"]
        jobs = {job["jobID"]: len(job.get("participatingServers", ())) for job in items}
        incomplete = tuple(job_id for job_id, count in jobs.items() if world.drs.left_out(scope, job_id, count))
        world.trace.emit(JobsDescribed(world.kernel.now_us, *ids, asked, tuple(jobs), incomplete, is_first))

    call.seen = seen


def _to_lambda(site: Site, call: ClientCall) -> None:
    world, invocation = site.world, call.invocation
    if call.operation != "Invoke":
        raise NotSimulatedError(f"{invocation.function} calls lambda {call.operation}; only Invoke is simulated")
    name = unquote(str(call.request.url).split("/functions/")[1].split("/")[0]).rpartition("function:")[2]
    try:
        payload = body_of(call.request)
    except ValueError:
        call.act = _no_json
        return
    execution_id = _execution_in(payload, site.executions)
    call.key = site.executions.get(execution_id)
    call.stream = Stream(world.kernel.seed, f"invoke/{invocation.request_id}/{execution_id}")
    call.resource = f"arn:aws:lambda:{REGION}:{HOME_ACCOUNT}:function:{name}"
    kind = header_of(call.request, "X-Amz-Invocation-Type") or "RequestResponse"
    if kind != "Event":
        raise NotSimulatedError(
            f"{invocation.function} invokes {name} with InvocationType {kind}; only Event is simulated"
        )

    def act() -> AWSResponse:
        function = site.functions.get(name, name)
        world.functions.invoke_event(function, payload, execution_id=execution_id, by=invocation.request_id)
        return messages.answer(call.request.url, 202, {"x-amzn-requestid": invocation.request_id}, b"")

    call.act = act


def _no_json() -> AWSResponse:
    raise ServiceError("InvalidRequestContentException", "Could not parse request body into json")


def _execution_in(payload: Any, known: Mapping[str, ExecutionKey]) -> str:
    """The id of the execution in a payload, whatever its field is called; "" if there is none."""
    if isinstance(payload, str):
        return payload if payload in known else ""
    values = payload.values() if isinstance(payload, Mapping) else payload if isinstance(payload, list) else ()
    return next((found for found in (_execution_in(value, known) for value in values) if found), "")


def _to_cloudwatch(site: Site, call: ClientCall) -> None:
    if call.operation != "PutMetricData":
        return

    def act() -> AWSResponse:
        kept = cloudwatch_backends[HOME_ACCOUNT][REGION].metric_data
        before = len(kept)
        response = site.moto(call.request)
        points = [
            # This project does not know all of CloudWatch's units.
            MetricPoint(datum.name, datum.value, Unit(datum.unit) if datum.unit in {*Unit} else Unit.COUNT)
            for datum in kept[before:]
            if isinstance(datum, MetricDatum)
        ]
        if points:
            # The namespace is the condition key of this action, and only moto's parsed form shows it.
            site.used(call, "cloudwatch:PutMetricData", f"cloudwatch:namespace={kept[before].namespace}")
            site.world.metrics.put(points, call.invocation)
        return response

    call.act = act


def _to_sts(site: Site, call: ClientCall) -> None:
    body = call.request.body or ""
    call.resource = parse_qs(body.decode() if isinstance(body, bytes) else str(body)).get("RoleArn", ["*"])[0]
    # A stream of its own, so that a role for another account does not change what other calls draw.
    call.stream = Stream(site.world.kernel.seed, f"sts/{call.invocation.request_id}/{call.resource}")


PREPARE: Final[Mapping[str, Callable[[Site, ClientCall], None]]] = {
    "cloudwatch": _to_cloudwatch,
    "drs": _to_drs,
    "dynamodb": _to_dynamodb,
    "lambda": _to_lambda,
    "sts": _to_sts,
}
"""Services with rules of their own, which complete a call that has begun. moto alone answers all others."""
