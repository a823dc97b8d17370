"""What went wrong in a run, as parts of `result.json`: violations, findings, errors, and what wider bounds let pass."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ConsequenceName = Literal["another run", "wrong end", "lost data", "no end", "unasked timeout", "lateness", "promise"]


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
