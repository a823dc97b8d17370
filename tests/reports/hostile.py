"""A failed run whose ids and messages are as bad as anybody's handlers could make them."""

from typing import Final

from drsim.scenarios.record import (
    DegradedRecord,
    ErrorsMet,
    ExceptionRecord,
    FailedCalls,
    FindingRecord,
    ReturnedStatuses,
    ViolationRecord,
)
from drsim.scenarios.result import Result

AT: Final = "2025-11-28T20:32:29Z"
TEXTS: Final = (
    "<script>alert('x')</script>",
    "]]>--><!-- \"quoted\" & 'quoted' &amp; %s {{ run }}",
    "\u202edesrever\u2066 \u200f",
    "null\x00 bell\x07 escape\x1b[31m return\r del\x7f next\x85 \ud800half \ufffe \u2028",
    "two\nlines\tand a tab, \\ and \\x00",
    "ä€😀",
    "x" * 10_240,
)


def finding(count: int = 1, **changes: object) -> FindingRecord:
    """A finding of any kind, with changes."""
    fields: dict[str, object] = {
        "property": "completion-soundness",
        "kind": "ended early",
        "consequence": "wrong end",
        "meaning": "Servers still launch.",
        "function": "ExecutionPoller",
        "where": "",
        "place": "poller/app.py:87 update_item",
        "count": count,
        "executions": 1,
        "cases": (ViolationRecord(execution_id="drill", at=AT, expected="wave 2 unfinished", observed="COMPLETED"),),
    }
    return FindingRecord.model_validate(fields | changes)


def late_polls(**changes: object) -> DegradedRecord:
    """A reason to be degraded, with changes."""
    fields: dict[str, object] = {
        "property": "poll-cadence",
        "bound": "poll_delay",
        "unit": "s",
        "usual": 10.0,
        "granted": 70.0,
        "worst": 57.4,
        "count": 9,
        "checked": 58,
        "executions": 3,
        "first": ViolationRecord(execution_id="drill", at=AT, expected="within 10 s", observed="10.2 s"),
    }
    return DegradedRecord.model_validate(fields | changes)


def hostile(result: Result) -> Result:
    """The result, with its first criterion and property failed, and findings and errors, all in these words."""
    criterion, prop = result.criteria[0], result.properties[0]
    violations = tuple(
        ViolationRecord(execution_id=text, at=AT, expected=text, observed=text, place=text) for text in TEXTS
    )
    found = tuple(finding(function=text, where=text, place=text, cases=violations) for text in TEXTS)
    errors = ErrorsMet(
        calls=tuple(
            FailedCalls(function=text, operation=text, error=text, count=1, injected=0, swallowed=1) for text in TEXTS
        ),
        statuses=tuple(ReturnedStatuses(function=text, status=text, count=1) for text in TEXTS),
        exceptions=tuple(
            ExceptionRecord(function=text, message=text, count=1, logged=True, traceback=text) for text in TEXTS
        ),
    )
    all_of_them = " ".join(TEXTS)
    failed = {"verdict": "fail", "value": all_of_them, "evidence": all_of_them}
    broken = {"verdict": "fail", "violations_count": len(violations) + 2, "violations": violations}
    return result.model_copy(
        update={
            "verdict": "fail",
            "replay": f"drsim run '{TEXTS[1]}'",
            "criteria": (criterion.model_copy(update=failed), *result.criteria[1:]),
            "findings": tuple(each.model_copy(update={"followers": found}) for each in found),
            "errors": errors,
            "properties": (prop.model_copy(update=broken), *result.properties[1:]),
        }
    )
