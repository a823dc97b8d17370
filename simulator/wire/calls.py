"""One call of a function's client, and how each service answers it and records it in the trace."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.iam.models import get_account_id_from

from drsim.orchestrator.model import ExecutionKey, JobScope, MetricPoint
from drsim.simulator.events import FINDER, ActionUsed, IndexRead, JobsDescribed, WriteRefused
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation
from drsim.simulator.wire.error_responses import answer
from drsim.simulator.wire.errors import NotSimulatedError
from drsim.simulator.wire.requests import (
    READS,
    WRITES,
    body_of,
    header_of,
    items_of,
    refused_by_condition,
    table_name,
    text_of,
    unit_of,
)
from drsim.simulator.wire.table import MotoTable
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
    """Where calls are made: the world, its home account and Region, and moto. `functions` has the deployed names."""

    world: World
    table: MotoTable
    functions: Mapping[str, str]
    executions: Mapping[str, ExecutionKey]
    account_id: str
    region: str
    moto: Callable[[AWSPreparedRequest], AWSResponse]

    def used(self, call: ClientCall, action: str, condition: str = "") -> None:
        """Record that the call needs permission for an action on its resource."""
        now_us, invocation = self.world.kernel.now_us, call.invocation
        self.world.trace.emit(
            ActionUsed(now_us, invocation.request_id, invocation.function, action, call.resource, condition)
        )


def _to_dynamodb(site: Site, call: ClientCall) -> None:
    world, table, body, invocation = site.world, site.table, body_of(call.request), call.invocation
    request_id, function = invocation.request_id, invocation.function
    keys = [table.key_of(each) for each in items_of(body, table.name)]
    call.key = keys[0] if len(keys) == 1 else None
    name = table_name(body.get("TableName", table.name))
    call.resource = f"arn:aws:dynamodb:{site.region}:{site.account_id}:table/{name}"
    if "IndexName" in body:
        call.resource += f"/index/{body['IndexName']}"

    def act() -> AWSResponse:
        if "IndexName" in body:
            with table.as_indexed():
                return site.moto(call.request)
        response = site.moto(call.request)
        if refused_by_condition(response):
            for key in keys:
                world.trace.emit(WriteRefused(world.kernel.now_us, request_id, function, key.execution_id))
        elif response.status_code < 300 and call.operation in WRITES:
            for key in keys:
                table.written(key, function, request_id)
        elif response.status_code < 300 and not READS.match(call.operation):
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

    def seen(response: AWSResponse) -> None:
        items = json.loads(response.content)["items"]
        jobs = {job["jobID"]: len(job.get("participatingServers", ())) for job in items}
        authorization = header_of(call.request, "Authorization")
        access_key = authorization.partition("Credential=")[2].partition("/")[0]
        account_id = get_account_id_from(access_key) if access_key.startswith("ASIA") else site.account_id
        scope = JobScope(account_id, call.region)
        world.trace.emit(
            JobsDescribed(
                world.kernel.now_us,
                call.invocation.request_id,
                call.invocation.execution_id,
                *scope,
                tuple(body.get("filters", {}).get("jobIDs", ())),
                tuple(jobs),
                tuple(job_id for job_id, count in jobs.items() if world.drs.left_out(scope, job_id, count)),
                int("nextToken" not in body),
            )
        )

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
    call.resource = f"arn:aws:lambda:{site.region}:{site.account_id}:function:{name}"
    kind = header_of(call.request, "X-Amz-Invocation-Type") or "RequestResponse"
    if kind != "Event":
        raise NotSimulatedError(
            f"{invocation.function} invokes {name} with InvocationType {kind}; only Event is simulated"
        )

    def act() -> AWSResponse:
        function = site.functions.get(name, name)
        world.functions.invoke_event(function, payload, execution_id=execution_id, by=invocation.request_id)
        return answer(call.request.url, 202, {"x-amzn-requestid": invocation.request_id}, b"")

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
        kept = cloudwatch_backends[site.account_id][site.region].metric_data
        before = len(kept)
        response = site.moto(call.request)
        points = [
            MetricPoint(datum.name, datum.value, unit_of(datum.unit))
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
    call.resource = parse_qs(text_of(call.request)).get("RoleArn", ["*"])[0]
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
