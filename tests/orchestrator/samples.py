"""Sample executions, waves and jobs. Every field that a test does not set has an ordinary value."""

from collections.abc import Sequence
from typing import Final

from drsim.orchestrator import items
from drsim.orchestrator.model import (
    ActionStatus,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobScope,
    JobStatus,
    Server,
    ServerLaunch,
    ServerStatus,
    Wave,
    WaveStatus,
)
from tests.orchestrator.ports import START_US

EAST: Final = JobScope("777788889999", "us-east-1")
WEST: Final = JobScope("777788889999", "us-west-2")
OTHER_ACCOUNT: Final = JobScope("111122223333", "us-east-1")

KEY: Final = ExecutionKey("e-1", "plan-1")


def job_id_of(number: int | None) -> str:
    """The job id of the sample wave with this number."""
    return f"drsjob-{number}"


def servers_in(statuses: Sequence[ServerStatus]) -> tuple[Server, ...]:
    """Servers s-0, s-1 and so on, with these statuses."""
    return tuple(Server(source_server_id=f"s-{place}", status=status) for place, status in enumerate(statuses))


def a_wave(
    number: int | None = 1,
    *,
    status: WaveStatus = WaveStatus.LAUNCHING,
    job_id: str | None = "",
    job_status: JobStatus | None = None,
    servers: tuple[Server, ...] | None = None,
    scope: JobScope = EAST,
    message: str | None = None,
) -> Wave:
    """A wave whose job was accepted. It has two servers, which no job has named yet."""
    two = tuple(Server(source_server_id=f"s-{number}{letter}") for letter in "ab")
    return Wave(
        number=number,
        scope=scope,
        status=status,
        job_id=job_id_of(number) if job_id == "" else job_id,
        job_status=job_status,
        message=message,
        servers=two if servers is None else servers,
    )


def an_execution(
    *waves: Wave,
    key: ExecutionKey = KEY,
    status: ExecutionStatus = ExecutionStatus.POLLING,
    kind: ExecutionType = ExecutionType.DRILL,
    start_us: int = START_US,
    last_polled_us: int | None = None,
    total_waves: int | None = None,
) -> Execution:
    """An execution in POLLING that has all its waves and was never polled."""
    return Execution(
        key=key,
        status=status,
        type=kind,
        start_us=start_us,
        last_polled_us=last_polled_us,
        total_waves=len(waves) if total_waves is None else total_waves,
        waves=waves,
    )


def an_item(execution: Execution) -> dict[str, object]:
    """The item that Phase 1 writes for this execution."""
    item: dict[str, object] = {
        "ExecutionId": execution.key.execution_id,
        "PlanId": execution.key.plan_id,
        "Status": execution.status.value,
        "ExecutionType": execution.type.value,
        "StartTime": items.seconds_item(execution.start_us),
        "TotalWaves": execution.total_waves,
        "Version": execution.version,
        "Waves": items.waves_item(execution.waves),
    }
    if execution.last_polled_us is not None:
        item["LastPolledTime"] = items.seconds_item(execution.last_polled_us)
    return item


def a_job(
    wave: Wave,
    status: JobStatus,
    *servers: ServerStatus,
    actions: tuple[ActionStatus, ...] = (),
) -> Job:
    """The wave's job. Its servers have these statuses in order; further servers of the wave are left out."""
    assert wave.job_id is not None
    launches = tuple(
        ServerLaunch(server.source_server_id, launch_status, None, actions)
        for server, launch_status in zip(wave.servers, servers, strict=False)
    )
    return Job(wave.job_id, status, launches)


def an_ended_job(wave: Wave, *, actions: tuple[ActionStatus, ...] = ()) -> Job:
    """The wave's job, COMPLETED with every server launched."""
    return a_job(wave, JobStatus.COMPLETED, *[ServerStatus.LAUNCHED] * len(wave.servers), actions=actions)
