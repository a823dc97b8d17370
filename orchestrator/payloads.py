"""The JSON payload of one poller invocation. Owns its field names; validates what comes in."""

from collections.abc import Mapping

from .errors import MalformedError
from .model import Dispatch, ExecutionKey


def payload_of(dispatch: Dispatch) -> dict[str, str | int]:
    """Return the payload that carries a dispatch, without fields that are None."""
    fields = {
        "ExecutionId": dispatch.key.execution_id,
        "PlanId": dispatch.key.plan_id,
        "DispatchedAtUs": dispatch.dispatched_us,
        "ActiveExecutions": dispatch.active_count,
        "StartedAtUs": dispatch.started_us,
    }
    return {name: value for name, value in fields.items() if value is not None}


def dispatch_of(payload: Mapping[str, object]) -> Dispatch:
    """Return the dispatch that a payload carries. Raises MalformedError, naming every wrong field."""
    wrong: list[str] = []
    dispatch = Dispatch(
        key=ExecutionKey(_text(payload, "ExecutionId", wrong), _text(payload, "PlanId", wrong)),
        dispatched_us=_count(payload, "DispatchedAtUs", wrong),
        active_count=_count(payload, "ActiveExecutions", wrong),
        started_us=_count(payload, "StartedAtUs", wrong),
    )
    if wrong:
        raise MalformedError("poller payload: " + "; ".join(wrong))
    return dispatch


def _text(payload: Mapping[str, object], name: str, wrong: list[str]) -> str:
    value = payload.get(name)
    if isinstance(value, str) and value:
        return value
    wrong.append(f"{name} must be a text of at least one character, got {value!r}")
    return ""


def _count(payload: Mapping[str, object], name: str, wrong: list[str]) -> int | None:
    if name not in payload:
        return None
    value = payload[name]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    wrong.append(f"{name} must be a whole number >= 0, got {value!r}")
    return None
