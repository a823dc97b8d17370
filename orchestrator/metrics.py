"""Names and units of the metrics that the poller publishes. The template's alarms and dashboard use them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from .model import MetricPoint, Unit


class MetricName(StrEnum):
    """One metric of the poller's namespace; it has no dimensions."""

    WAVES_POLLED = "WavesPolled"
    POLLING_DURATION = "PollingDuration"
    POLL_ERRORS = "PollErrors"
    ACTIVE_EXECUTIONS = "ActivePollingExecutions"
    OLDEST_AGE = "OldestExecutionAge"


# An alarm with a unit ignores values in another.
UNITS: Final[Mapping[MetricName, Unit]] = {
    **dict.fromkeys(MetricName, Unit.COUNT),
    MetricName.POLLING_DURATION: Unit.MILLISECONDS,
    MetricName.OLDEST_AGE: Unit.SECONDS,
}


def point(name: MetricName, value: float) -> MetricPoint:
    """Return one value of a metric, in its unit."""
    return MetricPoint(name.value, value, UNITS[name])
