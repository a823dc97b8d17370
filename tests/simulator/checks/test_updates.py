"""No-lost-update, fed by hand: what a function's write must keep, and whose it was."""

from typing import Any

import pytest

from drsim.simulator.checks.monitor import Verdict
from drsim.simulator.checks.updates import NoLostUpdate
from drsim.simulator.contract.presets import preset
from drsim.simulator.events import POLLER
from tests.simulator.cloudwatch.runs import START_S, Bench, Item, a_server, a_wave, an_item, ended, started, without


def a_bench(by: str = "worker", **changes: Any) -> Bench:
    """A bench with an item that this writer has written."""
    bench = Bench(NoLostUpdate)
    bench.write(an_item(**changes), by=by)
    return bench


def test_write_after_an_end_of_others_is_judged_by_terminal_absorbing() -> None:
    """Who wrote an attribute is forgotten then: the functions may have added it."""
    bench = a_bench(Note="a", Status="CANCELLED")
    bench.write(an_item(Version=2, Note="b", Status="CANCELLED"))
    assert bench.said() == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (an_item(Version=2), []),
        (an_item(Version=3), [("Version to rise from 1 to 2", "it became 3, by ExecutionPoller")]),
        (an_item(Version=1), [("Version to rise from 1 to 2", "it stayed 1, by ExecutionPoller")]),
        (
            an_item(Version=2, LastPolledTime=START_S),
            [("LastPolledTime does not go back", "it went back, by ExecutionPoller")],
        ),
        # Polls at nearly the same time may write in either order.
        (an_item(Version=2, LastPolledTime=START_S + 4), []),
        (an_item(Version=2, Waves=[]), [("1 wave kept", "ExecutionPoller left 0")]),
        (
            without(an_item(Version=2), "LastPolledTime"),
            [("`LastPolledTime` kept", f"ExecutionPoller dropped `LastPolledTime`: {START_S + 5} -> missing")],
        ),
        (
            an_item(Version=2, Waves=[a_wave(Servers=[])]),
            [("server s-1 kept", "ExecutionPoller dropped it of wave 1")],
        ),
        (
            an_item(Version=2, Waves=[a_wave(Servers=[a_server(InstanceId="i-2")])]),
            [
                (
                    "`InstanceId` of server s-1 kept",
                    "ExecutionPoller overwrote `InstanceId` of server s-1: 'i-1' -> 'i-2'",
                )
            ],
        ),
        (
            an_item(Version=2, Waves=[a_wave(Servers=[without(a_server(), "InstanceId")])]),
            [
                (
                    "`InstanceId` of server s-1 kept",
                    "ExecutionPoller dropped `InstanceId` of server s-1: 'i-1' -> missing",
                )
            ],
        ),
        (an_item(Version=2, Waves=[a_wave(Servers=[a_server(status="LAUNCHED")])]), []),
        # What cannot be read is for `readable`.
        (an_item(Version=2, Status="LOST"), []),
        (an_item(Version=2, LastPolledTime="noon"), []),
    ],
)
def test_lost_update_is_named(after: Item, said: list[tuple[str, str]]) -> None:
    bench = a_bench()
    bench.write(after)
    assert bench.said() == said
    assert bench.monitor.checked == 1


@pytest.mark.parametrize(
    ("after", "observed"),
    [
        (an_item(InitiatedBy="me"), "overwrote `InitiatedBy`, which the worker had set: 'operator' -> 'me'"),
        (without(an_item(), "InitiatedBy"), "dropped `InitiatedBy`, which the worker had set: 'operator' -> missing"),
        (an_item(TotalWaves=2), "overwrote `TotalWaves`, which the worker had set: 1 -> 2"),
        (
            an_item(Waves=[without(a_wave(), "JobId")]),
            "dropped `JobId` of wave 1, which the worker had set: 'drsjob-1' -> missing",
        ),
        (
            an_item(Waves=[a_wave(ProtectionGroupId="pg-2")]),
            "overwrote `ProtectionGroupId` of wave 1, which the worker had set: 'pg-1' -> 'pg-2'",
        ),
        (
            an_item(Waves=[a_wave(Servers=[without(a_server(), "Hostname")])]),
            "dropped `Hostname` of server s-1, which the worker had set: 'h' -> missing",
        ),
    ],
)
def test_lost_attribute_names_owner_and_values(after: Item, observed: str) -> None:
    bench = a_bench()
    bench.write({**after, "Version": 2})
    assert [each.observed for each in bench.monitor.violations] == [f"ExecutionPoller {observed}"]


