"""The monitor of metrics, fed by hand."""

from typing import Final

import pytest

from drsim.orchestrator.model import ExecutionKey, MetricName, MetricPoint, Unit, point
from drsim.simulator.checks.metrics import MetricsComplete
from drsim.simulator.checks.monitor import Verdict
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import preset
from drsim.simulator.events import FINDER, POLLER, IndexRead, Invoked, MetricsPublished
from drsim.simulator.spec.world import WorldSpec
from tests.simulator.cloudwatch.runs import SECOND_US, START_S, Bench, an_item, ended

ALL: Final = {
    "WavesPolled": 1,
    "PollErrors": 0,
    "PollingDuration": 700,
    "ActivePollingExecutions": 1,
    "OldestExecutionAge": 0.9,
}


def publish(bench: Bench, **values: float) -> None:
    points = tuple(point(MetricName(name), value) for name, value in values.items())
    bench.trace.emit(MetricsPublished(bench.kernel.now_us, "r-1", POLLER, "e-1", points))


def a_poll(bench: Bench, *, writes: bool = True, second: float = 1) -> None:
    """A look that causes a poll, which has not ended yet."""
    bench.write(an_item(), by="worker")
    bench.at(0)
    bench.look("f-1", "r-1")
    bench.at(second)
    if writes:
        bench.write(an_item(Version=2))


@pytest.mark.parametrize(
    ("values", "observed"),
    [
        ({}, []),
        ({"WavesPolled": 2}, [("WavesPolled 1", "WavesPolled 2")]),
        ({"PollErrors": 1}, [("PollErrors 0", "PollErrors 1")]),
        ({"PollingDuration": 638}, []),
        ({"PollingDuration": 1000}, []),
        ({"PollingDuration": 1001}, [("PollingDuration 638 to 1000 ms", "PollingDuration 1001 ms")]),
        # In seconds: less than lay between the handler's start-up, 262 ms at most, and the write.
        ({"PollingDuration": 0.7}, [("PollingDuration 638 to 1000 ms", "PollingDuration 0.7 ms")]),
        ({"ActivePollingExecutions": 7}, [("ActivePollingExecutions 1", "ActivePollingExecutions 7")]),
        (
            {"WavesPolled": 2, "PollErrors": 1},
            [("WavesPolled 1, PollErrors 0", "WavesPolled 2, PollErrors 1")],
        ),
    ],
)
def test_metrics_complete_compares_what_was_published_with_what_was_done(
    values: dict[str, float], observed: list[tuple[str, str]]
) -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, second=0.9)
    publish(bench, **ALL | values)
    bench.trace.emit(ended())
    assert (bench.said(), bench.monitor.checked) == (observed, 1)


def test_metrics_complete_wants_each_metric_once() -> None:
    wanted = "WavesPolled, PollingDuration, PollErrors, ActivePollingExecutions, OldestExecutionAge, once"
    for times, values, observed in (
        (1, {"WavesPolled": 1, "PollErrors": 0}, "no PollingDuration, ActivePollingExecutions, OldestExecutionAge"),
        (1, {name: value for name, value in ALL.items() if name != "OldestExecutionAge"}, "no OldestExecutionAge"),
        (2, ALL, "10 values of 5 metrics"),
    ):
        bench = Bench(MetricsComplete)
        a_poll(bench)
        for _ in range(times):
            publish(bench, **values)
        bench.trace.emit(ended())
        assert bench.said() == [(wanted, observed)]


def test_a_poll_invoked_by_hand_knows_of_no_other_execution() -> None:
    bench = Bench(MetricsComplete)
    bench.write(an_item(), by="worker")
    bench.trace.emit(Invoked(0, "r-1", "", POLLER, "e-1"))
    bench.at(0.9)
    bench.write(an_item(Version=2))
    publish(bench, WavesPolled=1, PollErrors=0, PollingDuration=700)
    bench.trace.emit(ended())
    assert (bench.said(), bench.monitor.checked) == ([], 1)


