"""Decisions: which executions are due, and what a poll concludes. Every function depends only on its arguments.

Owns every rule that needs no I/O. The finder and the poller gather the input of these functions and apply their output.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .model import (
    ActionStatus,
    Execution,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    JobStatus,
    Phase,
    Server,
    ServerLaunch,
    ServerStatus,
    Wave,
    WaveStatus,
)
from .settings import SECOND_US, Settings

# A TERMINATED server counts as launched: DRS only terminates servers it has launched.
_LAUNCHED = frozenset({ServerStatus.LAUNCHED, ServerStatus.TERMINATED})
_UNDERWAY = frozenset({ServerStatus.PENDING, ServerStatus.IN_PROGRESS})
_NOT_PAST_PENDING = frozenset({ServerStatus.NOT_STARTED, ServerStatus.PENDING})


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The result of one poll: the new waves, the final status if the execution has ended, and log lines."""

    waves: tuple[Wave, ...]
    status: ExecutionStatus | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def wave_phase(wave: Wave) -> Phase:
    for server in wave.servers:
        if server.status not in _NOT_PAST_PENDING:
            return Phase.IN_PROGRESS
    return Phase.PENDING if wave.job_status in (None, JobStatus.PENDING) else Phase.STARTED


def interval_us(phase: Phase, settings: Settings) -> int:
    if phase is Phase.PENDING:
        return settings.pending_interval_us
    return settings.started_interval_us if phase is Phase.STARTED else settings.in_progress_interval_us


def phase_of(execution: Execution, settings: Settings) -> Phase:
    """Return the phase with the shortest interval among those of the unfinished waves."""
    phases = [wave_phase(wave) for wave in execution.waves if not wave.finished]
    return min(phases, key=lambda each: interval_us(each, settings), default=Phase.PENDING)


def is_due(execution: Execution, now_us: int, settings: Settings) -> bool:
    if execution.last_polled_us is None:
        return True
    wait_us = interval_us(phase_of(execution, settings), settings) - settings.due_slack_us
    return now_us - execution.last_polled_us >= wait_us


def look(executions: Iterable[Execution], now_us: int, settings: Settings) -> tuple[list[Execution], list[Execution]]:
    """Return the due and the not-yet-due executions; both lists start with the least recently polled."""
    due: list[Execution] = []
    waiting: list[Execution] = []
    for execution in sorted(executions, key=_staleness):
        (due if is_due(execution, now_us, settings) else waiting).append(execution)
    return due, waiting


def _staleness(execution: Execution) -> tuple[int, int, str]:
    never_polled = -1
    last_us = never_polled if execution.last_polled_us is None else execution.last_polled_us
    return last_us, execution.start_us, execution.key.execution_id


def jobs_to_ask(execution: Execution) -> tuple[JobRef, ...]:
    """Return the jobs a poll must describe: those of the unfinished waves, without duplicates."""
    jobs = [wave.job for wave in execution.waves if not wave.finished]
    return tuple(dict.fromkeys(job for job in jobs if job is not None))


def conclude(execution: Execution, jobs: Mapping[JobRef, Job], now_us: int, settings: Settings) -> Conclusion:
    """Conclude a poll from the stored execution and DRS's answer about its jobs.

    A job missing from `jobs` is unknown to DRS. The timeout is applied last: a poll that can determine every wave's
    outcome gives that result instead of TIMEOUT. After an incomplete answer the execution stays in POLLING for up to
    `incomplete_answer_us` past its timeout.
    """
    warnings: list[str] = []
    notes: list[str] = []
    age_us = now_us - execution.start_us
    actions_count = execution.type is ExecutionType.RECOVERY
    waves = [_observe(wave, jobs, actions_count, True, warnings, notes) for wave in execution.waves]
    status = _verdict(execution, waves)
    if status is None and age_us > settings.timeout_us:
        incomplete = {place for place, wave in enumerate(waves) if _is_incomplete(wave, jobs, actions_count)}
        if not incomplete or age_us > settings.timeout_us + settings.incomplete_answer_us:
            waves = [_observe(wave, jobs, actions_count, False, [], []) for wave in execution.waves]
            status = _verdict(execution, waves)
            if status is None:
                age_s = age_us // SECOND_US
                waves = [_settle(wave, place in incomplete, age_s) for place, wave in enumerate(waves)]
                status = ExecutionStatus.TIMEOUT
    return Conclusion(tuple(waves), status, tuple(warnings), tuple(notes))


