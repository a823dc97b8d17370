"""Readable: each field that a function makes unreadable is named; the rest of the item is judged."""

import pytest

from drsim.orchestrator.model import ExecutionStatus
from drsim.scenarios.assessment import UNREAD
from drsim.scenarios.files import load
from drsim.scenarios.runner import run
from drsim.simulator.checks.monitor import Verdict
from drsim.simulator.checks.readable import Readable
from drsim.simulator.contract.presets import preset
from drsim.simulator.world import Parts
from tests.planted_bugs.records import TableWithTextEndTime
from tests.simulator.cloudwatch.runs import START_S, Bench, Item, a_server, a_wave, an_item

STATUSES = ", ".join(ExecutionStatus)


@pytest.mark.parametrize(
    ("changes", "expected", "observed", "where"),
    [
        ({"Status": "LOST"}, f"Status to be one of {STATUSES}", "'LOST'", "Status"),
        ({"EndTime": "noon"}, "EndTime to be a number of seconds since 1970", "'noon'", "EndTime"),
        (
            {"EndTime": START_S * 1000},
            "EndTime to be a number of seconds since 1970",
            f"{START_S * 1000}, which lies 56,000 years ahead: milliseconds instead of seconds?",
            "EndTime",
        ),
        (
            {"Waves": [a_wave(JobStatus="DONE")]},
            "Waves[0].JobStatus to be one of PENDING, STARTED, COMPLETED",
            "'DONE'",
            "Waves.JobStatus",
        ),
        ({"Waves": [a_wave(Servers=["s-1"])]}, "Waves[0].Servers[0] to be a map", "'s-1'", "Waves.Servers"),
    ],
)
def test_unreadable_field_names_rule_value_and_writer(changes: Item, expected: str, observed: str, where: str) -> None:
    bench = Bench(Readable)
    bench.table._reader.epoch_us = bench.monitor.spec.epoch_us
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=2, **changes))
    assert bench.said() == [(expected, f"ExecutionPoller wrote {observed}")]
    assert [each.where for each in bench.monitor.violations] == [where]


def test_seconds_instead_of_milliseconds_are_named() -> None:
    bench = Bench(Readable, contract=preset("plain", times={"end": "milliseconds"}))
    bench.table._reader.epoch_us = bench.monitor.spec.epoch_us
    bench.write(an_item(EndTime=START_S))
    assert bench.said()[0][1].endswith("which lies 55 years back: seconds instead of milliseconds?")


def test_field_that_was_unreadable_before_is_not_blamed_on_a_poll() -> None:
    bench = Bench(Readable)
    bench.write(an_item(Status="LOST"), by="person")
    bench.write(an_item(Version=2, Status="LOST"))
    assert bench.monitor.verdict is Verdict.PASS


def test_server_in_a_mapping_is_no_part_of_where() -> None:
    bench = Bench(Readable, contract=preset("plain", server={"id": None, "shape": "mapping"}))
    servers = {"s-1": {"Status": "LOST"}, "s-2": {"Status": "LAUNCHED"}}
    bench.write(an_item(Waves=[a_wave(Servers=servers)]))
    assert [each.where for each in bench.monitor.violations] == ["Waves.Servers.Status"]


def test_criterion_over_unreadable_fields_is_unknown() -> None:
    result = run(load("drill"), seed=1, parts=Parts(table=TableWithTextEndTime)).result
    criteria = {each.name: each for each in result.criteria}
    completes = criteria["Executions complete with DRS's truth"]
    assert (completes.verdict, completes.value) == ("not exercised", UNREAD)
    assert "EndTime to be a number of seconds since 1970, ExecutionPoller wrote 'at 17" in completes.evidence
    assert " late" not in completes.value + completes.evidence
    # Counts of executions do not depend on it.
    assert criteria["Executions end as expected"].verdict == "pass"
    assert result.verdict == "fail"


def test_own_row_of_a_server_is_read_beside_an_unreadable_one() -> None:
    bench = Bench(Readable)
    bench.write(an_item(Waves=[a_wave(Servers=[a_server(status="GONE"), a_server("s-2")])]))
    stored = bench.table.get(next(iter(bench.table._items)))
    assert stored is not None
    assert [server.status for server in stored.execution.waves[0].servers] == [None, "IN_PROGRESS"]
