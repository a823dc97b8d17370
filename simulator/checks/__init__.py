"""The properties: what must hold in every run, each a monitor of the trace's events."""

from typing import Final

from drsim.simulator.checks.cadence import NoStarvation, PollCadence, TriggerCadence
from drsim.simulator.checks.completion import CompletionLiveness, CompletionSoundness, TimeoutTruth
from drsim.simulator.checks.functions import Budgets, LeastPrivilege, LogCorrelation
from drsim.simulator.checks.metrics import MetricsComplete
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.checks.writes import FinalizeOnce, Isolation, NoLostUpdate, StatusOrder, TerminalAbsorbing

PROPERTIES: Final[tuple[type[Monitor], ...]] = (
    *(TriggerCadence, PollCadence, NoStarvation, CompletionSoundness, CompletionLiveness, TimeoutTruth),
    *(TerminalAbsorbing, StatusOrder, NoLostUpdate, Isolation, FinalizeOnce),
    *(MetricsComplete, LogCorrelation, LeastPrivilege, Budgets),
)
"""In the order of the design, which is the order of reports."""

STRAINED: Final[tuple[type[Monitor], ...]] = (PollCadence, NoStarvation, CompletionLiveness, Budgets)
"""The properties that load alone can break. Held to the usual bounds as well, they show what fails first."""
