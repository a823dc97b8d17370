"""CloudWatch: PutMetricData and Logs, as far as reports and properties need them."""

import json
import logging
from collections import Counter, defaultdict
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

# PutLogEvents counts 26 bytes for each event besides its text (API reference, 2026-11).
_EVENT_OVERHEAD_BYTES: Final = 26

# As in Powertools, a value that JSON does not support becomes text, so that no line is lost.
_encode = json.JSONEncoder(default=str).encode

_RECORD_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class MetricsService:
    def __init__(self, kernel: Kernel, trace: Trace) -> None:
        self._kernel = kernel
        self._trace = trace

    def put(self, points: Sequence[MetricPoint], invocation: Invocation) -> None:
        """Publish points at the present instant. Raises ServiceError: InvalidParameterValue for NaN."""
        for point in points:
            if not isfinite(point.value):
                raise ServiceError("InvalidParameterValue", f"{point.name} must be a finite number, got {point.value}")
        ids = (invocation.request_id, invocation.function, invocation.execution_id)
        self._trace.emit(MetricsPublished(self._kernel.now_us, *ids, tuple(points)))


@dataclass(slots=True)
class LogVolume:
    lines: int = 0
    platform_lines: int = 0
    size_bytes: int = 0
    fields: set[str] = field(default_factory=set)
    levels: Counter[str] = field(default_factory=Counter)


class LogsService(logging.Handler):
    """CloudWatch Logs. A handler of Python's logging, which turns records into JSON lines."""

    def __init__(self, kernel: Kernel, trace: Trace, *, epoch_us: int, measured: bool = True) -> None:
        """Without `measured`, as in exploration, the volume of logs is not counted."""
        super().__init__()
        self._kernel = kernel
        self._trace = trace
        self._epoch_us = epoch_us
        self._measured = measured
        self.groups: defaultdict[str, LogVolume] = defaultdict(LogVolume)
        if measured:
            trace.listen(LambdaStarted, self._on_start)
            trace.listen(LambdaEnded, self._on_end)

    def handle(self, record: logging.LogRecord) -> bool:
        """Handle a record without filters or a lock: nothing runs concurrently."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of the running invocation; ignore a record from outside any invocation."""
        process = self._kernel.current
        invocation = None if process is None else process.tag
        if not isinstance(invocation, Invocation):
            return
        message, attributes = record.getMessage(), record.__dict__
        execution_id = str(attributes.get("execution_id", ""))
        if not self._measured:
            self.write(invocation, record.levelname, execution_id, message, 0, ())
            return
        line = {
            "level": record.levelname,
            # A deployed bundle contains only production, under its own name.
            "location": record.name.removeprefix("drsim."),
            "message": message,
            "timestamp": self._epoch_us + self._kernel.now_us,
            "function_name": invocation.function,
            "function_request_id": invocation.request_id,
            "cold_start": invocation.cold,
            **{name: value for name, value in attributes.items() if name not in _RECORD_ATTRIBUTES},
        }
        self.write(invocation, record.levelname, execution_id, message, len(_encode(line)), line)

    def write(
        self, invocation: Invocation, level: str, execution_id: str, text: str, size_bytes: int, fields: Iterable[str]
    ) -> None:
        size_bytes += _EVENT_OVERHEAD_BYTES
        if self._measured:
            group = self.groups[invocation.function]
            group.lines += 1
            group.size_bytes += size_bytes
            group.fields.update(fields)
            group.levels[level] += 1
        ids = (invocation.request_id, invocation.function, level, execution_id)
        self._trace.emit(LogWritten(self._kernel.now_us, *ids, text, size_bytes))

    def raised(self, invocation: Invocation, traceback: str) -> None:
        """Write the line of Lambda's runtime on an error that a handler raised."""
        text = f"[ERROR] {traceback}"
        if self._measured:
            self._platform(invocation.function, text)
        ids = (invocation.request_id, invocation.function, "ERROR", invocation.execution_id)
        size_bytes = len(text.encode(errors="backslashreplace")) + _EVENT_OVERHEAD_BYTES
        self._trace.emit(LogWritten(self._kernel.now_us, *ids, text, size_bytes, by_runtime=True))

    def _on_start(self, event: LambdaStarted) -> None:
        self._platform(event.function, f"START RequestId: {event.request_id} Version: $LATEST")

    def _on_end(self, event: LambdaEnded) -> None:
        self._platform(
            event.function,
            f"END RequestId: {event.request_id}",
            f"REPORT RequestId: {event.request_id}\tDuration: {event.duration_us / 1000:.2f} ms\t"
            f"Billed Duration: {-(-event.duration_us // 1000)} ms\tMax Memory Used: {event.memory_mb} MB\t",
        )

    def _platform(self, function: str, *lines: str) -> None:
        group = self.groups[function]
        for line in lines:
            group.platform_lines += 1
            group.size_bytes += len(line.encode(errors="backslashreplace")) + _EVENT_OVERHEAD_BYTES
