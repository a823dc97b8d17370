"""The summary of a run on the terminal: verdict and answer, what failed or was degraded, one line for what passed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from drsim.console import block, hanging, label, line, long_line, mark
from drsim.program import runnable
from drsim.reports.documents import PAGE
from drsim.reports.findings import culprit, extent, merged, summary, title
from drsim.reports.first_screen import FirstScreen, first_screen, idle_line, passed_line
from drsim.reports.markdown import clock
from drsim.reports.objectives import sentence
from drsim.reports.release import named
from drsim.reports.statuses import counted
from drsim.reports.text import visible
from drsim.scenarios.record import ErrorsMet, FindingRecord
from drsim.scenarios.result import CriterionResult, Result
from drsim.simulator.durations import plural, show_seconds
from drsim.simulator.figures.tally import LOST_RACE

_FINDINGS_MAX: Final = 10
_FOLLOWERS_MAX: Final = 4
_EXCEPTIONS_MAX: Final = 3
_MESSAGE_MAX: Final = 200
_SCENARIOS_MAX: Final = 5
_ID_MAX: Final = 80
_ANSWER_MAX: Final = 800


def show(console: Console, result: Result, folder: Path | None, evidence: str = "") -> None:
    """Show a run, at its end the page in its folder and the last value of its evidence, if there are any."""
    first = first_screen(result)
    console.print()
    line(console, result.outcome, f"{result.scenario}, seed {result.seed}: {label(result.outcome)}", bold=True)
    if result.answer:
        block(console, visible(result.answer, _ANSWER_MAX), indent=2)
    _show_facts(console, result)
    console.print()
    for reason in first.degraded:
        _wrapped(console, "degraded", reason)
    if first.findings:
        _show_findings(console, first, folder)
    _show_failed(console, first)
    line(console, "pass", passed_line(first, result), indent=2)
    if idle := idle_line(first, result):
        line(console, "not exercised", f"{idle} not exercised", indent=2)
    if errors := _errors(result.errors):
        line(console, "fault", errors, indent=2)
        _show_exceptions(console, result.errors)
    if result.faults:
        _show_faults(console, result)
    if result.unjudged:
        line(console, "not exercised", _unjudged(result), indent=2)
    if result.forwarded:
        _show_forwarded(console, result.forwarded)
    long_line(console, f"  replay  {runnable(result.replay)}")
    if folder is not None:
        long_line(console, f"  report  {folder / PAGE}")
    if evidence:
        long_line(console, f"  evidence  {evidence}")


def show_line(console: Console, result: Result, folder: Path) -> None:
    """Show a run as one line: its verdict, what failed first, and its page."""
    found = first_screen(result).findings
    why = f" {visible(summary(found[0].finding))}" if found else ""
    text = f"{result.scenario}, seed {result.seed}: {label(result.outcome)}  {folder / PAGE}{why}"
    long_line(console, f"{mark(console, result.outcome).plain} {text}")


def _show_facts(console: Console, result: Result) -> None:
    """What ran: the scenario's title, how executions ended, and polls."""
    ends = ", ".join(f"{count:,} {phrase}" for count, phrase in counted(result.executions))
    started = plural(result.started, "execution") + (f" ({ends})" if ends else "")
    polls = f"{plural(result.polls, 'poll')} started, {result.polls_recorded:,} recorded"
    took = f"{show_seconds(result.virtual_seconds)} of virtual time in {result.wall_seconds:.2f} s"
    block(console, visible(result.metrics.configuration["title"]), "dim", indent=2)
    block(console, f"{took}: {started}, {polls}", "dim", indent=2)
    for record in result.objectives:
        if record.times and not record.wave:
            block(console, f"recovery time: {sentence(record, result.objectives)}", "dim", indent=2)
    if result.adapted:
        console.print(Text(f"  adapted to the contract: {', '.join(result.adapted)}"), style="dim")


def _show_failed(console: Console, first: FirstScreen) -> None:
    """What failed beside the findings, each with its threshold, and what was not exercised although declared."""
    for criterion in first.failed:
        _wrapped(console, "fail", _of_criterion(criterion))
        block(console, visible(criterion.evidence), "dim")
    for broken in first.broken:
        _wrapped(console, "fail", f"{broken.name}: {plural(broken.violations_count, 'violation')}")
    if first.missing:
        _wrapped(console, "unknown", f"declared and not exercised: {', '.join(first.missing)}")


def _of_criterion(criterion: CriterionResult) -> str:
    return f"{criterion.name}: {visible(criterion.value)} (threshold: {visible(criterion.threshold)})"


def _errors(errors: ErrorsMet) -> str:
    """The errors that functions met, on one line; "" if they met none but lost races."""
    calls = [each for each in errors.calls if each.error != LOST_RACE]
    failed, injected = (sum(getattr(each, name) for each in calls) for name in ("count", "injected"))
    swallowed = sum(each.swallowed for each in calls)
    statuses = sum(each.count for each in errors.statuses)
    exceptions = sum(each.count for each in errors.exceptions)
    parts = [
        f"{plural(failed, 'failed call')} ({injected} by faults)" if failed else "",
        f"{plural(swallowed, 'failure')} swallowed" if swallowed else "",
        f"a status of 400 or more returned {plural(statuses, 'time')}" if statuses else "",
        f"{plural(exceptions, 'exception')} of {plural(len(errors.exceptions), 'kind')}" if exceptions else "",
    ]
    text = ", ".join(filter(None, parts))
    return f"functions met errors: {text}" if text else ""


