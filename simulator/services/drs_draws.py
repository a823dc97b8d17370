"""The drawing of a DRS job's whole life, as it starts: pure functions of a JobLife and a random stream."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from drsim.orchestrator.model import JobScope
from drsim.simulator.durations import NEVER_US
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs_jobs import (
    USUAL,
    ActionLife,
    DrsJob,
    InitiatedBy,
    JobKind,
    LaunchTerms,
    Phase,
    ServerLife,
)
from drsim.simulator.services.drs_log import CLEANED_US
from drsim.simulator.services.spec import JobLife

_RAW_ERRORS: Final[Mapping[Phase, str]] = {
    "skip": "instance not launched because server lifecycle state is not READY_FOR_TEST",
    "cleanup": "OperationNotPermitted: The instance may not be terminated: its attribute disableApiTermination is set",
    "snapshot": "Failed to take snapshot",
    "conversion": "Conversion failed",
    "launch": "InsufficientInstanceCapacity: there is not enough capacity for the instance",
}
"""What the log says of a failure: texts of AWS's user guide, and of EC2 where DRS shows an error of EC2 (inferred)."""


def draw_launch(
    life: JobLife,
    stream: Stream,
    scope: JobScope,
    server_ids: Sequence[str],
    now_us: int,
    *,
    is_drill: bool,
    terms: Mapping[str, LaunchTerms],
    doomed: Collection[str] = (),
) -> DrsJob:
    """Draw a job that launches these servers. `terms` are by server, those of others the usual ones.

    The servers that are `doomed` fail, besides those that are drawn.
    """
    started_us = now_us + life.pending.draw(stream)
    launching_us = started_us + life.started.draw(stream)
    failing = set(stream.sample(len(server_ids), life.failed_servers))
    if doomed:
        failing |= {position for position, each in enumerate(server_ids) if each in doomed}
    others = [position for position in range(len(server_ids)) if position not in failing]
    pending = {others[each] for each in stream.sample(len(others), life.pending_servers)}
    servers = []
    for position, server_id in enumerate(server_ids):
        ended_us = NEVER_US if life.hangs else launching_us + life.in_progress.draw(stream)
        instance_id = f"i-0{stream.hexadecimal(16)}"
        begins_us = NEVER_US if position in pending else launching_us
        launches = position not in failing | pending
        own = terms.get(server_id, USUAL)
        actions = _draw_actions(life, own, ended_us, stream) if launches else ()
        instance_id = own.instance_id or instance_id
        server = ServerLife(server_id, instance_id, begins_us, ended_us, launches, actions, terms=own)
        if own.previous_us is not None:
            server = replace(server, previous_us=own.previous_us)
        servers.append(_failed(server, life) if position in failing else _settled(server))
    job_id, lingers_us = _job_id(stream), 0 if life.hangs else life.lingers.draw(stream)
    job = DrsJob(job_id, scope, now_us, started_us, tuple(servers), is_drill=is_drill, lingers_us=lingers_us)
    if life.terminates is not None and not life.hangs:
        # DRS terminates all instances of a job together, each of which begins only once the job has ended.
        gone_us = job.ended_us + life.terminates.draw(stream)
        gone = [replace(each, terminated_us=gone_us) if each.makes_instance else each for each in job.servers]
        job = replace(job, servers=tuple(gone))
    return job if life.is_plain else _detailed(job, life, stream)


def draw_termination(
    life: JobLife, stream: Stream, scope: JobScope, launches: Sequence[ServerLife], now_us: int
) -> DrsJob:
    """Draw a job that terminates these instances."""
    # AWS does not publish how long these take; people report the time of a launch (15 to 20 minutes).
    started_us = now_us + life.pending.draw(stream)
    ending_us = started_us + life.started.draw(stream)
    servers = []
    for launch in launches:
        names, ended_us = (launch.source_server_id, launch.instance_id), ending_us + life.in_progress.draw(stream)
        servers.append(ServerLife(*names, ending_us, ended_us, launches=False, actions=(), terminates=True))
    job = DrsJob(_job_id(stream), scope, now_us, started_us, tuple(servers), kind=JobKind.TERMINATE)
    job.initiated_by = InitiatedBy.TERMINATE_RECOVERY_INSTANCES
    return job


def _draw_actions(life: JobLife, terms: LaunchTerms, launched_us: int, stream: Stream) -> tuple[ActionLife, ...]:
    """Draw a server's launch actions, which run one after the other from its launch on. The last ones fail."""
    actions: list[ActionLife] = []
    begun_us, count = launched_us, life.actions if terms.actions is None else len(terms.actions)
    for number in range(count if launched_us < NEVER_US else 0):
        ended_us = begun_us + life.action_time.draw(stream)
        actions.append(ActionLife(begun_us, ended_us, number < count - life.failed_actions))
        begun_us = ended_us
    return tuple(actions)


def _failed(server: ServerLife, life: JobLife) -> ServerLife:
    return replace(server, fails_in=life.fails_in, raw_error=life.raw_error or _RAW_ERRORS[life.fails_in])


def _settled(server: ServerLife) -> ServerLife:
    """A launch counts once the actions that are not optional have succeeded, and until then is IN_PROGRESS."""
    own = server.terms.actions or ()
    must = [each for each, known in zip(server.actions, own, strict=False) if not known["optional"]]
    if not must:
        return server
    succeeds = all(action.succeeds for action in must)
    error = "" if succeeds else "A post-launch action that is not optional failed"
    return replace(server, ended_us=must[-1].ended_us, launches=succeeds, raw_error=error)


def _detailed(job: DrsJob, life: JobLife, stream: Stream) -> DrsJob:
    """Give a job what few lives have: times of snapshots, older data, and failures before the launch.

    All of it is drawn last, so that the other lives draw the same numbers as without it.
    """
    snapshots_us = None if life.snapshots is None else life.snapshots.draw(stream)
    previous_us = None if life.snapshot_age is None else job.created_us - life.snapshot_age.draw(stream)
    job = replace(job, snapshots_us=snapshots_us)
    servers = list(job.servers)
    if previous_us is not None:
        servers = [replace(each, previous_us=previous_us) for each in servers]
    if life.fails_in != "launch" and not life.hangs:
        for position, server in enumerate(servers):
            if server.fails_in is not None:
                early_us = min(job.created_us + CLEANED_US, server.launching_us)
                ends = {"snapshot": job.converting_us(server), "conversion": server.launching_us}
                ended_us = ends.get(server.fails_in, early_us)
                servers[position] = replace(server, launching_us=ended_us, ended_us=ended_us)
    return replace(job, servers=tuple(servers))


def _job_id(stream: Stream) -> str:
    return f"drsjob-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
