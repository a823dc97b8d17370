"""`report.md`: the Phase 2 report's sections, from the run's data and nothing else."""

import re

import pytest

from drsim.reports.markdown import cell, render
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.simulator.durations import number
from tests.catalogue import run_of

SECTIONS = [
    "1. Infrastructure Validation",
    "2. Execution Finder Lambda Testing",
    "3. Execution Poller Lambda Testing",
    "4. Integration Testing",
    "5. Performance Validation",
    "6. CloudWatch Metrics",
    "7. Error Handling Validation",
    "8. Logging & Observability",
    "9. Security & IAM Validation",
    "10. Known Limitations",
    "11. Test Environment Details",
    "12. Acceptance Criteria Status",
]


@pytest.fixture(scope="module")
def report(phase_2: Result) -> str:
    return render(phase_2)


def rows(report: str) -> dict[str, list[str]]:
    """The tables' rows by their first cell; of rows that begin alike, the last."""
    found = [re.split(r"(?<!\\)\|", line)[1:-1] for line in report.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [text.strip() for text in cells[1:]] for cells in found}


def test_it_has_the_twelve_sections_in_the_order_of_the_original(report: str) -> None:
    assert re.findall(r"^## (\d+\. .*)$", report, re.MULTILINE) == SECTIONS


def test_found_and_polled_are_those_of_the_original(report: str) -> None:
    found = rows(report)
    assert found["20:32-20:41"] == ["10", "0", "0"]
    assert found["20:42"] == ["1", "1", "1"]
    assert found["20:43-21:01"] == ["19", "3", "3"]
    assert found["Ticks"] == ["30", "30 from 20:32:29 to 21:01:29", "observed"]


def test_calls_answered_by_moto_are_counted_with_thousands_separators(phase_2: Result) -> None:
    text = render(phase_2.model_copy(update={"forwarded": {"ec2 DescribeInstances": 1200}}))
    assert "moto did, over HTTP: ec2 DescribeInstances 1,200.\n" in text


def test_every_figure_of_the_run_says_its_basis_and_stands_beside_phase_2s(report: str, phase_2: Result) -> None:
    update = phase_2.metrics.distributions["UpdateItem.warm"]
    row = rows(report)["Update latency, warm"]
    assert row[0] == "40-90 ms"
    assert row[1].startswith(f"{number(update.min)}-{number(update.max)} ms (p50 {number(update.p50)}")
    assert row[2] == "modelled"
    with_basis = re.findall(r"^\|.*\| Basis(?: of the use)? \|\n\|[-|]+\|\n((?:\|.*\n)+)", report, re.MULTILINE)
    assert len(with_basis) == 14
    for line in "".join(with_basis).splitlines():
        assert line.split("|")[-2].strip() in ("modelled", "observed", "measured"), line


def test_each_figure_of_phase_2_is_beside_the_same_figure_of_the_run(report: str, phase_2: Result) -> None:
    found = rows(report)
    queries = [phase_2.metrics.distributions[name] for name in ("Query.cold", "Query.warm")]
    mean = sum(each.mean * each.count for each in queries) / sum(each.count for each in queries)
    assert found["StatusIndex query, mean"][:2] == ["12 ms", f"{number(mean)} ms"]
    criterion = next(each for each in phase_2.criteria if each.name.startswith("Performance"))
    assert found["StatusIndex query, all, cold or warm"][:2] == ["p99 < 25 ms, max 21 ms", criterion.value]
    assert found["Update of an execution, all waves"][0] == "60-106 ms"
    assert found["Update of LastPolledTime"][0] == "< 10 ms"
    # 30 queries, 58 reads and 58 updates in 29.8 minutes.
    assert found["DynamoDB operations a minute, mean"][:2] == ["~30", "4.89"]
    assert found["Memory"][:2] == ["89-90 MB", "90 MB, as configured"]
    assert found["`/aws/lambda/ExecutionFinder`"][0] == "~30 in 30 min, < 1 MB"
    assert found["`/aws/lambda/ExecutionPoller`"][0] == "~90 in 30 min, < 2 MB"
    assert found["EventBridge ticks"][:2] == ["30", "30"]
    assert found["Looks at StatusIndex"][:2] == ["30 queries", "30"]


