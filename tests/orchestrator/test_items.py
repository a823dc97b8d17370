"""How an execution lies in DynamoDB, read and written again, and what is said of an item that breaks a rule."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.items import execution_of, key_of, seconds_item, waves_item
from drsim.orchestrator.model import (
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    JobStatus,
    Server,
    ServerStatus,
    Wave,
    WaveStatus,
)
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import EAST, an_item
from tests.orchestrator.strategies import QUICK, executions, waves


def an_item_of_phase_1() -> dict[str, object]:
    """An item as boto3's deserializer gives it: numbers are Decimal, and other writers have attributes of their own."""
    return {
        "ExecutionId": "1d2e3911-836e-4790-abbc-92f67008518f",
        "PlanId": "plan-1",
        "Status": "POLLING",
        "ExecutionType": "RECOVERY",
        "StartTime": Decimal("1764361949"),
        "LastPolledTime": Decimal("1764363630.25"),
        "Version": Decimal(7),
        "TotalWaves": Decimal(2),
        "InitiatedBy": "Session 57",
        "Waves": [
            {
                "WaveNumber": Decimal(1),
                "WaveName": "Database",
                "Region": "us-east-1",
                "AccountId": "777788889999",
                "JobId": "drsjob-1",
                "JobStatus": "STARTED",
                "Status": "IN_PROGRESS",
                "StatusMessage": "as it was",
                "Servers": [
                    {
                        "SourceServerId": "s-1",
                        "Status": "LAUNCHED",
                        "InstanceId": "i-1",
                        "HostName": "db-1",
                    },
                    {"SourceServerId": "s-2", "Status": "NOT_STARTED"},
                ],
                "DependsOn": ["wave-0"],
            },
            {"Region": "us-east-1", "AccountId": "777788889999", "JobId": "", "Status": "PENDING", "Servers": []},
        ],
    }


def test_an_item_is_read_with_all_it_says() -> None:
    first = Wave(
        number=1,
        scope=EAST,
        status=WaveStatus.IN_PROGRESS,
        name="Database",
        job_id="drsjob-1",
        job_status=JobStatus.STARTED,
        message="as it was",
        servers=(
            Server(
                source_server_id="s-1",
                status=ServerStatus.LAUNCHED,
                instance_id="i-1",
                extra={"HostName": "db-1"},
            ),
            Server(source_server_id="s-2", extra={}),
        ),
        extra={"DependsOn": ["wave-0"]},
    )
    assert execution_of(an_item_of_phase_1()) == Execution(
        key=ExecutionKey("1d2e3911-836e-4790-abbc-92f67008518f", "plan-1"),
        status=ExecutionStatus.POLLING,
        type=ExecutionType.RECOVERY,
        start_us=START_US,
        last_polled_us=1_764_363_630_250_000,
        version=7,
        total_waves=2,
        waves=(first, Wave(number=None, scope=EAST, extra={})),
    )


def test_waves_are_written_as_they_were_read() -> None:
    item = an_item_of_phase_1()
    stored = item["Waves"]
    assert isinstance(stored, list)
    # An empty id names no job, so it is not written back.
    del stored[1]["JobId"]
    assert waves_item(execution_of(item).waves) == stored


def test_attributes_of_other_writers_survive_a_change_of_the_wave() -> None:
    execution = execution_of(an_item_of_phase_1())
    wave = execution.waves[0]
    changed = replace(wave, status=WaveStatus.COMPLETED, servers=(replace(wave.servers[0], instance_id="i-2"),))
    (written,) = waves_item([changed])
    assert written["DependsOn"] == ["wave-0"]
    assert written["Servers"] == [
        {"SourceServerId": "s-1", "Status": "LAUNCHED", "InstanceId": "i-2", "HostName": "db-1"}
    ]


@QUICK
@given(executions())
def test_an_execution_survives_the_table(execution: Execution) -> None:
    assert execution_of(an_item(execution)) == execution


@QUICK
@given(st.lists(waves, max_size=3))
def test_what_is_written_holds_texts_numbers_lists_and_maps_only(written: list[Wave]) -> None:
    def check(value: object) -> None:
        if isinstance(value, Mapping):
            assert all(type(name) is str for name in value)
            value = list(value.values())
        if isinstance(value, list):
            for part in value:
                check(part)
        else:
            # A StrEnum is a text for Python, but not for every serializer.
            assert type(value) in (str, int)

    check(waves_item(written))


@pytest.mark.parametrize(
    ("instant_us", "seconds"),
    [
        (1_764_361_949_000_000, 1_764_361_949),
        (1_764_361_949_000_001, Decimal("1764361949.000001")),
        (1_764_361_949_500_000, Decimal("1764361949.5")),
        (0, 0),
    ],
)
def test_instants_lie_in_the_table_as_seconds(instant_us: int, seconds: int | Decimal) -> None:
    assert seconds_item(instant_us) == seconds
    assert type(seconds_item(instant_us)) is type(seconds)


@QUICK
@given(st.integers(0, 1 << 52))
def test_no_microsecond_is_lost_in_the_table(instant_us: int) -> None:
    item = {**an_item_of_phase_1(), "EndTime": seconds_item(instant_us)}
    assert execution_of(item).end_us == instant_us


def test_an_item_without_what_may_be_missing_is_read() -> None:
    item = an_item_of_phase_1()
    for name in ("LastPolledTime", "Version", "Waves", "InitiatedBy"):
        del item[name]
    execution = execution_of(item)
    assert (execution.last_polled_us, execution.end_us, execution.version, execution.waves) == (None, None, 0, ())


