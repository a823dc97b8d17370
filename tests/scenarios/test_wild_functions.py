"""Functions may do anything: the run survives it, has a result and reports, and the right property names it."""

from typing import Final

import pytest

from drsim.reports.documents import files
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import Run, run
from drsim.simulator.events import FaultInjected, LambdaEnded
from drsim.simulator.world import World
from tests.planted_bugs.wild import ACTS, at_random, finding, leaving, wild

SHORT: Final = ("executions=2", "waves=2", "duration=20m", "jobs={pending: 1m, started: 20s, in_progress: 1m}")
CRASHES: Final = (
    "heal=19m",
    "faults=[{fault: crashed-before, chance: 0.1}, {fault: crashed-after, chance: 0.1}, {fault: stuck, chance: 0.1}]",
)

REPORTED: Final = {
    "does nothing": "",
    "leaves tasks that exit": "",
    "leaves calls that take forever": "",
    "does its work": "poll-cadence",
    "goes on from a kept key": "poll-cadence",
    "invokes without a look": "log-correlation",
    "leaves its work in a pool": "log-correlation",
    "asks DRS for anything": "isolation",
    "publishes anything": "metrics-complete",
    "deletes the item": "no-lost-update",
    "makes an execution": "terminal-absorbing",
    "ends the process": "No errors or failures",
    "is cancelled": "No errors or failures",
    "fails without words": "log-correlation",
    "ends an execution": "completion-soundness",
    "opens an execution": "no-lost-update",
    **dict.fromkeys((name for name in ACTS if "that is none" in name or "that are none" in name), "readable"),
    **dict.fromkeys(("writes another status", "writes waves as a text", "writes nanoseconds"), "readable"),
    **dict.fromkeys(("writes times before all calendars", "takes the start away"), "readable"),
}
"""By what a function does, the property or criterion that reports it, if any; others lose updates."""


def failed(result: Result) -> set[str]:
    """The properties and criteria that do not hold."""
    judged = [(each.name, each.verdict) for each in result.properties]
    judged += [(each.name, each.verdict) for each in result.criteria]
    return {name for name, verdict in judged if verdict == "fail"}


def troubles(done: Run) -> list[str]:
    """What could not be written of a run, all files and each piece of them."""
    found: list[str] = []
    for file in files(done.result, done.trace.lines, with_chrome=True):
        found += file.troubles
        assert file.text is not None, file
        assert all(isinstance(piece, str) for piece in file.text)
    return found


@pytest.mark.parametrize("name", ACTS)
def test_result_names_what_a_wild_function_did(name: str) -> None:
    result = run(load("drill", SHORT), seed=1, parts=wild(name)).result
    caught_by = REPORTED.get(name, "no-lost-update")
    assert caught_by in failed(result) if caught_by else failed(result) == set()
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_a_finder_that_begins_at_a_kept_key_starves_executions() -> None:
    scenario = load("drill", (*SHORT, "table.page_bytes_max=1024", "executions=4"))
    result = run(scenario, seed=1, parts=finding("goes on from a kept key")).result
    assert {"poll-cadence", "no-starvation"} <= failed(result)
    # It looks all the same, if only at a part of the index.
    assert result.metrics.counts["looks"] == result.metrics.counts["ExecutionFinder.invocations"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_functions_under_faults_have_all_reports(seed: int) -> None:
    done = run(load("chaos", ["duration=12m", "heal=8m"]), seed=seed, parts=at_random())
    assert (done.result.verdict, troubles(done)) == ("fail", [])


def test_faults_may_meet_work_left_by_its_handler() -> None:
    met_count = 0
    for seed in range(1, 6):
        world = World(load("drill", (*SHORT, *CRASHES)), seed=seed, parts=leaving())
        ended: set[str] = set()
        met: list[str] = []

        def on_ended(event: LambdaEnded, ended: set[str] = ended) -> None:
            ended.add(event.request_id)

        def on_fault(event: FaultInjected, ended: set[str] = ended, met: list[str] = met) -> None:
            met += [event.fault] if event.request_id in ended else []

        world.trace.listen(LambdaEnded, on_ended)
        world.trace.listen(FaultInjected, on_fault)
        world.run()
        world.close()
        met_count += sum(fault.startswith("crashed") for fault in met)
    # Otherwise it would prove nothing that the runs came to their end.
    assert met_count >= 5
