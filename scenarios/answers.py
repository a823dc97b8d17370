"""A scenario's own answer: one sentence, filled from what its run left.

A scenario declares a template such as "{alarms}; {ends}." Each name stands for a clause that is true of any run, passed
or failed, and of any team's functions. Owns the clauses; `docs/using.md` lists them.
"""

import string
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from drsim.orchestrator.model import ExecutionStatus
from drsim.scenarios.metric_records import AlarmChange, AlarmRecord
from drsim.scenarios.phase_2 import beside_phase_2
from drsim.scenarios.record import FindingRecord
from drsim.scenarios.result import Result
from drsim.simulator.durations import about, plural, show_seconds
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.table import Figure

DEFAULT: Final = "{ends}; {longest}"
"""The template of a scenario that declares none."""

_CASES: Final[Mapping[str, str]] = {
    "PollerErrors": "after {value:,.0f} failed polls in {minutes} min",
    "StuckExecution": "with an execution in POLLING for {value:,.0f} s",
    "StatusIndexThrottled": "after {value:,.0f} throttled reads in {minutes} min",
}
"""What the value of each alarm of ours means."""


def checked(template: str) -> str:
    """Return a template, trimmed. Raises ValueError if it is empty, has names not in CLAUSES, or formats them."""
    template = template.strip()
    if not template.strip(".!?"):
        raise ValueError(f"must be a sentence such as '{DEFAULT}.', got {template!r}")
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"must be a text with names such as {{ends}} ({error}), got {template!r}") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in CLAUSES or spec or conversion):
            shown = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ValueError(f"no such clause: {shown!r}; known are {', '.join(CLAUSES)}")
    return template


def answer(template: str, result: Result) -> str:
    """Fill a checked template from a result; the sentence begins with a capital and ends with a full stop."""
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    text = template.format_map({name: CLAUSES[name](result) for name in sorted(names)})
    end = "" if text.endswith(("!", "?")) else "."
    return f"{text[:1].upper()}{text[1:].rstrip('.')}{end}"


# --- how executions ended -----------------------------------------------------------------------------------------

_ENDED: Final[Mapping[ExecutionStatus, str]] = {
    ExecutionStatus.COMPLETED: "completed",
    ExecutionStatus.PARTIAL: "partial",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMEOUT: "timed out",
    ExecutionStatus.CANCELLED: "cancelled",
    ExecutionStatus.POLLING: "still polling",
    ExecutionStatus.PENDING: "still pending",
}


def _ends(result: Result) -> str:
    started = plural(result.started, "execution")
    if not result.started:
        return "no execution was started"
    found = {phrase: result.executions.get(status, 0) for status, phrase in _ENDED.items()}
    found["gone or unreadable"] = result.started - sum(found.values())
    shown = {phrase: count for phrase, count in found.items() if count > 0}
    if len(shown) == 1:
        return f"{started} {next(iter(shown))}"
    return f"{started}: " + ", ".join(f"{count:,} {phrase}" for phrase, count in shown.items())


def _longest(result: Result) -> str:
    subject = "it" if result.started == 1 else "the longest"
    return _at_most(result, figures.EXECUTION_TIME, f"{subject} took {{}}", "none ended")


def _behind(result: Result) -> str:
    return _at_most(
        result, figures.COMPLETION_DELAY, "each end came within {} of DRS's", "no execution ended after its last job"
    )


def _staleness(result: Result) -> str:
    return _at_most(
        result, figures.STALENESS, "the table was at most {} behind DRS", "the table never had to follow DRS"
    )


def _healed(result: Result) -> str:
    found = result.metrics.distributions.get(figures.RECOVERY.name)
    if found is None:
        return "none was overdue when the faults ended"
    return f"{found.count:,} overdue when the faults ended, ended within {show_seconds(found.max / 1000)} of that"


def _at_most(result: Result, figure: Figure, text: str, without: str) -> str:
    found = result.metrics.distributions.get(figure.name)
    return without if found is None else text.format(show_seconds(found.max / 1000))


def _at_once(result: Result) -> str:
    return f"at most {_count(result, figures.ACTIVE_MAX):,} were in POLLING at once"


def _timeouts(result: Result) -> str:
    timeouts, truth = result.executions.get(ExecutionStatus.TIMEOUT, 0), _count(result, figures.ENDED_OVERDUE)
    return f"{timeouts:,} ended as TIMEOUT, and {truth:,} that were overdue ended as DRS said"


def _unwinnable(result: Result) -> str:
    if any(not each.execution_id for each in result.unwinnable):
        return "faults kept all executions from ending as DRS says"
    count = len(result.unwinnable)
    return f"faults kept {plural(count, 'execution')} from ending as DRS says"


_OF_ENDS: Final = ("completion-soundness", "terminal-absorbing")
"""Properties of which one must have judged an end, before a run shows that none is wrong."""


# --- what was written ---------------------------------------------------------------------------------------------


def _wrong(result: Result) -> str:
    verdicts = {each.name: each.verdict for each in result.properties}
    count = sum(each.count for each in _findings(result) if each.consequence == "wrong end")
    if count:
        return f"a wrong status was written {plural(count, 'time')}"
    if verdicts.get("readable") == "fail" or "pass" not in (verdicts.get(name) for name in _OF_ENDS):
        return "whether a wrong status was written is not known"
    return "no wrong status was written"


def _lost(result: Result) -> str:
    verdict = next((each.verdict for each in result.properties if each.name == "no-lost-update"), "not exercised")
    count = sum(each.count for each in _findings(result) if each.consequence == "lost data")
    if count:
        return f"data of others was lost {plural(count, 'time')}"
    return "no data of others was lost" if verdict == "pass" else "whether data was lost is not known"


