"""One version of an item: its size, counted by hand, what it shares with the one before, and what the judge reads."""

from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.items import execution_of
from drsim.simulator.reader import WaveView
from drsim.simulator.services.stored_item import StoredItem, item_size_bytes
from tests.simulator.tables import READER, Attributes, attributes_of

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
    item = StoredItem({"ExecutionId": "e-1", "PlanId": "p", "Version": 12, "Waves": [wave, wave]}, READER)
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
        ({"StartTime": "noon"}, "StartTime must be a number of seconds since 1970, got 'noon'"),
        ({"TotalWaves": -1}, "TotalWaves must be a whole number >= 0, got -1"),
        ({"Version": Decimal("1.5")}, "Version must be a whole number >= 0, got Decimal('1.5')"),
        (
            {"TotalWaves": Decimal("12345678901234567890123456789.5")},
            "TotalWaves must be a whole number >= 0, got Decimal('12345678901234567890123456789.5')",
        ),
        ({"Waves": "none"}, "Waves must be a list of maps, got 'none'"),
        ({"Waves": [a_wave(), 7]}, "Waves[1] must be a map, got 7"),
        ({"Waves": [a_wave(), a_wave(2, Region=7)]}, "Waves[1].Region must be a text of at least one character, got 7"),
        (
            {"Waves": [a_wave(), with_server(SourceServerId=3)]},
            "Waves[1].Servers[1].SourceServerId must be a text of at least one character, got 3",
        ),
        (
            {"Waves": [with_server(Status="UP"), a_wave()]},
            "Waves[0].Servers[1].Status must be one of NOT_STARTED, PENDING, IN_PROGRESS, LAUNCHED, "
            "FAILED, TERMINATED, got 'UP'",
        ),
    ],
)
def test_unreadable_field_is_unknown_with_its_reason(change: Attributes, wrong: str) -> None:
    item = StoredItem(attributes_of("a", Waves=[a_wave()]) | change, READER)
    assert [*map(str, item.execution.unreadable)] == [wrong]
    with pytest.raises(MalformedError):
        execution_of(item.attributes)
    healed = StoredItem(attributes_of("a", Waves=[a_wave(), a_wave(2)]), READER, item)
    assert healed.execution.unreadable == ()


def test_all_that_is_readable_of_an_unreadable_item_is_read() -> None:
    servers = [{"SourceServerId": "s-1", "Status": "UP"}, {"SourceServerId": "s-2", "Status": "LAUNCHED"}, 7]
    waves = ["no map", a_wave(2, Status="COMPLETED", JobStatus=3, Servers=servers)]
    view = StoredItem(attributes_of("a", "LOST", Version="one", EndTime=50, Waves=waves), READER).execution
    assert (view.status, view.version, view.end_us, view.total_waves) == (None, None, 50_000_000, 1)
    assert [(wave.number, str(wave.status), wave.finished) for wave in view.waves] == [
        (None, "None", False),
        (2, "COMPLETED", True),
    ]
    assert [(server.source_server_id, server.status) for server in view.waves[1].servers] == [
        ("s-1", None),
        ("s-2", "LAUNCHED"),
        (None, None),
    ]
    assert [reason.attribute for reason in view.unreadable] == [
        "Status",
        "Version",
        "Waves[0]",
        "Waves[1].JobStatus",
        "Waves[1].Servers[0].Status",
        "Waves[1].Servers[2]",
    ]


def test_huge_numbers_are_read() -> None:
    view = StoredItem(attributes_of("a", StartTime=Decimal("1E+125"), TotalWaves=Decimal("1E+30")), READER).execution
    assert (view.start_us, view.total_waves, view.unreadable) == (10**131, 10**30, ())


def test_number_beyond_the_range_of_dynamodb_is_unreadable() -> None:
    item = attributes_of("a", StartTime=Decimal("9E+999999"), TotalWaves=Decimal("1E+999999"))
    view = READER.execution(item, ())
    assert (view.start_us, view.total_waves, len(view.unreadable)) == (None, None, 2)


# Up to 38 digits and an exponent up to 125, as DynamoDB has them.
decimals = st.builds(
    lambda digits, exponent: Decimal(f"{digits}E{exponent}"), st.integers(1 - 10**38, 10**38 - 1), st.integers(-130, 88)
)
scalars = st.one_of(
    st.text(max_size=9), st.integers(-(10**38), 10**38), decimals, st.booleans(), st.none(), st.binary(max_size=4)
)
names = st.sampled_from(
    [
        "ExecutionType",
        "StartTime",
        "EndTime",
        "LastPolledTime",
        "Version",
        "TotalWaves",
        "WaveNumber",
        "WaveName",
        "Region",
        "AccountId",
        "JobId",
        "JobStatus",
        "Status",
        "StatusMessage",
        "Servers",
        "SourceServerId",
        "InstanceId",
        "Waves",
        "Own",
    ]
)
values = st.recursive(
    st.one_of(scalars, st.sets(st.one_of(st.text(max_size=4), st.integers(), st.binary(max_size=4)), max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=6)),
    max_leaves=12,
)


