"""`ctrf.json`: a run in the Common Test Report Format (https://ctrf.io), specification 0.0.0.

A test is a criterion, a property or the run's verdict. Instants are in virtual time, so that the same result gives the
same bytes; a test has no duration.
"""

import json
from collections import Counter
from datetime import timedelta
from typing import Any, Final

from drsim.reports.formats.cases import Case, began, cases
from drsim.reports.objectives import recovery_facts
from drsim.reports.text import plain
from drsim.scenarios.result import Result

_STATUSES: Final = {"pass": "passed", "fail": "failed", "not exercised": "skipped", "unknown": "failed"}
"""An unknown run counts as failed: `drsim run` exits with 5, and readers of CTRF accept every other status."""


def render(result: Result) -> str:
    """The run as CTRF JSON, in ASCII."""
    judged = list(cases(result))
    statuses = Counter(_STATUSES[case.verdict] for case in judged)
    start = began(result)
    stop = start + timedelta(seconds=result.virtual_seconds)
    host = result.metrics.environment
    run = {name: getattr(result, name) for name in ("scenario", "seed", "tier", "verdict", "replay")}
    document = {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "generatedBy": "drsim",
        "results": {
            "tool": {"name": "drsim", "version": host["drsim"]},
            "summary": {
                "tests": len(judged),
                **{status: statuses[status] for status in ("passed", "failed", "skipped", "pending", "other")},
                "suites": len({case.suite for case in judged}),
                "start": round(start.timestamp() * 1000),
                "stop": round(stop.timestamp() * 1000),
            },
            "tests": [_test(case, result) for case in judged],
            "environment": {
                "reportName": f"{result.scenario}, seed {result.seed}",
                "appName": "ExecutionFinder and ExecutionPoller",
                "appVersion": host["drsim"],
                "osPlatform": host["platform"],
                "testEnvironment": f"simulated, {result.tier} tier",
                "healthy": result.verdict == "pass",
                "extra": {
                    **run,
                    "traceDigest": result.trace_digest,
                    "python": host["python"],
                    **recovery_facts(result),
                },
            },
        },
    }
    return json.dumps(_visible(document), indent=2) + "\n"


def _test(case: Case, result: Result) -> dict[str, object]:
    details = {} if case.verdict == "pass" else {"message": case.message}
    if case.verdict in ("fail", "unknown"):
        details["trace"] = case.text
    return {
        "name": case.name,
        "status": _STATUSES[case.verdict],
        "rawStatus": case.verdict,
        "duration": 0,
        "suite": [result.scenario, case.suite],
        **details,
        "extra": {**case.facts, "seed": result.seed, "replay": result.replay},
    }


def _visible(value: Any) -> Any:
    match value:
        case str():
            return plain(value)
        case dict():
            return {name: _visible(each) for name, each in value.items()}
        case list():
            return [_visible(each) for each in value]
    return value
