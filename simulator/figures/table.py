"""The table of figures: each distribution and each count of a run, with its name, title, unit and basis.

Statistics count by figure; results, reports, charts and comparisons show its entry beside the value of Phase 2's
report. Names are those of `result.json`. The table has no value of any run.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

from drsim.simulator.events import FINDER, POLLER

Basis = Literal["modelled", "observed", "measured"]
"""Whether a figure comes from a latency model, happened in virtual time, or was measured on this host."""


# Compared by identity, since figures are keys wherever a call of a function is counted.
@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One figure: a distribution, or a count if it has no unit. A `{}` in the name of a family stands for a subject.

    `phase_2` is the value in the report of the Phase 2 test, `phase_2_max` its largest number, in `unit`, and
    `phase_2_min` its smallest where the report gives a range.
    `section` is the section of the page that has a chart of the distribution alone, "" for none.
    """

    name: str
    title: str
    unit: str = ""
    basis: Basis = "observed"
    phase_2: str = "-"
    phase_2_max: float | None = None
    phase_2_min: float | None = None
    section: str = ""

    # Called for each call of a function. Few figures exist, and all live as long as the process.
    @cache  # noqa: B019
    def of(self, *subjects: str) -> "Figure":
        """Return the figure of a family for these subjects, such as a function and an operation."""
        name = self.name.format(*subjects)
        return FIGURES.get(name) or replace(self, name=name, title=self.title.format(*subjects))


FIGURES: Final[dict[str, Figure]] = {}
"""Every figure by its name, save those of families that have no entry of their own."""


def _observed(name: str, title: str, phase_2: str = "-", unit: str = "ms", section: str = "") -> Figure:
    """Enter a distribution that the schedule and the lives of DRS jobs decide."""
    return FIGURES.setdefault(name, Figure(name, title, unit, phase_2=phase_2, section=section))


def _modelled(
    name: str, title: str, phase_2: str = "-", phase_2_max: float | None = None, phase_2_min: float | None = None
) -> Figure:
    """Enter a distribution of durations that latency models decide."""
    figure = Figure(name, title, "ms", "modelled", phase_2, phase_2_max, phase_2_min)
    return FIGURES.setdefault(name, figure)


def _count(name: str, title: str, phase_2: str = "-", basis: Basis = "observed") -> Figure:
    return FIGURES.setdefault(name, Figure(name, title, basis=basis, phase_2=phase_2))


TICK_INTERVAL: Final = _observed("tick_interval", "Interval", "60.0 s")
POLL_GAP: Final = Figure("poll_gap.{}", "Gap between two polls, {}", "ms")
STALENESS: Final = _observed(
    "staleness", "Staleness: a change in DRS until the table shows it", "never seen", section="integration"
)
COMPLETION_DELAY: Final = _observed(
    "completion_delay", "Last job's end until the execution is terminal", "never seen", section="integration"
)
TIMEOUT_DELAY: Final = _observed("timeout_delay", "30 minutes passed until TIMEOUT", "never seen")
EXECUTION_TIME: Final = _observed("execution_time", "Start of an execution until it is terminal", section="integration")
RECOVERY: Final = _observed("recovery", "Healing until an overdue execution is terminal")
WAVES_PER_UPDATE: Final = _observed("waves_per_update", "Waves per update", "3", unit="waves")

POLL_DELAY: Final = _modelled("poll_delay", "Look until the poll is recorded")
INVOKES_OF_A_LOOK: Final = _modelled("invokes_of_a_look", "Async invocations of one look", "340-388 ms for 3", 388, 340)

INIT: Final = Figure("{}.init", "Init of {}", "ms", "modelled")
COLD: Final = Figure("{}.cold", "{}, cold", "ms", "modelled")
WARM: Final = Figure("{}.warm", "{}, warm", "ms", "modelled")
COLD_IDLE: Final = Figure("{}.cold_idle", "{}, cold and without work", "ms", "modelled")
WARM_IDLE: Final = Figure("{}.warm_idle", "{}, warm and without work", "ms", "modelled")
"""Durations of functions and of calls. Without work is a finder that invokes nothing."""

