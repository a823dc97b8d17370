"""Announced-truly: what functions announce about the end of an execution is in the table, and is announced once."""

from typing import Final

from drsim.orchestrator.model import TERMINAL, ExecutionStatus
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind
from drsim.simulator.contract.layout import Vocabulary
from drsim.simulator.events import Announced, ItemChanged, LambdaEnded

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
        # The open executions, each with its status; and how those ended whose end a running invocation wrote.
        self._open: dict[str, str] = {}
        self._ends: dict[str, dict[str, ExecutionStatus]] = {}
        # The channels on which an end was announced, by execution: nothing for functions that announce none.
        self._announced: dict[str, set[str]] = {}

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is None or now.status in TERMINAL:
            self._open.pop(event.execution_id, None)
            if now is not None and now.status is not None and event.request_id:
                self._ends.setdefault(event.request_id, {})[event.execution_id] = now.status
        else:
            self._open[event.execution_id] = now.word or "no status"

    def _on_ended(self, event: LambdaEnded) -> None:
        self._ends.pop(event.request_id, None)

    def _on_announced(self, event: Announced) -> None:
        self.checked += 1
        execution_id, where = event.execution_id, event.channel.split(" ")[0]
        what = f"{event.function} announced {event.text_status} on {event.channel}"
        if execution_id in self._open:
            observed = f"{what} while the table shows {self._open[execution_id]}"
            self.violate(event, "an end in the table before it is announced", observed, ANNOUNCED_EARLY, where)
            return
        end, announced = self._end_of(execution_id), self._words.ours(event.text_status)
        if end is not None and announced is not end:
            self.violate(event, f"{end} announced, as in the table", what, ANNOUNCED_WRONGLY, where)
        channels = self._announced.setdefault(execution_id, set())
        if event.channel in channels:
            self.violate(event, "an end announced once", f"{what} again", ANNOUNCED_TWICE, where)
        channels.add(event.channel)

    def _end_of(self, execution_id: str) -> ExecutionStatus | None:
        """Return how an execution ended, if the invocation that wrote it still runs."""
        return next((ends[execution_id] for ends in self._ends.values() if execution_id in ends), None)
