"""Properties do not see the table through production's parsers: what a parser misreads is noticed in each tier."""

from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.wire.tier import wire_parts
from drsim.simulator.world import World
from tests.planted_bugs.misreadings import AWS, ITEMS, Misreading
from tests.planted_bugs.test_planted_bugs import broken


def broken_on_the_wire(planted: Misreading, functions: Handlers | None) -> set[str]:
    scenario = load(planted.scenario, planted.changes, contract="ours")
    with wire_parts(scenario, seed=1, functions=functions) as parts:
        return broken(World(scenario, seed=1, parts=parts))


@pytest.mark.slow
@pytest.mark.parametrize("planted", [*ITEMS, *AWS], ids=lambda planted: planted.name)
def test_misreading_in_wire_tier_is_caught(planted: Misreading, tmp_path: Path) -> None:
    assert set(planted.caught_by.split()) <= broken_on_the_wire(planted, planted.bundle(tmp_path))


@pytest.mark.slow
def test_bundle_of_production_without_an_edit_breaks_nothing(tmp_path: Path) -> None:
    (planted,) = (each for each in AWS if each.scenario == "load-100")
    same = Misreading(planted.name, planted.right, planted.right, planted.scenario, "", planted.changes, planted.file)
    assert broken_on_the_wire(same, same.bundle(tmp_path)) == set()


def test_misreading_ends_with_its_run() -> None:
    scenario = load(ITEMS[0].scenario, ITEMS[0].changes)
    assert broken(World(scenario, seed=1, parts=ITEMS[0].parts)) != set()
    assert broken(World(scenario, seed=1)) == set()
