"""The properties: what must hold in every run, each a monitor of the trace's events."""

from typing import Final

from drsim.simulator.checks import (
    announced,
    cadence,
    completion,
    functions,
    isolation,
    logs,
    metrics,
    readable,
    soundness,
    starvation,
    ticks,
    timeouts,
    updates,
    writes,
)
from drsim.simulator.checks.monitor import Monitor

PROPERTIES: Final[tuple[type[Monitor], ...]] = (
    readable.Readable,
    ticks.TriggerCadence,
    cadence.PollCadence,
    starvation.NoStarvation,
    soundness.CompletionSoundness,
    completion.CompletionLiveness,
    timeouts.TimeoutTruth,
    writes.TerminalAbsorbing,
    writes.StatusOrder,
    updates.NoLostUpdate,
    isolation.Isolation,
    writes.FinalizeOnce,
    announced.AnnouncedTruly,
    metrics.MetricsComplete,
    logs.LogCorrelation,
    functions.LeastPrivilege,
    functions.Budgets,
)
"""In the order of the design, which is the order of reports."""
