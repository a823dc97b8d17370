"""The swarm: rules drawn from a seed, which are rules like any others."""

from typing import Final

import pytest
import yaml

from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario
from drsim.simulator.faults.kinds import TRUTHS, Fault
from drsim.simulator.faults.rules import Rule
from drsim.simulator.spec.swarm import with_swarm
from drsim.simulator.spec.world import Swarm, WorldSpec

SWARM: Final = WorldSpec.model_validate({"duration": "40m", "heal": "20m", "swarm": {}})


def drawn(seed: int, spec: WorldSpec = SWARM) -> tuple[Rule, ...]:
    return with_swarm(spec, seed).faults


def test_a_seed_always_draws_the_same_rules_and_others_draw_others() -> None:
    assert [drawn(seed) for seed in range(20)] == [drawn(seed) for seed in range(20)]
    assert len({drawn(seed) for seed in range(20)}) == 20


def test_new_kind_changes_only_the_seeds_that_draw_it() -> None:
    old = SWARM.model_copy(update={"swarm": Swarm(faults=tuple(fault for fault in Fault if fault is not Fault.SLOW))})
    new = [drawn(seed) for seed in range(100)]
    draws = [any(rule.fault is Fault.SLOW for rule in rules) for rules in new]
    assert 5 < sum(draws) < 40
    for seed, rules in enumerate(new):
        without = drawn(seed, old)
        if draws[seed]:
            assert set(rules) - set(without) == {rule for rule in rules if rule.fault is Fault.SLOW}
        else:
            assert rules == without


def test_rare_kinds_are_drawn_with_a_small_chance() -> None:
    rare = [rule for seed in range(300) for rule in drawn(seed) if rule.fault.kind.rare]
    assert {rule.fault for rule in rare} == {Fault.CANCELLED, Fault.DELETED, Fault.ANSWER_PARTIAL}
    assert {rule.chance for rule in rare} == {0.02}


def test_every_kind_comes_up_within_three_hundred_seeds() -> None:
    assert {rule.fault for seed in range(300) for rule in drawn(seed)} == set(Fault)


def test_one_kind_at_least_and_as_many_as_it_says_at_most_act_in_a_run() -> None:
    spec = SWARM.model_copy(update={"swarm": SWARM.swarm and SWARM.swarm.model_copy(update={"most": 3})})
    counts = {len(drawn(seed, spec)) for seed in range(100)}
    assert counts == {1, 2, 3}
    assert all(len({rule.fault for rule in drawn(seed)}) == len(drawn(seed)) for seed in range(100))


def test_only_the_kinds_that_it_names_are_drawn() -> None:
    spec = WorldSpec.model_validate({"swarm": {"faults": ["slow", "quota"], "most": 6}})
    assert {rule.fault for seed in range(40) for rule in drawn(seed, spec)} == {Fault.SLOW, Fault.QUOTA}
    assert max(len(drawn(seed, spec)) for seed in range(40)) == 2


def test_drawn_rules_follow_the_given_ones_and_replace_the_swarm() -> None:
    spec = WorldSpec.model_validate({"faults": [{"fault": "denied"}], "swarm": {}})
    done = with_swarm(spec, 5)
    assert done.faults[0] == Rule(fault=Fault.DENIED)
    assert len(done.faults) > 1
    assert done.swarm is None
    assert with_swarm(done, 6) is done


@pytest.mark.parametrize("heal", ["20m", None])
def test_rules_act_before_the_world_heals_or_ends(heal: str | None) -> None:
    spec = WorldSpec.model_validate({"duration": "40m", "heal": heal, "swarm": {}})
    end_us = spec.heal or spec.duration
    for rule in (rule for seed in range(100) for rule in drawn(seed, spec)):
        assert rule.after < end_us
        assert rule.before is None or rule.after < rule.before <= end_us
        # What is true of DRS does not come and go.
        assert rule.fault not in TRUTHS or (rule.after, rule.before) == (0, None)
        assert not rule.lasting


def test_a_drawn_run_can_be_written_to_a_file_and_read_again() -> None:
    chaos = load("chaos")
    for seed in range(20):
        scenario = with_swarm(chaos, seed)
        text = yaml.safe_dump(scenario.model_dump(mode="json"))
        assert Scenario.model_validate(yaml.safe_load(text)) == scenario