def _show_exceptions(console: Console, errors: ErrorsMet) -> None:
    """The most frequent exceptions that functions raised or logged, each with the line that raised the first one."""
    for each in sorted(errors.exceptions, key=lambda each: -each.count)[:_EXCEPTIONS_MAX]:
        which = f", first for {visible(each.execution_id, _ID_MAX)}" if each.execution_id else ""
        at = f" at {visible(each.place, _ID_MAX)}" if each.place else ""
        times, function = plural(each.count, "time"), visible(each.function, _ID_MAX)
        text = f"{times} {visible(each.message, _MESSAGE_MAX)}{at}, by {function}{which}"
        block(console, text)


def _unjudged(result: Result) -> str:
    first, more = result.unjudged[0].check, len(result.unjudged) - 1
    others = f" and {more} more" if more else ""
    return f"{plural(more + 1, 'check')} {'are' if more else 'is'} off: {first}{others}; see report"


def _show_forwarded(console: Console, forwarded: Mapping[str, int]) -> None:
    """What moto answered, and not this tier itself."""
    total = plural(sum(forwarded.values()), "call")
    line(console, "not exercised", f"{total} answered by moto, over HTTP:", indent=2)
    block(console, ", ".join(f"{name} {count:,}" for name, count in forwarded.items()), "dim")


def _show_faults(console: Console, result: Result) -> None:
    struck = [each.struck for each in result.faults if each.struck]
    total = plural(sum(struck), "time")
    line(console, "fault", f"{len(struck)} of {plural(len(result.faults), 'fault rule')} injected, {total}", indent=2)
    for each in result.faults:
        times = plural(each.struck, "time") if each.struck else "never"
        line(console, "fault" if each.struck else "not exercised", f"{times}: {each.rule}", indent=4)
    if recovery := result.metrics.distributions.get("recovery"):
        quantiles = (("p50", recovery.p50), ("p99", recovery.p99), ("max", recovery.max))
        figures = ", ".join(f"{name} {show_seconds(value / 1000)}" for name, value in quantiles)
        line(console, "fault", f"{recovery.count} overdue when healed, ended after that within {figures}", indent=2)
    for lost in result.unwinnable:
        which = lost.execution_id or "every execution"
        line(console, "unknown", f"{which} cannot end as DRS's truth demands: {lost.reason}", indent=2)


def _show_findings(console: Console, first: FirstScreen, folder: Path | None) -> None:
    for shown in first.findings[:_FINDINGS_MAX]:
        finding, case = shown.finding, shown.finding.cases[0]
        who = f"{clock(case.at)} {visible(case.execution_id, _ID_MAX)}".rstrip()
        _numbered(
            console,
            shown.number,
            Text(visible(summary(finding)), "bold"),
            Text(finding.meaning),
            Text(f"{who}: expected {visible(case.expected)}; observed {visible(case.observed)}"),
            *(Text(f"fails with it: {_of_criterion(each)}") for each in shown.criteria),
            *([Text(f"then: {visible(_followers(finding))}", "dim")] if finding.followers else []),
        )
    left = len(first.findings) - _FINDINGS_MAX
    if left > 0:
        where = "its result" if folder is None else folder / PAGE
        long_line(console, f"  {plural(left, 'further finding')} in {where}")
    console.print()


def _followers(finding: FindingRecord) -> str:
    shown = finding.followers[:_FOLLOWERS_MAX]
    left = len(finding.followers) - len(shown)
    return "; ".join([*(f"{title(each)} ({extent(each)})" for each in shown), *([f"and {left} more"] if left else [])])


def _wrapped(console: Console, outcome: str, text: str) -> None:
    """A line with its mark that wraps beside it."""
    hanging(console, Text("  ") + mark(console, outcome), Text(text))


def _numbered(console: Console, number: int, *texts: Text) -> None:
    """A finding: its texts below each other, right of its mark and number."""
    hanging(console, mark(console, "fail") + Text(f" {number}.", "bold"), *texts)


def show_total(console: Console, results: list[Result]) -> None:
    passed = sum(result.verdict == "pass" for result in results)
    names = dict(zip(map(id, results), named(results), strict=True))
    degraded = [names[id(result)] for result in results if result.outcome == "degraded"]
    others = [f"{names[id(result)]} {result.verdict}" for result in results if result.verdict != "pass"]
    verdict = "pass" if not others else "fail" if any(result.verdict == "fail" for result in results) else "unknown"
    console.print()
    outcome = "degraded" if verdict == "pass" and degraded else verdict
    text = f"{passed} of {plural(len(results), 'run')} passed"
    line(console, outcome, text + (f", {len(degraded)} of them degraded" if degraded else ""), bold=True)
    if degraded:
        block(console, f"degraded: {', '.join(degraded)}")
    if others:
        block(console, ", ".join(others))
    _show_merged(console, results)


def _show_merged(console: Console, results: list[Result]) -> None:
    found = merged(results)
    for number, each in enumerate(found[:_FINDINGS_MAX], 1):
        finding, counts = each.finding, each.counts
        times = plural(sum(counts.values()), "time")
        heading = f"{title(finding)} ({plural(len(counts), 'scenario')}, {times}) {culprit(finding)}".rstrip()
        names, left = [*counts][:_SCENARIOS_MAX], len(counts) - _SCENARIOS_MAX
        which = ", ".join(names) + (f" and {left} more" if left > 0 else "")
        _numbered(console, number, Text(visible(heading), "bold"), Text(finding.meaning), Text(which, "dim"))
    if len(found) > _FINDINGS_MAX:
        console.print(f"  {plural(len(found) - _FINDINGS_MAX, 'further finding')} in the reports of these runs")
