"""Contracts: what they say by default, what they refuse, and items that are written and read by them."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drsim.orchestrator.model import (
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    JobStatus,
    Phase,
    ServerStatus,
    WaveStatus,
)
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION, Layout
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT, completed, preset
from drsim.simulator.contract.promises import unjudged_of
from drsim.simulator.reader import Reader

SECOND_US: Final = 1_000_000
CONTRACTS: Final[dict[str, dict[str, Any]]] = {
    "ours": {},
    "camelCase": {"style": "camelCase"},
    "own names": {"style": "snake_case", "names": {"ExecutionId": "pk", "Status": "state"}},
    "paths": {"wave": {"status": "state.word", "job": "state.job"}, "server": {"status": "launchStatus"}},
    "mapping": {"server": {"shape": "mapping", "id": None}},
    "words": {"words": {"execution": {"POLLING": ["RUNNING", "CANCELLING"], "FAILED": ["FAILED", "PARTIAL"]}}},
    "milliseconds": {"times": {"start": "milliseconds", "end": "milliseconds", "last_polled": "milliseconds"}},
    "ISO times": {"times": {"start": "iso", "end": "iso", "last_polled": "iso"}},
    "no range key": {"execution": {"plan": None}},
}


def layout_of(**contract: Any) -> Layout:
    return Layout(preset("plain", **contract))


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
@given(
    status=st.sampled_from([ExecutionStatus.POLLING, ExecutionStatus.FAILED, ExecutionStatus.COMPLETED]),
    wave_status=st.sampled_from(WaveStatus),
    server_status=st.sampled_from(ServerStatus),
    at_ms=st.integers(0, 4_000_000_000_000),
)
def test_what_is_written_by_a_contract_is_read_by_it(
    contract: dict[str, Any], status: ExecutionStatus, wave_status: WaveStatus, server_status: ServerStatus, at_ms: int
) -> None:
    layout, at_us = layout_of(**contract), at_ms * 1000
    server = layout.server.written({"Hostname": "h"}, id="s-1", status=server_status, instance="i-1")
    wave = layout.wave.written(
        {"Owner": "x"}, number=1, name="w", region="eu-west-1", account="123456789012", job="drsjob-1",
        job_status=JobStatus.STARTED, status=wave_status, message="m", servers=layout.servers_item({"s-1": server}),
    )  # fmt: skip
    key = ExecutionKey("e", "" if layout.range_name is None else "p")
    item = layout.execution.written(
        layout.keys(key), status=status, start=at_us, end=at_us, last_polled=at_us, type=ExecutionType.RECOVERY,
        version=3, total_waves=1, waves=[wave],
    )  # fmt: skip
    reader = Reader(layout)
    view = reader.execution(item, (reader.wave(0, wave),))
    (read,) = view.waves
    assert layout.key_of(item) == key
    assert (view.status, view.type, view.version, view.total_waves) == (status, ExecutionType.RECOVERY, 3, 1)
    assert (view.start_us, view.end_us, view.last_polled_us, view.unreadable) == (at_us, at_us, at_us, ())
    assert (read.number, read.name, read.scope, read.status) == (1, "w", ("123456789012", "eu-west-1"), wave_status)
    assert (read.job_id, read.job_status, read.message, read.extra) == (
        "drsjob-1",
        JobStatus.STARTED,
        "m",
        {"Owner": "x"},
    )
    assert read.servers == (("s-1", server_status, "i-1", {"Hostname": "h"}),)


def test_words_of_several_meanings_are_read_as_ours_and_kept() -> None:
    reader = Reader(layout_of(words={"execution": {"POLLING": ["RUNNING", "PAUSED"], "other": ["DRAFT"]}}))
    item = {"ExecutionId": "e", "PlanId": "p", "StartTime": 1, "ExecutionType": "DRILL", "TotalWaves": 0}
    paused, draft, unknown = (reader.execution(item | {"Status": word}, ()) for word in ("PAUSED", "DRAFT", "POLLING"))
    assert (paused.status, paused.word, paused.owes_polls) == (ExecutionStatus.POLLING, "PAUSED", True)
    assert (draft.status, draft.word, draft.owes_polls, draft.unreadable) == (None, "DRAFT", False, ())
    assert (unknown.status, unknown.owes_polls) == (None, True)
    assert str(unknown.unreadable[0]).startswith("Status must be one of PENDING, RUNNING, PAUSED, ")


def test_wave_without_region_and_account_has_its_job_at_home() -> None:
    wave = Reader(layout_of()).wave(0, {"Status": "PENDING", "JobId": ""})
    assert (wave.scope, wave.job_id, wave.unreadable) == ((HOME_ACCOUNT, HOME_REGION), None, ())


def test_changes_are_whole_attributes() -> None:
    layout = layout_of(execution={"version": "meta.version"})
    item = {"ExecutionId": "e", "meta": {"version": 1, "by": "x"}}
    assert layout.execution.changes(item, version=2, end=None) == {"meta": {"version": 2, "by": "x"}}
    assert item["meta"] == {"version": 1, "by": "x"}


def test_cancelled_execution_is_settled_by_the_functions_if_promised() -> None:
    words = {"execution": {"POLLING": ["POLLING", "CANCELLING"]}}
    layout = layout_of(words=words, promises={"settles": "CANCELLING"})
    item = layout.execution.written({}, **layout.cancelled(5))
    assert item == {"Status": "CANCELLING"}
    assert (layout.is_cancelling(item), layout.is_over(item)) == (True, False)
    assert layout_of().cancelled(5) == {"status": ExecutionStatus.CANCELLED, "end": 5}


def test_limits_follow_from_the_variables_that_the_contract_names() -> None:
    variables = {
        "MINUTES": {"limit": "timeout", "unit": "1m"},
        "EVERY": {"limit": "intervals"},
        "LOOKS": {"limit": "looks"},
    }
    contract = preset("plain", limits={"timeout": "30m", "variables": variables})
    assert (limits_of(contract, {}).timeout_us, limits_of(contract, {}).intervals_us) == (1800 * SECOND_US, None)
    limits = limits_of(contract, {"MINUTES": "45", "EVERY": "20", "LOOKS": "4", "OTHER": "x"})
    assert (limits.timeout_us, limits.looks, limits.look_distance_us) == (2700 * SECOND_US, 4, 15 * SECOND_US)
    assert limits.intervals_us == dict.fromkeys(Phase, 20 * SECOND_US)
    with pytest.raises(ValueError, match="MINUTES must be a number >= 0, for it sets timeout, got 'half'"):
        limits_of(contract, {"MINUTES": "half"})


def test_our_contract_has_the_limits_of_our_settings() -> None:
    limits = limits_of(OUR_CONTRACT, {"PENDING_INTERVAL_SECONDS": "200", "SWEEPS_PER_INVOCATION": "2"})
    assert limits.intervals_us == {
        Phase.PENDING: 200 * SECOND_US,
        Phase.STARTED: 15 * SECOND_US,
        Phase.IN_PROGRESS: 30 * SECOND_US,
    }
    assert (limits.looks, limits.longest_interval_us, limits.incomplete_answer_us) == (
        2,
        200 * SECOND_US,
        300 * SECOND_US,
    )
    assert unjudged_of(OUR_CONTRACT, is_ours=True) == ()


def test_what_plain_leaves_unjudged_has_a_reason_and_a_way_to_turn_it_on() -> None:
    off = unjudged_of(preset("plain"), is_ours=False)
    assert {"timeout-truth", "log-correlation", "no-lost-update: versions"} <= {each.check for each in off}
    assert all(each.reason for each in off)


@pytest.mark.parametrize(
    ("contract", "problem"),
    [
        (
            {"words": {"execution": {"POLLING": ["A", "B"], "FAILED": "B"}}},
            "a word must have one meaning, got 'B' twice",
        ),
        ({"words": {"wave": {"DONE": "x"}}}, "keys must be among PENDING, LAUNCHING, "),
        ({"execution": {"end": "StartTime"}}, "fields must have different places, got 'StartTime' twice"),
        ({"execution": {"id": "meta.id"}}, "id, plan and status must be attributes of the item"),
        ({"server": {"id": None}}, "id must be an attribute if the servers are a list"),
        ({"promises": {"versioned": True}, "execution": {"version": None}}, "needs a place for execution.version"),
        ({"promises": {"settles": "STOPPING"}}, "must be one of the words for POLLING, got 'STOPPING'"),
        ({"limits": {"intervals": {"PENDING": "1m"}}}, "must have each phase, and lacks STARTED, IN_PROGRESS"),
        ({"limits": {"variables": {"X": {"limit": "speed"}}}}, "limit must be one of timeout, intervals, "),
        ({"functions": {"one": "a", "poller": "b"}}, "one must be given alone"),
        ({"words": {"execution": {"POLLING": 3}}}, "Input should be a valid tuple"),
        ({"words": {"execution": {"POLLING": []}}}, "execution: POLLING must have at least one word"),
        ({"words": {"execution": {"COMPLETED": []}}}, "execution: COMPLETED must have at least one word"),
        ({"names": {"Statuz": "state"}}, "names: keys must be among ExecutionId, .*, got 'Statuz'"),
        ({"execution": {"waves": "w", "end": "w.end"}}, "a place must not lie in another one, got 'w.end' in 'w'"),
        ({"wave": {"status": "state", "job": "state.job"}}, "got 'state.job' in 'state'"),
        ({"functions": {"finder": "a", "poller": "a"}}, "finder and poller must be different, got 'a' twice"),
        (
            {"table": {"name": "plans"}, "surroundings": {"tables": [{"name": "plans", "hash": "id"}]}},
            "tables must have different names, got 'plans' twice",
        ),
        ({"surroundings": {"topics": ["a", "a"]}}, "surroundings.topics must have different names, got 'a' twice"),
        ({"judged": {"metrics": {"PollErrors": "a", "WavesPolled": "a"}}}, "judged.metrics must have different names"),
        (
            {"table": {"index_range": "Status"}},
            "index_range must not be the index's hash key, the status, got 'Status'",
        ),
        ({"table": {"name": "a b"}}, "String should match pattern"),
        ({"limits": {"timeout": -3}}, "must be a duration such as 30m, or none, got -3"),
    ],
)
def test_wrong_contract_is_refused_with_the_rule(contract: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Contract.model_validate(contract)


def test_all_rules_that_a_contract_breaks_are_reported_at_once() -> None:
    wrong = {"server": {"id": None}, "promises": {"versioned": True, "job_status": True}}
    wrong |= {"execution": {"version": None}, "wave": {"job_status": None}}
    with pytest.raises(ValidationError) as caught:
        Contract.model_validate(wrong)
    assert [error["msg"].partition(" ")[0] for error in caught.value.errors()] == [
        "server:",
        "promises.versioned",
        "promises.job_status",
    ]


def test_announcements_are_judged_unless_the_contract_says_otherwise() -> None:
    off = [
        {each.check for each in unjudged_of(preset("plain", promises={"announces": on}), is_ours=False)}
        for on in (True, False)
    ]
    assert ["announced-truly" in checks for checks in off] == [False, True]


def test_contract_that_extends_ours_changes_only_what_it_gives() -> None:
    contract = Contract.model_validate(completed({"extends": "ours", "limits": {"timeout": "45m"}}))
    assert (contract.limits.timeout, contract.limits.looks) == (2700 * SECOND_US, 1)
    assert contract.promises == OUR_CONTRACT.promises
    with pytest.raises(ValueError, match="extends must be one of plain, ours, got 'theirs'"):
        completed({"extends": "theirs"})


def test_contract_survives_a_round_trip_through_json() -> None:
    for given_contract in CONTRACTS.values():
        contract = preset("plain", **given_contract)
        assert Contract.model_validate(contract.model_dump(mode="json")) == contract