def test_the_two_counts_of_concurrency_have_two_names(report: str) -> None:
    found = rows(report)
    assert found["Handlers running at once"][1] == "3"
    assert found["Handlers running at once, maximum"][:2] == ["1", "3"]
    assert found["Concurrent Lambda invocations (init included)"][:2] == ["3", "3"]
    assert "| ConcurrentExecutions, maximum |" not in report


@pytest.mark.slow
def test_widgets_last_value_has_its_time_and_reached_limit_is_marked() -> None:
    text = render(run(load("load-100", ["executions=241", "until_finished=false"]), seed=1).result)
    # The last execution ends more than ten minutes before the run does, and the finder goes on.
    last = re.findall(r"\| ActivePollingExecutions \(Maximum\) \| \d+, at (\d\d:\d\d) \|", text)
    looks = re.findall(r"\| Finder \| Invocations \(Sum\) \| 1, at (\d\d:\d\d) \|", text)
    assert last < ["21:00"] < ["21:16"] <= looks
    assert rows(text)["DRS jobs at once"][4] == "reached"
    assert rows(text)["Executions in POLLING at once"][4] == "reached"


def test_one_look_a_minute_makes_the_intervals_60_s(report: str) -> None:
    assert "**One look a minute makes the 15, 30 and 45 s intervals 60 s in effect.**" in report
    assert rows(report)["STARTED"][0] == "15 s"
    assert rows(report)["STARTED"][1] == "60 s"
    assert rows(report)["STARTED"][2].startswith("59.98-60.02 s")
    assert rows(report)["IN_PROGRESS"][2] == "not exercised"


def test_sentence_on_cadence_follows_from_the_run() -> None:
    slow = run(load("idle", ["schedule.rate=2m"]), seed=1).result
    assert "**One look every 120 s makes the 15, 30 and 45 s intervals 120 s in effect.**" in render(slow)
    assert next(each for each in slow.criteria if each.name.startswith("EventBridge")).verdict == "not exercised"
    patient = run(load("idle", ["PENDING_INTERVAL_SECONDS=100"]), seed=1).result
    assert "makes the 15, 30 and 100 s intervals 60, 60 and 120 s in effect.**" in render(patient)


def test_with_four_looks_a_minute_configured_intervals_are_effective() -> None:
    text = render(run_of("sub-minute").result)
    assert "One look a minute" not in text
    assert "The finder looks 4 times within each of its minutes" in text
    assert re.match(r"(14\.\d+|15)-15(\.\d+)? s \(p50 15", rows(text)["STARTED"][2])
    assert "**One look every 15 s makes the 15, 30 and 45 s intervals 15, 30 and 45 s in effect.**" in text


def test_acceptance_table_has_the_ten_criteria_and_the_new_ones(report: str) -> None:
    criteria = report[report.index("## 12.") :]
    names = [line.split("|")[1].strip().replace("&lt;", "<") for line in criteria.splitlines() if line.startswith("| ")]
    assert names[1:16] == [
        *CRITERIA_NAMES[:10],
        "Executions complete with DRS's truth",
        "Timeout asks DRS first",
        "100+ concurrent executions",
        "No poll is early, none is late",
        "Executions end as expected",
    ]
    evidence = [rows(report)[name.replace("<", "&lt;")][-1] for name in names[1:16]]
    assert [text != "-" for text in evidence] == [True] * 10 + [False] * 5


def test_a_criterion_that_was_not_exercised_says_so(report: str) -> None:
    assert rows(report)["IAM permissions correct"][0] == "➖ not exercised"
    assert rows(report)["Timeout asks DRS first"][0] == "➖ not exercised"


