"""The monitor of starvation, fed by hand."""

import pytest

from drsim.simulator.checks.cadence import UNPOLLED
from drsim.simulator.checks.monitor import Verdict, ViolationKind
from drsim.simulator.checks.starvation import NoStarvation
from drsim.simulator.contract.presets import preset
from drsim.simulator.spec.world import WorldSpec
from tests.simulator.cloudwatch.runs import SECOND_US, Bench, a_wave, an_item, ended


@pytest.mark.parametrize(
    ("second", "how", "said"),
    [
        (155, "poll", []),
        (156, "poll", [("a poll within 150 s", "none for 151 s")]),
        (156, "end", [("a poll within 150 s", "none for 151 s")]),
        (156, "cancellation", [("a poll within 150 s", "none for 151 s")]),
        (156, "deletion", [("a poll within 150 s", "none for 151 s")]),
        (156, "nothing", [("a poll within 150 s", "none for 151 s")]),
        (155, "nothing", []),
    ],
)
def test_no_starvation_counts_from_poll_to_poll_and_to_the_end(
    second: int, how: str, said: list[tuple[str, str]]
) -> None:
    bench = Bench(NoStarvation)
    bench.write(an_item(), by="worker")
    bench.at(5)
    bench.write(an_item(Version=2))
    bench.at(100)
    # The worker's writes are no polls.
    bench.write(an_item(Version=3), by="worker")
    bench.at(second)
    match how:
        case "poll":
            bench.write(an_item(Version=4))
        case "end":
            bench.write(an_item(Version=4, Status="FAILED"))
        case "cancellation":
            bench.write(an_item(Version=4, Status="CANCELLED"), by="person")
        case "deletion":
            bench.delete(by="person")
    bench.monitor.finish(second * SECOND_US)
    assert bench.said() == said
    # The first poll, and the last or what came in its place; after a poll that goes on, the end of the run as well.
    assert bench.monitor.checked == (3 if how == "poll" else 2)
    bench.monitor.finish(9000 * SECOND_US)
    assert (len(bench.said()) == len(said)) is (how in ("end", "cancellation", "deletion"))


def test_no_starvation_does_not_mind_who_lists_an_execution() -> None:
    bench = Bench(NoStarvation)
    bench.write(an_item())
    bench.monitor.finish(0)
    assert (bench.said(), bench.monitor.checked) == ([], 1)


def test_no_starvation_bound_follows_longest_interval_or_scenario() -> None:
    slow = WorldSpec.model_validate({"settings": {"PENDING_INTERVAL_SECONDS": 300}})
    bounded = WorldSpec.model_validate({"bounds": {"poll_gap": "3m"}})
    for bench, bound_s in ((Bench(NoStarvation, spec=slow), 630), (Bench(NoStarvation, spec=bounded), 180)):
        bench.write(an_item(), by="worker")
        bench.monitor.finish(bound_s * SECOND_US)
        assert bench.said() == []
        bench.monitor.finish(bound_s * SECOND_US + 1)
        assert bench.said() == [(f"a poll within {bound_s} s", f"none for {bound_s} s")]


def test_an_execution_that_is_not_polled_yet_does_not_starve() -> None:
    bench = Bench(NoStarvation)
    bench.write(an_item(Status="PENDING"), by="worker")
    bench.write(an_item(Status="LOST"), by="worker")
    bench.delete(by="person")
    bench.monitor.finish(1000 * SECOND_US)
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


@pytest.mark.parametrize(
    ("settings", "rate", "bound_s"),
    [
        ({}, "1m", 150),
        # 61 s take two looks of a minute in effect.
        ({"PENDING_INTERVAL_SECONDS": 61}, "1m", 270),
        ({"SWEEPS_PER_INVOCATION": 4}, "1m", 120),
        ({}, "2m", 270),
        # Of four looks in a minute the last one is followed by a pause of 75 s.
        ({"SWEEPS_PER_INVOCATION": 4}, "2m", 180),
    ],
)
def test_bound_is_two_usual_gaps_and_half_a_minute(settings: dict[str, int], rate: str, bound_s: int) -> None:
    spec = WorldSpec.model_validate({"settings": settings, "schedule": {"rate": rate}})
    bench = Bench(NoStarvation, spec=spec)
    bench.write(an_item(), by="worker")
    bench.monitor.finish(bound_s * SECOND_US)
    assert bench.said() == []
    bench.monitor.finish(bound_s * SECOND_US + 1)
    assert bench.said() == [(f"a poll within {bound_s} s", f"none for {bound_s} s")]


def test_execution_whose_wave_cannot_be_read_still_starves() -> None:
    bench = Bench(NoStarvation)
    bench.write(an_item(), by="worker")
    bench.write(an_item(Waves=[a_wave(Status="WAITING")]))
    bench.monitor.finish(200 * SECOND_US)
    assert [each.kind for each in bench.monitor.violations] == [UNPOLLED]


@pytest.mark.parametrize(("times", "kinds"), [({"last_polled": "absent"}, []), ({}, [UNPOLLED])])
def test_poll_without_a_write_counts_if_no_time_is_kept(times: dict[str, str], kinds: list[ViolationKind]) -> None:
    bench = Bench(NoStarvation, contract=preset("plain", times=times))
    bench.write(an_item(), by="worker")
    for second in (100, 200):
        bench.trace.emit(ended(at_us=second * SECOND_US))
    bench.trace.emit(ended(at_us=300 * SECOND_US, outcome="error"))
    bench.monitor.finish(320 * SECOND_US)
    assert [each.kind for each in bench.monitor.violations] == kinds
