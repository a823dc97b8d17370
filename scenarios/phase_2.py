"""The figures of a run beside the ranges that the report of the Phase 2 test gives for them."""

from collections.abc import Collection
from typing import NamedTuple

from drsim.scenarios.result import Result
from drsim.simulator.figures.table import FIGURES


class BesidePhase2(NamedTuple):
    """How many figures have a range in Phase 2's report, and those with a value outside it, each in words."""

    compared: int
    outside: tuple[str, ...]

    @property
    def words(self) -> str:
        """The figures outside: "outside Phase 2's range: Warm (40-180 ms, there 48-175 ms)"; "" for none."""
        return f"outside Phase 2's range: {', '.join(self.outside)}" if self.outside else ""


def beside_phase_2(result: Result, names: Collection[str] = FIGURES.keys()) -> BesidePhase2:
    """Compare all values of each figure with its range.

    A figure of which the report gives one value has no range and is not compared: each run differs from it by chance.
    """
    compared, outside = 0, []
    for name in names:
        figure, found = FIGURES[name], result.metrics.distributions.get(name)
        if found is not None and figure.phase_2_min is not None and figure.phase_2_max is not None:
            compared += 1
            if not figure.phase_2_min <= found.min <= found.max <= figure.phase_2_max:
                outside.append(
                    f"{figure.title} ({found.min:,.0f}-{found.max:,.0f} {found.unit}, there {figure.phase_2})"
                )
    return BesidePhase2(compared, tuple(outside))
