"""The events of a world: properties and statistics see only these and the truth.

Services emit them, not the code under test, so that any team's code is judged alike. `at_us` is virtual time, and
`request_id` that of the Lambda invocation that caused the event, or "". `record` converts an event for its line in the
trace if that needs other fields, and `parse` is the inverse.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote

from drsim.orchestrator.model import MetricPoint
from drsim.simulator.contract.layout import Attributes
from drsim.simulator.reader import ExecutionView

FINDER: Final = "ExecutionFinder"
POLLER: Final = "ExecutionPoller"
"""The names of the two functions, as Phase 2 deployed them."""

UNWRITTEN: Final = ("word", "place", "by_runtime", "holds_up", "batch")
"""Fields of events that no line of a trace has.

They are the status that a query asks for, the line of the handler's file, whether Lambda's runtime logged a line, and
what else only properties need.
"""

# In a record spaces and colons separate the parts of a text.
_UNQUOTED: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "%:")
_PLAIN: Final = re.compile(r"[\w-]*", re.ASCII).fullmatch


class TickFired(NamedTuple):
    """The EventBridge rule fired."""

    at_us: int
    number: int


class Invoked(NamedTuple):
    """Lambda accepted an invocation, into its queue unless its caller waits.

    `by` is the caller's request, and `place` the line of its handler's file; both are "" for a service. A payload that
    names several executions has them in `batch`, and `execution_id` is "".
    """

    at_us: int
    request_id: str
    by: str
    function: str
    execution_id: str
    place: str = ""
    batch: tuple[str, ...] = ()


class Throttled(NamedTuple):
    """An invocation found no free concurrency: it returned to the queue, or was refused if its caller waits."""

    at_us: int
    function: str
    execution_id: str


class Dropped(NamedTuple):
    """Lambda dropped a queued invocation, which was too old or had no retries left."""

    at_us: int
    function: str
    execution_id: str
    reason: str


class LambdaStarted(NamedTuple):
    """A handler began. `init_us` is 0 in a warm environment; `attempt` counts from 1."""

    at_us: int
    request_id: str
    function: str
    execution_id: str
    environment: int
    attempt: int
    init_us: int
    concurrency: int


class LambdaEnded(NamedTuple):
    """A handler ended. `outcome` is ok, error, timeout or crash.

    `detail` is its error, or the `statusCode` that it returned if that reports one. `place` is the line that raised.
    """

    at_us: int
    request_id: str
    function: str
    execution_id: str
    outcome: str
    duration_us: int
    memory_mb: int
    detail: str
    place: str = ""


class CallMade(NamedTuple):
    """One AWS call returned to its function. `error` and `fault` (if injected) are "" for none, `cold` is 1 or 0.

    `place` is the line of the handler's file and the operation, "" for others.
    """

    at_us: int
    request_id: str
    function: str
    operation: str
    duration_us: int
    cold: int
    error: str
    fault: str
    place: str = ""


class ActionUsed(NamedTuple):
    """A function used an IAM action on a resource (an ARN, or "*") for the first time; tiers of handlers emit it.

    `condition` is the context for conditions of policies, as KEY=VALUE, or "".
    """

    at_us: int
    request_id: str
    function: str
    action: str
    resource: str
    condition: str = ""


class IndexRead(NamedTuple):
    """One page of open executions was read. `first_page` and `last_page` are 1 or 0.

    `word` is the status that the query asks for, "" for a scan, and `place` the line of the handler's file.
    """

    at_us: int
    request_id: str
    first_page: int
    last_page: int
    items_count: int
    size_bytes: int
    word: str = ""
    place: str = ""


class JobsDescribed(NamedTuple):
    """One page of DescribeJobs was answered: the job ids asked for, and those on this page. `first_page` is 1 or 0.

    `incomplete` has the jobs on this page without some of their servers. `place` is the line of the handler's file.
    """

    at_us: int
    request_id: str
    execution_id: str
    account_id: str
    region: str
    asked: tuple[str, ...]
    found: tuple[str, ...]
    incomplete: tuple[str, ...]
    first_page: int
    place: str = ""

    def record(self) -> tuple[int | str, ...]:
        return (*self[:5], " ".join(self.asked), " ".join(self.found), " ".join(self.incomplete), self.first_page)


class JobStarted(NamedTuple):
    """DRS accepted StartRecovery and drew the job's life: the truth with which tables are compared.

    The job is STARTED from `started_us` on, and its last launch action ends at `settled_us`. `lives` has for each
    server the start of IN_PROGRESS, the end, whether it launches, and the number of launch actions that fail, which
    does not matter to a drill. An instant that never comes is later than any run.
    """

    at_us: int
    account_id: str
    region: str
    job_id: str
    servers: int
    started_us: int
    settled_us: int
    lives: tuple[tuple[int, int, bool, int], ...]

    def record(self) -> tuple[int | str, ...]:
        # A server's life is 813:1100:LAUNCHED:0.
        lives = [f"{life[0]}:{life[1]}:{'LAUNCHED' if life[2] else 'FAILED'}:{life[3]}" for life in self.lives]
        return (*self[:7], " ".join(lives))

    @classmethod
    def parse(cls, *record: Any) -> Self:
        *columns, text = record
        lives = [life.split(":") for life in text.split()]
        read = tuple((int(begin), int(end), how == "LAUNCHED", int(failed)) for begin, end, how, failed in lives)
        return cls._make([*columns, read])


class StartRefused(NamedTuple):
    """DRS refused StartRecovery; `code` is the error's."""

    at_us: int
    account_id: str
    region: str
    code: str


