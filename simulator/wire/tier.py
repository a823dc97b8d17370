"""The wire tier's parts of a world: functions run as deployed and moto keeps the table; all else is the fast tier's."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import boto3
from moto import backends
from moto.core.config import default_user_config

from drsim.simulator import moto_drs
from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.events import FINDER, POLLER, ActionUsed
from drsim.simulator.processes import NOT_OF_THE_CODE, MisuseError
from drsim.simulator.services.functions import Handler, Invocation, Payload
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.wire import deployment, gateway, sandbox
from drsim.simulator.wire.calls import Calls
from drsim.simulator.wire.clock import virtual_clock
from drsim.simulator.wire.deployment import DeployedFunction
from drsim.simulator.wire.environments import Environments, Source, UnsetVariableError
from drsim.simulator.wire.errors import HandlerError
from drsim.simulator.wire.messages import SERVICES
from drsim.simulator.wire.own_code import base_of
from drsim.simulator.wire.surroundings import create, team_functions
from drsim.simulator.wire.table import MotoTable, sizes_unchecked_by_moto
from drsim.simulator.world import Parts, World

OUR_FINDER: Final = "drsim.orchestrator.entrypoints:finder_handler"
OUR_POLLER: Final = "drsim.orchestrator.entrypoints:poller_handler"
_EMPTIED: Final = sorted({*SERVICES.values(), "cloudformation", "iam", "s3"} - {"drs"})
"""moto's services with state of functions or the deployment. DRS has none while a world is attached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The functions: handlers as MODULE:NAME or FILE.py:NAME, folders of their modules, environment variables.

    Without a poller the finder polls by itself, unless its contract says that it has both roles.
    """

    finder: str = OUR_FINDER
    poller: str | None = OUR_POLLER
    paths: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def wire_parts(spec: WorldSpec, *, seed: int, functions: Handlers | None = None) -> Iterator[Parts]:
    """The parts of one run in the wire tier. Create, run and close the world inside the context."""
    with ExitStack() as stack:
        stack.enter_context(sandbox.no_credentials(deployment.REGION))
        stack.enter_context(sandbox.repeatable(seed))
        stack.callback(_empty)
        _empty()
        stack.enter_context(gateway.opened())
        stack.enter_context(sizes_unchecked_by_moto())
        stack.callback(moto_drs.detach)
        yield _WireTier(spec, functions or Handlers()).parts


def _empty() -> None:
    """Remove moto's state of an earlier run or test in this process."""
    default_user_config["lambda"] = {"use_docker": False}
    for name in _EMPTIED:
        backends.get_backend(name).reset()  # type: ignore[call-overload]


