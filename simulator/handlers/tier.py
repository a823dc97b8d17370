"""Functions as deployed in a world: their handlers run in Lambda's environments, in virtual time.

A tier adds how their clients' calls are answered: over HTTP by moto, or at the client's boundary.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.events import FINDER, POLLER, ActionUsed
from drsim.simulator.handlers import sandbox
from drsim.simulator.handlers.calls import Watch
from drsim.simulator.handlers.clock import Clocks, virtual_clock
from drsim.simulator.handlers.deployed import DeployedFunction, team_functions
from drsim.simulator.handlers.environments import Environments, Source, UnsetVariableError
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.event_loops import loops_in_virtual_time
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.handlers.own_code import base_of
from drsim.simulator.handlers.threads import threads_in_virtual_time
from drsim.simulator.processes import NOT_OF_THE_CODE, MisuseError
from drsim.simulator.services.functions import Handler, Invocation, Payload
from drsim.simulator.services.lambda_answers import error_payload, marshalled, text_of
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.world import Parts, World


class HandlerTier(ABC):
    """The parts of one run, but for the table and the services, which a tier adds."""

    clocks: Clocks = MappingProxyType({})

    def __init__(self, spec: WorldSpec, functions: Handlers, watch: Watch | None) -> None:
        self.functions = functions
        self.watch = watch
        self.contract: Contract = OUR_CONTRACT if functions.are_ours else spec.judged_by
        _check_variables(self.contract, {**spec.settings, **functions.variables})
        self._deployed = self.deploy(spec)
        # Names by which functions may be invoked: those of the template, those in a world and those of the contract.
        self.names = {function.name: name for name, function in self._deployed.items()}
        if not functions.are_ours:
            self._deployed = team_functions(self.contract, spec.limited_by(self.contract).functions)
            self.names |= {function.name: name for name, function in self._deployed.items()}
        self._environments: Environments | None = None
        self._sources: dict[str, Source] = {}

    @abstractmethod
    def deploy(self, spec: WorldSpec) -> Mapping[str, DeployedFunction]:
        """Return this project's functions as the template deploys them, by their names in a world."""

    @property
    @abstractmethod
    def rule_arn(self) -> str:
        """The schedule's ARN."""

    @property
    @abstractmethod
    def table(self) -> Any:
        """The class of the world's table."""

    @abstractmethod
    def connect(self, world: World) -> None:
        """Let the world's services answer clients from now on."""

    @property
    def parts(self) -> Parts:
        functions, contract = self.functions, self.contract
        return Parts(
            table=self.table,
            handlers=self._handlers,
            running=self.running,
            allows=self._allows if functions.are_ours or contract.judged.roles else None,
            contract=contract,
            variables=functions.variables,
            is_ours=functions.are_ours,
            finder_polls=functions.poller is None and contract.functions.one is None,
        )

    def own_line(self, world: World) -> str:
        """Return the line of the present function's own code from which this is called; "" without one."""
        process = world.kernel.current
        invocation = None if process is None else process.tag
        if not isinstance(invocation, Invocation):
            return ""
        return self._sources[invocation.function].code.line(sys._getframe(1))

    def _allows(self, function: str, action: str, resource: str, condition: str) -> bool:
        key, _, value = condition.partition("=")
        return self._deployed[function].role.allows(action, resource, {key: value} if key else {})

    def _handlers(self, world: World) -> tuple[Handler, Handler | None]:
        self.connect(world)
        places = (self.functions.finder, self.functions.poller)
        base = base_of(*[place for place in places if place is not None])
        finder = self._source(world, FINDER, self.functions.finder, base)
        if self.functions.poller is None and self.contract.functions.one is None:
            return self._handler(world, FINDER, finder), None
        # A function with both roles has one source, for both have the same environments.
        poller = finder
        if self.functions.poller is not None:
            poller = self._source(world, POLLER, self.functions.poller, base)
        return self._handler(world, FINDER, finder), self._handler(world, POLLER, poller)

    def _source(self, world: World, function: str, place: str, base: Path | None) -> Source:
        deployed = self._deployed[function]
        variables = {**deployed.runtime_environment, **deployed.environment, **world.spec.settings}
        return Source(place, {**variables, **self.functions.variables}, self.functions.paths, base)

    def _handler(self, world: World, function: str, source: Source) -> Handler:
        constant = self.contract.surroundings.event
        self._sources[function] = source

        def handle(payload: Payload, invocation: Invocation) -> object:
            event: object = payload
            # A finder may be invoked by a function, too.
            if function == FINDER and not invocation.by:
                # A copy, which the handler may change.
                event = _scheduled_event(world, payload, self.rule_arn) if constant is None else deepcopy(constant)
            return self._run(world, source, invocation, event)

        return handle

    def _run(self, world: World, source: Source, invocation: Invocation, event: Any) -> object:
        assert self._environments is not None, "handlers run while the tier does"
        handler = self._environments.handler(source, invocation)
        deployed = self._deployed[invocation.function]
        group, stream = deployed.log_group, f"{invocation.environment.number}"
        if invocation.cold:
            # Lambda's runtime writes log lines with the function's role.
            log_arn = f"arn:aws:logs:{HOME_REGION}:{HOME_ACCOUNT}:log-group:{group}:log-stream:{stream}"
            ids = (invocation.request_id, invocation.function)
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                world.trace.emit(ActionUsed(world.kernel.now_us, *ids, action, log_arn))
        # As in Lambda's Python runtime (AWS Lambda developer guide, 2026-11).
        context = SimpleNamespace(
            function_name=deployed.name,
            function_version="$LATEST",
            invoked_function_arn=deployed.arn,
            memory_limit_in_mb=str(deployed.memory_mb),
            aws_request_id=invocation.request_id,
            log_group_name=group,
            log_stream_name=stream,
            client_context=None,
            identity=None,
            get_remaining_time_in_millis=lambda: (invocation.deadline_us - world.kernel.now_us) // 1000,
        )
        try:
            result = handler(event, context)
            invocation.payload = marshalled(result)
            return result
        except (UnsetVariableError, MisuseError) as error:
            raise HandlerError(f"{invocation.function}: {error}") from error
        except NOT_OF_THE_CODE:
            raise
        except BaseException as error:
            invocation.raised_at = source.code.raised_at(error)
            # After SystemExit the runtime exits and logs nothing.
            if isinstance(error, Exception):
                world.logs.raised(invocation, source.code.traceback(error))
                kind, _, message = text_of(error).partition(": ")
                invocation.payload = error_payload(kind, message, invocation.request_id, source.code.stack(error))
            raise

    @contextmanager
    def running(self, world: World) -> Iterator[None]:
        """Let functions run: clocks, threads, output and the network are virtual inside."""
        known = {key.execution_id for key in world.workload.expected}
        with (
            virtual_clock(world.kernel, world.spec.epoch_us, world.effects.skew_us, self.clocks),
            sandbox.no_network(),
            threads_in_virtual_time(world.kernel, partial(self.own_line, world)),
            loops_in_virtual_time(world.kernel, partial(self.own_line, world)),
            sandbox.output_into(world.logs, world.kernel, known.__contains__, self.contract.judged.log_field),
            Environments(world.kernel) as self._environments,
        ):
            yield


def _check_variables(contract: Contract, variables: Mapping[str, str]) -> None:
    """Raise HandlerError for an environment variable that sets a limit to no number."""
    try:
        limits_of(contract, variables)
    except ValueError as error:
        raise HandlerError(f"--env {error}") from None


def _scheduled_event(world: World, payload: Payload, rule_arn: str) -> dict[str, object]:
    at = datetime.fromtimestamp((world.spec.epoch_us + world.kernel.now_us) // 1_000_000, tz=UTC)
    return {
        "version": "0",
        "id": f"tick-{payload['tick']}",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": HOME_ACCOUNT,
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "region": HOME_REGION,
        "resources": [rule_arn],
        "detail": {},
    }