_observed("poll_gap.PENDING", "Gap between two polls, PENDING", "~60 s")
_observed("poll_gap.STARTED", "Gap between two polls, STARTED", "~60 s")
_observed("poll_gap.IN_PROGRESS", "Gap between two polls, IN_PROGRESS")
_modelled(f"{FINDER}.cold_idle", "Cold start, before any invocation", "37.28 ms", 37.28)
_modelled(f"{FINDER}.cold", "Cold start, with invocations")
_modelled(f"{FINDER}.init", "Init")
_modelled(f"{FINDER}.warm_idle", "Warm, nothing to invoke", "6-24 ms", 24, 6)
_modelled(f"{FINDER}.warm", "Warm, with invocations")
_modelled(f"{POLLER}.cold", "Cold start", "347 ms", 347)
_modelled(f"{POLLER}.init", "Init", "538 ms", 538)
_modelled(f"{POLLER}.warm", "Warm", "48-175 ms", 175, 48)
_modelled("Query.cold", "DynamoDB query, cold", "14-21 ms", 21, 14)
_modelled("Query.warm", "DynamoDB query, warm", "5-10 ms", 10, 5)
_modelled("UpdateItem.cold", "Update latency, cold", "60-106 ms", 106, 60)
_modelled("UpdateItem.warm", "Update latency, warm", "40-90 ms", 90, 40)
_OTHER_CALLS: Final = ("GetItem", "Invoke", "DescribeJobs", "PutMetricData")
FIGURES.update({each.name: each for each in (kind.of(call) for call in _OTHER_CALLS for kind in (COLD, WARM))})

EXECUTIONS_STARTED: Final = _count("executions_started", "Executions started")
EXECUTIONS_FOUND: Final = _count("executions_found", "POLLING executions found, over all looks", "58, by its table")
ACTIVE_MAX: Final = _count("active_executions_max", "Executions in POLLING at once", "estimated 100+ executions")
ENDED_OVERDUE: Final = _count("ended_overdue", "Executions that ended with DRS's truth after their timeout")
LOOKS: Final = _count("looks", "Looks at StatusIndex", "30 queries")
LOOKS_EMPTY: Final = _count("looks_empty", "Looks that found no execution")
INDEX_PAGES: Final = _count("index_pages", "Pages of StatusIndex read")
POLLERS_INVOKED: Final = _count("pollers_invoked", "ExecutionPollers invoked", "58, by its table")
POLLS: Final = Figure("polls.{}", "Polls that found the phase {}")
POLLS_RECORDED: Final = _count("polls_recorded", "Updates written")
WORKER_WRITES: Final = _count("worker_writes", "Writes of other writers meanwhile")
WRITES_REFUSED: Final = _count("writes_refused", "Lost races")
WAVES_WITHOUT_JOB_ID: Final = _count("waves_without_job_id", "Waves without a JobId, each time a poll met one")
WAVES_WITH_UNKNOWN_JOB: Final = _count("waves_with_unknown_job", "Waves whose job DRS did not know, likewise")
JOBS_STARTED: Final = _count("jobs_started", "DRS jobs started")
STARTS_REFUSED: Final = _count("starts_refused", "Starts of DRS jobs refused")
POLLING_WRITE_UNITS_MAX: Final = _count("polling_write_units_max", "Write units of the busiest second of POLLING")

