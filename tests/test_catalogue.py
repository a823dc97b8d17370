"""Every scenario of the catalogue once: production code passes, each fault rule injects, and digests are as kept."""

import operator

import pytest

from tests import determinism
from tests.catalogue import NAMES, SEEDS, run_of

_KEEPS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n == "load-100" else []) for n in NAMES])
def test_scenario_passes_and_keeps_its_digest(name: str, seed: int) -> None:
    """The verdict pass also means that everything the scenario declares was exercised."""
    result = run_of(name, seed).result
    assert result.verdict == "pass", [each for each in result.properties if each.verdict == "fail"]
    if not name.startswith("chaos"):
        # Rules drawn from a seed may have no occasion; rules of a scenario must inject.
        # No read of our functions can be stale.
        never = ["stale-read with chance 0.5"] if name == "fault-stale-read" else []
        assert [fault.rule for fault in result.faults if not fault.struck] == never
    kept = determinism.kept().get(f"{name}/{seed}", result.trace_digest)
    assert result.trace_digest == kept, "if intended: nox -s determinism -- --update, and a line in CHANGELOG"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "load-100"])
def test_criterion_that_passes_keeps_its_limit_as_a_number(name: str) -> None:
    for each in (criterion for seed in SEEDS for criterion in run_of(name, seed).result.criteria):
        assert each.limit is not None, each.name
        if each.verdict == "pass":
            assert each.measured is not None, each.name
            assert _KEEPS[each.relation](each.measured, each.limit), (each.name, each.measured)


def test_kept_digests_differ_and_belong_to_catalogue_scenarios() -> None:
    kept = determinism.kept()
    assert sorted(kept) == sorted(f"{name}/{seed}" for name in determinism.SCENARIOS for seed in determinism.SEEDS)
    assert {*determinism.SCENARIOS} <= {*NAMES}
    assert {*determinism.SEEDS} <= {*SEEDS}
    assert len({*kept.values()}) == len(kept)
