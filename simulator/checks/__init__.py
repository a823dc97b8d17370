"""The properties: what must hold in every run, each a monitor over the trace's events."""

from typing import Final

from drsim.simulator.checks.budgets import Budgets
from drsim.simulator.checks.cadence import NoStarvation, PollCadence
from drsim.simulator.checks.completion import CompletionLiveness, CompletionSoundness, TimeoutTruth
from drsim.simulator.checks.lifecycle import FinalizeOnce, StatusOrder, TerminalAbsorbing
from drsim.simulator.checks.logs import LogCorrelation
from drsim.simulator.checks.metrics import MetricsComplete
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.checks.permissions import LeastPrivilege
from drsim.simulator.checks.triggers import TriggerCadence
from drsim.simulator.checks.writes import Isolation, NoLostUpdate

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
