"""The phase of an execution, which says how often it is polled."""

from typing import Final

from drsim.orchestrator.model import JobStatus, Phase, ServerStatus
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.reader import ExecutionView, WaveView

_IDLE_SERVERS: Final = frozenset({ServerStatus.NOT_STARTED, ServerStatus.PENDING})


def phase(execution: ExecutionView, limits: JudgedLimits) -> Phase:
    """An execution's phase by the contract: that of its unfinished wave with the shortest interval."""
    found = [_phase_of(wave) for wave in execution.waves if not wave.finished]
    return min(found, key=limits.rank, default=Phase.PENDING)


def _phase_of(wave: WaveView) -> Phase:
    if any(server.status not in _IDLE_SERVERS for server in wave.servers):
        return Phase.IN_PROGRESS
    return Phase.STARTED if wave.job_status in (JobStatus.STARTED, JobStatus.COMPLETED) else Phase.PENDING
