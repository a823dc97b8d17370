"""The JSON payload of one poller invocation. Owns its field names; validates what comes in."""

from collections.abc import Mapping

from orchestrator.errors import MalformedError
from orchestrator.model import Dispatch, ExecutionKey


def payload_of(dispatch: Dispatch) -> dict[str, str | int]:
    """The payload that carries a dispatch; what is None is left out."""
    payload: dict[str, str | int] = {
        "ExecutionId": dispatch.key.execution_id,
        "PlanId": dispatch.key.plan_id,
    }
    if dispatch.dispatched_us is not None:
        payload["DispatchedAtUs"] = dispatch.dispatched_us
    if dispatch.active_count is not None:
        payload["ActiveExecutions"] = dispatch.active_count
    if dispatch.started_us is not None:
        payload["StartedAtUs"] = dispatch.started_us
    return payload


def dispatch_of(payload: Mapping[str, object]) -> Dispatch:
    """The dispatch that a payload carries. Raises MalformedError, naming every wrong field."""
    wrong = [
        f"{name} must be a text of at least one character, got {payload.get(name)!r}"
        for name in ("ExecutionId", "PlanId")
        if not isinstance(payload.get(name), str) or not payload[name]
    ]
    wrong += [
        f"{name} must be a whole number >= 0, got {payload[name]!r}"
        for name in ("DispatchedAtUs", "ActiveExecutions", "StartedAtUs")
        if name in payload and not _whole(payload[name])
    ]
    if wrong:
        raise MalformedError("poller payload: " + "; ".join(wrong))
    dispatched, active, started = (payload.get(name) for name in ("DispatchedAtUs", "ActiveExecutions", "StartedAtUs"))
    return Dispatch(
        key=ExecutionKey(str(payload["ExecutionId"]), str(payload["PlanId"])),
        dispatched_us=dispatched if isinstance(dispatched, int) else None,
        active_count=active if isinstance(active, int) else None,
        started_us=started if isinstance(started, int) else None,
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
