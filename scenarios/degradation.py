"""What a run needed wider bounds for, as records of its result."""

from drsim.scenarios.findings import violation_record
from drsim.scenarios.record import DegradedRecord
from drsim.simulator.checks.completion import CompletionLiveness
from drsim.simulator.checks.monitor import EXECUTIONS_MAX
from drsim.simulator.checks.starvation import NoStarvation
from drsim.simulator.figures import table as figures
from drsim.simulator.world import World


def degraded_of(world: World) -> tuple[DegradedRecord, ...]:
    """Return a record for each bound that is wider than usual, and that the run needed."""
    worst = _worst(world)
    return tuple(
        DegradedRecord(
            property=each.property,
            bound=each.bound,
            unit=each.unit,
            usual=each.usual,
            granted=each.granted,
            # Faults may excuse more than the bound, which says nothing of the bound.
            worst=found if (found := worst.get(each.bound)) is not None and found <= each.granted else None,
            count=each.count,
            checked=each.checked,
            executions=len(each.execution_ids),
            at_least=not each.is_all or len(each.execution_ids) >= EXECUTIONS_MAX,
            first=violation_record(each.first, world.spec.epoch_us),
        )
        for each in world.granted
    )


def _worst(world: World) -> dict[str, float]:
    """Return the largest value that each bound met, in its unit, where the run has it."""
    found: dict[str, int | None] = {}
    for monitor in world.monitors:
        if isinstance(monitor, CompletionLiveness):
            found["completion"] = monitor.late_us_max
        elif isinstance(monitor, NoStarvation):
            found["poll_gap"] = monitor.waited_us_max
    if delays := world.statistics.values(figures.POLL_DELAY):
        found["poll_delay"] = delays.high
    return {bound: worst_us / 1e6 for bound, worst_us in found.items() if worst_us is not None}
