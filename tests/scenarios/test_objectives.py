"""Recovery time objectives: what is refused, where they come from, and the criterion that judges them."""

from pathlib import Path

import pytest

from drsim.cli import main
from drsim.scenarios.campaign import Campaign
from drsim.scenarios.explore import explore_range
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import CriterionResult, Result
from drsim.scenarios.runner import run
from drsim.scenarios.shrink import shrunk
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import PRESETS
from drsim.simulator.world import Parts
from tests.catalogue import run_of
from tests.examples import snake_mapping
from tests.examples.bugs import Bug
from tests.planted_bugs import finders, pollers

NAME = "Recovery within its objective"


def criterion(result: Result) -> CriterionResult:
    return next(each for each in result.criteria if each.name == NAME)


def judged(*changes: str, scenario: str = "drill", parts: Parts | None = None) -> CriterionResult:
    return criterion(run(load(scenario, changes), seed=1, parts=parts, trace="off").result)


@pytest.mark.parametrize(
    ("rto", "message"),
    [
        ("0s", "rto.execution must be > 0s, got 0s"),
        ("15", "rto must be a duration such as 25m, none, or a mapping with execution, waves or both, got 15"),
        ("soon", "rto must be a duration such as 25m, none, or a mapping with execution, waves or both, got 'soon'"),
        ("{}", "rto must be a duration such as 25m, none, or a mapping with execution, waves or both, got {}"),
        ("{waves: [5m]}", "rto.waves must map waves to durations, such as {Wave 1: 10m}, got ['5m']"),
        ("{waves: {9: 5m}}", "rto: waves must be of the workload (1, Wave 1, 2, Wave 2, 3, Wave 3), got '9'"),
        (
            "{execution: 10m, waves: {1: 12m}}",
            "rto: wave '1' must be <= execution (10m), for both count from StartTime, got 12m",
        ),
        ("{waves: {1: 5m, '1': 6m}}", "rto.waves must have each wave once, got '1' twice"),
        ("{waves: {Wave 1: 5m, 1: 6m}}", "rto.waves must have each wave once, got '1' and 'Wave 1'"),
        ("{waves: {1.5: 5m}}", "rto.waves must have names or whole numbers of waves as keys, got 1.5"),
        ("{waves: {true: 5m}}", "rto.waves must have names or whole numbers of waves as keys, got True"),
        ("{waves: {null: 5m}}", "rto.waves must have names or whole numbers of waves as keys, got None"),
        ("{execution: 10m, wave: 5m}", "rto.wave: there is no such field"),
    ],
)
def test_nonsense_is_refused_with_one_message(rto: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "--set", f"rto={rto}"]) == 4
    assert capsys.readouterr().err == f"drsim: --set {message}\n"


def test_wave_with_two_objectives_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "drill", "--set", "waves=[{name: Database}]", "--set", "rto={waves: {1: 5m, Database: 6m}}"]
    assert main(words) == 4
    assert capsys.readouterr().err == "drsim: --set rto: waves must have each wave once, got '1' and 'Database'\n"


def test_contract_with_nonsense_is_refused_with_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "contract.yaml").write_text("rto: {execution: 5m, waves: {Database: 6m}}\n", encoding="utf-8")
    assert main(["run", "drill", "--finder", "app.py:handler", "--contract", str(tmp_path / "contract.yaml")]) == 4
    assert "wave 'Database' must be <= execution (5m)" in capsys.readouterr().err


@pytest.mark.parametrize("rto", ["25m", "none", "{waves: {1: 90s, Wave 2: 10m}}", "{execution: 25m, waves: {3: 20m}}"])
def test_objectives_survive_a_file(rto: str) -> None:
    scenario = load("drill", [f"rto={rto}"])
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