@pytest.mark.parametrize(("active", "right"), [(1, True), (2, True), (3, True), (0, False), (4, False)])
def test_items_that_cannot_be_read_may_be_counted_or_not(active: int, right: bool) -> None:
    bench = Bench(MetricsComplete)
    for number in range(2):
        bench.table.put(an_item(ExecutionId=f"odd-{number}", Status="LOST"), writer="person")
    # A third one was mended, and counts.
    bench.table.put(an_item(ExecutionId="mended", Status="LOST"), writer="person")
    bench.table.put(an_item(ExecutionId="mended"), writer="person")
    # A fourth is gone.
    bench.table.put(an_item(ExecutionId="gone", Status="LOST"), writer="person")
    bench.table.delete(ExecutionKey("gone", "p-1"), writer="person")
    bench.write(an_item(), by="worker")
    bench.trace.emit(IndexRead(0, "f-1", 1, 0, 2, 100))
    bench.trace.emit(IndexRead(0, "f-1", 0, 1, 1, 100))
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "e-1"))
    bench.at(0.9)
    bench.write(an_item(Version=2))
    publish(bench, **ALL | {"ActivePollingExecutions": active})
    bench.trace.emit(ended("f-1", FINDER))
    bench.trace.emit(ended())
    expected = "ActivePollingExecutions 1 to 3"
    assert bench.said() == ([] if right else [(expected, f"ActivePollingExecutions {active}")])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"PollErrors": 1, "OldestExecutionAge": 1}, []),
        ({"PollErrors": 2, "OldestExecutionAge": 1, "WavesPolled": 0}, []),
        ({"PollErrors": 0, "OldestExecutionAge": 1}, [("PollErrors 1 or more", "PollErrors 0")]),
        ({"PollErrors": 1}, [("PollErrors, OldestExecutionAge of a failed poll, once", "no OldestExecutionAge")]),
        ({}, [("PollErrors, OldestExecutionAge of a failed poll, once", "no PollErrors, OldestExecutionAge")]),
    ],
)
def test_a_failed_poll_owes_its_error_and_the_age(values: dict[str, float], said: list[tuple[str, str]]) -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, writes=False)
    publish(bench, **values)
    bench.trace.emit(ended(outcome="error"))
    assert (bench.said(), bench.monitor.checked) == (said, 1)


def test_a_metric_in_another_unit_is_wrong() -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, second=0.9)
    publish(bench, **{name: value for name, value in ALL.items() if name != "PollingDuration"})
    in_seconds = MetricPoint("PollingDuration", 700, Unit.SECONDS)
    bench.trace.emit(MetricsPublished(bench.kernel.now_us, "r-1", POLLER, "e-1", (in_seconds,)))
    bench.trace.emit(ended())
    assert bench.said() == [("PollingDuration 638 to 1000 ms", "PollingDuration 700 s")]


def poll_of_an_old_execution(age_s: float, *, skew: str | None = None, start_s: int = START_S - 1000) -> Bench:
    """The violations of a poll, from 100.2 s to 101 s of the run, that publishes this age of its execution."""
    faults = [] if skew is None else [{"fault": "clock-skew", "delay": skew}]
    bench = Bench(MetricsComplete, spec=WorldSpec.model_validate({"faults": faults}))
    bench.write(an_item(StartTime=start_s), by="worker")
    bench.at(100)
    bench.look("f-1", "r-1")
    bench.at(100.9)
    bench.write(an_item(StartTime=start_s, Version=2))
    publish(bench, **ALL | {"OldestExecutionAge": age_s})
    bench.trace.emit(ended(at_us=101 * SECOND_US, duration_us=800_000))
    return bench


@pytest.mark.parametrize(
    "age_s",
    # At the publication, at the start of the poll, at the look before that, and in whole seconds, down and up.
    [1100.9, 1100.2, 1100, 1095, 1101],
)
def test_an_age_is_right_from_the_look_to_the_publication(age_s: float) -> None:
    assert poll_of_an_old_execution(age_s).said() == []


@pytest.mark.parametrize("age_s", [-12345, 0, 1080, 1103, 1100.9 * 1000, 100.9])
def test_an_age_that_no_instant_of_the_poll_has_is_wrong(age_s: float) -> None:
    expected = "OldestExecutionAge 1089.2 to 1101.9 s"
    assert poll_of_an_old_execution(age_s).said() == [(expected, f"OldestExecutionAge {age_s:g} s")]


def test_a_clock_that_is_off_may_show_in_an_age() -> None:
    for age_s in (1100.9 - 30, 1100.9 + 30):
        assert poll_of_an_old_execution(age_s, skew="30s").said() == []
    assert len(poll_of_an_old_execution(1100.9 + 60, skew="30s").said()) == 1


def test_an_age_is_never_below_zero() -> None:
    """An execution may start, by its StartTime, a little after a clock that is behind."""
    assert poll_of_an_old_execution(0, start_s=START_S + 105).said() == []
    assert len(poll_of_an_old_execution(-4, start_s=START_S + 105).said()) == 1


@pytest.mark.parametrize("outcome", ["ok", "timeout"])
def test_a_poll_that_wrote_nothing_or_was_killed_owes_no_metrics(outcome: str) -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, writes=outcome == "timeout")
    bench.trace.emit(ended(outcome=outcome))
    bench.trace.emit(ended("r-unknown"))
    publish(bench, WavesPolled=9)
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


