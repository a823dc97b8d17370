"""A world: how long it runs, what it tells on the way, what it leaves as it found it, and that a seed is a run."""

import gc
import logging
from collections.abc import Iterator
from typing import Final

import pytest

from drsim.orchestrator.model import ExecutionStatus
from drsim.orchestrator.settings import MINUTE_US, SECOND_US
from drsim.simulator.events import FINDER, POLLER, ItemChanged, LambdaStarted, RunEnded
from drsim.simulator.figures.table import LOOKS
from drsim.simulator.processes import ProcessCrashedError
from drsim.simulator.services.dynamodb import ExecutionTable
from drsim.simulator.services.observability import LogsService
from drsim.simulator.services.schedule import ScheduleRule
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import BrokenSimulationError, Trace
from drsim.simulator.world import Parts, World

QUICK: Final = {"pending": "40s..60s", "started": "5s", "in_progress": "20s..40s"}
ONE: Final = {"executions": 1, "waves": 1, "servers": 1, "jobs": QUICK}


def a_world(*groups: object, seed: int = 7, parts: Parts | None = None, **fields: object) -> World:
    """A world of ten minutes with these groups of executions, or with one execution of one wave."""
    spec = WorldSpec.model_validate({"duration": "10m", "workload": list(groups or (ONE,)), **fields})
    return World(spec, seed=seed, parts=parts)


def digest(world: World) -> str:
    world.run()
    world.close()
    return world.trace.digest()


# --- a run ---------------------------------------------------------------------------------------------------


def test_the_finder_finds_the_execution_and_the_poller_ends_it_as_drs_says() -> None:
    world = a_world(ONE, {**ONE, "executions": 2, "waves": 2, "jobs": {**QUICK, "failed_servers": 1}})
    started = list[LambdaStarted]()
    world.trace.listen(LambdaStarted, started.append)
    world.run()
    assert [world.status_of(key) for key in world.workload.expected] == [
        ExecutionStatus.COMPLETED,
        ExecutionStatus.FAILED,
        ExecutionStatus.FAILED,
    ]
    assert {event.function for event in started} == {FINDER, POLLER}
    assert {monitor.name for monitor in world.monitors if monitor.violations} == set()
    assert set(world.logs.groups) == {FINDER, POLLER}
    assert "PollErrors" in {metric.name for metric in world.cloudwatch.metrics()}
    world.close()


def test_a_status_is_none_once_the_item_is_gone_or_malformed() -> None:
    world = a_world({**ONE, "executions": 2})
    gone, malformed = world.workload.expected
    world.run()
    world.table.delete(gone, writer="person")
    world.table.update(malformed, {"Status": "?"}, writer="person")
    assert (world.status_of(gone), world.status_of(malformed)) == (None, None)
    world.close()


# --- its end -------------------------------------------------------------------------------------------------


class Ends:
    """When the executions of a world ended, and when its run did."""

    def __init__(self, world: World) -> None:
        self.executions = list[int]()
        self.run = list[RunEnded]()
        world.trace.listen(ItemChanged, self._on_change)
        world.trace.listen(RunEnded, self.run.append)
        world.run()
        world.close()

    def _on_change(self, event: ItemChanged) -> None:
        if event.execution is not None and event.execution.end_us is not None:
            self.executions.append(event.at_us)


def test_a_run_ends_some_time_after_the_last_execution_has_ended() -> None:
    world = a_world({**ONE, "executions": 3, "arrival": {"pattern": "steady", "over": "3m"}}, settle="30s")
    ends = Ends(world)
    assert len(ends.executions) == 3
    assert world.kernel.now_us == ends.executions[-1] + 30 * SECOND_US
    assert ends.run == [(world.kernel.now_us,)]


def test_a_run_that_is_to_go_on_ends_with_its_duration() -> None:
    world = a_world(until_finished=False, duration="7m30s")
    ends = Ends(world)
    assert len(ends.executions) == 1
    assert (world.kernel.now_us, ends.run[0].at_us) == (450 * SECOND_US, 450 * SECOND_US)


def test_a_run_whose_executions_never_end_ends_with_its_duration() -> None:
    world = a_world({**ONE, "jobs": {**QUICK, "hangs": True}}, duration="3m")
    assert Ends(world).executions == []
    assert world.kernel.now_us == 3 * MINUTE_US


def test_an_execution_that_is_deleted_counts_as_ended_and_as_ended_once() -> None:
    world = a_world({**ONE, "executions": 2, "arrival": {"pattern": "steady", "over": "4m"}}, settle="30s")
    first, second = world.workload.expected
    # Still under way; ended already; never there.
    world.kernel.at(20 * SECOND_US, lambda key: world.table.delete(key, writer="person"), first)
    ends = Ends(world)
    assert (len(ends.executions), world.status_of(second)) == (1, ExecutionStatus.COMPLETED)
    assert world.kernel.now_us == ends.executions[-1] + 30 * SECOND_US

    again = a_world({**ONE, "executions": 2, "arrival": {"pattern": "steady", "over": "6m"}}, settle="30s")
    first, _ = again.workload.expected
    again.kernel.at(170 * SECOND_US, lambda key: again.table.delete(key, writer="person"), first)
    ends = Ends(again)
    assert (len(ends.executions), ends.executions[0] < 170 * SECOND_US) == (2, True)
    assert again.kernel.now_us == ends.executions[-1] + 30 * SECOND_US


