"""Recovery plans of DRS in results and reports."""

import pytest

from drsim.reports import html, markdown
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.catalogue import run_of

HEADING = "Recovery plan of"


@pytest.fixture(scope="module")
def result() -> Result:
    return run_of("recovery-plan").result


def test_plan_with_a_failed_optional_server_completes(result: Result) -> None:
    (plan,) = result.recovery_plans
    assert result.verdict == "pass"
    assert (plan.status, plan.in_table, plan.error) == ("COMPLETED", "PARTIAL", "")
    assert [(step.name, step.status, step.launched, step.attempts) for step in plan.steps] == [
        ("Databases", "COMPLETED", 2, 1),
        ("Wait before Applications", "COMPLETED", 0, 1),
        ("Applications", "COMPLETED", 2, 1),
        ("Web", "COMPLETED", 2, 1),
    ]
    applications = plan.steps[2]
    assert (applications.critical, applications.optional) == (2, 1)
    assert "Servers that failed to launch" in applications.error
    # Each step begins when the one before it ends.
    assert [step.began_at for step in plan.steps[1:]] == [step.ended_at for step in plan.steps[:-1]]
    assert [len(step.jobs) for step in plan.steps] == [1, 0, 1, 1]


def test_report_shows_each_step_of_a_plan(result: Result) -> None:
    (plan,) = result.recovery_plans
    text = markdown.render(result)
    section = text[text.index(f"### {HEADING} `{plan.execution_id}`") :].split("## 5.")[0]
    assert "DRS: COMPLETED" in section
    assert "Table: PARTIAL" in section
    assert "| 2. Wait before Applications | wait 2m | - | COMPLETED | 1 |" in section
    assert "| 3. Applications | 2 CRITICAL, 1 OPTIONAL | 2 of 3 | COMPLETED | 1 |" in section
    assert all(step.jobs[0] in section for step in plan.steps if step.jobs)
    assert HEADING in html.render(result, ()).text


def test_report_of_other_workloads_has_no_plans() -> None:
    result = run_of("drill").result
    assert result.recovery_plans == ()
    assert HEADING not in markdown.render(result)


def test_steps_that_never_began_are_shown_as_such() -> None:
    waves = [{"failing": 1}, {}]
    group = {"kind": "recovery_plan", "waves": waves, "jobs": {"pending": "1m", "started": "0s", "in_progress": "1m"}}
    scenario = Scenario.model_validate({"name": "a", "title": "a", "why": "a", "workload": [group]})
    (plan,) = run(scenario, seed=1).result.recovery_plans
    begun, never = plan.steps
    assert (plan.status, plan.error) == ("FAILED", "Step 1 (Wave 1) failed.")
    assert (begun.launched, begun.status) == (1, "FAILED")
    assert (never.status, never.attempts, never.began_at, never.jobs) == ("NOT_STARTED", 0, None, ())
