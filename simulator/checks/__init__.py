"""The properties: what must hold in every run, each a monitor over the trace's events."""

from typing import Final

from drsim.simulator.checks import budgets, cadence, completion, lifecycle, logs, metrics, permissions, triggers, writes
from drsim.simulator.checks.monitor import Monitor

PROPERTIES: Final[tuple[type[Monitor], ...]] = (
    triggers.TriggerCadence,
    cadence.PollCadence,
    cadence.NoStarvation,
    completion.CompletionSoundness,
    completion.CompletionLiveness,
    completion.TimeoutTruth,
    lifecycle.TerminalAbsorbing,
    lifecycle.StatusOrder,
    writes.NoLostUpdate,
    writes.Isolation,
    lifecycle.FinalizeOnce,
    metrics.MetricsComplete,
    logs.LogCorrelation,
    permissions.LeastPrivilege,
    budgets.Budgets,
)
"""In the order of the design, which is the order of reports."""

STRAINED: Final[tuple[type[Monitor], ...]] = (
    cadence.PollCadence,
    cadence.NoStarvation,
    completion.CompletionLiveness,
    budgets.Budgets,
)
"""Properties that load alone can break. Judged by the usual bounds as well, they show what fails first."""
