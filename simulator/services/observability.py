"""CloudWatch's PutMetricData and Logs, as far as reports and properties need them."""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from drsim.orchestrator.model import MetricPoint
from drsim.simulator.events import LambdaEnded, LambdaStarted, LogWritten, MetricsPublished
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation
from drsim.simulator.trace import Trace

_EVENT_OVERHEAD_BYTES: Final = 26
"""PutLogEvents counts 26 bytes for each event besides its text (API reference, 2026-11)."""

# As in Powertools: a value that JSON does not support becomes text, so that no line is lost.
_encode = json.JSONEncoder(default=str).encode

_RECORD_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class MetricsService:
    """CloudWatch's PutMetricData, one namespace."""

    def __init__(self, kernel: Kernel, trace: Trace) -> None:
        self._kernel = kernel
        self._trace = trace

    def put(self, points: Sequence[MetricPoint], invocation: Invocation) -> None:
        """Publish points at the present instant. Raises ServiceError: InvalidParameterValue for NaN."""
        now_us = self._kernel.now_us
        for point in points:
            if not isfinite(point.value):
                raise ServiceError("InvalidParameterValue", f"{point.name} must be a finite number, got {point.value}")
        self._trace.emit(
            MetricsPublished(now_us, invocation.request_id, invocation.function, invocation.execution_id, tuple(points))
        )


@dataclass(slots=True)
class LogVolume:
    """How much one function logged, and the fields of its structured lines."""

    lines: int = 0
    platform_lines: int = 0
    size_bytes: int = 0
    fields: set[str] = field(default_factory=set)
    levels: dict[str, int] = field(default_factory=dict)


class LogsService(logging.Handler):
    """CloudWatch Logs. A handler of Python's logging, which turns records into JSON lines."""

    def __init__(self, kernel: Kernel, trace: Trace, *, epoch_us: int, measured: bool = True) -> None:
        """`measured` is False where the volume of logs is not read, as in exploration; it is then not counted."""
        super().__init__()
        self._kernel = kernel
        self._trace = trace
        self._epoch_us = epoch_us
        self._measured = measured
        self.groups: dict[str, LogVolume] = {}
        if measured:
            trace.listen(LambdaStarted, self._on_start)
            trace.listen(LambdaEnded, self._on_end)

    def handle(self, record: logging.LogRecord) -> bool:
        """Handle a record without filters and lock: nothing here runs concurrently."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of the running invocation; a record from outside any invocation is ignored."""
        process = self._kernel.current
        invocation = None if process is None else process.tag
        if not isinstance(invocation, Invocation):
            return
        message, attributes = record.getMessage(), record.__dict__
        execution_id = str(attributes.get("execution_id", ""))
        if not self._measured:
            self.write(invocation, record.levelname, execution_id, message, 0, ())
            return
        extra = {name: value for name, value in attributes.items() if name not in _RECORD_ATTRIBUTES}
        line = {
            "level": record.levelname,
            # A deployed bundle contains only this package, under its own name.
            "location": record.name.removeprefix("drsim."),
            "message": message,
            "timestamp": self._epoch_us + self._kernel.now_us,
            "function_name": invocation.function,
            "function_request_id": invocation.request_id,
            "cold_start": invocation.cold,
            **extra,
        }
        self.write(invocation, record.levelname, execution_id, message, len(_encode(line)), line)

    def write(
        self,
        invocation: Invocation,
        level: str,
        execution_id: str,
        message: str,
        length_bytes: int,
        fields: Iterable[str],
    ) -> None:
        """Write one line of an invocation, with its length and fields."""
        size_bytes = length_bytes + _EVENT_OVERHEAD_BYTES
        if self._measured:
            group = self._group(invocation.function)
            group.lines += 1
            group.size_bytes += size_bytes
            group.fields.update(fields)
            group.levels[level] = group.levels.get(level, 0) + 1
        now_us, request_id = self._kernel.now_us, invocation.request_id
        line = LogWritten(now_us, request_id, invocation.function, level, execution_id, message, size_bytes)
        self._trace.emit(line)

    def _on_start(self, event: LambdaStarted) -> None:
        self._platform(event.function, f"START RequestId: {event.request_id} Version: $LATEST")

    def _on_end(self, event: LambdaEnded) -> None:
        milliseconds = event.duration_us / 1000
        self._platform(
            event.function,
            f"END RequestId: {event.request_id}",
            f"REPORT RequestId: {event.request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {-(-event.duration_us // 1000)} ms\tMax Memory Used: {event.memory_mb} MB\t",
        )

    def _platform(self, function: str, *lines: str) -> None:
        group = self._group(function)
        for line in lines:
            group.platform_lines += 1
            group.size_bytes += len(line) + _EVENT_OVERHEAD_BYTES

    def _group(self, function: str) -> LogVolume:
        group = self.groups.get(function)
        if group is None:
            group = self.groups[function] = LogVolume()
        return group
