"""The wire tier's parts of a world, and the one place where they are chosen.

The world, its schedule, Lambda, DRS, workload, faults and properties are those of the fast tier; what differs is that the
functions run as deployed, on boto3, and that moto keeps the table.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import boto3
from moto import backends

from simulator import moto_drs
from simulator.events import FINDER, POLLER, ActionUsed
from simulator.services.functions import Handler, Invocation, Payload
from simulator.spec import WorldSpec
from simulator.wire import deployment, host
from simulator.wire.clock import virtual_clock
from simulator.wire.environments import Environments, LambdaContext, Source
from simulator.wire.gateway import Gateway
from simulator.wire.names import Names
from simulator.wire.table import MotoTable
from simulator.workload import HOME_ACCOUNT
from simulator.world import Parts, World

_ROLE: Final = "drs-orchestration-polling"
_RESET: Final = ("dynamodb", "cloudwatch", "cloudformation", "lambda", "iam", "sts", "s3", "logs", "events", "ec2", "sns", "stepfunctions")
OUR_FINDER: Final = "orchestrator.entrypoints:finder_handler"
OUR_POLLER: Final = "orchestrator.entrypoints:poller_handler"


class WireTier:
    """One run's functions as deployed."""

    def __init__(
        self,
        spec: WorldSpec,
        *,
        finder: str = OUR_FINDER,
        poller: str = OUR_POLLER,
        paths: tuple[Path, ...] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        parameters = {"DrsRoleName": _ROLE} if spec.accounts > 1 else {}
        self.deployment = deployment.deploy(parameters=parameters)
        self._gateway = Gateway(account_id=HOME_ACCOUNT, region=deployment.REGION)
