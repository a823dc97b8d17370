"""One version of an item: its size, counted by hand, what it shares with the one before, and what is wrong with it."""

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsim.orchestrator.items import execution_of, waves_item
from drsim.simulator.services.stored_item import StoredItem, item_size_bytes
from tests.simulator.tables import Attributes, attributes_of

# --- sizes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "size_bytes"),
    [
        ("", 0),
        ("abc", 3),
        ("ä", 2),
        ("€uro", 6),
        (None, 1),
        (True, 1),
        (False, 1),
        # A number takes a byte for two digits, and one more.
        (7, 2),
        (12, 2),
        (123, 3),
        (1234567890, 6),
        (-12, 2),
        (0, 1),
        (Decimal("0.00"), 1),
        (Decimal("12.34"), 3),
        # Zeros before the first digit and behind the last one are not stored.
        (1200, 2),
        (Decimal("0.0012"), 2),
        (Decimal("1.2E+3"), 2),
        (Decimal("-1.2E-7"), 2),
        (Decimal("1764361949.25"), 7),
        # A list or a map takes 3 bytes, and 1 for each of its entries.
        ([], 3),
        ({}, 3),
        (["ab", 1], 3 + 2 + 2 + 2),
        (("ab", 1), 3 + 2 + 2 + 2),
        ({"k": "v"}, 3 + 1 + 1 + 1),
        ({"k": [{"n": None}], "kk": True}, 3 + 2 + 1 + (3 + 1 + (3 + 1 + 1 + 1)) + 2 + 1),
    ],
)
def test_a_value_has_the_size_that_dynamodb_counts(value: object, size_bytes: int) -> None:
    assert item_size_bytes({"": value}) == size_bytes
    assert item_size_bytes({"Name": value}) == 4 + size_bytes
    assert item_size_bytes({"Größe": value}) == 7 + size_bytes


def test_a_whole_item_has_the_size_counted_by_hand() -> None:
    wave = {"Status": "PENDING", "Servers": [{"SourceServerId": "s-1"}]}
    wave_bytes = 3 + 2 + (6 + 7) + 7 + (3 + 1 + (3 + 1 + 14 + 3))
    item = StoredItem({"ExecutionId": "e-1", "PlanId": "p", "Version": 12, "Waves": [wave, wave]})
    assert item.size_bytes == (11 + 3) + (6 + 1) + (7 + 2) + 5 + (3 + 2 + 2 * wave_bytes)


@pytest.mark.parametrize("value", [1.5, frozenset({1, 2}), object])
def test_a_value_that_dynamodb_does_not_know_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"a DynamoDB value must be a text, .* list, dict, bytes or set, got "):
        item_size_bytes({"Name": [value]})


def test_bytes_and_sets_such_as_a_client_may_write_have_a_size() -> None:
    assert item_size_bytes({"Name": b"bytes", "Set": {"a", "bc"}}) == (4 + 5) + (3 + 3)


# --- what is wrong -------------------------------------------------------------------------------------------


def a_wave(number: int = 1, **more: object) -> Attributes:
    """A wave that the orchestrator can read, with two servers."""
    servers = [{"SourceServerId": f"s-{number}{letter}", "Status": "PENDING", "Hostname": "h"} for letter in "ab"]
    wave: Attributes = {"AccountId": "1", "Region": "r", "Status": "LAUNCHING", "Servers": servers}
    return wave | {"WaveNumber": number} | more


def with_server(**more: object) -> Attributes:
    first, second = {"SourceServerId": "s-1", "Status": "PENDING"}, {"SourceServerId": "s-2", "Status": "PENDING"}
    return a_wave(2, Servers=[first, second | more])


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"PlanId": ""}, "item: PlanId must be a text of at least one character, got ''"),
        ({"StartTime": "noon"}, "execution a: StartTime must be a number of seconds since 1970, got 'noon'"),
        ({"TotalWaves": -1}, "execution a: TotalWaves must be a whole number >= 0, got -1"),
        ({"Version": Decimal("1.5")}, "execution a: Version must be a whole number >= 0, got Decimal('1.5')"),
        ({"Waves": "none"}, "execution a: Waves must be a list of maps, got 'none'"),
        ({"Waves": [a_wave(), 7]}, "execution a: Waves[1] must be a map, got 7"),
        (
            {"Waves": [a_wave(), a_wave(2, Region=None)]},
            "execution a: Waves[1]: Region must be a text of at least one character, got None",
        ),
        (
            {"Waves": [a_wave(), with_server(SourceServerId=3)]},
            "execution a: Waves[1]: Servers[1]: SourceServerId must be a text of at least one character, got 3",
        ),
        (
            {"Waves": [with_server(Status="UP"), a_wave()]},
            "execution a: Waves[0]: Servers[1]: Status must be one of NOT_STARTED, PENDING, IN_PROGRESS, LAUNCHED, "
            "FAILED, TERMINATED, got 'UP'",
        ),
    ],
)
@pytest.mark.parametrize("shares", [False, True])
def test_a_malformed_item_has_no_execution_and_names_the_place_the_rule_and_the_value(
    change: Attributes, wrong: str, shares: bool
) -> None:
    before = StoredItem(attributes_of("a", Waves=[a_wave(), a_wave(2)])) if shares else None
    item = StoredItem(attributes_of("a") | change, before)
    assert (item.execution, item.wrong) == (None, wrong)
    assert (item.execution, item.wrong) == (None, wrong)
    healed = StoredItem(attributes_of("a", Waves=[a_wave(), a_wave(2)]), item)
    assert healed.execution == execution_of(healed.attributes)
    assert healed.wrong is None


