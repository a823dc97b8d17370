"""The pairs of functions in examples: the first or second finding names each bug, and a right pair has none."""

import filecmp
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from drsim.scenarios.files import catalogue, load
from tests.examples import one_function, polling
from tests.examples.bugs import Bug, Pair, judged
from tests.examples.power import PAIRS, hunt

FILES: Final = ("finder/app.py", "poller/app.py", "layer/executions.py")
EACH_CHANGE: Final = ("partial", "timeout-incomplete", "fault-raced")
OLD: Final = Path(__file__).parents[1] / "old"


def each_bug() -> Iterable[Any]:
    for name, (pair, bugs) in PAIRS.items():
        for bug in bugs:
            yield pytest.param(pair, bug, id=f"{name}: {bug.name}")


def where_bugs_are_found() -> Iterable[Any]:
    for name, (pair, bugs) in PAIRS.items():
        for scenario, changes, seed in dict.fromkeys((bug.scenario, bug.changes, bug.seed) for bug in bugs):
            yield pytest.param(pair, scenario, changes, seed, id=" ".join((f"{name}: {scenario}", *changes)))


def whole_catalogue() -> Iterable[Any]:
    for name, (pair, _) in PAIRS.items():
        for scenario in (pair.own, *catalogue()):
            marks = () if scenario in (pair.own, *EACH_CHANGE) else (pytest.mark.nightly,)
            yield pytest.param(pair, scenario, id=f"{name}: {scenario}", marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize(("pair", "bug"), list(each_bug()))
def test_first_or_second_finding_names_the_bug(pair: Pair, bug: Bug, tmp_path: Path) -> None:
    functions = pair.handlers(pair.with_bugs([bug], tmp_path / "pair"))
    found, _ = judged(functions, pair.scenario(bug.scenario, *bug.changes), bug.seed)
    assert any(text.startswith(bug.caught_by) and bug.says in text for text in found[:2]), found


@pytest.mark.slow
@pytest.mark.parametrize(("pair", "scenario", "changes", "seed"), list(where_bugs_are_found()))
def test_right_pair_has_no_finding_where_bugs_have(
    pair: Pair, scenario: str, changes: tuple[str, ...], seed: int
) -> None:
    # Some of these runs end before their executions do.
    found, _ = judged(pair.handlers(pair.folder), pair.scenario(scenario, *changes), seed)
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize(("pair", "scenario"), list(whole_catalogue()))
def test_right_pair_has_no_finding_in_the_catalogue(pair: Pair, scenario: str) -> None:
    changes = () if scenario == pair.own else load(scenario).small
    found, others = judged(pair.handlers(pair.folder), pair.scenario(scenario, *changes))
    # A smaller form of the scenario may end before its executions do.
    is_cut = any(change.startswith("duration=") for change in changes)
    assert (found, set() if is_cut else others) == ([], set())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed"),
    [("fault-tick-doubled", 1), (f"{OLD}/mended-pair-raced.yaml", 1), (f"{OLD}/session-expiry.yaml", 1), ("chaos", 5)],
)
def test_mended_pair_has_no_finding_in_runs_it_once_failed(name: str, seed: int) -> None:
    assert judged(polling.PAIR.handlers(polling.PAIR.folder), polling.PAIR.scenario(name), seed) == ([], set())


FOR_EVER: Final = Bug(
    name="keeps a session for ever",
    file=polling.POLLER,
    mended='    return client, credentials["Expiration"].timestamp()\n',
    written="    return client, math.inf\n",
    scenario=f"{OLD}/session-expiry.yaml",
    caught_by="poll-cadence",
    says="the first since it was due",
)
ONCE_A_LOOK: Final = Bug(
    name="polls once for each of two looks a moment apart",
    file=polling.POLLER,
    mended='not is_due(item, event["lookedAt"])',
    written='float(item.get("lastPolledTime", 0)) >= event["lookedAt"]',
    scenario="fault-tick-doubled",
    caught_by="poll-cadence",
    says="between polls",
)


@pytest.mark.slow
@pytest.mark.parametrize("bug", [FOR_EVER, ONCE_A_LOOK], ids=lambda bug: bug.name)
def test_finding_names_a_former_bug_of_the_mended_pair(bug: Bug, tmp_path: Path) -> None:
    test_first_or_second_finding_names_the_bug(polling.PAIR, bug, tmp_path)


@pytest.mark.slow
def test_hunt_finds_a_bug_makes_it_small_and_names_its_line() -> None:
    number = [bug.name for bug in polling.BUGS].index("calls DRS once per job")
    found = hunt("polling", number, seeds=3)
    assert (found.scenario, found.seed, found.size) == ("chaos", 1, "1+0")
    assert found.finding.startswith("budgets: ")
    assert " at poller/app.py:" in found.finding


@pytest.mark.slow
def test_hunt_reports_a_bug_that_no_seed_shows() -> None:
    number = [bug.name for bug in one_function.BUGS].index("swallows the errors of DRS")
    assert hunt("one_function", number, seeds=2).seed is None


def test_buggy_pair_is_the_mended_pair_with_every_bug(tmp_path: Path) -> None:
    pair = polling.PAIR.with_bugs(polling.BUGS, tmp_path / "pair")
    assert filecmp.cmpfiles(pair, polling.WRITTEN, FILES, shallow=False) == (list(FILES), [], [])


@pytest.mark.parametrize("name", PAIRS)
def test_each_pair_has_at_least_ten_bugs(name: str, tmp_path: Path) -> None:
    pair, bugs = PAIRS[name]
    for number, bug in enumerate(bugs):
        pair.with_bugs([bug], tmp_path / str(number))
    assert len({bug.name for bug in bugs}) >= 10


def test_bugs_violate_at_least_nine_properties() -> None:
    assert len({bug.caught_by for _, bugs in PAIRS.values() for bug in bugs}) >= 9


@pytest.mark.slow
def test_buggy_pair_fails_its_own_scenario() -> None:
    found, _ = judged(polling.PAIR.handlers(polling.WRITTEN), polling.PAIR.scenario(polling.PAIR.own))
    assert len(found) >= 5
