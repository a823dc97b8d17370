"""The calls of functions' clients: they take virtual time, may meet faults, and are recorded as in the fast tier."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.cloudwatch.models import MetricDatum, cloudwatch_backends

from drsim.orchestrator.model import ExecutionKey, JobScope, MetricPoint, Unit
from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.events import FINDER, ActionUsed, CallMade, IndexRead, JobsDescribed, WriteRefused
from drsim.simulator.processes import Process
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation
from drsim.simulator.wire import announcements, listing, messages
from drsim.simulator.wire.deployment import REGION
from drsim.simulator.wire.errors import NotSimulatedError
from drsim.simulator.wire.gateway import by_moto
from drsim.simulator.wire.messages import body_of, header_of
from drsim.simulator.wire.resources import resources_of
from drsim.simulator.wire.sessions import check_session
from drsim.simulator.wire.table import MotoTable
from drsim.simulator.world import World

_EVENT_BYTES_MAX: Final = 1_048_576
"""The payload of an asynchronous Invoke (botocore 1.44, model of Lambda's Invoke)."""


@dataclass(slots=True)
class ClientCall:
    """One call over all of its attempts: `act` answers an attempt, `seen` records a successful answer."""

    request: AWSPreparedRequest
    service: str
    operation: str
    invocation: Invocation
    stream: Stream
    latency: Spread
    act: Callable[[], AWSResponse] = field(init=False)
    seen: Callable[[AWSResponse], None] | None = None
    key: ExecutionKey | None = None
    region: str = ""
    resources: tuple[str, ...] = ()
    fault: str = ""
    # Whether polls depend on the call.
    holds_up: bool = True
    # The line of the function's own code and the operation: poller/app.py:87 update_item.
    place: str = ""


class Calls:
    """The calls of a world's functions; `functions` has their names in the world by deployed name.

    `own_line` returns the line of the present function's own code that makes a call.
    """

    def __init__(self, world: World, functions: Mapping[str, str], own_line: Callable[[], str]) -> None:
        assert isinstance(world.table, MotoTable), "this tier's parts make it one"
        self.world = world
        self.table = world.table
        self.functions = functions
        self.own_line = own_line
        self.executions = {key.execution_id: key for key in world.workload.expected}
        self._begun: dict[Process, ClientCall | None] = {}

    def begin(self) -> None:
        """A call begins, of one or more attempts."""
        process = self.world.kernel.current
        if process is not None and not self.table.apart:
            # Now and then, forget the calls of ended processes.
            if len(self._begun) > 1000:
                self._begun = {each: call for each, call in self._begun.items() if each.alive}
            self._begun[process] = None

    def send(self, request: AWSPreparedRequest, event_name: str) -> AWSResponse:
        """Answer one attempt. A request from outside an invocation takes no time and leaves no trace."""
        process = self.world.kernel.current
        invocation = None if process is None else process.tag
        if process is None or self.table.apart or not isinstance(invocation, Invocation):
            return by_moto(request)
        call = self._begun.get(process)
        if call is None:
            _, service, operation = event_name.split(".")
            call = self._begun[process] = self._prepared(request, service, operation, invocation)
        call.request = request
        began_us = self.world.kernel.now_us
        # The service acts on a request although its sender is frozen. The answer waits for the thaw.
        self.world.kernel.sleep(call.latency.draw(call.stream), held=False)
        try:
            response = call.act()
        except ServiceError as error:
            self._made(call, began_us, error.code)
            self.world.kernel.hold()
            return messages.failure(request, call.service, error)
        self._made(call, began_us, messages.error_code(response))
        if call.seen is not None and response.status_code < 300:
            call.seen(response)
        announcements.record(self, call, response)
        self.world.kernel.hold()
        return response

    def used(self, call: ClientCall, action: str, condition: str = "") -> None:
        """Record that the call needs permission for an action on its resources."""
        ids = (call.invocation.request_id, call.invocation.function)
        for resource in call.resources:
            self.world.trace.emit(ActionUsed(self.world.kernel.now_us, *ids, action, resource, condition))

    def _prepared(
        self, request: AWSPreparedRequest, service: str, operation: str, invocation: Invocation
    ) -> ClientCall:
        if service not in messages.SERVICES:
            what = f"{invocation.function} calls {service} {operation} ({request.url})"
            raise NotSimulatedError(f"{what}, which nothing here simulates")
        latency = messages.latency_of(self.world.spec.latencies, service, operation, cold=invocation.cold)
        call = ClientCall(request, service, operation, invocation, invocation.stream, latency)
        call.act = lambda: by_moto(call.request)
        if line := self.own_line():
            call.place = f"{line} {xform_name(operation)}"
        call.resources = resources_of(service, operation, request)
        if service in _PREPARE:
            _PREPARE[service](self, call)
        act = call.act

        def in_session() -> AWSResponse:
            check_session(service, messages.access_key_of(call.request))
            return act()

        call.act = in_session
        if operation != "PutMetricData":
            self.used(call, messages.action_of(service, operation))
        effects = self.world.effects
        if operation in effects.operations:
            about = (invocation, self.world.functions, operation, call.key, call.region)
            call.act, call.fault = effects.around(*about, call.act, messages.shortened, holds_up=call.holds_up)
        return call

    def _made(self, call: ClientCall, began_us: int, error: str) -> None:
        invocation, now_us = call.invocation, self.world.kernel.now_us
        ids, is_cold = (invocation.request_id, invocation.function), int(invocation.cold)
        self.world.trace.emit(CallMade(now_us, *ids, call.operation, now_us - began_us, is_cold, error, call.fault))


def _to_dynamodb(calls: Calls, call: ClientCall) -> None:
    world, table, body, invocation = calls.world, calls.table, body_of(call.request), call.invocation
    request_id, function = invocation.request_id, invocation.function
    keys = [table.key_of(each) for each in messages.items_of(body, table.name)]
    call.key = keys[0] if len(keys) == 1 else None
    # A request names its table by name or ARN.
    is_own = body.get("TableName", "").rpartition("/")[2] == table.name
    if not is_own and messages.READS.match(call.operation):
        call.latency = world.spec.latencies.get_item
    word = listing.status_asked(call.operation, body, table.layout)
    is_look = word == "" or word in table.layout.open_words
    call.holds_up = is_look or word is None

    def act() -> AWSResponse:
        if is_own and "IndexName" in body:
            with table.as_indexed():
                return by_moto(call.request)
        if is_own and call.operation == "GetItem" and call.key is not None and not body.get("ConsistentRead"):
            behind_us = world.spec.table.index_lag.draw(call.stream) + world.effects.stale_us(invocation, call.key)
            with table.as_it_was(call.key, world.kernel.now_us - behind_us):
                return by_moto(call.request)
        response = by_moto(call.request)
        if messages.refused_by_condition(response):
            for key in keys:
                world.trace.emit(WriteRefused(world.kernel.now_us, request_id, function, key.execution_id, call.place))
        elif response.status_code < 300 and call.operation in messages.WRITES:
            table.written(keys, function, request_id, call.place, is_update=call.operation == "UpdateItem")
        elif response.status_code < 300 and not messages.READS.match(call.operation):
            table.look_again(function, request_id, call.place)
        return response

    def seen(response: AWSResponse) -> None:
        page = json.loads(response.content)
        is_first, is_last = int(listing.is_first_page(body)), int(listing.is_last_page(page))
        size = (len(page.get("Items", ())), len(response.content))
        ids = (world.kernel.now_us, request_id)
        world.trace.emit(IndexRead(*ids, is_first, is_last, *size, word or "", call.place))

    call.act = act
    # Only the finder looks; a poller may query the index as well.
    if is_look and function == FINDER:
        call.seen = seen


def _to_drs(calls: Calls, call: ClientCall) -> None:
    call.region = call.request.url.split("/")[2].split(".")[1]
    if call.operation != "DescribeJobs":
        return
    world, body = calls.world, body_of(call.request)
    scope = JobScope(messages.account_of(messages.access_key_of(call.request)), call.region)
    ids = (call.invocation.request_id, call.invocation.execution_id, *scope)
    asked, is_first = tuple(body.get("filters", {}).get("jobIDs", ())), int("nextToken" not in body)

    def seen(response: AWSResponse) -> None:
        items = json.loads(response.content)["items"]
        jobs = {job["jobID"]: len(job.get("participatingServers", ())) for job in items}
        incomplete = tuple(job_id for job_id, count in jobs.items() if world.drs.left_out(scope, job_id, count))
        world.trace.emit(JobsDescribed(world.kernel.now_us, *ids, asked, tuple(jobs), incomplete, is_first, call.place))

    call.seen = seen


def _to_lambda(calls: Calls, call: ClientCall) -> None:
    world, invocation, caller = calls.world, call.invocation, call.invocation.function
    if call.operation != "Invoke":
        raise NotSimulatedError(f"{caller} calls lambda {call.operation}; only Invoke is simulated")
    name = unquote(str(call.request.url).split("/functions/")[1].split("/")[0]).rpartition("function:")[2]
    if len(messages.bytes_of(call.request)) > _EVENT_BYTES_MAX:
        call.act = _too_large
        return
    try:
        payload = body_of(call.request)
    except ValueError:
        call.act = _no_json
        return
    named = tuple(dict.fromkeys(_executions_in(payload, calls.executions)))
    # A payload that names several executions starts a batch of polls, which may read and write all of them.
    execution_id, batch = (named[0], ()) if len(named) == 1 else ("", named)
    call.key = calls.executions.get(execution_id)
    call.stream = Stream(world.kernel.seed, f"invoke/{invocation.request_id}/{execution_id}")
    call.resources = (f"arn:aws:lambda:{REGION}:{HOME_ACCOUNT}:function:{name}",)
    kind = header_of(call.request, "X-Amz-Invocation-Type") or "RequestResponse"
    if kind != "Event":
        raise NotSimulatedError(f"{caller} invokes {name} with InvocationType {kind}; only Event is simulated")

    def act() -> AWSResponse:
        function = calls.functions.get(name, name)
        by = invocation.request_id
        world.functions.invoke_event(function, payload, execution_id=execution_id, by=by, place=call.place, batch=batch)
        return messages.answer(call.request.url, 202, {"x-amzn-requestid": invocation.request_id}, b"")

    call.act = act


def _no_json() -> AWSResponse:
    raise ServiceError("InvalidRequestContentException", "Could not parse request body into json")


def _too_large() -> AWSResponse:
    text = f"Request must be smaller than {_EVENT_BYTES_MAX} bytes for the InvokeFunction operation"
    raise ServiceError("RequestTooLargeException", text)


def _executions_in(payload: Any, known: Mapping[str, ExecutionKey]) -> Iterator[str]:
    """Yield the ids of executions in a payload, whatever their fields are called."""
    if isinstance(payload, str) and payload in known:
        yield payload
    values = payload.values() if isinstance(payload, Mapping) else payload if isinstance(payload, list) else ()
    for value in values:
        yield from _executions_in(value, known)


def _to_cloudwatch(calls: Calls, call: ClientCall) -> None:
    if call.operation != "PutMetricData":
        return

    def act() -> AWSResponse:
        kept = cloudwatch_backends[HOME_ACCOUNT][REGION].metric_data
        before = len(kept)
        response = by_moto(call.request)
        points = [
            # This project does not know all of CloudWatch's units.
            MetricPoint(datum.name, datum.value, Unit(datum.unit) if datum.unit in {*Unit} else Unit.COUNT)
            for datum in kept[before:]
            if isinstance(datum, MetricDatum)
        ]
        if points:
            # The namespace is the condition key of this action, and only moto's parsed form shows it.
            calls.used(call, "cloudwatch:PutMetricData", f"cloudwatch:namespace={kept[before].namespace}")
            calls.world.metrics.put(points, call.invocation)
        return response

    call.act = act


def _to_sts(calls: Calls, call: ClientCall) -> None:
    body = call.request.body or ""
    role_arn = parse_qs(body.decode() if isinstance(body, bytes) else str(body)).get("RoleArn", ["*"])[0]
    call.resources = (role_arn,)
    # A stream of its own, so that a role for another account does not change what other calls draw.
    call.stream = Stream(calls.world.kernel.seed, f"sts/{call.invocation.request_id}/{role_arn}")


_PREPARE: Final[Mapping[str, Callable[[Calls, ClientCall], None]]] = {
    "cloudwatch": _to_cloudwatch,
    "drs": _to_drs,
    "dynamodb": _to_dynamodb,
    "lambda": _to_lambda,
    "sts": _to_sts,
}
"""Services with rules of their own, which complete a call that has begun. moto alone answers all others."""
