"""A runbook for failback within AWS: from the recovery Region to the origin, as the user guide orders its steps.

Each step raises StepError with what an operator must do; `wait` is called with a number of minutes.
"""

from collections.abc import Callable
from typing import Any

Wait = Callable[[float], None]


class StepError(Exception):
    """A step that did not end as it should."""


def reverse(drs: Any, instance_id: str, wait: Wait, *, tries: int = 30) -> str:
    """Start replication back to the origin; return the id of the source server there. The agent may need a while."""
    for _ in range(tries):
        try:
            arn = drs.reverse_replication(recoveryInstanceID=instance_id)["reversedDirectionSourceServerArn"]
        except drs.exceptions.ConflictException:
            wait(2)
        else:
            return str(arn).rpartition("/")[2]
    raise StepError(f"{instance_id}: replication could not be reversed; look at its agent")


def await_replica(origin: Any, server_id: str, wait: Wait, *, tries: int = 200) -> None:
    """Wait until the origin has all data."""
    for _ in range(tries):
        (server,) = origin.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"]
        if server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS":
            return
        wait(10)
    raise StepError(f"{server_id} does not become CONTINUOUS")


def launch(origin: Any, server_id: str, wait: Wait, *, is_drill: bool) -> str:
    """Launch the server in the origin; return the id of the recovery instance."""
    servers = [{"sourceServerID": server_id}]
    job_id = origin.start_recovery(sourceServers=servers, isDrill=is_drill)["job"]["jobID"]
    while (job := origin.describe_jobs(filters={"jobIDs": [job_id]})["items"][0])["status"] != "COMPLETED":
        wait(1)
    if job["participatingServers"][0]["launchStatus"] != "LAUNCHED":
        raise StepError(f"{server_id} was not launched; see the log of {job_id}")
    (found,) = origin.describe_recovery_instances(filters={"sourceServerIDs": [server_id]})["items"]
    return str(found["recoveryInstanceID"])


def clean_up(drs: Any, origin: Any, instance_id: str, server_id: str, wait: Wait) -> None:
    """End replication first: until then DRS refuses to terminate the instance that feeds it."""
    origin.stop_replication(sourceServerID=server_id)
    job_id = drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])["job"]["jobID"]
    while drs.describe_jobs(filters={"jobIDs": [job_id]})["items"][0]["status"] != "COMPLETED":
        wait(1)


def drill(drs: Any, origin: Any, instance_id: str, wait: Wait) -> str:
    """A drill of the failback: all steps, and nothing left but the drill's instance, whose id is returned."""
    server_id = reverse(drs, instance_id, wait)
    await_replica(origin, server_id, wait)
    launched = launch(origin, server_id, wait, is_drill=True)
    clean_up(drs, origin, instance_id, server_id, wait)
    return launched
