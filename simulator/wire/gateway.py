"""The one way from boto3 to a service: botocore's `before-send` leads every request here.

A request of a Lambda invocation takes virtual time, may be struck by a fault, and is seen in the trace as in the fast
tier; botocore itself then retries, as it does against AWS. One of whoever sets the world up goes straight to moto.
Nothing else is left to answer, so no request can reach AWS.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.core.botocore_stubber import BotocoreStubber
from moto.iam.models import get_account_id_from

from drsim.orchestrator.model import ExecutionKey, JobScope, MetricPoint
from drsim.simulator.events import FINDER, ActionUsed, CallMade, IndexRead, JobsDescribed, WriteRefused
from drsim.simulator.kernel import Process
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation
from drsim.simulator.wire.error_responses import answer, error_code, failure
from drsim.simulator.wire.errors import NotSimulatedError
from drsim.simulator.wire.requests import (
    READS,
    SERVICES,
    WRITES,
    action_of,
    body_of,
    header_of,
    items_of,
    latency_of,
    refused_by_condition,
    shortened,
    table_name,
    unit_of,
)
from drsim.simulator.wire.table import MotoTable
from drsim.simulator.world import World

_CALLS_KEPT_MAX: Final = 1000
"""When there are more, those of processes that have ended are forgotten."""


@dataclass(slots=True)
class _Call:
    """One call of a client's, over all of its attempts: what it does, and what the trace hears of its success."""

    request: AWSPreparedRequest
    stream: Stream
    latency: Spread
    act: Callable[["_Call"], AWSResponse]
    seen: Callable[[AWSResponse], None] | None = None
    key: ExecutionKey | None = None
    region: str = ""
    resource: str = "*"
    fault: str = ""


_gateway: "Gateway | None" = None
"""The one that answers now; None outside wire runs, and then a client is what it always is."""


def _begin(**event: Any) -> None:
    if _gateway is not None:
        _gateway.begin(**event)


def _send(**event: Any) -> AWSResponse | None:
    return None if _gateway is None else _gateway.send(**event)


# As moto does for its own: a client asks those that are on this list when it is made, in whichever run that is.
botocore.handlers.BUILTIN_HANDLERS += [("before-call", _begin), ("before-send", _send)]


