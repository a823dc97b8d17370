"""Announced-truly: what functions announce about the end of an execution is in the table, and is announced once."""

from typing import Final

from drsim.orchestrator.model import TERMINAL, ExecutionStatus
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind
from drsim.simulator.contract.layout import Vocabulary
from drsim.simulator.events import Announced, ItemChanged

ANNOUNCED_EARLY: Final = ViolationKind(
    "announced before it is written", Consequence.WRONG_END, "Others act on an end that may never come."
)
ANNOUNCED_WRONGLY: Final = ViolationKind(
    "announced otherwise", Consequence.WRONG_END, "Others act on an end that the table does not show."
)
ANNOUNCED_TWICE: Final = ViolationKind("announced twice", Consequence.PROMISE, "Others act twice on one end.")


class AnnouncedTruly(Monitor):
    name = "announced-truly"
    rule = "Each end is announced at most once on each channel, as the table shows it, and only once it is written."

    def prepare(self) -> None:
        self._words = Vocabulary(ExecutionStatus, self.contract.words.execution)
        # The open executions, each with its status; and the ended ones with theirs, None if they were deleted.
        self._open: dict[str, str] = {}
        self._ends: dict[str, ExecutionStatus | None] = {}
        # The channels on which an end was announced, by execution: nothing for functions that announce none.
        self._announced: dict[str, set[str]] = {}

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is None or now.status in TERMINAL:
            self._open.pop(event.execution_id, None)
            # Our own functions announce nothing, and have runs of 100,000 executions.
            if not self.context.is_ours:
                self._ends[event.execution_id] = None if now is None else now.status
        else:
            self._open[event.execution_id] = now.word or "no status"

    def _on_announced(self, event: Announced) -> None:
        self.checked += 1
        execution_id, where = event.execution_id, event.channel.split(" ")[0]
        what = f"{event.function} announced {event.text_status} on {event.channel}"
        if execution_id not in self._ends:
            shows = self._open.get(execution_id, "no such execution")
            observed = f"{what} while the table shows {shows}"
            self.violate(event, "an end in the table before it is announced", observed, ANNOUNCED_EARLY, where)
            return
        end, announced = self._ends[execution_id], self._words.ours(event.text_status)
        if end is not None and announced is not end:
            self.violate(event, f"{end} announced, as in the table", what, ANNOUNCED_WRONGLY, where)
        channels = self._announced.setdefault(execution_id, set())
        if event.channel in channels:
            self.violate(event, "an end announced once", f"{what} again", ANNOUNCED_TWICE, where)
        channels.add(event.channel)
