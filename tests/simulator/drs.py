"""A DRS by itself, and what its tests start there."""

from collections.abc import Sequence
from typing import Final

import pytest

from drsim.orchestrator.model import Job, JobScope
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.drs import DrsJob, DrsService
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.spec import Drs, JobLife
from drsim.simulator.trace import Trace

EAST: Final = JobScope("111122223333", "us-east-1")
WEST: Final = JobScope("111122223333", "us-west-2")
OTHER_ACCOUNT: Final = JobScope("444455556666", "us-east-1")
SECOND: Final = 1_000_000

FIXED: Final = JobLife.model_validate({"pending": "10s", "started": "5s", "in_progress": "20s"})
"""PENDING to 10 s, STARTED from then on, servers IN_PROGRESS from 15 s, all over at 35 s."""


def fixed(**more: object) -> JobLife:
    """The same life with further fields."""
    return JobLife.model_validate({"pending": "10s", "started": "5s", "in_progress": "20s", **more})


def ids_of(count: int, name: str = "s") -> list[str]:
    return [f"{name}-{number}" for number in range(count)]


class Rig:
    """A DRS whose servers need not be registered first."""

    def __init__(self, kernel: Kernel, life: JobLife = FIXED, **quotas: int) -> None:
        self.kernel = kernel
        self.life = life
        self.trace = Trace()
        self.drs = DrsService(kernel, self.trace, Drs(**quotas))

    def start(self, server_ids: Sequence[str], scope: JobScope = EAST, life: JobLife | None = None) -> DrsJob:
        self.drs.add_servers(scope, server_ids, life or self.life)
        return self.drs.start_recovery(scope, server_ids)

    def refusal(self, server_ids: Sequence[str], scope: JobScope = EAST) -> str:
        with pytest.raises(ServiceError) as caught:
            self.start(server_ids, scope)
        assert not caught.value.retryable
        return str(caught.value)

    def shown(self, job: DrsJob) -> Job:
        (shown,), token = self.drs.describe_jobs(job.scope, [job.job_id])
        assert token is None
        return shown

    def at(self, seconds: float) -> None:
        self.kernel.run(until_us=round(seconds * SECOND))
