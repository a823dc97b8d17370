"""Shrinking, saving and replaying failures, and their stories."""

from pathlib import Path

import pytest

from drsim.scenarios.contradiction import contradictions
from drsim.scenarios.explanation import difference, story
from drsim.scenarios.failure import Failure, concrete, failure_of, read, replay, write
from drsim.scenarios.files import ScenarioError, load
from drsim.scenarios.parts import parts_of
from drsim.scenarios.shrink import Shrinker, UnrepeatableError, shrunk
from drsim.simulator.world import World

OWN_WRITE = "tests.planted_bugs.registry:BUGS:ForgetsItsOwnWrite"
STALE = "tests.planted_bugs.registry:BUGS:OverwritesAfterALostRace"
SLOW = "tests.planted_bugs.registry:BUGS:SlowIsFailed"


def found(seed: int, name: str, place: str) -> Failure:
    return shrunk(load("chaos"), seed, name, code=place)[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "name", "place", "faults"),
    [
        (28, "metrics-complete", OWN_WRITE, ["answer-lost at UpdateItem"]),
        (350, "no-lost-update", STALE, []),
        (3, "completion-soundness", SLOW, []),
    ],
)
def test_failure_shrinks_to_one_execution_and_the_faults_it_needs(
    seed: int, name: str, place: str, faults: list[str]
) -> None:
    failure = found(seed, name, place)
    assert len(failure.scenario.workload) == 1
    assert [" ".join(str(rule).split()[:3]) for rule in failure.scenario.faults] == faults
    assert failure.property == name


@pytest.mark.slow
def test_no_fault_of_a_small_failure_can_be_left_out() -> None:
    failure = found(28, "metrics-complete", OWN_WRITE)
    without = failure.scenario.model_copy(update={"faults": ()})
    assert failure_of(without, failure.seed, failure.property, OWN_WRITE) is None


def test_run_with_concrete_faults_ends_like_the_original() -> None:
    scenario = load("chaos")
    plain = concrete(scenario, 28)
    assert plain.swarm is None
    assert all(rule.run is not None and rule.chance == 1 for rule in plain.faults)
    ends = []
    for each in (scenario, plain):
        world = World(each, seed=28)
        world.run()
        ends.append({key.execution_id: world.status_of(key) for key in world.workload.expected})
        world.close()
    assert ends[0] == ends[1]


def test_what_does_not_fail_is_not_shrunk() -> None:
    with pytest.raises(UnrepeatableError, match="did not fail again"):
        shrunk(load("chaos"), 1, "no-lost-update")
    assert Shrinker(1, "no-lost-update", "", 60.0).shrink(load("drill")) is None


def test_ddmin_finds_the_two_items_that_matter() -> None:
    fewest = Shrinker._fewest(range(100), lambda items: 17 in items and 83 in items)
    assert list(fewest) == [17, 83]
    assert list(Shrinker._fewest([1, 2, 3], lambda _: True)) == []


@pytest.mark.slow
def test_a_saved_failure_still_fails_is_fixed_or_differs(tmp_path: Path) -> None:
    failure, path = found(28, "metrics-complete", OWN_WRITE), tmp_path / "failures" / "one.yaml"
    write(failure, path)
    again = read(path)
    assert replay(again).outcome == "still fails"
    assert replay(again).detail == "the very same run, event by event"
    assert replay(again, "").outcome == "fixed"
    unstruck = tuple(rule.model_copy(update={"run": 999}) for rule in again.scenario.faults)
    untested = again.model_copy(update={"scenario": again.scenario.model_copy(update={"faults": unstruck})})
    assert replay(untested).outcome == "differs"
    assert "nothing was tested" in replay(untested).detail
    other = again.model_copy(update={"property": "isolation"})
    assert replay(other).outcome == "differs"
    assert "metrics-complete" in replay(other).detail
    older = again.model_copy(update={"digest": "0" * 64})
    assert replay(older).detail == "by another way than the one that was saved: the trace differs"


def test_file_that_is_no_failure_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    with pytest.raises(ScenarioError, match=r"cannot read .*odd.yaml: No such file"):
        read(path)
    path.write_text("property: x\nsede: 1\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read(path)
    assert any("sede: there is no such field" in problem for problem in caught.value.problems)
    path.write_text("property: none-such\nseed: -1\nat: soon\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read(path)
    for wrong in ("property: no such property: 'none-such'", "seed must be greater than or equal to", "at: "):
        assert any(wrong in problem for problem in caught.value.problems)
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"odd\.yaml:1: expected the node content"):
        read(path)


@pytest.mark.slow
def test_story_reports_which_write_overwrote_which() -> None:
    failure = found(350, "no-lost-update", STALE)
    texts = [line.text for line in story(failure)]
    assert any("worker writes ordered: wave 2 PENDING -> LAUNCHING; wave 2 has job drsjob-" in text for text in texts)
    assert "ExecutionPoller is refused its write: another write came first" in texts
    # The function logs after its write.
    assert any("wave 2 has job no more" in text for text in texts[-2:])
    assert [line.at_us for line in story(failure)] == sorted(line.at_us for line in story(failure))


@pytest.mark.slow
def test_nearest_passing_run_lacks_the_last_fault_or_uses_the_real_code() -> None:
    struck = difference(found(28, "metrics-complete", OWN_WRITE))
    assert struck is not None
    assert struck.passing.startswith("the same run without answer-lost at UpdateItem")
    assert struck.fails != struck.passes
    unstruck = difference(found(350, "no-lost-update", STALE))
    assert unstruck is not None
    assert unstruck.passing == "the same run of drsim's own code"


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent.parent / "corpus").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_failure_of_the_corpus_fails_with_its_bug_and_not_without(path: Path) -> None:
    failure = read(path)
    assert replay(failure).detail == "the very same run, event by event"
    assert replay(failure, "").outcome == "fixed"


def test_a_seed_that_is_replayed_gives_the_same_contradiction_twice() -> None:
    scenario = load("chaos")
    runs = []
    for _ in range(2):
        world = World(scenario, seed=3, parts=parts_of(SLOW), verdict_only=True)
        runs.append(list(contradictions(world, 3)))
        world.close()
    assert runs[0] == runs[1]
    assert runs[0] != []
