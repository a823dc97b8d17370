"""Wrong services: a schedule, a Lambda and a table adapter as they go wrong in the field.

Each docstring says how one comes to write it.
"""

import logging
from typing import Any, Final

from orchestrator.model import (
    ExecutionKey,
)
from orchestrator.settings import MINUTE_US
from simulator.events import POLLER
from simulator.services.dynamodb import ExecutionTable
from simulator.services.functions import LambdaService
from simulator.services.schedule import ScheduleRule

_log = logging.getLogger("orchestrator.planted")

HOUR_US: Final = 60 * MINUTE_US


class RuleThatLosesATick(ScheduleRule):
    """The rule was disabled for a minute while somebody deployed."""

    def _fire(self, number: int) -> None:
        if number == 4:
            self._kernel.at(self._first_us + number * self._rate_us, self._fire, number + 1)
        else:
            super()._fire(number)


class RuleThatFiresTwice(ScheduleRule):
    """Two rules were left on the same function."""

    def _fire(self, number: int) -> None:
        super()._fire(number)
        self._target(number)


class LambdaThatLosesInvocations(LambdaService):
    """A destination swallows one event in eight."""

    _count = 0

    def invoke_event(self, name: str, payload: Any, *, execution_id: str, by: str) -> None:
        self._count += name == POLLER
        if name != POLLER or self._count % 8:
            super().invoke_event(name, payload, execution_id=execution_id, by=by)


class LambdaThatDeliversTwice(LambdaService):
    """No bug at all: asynchronous invocation is at-least-once."""

    def invoke_event(self, name: str, payload: Any, *, execution_id: str, by: str) -> None:
        super().invoke_event(name, payload, execution_id=execution_id, by=by)
        if name == POLLER:
            super().invoke_event(name, payload, execution_id=execution_id, by=by)


class TableWithoutConditions(ExecutionTable):
    """The adapter writes `ADD Version :one` and forgot the ConditionExpression."""

    def update(self, key: ExecutionKey, attributes: Any, *, writer: str, **keywords: Any) -> None:
        if writer == POLLER:
            stored = self.get(key)
            version: Any = 0 if stored is None else stored.attributes["Version"]
            attributes = {**attributes, "Version": version + 1}
            keywords["condition"] = None
        super().update(key, attributes, writer=writer, **keywords)
