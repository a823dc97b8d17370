"""Where a team's table holds each field, as data."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from drsim.simulator.models import Spec

OURS: Final[Mapping[str, Mapping[str, str]]] = {
    "execution": {
        "id": "ExecutionId",
        "plan": "PlanId",
        "status": "Status",
        "start": "StartTime",
        "end": "EndTime",
        "type": "ExecutionType",
        "last_polled": "LastPolledTime",
        "version": "Version",
        "total_waves": "TotalWaves",
        "waves": "Waves",
    },
    "wave": {
        "number": "WaveNumber",
        "name": "WaveName",
        "region": "Region",
        "account": "AccountId",
        "job": "JobId",
        "job_status": "JobStatus",
        "status": "Status",
        "message": "StatusMessage",
        "servers": "Servers",
    },
    "server": {"id": "SourceServerId", "status": "Status", "instance": "InstanceId"},
}
"""Our own table's attribute of each field, by level."""

Style = Literal["PascalCase", "camelCase", "snake_case"]
Path = Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+)*$", description="An attribute; dots lead into maps.")]
TimeFormat = Literal["seconds", "milliseconds", "iso", "absent"]


class ExecutionPlaces(Spec):
    """Where an item holds each field; null if it does not."""

    id: Path = Field(description="The hash key.")
    plan: Path | None = Field(description="The range key; null if the table has none.")
    status: Path
    start: Path | None
    end: Path | None
    type: Path | None
    last_polled: Path | None
    version: Path | None
    total_waves: Path | None
    waves: Path


class WavePlaces(Spec):
    """Where a wave holds each field; null if it does not."""

    number: Path | None
    name: Path | None
    region: Path | None
    account: Path | None
    job: Path
    job_status: Path | None
    status: Path | None
    message: Path | None
    servers: Path | None


class ServerPlaces(Spec):
    """Where a server holds each field. `servers` of a wave may be a list, or a mapping by server id."""

    id: Path | None = Field(description="Null if the servers are a mapping and only its keys are the ids.")
    status: Path | None
    instance: Path | None
    shape: Literal["list", "mapping"] = "list"


class TablePlaces(Spec):
    """The table and its index. `index_range` is the index's range key; null if it has none."""

    name: str = Field("drs-orchestration-execution-history-test", min_length=3)
    index: str = Field("StatusIndex", min_length=3)
    index_range: str | None = None


class FunctionPlaces(Spec):
    """The names of both functions. With `one` name both roles are one function, distinguished by its event."""

    finder: str | None = Field(None, description="By default ExecutionFinder.")
    poller: str | None = Field(None, description="By default ExecutionPoller.")
    one: str | None = Field(None, description="The name of the function that has both roles.")

    @model_validator(mode="after")
    def _one_or_two(self) -> Self:
        if self.one and (self.finder or self.poller):
            raise ValueError("one must be given alone, without finder and poller")
        return self
