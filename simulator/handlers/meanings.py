"""What calls of each service mean: the executions that they are about, what they show, and what they start."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from drsim.orchestrator.model import ExecutionKey, JobScope, MetricPoint, Unit
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION
from drsim.simulator.events import FINDER, IndexRead, JobsDescribed, WriteRefused
from drsim.simulator.handlers import listing, operations
from drsim.simulator.handlers.calls import A, Calls, ClientCall, Meanings
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.handlers.operations import Members
from drsim.simulator.randomness import Stream
from drsim.simulator.services.errors import ServiceError

_PAYLOAD_BYTES_MAX: Final = {"DryRun": 6_291_456, "Event": 1_048_576, "RequestResponse": 6_291_456}
"""The payload of an Invoke by its InvocationType (botocore 1.44, model of Lambda's Invoke)."""
_LATEST: Final = "$LATEST"


def _to_dynamodb(calls: Calls[A], call: ClientCall[A]) -> None:
    world, table, asked, invocation = calls.world, calls.table, call.asked, call.invocation
    request_id, function = invocation.request_id, invocation.function
    keys = [table.key_of(each) for each in operations.items_of(asked, table.name)]
    call.key = keys[0] if len(keys) == 1 else None
    is_own = operations.is_table(asked, table.name)
    if not is_own and operations.READS.match(call.operation):
        call.latency = world.spec.latencies.get_item
    word = listing.status_asked(call.operation, asked, world.layout)
    is_look = word == "" or word in world.layout.open_words
    call.holds_up = is_look or word is None

    is_behind = is_own and call.operation == "GetItem" and not asked.get("ConsistentRead")

    def act() -> A:
        as_at_us = None
        if is_behind and call.key is not None:
            behind_us = world.spec.table.index_lag.draw(call.stream) + world.effects.stale_us(invocation, call.key)
            as_at_us = world.kernel.now_us - behind_us
        try:
            answer = calls.responder.from_table(call, keys, is_own=is_own, as_at_us=as_at_us)
        except ServiceError as error:
            note(error.code, getattr(error, "members", {}))
            raise
        if code := calls.responder.code_of(answer):
            note(code, calls.responder.members_of(answer))
        return answer

    def note(code: str, members: Members) -> None:
        if operations.is_refused_by_condition(code, members):
            for key in keys:
                world.trace.emit(WriteRefused(world.kernel.now_us, request_id, function, key.execution_id, call.place))

    def seen(answer: A) -> None:
        page = calls.responder.members_of(answer)
        is_first, is_last = int(listing.is_first_page(asked)), int(listing.is_last_page(page))
        size = (len(page.get("Items", ())), calls.responder.size_of(answer))
        ids = (world.kernel.now_us, request_id)
        world.trace.emit(IndexRead(*ids, is_first, is_last, *size, word or "", call.place))

    call.act = act
    # Only the finder looks; a poller may query the index as well.
    if is_look and function == FINDER:
        call.seen = seen


def _to_drs(calls: Calls[A], call: ClientCall[A]) -> None:
    if call.operation != "DescribeJobs":
        return
    world = calls.world
    asked, is_first = tuple(call.asked.get("filters", {}).get("jobIDs", ())), int("nextToken" not in call.asked)

    def seen(answer: A) -> None:
        scope = JobScope(calls.responder.account_of(call.access_key), call.region)
        ids = (call.invocation.request_id, call.invocation.execution_id, *scope)
        items = calls.responder.members_of(answer)["items"]
        jobs = {job["jobID"]: len(job.get("participatingServers", ())) for job in items}
        incomplete = tuple(job_id for job_id, count in jobs.items() if world.drs.left_out(scope, job_id, count))
        world.trace.emit(JobsDescribed(world.kernel.now_us, *ids, asked, tuple(jobs), incomplete, is_first, call.place))

    call.seen = seen


def _to_lambda(calls: Calls[A], call: ClientCall[A]) -> None:
    world, invocation, caller = calls.world, call.invocation, call.invocation.function
    if call.operation != "Invoke":
        raise NotSimulatedError(f"{caller} calls lambda {call.operation}; only Invoke is simulated")
    name = str(call.asked["FunctionName"]).rpartition("function:")[2]
    if (version := call.asked.get("Qualifier", _LATEST)) != _LATEST:
        # Neither an alias nor a published version is deployed.
        name += f":{version}"
    content = bytes_of(call.asked.get("Payload", b""))
    kind = call.asked.get("InvocationType", "RequestResponse")
    if kind not in _PAYLOAD_BYTES_MAX:
        call.act = partial(_refused, "InvalidParameterValueException", f"Invalid InvocationType: {kind}")
        return
    if kind == "RequestResponse" and call.asked.get("LogType", "None") != "None":
        raise NotSimulatedError(f"{caller} invokes {name} with LogType Tail; only None is simulated")
    if len(content) > (most := _PAYLOAD_BYTES_MAX[kind]):
        text = f"Request must be smaller than {most} bytes for the InvokeFunction operation"
        call.act = partial(_refused, "RequestTooLargeException", text)
        return
    try:
        payload = json.loads(content or b"{}")
    except ValueError:
        call.act = partial(_refused, "InvalidRequestContentException", "Could not parse request body into json")
        return
    named = tuple(dict.fromkeys(_executions_in(payload, calls.executions)))
    # A payload that names several executions starts a batch of polls, which may read and write all of them.
    execution_id, batch = (named[0], ()) if len(named) == 1 else ("", named)
    call.key = calls.executions.get(execution_id)
    call.stream = Stream(world.kernel.seed, f"invoke/{invocation.request_id}/{execution_id}")
    call.resources = (f"arn:aws:lambda:{HOME_REGION}:{HOME_ACCOUNT}:function:{name}",)

    def act() -> A:
        functions, responder = world.functions, calls.responder
        function = calls.functions.get(name, name)
        about: dict[str, Any] = {"execution_id": execution_id, "by": invocation.request_id, "batch": batch}
        if kind == "Event":
            functions.invoke_event(function, payload, place=call.place, **about)
            return responder.invoked(call, 202)
        if kind == "DryRun":
            functions.named(function)
            return responder.invoked(call, 204)
        ended = functions.invoke(function, payload, place=call.place, patience_us=call.patience_us, **about)
        return responder.invoked(call, 200, ended)

    call.act = act


def bytes_of(blob: Any) -> bytes:
    """Return the bytes of a blob, which may be a text or an open file."""
    content = blob.read() if hasattr(blob, "read") else blob
    return content.encode() if isinstance(content, str) else bytes(content)


def _refused(code: str, message: str) -> Any:
    raise ServiceError(code, message)


def _executions_in(payload: Any, known: Mapping[str, ExecutionKey]) -> Iterator[str]:
    """Yield the ids of executions in a payload, whatever their fields are called."""
    if isinstance(payload, str) and payload in known:
        yield payload
    values = payload.values() if isinstance(payload, Mapping) else payload if isinstance(payload, list) else ()
    for value in values:
        yield from _executions_in(value, known)


def _to_cloudwatch(calls: Calls[A], call: ClientCall[A]) -> None:
    if call.operation != "PutMetricData":
        return
    # A fault may act before or instead of the service, and a call that it prevents publishes nothing.
    points = [*_points(call.asked)]

    def act() -> A:
        answer = calls.responder.answer(call)
        if points and not calls.responder.code_of(answer):
            calls.used(call, "cloudwatch:PutMetricData", f"cloudwatch:namespace={call.asked['Namespace']}")
            calls.world.metrics.put(points, call.invocation)
        return answer

    call.act = act


def _points(asked: Members) -> Iterator[MetricPoint]:
    """Yield the points of a PutMetricData. A set of statistics has no single points."""
    for datum in asked.get("MetricData", ()):
        # This project does not know all of CloudWatch's units.
        unit = Unit(datum["Unit"]) if datum.get("Unit") in {*Unit} else Unit.COUNT
        values, counts = datum.get("Values"), datum.get("Counts")
        if not values:
            values, counts = (() if "StatisticValues" in datum else (datum.get("Value", 0),)), None
        for value, count in zip(values, counts or (1,) * len(values), strict=False):
            for _ in range(int(count)):
                yield MetricPoint(datum["MetricName"], float(value), unit)


def _to_sts(calls: Calls[A], call: ClientCall[A]) -> None:
    role_arn = call.asked.get("RoleArn", "*")
    call.resources = (role_arn,)
    # A stream of its own, so that a role for another account does not change what other calls draw.
    call.stream = Stream(calls.world.kernel.seed, f"sts/{call.invocation.request_id}/{role_arn}")


MEANINGS: Final[Meanings] = {
    "cloudwatch": _to_cloudwatch,
    "drs": _to_drs,
    "dynamodb": _to_dynamodb,
    "lambda": _to_lambda,
    "sts": _to_sts,
}