class WriteRefused(NamedTuple):
    """A conditional write found its condition false. `place` is the line of the handler's file, "" for others."""

    at_us: int
    request_id: str
    writer: str
    execution_id: str
    place: str = ""


class ItemChanged(NamedTuple):
    """An item was written. `before` is None for a new item, `after` is None for a deleted one, whose size is 0.

    `previous` and `execution` are their views. `place` is the line of the handler's file that wrote, "" for others.
    """

    at_us: int
    request_id: str
    writer: str
    execution_id: str
    before: Attributes | None
    after: Attributes | None
    previous: ExecutionView | None
    execution: ExecutionView | None
    size_bytes: int
    place: str = ""

    def record(self) -> tuple[int | str, ...]:
        now = self.execution
        if now is None or now.unreadable:
            return (*self[:4], "DELETED" if now is None else "MALFORMED", 0, "", self.size_bytes)
        waves = " ".join(
            f"{wave.number}:{wave.status}:{_quoted(wave.job_id or '-')}:{wave.job_status or '-'}:"
            + ",".join([str(server.status) for server in wave.servers])
            for wave in now.waves
        )
        return (*self[:4], str(now.status), now.version or 0, waves, self.size_bytes)


class MetricsPublished(NamedTuple):
    """PutMetricData was accepted."""

    at_us: int
    request_id: str
    function: str
    execution_id: str
    points: tuple[MetricPoint, ...]

    def record(self) -> tuple[int | str, ...]:
        # Values are in thousandths.
        points = " ".join([f"{point.name}={round(point.value * 1000)}" for point in self.points])
        return (self.at_us, self.request_id, self.function, self.execution_id, points)


class Announced(NamedTuple):
    """A message about an execution's end was accepted: an event, a notification, or a callback.

    `channel` names the operation and where it sends, and `text_status` is the team's own status in the message.
    `place` is the line of the handler's file.
    """

    at_us: int
    request_id: str
    function: str
    execution_id: str
    channel: str
    text_status: str
    place: str = ""


class LogWritten(NamedTuple):
    """One log line reached CloudWatch Logs. `execution_id` is the line's own field, "" if it has none.

    In an exploration `size_bytes` leaves the text out. `by_runtime`: Lambda's runtime wrote it of an error.
    """

    at_us: int
    request_id: str
    function: str
    level: str
    execution_id: str
    message: str
    size_bytes: int
    by_runtime: bool = False


class FaultInjected(NamedTuple):
    """A fault rule (its number in the scenario) acted at the `nth` call of an operation in one run of a function.

    `delay_us` is the delay that it caused. `function`, `execution_id` and `request_id` are "" if it concerns none.
    `holds_up` is 0 if no poll depends on the call, such as a query for executions that have ended.
    """

    at_us: int
    rule: int
    fault: str
    operation: str
    function: str
    execution_id: str
    run: int
    nth: int
    delay_us: int
    request_id: str
    holds_up: int = 1


class RunEnded(NamedTuple):
    """The last event of every run."""

    at_us: int


def _changes_outcome(event: ItemChanged) -> bool:
    """Whether a write changed the status or a wave; unchanged waves are the same tuple."""
    before, now = event.previous, event.execution
    return before is None or now is None or before.status is not now.status or before.waves is not now.waves


_ALL_OF: Final = (TickFired, JobStarted, StartRefused, Throttled, Dropped, WriteRefused, FaultInjected, RunEnded)
SUMMARY: Final[Mapping[type[Any], Callable[[Any], bool]]] = {
    ItemChanged: _changes_outcome,
    LambdaEnded: lambda event: event.outcome != "ok",
    **{event_type: lambda _: True for event_type in _ALL_OF},
}
"""The events of each type that show the fate of executions, without polls that changed nothing."""


def _quoted(job_id: str) -> str:
    # DRS's own ids need no quoting, and checking that is ten times as fast.
    return job_id if _PLAIN(job_id) else quote(job_id, safe=_UNQUOTED, errors="replace")
