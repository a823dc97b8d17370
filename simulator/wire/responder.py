"""The wire tier's services: moto answers HTTP requests, and its table shows what the simulated one would."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.faults.kinds import Shown
from drsim.simulator.handlers.calls import Calls, ClientCall, Responder, patience_us
from drsim.simulator.handlers.operations import READS, WRITES, Members
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.lambda_answers import Ended
from drsim.simulator.wire import gateway, messages
from drsim.simulator.wire.sessions import check_session
from drsim.simulator.wire.table import MotoTable
from drsim.simulator.world import World

_CALL: Final = "drsim's call"
"""The name of a call in botocore's context, which all of its attempts share."""


class WireResponder(Responder[AWSResponse]):
    """Answers a world's requests. `call.carried` is the present attempt's."""

    def __init__(self, world: World) -> None:
        assert isinstance(world.table, MotoTable), "this tier's parts make it one"
        self._world = world
        self._table = world.table

    def send(self, calls: Calls[AWSResponse], request: AWSPreparedRequest, event_name: str) -> AWSResponse:
        """Answer one attempt. A request from outside an invocation takes no time and leaves no trace."""
        invocation, context = calls.invocation, gateway.context_of(request)
        if invocation is None or self._table.apart:
            return gateway.by_moto(request)
        call: ClientCall[AWSResponse] | None = context.get(_CALL)
        if call is None:
            _, service, operation = event_name.split(".")
            about = (gateway.asked_by(request), context["client_region"], invocation)
            call = context[_CALL] = calls.begin(service, operation, *about)
        call.carried, call.url, call.access_key = request, request.url, messages.access_key_of(request)
        call.patience_us = patience_us(context["client_config"])
        return calls.attempt(call)

    def answer(self, call: ClientCall[AWSResponse]) -> AWSResponse:
        return gateway.by_moto(call.carried)

    def from_table(
        self, call: ClientCall[AWSResponse], keys: Sequence[ExecutionKey], *, is_own: bool, as_at_us: int | None
    ) -> AWSResponse:
        table, by = self._table, (call.invocation.function, call.invocation.request_id, call.place)
        shown: AbstractContextManager[None] = nullcontext()
        if is_own and "IndexName" in call.asked:
            shown = table.as_indexed()
        elif as_at_us is not None and call.key is not None:
            shown = table.as_it_was(call.key, as_at_us)
        with shown:
            answer = self.answer(call)
        if answer.status_code >= 300 or READS.match(call.operation):
            return answer
        if call.operation in WRITES:
            table.written(keys, *by, is_update=call.operation == "UpdateItem")
        else:
            table.look_again(*by)
        return answer

    def failure(self, call: ClientCall[AWSResponse], error: ServiceError) -> AWSResponse:
        return messages.failure(call.carried, call.service, error)

    def invoked(self, call: ClientCall[AWSResponse], status: int, ended: Ended | None = None) -> AWSResponse:
        headers, payload = {"x-amzn-requestid": call.invocation.request_id}, b""
        if ended is not None:
            payload = ended.payload
            headers |= {"x-amz-executed-version": "$LATEST", "content-length": f"{len(payload)}"}
            headers |= {"x-amz-function-error": "Unhandled"} if ended.is_error else {}
        return messages.answer(call.carried.url, status, headers, payload)

    def code_of(self, answer: AWSResponse) -> str:
        return messages.error_code(answer)

    def members_of(self, answer: AWSResponse) -> Members:
        return messages.members_of(answer)

    def size_of(self, answer: AWSResponse) -> int:
        return len(answer.content)

    def shortened(self, answer: AWSResponse, shown: Shown) -> AWSResponse:
        return messages.shortened(answer, shown)

    def account_of(self, access_key: str) -> str:
        return messages.account_of(access_key)

    def check_session(self, call: ClientCall[AWSResponse]) -> None:
        check_session(call.service, call.access_key)
