"""The loop that teams write today: handlers called under `mock_aws` and freezegun, one minute per iteration.

`python -m tests.bench.loop` prints its figures as JSON. `drsim.simulator.moto_drs` provides DRS, which moto lacks.
The loop checks nothing, simulates no latency, and has no faults: a simulation does more work for each poll.
"""

import contextlib
import io
import json
import os
from dataclasses import dataclass
from time import process_time
from typing import Any, Final

import boto3
from boto3.dynamodb.types import TypeSerializer
from freezegun import freeze_time
from moto import mock_aws

from drsim.orchestrator import entrypoints
from drsim.simulator import moto_drs
from drsim.simulator.moto_drs import Drs
from drsim.simulator.wire.deployment import REGION, deploy

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


def main() -> None:
    """Start 100 executions, poll each once a minute, and print the polls and their processor time."""
    with mock_aws(config={"lambda": {"use_docker": False}}), freeze_time("2025-11-28 20:32:29") as frozen:
        deployment = deploy()
        os.environ.update({**deployment.finder.environment, **deployment.poller.environment, "AWS_REGION": REGION})
        os.environ["AWS_DEFAULT_REGION"] = REGION
        payloads = _start(deployment.table_name)
        finder = Context(deployment.finder.name, deployment.finder.arn)
        poller = Context(deployment.poller.name, deployment.poller.arn)
        minutes = []
        for _ in range(MINUTES):
            frozen.tick(60)
            # freezegun does not freeze this clock.
            began = process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                entrypoints.finder_handler({}, finder)
                for payload in payloads:
                    report = entrypoints.poller_handler(payload, poller)
                    assert report["end"] == "UPDATED", report
            minutes.append(process_time() - began)
    # The first minute is left out: it also creates the clients.
    print(json.dumps({"polls": EXECUTIONS * (MINUTES - 1), "cpu_seconds": sum(minutes[1:])}))


def _start(table: str) -> list[dict[str, Any]]:
    """Put the executions and start their jobs; return the payload of each poller."""
    dynamodb, drs = boto3.client("dynamodb", region_name=REGION), boto3.client("drs", region_name=REGION)
    moto_drs.set_quotas(ACCOUNT, REGION, Drs(jobs_max=10_000, servers_in_jobs_max=10_000))
    serialize = TypeSerializer().serialize
    payloads = []
    for number in range(EXECUTIONS):
        waves = []
        for wave in range(WAVES):
            ids = moto_drs.add_source_servers(ACCOUNT, REGION, SERVERS)
            job = drs.start_recovery(sourceServers=[{"sourceServerID": each} for each in ids], isDrill=True)["job"]
            waves.append(
                {
                    "WaveNumber": wave + 1,
                    "AccountId": ACCOUNT,
                    "Region": REGION,
                    "Status": "LAUNCHING",
                    "JobId": job["jobID"],
                    "Servers": [{"SourceServerId": each, "Status": "NOT_STARTED"} for each in ids],
                }
            )
        item = {
            "ExecutionId": f"e-{number}",
            "PlanId": "plan",
            "Status": "POLLING",
            "ExecutionType": "DRILL",
            "StartTime": 1764361949,
            "Version": 1,
            "TotalWaves": WAVES,
            "Waves": waves,
        }
        dynamodb.put_item(TableName=table, Item={name: serialize(value) for name, value in item.items()})
        payloads.append({"ExecutionId": f"e-{number}", "PlanId": "plan"})
    return payloads


if __name__ == "__main__":
    main()
