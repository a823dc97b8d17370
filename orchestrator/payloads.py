"""The JSON payload of one poller invocation. Owns its field names; validates what comes in."""

from collections.abc import Mapping

from .errors import MalformedError
from .model import Dispatch, ExecutionKey


def payload_of(dispatch: Dispatch) -> dict[str, str | int]:
    """The payload that carries a dispatch; what is None is left out."""
    payload: dict[str, str | int] = {"ExecutionId": dispatch.key.execution_id, "PlanId": dispatch.key.plan_id}
    if dispatch.dispatched_us is not None:
        payload["DispatchedAtUs"] = dispatch.dispatched_us
    if dispatch.active_count is not None:
        payload["ActiveExecutions"] = dispatch.active_count
    if dispatch.started_us is not None:
        payload["StartedAtUs"] = dispatch.started_us
    return payload


def dispatch_of(payload: Mapping[str, object]) -> Dispatch:
    """The dispatch that a payload carries. Raises MalformedError, naming every wrong field."""
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
