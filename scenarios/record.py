"""What went wrong in a run, as parts of `result.json`: violations, findings, errors, and what wider bounds let pass."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from drsim.simulator.figures.table import parts_named

ConsequenceName = Literal["another run", "wrong end", "lost data", "no end", "unasked timeout", "lateness", "promise"]


_FIGURE_MAX: Final = 1e15
Figure = Annotated[float, Field(ge=-_FIGURE_MAX, le=_FIGURE_MAX)]
"""A number that reports can draw and convert to other units; whole ones are exact."""


class Record(BaseModel):
    """Base of all parts of a result: immutable, and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ViolationRecord(Record):
    """One violation of a property. `execution_id` is "" if it concerns no single execution."""

    execution_id: str
    at: str
    expected: str
    observed: str
    place: str = Field("", description="The line of the handler's file that made the call, if a call shows it.")


class FindingRecord(Record):
    """The violations of a property that have the same meaning: `count` of them, in `executions` executions."""

    property: str
    kind: str
    consequence: ConsequenceName
    meaning: str = Field(description="What it means to an operator, in one line.")
    function: str
    where: str = Field(description="The attribute or operation.")
    place: str = Field(description="The line of the handler's file, at the first case.")
    count: int
    executions: int
    at_least: bool = Field(False, description="Whether there may be more executions, which were not counted.")
    cases: tuple[ViolationRecord, ...]
    followers: tuple["FindingRecord", ...] = Field((), description="Findings on the same executions that follow.")


class DegradedRecord(Record):
    """One bound that is wider than usual, and what only that let pass: `count` of `checked` cases."""

    property: str
    bound: str = Field(description="The field of the scenario's `bounds`.")
    unit: str = Field(description="Of `usual`, `granted` and `worst`; empty for a ratio.")
    usual: float
    granted: float
    worst: float | None = Field(description="The largest value observed; null if it is not known.")
    count: int
    checked: int
    executions: int
    at_least: bool = Field(False, description="Whether there may be more executions, which were not counted.")
    first: ViolationRecord = Field(description="The first case, judged by the usual bound.")


def _all_parts(parts: dict[str, float]) -> dict[str, float]:
    parts_named(parts)
    return parts


def _all_parts_or_none(parts: dict[str, float]) -> dict[str, float]:
    return _all_parts(parts) if parts else parts


class RecoveryTimes(Record):
    """Times in seconds, summarised; quantiles are nearest-rank, and within 0.1 % if there are very many values."""

    count: int
    min: float
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


class RecoveryRecord(Record):
    """One recovery. Its parts, in the order of time, add up to `seconds`."""

    execution_id: str
    status: str = Field(description="As recorded at its end; POLLING if it was still open when the run ended.")
    seconds: float = Field(description="From the execution's StartTime to the recorded end, or to the run's.")
    parts: Annotated[dict[str, float], AfterValidator(_all_parts)]


class ObjectiveRecord(Record):
    """What was achieved against a recovery time objective, by executions or by one wave of theirs.

    Times count from an execution's StartTime until COMPLETED, PARTIAL or TIMEOUT is recorded, for a wave as well. They
    include executions that are past their objective and still open when the run ends.
    """

    wave: str = Field(description="The wave's name; empty for whole executions.")
    objective: float | None = Field(description="Seconds; null if none is set.")
    missed: int = Field(description="How many took longer, timed out, or were still open past the objective.")
    still_open: int = Field(0, description="How many of the times count to the end of the run, past the objective.")
    unrecovered: dict[str, int] = Field(
        {}, description="Those without a recovery time, by what became of them: FAILED, ended by hand, deleted."
    )
    times: RecoveryTimes | None = Field(description="Null if none recovered.")
    own: RecoveryTimes | None = Field(None, description="Of a wave: from the start of its own job.")
    rpo: RecoveryTimes | None = Field(
        None,
        description="The recovery point: how old the oldest data of a recovery was when its job was started; null if "
        "it is not known.",
    )
    parts: Annotated[dict[str, float], AfterValidator(_all_parts_or_none)] = Field(
        {}, description="What the times consisted of: means, which add up to their mean."
    )
    slowest: tuple[RecoveryRecord, ...] = Field((), description="The slowest first.")
    first_missed: tuple[RecoveryRecord, ...] = Field((), description="The first ones that missed it, by their end.")


class ObjectiveTotals(Record):
    """What a range of seeds achieved of one recovery time objective: seeds and recoveries that missed it, of how many.

    `worst_s` is the largest p95 of a seed, in seconds, and `worst_seed` the first seed that has it.
    """

    objective_s: float
    seeds: int
    seeds_missed: int
    recoveries: int
    missed: int
    worst_s: float
    worst_seed: int

    def plus(self, other: "ObjectiveTotals") -> "ObjectiveTotals":
        worst = min((self, other), key=lambda each: (-each.worst_s, each.worst_seed))
        return ObjectiveTotals(
            objective_s=self.objective_s,
            seeds=self.seeds + other.seeds,
            seeds_missed=self.seeds_missed + other.seeds_missed,
            recoveries=self.recoveries + other.recoveries,
            missed=self.missed + other.missed,
            worst_s=worst.worst_s,
            worst_seed=worst.worst_seed,
        )


class RecoveryPlanStepRecord(Record):
    """A step of an execution of a recovery plan at the end of the run; a wait step has no servers."""

    name: str
    wait_s: int = Field(description="Seconds of a wait step; 0 for a server step.")
    critical: int = Field(description="Servers whose failure makes the step FAILED.")
    optional: int = Field(description="Servers whose failure leaves the step COMPLETED.")
    launched: int = Field(description="Servers that launched, in any attempt.")
    status: str
    attempts: int = Field(description="0 if it never began.")
    began_at: str | None = Field(description="Of the last attempt.")
    ended_at: str | None
    jobs: tuple[str, ...] = Field(description="One for each attempt that DRS started.")
    error: str = Field(description="The message of its errorDetail.")


class RecoveryPlanRecord(Record):
    """An execution of a recovery plan of DRS at the end of the run."""

    execution_id: str
    status: str = Field(description="DRS's status, which OPTIONAL servers and skipped steps do not affect.")
    in_table: str = Field(description="The status in the table, which the servers decide; empty without an item.")
    started_at: str
    ended_at: str | None
    error: str = Field(description="The message of its errorDetail.")
    steps: tuple[RecoveryPlanStepRecord, ...]


class FailedCalls(Record):
    """Calls of one operation by one function that failed with one error."""

    function: str
    operation: str
    error: str
    count: int
    injected: int = Field(description="How many of them a fault made fail.")
    swallowed: int = Field(description="Invocations that returned normally although this was their last answer.")


class ReturnedStatuses(Record):
    """Invocations that returned normally with a status of 400 or more."""

    function: str
    status: str
    count: int


class ExceptionRecord(Record):
    """One kind of exception or timeout of a function. `message` is that of the first one."""

    function: str
    message: str
    count: int
    injected: int = Field(0, description="How many of them in invocations in which a fault was injected.")
    logged: bool = Field(description="Whether the function caught and logged it; otherwise it ended the invocation.")
    traceback: str = Field("", description="Of the first one, if it was logged.")
    place: str = Field("", description="The line of the handler's file that raised the first one, if it is known.")
    execution_id: str = Field("", description="Of the first one.")


class ErrorsMet(Record):
    """The errors that functions met, whether or not they passed them on."""

    calls: tuple[FailedCalls, ...] = ()
    statuses: tuple[ReturnedStatuses, ...] = ()
    exceptions: tuple[ExceptionRecord, ...] = ()
