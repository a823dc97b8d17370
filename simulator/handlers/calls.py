"""The calls of functions' clients: they take virtual time, may meet faults, and are recorded as in the fast tier.

Owns what a call means, whatever carries it. A tier's `Responder` owns how services answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from botocore import xform_name
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.durations import NEVER_US
from drsim.simulator.events import ActionUsed, CallMade
from drsim.simulator.faults.kinds import Shown
from drsim.simulator.handlers import announcements, operations
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.handlers.operations import Members
from drsim.simulator.handlers.resources import resources_of
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation
from drsim.simulator.services.lambda_answers import Ended
from drsim.simulator.world import World

A = TypeVar("A")

Watch = Callable[[World, str, str, Members], None]
"""What may look at each call that begins: its world, service, operation and members."""


_OF_NETWORK: Final[Mapping[str, type[HTTPClientError]]] = {
    "ConnectionClosedError": ConnectionClosedError,
    "ReadTimeoutError": ReadTimeoutError,
}
"""Faults of the network, which botocore raises as they are."""


def patience_us(config: Any) -> int:
    """Return how long a client with this configuration waits for an answer: 60 s without one, None for ever."""
    seconds = config.read_timeout
    return NEVER_US if seconds is None else round(seconds * 1_000_000)


@dataclass(slots=True)
class ClientCall(Generic[A]):
    """One call over all of its attempts: `act` answers an attempt, `seen` records the members of a successful answer.

    `asked` are the request's members.
    """

    service: str
    operation: str
    asked: Members
    region: str
    invocation: Invocation
    stream: Stream
    latency: Spread
    # The present attempt: where it goes, the access key that signs it, how long its client waits for an answer, and
    # what carries it in this tier.
    url: str = ""
    access_key: str = ""
    patience_us: int = 0
    carried: Any = None
    act: Callable[[], A] = field(init=False)
    seen: Callable[[A], None] | None = None
    key: ExecutionKey | None = None
    resources: tuple[str, ...] = ()
    fault: str = ""
    # Whether polls depend on the call.
    holds_up: bool = True
    # The line of the function's own code and the operation: poller/app.py:87 update_item.
    place: str = ""


Meanings = Mapping[str, Callable[["Calls[Any]", ClientCall[Any]], None]]
"""Services with rules of their own, which complete a call that has begun. Only a responder answers all others."""


class KeyedTable(Protocol):
    """The execution table, as far as calls need it."""

    @property
    def name(self) -> str: ...

    def key_of(self, wire_item: Mapping[str, Any]) -> ExecutionKey:
        """Return the key in an item or `Key` of a request."""
        ...


class Responder(ABC, Generic[A]):
    """How a tier's services answer an attempt. An answer `A` may be an error's."""

    @abstractmethod
    def answer(self, call: ClientCall[A]) -> A:
        """Let the service act on an attempt. Raises ServiceError."""

    @abstractmethod
    def from_table(self, call: ClientCall[A], keys: Sequence[ExecutionKey], *, is_own: bool, as_at_us: int | None) -> A:
        """Let DynamoDB act on an attempt that names the `keys` of executions. Raises ServiceError.

        `is_own` is whether it is about the execution table. A read that is behind sees the item as it was then.
        """

    @abstractmethod
    def failure(self, call: ClientCall[A], error: ServiceError) -> A:
        """Return the answer for an error."""

    @abstractmethod
    def invoked(self, call: ClientCall[A], status: int, ended: Ended | None = None) -> A:
        """Return Lambda's answer to an Invoke, whose caller has waited for the end if there is one."""

    @abstractmethod
    def code_of(self, answer: A) -> str:
        """Return the error's code; "" for success."""

    @abstractmethod
    def members_of(self, answer: A) -> Members:
        """Return the members of an answer."""

    @abstractmethod
    def size_of(self, answer: A) -> int:
        """Return an answer's size in bytes."""

    @abstractmethod
    def shortened(self, answer: A, shown: Shown) -> A:
        """Return an answer of DescribeJobs with as many servers of each job as a fault leaves."""

    @abstractmethod
    def account_of(self, access_key: str) -> str:
        """Return the account whose credentials these are."""

    @abstractmethod
    def check_session(self, call: ClientCall[A]) -> None:
        """Raise ServiceError if the session of the assumed role that signs has ended in virtual time."""


