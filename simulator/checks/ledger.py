"""The "sometimes" ledger: which fault kinds acted in which phase of an execution's life, and whether during a poll.

A "sometimes assertion", after Antithesis: a cell that stays empty over a whole exploration is an untried case.
"""

from collections import Counter
from typing import Final

from drsim.orchestrator.model import TERMINAL
from drsim.simulator.checks.phases import phase
from drsim.simulator.checks.truth import Truth
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.events import POLLER, FaultInjected, ItemChanged, LambdaEnded, LambdaStarted
from drsim.simulator.faults.kinds import CALLS, INDEX, START, START_RECOVERY, TICK, Fault
from drsim.simulator.trace import Trace

OVERDUE: Final = "OVERDUE"
PHASES: Final = ("STARTING", "PENDING", "STARTED", "IN_PROGRESS", OVERDUE, "ENDED")
"""Phases of life: before polling, the three of polling until the timeout, polling after the timeout, after the end."""

Cell = tuple[str, str]
"""A kind of fault and a phase of life."""


def phases_of(fault: Fault) -> tuple[str, ...]:
    """Return the phases in which a kind can act. Before polling only index and StartRecovery faults can."""
    if START_RECOVERY in fault.kind.points:
        return PHASES[:-1]
    return PHASES if INDEX in fault.kind.points else PHASES[1:]


class Ledger:
    """The ledger of one run. A fault that concerns no single execution counts for each one that exists."""

    def __init__(self, trace: Trace, limits: JudgedLimits, truth: Truth) -> None:
        self._limits = limits
        self._truth = truth
        # The last instant at which each execution in POLLING is not yet overdue.
        self._times_out_us: dict[str, int] = {}
        self._phases: dict[str, str] = {}
        self._polled: Counter[str] = Counter()
        self.fired: Counter[Cell] = Counter()
        self.in_flight: Counter[Cell] = Counter()
        # The cells of each execution, in order.
        self.struck: dict[str, dict[Cell, None]] = {}
        # Whether a fault acted on a tick, or on a poll's start or call, while an execution was overdue.
        self.met_the_timeout = False
        trace.attach(self)

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is None or now.status in TERMINAL:
            self._phases[event.execution_id] = "ENDED"
            self._times_out_us.pop(event.execution_id, None)
        elif now.owes_polls:
            self._phases[event.execution_id] = str(phase(now, self._limits))
            self._times_out_us[event.execution_id] = self._truth.times_out_us(now)

    def phase(self, execution_id: str, at_us: int) -> str:
        """The execution's phase of life at `at_us`, which must be the present."""
        if at_us > self._times_out_us.get(execution_id, at_us):
            return OVERDUE
        return self._phases.get(execution_id, "STARTING")

    def _on_started(self, event: LambdaStarted) -> None:
        if event.function == POLLER:
            self._polled[event.execution_id] += 1

    def _on_ended(self, event: LambdaEnded) -> None:
        if event.function == POLLER:
            self._polled[event.execution_id] -= 1

    def _on_fault(self, event: FaultInjected) -> None:
        for execution_id in [event.execution_id] if event.execution_id else list(self._phases):
            cell = (event.fault, self.phase(execution_id, event.at_us))
            self.fired[cell] += 1
            self.met_the_timeout |= cell[1] == OVERDUE and (
                event.operation == TICK or (event.function == POLLER and event.operation in (START, *CALLS))
            )
            self.in_flight[cell] += self._polled[execution_id] > 0
            self.struck.setdefault(execution_id, {})[cell] = None
