"""Where a team's table holds each field, as data."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

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

TableName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{3,255}$")]
"""Of a table or an index (DynamoDB developer guide, naming rules)."""
Style = Literal["PascalCase", "camelCase", "snake_case"]
Path = Annotated[str, Field(pattern=r"^[^.]+(\.[^.]+)*$", description="An attribute; dots lead into maps.")]
TimeFormat = Literal["seconds", "milliseconds", "iso", "absent"]


def all_optional(schema: dict[str, Any]) -> None:
    """Require no field in the JSON Schema: a contract is completed before it is validated."""
    schema.pop("required", None)


class Places(Spec):
    """The attributes of one level; `Contract` gives those that a file leaves out."""

    model_config = ConfigDict(json_schema_extra=all_optional)


class ExecutionPlaces(Places):
    """Where an item holds each field; null if it does not."""

    id: Path = Field(description="The hash key.")
    plan: Path | None = Field(description="The range key; null if the table has none.")
    status: Path = Field(description="The index's hash key.")
    start: Path | None = Field(description="When it started.")
    end: Path | None = Field(description="When it ended.")
    type: Path | None = Field(description="DRILL or RECOVERY, in the team's words.")
    last_polled: Path | None = Field(description="When it was polled last.")
    version: Path | None = Field(description="The number that each write raises.")
    total_waves: Path | None = Field(description="How many waves it is to have.")
    waves: Path = Field(description="The list of its waves.")


class WavePlaces(Places):
    """Where a wave holds each field; null if it does not."""

    number: Path | None = Field(description="Its number, from 1.")
    name: Path | None = Field(description="Its name.")
    region: Path | None = Field(description="The Region of its job.")
    account: Path | None = Field(description="The AWS account of its job.")
    job: Path = Field(description="The id of its DRS job.")
    job_status: Path | None = Field(description="DRS's status of the job, as last seen.")
    status: Path | None = Field(description="Its own status.")
    message: Path | None = Field(description="What its status means, in words.")
    servers: Path | None = Field(description="Its servers.")


class ServerPlaces(Places):
    """Where a server holds each field. `servers` of a wave may be a list, or a mapping by server id."""

    id: Path | None = Field(description="Null if the servers are a mapping and only its keys are the ids.")
    status: Path | None = Field(description="DRS's launch status of the server.")
    instance: Path | None = Field(description="The id of the instance that was launched.")
    shape: Literal["list", "mapping"] = Field("list", description="How a wave holds its servers.")


class TablePlaces(Spec):
    """The table and its index. `index_range` is the index's range key; null if it has none."""

    name: TableName = Field("drs-orchestration-execution-history-test", description="The table's name.")
    index: TableName = Field("StatusIndex", description="The index that the finder queries by status.")
    index_range: str | None = Field(None, description="The index's range key; by default the start.")


class FunctionPlaces(Spec):
    """The names of both functions. With `one` name both roles are one function, distinguished by its event."""

    finder: str | None = Field(None, description="By default ExecutionFinder.")
    poller: str | None = Field(None, description="By default ExecutionPoller.")
    one: str | None = Field(None, description="The function that has both roles; limits.finder holds for both.")

    @model_validator(mode="after")
    def _one_or_two(self) -> Self:
        if self.one and (self.finder or self.poller):
            raise ValueError("one must be given alone, without finder and poller")
        if self.finder is not None and self.finder == self.poller:
            raise ValueError(f"finder and poller must be different, got {self.finder!r} twice: one function is `one`")
        return self
