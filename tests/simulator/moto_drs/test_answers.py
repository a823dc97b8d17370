"""What the check of answers exempts from the model: what is listed, and nothing else."""

import json
from typing import Any

import pytest

from tests.simulator.moto_drs.answers import DENIED, MODEL, SIZES, UNMODELLED, VALUES, check


def modelled(operation: str) -> set[str]:
    return {error.name for error in MODEL.operation_model(operation).error_shapes}


def refuse(operation: str, code: str, reason: str, message: str) -> None:
    """Check an answer that refuses a call."""
    fields = [{"name": "sourceServerID", "message": message}]
    body = {"__type": code, "message": "m", "code": code, "reason": reason, "fieldList": fields}
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    check(operation, 400, headers, json.dumps(body).encode())


def test_no_exemption_is_in_the_model() -> None:
    # A newer botocore that has one of them fails here; the entry can go then.
    assert [pair for pair in sorted(UNMODELLED) if pair[1] in modelled(pair[0])] == []
    assert [name for name, values in VALUES.items() if values & set(shape(name).metadata["enum"])] == []
    assert [name for name, most in SIZES.items() if shape(name).metadata["max"] >= most] == []
    assert [name for name in MODEL.operation_names if DENIED not in modelled(name)] != []


def shape(name: str) -> Any:
    return MODEL.shape_for(name)


def test_malformed_request_may_get_the_unmodelled_error() -> None:
    text = "Value '!' at '/sourceServerID' failed to satisfy constraint: Member must satisfy regular expression pattern"
    refuse("StopReplication", "ValidationException", "fieldValidationFailed", text)


def test_well_formed_request_may_not_get_the_unmodelled_error() -> None:
    with pytest.raises(AssertionError, match="StopReplication has no ValidationException in the model"):
        refuse("StopReplication", "ValidationException", "fieldValidationFailed", "the server is STOPPED")


def test_other_unmodelled_error_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="ServiceQuotaExceededException"):
        refuse("StopReplication", "ServiceQuotaExceededException", "other", "m")