@pytest.mark.parametrize(
    ("status", "age_s", "said"),
    [
        ("TIMEOUT", None, []),
        ("COMPLETED", None, ["no OldestExecutionAge"]),
        ("POLLING", None, ["no OldestExecutionAge"]),
        ("TIMEOUT", 0.9, []),
        # What a poll publishes must be right, even where it owes nothing.
        ("TIMEOUT", 99_999, ["OldestExecutionAge 99999 s"]),
    ],
)
def test_poll_that_writes_timeout_owes_no_age(status: str, age_s: float | None, said: list[str]) -> None:
    bench = Bench(MetricsComplete)
    a_poll(bench, writes=False, second=0.9)
    bench.write(an_item(Version=2, Status=status))
    values = ALL | {"OldestExecutionAge": age_s}
    publish(bench, **{name: value for name, value in values.items() if value is not None})
    bench.trace.emit(ended())
    assert [observed for _, observed in bench.said()] == said


# --- by a team's names ----------------------------------------------------------------------------------------


def put(bench: Bench, *points: MetricPoint, request_id: str = "r-1", function: str = POLLER) -> None:
    bench.trace.emit(MetricsPublished(bench.kernel.now_us, request_id, function, "e-1", points))


def named(**metrics: str) -> Contract:
    return preset("plain", judged={"metrics": metrics})


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([MetricPoint("Took", 0.7, Unit.SECONDS)], []),
        ([MetricPoint("Took", 700, Unit.MILLISECONDS), MetricPoint("Others", -1)], []),
        ([MetricPoint("Took", 700, Unit.SECONDS)], ["PollingDuration 700 s"]),
        ([MetricPoint("Took", 700, Unit.COUNT)], ["PollingDuration 700"]),
        ([MetricPoint("PollingDuration", 700, Unit.MILLISECONDS)], ["no PollingDuration"]),
        ([MetricPoint("Took", 0.7, Unit.SECONDS)] * 2, ["2 values of 1 metrics"]),
    ],
)
def test_only_named_metrics_are_judged_in_each_unit_of_time(points: list[MetricPoint], said: list[str]) -> None:
    bench = Bench(MetricsComplete, contract=named(PollingDuration="Took"))
    a_poll(bench, second=0.9)
    put(bench, *points)
    bench.trace.emit(ended())
    assert [observed for _, observed in bench.said()] == said


@pytest.mark.parametrize(("outcome", "said"), [("ok", []), ("error", ["no PollErrors"])])
def test_team_may_count_failed_polls_alone(outcome: str, said: list[str]) -> None:
    bench = Bench(MetricsComplete, contract=named(PollErrors="Failures"))
    a_poll(bench)
    bench.trace.emit(ended(outcome=outcome))
    assert [observed for _, observed in bench.said()] == said


def test_metric_that_the_finder_publishes_is_not_owed_by_polls() -> None:
    for by_finder, said in ((True, []), (False, ["no ActivePollingExecutions"])):
        bench = Bench(MetricsComplete, contract=named(ActivePollingExecutions="Active"))
        if by_finder:
            put(bench, MetricPoint("Active", 1), request_id="f-1", function=FINDER)
        a_poll(bench)
        bench.trace.emit(ended())
        assert [observed for _, observed in bench.said()] == said


@pytest.mark.parametrize(("active", "is_right"), [(2, True), (3, True), (5, True), (1, False), (6, False)])
def test_active_executions_are_those_of_one_word_or_all(active: int, is_right: bool) -> None:
    bench = Bench(MetricsComplete, contract=named(ActivePollingExecutions="Active"))
    bench.write(an_item(), by="worker")
    # Of the look before nothing is left.
    for word, count in (("POLLING", 7), ("CANCELLING", 2), ("CANCELLING", 2), ("POLLING", 3)):
        bench.trace.emit(IndexRead(0, "f-1", 1, 1, count, 100, word))
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "e-1"))
    bench.write(an_item(Version=2))
    put(bench, MetricPoint("Active", active))
    bench.trace.emit(ended())
    assert (bench.said() == []) is is_right


def test_batch_may_publish_each_metric_for_each_execution() -> None:
    bench = Bench(MetricsComplete, contract=named(WavesPolled="Waves"))
    bench.write(an_item(), by="worker")
    bench.trace.emit(Invoked(0, "r-1", "f-1", POLLER, "", batch=("e-1", "e-2")))
    for execution_id in ("e-1", "e-2"):
        bench.write(an_item(ExecutionId=execution_id, Version=2))
        put(bench, MetricPoint("Waves", 1))
    bench.trace.emit(ended())
    assert (bench.said(), bench.monitor.checked) == ([], 1)