numbers = st.dictionaries(st.sampled_from(["StartTime", "EndTime", "Version", "TotalWaves", "WaveNumber"]), decimals)
items = st.builds(lambda item, more: item | more, st.dictionaries(names, values), numbers)


@given(items, st.lists(st.one_of(items, values), max_size=3))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_reader_reads_any_values_without_an_error(item: Attributes, waves: list[object]) -> None:
    views = tuple([READER.wave(place, wave) for place, wave in enumerate(waves)])
    view = READER.execution(item, views)
    assert set(view.unreadable) >= {reason for wave in views for reason in wave.unreadable}


@pytest.mark.parametrize(
    ("wave", "seen"),
    [
        ({"JobId": "", "WaveName": ""}, {"job_id": None, "name": None}),
        ({"JobId": "drsjob-1", "StatusMessage": "m"}, {"job_id": "drsjob-1", "message": "m"}),
        ({"WaveNumber": Decimal(7), "Own": 1}, {"number": 7, "extra": {"Own": 1}}),
        ({"WaveNumber": None, "JobStatus": "STARTED"}, {"number": None, "job_status": "STARTED"}),
    ],
)
def test_wave_shows_each_attribute_as_the_contract_says(wave: Attributes, seen: Attributes) -> None:
    view = StoredItem(attributes_of("a", Waves=[a_wave(1, **wave)]), READER).execution.waves[0]
    assert {name: getattr(view, name) for name in seen} == seen
    assert (view.scope, view.unreadable) == (("1", "r"), ())
    assert [(server.source_server_id, server.extra) for server in view.servers] == [
        ("s-1a", {"Hostname": "h"}),
        ("s-1b", {"Hostname": "h"}),
    ]


# --- what is shared ------------------------------------------------------------------------------------------


def views_of(*waves: object) -> tuple[WaveView, ...]:
    return StoredItem(attributes_of("a", Waves=list(waves)), READER).execution.waves


def test_unchanged_wave_is_the_same_object_and_a_changed_one_is_new() -> None:
    before = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2), a_wave(3)]), READER)
    after = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2, Status="COMPLETED"), a_wave(3)]), READER, before)
    same = [new is old for new, old in zip(after.execution.waves, before.execution.waves, strict=True)]
    assert same == [True, False, True]
    assert after.execution.waves == views_of(a_wave(1), a_wave(2, Status="COMPLETED"), a_wave(3))
    again = StoredItem(attributes_of("a", Version=2, Waves=deepcopy(after.attributes["Waves"])), READER, after)
    assert again.execution.waves is after.execution.waves


def test_wave_at_another_place_is_read_again() -> None:
    before = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2), a_wave(3)]), READER)
    after = StoredItem(attributes_of("a", Waves=[a_wave(3), a_wave(1)]), READER, before)
    assert after.execution.waves == views_of(a_wave(3), a_wave(1))


def test_version_before_stays_as_it_was() -> None:
    before = StoredItem(attributes_of("a", Waves=[a_wave(1), a_wave(2)]), READER)
    image, execution, size_bytes = deepcopy(dict(before.attributes)), before.execution, before.size_bytes
    StoredItem(attributes_of("a", Waves=[a_wave(1, Status="FAILED"), a_wave(2), a_wave(3)]), READER, before)
    assert (dict(before.attributes), before.execution, before.size_bytes) == (image, execution, size_bytes)


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


@given(st.lists(waves_attribute, min_size=2, max_size=6))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_version_that_shares_with_those_before_is_as_one_built_alone(versions: list[object]) -> None:
    before: StoredItem | None = None
    for value in versions:
        image = attributes_of("a") if value is None else attributes_of("a", Waves=value)
        alone, shared = StoredItem(deepcopy(image), READER), StoredItem(deepcopy(image), READER, before)
        assert shared.execution == alone.execution
        assert shared.attributes == image
        assert shared.size_bytes == alone.size_bytes == item_size_bytes(image)
        before = shared


others = st.dictionaries(
    st.sampled_from(["Note", "Größe", "LastPolledTime", "Version", "Waves"]),
    st.one_of(st.integers(0, 10**9), st.text(max_size=9), st.just([]), st.just([a_wave()]), st.none()),
)


@given(st.lists(others, min_size=2, max_size=6))
@settings(max_examples=200, derandomize=True)
def test_size_of_a_version_is_that_of_its_own_attributes(versions: list[Attributes]) -> None:
    before: StoredItem | None = None
    for more in versions:
        image = attributes_of("a") | deepcopy(more)
        before = StoredItem(deepcopy(image), READER, before)
        assert before.size_bytes == item_size_bytes(image)
