"""The loop that teams write today: handlers called under `mock_aws` and freezegun, one minute per iteration.

`python -m tests.bench.loop ours` or `pair` calls drsim's functions, or the handlers in examples/polling_mended, and
prints the figures as JSON. `drsim.simulator.moto_drs` provides DRS, which moto lacks. The loop checks nothing,
simulates no latency, and has no faults: a simulation does more work for each poll.
"""

import contextlib
import io
import json
import os
import runpy
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from time import process_time
from typing import Any, Final, NamedTuple

import boto3
from boto3.dynamodb.types import TypeSerializer
from freezegun import freeze_time
from moto import mock_aws

from drsim.orchestrator.model import ExecutionKey, ExecutionStatus, ExecutionType, WaveStatus
from drsim.simulator import moto_drs
from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.moto_drs import Drs
from drsim.simulator.wire.deployment import REGION, deploy
from tests.examples.polling import FINDER, PAIR, POLLER

EXECUTIONS: Final = 100
WAVES: Final = 3
SERVERS: Final = 2
MINUTES: Final = 4
ACCOUNT: Final = "123456789012"


@dataclass(frozen=True, slots=True)
class Context:
    """Lambda's context object."""

    function_name: str
    invoked_function_arn: str
    aws_request_id: str = "r-1"

    def get_remaining_time_in_millis(self) -> int:
        """One minute."""
        return 60_000


class Functions(NamedTuple):
    """A finder and a poller, and what makes the poller's payload of an execution's key."""

    finder: Callable[[Any, Any], Any]
    poller: Callable[[Any, Any], Any]
    payload: Callable[[Mapping[str, object]], dict[str, object]]


def main(which: str) -> None:
    """Start 100 executions, poll each once a minute, and print the polls and their processor time."""
    contract = OUR_CONTRACT if which == "ours" else PAIR.scenario("load-100").contract
    with mock_aws(config={"lambda": {"use_docker": False}}), freeze_time("2025-11-28 20:32:29") as frozen:
        deployment = deploy(contract=contract)
        os.environ.update({**deployment.finder.environment, **deployment.poller.environment, "AWS_REGION": REGION})
        os.environ["AWS_DEFAULT_REGION"] = REGION
        os.environ.update({"POLLER_FUNCTION_NAME": deployment.poller.name, "TABLE_NAME": deployment.table_name})
        layout = Layout(contract or OUR_CONTRACT)
        keys = _start(deployment.table_name, layout)
        functions = _ours() if which == "ours" else _pair()
        finder = Context(deployment.finder.name, deployment.finder.arn)
        poller = Context(deployment.poller.name, deployment.poller.arn)
        minutes = []
        for _ in range(MINUTES):
            frozen.tick(60)
            # freezegun does not freeze this clock.
            began = process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                functions.finder({}, finder)
                for key in keys:
                    functions.poller(functions.payload(key), poller)
            minutes.append(process_time() - began)
        _check_polled(deployment.table_name, layout)
    # The first minute is left out: it also creates the clients.
    print(json.dumps({"polls": EXECUTIONS * (MINUTES - 1), "cpu_seconds": sum(minutes[1:])}))


def _ours() -> Functions:
    from drsim.orchestrator import entrypoints

    return Functions(entrypoints.finder_handler, entrypoints.poller_handler, dict)


def _pair() -> Functions:
    sys.path.append(str(PAIR.folder / "layer"))

    def payload(key: Mapping[str, object]) -> dict[str, object]:
        return {**key, "lookedAt": time.time()}

    finder, poller = (runpy.run_path(str(PAIR.folder / file)) for file in (FINDER, POLLER))
    return Functions(finder["lambda_handler"], poller["lambda_handler"], payload)


def _check_polled(table: str, layout: Layout) -> None:
    """Raise ValueError unless each execution was polled in the last minute: a poller that does nothing is quick."""
    name, now = layout.execution.path("last_polled"), Decimal(time.time())
    items: list[dict[str, Any]] = boto3.resource("dynamodb").Table(table).scan()["Items"]
    stale = [item for item in items if now - item.get(name, 0) > 1]
    if stale or len(items) != EXECUTIONS:
        raise ValueError(f"{EXECUTIONS} executions must be polled each minute, {len(stale)} of {len(items)} were not")


def _start(table: str, layout: Layout) -> list[dict[str, object]]:
    """Put the executions and start their jobs; return the key of each."""
    dynamodb, drs = boto3.client("dynamodb", region_name=REGION), boto3.client("drs", region_name=REGION)
    moto_drs.set_quotas(ACCOUNT, REGION, Drs(jobs_max=10_000, servers_in_jobs_max=10_000))
    serialize = TypeSerializer().serialize
    keys = []
    for number in range(EXECUTIONS):
        waves = []
        for wave in range(WAVES):
            ids = moto_drs.add_source_servers(ACCOUNT, REGION, SERVERS)
            job = drs.start_recovery(sourceServers=[{"sourceServerID": each} for each in ids], isDrill=True)["job"]
            servers = {each: layout.server.written({}, id=each, status="NOT_STARTED") for each in ids}
            written = layout.wave.written(
                {}, number=wave + 1, account=ACCOUNT, region=REGION, status=WaveStatus.LAUNCHING, job=job["jobID"]
            )
            waves.append(layout.wave.written(written, servers=layout.servers_item(servers)))
        key = layout.keys(ExecutionKey(f"e-{number}", "plan"))
        item = layout.execution.written(
            key,
            status=ExecutionStatus.POLLING,
            type=ExecutionType.DRILL,
            start=1_764_361_949_000_000,
            version=1,
            total_waves=WAVES,
            waves=waves,
        )
        dynamodb.put_item(TableName=table, Item={name: serialize(value) for name, value in item.items()})
        keys.append(key)
    return keys


if __name__ == "__main__":
    main(sys.argv[1])