WAVE = {"AccountId": "777788889999", "Region": "us-east-1", "Status": "PENDING"}
SERVER = {"SourceServerId": "s-1", "Status": "PENDING"}
WHOLE = "must be a whole number >= 0, got"
SECONDS = "must be a number of seconds since 1970, got"
EXECUTION_WORDS, WAVE_WORDS, SERVER_WORDS = map(", ".join, (ExecutionStatus, WaveStatus, ServerStatus))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ExecutionType", "TEST", "ExecutionType must be one of DRILL, RECOVERY, got 'TEST'"),
        ("Status", None, f"Status must be one of {EXECUTION_WORDS}, got"),
        ("StartTime", "soon", f"StartTime {SECONDS} 'soon'"),
        ("StartTime", None, f"StartTime {SECONDS} None"),
        ("StartTime", True, f"StartTime {SECONDS} True"),
        ("EndTime", Decimal("Infinity"), f"EndTime {SECONDS} Decimal('Infinity')"),
        ("LastPolledTime", 1.5, f"LastPolledTime {SECONDS} 1.5"),
        ("Version", Decimal("0.5"), f"Version {WHOLE} Decimal('0.5')"),
        ("Version", Decimal("NaN"), f"Version {WHOLE} Decimal('NaN')"),
        ("Version", None, f"Version {WHOLE} None"),
        ("TotalWaves", -1, f"TotalWaves {WHOLE} -1"),
        ("TotalWaves", Decimal(-1), f"TotalWaves {WHOLE} Decimal('-1')"),
        ("TotalWaves", True, f"TotalWaves {WHOLE} True"),
        ("TotalWaves", None, f"TotalWaves {WHOLE} None"),
        ("Waves", "none", "Waves must be a list of maps, got 'none'"),
        ("Waves", {"1": WAVE}, "Waves must be a list of maps, got {'1': "),
        ("Waves", [WAVE, 5], "Waves[1] must be a map, got 5"),
        ("Waves", [{**WAVE, "WaveNumber": "1"}], f"Waves[0]: WaveNumber {WHOLE} '1'"),
        ("Waves", [{**WAVE, "WaveName": 1}], "Waves[0]: WaveName must be a text, got 1"),
        ("Waves", [{**WAVE, "JobId": 1}], "Waves[0]: JobId must be a text, got 1"),
        ("Waves", [WAVE, {**WAVE, "Region": ""}], "Waves[1]: Region must be a text of at least one character, got ''"),
        ("Waves", [{**WAVE, "AccountId": 7}], "Waves[0]: AccountId must be a text of at least one character, got 7"),
        ("Waves", [{**WAVE, "Status": "DONE"}], f"Waves[0]: Status must be one of {WAVE_WORDS}, got 'DONE'"),
        ("Waves", [{**WAVE, "JobStatus": "FAILED"}], "Waves[0]: JobStatus must be one of PENDING, STARTED, COMPLETED,"),
        ("Waves", [{**WAVE, "StatusMessage": []}], "Waves[0]: StatusMessage must be a text, got []"),
        ("Waves", [{**WAVE, "Servers": None}], "Waves[0]: Servers must be a list of maps, got None"),
        ("Waves", [{**WAVE, "Servers": [SERVER, "s-2"]}], "Waves[0]: Servers[1] must be a map, got 's-2'"),
        ("Waves", [{**WAVE, "Servers": [{}]}], "Waves[0]: Servers[0]: SourceServerId must be a text of at least one"),
        (
            "Waves",
            [{**WAVE, "Servers": [SERVER, {**SERVER, "Status": "UP"}]}],
            f"Waves[0]: Servers[1]: Status must be one of {SERVER_WORDS}, got 'UP'",
        ),
        (
            "Waves",
            [{**WAVE, "Servers": [{**SERVER, "InstanceId": 1}]}],
            "Waves[0]: Servers[0]: InstanceId must be a text, got 1",
        ),
    ],
)
def test_a_malformed_item_is_refused_with_path_rule_and_value(name: str, value: object, said: str) -> None:
    with pytest.raises(MalformedError) as refused:
        execution_of({**an_item_of_phase_1(), name: value})
    assert str(refused.value).startswith(f"execution 1d2e3911-836e-4790-abbc-92f67008518f: {said}")


@pytest.mark.parametrize("name", ["ExecutionId", "PlanId"])
def test_an_item_without_its_key_is_refused(name: str) -> None:
    item = an_item_of_phase_1()
    assert key_of(item) == ExecutionKey("1d2e3911-836e-4790-abbc-92f67008518f", "plan-1")
    del item[name]
    with pytest.raises(MalformedError, match=f"item: {name} must be a text of at least one character, got None"):
        execution_of(item)


_words = st.sampled_from(["", "POLLING", "drsjob-1", b"\x00"])
_numbers = st.sampled_from([-1, 1.5, True, Decimal("-Infinity"), Decimal("sNaN"), Decimal("1E+40"), Decimal("1.5")])
_flat = st.none() | _words | _numbers | st.sets(st.integers(0, 2))
_junk = st.recursive(
    _flat,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["Status", "Servers"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_places = st.sampled_from([*an_item_of_phase_1(), "EndTime"])
_wave_places = st.sampled_from(["WaveNumber", "WaveName", "Region", "JobId", "JobStatus", "Status", "Servers"])


@QUICK
@given(st.dictionaries(_places, _junk, max_size=2), st.dictionaries(_wave_places, _junk, max_size=2))
def test_junk_anywhere_is_read_or_refused_and_raises_nothing_else(
    junk: dict[str, object], wave_junk: dict[str, object]
) -> None:
    item = {**an_item_of_phase_1(), "Waves": [{**WAVE, **wave_junk}], **junk}
    try:
        execution = execution_of(item)
    except MalformedError as error:
        refusal = str(error)
    else:
        assert execution_of(an_item(execution)).waves == execution.waves
        return
    assert ", got " in refusal