INVOCATIONS: Final = Figure("{}.invocations", "{} invocations")
OUTCOMES: Final = Figure("{}.{}", "{} invocations that ended as {}")
COLD_STARTS: Final = Figure("{}.cold_starts", "Cold starts of {}")
CONCURRENT_MAX: Final = Figure("{}.concurrent_max", "Handlers of {} running at once")
INVOCATIONS_MAX: Final = _count("concurrent_invocations_max", "Invocations of both functions at once")
WARNINGS: Final = Figure("{}.warnings", "Warnings that {} logged")
CALLS: Final = Figure("{}.{}", "Calls of {}: {}")
ERRORS: Final = Figure("{}.{}.{}", "Calls of {}: {} that failed with {}")
THROTTLES: Final = _count("lambda_throttles", "Throttled invocations")
EVENTS_DROPPED: Final = _count("lambda_events_dropped", "Asynchronous events dropped")

FAULTS_INJECTED: Final = _count("faults_injected", "Faults injected")
CALLS_FAILED_BY_FAULTS: Final = Figure("calls_failed_by_faults.{}", "Calls of {} that injected faults failed")
FAILED_BY_FAULTS: Final = _count("runs_failed_by_faults", "Invocations that injected faults failed")

KERNEL_EVENTS: Final = _count("kernel_events", "Events of the simulation's kernel", basis="measured")
TRACE_EVENTS: Final = _count("trace_events", "Events of the trace", basis="measured")

_count(f"{FINDER}.invocations", f"{FINDER} invocations", "30")
_count(f"{POLLER}.invocations", f"{POLLER} invocations")
_count(f"{POLLER}.concurrent_max", "Handlers running at once", "3")
_count(f"{POLLER}.GetItem", "Executions read from DynamoDB")
_count(f"{POLLER}.DescribeJobs", "DescribeJobs calls to DRS", "never asked")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a recovery's time; `meaning` is its definition, in one sentence."""

    name: str
    title: str
    meaning: str


_BEFORE: Final = (Part("no_job", "No job", "The plan had no job in DRS yet, or its next wave had not been started."),)
_AFTER: Final = (
    Part("launch_actions", "Launch actions", "The job had ended, and the launch actions of a RECOVERY still ran."),
    Part("waiting", "Waiting for a look", "DRS had finished, and the look that led to the last poll had not begun."),
    Part("detection", "Detection", "That look had begun, and its poll had not yet written the end."),
)

PARTS: Final = (
    *_BEFORE,
    Part("snapshot", "Snapshot", "DRS had accepted the job, and no server's conversion had begun."),
    Part("conversion", "Conversion", "DRS converted the servers' disks, and no server had begun to launch."),
    Part("launch", "Launch", "Servers launched, until DRS ended the job."),
    *_AFTER,
)
"""In the order of time. Every instant of a recovery belongs to exactly one."""

PART_NAMES: Final = tuple(part.name for part in PARTS)

_STATUS_PARTS: Final = (
    *_BEFORE,
    Part("pending", "DRS pending", "DRS had accepted the job and not begun it: the job was PENDING."),
    Part("started", "DRS started", "The job was STARTED, and no server had begun to launch."),
    Part("in_progress", "In progress", "Servers launched, until DRS ended the job."),
    *_AFTER,
)
"""Those of earlier results, which followed the status of the job."""


def parts_named(names: Collection[str]) -> tuple[Part, ...]:
    """Return the parts with exactly these names, of this version's results or of earlier ones. Raises ValueError."""
    for parts in (PARTS, _STATUS_PARTS):
        if {part.name for part in parts} == {*names}:
            return parts
    raise ValueError(f"must have the parts {', '.join(PART_NAMES)}, got {', '.join(names) or 'none'}")


_FAMILIES: Final = (POLL_GAP, INIT, COLD, WARM, COLD_IDLE, WARM_IDLE)


def figure_of(name: str) -> Figure | None:
    """Return the distribution of this name, also of a family without its own entry; None if there is none."""
    if name in FIGURES:
        return FIGURES[name]
    for family in _FAMILIES:
        begin, end = family.name.split("{}")
        subject = name.removeprefix(begin).removesuffix(end)
        if subject and name == family.name.format(subject):
            return family.of(subject)
    return None
