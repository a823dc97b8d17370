"""Attribute names of a team's own table."""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsim.simulator.services.spec import TableSpec
from drsim.simulator.wire.table import OURS, Names

TEXTS: Final = st.sampled_from([*OURS, "note", "Extra"])
VALUES: Final = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def names_of(style: str = "PascalCase", **names: str) -> Names:
    return Names(TableSpec.model_validate({"style": style, "names": names}))


@pytest.mark.parametrize(
    ("style", "theirs"),
    [
        ("PascalCase", ["ExecutionId", "LastPolledTime", "Status", "SourceServerId"]),
        ("camelCase", ["executionId", "lastPolledTime", "status", "sourceServerId"]),
        ("snake_case", ["execution_id", "last_polled_time", "status", "source_server_id"]),
    ],
)
def test_a_style_spells_every_attribute(style: str, theirs: list[str]) -> None:
    names = names_of(style)
    assert [names.of(name) for name in ("ExecutionId", "LastPolledTime", "Status", "SourceServerId")] == theirs


def test_a_name_of_its_own_goes_before_the_style() -> None:
    names = names_of("snake_case", ExecutionId="pk", PlanId="sk")
    assert [names.of(name) for name in ("ExecutionId", "PlanId", "StartTime")] == ["pk", "sk", "start_time"]
    assert names.ours({"pk": "e", "sk": "p", "start_time": 1}) == {"ExecutionId": "e", "PlanId": "p", "StartTime": 1}


def test_unknown_attribute_keeps_its_name() -> None:
    names = names_of("camelCase")
    assert names.of("OwnedBy") == "OwnedBy"
    assert names.theirs({"OwnedBy": "x"}) == names.ours({"OwnedBy": "x"}) == {"OwnedBy": "x"}


def test_names_are_translated_however_deep_and_values_never() -> None:
    item = {"Waves": [{"Servers": [{"InstanceId": "Status"}]}], "Status": "Status", "Note": ("Status", {"JobId": None})}
    assert names_of("snake_case").theirs(item) == {
        "waves": [{"servers": [{"instance_id": "Status"}]}],
        "status": "Status",
        "Note": ["Status", {"job_id": None}],
    }
    assert item["Status"] == "Status", "the original is not changed"


@pytest.mark.parametrize("style", ["PascalCase", "camelCase", "snake_case"])
def test_no_style_calls_two_attributes_the_same(style: str) -> None:
    names = names_of(style)
    assert len({names.of(name) for name in OURS}) == len(OURS)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(value=VALUES, style=st.sampled_from(["PascalCase", "camelCase", "snake_case"]))
def test_names_survive_a_round_trip(value: object, style: str) -> None:
    names = names_of(style, ExecutionId="pk")
    assert names.ours(names.theirs(value)) == value