def test_criterion_names_what_missed_by_how_much_and_who_was_first() -> None:
    found = judged("rto={execution: 15m, waves: {1: 5m, 2: 29s}}", "executions=2")
    assert (found.verdict, found.value) == ("fail", "2 of 2 missed, 2 waves too")
    assert (found.threshold, found.measured, found.limit) == ("within 15m, wave 1 in 5m, wave 2 in 29 s", 6, 0)
    first, *waves = found.evidence.split("; Wave ")
    executions = run(load("drill", ["executions=2"]), seed=1).result.objectives[0]
    assert executions.times is not None
    assert all(each.execution_id in first for each in executions.slowest)
    assert first.startswith("executions: 2 of 2 missed 15m; first ")
    assert " (COMPLETED, " in first
    assert " over)" in first
    assert [each[:20] for each in waves] == ["1: 2 of 2 missed 5m;", "2: 2 of 2 missed 29 "]


@pytest.mark.parametrize(
    ("waves", "value"),
    [
        ("1: 5m", "Wave 1: 1 of 1 missed"),
        ("1: 5m, 3: 9m", "2 waves missed, Wave 1: 1 of 1"),
        ("2: 30m", "Wave 2: 1 of 1 in time, p95 15m 55s"),
    ],
)
def test_criterion_names_waves_if_only_waves_have_objectives(waves: str, value: str) -> None:
    assert judged(f"rto={{waves: {{{waves}}}}}").value == value


def test_criterion_passes_with_the_p95_that_was_achieved() -> None:
    found = judged("rto={execution: 30m, waves: {1: 10m}}")
    assert (found.verdict, found.value) == ("pass", "1 of 1 in time, p95 21m 55s")
    assert found.threshold == "within 30m, wave 1 in 10m"


def test_slow_finder_misses_an_objective_that_ours_keeps() -> None:
    # A lazy finder leaves out the look after the job's end, and ends the execution a minute later.
    changes = ("rto=10m30s", "waves=1", "jobs={pending: 9m10s, started: 1s, in_progress: 1s}")
    slow = judged(*changes, parts=Parts(finder=finders.finder_with(pollers.LAZY)))
    assert (judged(*changes).verdict, slow.verdict) == ("pass", "fail")
    assert "(COMPLETED, 25.39 s over)" in slow.evidence


@pytest.mark.parametrize(("change", "value"), [("rto=none", "no objective"), ("cancel_after=1m", "nothing recovered")])
def test_criterion_is_not_exercised_without_objective_or_recovery(change: str, value: str) -> None:
    found = judged(change)
    assert (found.verdict, found.value) == ("not exercised", value)


def test_objective_of_an_unknown_wave_is_named_in_the_evidence() -> None:
    contract = Contract.model_validate({**PRESETS["ours"], "rto": {"execution": "30m", "waves": {"Databse": "9m"}}})
    found = judged(scenario="many-waves", parts=Parts(contract=contract))
    assert found.verdict == "pass"
    assert found.evidence.endswith("; no wave is called 'Databse'")


def test_threshold_names_three_waves_and_counts_the_others() -> None:
    found = judged("waves=5", "rto={waves: {Wave 1: 40m, 2: 41m, 3: 42m, 4: 43m, 5: 44m}}", "jobs={pending: 1s}")
    assert found.threshold == "Wave 1 in 40m, wave 2 in 41m, wave 3 in 42m, 2 more"


def test_objective_of_an_unknown_wave_alone_is_not_exercised_and_named() -> None:
    contract = Contract.model_validate({**PRESETS["ours"], "rto": {"waves": {"Wav 1": "10m"}}})
    found = judged(scenario="many-waves", parts=Parts(contract=contract))
    assert (found.verdict, found.value) == ("not exercised", "no wave is called 'Wav 1'")
    assert found.evidence == "no objective was judged: no wave is called 'Wav 1'"


