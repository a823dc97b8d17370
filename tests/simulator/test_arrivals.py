"""When executions arrive, and what they have from then on."""

from itertools import pairwise

import pytest

from drsim.orchestrator.items import execution_of
from drsim.orchestrator.model import ExecutionStatus
from drsim.simulator.kernel import Kernel
from tests.simulator.workloads import FIXED, SECOND, WRITE_US, Rig, one, waves_of


@pytest.mark.parametrize(
    ("arrival", "seconds"),
    [
        ({}, [5, 5, 5, 5, 5, 5]),
        ({"at": "0s"}, [0, 0, 0, 0, 0, 0]),
        ({"pattern": "steady", "at": "10s", "over": "60s"}, [10, 20, 30, 40, 50, 60]),
        ({"pattern": "bursts", "at": "10s", "over": "60s", "bursts": 3}, [10, 10, 30, 30, 50, 50]),
        ({"pattern": "bursts", "at": "10s", "over": "60s", "bursts": 4}, [10, 10, 25, 40, 40, 55]),
        ({"pattern": "bursts", "at": "10s", "over": "60s", "bursts": 99}, [10, 20, 30, 40, 50, 60]),
    ],
)
def test_executions_arrive_as_their_pattern_says(
    kernel: Kernel, arrival: dict[str, object], seconds: list[int]
) -> None:
    rig = Rig(kernel, one(executions=6, arrival=arrival))
    rig.run()
    assert rig.arrivals() == [second * SECOND for second in seconds]
    assert len({key for key in rig.workload.expected if rig.table.get(key) is not None}) == 6


def test_poisson_arrivals_begin_at_their_time_and_are_so_dense_on_average(kernel: Kernel) -> None:
    rig = Rig(kernel, one(executions=400, arrival={"pattern": "poisson", "at": "10s", "over": "400s"}))
    rig.run()
    arrivals = rig.arrivals()
    gaps = [after - before for before, after in pairwise(arrivals)]
    assert arrivals[0] == 10 * SECOND
    assert 0.9 * SECOND < sum(gaps) / len(gaps) < 1.1 * SECOND
    # Of exponential gaps a share of 1/e is longer than the mean.
    assert 0.3 < sum(gap > SECOND for gap in gaps) / len(gaps) < 0.44


def test_expected_has_given_ids_and_the_status_of_each_group(kernel: Kernel) -> None:
    rig = Rig(kernel, one(executions=2, ids=["first"], expect="COMPLETED"), one())
    (first, drawn, other), statuses = rig.workload.expected, list(rig.workload.expected.values())
    assert first.execution_id == "first"
    assert statuses == [ExecutionStatus.COMPLETED, ExecutionStatus.COMPLETED, None]
    assert [len(part) for part in drawn.execution_id.split("-")] == [8, 4, 4, 4, 12]
    assert len({first.plan_id, drawn.plan_id, other.plan_id}) == 3


def test_an_id_that_was_drawn_and_is_given_names_the_same_execution(kernel: Kernel) -> None:
    drawn = Rig(kernel, one(executions=2))
    for key in drawn.workload.expected:
        assert Rig(kernel, one(ids=[key.execution_id])).key == key


def test_a_wave_may_have_a_job_of_another_life_than_its_group(kernel: Kernel) -> None:
    rig = Rig(kernel, {"waves": [{}, {"jobs": {**FIXED, "in_progress": "10s"}}]})
    rig.run()
    lives = [rig.drs.job(wave.scope, str(wave.job_id)) for wave in execution_of(rig.attributes()).waves]
    assert [job.ended_us - job.created_us for job in lives if job is not None] == [90 * SECOND, 70 * SECOND]


def test_an_execution_does_not_depend_on_what_else_is_in_its_world() -> None:
    def seen(*others: dict[str, object]) -> object:
        kernel = Kernel(seed=7)
        group = {"ids": ["e"], "waves": 2, "order": "sequential", "reaction": "1s..60s"}
        rig = Rig(kernel, group, *others)
        rig.run()
        kernel.close()
        mine = [change for change in rig.changes if change.execution_id == "e"]
        # All but the ids of its jobs, in which DRS counts the jobs of the account.
        waves = [[wave | {"JobId": ""} for wave in waves_of(change)] for change in mine]
        return [(change.at_us, change.after and {**change.after, "Waves": ""}) for change in mine], waves

    assert seen() == seen(one(executions=5), {"executions": 2})


def test_only_those_that_start_next_stand_in_the_kernels_heap(kernel: Kernel) -> None:
    rig = Rig(kernel, {"executions": 1000, "arrival": {"pattern": "steady", "over": "5m"}})
    assert (len(rig.workload), len(kernel._heap)) == (1000, 1)
    planned = [plan.start_us for plan in rig.workload.plans]
    rig.run("1m")
    assert len(kernel._heap) < 20
    assert rig.arrivals() == [start_us for start_us in planned if start_us <= 60_000_000 - WRITE_US]
    # Those to come are expected as well, and those that came are the ones that were planned.
    assert [plan.key for plan in rig.workload.plans] == list(rig.workload.expected)


def test_groups_whose_executions_start_at_one_instant_keep_their_order(kernel: Kernel) -> None:
    first = {"executions": 3, "ids": ["a", "b", "c"], "arrival": {"pattern": "steady", "at": "10s", "over": "30s"}}
    other = {"executions": 2, "ids": ["d", "e"], "arrival": {"pattern": "steady", "at": "0s", "over": "40s"}}
    rig = Rig(kernel, first, other)
    rig.run()
    came = [change.execution_id for change in rig.changes if change.before is None]
    assert came == ["d", "a", "b", "e", "c"]