class Calls(Generic[A]):
    """The calls of a world's functions; `functions` has their names in the world by deployed name.

    `own_line` returns the line of the present function's own code that makes a call. `watch` sees each that begins.
    """

    def __init__(
        self,
        world: World,
        table: KeyedTable,
        responder: Responder[A],
        functions: Mapping[str, str],
        own_line: Callable[[], str],
        meanings: Meanings,
        watch: Watch | None = None,
    ) -> None:
        self._meanings = meanings
        self.world = world
        self.table = table
        self.responder = responder
        self.functions = functions
        self.own_line = own_line
        self.watch = watch
        self.executions = {key.execution_id: key for key in world.workload.expected}
        self._used: set[tuple[str, str, str, str]] = set()

    @property
    def invocation(self) -> Invocation | None:
        """The invocation that runs now; None outside one, where calls take no time and leave no trace."""
        process = self.world.kernel.current
        tag = None if process is None else process.tag
        return tag if isinstance(tag, Invocation) else None

    def begin(self, service: str, operation: str, asked: Members, region: str, invocation: Invocation) -> ClientCall[A]:
        """Begin a call of an invocation. Raises NotSimulatedError for a service that nothing here answers."""
        if service not in operations.SERVICES:
            raise NotSimulatedError(f"{invocation.function} calls {service} {operation}, which nothing here simulates")
        latency = operations.latency_of(self.world.spec.latencies, service, operation, cold=invocation.cold)
        call: ClientCall[A] = ClientCall(service, operation, asked, region, invocation, invocation.stream, latency)
        call.act = lambda: self.responder.answer(call)
        if line := self.own_line():
            call.place = f"{line} {xform_name(operation)}"
        if self.watch is not None:
            self.watch(self.world, service, operation, asked)
        call.resources = resources_of(service, operation, asked)
        if service in self._meanings:
            self._meanings[service](self, call)
        act = call.act

        def in_session() -> A:
            self.responder.check_session(call)
            return act()

        call.act = in_session
        if operation != "PutMetricData":
            self.used(call, operations.action_of(service, operation))
        effects = self.world.effects
        if operation in effects.operations:
            about = (invocation, self.world.functions, operation, call.key, call.region)
            shortened = self.responder.shortened
            call.act, call.fault = effects.around(*about, call.act, shortened, holds_up=call.holds_up)
        return call

    def attempt(self, call: ClientCall[A]) -> A:
        """Answer one attempt of a call, after its latency."""
        kernel, responder = self.world.kernel, self.responder
        began_us = kernel.now_us
        # The service acts on a request although its sender is frozen. The answer waits for the thaw.
        kernel.sleep(call.latency.draw(call.stream), held=False)
        try:
            answer = call.act()
        except ServiceError as error:
            self._made(call, began_us, error.code)
            kernel.hold()
            if error.code in _OF_NETWORK:
                raise _OF_NETWORK[error.code](endpoint_url=call.url) from None
            return responder.failure(call, error)
        code = responder.code_of(answer)
        self._made(call, began_us, code)
        if not code:
            if call.seen is not None:
                call.seen(answer)
            announcements.record(self, call, answer)
        kernel.hold()
        return answer

    def used(self, call: ClientCall[A], action: str, condition: str = "") -> None:
        """Record that the call needs permission for an action on its resources, once for each function."""
        request_id, function = call.invocation.request_id, call.invocation.function
        for resource in call.resources:
            needed = (function, action, resource, condition)
            if needed not in self._used:
                self._used.add(needed)
                self.world.trace.emit(ActionUsed(self.world.kernel.now_us, request_id, *needed))

    def _made(self, call: ClientCall[A], began_us: int, error: str) -> None:
        invocation, now_us = call.invocation, self.world.kernel.now_us
        ids, took_us = (invocation.request_id, invocation.function, call.operation), now_us - began_us
        made = CallMade(now_us, *ids, took_us, int(invocation.cold), error, call.fault, call.place)
        self.world.trace.emit(made)