@pytest.mark.parametrize(("rto", "verdict"), [(None, "fail"), ("30m", "pass"), ("none", "not exercised")])
def test_contract_sets_the_objective_of_scenarios_that_set_none(rto: str | None, verdict: str) -> None:
    contract = Contract.model_validate({**PRESETS["ours"], "rto": "10m"})
    changes = [] if rto is None else [f"rto={rto}"]
    assert judged(*changes, scenario="many-waves", parts=Parts(contract=contract)).verdict == verdict


SESSIONS: Bug = next(bug for bug in snake_mapping.BUGS if bug.scenario == "sessions.yaml")


@pytest.mark.slow
def test_contract_of_another_team_judges_its_right_and_its_slow_pair(tmp_path: Path) -> None:
    pair = snake_mapping.PAIR
    scenario = pair.scenario("sessions.yaml", "contract.rto=20m")
    right = run(scenario, seed=1, tier="client", functions=pair.handlers(pair.folder)).result
    broken = pair.handlers(pair.with_bugs([SESSIONS], tmp_path / "pair"))
    slow = run(scenario, seed=1, tier="client", functions=broken).result
    assert (criterion(right).verdict, criterion(slow).verdict) == ("pass", "fail")
    assert criterion(right).threshold == "within 20m"
    assert [each.status for each in slow.objectives[0].first_missed] == ["POLLING"]


@pytest.mark.slow
def test_exploration_counts_seeds_that_missed_and_their_worst_p95() -> None:
    scenario = load("drill", ["rto={execution: 30m, waves: {1: 7m}}"])
    parts = [explore_range(scenario.model_dump_json(), first, last, "") for first, last in ((1, 3), (4, 8))]
    whole = explore_range(scenario.model_dump_json(), 1, 8, "")
    forwards, backwards = Campaign(parts), Campaign(reversed(parts))
    assert forwards.objectives == backwards.objectives == whole.objectives
    results = {seed: run(scenario, seed=seed, trace="off").result.objectives for seed in range(1, 9)}
    waves = {seed: records[1] for seed, records in results.items()}
    totals = forwards.objectives["Wave 1"]
    assert totals.seeds_missed == totals.missed == sum(each.missed for each in waves.values())
    assert 0 < totals.seeds_missed < totals.seeds == totals.recoveries == 8
    worst = {seed: each.times.p95 for seed, each in waves.items() if each.times}
    assert (totals.worst_s, totals.worst_seed) == (max(worst.values()), max(worst, key=worst.__getitem__))
    assert forwards.objectives[""].seeds_missed == 0
    assert {each.property for each in forwards.failures} == {NAME}
    assert len(forwards.failures) == totals.seeds_missed


@pytest.mark.slow
def test_missed_objective_is_shrunk_to_one_wave() -> None:
    failure, _ = shrunk(load("drill", ["rto={execution: 30m, waves: {1: 5m}}", "executions=3"]), 1, NAME)
    assert [(group.executions, len(group.waves)) for group in failure.scenario.workload] == [(1, 1)]
    assert failure.observed.startswith("COMPLETED, ")


@pytest.mark.slow
def test_objectives_of_waves_do_not_keep_other_failures_large() -> None:
    scenario = load("drill", ["rto={waves: {3: 50m}}", "expect=PARTIAL"])
    failure, _ = shrunk(scenario, 1, "Executions end as expected")
    assert [len(group.waves) for group in failure.scenario.workload] == [1]
    assert failure.scenario.rto is None


def test_result_without_objectives_is_read() -> None:
    data = run_of("idle").result.model_dump(mode="json", exclude={"objectives"})
    assert Result.model_validate(data).objectives == ()


def test_parts_of_each_recovery_add_up_in_the_result() -> None:
    for record in run_of("recovery").result.objectives:
        assert record.times is not None
        assert sum(record.parts.values()) == pytest.approx(record.times.mean, abs=1e-5)
        for each in record.slowest:
            assert sum(each.parts.values()) == pytest.approx(each.seconds, abs=1e-6)
