"""Wrong services: a schedule, a Lambda and a table adapter as they go wrong in the field.

Each docstring says how one comes to write it.
"""

from typing import Any

from drsim.orchestrator.model import TERMINAL, ExecutionKey
from drsim.orchestrator.settings import SECOND_US
from drsim.simulator.events import POLLER
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.conditions import Conditions
from drsim.simulator.services.dynamodb import ALWAYS, ExecutionTable, QueryPage
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import LambdaService
from drsim.simulator.services.schedule import ScheduleRule
from drsim.simulator.services.spec import Functions
from drsim.simulator.trace import Trace


class RuleThatLosesATick(ScheduleRule):
    """The rule was disabled for a minute during a deployment."""

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


class RuleThatDrifts(ScheduleRule):
    """Each minute is counted from when the last tick was done with."""

    def _fire(self, number: int) -> None:
        self._first_us += SECOND_US * 9 // 10
        super()._fire(number)


class LambdaThatLosesInvocations(LambdaService):
    """A destination swallows one event in eight."""

    _count = 0

    def invoke_event(self, name: str, payload: Any, **how: Any) -> None:
        self._count += name == POLLER
        if name != POLLER or self._count % 8:
            super().invoke_event(name, payload, **how)


class LambdaThatDeliversTwice(LambdaService):
    """No bug at all: asynchronous invocation is at-least-once."""

    def invoke_event(self, name: str, payload: Any, **how: Any) -> None:
        super().invoke_event(name, payload, **how)
        if name == POLLER:
            super().invoke_event(name, payload, **how)


def lambda_with_little_room(kernel: Kernel, trace: Trace, spec: Functions, conditions: Conditions) -> LambdaService:
    """Another team's functions use up the account's concurrency."""
    return LambdaService(kernel, trace, spec.model_copy(update={"account_concurrency": 12}), conditions)


class TableWithoutConditions(ExecutionTable):
    """The adapter writes `ADD Version :one` and forgot the ConditionExpression."""

    def update(self, key: ExecutionKey, new: Any, *, writer: str, **keywords: Any) -> None:
        if writer == POLLER:
            stored = self.get(key)
            version: Any = 0 if stored is None else stored.attributes["Version"]
            new = {**new, "Version": version + 1}
            keywords["condition"] = ALWAYS
        super().update(key, new, writer=writer, **keywords)


class PollerTable(ExecutionTable):
    """A table adapter, right as it stands; wrong ones change what a poll writes."""

    def update(self, key: ExecutionKey, new: Any, *, writer: str, **keywords: Any) -> None:
        if writer == POLLER:
            new = self.change(key, dict(new))
        super().update(key, new, writer=writer, **keywords)

    def change(self, key: ExecutionKey, attributes: dict[str, Any]) -> dict[str, Any]:
        return attributes


class TableWithoutEndTime(PollerTable):
    """EndTime was added to the contract later, and one code path never got it."""

    def change(self, key: ExecutionKey, attributes: dict[str, Any]) -> dict[str, Any]:
        attributes.pop("EndTime", None)
        return attributes


class TableInMilliseconds(PollerTable):
    """LastPolledTime is written as JavaScript counts."""

    def change(self, key: ExecutionKey, attributes: dict[str, Any]) -> dict[str, Any]:
        return {**attributes, "LastPolledTime": attributes["LastPolledTime"] * 1000}


class TableWithoutVersions(PollerTable):
    """A poll checks the version and does not raise it, for "only the worker changes anything"."""

    def change(self, key: ExecutionKey, attributes: dict[str, Any]) -> dict[str, Any]:
        del attributes["Version"]
        return attributes


class TableThatIsPut(ExecutionTable):
    """PutItem of the attributes that the poller knows, and not UpdateItem."""

    def update(self, key: ExecutionKey, new: Any, *, writer: str, **keywords: Any) -> None:
        stored = self.get(key)
        if writer == POLLER and stored is not None and keywords["condition"].holds(stored):
            known = {name: value for name, value in stored.attributes.items() if name != "InitiatedBy"}
            self.put({**known, **new}, writer=writer, request_id=keywords["request_id"])
        else:
            super().update(key, new, writer=writer, **keywords)


class TableThatIsTidied(ExecutionTable):
    """What has ended is deleted at once, to keep the table small."""

    def update(self, key: ExecutionKey, new: Any, *, writer: str, **keywords: Any) -> None:
        super().update(key, new, writer=writer, **keywords)
        if writer == POLLER and new.get("Status") in TERMINAL:
            self.delete(key, writer=writer, request_id=keywords["request_id"])


class TableThatIsHotForAMoment(ExecutionTable):
    """No bug either: StatusIndex throttles one look beyond all retries, and the next tick looks again."""

    def query_status(self, status: str, after: Any = None) -> QueryPage:
        if 300 * SECOND_US < self._kernel.now_us < 330 * SECOND_US:
            raise ServiceError("ProvisionedThroughputExceededException", "too hot", retryable=True)
        return super().query_status(status, after)
