"""`junit.xml`: runs for CI servers, in the common dialect `xunit2` (the Jenkins xUnit plugin's junit-10.xsd).

A suite is a run; a case is a criterion, a property or the run's verdict, and an unknown verdict is an error. The `time`
of a suite is the run's on its host, as in `result.json`; cases take none, since one run exercises them all.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree

from drsim.reports.formats.cases import began, cases
from drsim.reports.objectives import recovery_facts
from drsim.reports.text import plain
from drsim.scenarios.result import Result

_TAGS: Final = {"pass": "system-out", "fail": "failure", "unknown": "error", "not exercised": "skipped"}


def render(*results: Result, missing: Mapping[str, str] | None = None) -> str:
    """Runs as JUnit XML, to be written as UTF-8. The seed and the command that replays it are in each failure.

    `missing` are scenarios that have no result, each with the reason: a suite with an error.
    """
    root = ElementTree.Element("testsuites")
    for result in results:
        _add_run(root, result)
    for name, reason in (missing or {}).items():
        suite = _add(root, "testsuite", name=name, tests="1", failures="0", errors="1", skipped="0", time="0")
        case = _add(suite, "testcase", classname=f"{name}.run", name="verdict", time="0")
        _add(case, "error", message=reason, type="run")
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _add_run(root: ElementTree.Element, result: Result) -> None:
    judged = list(cases(result))
    verdicts = Counter(case.verdict for case in judged)
    suite = _add(
        root,
        "testsuite",
        name=result.scenario,
        tests=str(len(judged)),
        failures=str(verdicts["fail"]),
        errors=str(verdicts["unknown"]),
        skipped=str(verdicts["not exercised"]),
        time=f"{result.wall_seconds:.3f}",
        # Readers of the schema expect no time zone; the run begins at this virtual instant.
        timestamp=began(result).replace(tzinfo=None).isoformat(timespec="seconds"),
        hostname="drsim",
    )
    run = {"seed": str(result.seed), "tier": result.tier, "verdict": result.verdict, "replay": result.replay}
    properties = _add(suite, "properties")
    for name, value in {**run, "digest": result.trace_digest or "no trace was kept", **recovery_facts(result)}.items():
        _add(properties, "property", name=name, value=value)
    for case in judged:
        element = _add(suite, "testcase", classname=f"{result.scenario}.{case.suite}", name=case.name, time="0")
        details = {} if case.verdict == "pass" else {"message": case.message}
        if case.verdict in ("fail", "unknown"):
            details["type"] = case.suite
        _add(element, _TAGS[case.verdict], **details).text = plain(case.text)


def _add(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {name: plain(value) for name, value in attributes.items()})
