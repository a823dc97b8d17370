"""The wire tier's parts of a world: functions on real boto3 and botocore, and moto as AWS."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

import boto3
import moto.core.utils
from moto import backends
from moto.core.config import default_user_config
from moto.moto_api._internal import mock_random

from drsim.simulator import moto_drs
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.handlers import sandbox
from drsim.simulator.handlers.calls import Calls, Watch
from drsim.simulator.handlers.deployed import DeployedFunction
from drsim.simulator.handlers.functions import OURS, Handlers
from drsim.simulator.handlers.meanings import MEANINGS
from drsim.simulator.handlers.operations import SERVICES
from drsim.simulator.handlers.tier import HandlerTier
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.wire import deployment, gateway
from drsim.simulator.wire.responder import WireResponder
from drsim.simulator.wire.surroundings import create
from drsim.simulator.wire.table import MotoTable, sizes_unchecked_by_moto
from drsim.simulator.world import Parts, World

_EMPTIED: Final = sorted({*SERVICES.values(), "cloudformation", "iam", "s3"} - {"drs"})
"""moto's services with state of functions or the deployment. DRS has none while a world is attached."""


@contextmanager
def wire_parts(
    spec: WorldSpec, *, seed: int, functions: Handlers | None = None, watch: Watch | None = None
) -> Iterator[Parts]:
    """The parts of one run in the wire tier. Create, run and close the world inside the context."""
    with ExitStack() as stack:
        stack.enter_context(sandbox.no_credentials(deployment.REGION))
        stack.enter_context(sandbox.repeatable(seed))
        mock_random.seed(seed)
        stack.callback(empty_moto)
        empty_moto()
        stack.enter_context(gateway.opened())
        stack.enter_context(sizes_unchecked_by_moto())
        stack.callback(moto_drs.detach)
        yield _WireTier(spec, functions or OURS, watch).parts


def empty_moto() -> None:
    """Remove moto's state of an earlier run or test in this process."""
    default_user_config["lambda"] = {"use_docker": False}
    for name in _EMPTIED:
        backends.get_backend(name).reset()  # type: ignore[call-overload]


class _WireTier(HandlerTier):
    clocks: Mapping[str, Callable[[], float]] = {
        "moto's utcnow": lambda: moto.core.utils.utcnow().timestamp(),
        "moto's unix_time": lambda: float(moto.core.utils.unix_time()),
    }
    table = MotoTable
    rule_arn = ""

    def __init__(self, spec: WorldSpec, functions: Handlers, watch: Watch | None) -> None:
        super().__init__(spec, functions, watch)
        if not functions.are_ours:
            create(self.contract.surroundings)

    def deploy(self, spec: WorldSpec) -> Mapping[str, DeployedFunction]:
        stack = deployment.deploy(
            parameters={"DrsRoleName": "drs-orchestration-polling"} if spec.accounts > 1 else {},
            contract=None if self.functions.are_ours else self.contract,
        )
        self.rule_arn = stack.rule_arn
        # In moto a rule without a pattern matches each event that a function puts.
        rule, events = stack.rule_name, boto3.client("events", region_name=deployment.REGION)
        ids = [target["Id"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]]
        events.remove_targets(Rule=rule, Ids=ids)
        return {FINDER: stack.finder, POLLER: stack.poller}

    def connect(self, world: World) -> None:
        moto_drs.attach(world.drs, epoch_us=world.spec.epoch_us)
        assert isinstance(world.table, MotoTable), "this tier's parts make it one"
        responder = WireResponder(world)
        calls = Calls(world, world.table, responder, self.names, partial(self.own_line, world), MEANINGS, self.watch)
        gateway.route(partial(responder.send, calls))
