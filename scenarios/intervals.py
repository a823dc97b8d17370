"""Polling intervals as they are in effect: looks come at a fixed distance."""

from drsim.orchestrator.model import Phase
from drsim.simulator.checks.cadence import interval_us
from drsim.simulator.world import World


def look_every_us(world: World) -> int:
    """Distance between two looks of the finder."""
    sweeps = world.settings.sweeps_per_invocation
    return world.settings.sweep_us if sweeps > 1 else world.spec.schedule.rate


def effective_us(world: World, phase: Phase) -> int:
    """The interval that a phase has in effect: looks come at a fixed distance, so it is a multiple of that."""
    every_us = look_every_us(world)
    return -(-(interval_us(phase, world.settings) - world.settings.due_slack_us) // every_us) * every_us
