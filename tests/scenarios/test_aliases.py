"""Files of earlier versions: each is read, and its rules mean the same under their current names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from drsim import campaign_files
from drsim.scenarios import failure
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario

OLD: Final = Path(__file__).parents[1] / "old"


def saved(path: Path) -> Scenario:
    """Return the scenario of a saved failure."""
    return failure.read(path).scenario


def written(path: Path) -> Scenario:
    """Return the scenario of a scenario file."""
    return load(str(path))


@pytest.mark.parametrize(
    ("name", "reads", "rules"),
    [
        ("R1_untold_at_the_timeout", written, ["servers-omitted of recovery after 28m10s before 31m30s"]),
        ("R3_jitter", saved, []),
        ("R4_slack", saved, []),
        ("R5_skew", saved, ["clock-skew at Clock of ExecutionFinder run 1 for 1s"]),
        ("R6_bound", saved, []),
        ("item-legal-249-kb", written, []),
        ("item-over-400-kb", written, []),
        ("mended-pair-raced", written, ["raced with chance 0.5", "event-duplicated with chance 0.3"]),
        ("session-expiry", written, []),
    ],
)
def test_old_file_is_read_and_its_rules_mean_the_same(
    name: str, reads: Callable[[Path], Scenario], rules: list[str]
) -> None:
    assert [str(rule) for rule in reads(OLD / f"{name}.yaml").faults] == rules


def test_former_name_of_a_catalogue_scenario_loads_it() -> None:
    assert load("fault-servers-untold") == load("fault-servers-omitted")


def test_swarm_with_a_former_kind_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("{name: mine, title: Mine, why: Mine., swarm: {faults: [servers-untold, slow]}}", encoding="utf-8")
    swarm = load(str(path)).swarm
    assert swarm is not None
    assert list(swarm.faults) == ["servers-omitted", "slow"]


def test_failure_with_a_former_kind_is_read(tmp_path: Path) -> None:
    path = tmp_path / "failure.yaml"
    text = (OLD / "R5_skew.yaml").read_text(encoding="utf-8")
    rule = "fault: clock-skew\n    operation: Clock\n    function: ExecutionFinder\n    run: 1\n    delay: 1s"
    assert rule in text
    path.write_text(text.replace(rule, "fault: servers-untold\n    run: 3"), encoding="utf-8")
    assert [str(rule) for rule in failure.read(path).scenario.faults] == ["servers-omitted run 3"]


def test_campaign_with_a_former_kind_is_read(tmp_path: Path) -> None:
    path = tmp_path / "campaign.jsonl"
    scenario = {"name": "mine", "title": "Mine", "why": "Mine.", "faults": [{"fault": "servers-untold"}]}
    counts = {"servers-untold OVERDUE": 2, "slow PENDING": 1}
    lines = [
        {"scenario": scenario, "parts": "", "code": "abc"},
        {"first": 1, "last": 9, "fired": counts, "in_flight": counts, "changed": counts, "recovery_s": {"3": 1}},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    kept = campaign_files.read(path)
    assert kept is not None
    (explored,) = kept.ranges
    assert [str(rule) for rule in kept.header.scenario.faults] == ["servers-omitted"]
    current = {"servers-omitted OVERDUE": 2, "slow PENDING": 1}
    assert explored.fired == explored.in_flight == explored.changed == current
    assert explored.recovery_s == {3: 1}