class _WireTier:
    def __init__(self, spec: WorldSpec, functions: Handlers) -> None:
        self._functions = functions
        is_ours = (functions.finder, functions.poller) == (OUR_FINDER, OUR_POLLER)
        self._contract = contract = OUR_CONTRACT if is_ours else spec.judged_by
        _check_variables(contract, {**spec.settings, **functions.variables})
        stack = deployment.deploy(
            parameters={"DrsRoleName": "drs-orchestration-polling"} if spec.accounts > 1 else {},
            contract=None if is_ours else contract,
        )
        self._deployed: Mapping[str, DeployedFunction] = {FINDER: stack.finder, POLLER: stack.poller}
        # Names by which functions may be invoked: those of the template, those in a world and those of the contract.
        self._names = {function.name: name for name, function in self._deployed.items()}
        if not is_ours:
            self._deployed = team_functions(contract, spec.limited_by(contract).functions)
            self._names |= {function.name: name for name, function in self._deployed.items()}
            create(contract.surroundings)
        self._rule_arn = stack.rule_arn
        # In moto a rule without a pattern matches each event that a function puts.
        rule, events = stack.rule_name, boto3.client("events", region_name=deployment.REGION)
        ids = [target["Id"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
        events.remove_targets(Rule=rule, Ids=ids)
        self._environments: Environments | None = None
        self._sources: dict[str, Source] = {}
        self.parts = Parts(
            table=MotoTable,
            handlers=self._handlers,
            running=self._running,
            allows=self._allows if is_ours or contract.judged.roles else None,
            contract=contract,
            variables=functions.variables,
            is_ours=is_ours,
            finder_polls=functions.poller is None and contract.functions.one is None,
        )

    def _allows(self, function: str, action: str, resource: str, condition: str) -> bool:
        key, _, value = condition.partition("=")
        return self._deployed[function].role.allows(action, resource, {key: value} if key else {})

    def _handlers(self, world: World) -> tuple[Handler, Handler | None]:
        moto_drs.attach(world.drs, epoch_us=world.spec.epoch_us)
        calls = Calls(world, self._names, partial(self._own_line, world))
        gateway.route(calls.begin, calls.send)
        places = (self._functions.finder, self._functions.poller)
        base = base_of(*[place for place in places if place is not None])
        finder = self._source(world, FINDER, self._functions.finder, base)
        if self.parts.finder_polls:
            return self._handler(world, FINDER, finder), None
        # A function with both roles has one source, for both have the same environments.
        poller = finder
        if self._functions.poller is not None:
            poller = self._source(world, POLLER, self._functions.poller, base)
        return self._handler(world, FINDER, finder), self._handler(world, POLLER, poller)

    def _source(self, world: World, function: str, place: str, base: Path | None) -> Source:
        deployed = self._deployed[function]
        variables = {**deployed.runtime_environment, **deployed.environment, **world.spec.settings}
        return Source(place, {**variables, **self._functions.variables}, self._functions.paths, base)

    def _handler(self, world: World, function: str, source: Source) -> Handler:
        constant = self._contract.surroundings.event
        self._sources[function] = source

        def handle(payload: Payload, invocation: Invocation) -> object:
            event: object = payload
            if function == FINDER:
                # A copy, which the handler may change.
                event = _scheduled_event(world, payload, self._rule_arn) if constant is None else deepcopy(constant)
            return self._run(world, source, invocation, event)

        return handle

    def _run(self, world: World, source: Source, invocation: Invocation, event: Any) -> object:
        assert self._environments is not None, "handlers run while the tier does"
        handler = self._environments.handler(source, invocation)
        deployed = self._deployed[invocation.function]
        group, stream = deployed.log_group, f"{invocation.environment.number}"
        # Lambda's runtime writes log lines with the function's role.
        log_arn = f"arn:aws:logs:{deployment.REGION}:{HOME_ACCOUNT}:log-group:{group}:log-stream:{stream}"
        ids = (invocation.request_id, invocation.function)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents") if invocation.cold else ("logs:PutLogEvents",):
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
            return handler(event, context)
        except (UnsetVariableError, MisuseError) as error:
            raise HandlerError(f"{invocation.function}: {error}") from error
        except NOT_OF_THE_CODE:
            raise
        except BaseException as error:
            invocation.raised_at = source.code.raised_at(error)
            # After SystemExit the runtime exits and logs nothing.
            if isinstance(error, Exception):
                world.logs.raised(invocation, source.code.traceback(error))
            raise

    def _own_line(self, world: World) -> str:
        """The line of the present function's own code from which this is called; "" without one."""
        process = world.kernel.current
        invocation = None if process is None else process.tag
        if not isinstance(invocation, Invocation):
            return ""
        return self._sources[invocation.function].code.line(sys._getframe(1))

    @contextmanager
    def _running(self, world: World) -> Iterator[None]:
        known = {key.execution_id for key in world.workload.expected}
        with (
            virtual_clock(world.kernel, world.spec.epoch_us) as clock,
            sandbox.no_network(),
            sandbox.threads_in_virtual_time(world.kernel, partial(self._own_line, world)),
            sandbox.output_into(world.logs, world.kernel, known.__contains__, self._contract.judged.log_field),
            Environments(clock, world.effects.skew_us) as self._environments,
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
        "region": deployment.REGION,
        "resources": [rule_arn],
        "detail": {},
    }
