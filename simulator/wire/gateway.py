"""The only way from boto3 to a service: botocore's `before-send` brings every request here.

A request of a Lambda invocation takes virtual time, may meet a fault, and is recorded in the trace as in the fast tier.
botocore itself retries, as against AWS. A request from outside an invocation goes straight to moto, and none to AWS.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import BotocoreStubber

from drsim.simulator.events import CallMade
from drsim.simulator.kernel import Process
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation
from drsim.simulator.wire.calls import PREPARE, ClientCall, Site
from drsim.simulator.wire.errors import NotSimulatedError
from drsim.simulator.wire.messages import SERVICES, action_of, error_code, failure, header_of, latency_of, shortened
from drsim.simulator.wire.table import MotoTable
from drsim.simulator.workload import HOME_ACCOUNT
from drsim.simulator.world import World

_CALLS_KEPT_MAX: Final = 1000
"""Above this, the calls of ended processes are forgotten."""

_gateway: "Gateway | None" = None
"""The open gateway; None outside wire runs, when clients are unchanged."""


def _begin(**event: Any) -> None:
    if _gateway is not None:
        _gateway.begin(**event)


def _send(**event: Any) -> AWSResponse | None:
    return None if _gateway is None else _gateway.send(**event)


# As moto does for its own: each client takes the handlers on this list when it is made, in any run.
botocore.handlers.BUILTIN_HANDLERS += [("before-call", _begin), ("before-send", _send)]


class Gateway:
    """Answers every request of the process while a wire run lasts."""

    def __init__(self) -> None:
        self._moto = BotocoreStubber()
        self._moto.enabled = True
        self._calls: dict[Process, ClientCall | None] = {}
        self._site: Site | None = None

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
        """Serve the functions of a world from now on. `functions` has the world's names of them by deployed name."""
        executions = {key.execution_id: key for key in world.workload.expected}
        self._site = Site(world=world, table=table, functions=functions, executions=executions, moto=self._by_moto)

    def begin(self, **_: object) -> None:
        """`before-call`: a call begins, of one or more attempts."""
        site = self._site
        process = None if site is None else site.world.kernel.current
        if site is not None and process is not None and not site.table.apart:
            if len(self._calls) > _CALLS_KEPT_MAX:
                self._calls = {each: call for each, call in self._calls.items() if each.alive}
            self._calls[process] = None

    def send(self, request: AWSPreparedRequest, event_name: str, **__: object) -> AWSResponse:
        """`before-send`: one attempt."""
        _, service, operation = event_name.split(".")
        site = self._site
        process = None if site is None else site.world.kernel.current
        invocation = None if process is None else process.tag
        if site is None or process is None or site.table.apart or not isinstance(invocation, Invocation):
            return self._by_moto(request)
        if service not in SERVICES:
            raise NotSimulatedError(
                f"{invocation.function} calls {service} {operation} ({request.url}), which nothing here simulates"
            )
        call = self._calls.get(process)
        if call is None:
            call = self._calls[process] = _begun(site, request, service, operation, invocation)
        call.request = request
        began_us = site.world.kernel.now_us
        site.world.kernel.sleep(call.latency.draw(call.stream))
        try:
            response = call.act()
        except ServiceError as error:
            _made(site.world, call, began_us, error.code)
            return failure(request, service, error)
        _made(site.world, call, began_us, error_code(response))
        if call.seen is not None and response.status_code < 300:
            call.seen(response)
        return response

    def _by_moto(self, request: AWSPreparedRequest) -> AWSResponse:
        if "ASIA" not in header_of(request, "Authorization"):
            # Credentials of an assumed role name their account themselves; all others here are the home account's.
            request.headers["x-moto-account-id"] = HOME_ACCOUNT
        try:
            response = self._moto("before-send", request)
        except Exception as error:
            # moto answers with AWS's errors. What it raises is its own failure, which no function may take for AWS's.
            what = f"{header_of(request, 'X-Amz-Target')} {request.url}".strip()
            raise NotSimulatedError(f"moto cannot answer {what}: {type(error).__name__}: {error}") from error
        if response is None:
            raise NotSimulatedError(f"nothing here answers {request.url}")
        return response


def _begun(site: Site, request: AWSPreparedRequest, service: str, operation: str, invocation: Invocation) -> ClientCall:
    """The call that a first attempt begins: how it is answered, its latency, and the fault that it meets."""
    latency = latency_of(site.world.spec.latencies, service, operation, cold=invocation.cold)
    call = ClientCall(request, operation, invocation, invocation.stream, latency)
    call.act = lambda: site.moto(call.request)
    if service in PREPARE:
        PREPARE[service](site, call)
    if operation != "PutMetricData":
        site.used(call, action_of(service, operation))
    effects = site.world.effects
    if operation in effects.operations:
        execution_id = invocation.execution_id if call.key is None else call.key.execution_id
        call.act, call.fault = effects.around(
            invocation, site.world.functions, operation, call.key, execution_id, call.region, call.act, shortened
        )
    return call


def _made(world: World, call: ClientCall, began_us: int, error: str) -> None:
    invocation, now_us = call.invocation, world.kernel.now_us
    ids, is_cold = (invocation.request_id, invocation.function), int(invocation.cold)
    world.trace.emit(CallMade(now_us, *ids, call.operation, now_us - began_us, is_cold, error, call.fault))