def _verdict(execution: Execution, waves: Sequence[Wave]) -> ExecutionStatus | None:
    """Return the final status, or None while a wave is unfinished or the plan's worker has yet to add one."""
    if not waves or len(waves) < execution.total_waves or not all(wave.finished for wave in waves):
        return None
    ends = {wave.status for wave in waves}
    if ends == {WaveStatus.COMPLETED}:
        return ExecutionStatus.COMPLETED
    return ExecutionStatus.FAILED if ends == {WaveStatus.FAILED} else ExecutionStatus.PARTIAL


def _observe(
    wave: Wave,
    jobs: Mapping[JobRef, Job],
    actions_count: bool,
    awaits_actions: bool,
    warnings: list[str],
    notes: list[str],
) -> Wave:
    """Return the wave updated from DRS's answer; append to `warnings` and `notes`."""
    if wave.finished:
        return wave
    if wave.job is None:
        # A wave still waiting to start legitimately has no job.
        waits = wave.status is WaveStatus.PENDING and wave.job_status is None
        (notes if waits else warnings).append(f"Wave {wave.number} has no JobId")
        return wave
    job = jobs.get(wave.job)
    if job is None:
        warnings.append(f"Wave {wave.number}: DRS does not know job {wave.job_id} in {wave.scope.region}")
        return wave
    job_status = job.status
    if wave.job_status is not None and job_status not in (wave.job_status, *wave.job_status.moves):
        warnings.append(f"Wave {wave.number}: job {job.job_id} went from {wave.job_status} back to {job_status}")
        job_status = wave.job_status
    servers = _merge_servers(wave, job, warnings)
    has_news = (servers, job_status) != (wave.servers, wave.job_status)
    seen = replace(wave, servers=servers, job_status=job_status) if has_news else wave
    status, message = _judge(seen, job, actions_count, awaits_actions)
    if (status, message) == (seen.status, seen.message) or status not in (wave.status, *wave.status.moves):
        return seen
    return replace(seen, status=status, message=message)


def _merge_servers(wave: Wave, job: Job, warnings: list[str]) -> tuple[Server, ...]:
    """Return the wave's servers updated from the job, followed by servers that appear only in the job."""
    launches = {launch.source_server_id: launch for launch in job.servers}
    known = {server.source_server_id for server in wave.servers}
    merged = [_merge(server, launches.get(server.source_server_id), warnings) for server in wave.servers]
    added = [
        Server(source_server_id=server_id, status=launch.status, instance_id=launch.instance_id)
        for server_id, launch in launches.items()
        if server_id not in known
    ]
    return (*merged, *added)


def _merge(server: Server, launch: ServerLaunch | None, warnings: list[str]) -> Server:
    if launch is None:
        return server
    status = launch.status
    if status is not server.status and status not in server.status.moves:
        warnings.append(f"Server {server.source_server_id} went from {server.status} back to {status}")
        status = server.status
    # DRS leaves recoveryInstanceID out of finished jobs, so an id once seen is kept.
    instance_id = launch.instance_id or server.instance_id
    if status is server.status and instance_id == server.instance_id:
        return server
    return replace(server, status=status, instance_id=instance_id)