# --- what is shared ------------------------------------------------------------------------------------------


def test_a_wave_that_is_as_before_is_the_very_same_object_and_a_changed_one_is_new() -> None:
    before = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2), a_wave(3)]))
    after = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2, Status="COMPLETED"), a_wave(3)]), before)
    assert before.execution is not None
    assert after.execution is not None
    same = [new is old for new, old in zip(after.execution.waves, before.execution.waves, strict=True)]
    assert same == [True, False, True]
    assert after.execution == execution_of(after.attributes)


def test_a_wave_that_moved_to_another_place_is_read_again_with_its_new_place() -> None:
    before = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2), a_wave(3)]))
    after = StoredItem(attributes_of("a", Waves=[a_wave(3), a_wave(1)]), before)
    assert after.execution == execution_of(attributes_of("a", Waves=[a_wave(3), a_wave(1)]))


def test_the_version_before_stays_as_it_was() -> None:
    before = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2)]))
    image, execution, size_bytes = deepcopy(dict(before.attributes)), before.execution, before.size_bytes
    StoredItem(attributes_of("a", Waves=[a_wave(1, Status="FAILED"), a_wave(2), a_wave(3)]), before)
    assert (dict(before.attributes), before.execution, before.size_bytes) == (image, execution, size_bytes)


def test_waves_that_were_only_read_become_the_items_that_the_table_holds_and_others_are_made_anew() -> None:
    first = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2)]))
    assert first.execution is not None
    written = first.waves_item(first.execution.waves)
    assert written == waves_item(first.execution.waves)
    second = StoredItem(attributes_of("a", Waves=written, Version=2), first)
    assert second.execution is not None
    again = second.waves_item([second.execution.waves[0], replace(second.execution.waves[1], name="other")])
    assert again == waves_item([second.execution.waves[0], replace(second.execution.waves[1], name="other")])
    assert again[0] is cast(list[object], second.attributes["Waves"])[0]
    assert second.waves_item([second.execution.waves[1]]) == waves_item([second.execution.waves[1]])


def test_a_wave_that_lies_there_otherwise_than_the_orchestrator_writes_it_is_not_written_back_so() -> None:
    # Phase 1 writes "" for a job that it could not start.
    first = StoredItem(attributes_of("a", Waves=[a_wave(JobId="")]))
    assert first.execution is not None
    first.waves_item(first.execution.waves)
    second = StoredItem(attributes_of("a", Waves=[a_wave(JobId="")], Version=2), first)
    assert second.execution is not None
    (written,) = second.waves_item(second.execution.waves)
    assert "JobId" not in written


def test_a_malformed_version_holds_no_wave_to_share() -> None:
    wave = execution_of(attributes_of("a", Waves=[a_wave()])).waves
    assert StoredItem(attributes_of("a", Waves=[a_wave()], Status="no such status")).waves_item(wave) == waves_item(
        wave
    )


waves = st.lists(
    st.one_of(
        st.builds(
            lambda number, status, note: a_wave(number, Status=status, Note=note),
            st.integers(1, 3),
            st.sampled_from(["LAUNCHING", "IN_PROGRESS", "COMPLETED", "no such status"]),
            # 1 and 1.0 are one number in Python as in DynamoDB, so such a wave counts as the same.
            st.sampled_from(["", "long note", 1, Decimal("1.0"), None]),
        ),
        st.just("no map"),
    ),
    max_size=4,
)
waves_attribute = st.one_of(waves, waves, waves, st.none(), st.just("no list"))


@given(st.lists(waves_attribute, min_size=2, max_size=6), st.booleans())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_version_that_shares_with_those_before_is_as_one_built_alone(versions: list[object], read: bool) -> None:
    before: StoredItem | None = None
    for value in versions:
        image = attributes_of("a") if value is None else attributes_of("a", Waves=value)
        alone, shared = StoredItem(deepcopy(image)), StoredItem(deepcopy(image), before)
        if read:
            assert shared.execution == alone.execution
        assert shared.attributes == image
        assert shared.size_bytes == alone.size_bytes == item_size_bytes(image)
        before = shared
    assert before is not None
    assert (before.execution, before.wrong) == (alone.execution, alone.wrong)


others = st.dictionaries(
    st.sampled_from(["Note", "Größe", "LastPolledTime", "Version", "Waves"]),
    st.one_of(st.integers(0, 10**9), st.text(max_size=9), st.just([]), st.just([a_wave()]), st.none()),
)


@given(st.lists(others, min_size=2, max_size=6))
@settings(max_examples=200, derandomize=True)
def test_a_version_is_as_large_as_its_own_attributes_whatever_came_changed_or_went(versions: list[Attributes]) -> None:
    before: StoredItem | None = None
    for more in versions:
        image = attributes_of("a") | deepcopy(more)
        before = StoredItem(deepcopy(image), before)
        assert before.size_bytes == item_size_bytes(image)
