"""Announced-truly, fed by hand: ends that are announced too early, otherwise or twice."""

import pytest

from drsim.simulator.checks.announced import AnnouncedTruly
from drsim.simulator.checks.monitor import Verdict
from drsim.simulator.events import POLLER, Announced
from tests.simulator.cloudwatch.runs import Bench, an_item, ended, started

BUS, TOPIC = "PutEvents default", "Publish arn:aws:sns:us-east-1:777788889999:ends"


def a_bench() -> Bench:
    """A bench with an open execution, and a poll of it that runs."""
    bench = Bench(AnnouncedTruly)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started())
    return bench


def announce(bench: Bench, status: str = "COMPLETED", channel: str = BUS, request_id: str = "r-1") -> None:
    bench.trace.emit(Announced(bench.kernel.now_us, request_id, POLLER, "e-1", channel, status))


def kinds(bench: Bench) -> list[str]:
    return [each.kind.name for each in bench.monitor.violations]


def test_end_announced_once_on_each_channel_passes() -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, Status="COMPLETED"))
    announce(bench)
    announce(bench, channel=TOPIC)
    assert (bench.said(), bench.monitor.checked) == ([], 2)


def test_end_announced_before_its_write_is_named() -> None:
    bench = a_bench()
    announce(bench)
    bench.write(an_item(Version=2, Status="COMPLETED"))
    assert bench.said() == [
        (
            "an end in the table before it is announced",
            "ExecutionPoller announced COMPLETED on PutEvents default while the table shows POLLING",
        )
    ]
    assert bench.monitor.violations[0].where == "PutEvents"


def test_end_announced_otherwise_than_written_is_named() -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, Status="FAILED"))
    announce(bench)
    assert kinds(bench) == ["announced otherwise"]


@pytest.mark.parametrize("later", [True, False])
def test_second_announcement_is_named(later: bool) -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, Status="COMPLETED"))
    announce(bench)
    if later:
        bench.trace.emit(ended())
        bench.trace.emit(started("r-2"))
    announce(bench, request_id="r-2" if later else "r-1")
    assert kinds(bench) == ["announced twice"]


def test_functions_that_announce_nothing_are_not_exercised() -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, Status="COMPLETED"))
    bench.trace.emit(ended())
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


def test_other_end_announced_by_a_later_invocation_is_named() -> None:
    bench = a_bench()
    bench.write(an_item(Version=2, Status="COMPLETED"))
    bench.trace.emit(ended())
    bench.trace.emit(started("r-2"))
    announce(bench, "FAILED", request_id="r-2")
    assert kinds(bench) == ["announced otherwise"]


def test_announced_end_of_an_execution_that_never_began_is_named() -> None:
    bench = Bench(AnnouncedTruly)
    announce(bench)
    assert bench.said()[0][1].endswith("while the table shows no such execution")


def test_announced_end_of_a_deleted_execution_is_not_judged() -> None:
    bench = a_bench()
    bench.delete(by="person")
    announce(bench)
    assert bench.said() == []


def test_violation_names_the_line_that_announced() -> None:
    bench = a_bench()
    event = Announced(bench.kernel.now_us, "r-1", POLLER, "e-1", BUS, "COMPLETED", "poller/app.py:9 put_events")
    bench.trace.emit(event)
    assert bench.monitor.violations[0].place == "poller/app.py:9 put_events"
