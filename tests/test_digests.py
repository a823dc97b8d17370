"""Digests are those kept in digests.json: a change that alters one says so in CHANGELOG."""

import pytest

from scenarios.files import load
from scenarios.runner import run
from tests.determinism import KEPT, SCENARIOS, SEEDS, kept


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_has_the_digest_that_is_kept_for_its_seed(scenario: str) -> None:
    found = {f"{scenario}/{seed}": run(load(scenario), seed=seed).result.trace_digest for seed in SEEDS}
    assert found == {name: kept()[name] for name in found}, f"update {KEPT.name} with `nox -s determinism -- --update`"


def test_another_seed_has_another_digest() -> None:
    assert len(set(kept().values())) == len(SCENARIOS) * len(SEEDS)
