"""The properties: what must hold in every run, each a monitor over the trace's events."""

from typing import Final

from drsim.simulator.properties.budgets import Budgets
from drsim.simulator.properties.cadence import NoStarvation, PollCadence
from drsim.simulator.properties.completion import CompletionLiveness, CompletionSoundness, TimeoutTruth
from drsim.simulator.properties.lifecycle import FinalizeOnce, StatusOrder, TerminalAbsorbing
from drsim.simulator.properties.logs import LogCorrelation
from drsim.simulator.properties.metrics import MetricsComplete
from drsim.simulator.properties.monitor import Monitor
from drsim.simulator.properties.permissions import LeastPrivilege
from drsim.simulator.properties.triggers import TriggerCadence
from drsim.simulator.properties.writes import Isolation, NoLostUpdate

PROPERTIES: Final[tuple[type[Monitor], ...]] = (
    TriggerCadence,
    PollCadence,
    NoStarvation,
    CompletionSoundness,
    CompletionLiveness,
    TimeoutTruth,
    TerminalAbsorbing,
    StatusOrder,
    NoLostUpdate,
    Isolation,
    FinalizeOnce,
    MetricsComplete,
    LogCorrelation,
    LeastPrivilege,
    Budgets,
)
"""In the order of the design, which is the order of reports."""

STRAINED: Final[tuple[type[Monitor], ...]] = (PollCadence, NoStarvation, CompletionLiveness, Budgets)
"""Those that load alone can break: held to the usual bounds as well, they tell what gives way first."""
