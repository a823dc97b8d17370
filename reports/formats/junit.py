"""`junit.xml`: a run for CI servers, in the common dialect `xunit2` (the Jenkins xUnit plugin's junit-10.xsd).

A suite is a run, a case is a criterion, a property or the run's verdict as a whole, which is an error where it is
unknown: something declared was not exercised. The suite's `time` is the run's on its host, as `result.json` has
it; cases take none, for one run exercises them all.
"""

from collections import Counter
from xml.etree import ElementTree

from drsim.reports.formats.cases import Case, began, cases
from drsim.reports.text import plain
from drsim.scenarios.result import Result


def render(result: Result) -> str:
    """The run as JUnit XML, to be written as UTF-8. The seed and the command that replays it are in each failure."""
    judged = list(cases(result))
    verdicts = Counter(case.verdict for case in judged)
    root = ElementTree.Element("testsuites")
    suite = _add(
        root,
        "testsuite",
        name=result.scenario,
        tests=str(len(judged)),
        failures=str(verdicts["fail"]),
        errors=str(verdicts["unknown"]),
        skipped=str(verdicts["not exercised"]),
        time=f"{result.wall_seconds:.3f}",
        # The schema's readers expect no zone; the instant is the virtual one at which the run begins.
        timestamp=began(result).replace(tzinfo=None).isoformat(timespec="seconds"),
        hostname="drsim",
    )
    properties = _add(suite, "properties")
    for name, value in _properties(result).items():
        _add(properties, "property", name=name, value=value)
    for case in judged:
        _add_case(suite, case, result)
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _properties(result: Result) -> dict[str, str]:
    return {
        "seed": str(result.seed),
        "tier": result.tier,
        "verdict": result.verdict,
        "digest": result.trace_digest or "no trace was kept",
        "replay": result.replay,
    }


def _add_case(suite: ElementTree.Element, case: Case, result: Result) -> None:
    element = _add(suite, "testcase", classname=f"{result.scenario}.{case.suite}", name=case.name, time="0")
    match case.verdict:
        case "pass":
            outcome = _add(element, "system-out")
        case "fail":
            outcome = _add(element, "failure", message=case.message, type=case.suite)
        case "unknown":
            outcome = _add(element, "error", message=case.message, type=case.suite)
        case "not exercised":
            outcome = _add(element, "skipped", message=case.message, type=case.suite)
    outcome.text = plain(case.text)


def _add(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {name: plain(value) for name, value in attributes.items()})