def _findings(result: Result) -> Iterator[FindingRecord]:
    for finding in result.findings:
        yield from (finding, *finding.followers)


# --- what functions did -------------------------------------------------------------------------------------------


def _polls(result: Result) -> str:
    recorded = f"{plural(result.polls_recorded, 'poll')} recorded"
    # A finder that polls by itself starts no poller.
    return f"{plural(result.polls, 'poll')} started, {result.polls_recorded:,} recorded" if result.polls else recorded


def _looks(result: Result) -> str:
    looks, empty = _count(result, figures.LOOKS), _count(result, figures.LOOKS_EMPTY)
    pages = plural(_count(result, figures.INDEX_PAGES), "page")
    return f"{plural(looks, 'look')} read {pages} of the index, {empty:,} found nothing to poll"


def _races(result: Result) -> str:
    return f"{plural(_count(result, figures.WRITES_REFUSED), 'write')} lost a race"


def _warnings(result: Result) -> str:
    waves = _count(result, figures.WAVES_WITHOUT_JOB_ID) + _count(result, figures.WAVES_WITH_UNKNOWN_JOB)
    warnings = _count(result, figures.WARNINGS.of(POLLER))
    return f"polls met a wave without a known job {plural(waves, 'time')}, and logged {plural(warnings, 'warning')}"


def _jobs(result: Result) -> str:
    started, refused = _count(result, figures.JOBS_STARTED), _count(result, figures.STARTS_REFUSED)
    return f"DRS started {plural(started, 'job')}" + (f" and refused {refused:,}" if refused else "")


def _gaps(result: Result) -> str:
    found = {each.phase: result.metrics.distributions.get(f"poll_gap.{each.phase}") for each in result.metrics.cadence}
    gaps = [f"{show_seconds(gap.p50 / 1000)} in {phase}" for phase, gap in found.items() if gap is not None]
    return f"the median gap between polls was {', '.join(gaps)}" if gaps else "no execution was polled twice"


def _failed(result: Result) -> str:
    """Say how many invocations failed; those by faults are kept apart."""
    failed = sum(
        _count(result, figures.OUTCOMES.of(function, outcome))
        for function in (FINDER, POLLER)
        for outcome in ("error", "timeout", "crash")
    )
    injected = _count(result, figures.FAILED_BY_FAULTS)
    if not failed:
        return "no invocation failed"
    if injected >= failed:
        return "1 invocation failed, by a fault" if failed == 1 else f"{failed:,} invocations failed, all by faults"
    return f"{plural(failed, 'invocation')} failed" + (f", {injected:,} of them by faults" if injected else "")


# --- what the world did -------------------------------------------------------------------------------------------


def _faults(result: Result) -> str:
    kinds = list(dict.fromkeys(each.kind for each in result.faults if each.struck))
    count = sum(each.struck for each in result.faults)
    if not kinds:
        return "no fault was injected"
    what = f"the fault {kinds[0]} was" if len(kinds) == 1 else f"{len(kinds)} kinds of fault were"
    return f"{what} injected {plural(count, 'time')}"


def _alarms(result: Result) -> str:
    declared = result.metrics.configuration.get("alarms") or {}
    if not result.is_ours:
        return "the alarms of these functions are not known"
    found = [_alarm(each) for each in result.metrics.alarms if each.logical_name in declared]
    return "; ".join(found) or "no alarm was declared"


def _alarm(alarm: AlarmRecord) -> str:
    name = f"the alarm {alarm.logical_name}"
    on = next((change for change in alarm.changes if change.state == "ALARM"), None)
    if on is None:
        return f"{name} did not go off"
    after = [change for change in alarm.changes if change.at > on.at]
    last = alarm.changes[-1]
    if last.state == "ALARM":
        end = "and was on at the end" if not after else "and was on again at the end"
    else:
        end = f"and cleared at {_clock(last)}"
    return f"{name} went off at {_clock(on)}{_case(alarm, on)}, {end}"


def _case(alarm: AlarmRecord, change: AlarmChange) -> str:
    text = _CASES.get(alarm.logical_name)
    return (
        ""
        if text is None or change.value is None
        else ", " + text.format(value=change.value, minutes=alarm.period_minutes)
    )


def _clock(change: AlarmChange) -> str:
    return f"{datetime.fromisoformat(change.at):%H:%M:%S}"


def _first_limit(result: Result) -> str:
    if result.capacity is None:
        return "the first limit of these functions is not known"
    first = result.capacity.first
    if first is None:
        return "no limit would be reached"
    if first.is_reached:
        return f"this run reached a limit: {first.name}"
    return f"first limit: {first.name}, at {about(first.at_executions or 0)} executions"


def _phase_2(result: Result) -> str:
    found = beside_phase_2(result)
    text = f"{found.compared - len(found.outside)} of {found.compared} figures within Phase 2's range"
    return f"{text}; outside: {', '.join(found.outside)}" if found.outside else text


def _count(result: Result, figure: Figure) -> int:
    return result.metrics.counts.get(figure.name, 0)


CLAUSES: Final[Mapping[str, Callable[[Result], str]]] = {
    "ends": _ends,
    "longest": _longest,
    "behind": _behind,
    "staleness": _staleness,
    "healed": _healed,
    "at_once": _at_once,
    "timeouts": _timeouts,
    "unwinnable": _unwinnable,
    "wrong": _wrong,
    "lost": _lost,
    "polls": _polls,
    "looks": _looks,
    "races": _races,
    "warnings": _warnings,
    "jobs": _jobs,
    "gaps": _gaps,
    "failed": _failed,
    "faults": _faults,
    "alarms": _alarms,
    "first_limit": _first_limit,
    "phase_2": _phase_2,
}
"""Each name that a template may have, and its clause of a result."""
