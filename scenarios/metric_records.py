"""CloudWatch as parts of `result.json`: metrics minute by minute, alarms with their states, and the dashboard."""

from typing import Annotated, Final, NamedTuple

from pydantic import Field, FiniteFloat

from drsim.scenarios.record import Record
from drsim.simulator.figures.table import Basis

_LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999, after which Python has no dates."""
_PERIOD_MINUTES_MAX: Final = 7 * 24 * 60
"""CloudWatch evaluates at most a week."""


class Minute(NamedTuple):
    """One metric in one minute; `at` is its first second, in seconds since the Unix epoch."""

    at: Annotated[int, Field(ge=0, le=_LAST_SECOND)]
    samples: int
    sum: FiniteFloat
    min: FiniteFloat
    max: FiniteFloat
    p50: FiniteFloat
    p99: FiniteFloat


class MetricRecord(Record):
    """One CloudWatch metric with the minutes in which it got values. Dimensions are name, value, name, value."""

    namespace: str
    name: str
    dimensions: tuple[str, ...]
    unit: str
    basis: Basis
    minutes: tuple[Minute, ...]


class AlarmChange(Record):
    """The state of an alarm from an instant on: INSUFFICIENT_DATA, OK or ALARM."""

    at: str
    state: str
    reason: str
    value: float | None = Field(None, description="The statistic that decided; null without data.")


class AlarmRecord(Record):
    """One deployed alarm and its states. `condition` is for people: Errors, Sum over 5 min > 5."""

    name: str
    logical_name: str = Field("", description="In the template and in scenarios; empty in versions 1 and 2.")
    description: str
    condition: str
    metric: int | None = Field(description="The index of its metric in `cloudwatch`; null if that has no value.")
    statistic: str
    period_minutes: int = Field(ge=1, le=_PERIOD_MINUTES_MAX)
    threshold: float
    changes: tuple[AlarmChange, ...]


class WidgetLine(Record):
    """One line of a widget: the index of its metric in `cloudwatch` (None if it has no value), and its statistic."""

    label: str
    metric: int | None
    statistic: str
    right: bool = Field(description="Whether its axis is the right one.")


class Widget(Record):
    """One widget of the deployed dashboard; `marks` are its horizontal annotations."""

    title: str
    lines: tuple[WidgetLine, ...]
    marks: tuple[tuple[str, float], ...]
