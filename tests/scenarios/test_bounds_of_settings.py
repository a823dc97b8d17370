"""Bounds of properties follow from settings: unusual ones break nothing."""

import pytest

from drsim.scenarios.files import load
from drsim.simulator.world import World


def violated(name: str, seed: int, *changes: str) -> list[str]:
    world = World(load(name, changes), seed=seed, verdict_only=True)
    world.run()
    return [monitor.name for monitor in world.monitors if monitor.violations_count]


@pytest.mark.parametrize(
    "changes",
    [
        # Two queries of one invocation do not take the same time: 29.985 s lie between two looks.
        ("SWEEPS_PER_INVOCATION=2", "IN_PROGRESS_INTERVAL_SECONDS=31"),
        # With this slack an execution is due 40 s after its last poll.
        ("SWEEPS_PER_INVOCATION=6", "DUE_SLACK_SECONDS=5"),
    ],
)
def test_settings_of_cadence_break_nothing(changes: tuple[str, ...]) -> None:
    assert violated("drill", 1, *changes) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 7, 11, 16])
def test_skewed_clock_that_heals_between_looks_breaks_nothing(seed: int) -> None:
    assert violated("fault-clock-skew", seed, "SWEEPS_PER_INVOCATION=6", "schedule.first=37s") == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [22, 30])
def test_many_looks_under_chaos_break_nothing(seed: int) -> None:
    assert violated("chaos", seed, "SWEEPS_PER_INVOCATION=4") == []
