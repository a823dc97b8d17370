"""Hypothesis strategies for every table item and DRS answer that is possible, likely or not.

The strategies draw from few ids, Regions and instants, so that waves, servers and jobs often match. Final statuses are
listed twice, so that executions often end. Servers and launches are drawn whole from a list of all possible ones, which
is much faster than drawing their parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from drsim.orchestrator.decisions import Conclusion, conclude
from drsim.orchestrator.model import (
    ActionStatus,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    JobStatus,
    Server,
    ServerLaunch,
    ServerStatus,
    Wave,
    WaveStatus,
)
from drsim.orchestrator.settings import SECOND_US, Settings
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import EAST, OTHER_ACCOUNT

QUICK: Final = hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
"""Settings for all properties: the same examples in every run, and no deadline on slow machines."""

THOROUGH: Final = hypothesis_settings(QUICK, max_examples=500)

SETTINGS: Final = Settings()

_SERVER_IDS: Final = ("s-0", "s-1", "s-2")
_SCOPES: Final = (EAST, OTHER_ACCOUNT)
_ENDS: Final = (ServerStatus.LAUNCHED, ServerStatus.LAUNCHED, ServerStatus.FAILED)
_DRS_WORDS: Final = tuple(status for status in ServerStatus if status is not ServerStatus.NOT_STARTED)
_ACTIONS: Final = ((), (), (ActionStatus.SUCCEEDED,), (ActionStatus.FAILED,), tuple(ActionStatus), (None,))

servers: Final = st.sampled_from(
    [
        Server(source_server_id=server_id, status=status, instance_id=instance_id, extra=extra)
        for status, server_id, instance_id, extra in product(
            [*ServerStatus, *_ENDS], _SERVER_IDS, [None, "i-1"], [{}, {"Note": "of another writer"}]
        )
    ]
)

_launches: Final = st.sampled_from(
    [
        ServerLaunch(server_id, status, instance_id, actions)
        for status, server_id, instance_id, actions in product(
            [*_DRS_WORDS, *_ENDS], _SERVER_IDS, [None, "i-2"], _ACTIONS
        )
    ]
)

waves: Final = st.builds(
    Wave,
    number=st.sampled_from([None, 1, 2]),
    scope=st.sampled_from(_SCOPES),
    status=st.sampled_from([*WaveStatus, WaveStatus.LAUNCHING, WaveStatus.IN_PROGRESS]),
    job_id=st.sampled_from([None, "drsjob-a", "drsjob-b", "drsjob-c"]),
    job_status=st.sampled_from([None, *JobStatus]),
    message=st.sampled_from([None, "as it was"]),
    servers=st.lists(servers, max_size=3).map(tuple),
    extra=st.sampled_from([{}, {"Note": "of another writer"}]),
)


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    """An execution in POLLING with any waves. Some waves may still be missing."""
    drawn = tuple(draw(st.lists(waves, max_size=3)))
    return Execution(
        key=ExecutionKey(draw(st.sampled_from(["e-1", "e-2", "e-3"])), "plan-1"),
        status=ExecutionStatus.POLLING,
        type=draw(st.sampled_from(ExecutionType)),
        start_us=draw(st.sampled_from([START_US, START_US + SECOND_US])),
        total_waves=draw(st.sampled_from([len(drawn), len(drawn), len(drawn) + 1, 0])),
        last_polled_us=draw(st.none() | st.integers(0, 60).map(lambda seconds: START_US + seconds * SECOND_US)),
        waves=drawn,
    )


_TIMEOUT_US: Final = SETTINGS.timeout_us
TIME_IS_UP_US: Final = _TIMEOUT_US + SETTINGS.incomplete_answer_us
"""The oldest age at which an execution may still wait for a complete answer."""
ages_us: Final = st.sampled_from(
    [0, 60 * SECOND_US, _TIMEOUT_US, _TIMEOUT_US + 1, TIME_IS_UP_US, TIME_IS_UP_US + 1, 2 * _TIMEOUT_US]
)
"""The age of an execution at a poll: often at a limit or just past it."""

_job_statuses: Final = st.sampled_from([None, *JobStatus, JobStatus.COMPLETED, JobStatus.COMPLETED])
_launch_lists: Final = st.lists(_launches, max_size=3, unique_by=lambda launch: launch.source_server_id).map(tuple)


@dataclass(frozen=True)
class Poll:
    """One poll: what it read, and the conclusion from that."""

    execution: Execution
    jobs: Mapping[JobRef, Job]
    now_us: int

    @property
    def age_us(self) -> int:
        return self.now_us - self.execution.start_us

    @property
    def overdue(self) -> bool:
        return self.age_us > SETTINGS.timeout_us

    def conclusion(self) -> Conclusion:
        return conclude(self.execution, self.jobs, self.now_us, SETTINGS)

    def pairs(self) -> list[tuple[Wave, Wave]]:
        """Each wave before and after the poll."""
        return list(zip(self.execution.waves, self.conclusion().waves, strict=True))


@st.composite
def polls(draw: st.DrawFn) -> Poll:
    """An execution and DRS's answer. Most jobs have ended, DRS does not know some, and each job names a server once."""
    execution = draw(executions())
    jobs: dict[JobRef, Job] = {}
    for ref in dict.fromkeys(wave.job for wave in execution.waves):
        status = draw(_job_statuses)
        if ref is not None and status is not None:
            jobs[ref] = Job(ref.job_id, status, draw(_launch_lists))
    return Poll(execution, jobs, execution.start_us + draw(ages_us))