def test_settings_of_the_functions_are_named_as_such(report: str) -> None:
    """A bound that was set is none of them."""
    assert "| Variables of the functions | defaults |" in report
    assert "| Settings |" not in report


def test_failure_is_reported_with_its_findings_first() -> None:
    result = run(load("drill", ["bounds.completion=0s"]), seed=1).result
    text = render(result)
    assert "- **Verdict**: ❌ FAIL" in text
    assert (
        text.index("## Findings\n") < text.index("### 1. completion-liveness: ") < text.index("## Executive Summary\n")
    )
    assert cell(result.findings[0].cases[0].expected) in text
    assert "### Violations of" not in text


def test_a_result_without_findings_is_reported_with_its_violations() -> None:
    result = run(load("drill", ["bounds.completion=0s"]), seed=1).result.model_copy(update={"findings": ()})
    text = render(result)
    assert "## Findings" not in text
    assert "### Violations of `completion-liveness`" in text
    (late,) = [each for each in result.properties if each.name == "completion-liveness"]
    assert cell(late.violations[0].expected) in text


def test_injected_faults_unused_rules_and_lost_executions_are_listed() -> None:
    never = "faults=[{fault: slow, operation: GetItem, run: 999}, {fault: deleted, chance: 0.9}]"
    text = render(run(load("fault-deleted", [never]), seed=1).result)
    assert "| slow at GetItem run 999 | never |" in text
    assert re.search(r"\| deleted with chance 0.9 \| [1-9]\d* \|", text)
    assert "could not end as DRS's truth demands: its record was deleted." in text


def test_report_has_the_time_from_healing_to_the_end() -> None:
    text = render(run(load("fault-denied", ["heal=8m40s"]), seed=1).result)
    assert "invocations failed because of them; healed after" in text
    assert "2 overdue executions ended within 20.3 s (p50), 20.41 s (p99)" in text


@pytest.mark.parametrize(
    "scenario",
    ["idle", "cancelled", "timeout-stuck", "fault-deleted", "chaos", pytest.param("load-100", marks=pytest.mark.slow)],
)
def test_tables_are_whole_and_no_template_code_is_left(scenario: str) -> None:
    text = render(run(load(scenario), seed=1).result)
    assert "{{" not in text
    assert "None" not in text
    assert "\n\n\n" not in text
    columns = 0
    for line in text.splitlines():
        if line.startswith("|"):
            count = len(re.findall(r"(?<!\\)\|", line))
            assert columns in (0, count), line
            columns = count
        else:
            columns = 0


def test_a_run_before_the_first_tick_has_a_report_too() -> None:
    text = render(run(load("idle", ["schedule.first=20m", "duration=10m"]), seed=1).result)
    assert "The run ended before the first tick." in text
    assert "No execution was polled." in text


def test_numbers_have_three_or_four_significant_digits() -> None:
    assert [number(value) for value in (0.0, 0.254, 6.9, 59.984, 115.34, 1234.5, 60000.0)] == [
        "0",
        "0.25",
        "6.9",
        "59.98",
        "115.3",
        "1,234",
        "60,000",
    ]


@pytest.mark.slow
def test_section_9_says_whether_roles_were_judged(report: str) -> None:
    assert "No role was checked in this run" in report
    wired = run(load("drill", ("duration=2m",)), seed=1, tier="wire").result
    expected = r"\d+ actions were checked against the policies of the deployed roles; 0 were not allowed\."
    assert re.search(expected, render(wired))


def test_report_names_whose_functions_were_observed(phase_2: Result) -> None:
    theirs = phase_2.model_copy(update={"functions": {"finder": "app.py:handler", "poller": "poll.py:handler"}})
    assert "the DRS jobs' lives and the production code." in render(phase_2)
    assert "the DRS jobs' lives and the functions under test." in render(theirs)