class Gateway:
    """Answers every request of the process while a wire run lasts."""

    def __init__(self, *, account_id: str, region: str) -> None:
        self._account_id = account_id
        self._region = region
        self._moto = BotocoreStubber()
        self._moto.enabled = True
        self._calls: dict[Process, _Call | None] = {}
        self._world: World | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Stand between every client of this process and AWS."""
        global _gateway  # noqa: PLW0603 - botocore has one list of handlers for the process
        before, _gateway = _gateway, self
        try:
            yield
        finally:
            _gateway = before

    def serve(self, world: World, table: MotoTable, functions: Mapping[str, str]) -> None:
        """Serve the functions of a world from now on. `functions` has their names as deployed."""
        self._world = world
        self._table = table
        self._functions = functions
        self._executions = {key.execution_id: key for key in world.workload.expected}

    # --- botocore's events -------------------------------------------------------------------------------------

    def begin(self, **_: object) -> None:
        """`before-call`: a call begins, of one or more attempts."""
        process = None if self._world is None else self._world.kernel.current
        if process is not None and not self._table.apart:
            if len(self._calls) > _CALLS_KEPT_MAX:
                self._calls = {each: call for each, call in self._calls.items() if each.alive}
            self._calls[process] = None

    def send(self, request: AWSPreparedRequest, event_name: str, **__: object) -> AWSResponse:
        """`before-send`: one attempt."""
        _, service, operation = event_name.split(".")
        world = self._world
        process = None if world is None else world.kernel.current
        invocation = None if process is None else process.tag
        if world is None or process is None or self._table.apart or not isinstance(invocation, Invocation):
            return self._by_moto(request)
        if service not in SERVICES:
            raise NotSimulatedError(
                f"{invocation.function} calls {service} {operation} ({request.url}), which nothing here simulates"
            )
        call = self._calls.get(process)
        if call is None:
            call = self._calls[process] = self._begun(world, request, service, operation, invocation)
        call.request = request
        began_us = world.kernel.now_us
        world.kernel.sleep(call.latency.draw(call.stream))
        try:
            response = call.act(call)
        except ServiceError as error:
            self._made(world, invocation, operation, began_us, error.code, call.fault)
            return failure(request, service, error)
        self._made(world, invocation, operation, began_us, error_code(response), call.fault)
        if call.seen is not None and response.status_code < 300:
            call.seen(response)
        return response

    def _made(
        self, world: World, invocation: Invocation, operation: str, began_us: int, error: str, fault: str
    ) -> None:
        now_us = world.kernel.now_us
        world.trace.emit(
            CallMade(
                now_us,
                invocation.request_id,
                invocation.function,
                operation,
                now_us - began_us,
                int(invocation.cold),
                error,
                fault,
            )
        )

    # --- calls -------------------------------------------------------------------------------------------------

    def _begun(
        self, world: World, request: AWSPreparedRequest, service: str, operation: str, invocation: Invocation
    ) -> _Call:
        """The call that a first attempt begins: who answers, how long that takes, and which fault strikes."""
        call = _Call(
            request,
            invocation.stream,
            latency_of(world.spec.latencies, service, operation, cold=invocation.cold),
            lambda call: self._by_moto(call.request),
        )
        match service:
            case "dynamodb":
                self._to_dynamodb(world, call, operation, invocation)
            case "drs":
                self._to_drs(world, call, operation, invocation)
            case "lambda":
                self._to_lambda(world, call, operation, invocation)
            case "cloudwatch" if operation == "PutMetricData":
                call.act = lambda call: self._to_cloudwatch(world, call, invocation)
            case "sts":
                # Apart from the others, so that a role for another account does not disturb what they draw.
                role = parse_qs(_text(request)).get("RoleArn", ["*"])[0]
                call.stream = Stream(world.kernel.seed, f"sts/{invocation.request_id}/{role}")
                call.resource = role
        if operation != "PutMetricData":
            self._used(world, invocation, action_of(service, operation), call.resource)
        self._strike(world, call, operation, invocation)
        return call

    @staticmethod
    def _used(world: World, invocation: Invocation, action: str, resource: str, condition: str = "") -> None:
        now_us = world.kernel.now_us
        used = ActionUsed(now_us, invocation.request_id, invocation.function, action, resource, condition)
        world.trace.emit(used)

    def _strike(self, world: World, call: _Call, operation: str, invocation: Invocation) -> None:
        effects = world.effects
        if operation not in effects.operations:
            return
        act = call.act
        execution_id = invocation.execution_id if call.key is None else call.key.execution_id
        struck, call.fault = effects.around(
            invocation, world.functions, operation, call.key, execution_id, call.region, lambda: act(call), shortened
        )
        call.act = lambda _: struck()

    def _by_moto(self, request: AWSPreparedRequest) -> AWSResponse:
        """moto's answer."""
        if "ASIA" not in header_of(request, "Authorization"):
            # Credentials of an assumed role name their account themselves; all others here are the home account's.
            request.headers["x-moto-account-id"] = self._account_id
        try:
            response = self._moto("before-send", request)
        except Exception as error:
            # What moto refuses comes as an answer. The rest is its own failure, which no function may take for AWS's.
            what = f"{header_of(request, 'X-Amz-Target')} {request.url}".strip()
            raise NotSimulatedError(f"moto cannot answer {what}: {type(error).__name__}: {error}") from error
        if response is None:
            raise NotSimulatedError(f"nothing here answers {request.url}")
        return response

    # --- DynamoDB ----------------------------------------------------------------------------------------------

    def _to_dynamodb(self, world: World, call: _Call, operation: str, invocation: Invocation) -> None:
        table, body = self._table, body_of(call.request)
        keys = [table.key_of(each) for each in items_of(body, table.name)]
        call.key = keys[0] if len(keys) == 1 else None
        name = table_name(body.get("TableName", table.name))
        arn = f"arn:aws:dynamodb:{self._region}:{self._account_id}:table/{name}"
        call.resource = arn + (f"/index/{body['IndexName']}" if "IndexName" in body else "")

        def act(call: _Call) -> AWSResponse:
            if "IndexName" in body:
                with table.as_indexed():
                    return self._by_moto(call.request)
            response = self._by_moto(call.request)
            if refused_by_condition(response):
                now_us = world.kernel.now_us
                for key in keys:
                    refused = WriteRefused(now_us, invocation.request_id, invocation.function, key.execution_id)
                    world.trace.emit(refused)
            elif response.status_code < 300 and operation in WRITES:
                for key in keys:
                    table.written(key, invocation.function, invocation.request_id)
            elif response.status_code < 300 and not READS.match(operation):
                table.look_again(invocation.function, invocation.request_id)
            return response

        def seen(response: AWSResponse) -> None:
            page = json.loads(response.content)
            world.trace.emit(
                IndexRead(
                    world.kernel.now_us,
                    invocation.request_id,
                    int("ExclusiveStartKey" not in body),
                    int("LastEvaluatedKey" not in page),
                    len(page.get("Items", ())),
                    len(response.content),
                )
            )

        call.act = act
        if operation in ("Query", "Scan") and invocation.function == FINDER:
            call.seen = seen

    # --- DRS ---------------------------------------------------------------------------------------------------

    def _to_drs(self, world: World, call: _Call, operation: str, invocation: Invocation) -> None:
        host = call.request.url.split("/")[2].split(".")
        call.region = host[1]
        if operation != "DescribeJobs":
            return
        body = body_of(call.request)

        def seen(response: AWSResponse) -> None:
            jobs = {job["jobID"]: job.get("participatingServers", ()) for job in json.loads(response.content)["items"]}
            scope = JobScope(self._account_of(call.request), call.region)
            world.trace.emit(
                JobsDescribed(
                    world.kernel.now_us,
                    invocation.request_id,
                    invocation.execution_id,
                    *scope,
                    tuple(body.get("filters", {}).get("jobIDs", ())),
                    tuple(jobs),
                    tuple(
                        job_id for job_id, servers in jobs.items() if world.drs.left_out(scope, job_id, len(servers))
                    ),
                    int("nextToken" not in body),
                )
            )

        call.seen = seen

    def _account_of(self, request: AWSPreparedRequest) -> str:
        authorization = header_of(request, "Authorization")
        key = authorization.partition("Credential=")[2].partition("/")[0]
        return get_account_id_from(key) if key.startswith("ASIA") else self._account_id

    # --- Lambda ------------------------------------------------------------------------------------------------

    def _to_lambda(self, world: World, call: _Call, operation: str, invocation: Invocation) -> None:
        if operation != "Invoke":
            raise NotSimulatedError(f"{invocation.function} calls lambda {operation}; only Invoke is simulated")
        name = unquote(str(call.request.url).split("/functions/")[1].split("/")[0]).rpartition("function:")[2]
        try:
            payload = body_of(call.request)
        except ValueError:
            call.act = _no_json
            return
        execution_id = self._execution_in(payload)
        call.key = self._executions.get(execution_id)
        call.stream = Stream(world.kernel.seed, f"invoke/{invocation.request_id}/{execution_id}")
        call.resource = f"arn:aws:lambda:{self._region}:{self._account_id}:function:{name}"
        kind = header_of(call.request, "X-Amz-Invocation-Type") or "RequestResponse"
        if kind != "Event":
            raise NotSimulatedError(
                f"{invocation.function} invokes {name} with InvocationType {kind}; only Event is simulated"
            )

        def act(call: _Call) -> AWSResponse:
            known = self._functions.get(name, name)
            world.functions.invoke_event(known, payload, execution_id=execution_id, by=invocation.request_id)
            return answer(call.request.url, 202, {"x-amzn-requestid": invocation.request_id}, b"")

        call.act = act

    def _execution_in(self, payload: Any) -> str:
        """The id of the execution that a payload names, whatever its field is called."""
        if isinstance(payload, str):
            return payload if payload in self._executions else ""
        values = payload.values() if isinstance(payload, Mapping) else payload if isinstance(payload, list) else ()
        return next((found for found in map(self._execution_in, values) if found), "")

    # --- CloudWatch --------------------------------------------------------------------------------------------

    def _to_cloudwatch(self, world: World, call: _Call, invocation: Invocation) -> AWSResponse:
        kept = cloudwatch_backends[self._account_id][self._region].metric_data
        before = len(kept)
        response = self._by_moto(call.request)
        points = [
            MetricPoint(datum.name, datum.value, unit_of(datum.unit))
            for datum in kept[before:]
            if isinstance(datum, MetricDatum)
        ]
        if points:
            namespace = f"cloudwatch:namespace={kept[before].namespace}"
            self._used(world, invocation, "cloudwatch:PutMetricData", "*", namespace)
            world.metrics.put(points, invocation)
        return response


def _no_json(_: _Call) -> AWSResponse:
    """Lambda's answer to a payload that is none."""
    raise ServiceError("InvalidRequestContentException", "Could not parse request body into json")


def _text(request: AWSPreparedRequest) -> str:
    """The body of a request in the Query protocol."""
    body = request.body or ""
    return body.decode() if isinstance(body, bytes) else str(body)