def _judge(wave: Wave, job: Job, actions_count: bool, awaits_actions: bool) -> tuple[WaveStatus, str | None]:
    """Return the status of a wave whose job is known, with a message. `wave` is already updated from `job`."""
    if wave.job_status is not JobStatus.COMPLETED:
        underway = wave_phase(wave) is Phase.IN_PROGRESS
        return (WaveStatus.IN_PROGRESS if underway else WaveStatus.LAUNCHING), None
    unreported = _unreported(wave, job, actions_count)
    if unreported:
        return WaveStatus.IN_PROGRESS, f"job ended, DRS did not report the outcome of {_some(unreported)}"
    actions = [action for launch in job.servers for action in launch.actions] if actions_count else []
    # If `awaits_actions` is false (at the timeout), a running launch action makes the wave PARTIAL.
    if ActionStatus.IN_PROGRESS in actions and awaits_actions:
        return WaveStatus.IN_PROGRESS, "job ended, launch actions still run"
    return _end_of(wave, actions)


def _is_incomplete(wave: Wave, jobs: Mapping[JobRef, Job], actions_count: bool) -> bool:
    """Return whether DRS's answer, from which `wave` is already updated, omits what determines the wave's outcome."""
    if wave.job is None or wave.status.terminal:
        return False
    job = jobs.get(wave.job)
    # A job that DRS has never returned (no stored status) is not incomplete: waiting would not help.
    return wave.job_status is not None if job is None else bool(_unreported(wave, job, actions_count))


def _unreported(wave: Wave, job: Job, actions_count: bool) -> list[str]:
    """Return the servers whose outcome is missing. If DRS returned no servers, return the placeholder 'any server'."""
    if not wave.servers:
        return ["any server"]
    launches = {launch.source_server_id: launch for launch in job.servers}
    return [
        server.source_server_id
        for server in wave.servers
        if _is_unreported(server, launches.get(server.source_server_id), wave, job, actions_count)
    ]


def _is_unreported(server: Server, launch: ServerLaunch | None, wave: Wave, job: Job, actions_count: bool) -> bool:
    if launch is not None and server.status is ServerStatus.PENDING and job.status is JobStatus.COMPLETED:
        # The outcome is reported: a job that has ended launches no server that is still PENDING.
        return False
    if server.status in _UNDERWAY:
        return launch is None or wave.job_status is JobStatus.COMPLETED
    if server.status in _LAUNCHED:
        return actions_count and (launch is None or launch.status in _UNDERWAY or None in launch.actions)
    return server.status is ServerStatus.NOT_STARTED


def _end_of(wave: Wave, actions: Sequence[ActionStatus | None]) -> tuple[WaveStatus, str | None]:
    failed = [server.source_server_id for server in wave.servers if server.status not in _LAUNCHED]
    unsound = [action for action in actions if action is not ActionStatus.SUCCEEDED]
    if failed:
        status = WaveStatus.FAILED if len(failed) == len(wave.servers) else WaveStatus.PARTIAL
        return status, f"{len(failed)} of {len(wave.servers)} servers did not launch: {_some(failed)}"
    if unsound:
        return WaveStatus.PARTIAL, f"all servers launched, {len(unsound)} launch actions did not succeed"
    return WaveStatus.COMPLETED, None


def _settle(wave: Wave, left_out: bool, age_s: int) -> Wave:
    """Return the wave as it is written when its execution times out. Its job and servers stay as last seen."""
    if wave.status.terminal or (wave.job is None and wave.status is WaveStatus.PENDING):
        return wave
    if wave.job is not None and wave.job_status in (JobStatus.PENDING, JobStatus.STARTED) and not left_out:
        message = f"job was {wave.job_status} when last seen; watching ended after {age_s} s"
        return replace(wave, status=WaveStatus.TIMEOUT, message=message)
    return replace(wave, status=WaveStatus.UNKNOWN, message=f"DRS had not reported the outcome after {age_s} s")


def _some(server_ids: Sequence[str]) -> str:
    shown = ", ".join(server_ids[:3])
    return shown if len(server_ids) <= 3 else f"{shown} and {len(server_ids) - 3} more"