def test_functions_add_and_change_attributes_of_their_own() -> None:
    bench = a_bench()
    for version in (2, 3, 4):
        servers = [a_server(LaunchTime=version)]
        wave = a_wave(EndTime=version, Progress={"step": version}, Servers=servers)
        bench.write(an_item(Version=version, PollCount=version, State={"polls": version}, Waves=[wave]))
    assert bench.said() == []
    bench.write(an_item(Version=5))
    assert bench.said() == []


@pytest.mark.parametrize(("by", "owner"), [("person", "a person"), ("another writer", "another writer")])
def test_attribute_that_another_writer_set_is_protected(by: str, owner: str) -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, PollCount=1))
    bench.write(an_item(Version=3, PollCount=1, Ticket="A-7"), by=by)
    bench.write(an_item(Version=4, PollCount=2, Ticket="A-8"))
    assert [each.observed for each in bench.monitor.violations] == [
        f"ExecutionPoller overwrote `Ticket`, which {owner} had set: 'A-7' -> 'A-8'"
    ]


def test_attribute_of_functions_that_a_person_changes_becomes_theirs() -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, PollCount=1))
    bench.write(an_item(Version=3, PollCount=0), by="person")
    bench.write(an_item(Version=4, PollCount=1))
    assert [each.where for each in bench.monitor.violations] == ["PollCount"]


def test_map_of_the_worker_keeps_its_own_entries() -> None:
    bench = a_bench(Notes={"plan": "p", "log": ["a"]})
    bench.write(an_item(Version=2, Notes={"plan": "p", "log": ["a", "b"], "polls": 1}))
    bench.write(an_item(Version=3, Notes={"plan": "p", "log": ["a", "b", "c"], "polls": 2}))
    assert bench.said() == []
    bench.write(an_item(Version=4, Notes={"plan": "q", "log": [], "polls": 2}))
    assert [each.where for each in bench.monitor.violations] == ["Notes.plan", "Notes.log"]


def test_poll_that_ends_an_execution_may_change_its_own_attributes_after() -> None:
    bench = a_bench()
    bench.trace.emit(started())
    bench.write(an_item(Version=2, Status="FAILED", Notice="pending"))
    bench.write(an_item(Version=3, Status="FAILED", Notice="sent"))
    bench.trace.emit(ended())
    assert bench.said() == []
    assert not [value for value in vars(bench.monitor).values() if isinstance(value, dict) and value]


def test_contract_without_versions_judges_no_version() -> None:
    bench = Bench(NoLostUpdate, contract=preset("plain"))
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=7, Waves=[a_wave(Servers=[without(a_server(), "InstanceId")])]))
    assert bench.said() == []


def test_what_was_not_there_before_is_not_lost() -> None:
    bench = a_bench(Waves=[without(a_wave(Servers=[]), "JobId")])
    bench.write(an_item(Version=2))
    assert bench.said() == []


def test_the_worker_may_write_what_is_its_own() -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, InitiatedBy="worker", Waves=[a_wave(JobId="drsjob-2")]), by="worker")
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


@pytest.mark.parametrize(("by", "said"), [(POLLER, [("the item kept", "ExecutionPoller deleted it")]), ("person", [])])
def test_a_person_may_delete_an_item_and_a_function_may_not(by: str, said: list[tuple[str, str]]) -> None:
    bench = a_bench(Status="FAILED")
    bench.delete(by=by)
    assert bench.said() == said


def test_lost_instance_id_is_no_overwritten_attribute_of_others() -> None:
    bench = Bench(NoLostUpdate)
    bench.write(an_item(Waves=[a_wave(Servers=[a_server(InstanceId="i-1")])]), by="worker")
    bench.trace.emit(started())
    bench.write(an_item(Version=2, Waves=[a_wave(Servers=[without(a_server(), "InstanceId")])]))
    assert [each.kind.name for each in bench.monitor.violations] == ["instance id lost"]
