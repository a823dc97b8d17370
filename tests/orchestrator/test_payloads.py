"""The JSON payload of a poller invocation: its round trip, and the errors of wrong payloads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.model import Dispatch, ExecutionKey
from drsim.orchestrator.payloads import dispatch_of, payload_of
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import KEY
from tests.orchestrator.strategies import QUICK

WRITTEN = {"ExecutionId": "e-1", "PlanId": "plan-1"}

_ids = st.text('aZ0-é\n"', min_size=1, max_size=6)
_counts = st.none() | st.integers(0, 1 << 60)
dispatches = st.builds(Dispatch, key=st.builds(ExecutionKey, _ids, _ids), dispatched_us=_counts, active_count=_counts)


@QUICK
@given(dispatches)
def test_dispatch_survives_the_payload_round_trip(dispatch: Dispatch) -> None:
    assert dispatch_of(json.loads(json.dumps(payload_of(dispatch)))) == dispatch


def test_payload_names_the_execution_and_its_look() -> None:
    dispatch = Dispatch(key=KEY, dispatched_us=START_US, active_count=3)
    assert payload_of(dispatch) == {**WRITTEN, "DispatchedAtUs": START_US, "ActiveExecutions": 3}


def test_payload_of_a_person_may_name_the_execution_only() -> None:
    assert dispatch_of(WRITTEN) == Dispatch(key=KEY)
    assert payload_of(Dispatch(key=KEY)) == WRITTEN


def test_zero_survives_the_payload_round_trip() -> None:
    dispatch = Dispatch(key=KEY, dispatched_us=0, active_count=0)
    assert dispatch_of(payload_of(dispatch)) == dispatch


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("ExecutionId", None, "must be a text of at least one character, got None"),
        ("ExecutionId", "", "must be a text of at least one character, got ''"),
        ("PlanId", 7, "must be a text of at least one character, got 7"),
        ("DispatchedAtUs", None, "must be a whole number >= 0, got None"),
        ("DispatchedAtUs", -1, "must be a whole number >= 0, got -1"),
        ("DispatchedAtUs", True, "must be a whole number >= 0, got True"),
        ("ActiveExecutions", "3", "must be a whole number >= 0, got '3'"),
        ("ActiveExecutions", 1.5, "must be a whole number >= 0, got 1.5"),
    ],
)
def test_wrong_field_is_refused_with_name_rule_and_value(name: str, value: object, rule: str) -> None:
    with pytest.raises(MalformedError) as refused:
        dispatch_of({**WRITTEN, name: value})
    assert str(refused.value) == f"poller payload: {name} {rule}"


def test_all_wrong_fields_are_named_in_one_error() -> None:
    with pytest.raises(MalformedError) as refused:
        dispatch_of({"DispatchedAtUs": "now"})
    assert str(refused.value) == (
        "poller payload: ExecutionId must be a text of at least one character, got None; "
        "PlanId must be a text of at least one character, got None; "
        "DispatchedAtUs must be a whole number >= 0, got 'now'"
    )


_junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text("e-1", max_size=3) | st.lists(st.integers())


@QUICK
@given(st.dictionaries(st.sampled_from([*WRITTEN, "DispatchedAtUs", "ActiveExecutions", "Other"]), _junk))
def test_any_payload_is_read_or_refused_as_malformed(payload: dict[str, object]) -> None:
    try:
        dispatch = dispatch_of(payload)
    except MalformedError as error:
        refusal = str(error)
    else:
        assert dispatch.key == (payload["ExecutionId"], payload["PlanId"])
        return
    assert ", got " in refusal
