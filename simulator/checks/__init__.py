"""The properties: what must hold in every run, each a monitor of the trace's events."""

from typing import Final

from drsim.simulator.checks import cadence, completion, functions, metrics, starvation, ticks, writes
from drsim.simulator.checks.monitor import Monitor

PROPERTIES: Final[tuple[type[Monitor], ...]] = (
    ticks.TriggerCadence,
    cadence.PollCadence,
    starvation.NoStarvation,
    completion.CompletionSoundness,
    completion.CompletionLiveness,
    completion.TimeoutTruth,
    writes.TerminalAbsorbing,
    writes.StatusOrder,
    writes.NoLostUpdate,
    writes.Isolation,
    writes.FinalizeOnce,
    metrics.MetricsComplete,
    functions.LogCorrelation,
    functions.LeastPrivilege,
    functions.Budgets,
)
"""In the order of the design, which is the order of reports."""

STRAINED: Final = (cadence.PollCadence, starvation.NoStarvation, completion.CompletionLiveness, functions.Budgets)
"""The properties that load alone can break. Held to the usual bounds as well, they show what fails first."""