def test_run_reports_progress_each_virtual_minute_and_at_its_end() -> None:
    reported = list[int]()
    world = a_world(duration="3m20s", until_finished=False)
    world.run(on_progress=reported.append)
    world.close()
    assert reported == [1 * MINUTE_US, 2 * MINUTE_US, 3 * MINUTE_US, 200 * SECOND_US]


# --- a seed is a run -----------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_digest_and_another_seed_another() -> None:
    assert digest(a_world(seed=7)) == digest(a_world(seed=7)) != digest(a_world(seed=8))


def test_who_watches_a_run_does_not_change_it() -> None:
    world = a_world()
    world.run(on_progress=lambda _: None)
    assert world.trace.digest() == digest(a_world())
    world.close()


# --- what a run leaves as it was -----------------------------------------------------------------------------


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """The logger of production code with a level, a handler and a parent of its user's; thresholds are his, too."""
    logger = logging.getLogger("drsim.orchestrator")
    level, handlers, propagate = logger.level, logger.handlers, logger.propagate
    logger.setLevel(logging.ERROR)
    logger.handlers, logger.propagate = [logging.NullHandler()], True
    # What no earlier run can have left behind.
    for name in ("logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, name, True)
    monkeypatch.setattr(logging, "_srcfile", logging.__file__)
    thresholds = gc.get_threshold()
    gc.set_threshold(701, 11, 12)
    yield logger
    gc.set_threshold(*thresholds)
    logger.setLevel(level)
    logger.handlers, logger.propagate = handlers, propagate


def configuration(logger: logging.Logger) -> list[object]:
    """All that a run changes in the process."""
    switches = [getattr(logging, name) for name in ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile")]
    return [logger.level, list(logger.handlers), logger.propagate, *switches, gc.get_threshold()]


def test_a_run_restores_logging_and_the_garbage_collector(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    before = configuration(logger)
    world = a_world()
    during = list[list[object]]()
    world.run(on_progress=lambda _: during.append(configuration(logger)))
    world.close()
    assert during[0] == [logging.INFO, [world.logs], False, None, None, None, None, (200_000, 20, 20)]
    assert configuration(logger) == before
    assert caplog.records == [], "what simulated functions say goes to the simulated Logs alone"


def test_a_run_that_breaks_restores_them_too(logger: logging.Logger) -> None:
    class Rule(ScheduleRule):
        """A rule that breaks."""

        def _fire(self, number: int) -> None:
            raise BrokenSimulationError("the rule broke")

    before = configuration(logger)
    with pytest.raises(BrokenSimulationError, match="the rule broke"):
        a_world(parts=Parts(rule=Rule)).run()
    assert configuration(logger) == before


def test_broken_worker_ends_the_run_with_seed_instant_and_process() -> None:
    class Table(ExecutionTable):
        """A table that no first write reaches."""

        def put(self, *arguments: object, **keywords: object) -> None:
            raise KeyError("put")

    world = a_world({**ONE, "ids": ["first"]}, parts=Parts(table=Table))
    with pytest.raises(
        ProcessCrashedError, match=r"seed 7, 00:00:05\.\d{6}, process 'worker of first': KeyError: 'put'"
    ):
        world.run()
    world.close()


# --- its parts -----------------------------------------------------------------------------------------------


def test_a_test_may_replace_a_part_and_the_others_stay() -> None:
    class Logs(LogsService):
        """Logs that hear nothing."""

        def emit(self, record: logging.LogRecord) -> None:
            pass

    world = a_world(parts=Parts(logs=Logs))
    world.run()
    world.close()
    assert type(world.logs) is Logs
    assert {group.lines for group in world.logs.groups.values()} == {0}
    assert [world.status_of(key) for key in world.workload.expected] == [ExecutionStatus.COMPLETED]


def test_settings_reach_the_functions_as_environment_variables_would() -> None:
    once, often = a_world(), a_world(settings={"SWEEPS_PER_INVOCATION": 4})
    for world in (once, often):
        world.run()
        world.close()
    assert (once.settings.sweeps_per_invocation, often.settings.sweeps_per_invocation) == (1, 4)
    assert often.statistics.counts[LOOKS] > 3 * once.statistics.counts[LOOKS]


@pytest.mark.parametrize(
    ("settings", "timeout", "aged_s"),
    [
        ({"TIMEOUT_SECONDS": "900"}, "30m", 900),
        ({"TIMEOUT_SECONDS": "900"}, "10m", 0),
        ({"TIMEOUT_SECONDS": "900"}, "none", 0),
        ({}, "60m", 0),
    ],
)
def test_executions_are_aged_until_the_scenario_makes_them_overdue(
    settings: dict[str, str], timeout: str, aged_s: int
) -> None:
    """A team's functions do not read the scenario's setting."""
    contract = {"extends": "plain", "limits": {"timeout": timeout}}
    spec = WorldSpec.model_validate({"duration": "2m", "workload": [ONE], "contract": contract, "settings": settings})
    world = World(spec, seed=1, parts=Parts(contract=spec.judged_by, is_ours=False))
    world.run()
    (key,) = world.workload.expected
    item = world.table.get(key)
    assert item is not None
    assert item.execution is not None
    assert item.execution.start_us is not None
    # The item holds whole seconds.
    assert (item.execution.start_us - world.spec.epoch_us) // SECOND_US == 5 - aged_s
    world.close()


def test_world_that_only_judges_refuses_a_trace() -> None:
    with pytest.raises(ValueError, match="trace must be None with verdict_only, got one of level 'full'"):
        World(WorldSpec(), seed=1, verdict_only=True, trace=Trace())
