"""A CloudWatch metric's minutes as CloudWatch shows them: one value a minute, by the statistic that was asked for."""

from collections.abc import Callable, Mapping
from typing import Final

from drsim.scenarios.result import Minute

STATISTICS: Final[Mapping[str, Callable[[Minute], float]]] = {
    "Sum": lambda minute: minute.sum,
    "Maximum": lambda minute: minute.max,
    "Minimum": lambda minute: minute.min,
    "Average": lambda minute: minute.sum / minute.samples,
    "SampleCount": lambda minute: minute.samples,
    "p50": lambda minute: minute.p50,
    "p99": lambda minute: minute.p99,
}
"""How each statistic follows from the values of one minute."""
