"""Looks and polls of functions in other styles, fed by hand: each right one passes, and a wrong one fails."""

from typing import Any

import pytest

from drsim.simulator.checks.cadence import EARLY, LOOK_MISSING, PASSED_OVER, SLOW_POLL, UNPOLLED, PollCadence
from drsim.simulator.checks.monitor import ViolationKind
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import preset
from drsim.simulator.events import FINDER, POLLER, FaultInjected, IndexRead, Invoked, JobsDescribed
from drsim.simulator.faults.kinds import EVENT, TICK, Fault
from drsim.simulator.spec.world import WorldSpec
from tests.simulator.cloudwatch.runs import KEY, SCOPE, SECOND_US, Bench, an_item, ended, started

NO_LAG = {"table": {"index_lag": "0s"}}
QUERIED = "finder/app.py:9 query"


def a_contract(decides: str | None = None, **parts: Any) -> Contract:
    """A team that promises an interval of 30 s, and says who keeps to it."""
    return preset("plain", **{"limits": {"intervals": "30s"}, "promises": {"decides_due": decides}, **parts})


def a_bench(contract: Contract, *, finder_polls: bool = False, ids: tuple[str, ...] = ("e-1",), **given: Any) -> Bench:
    spec = WorldSpec.model_validate({**NO_LAG, **given})
    bench = Bench(PollCadence, spec=spec, contract=contract, finder_polls=finder_polls)
    for each in ids:
        bench.write(an_item(ExecutionId=each), by="worker")
    return bench


def query(bench: Bench, second: float, request_id: str, *words: str, pages: int = 1) -> None:
    """Query for these words at this second, one after the other."""
    bench.at(second)
    for word in words:
        for page in range(1, pages + 1):
            parts = (request_id, int(page == 1), int(page == pages), 1, 9, word, QUERIED)
            bench.trace.emit(IndexRead(bench.kernel.now_us, *parts))


def dispatch(bench: Bench, finder: str, poller: str, *ids: str) -> None:
    """The finder starts a poller for an execution, or for a batch of them."""
    one, batch = (ids[0], ()) if len(ids) == 1 else ("", ids)
    bench.trace.emit(Invoked(bench.kernel.now_us, poller, finder, POLLER, one, batch=batch))


def save(bench: Bench, second: float, request_id: str, by: str = POLLER, **changes: Any) -> None:
    bench.at(second)
    bench.write(an_item(**changes), by=by, request_id=request_id)


def found(bench: Bench) -> list[ViolationKind]:
    return [each.kind for each in bench.monitor.violations]


@pytest.mark.parametrize(("decides", "by"), [("finder", (FINDER, QUERIED)), ("poller", (POLLER, ""))])
def test_execution_passed_over_is_shown_where_it_is_decided(decides: str, by: tuple[str, str]) -> None:
    bench = a_bench(a_contract(decides))
    for number, second in enumerate((2, 70, 140), 1):
        query(bench, second, f"f-{number}", "POLLING")
        if number != 2:
            dispatch(bench, f"f-{number}", f"r-{number}", "e-1")
            save(bench, second + 1, f"r-{number}", Version=number + 1)
    ((kind, *shown),) = [(each.kind, each.function, each.place) for each in bench.monitor.violations]
    assert (kind, tuple(shown)) == (PASSED_OVER, by)


# --- looks ----------------------------------------------------------------------------------------------------


def test_queries_for_two_open_words_are_one_look() -> None:
    for words in (("CANCELLING", "POLLING"), ("POLLING", "CANCELLING"), ("",)):
        bench = a_bench(a_contract("finder", limits={"looks": 1, "intervals": "30s"}))
        for tick in range(3):
            bench.at(tick * 60)
            bench.trace.emit(started(f"f-{tick}", FINDER, "", bench.kernel.now_us))
            query(bench, tick * 60 + 0.02, f"f-{tick}", *words, pages=2)
            dispatch(bench, f"f-{tick}", f"r-{tick}", "e-1")
            bench.trace.emit(ended(f"f-{tick}", FINDER, at_us=bench.kernel.now_us))
            save(bench, tick * 60 + 1, f"r-{tick}", Version=tick + 2)
        assert (bench.said(), bench.monitor.checked) == ([], 3)


def test_second_query_for_the_same_word_is_the_next_look() -> None:
    contract = a_contract(limits={"looks": 2})
    for second, said in ((30.1, []), (12, [("look 2 of the finder from 30 s on, within 5 s", "at 12 s")])):
        bench = a_bench(contract)
        bench.trace.emit(started("f-1", FINDER, ""))
        query(bench, 0, "f-1", "CANCELLING", "POLLING")
        query(bench, second, "f-1", "CANCELLING", "POLLING")
        bench.trace.emit(ended("f-1", FINDER))
        assert bench.said() == said


def test_number_of_looks_is_judged_only_if_promised() -> None:
    bench = a_bench(preset("plain"))
    bench.trace.emit(started("f-1", FINDER, ""))
    for second in (0, 7, 9):
        query(bench, second, "f-1", "POLLING")
    bench.trace.emit(ended("f-1", FINDER))
    assert bench.said() == []


def test_finder_that_looks_at_nothing_is_noticed() -> None:
    bench = a_bench(preset("plain"))
    bench.trace.emit(started("f-1", FINDER, ""))
    bench.trace.emit(ended("f-1", FINDER))
    assert found(bench) == [LOOK_MISSING]


@pytest.mark.parametrize(("holds_up", "kinds"), [(1, []), (0, [LOOK_MISSING])])
def test_fault_excuses_a_missing_look_only_if_it_hit_the_look(holds_up: int, kinds: list[ViolationKind]) -> None:
    bench = a_bench(preset("plain"))
    bench.trace.emit(started("f-1", FINDER, ""))
    event = (0, 0, Fault.DENIED, "Query", FINDER, "", 1, 1, 0, "f-1", holds_up)
    bench.trace.emit(FaultInjected(*event))
    bench.trace.emit(ended("f-1", FINDER))
    assert found(bench) == kinds


# --- polls ----------------------------------------------------------------------------------------------------


def test_poll_that_writes_twice_is_one_poll() -> None:
    bench = a_bench(a_contract("finder"))
    for tick in range(3):
        query(bench, tick * 60, f"f-{tick}", "POLLING")
        dispatch(bench, f"f-{tick}", f"r-{tick}", "e-1")
        save(bench, tick * 60 + 1, f"r-{tick}", Version=2 * tick + 2)
        save(bench, tick * 60 + 1.1, f"r-{tick}", Version=2 * tick + 3)
        bench.trace.emit(ended(f"r-{tick}"))
    assert (bench.said(), bench.monitor.checked) == ([], 3)


@pytest.mark.parametrize(("asks", "kinds"), [(False, []), (True, [EARLY])])
def test_invocation_that_only_writes_an_end_is_no_poll(asks: bool, kinds: list[ViolationKind]) -> None:
    bench = a_bench(a_contract("finder"))
    query(bench, 0, "f-1", "POLLING")
    dispatch(bench, "f-1", "r-1", "e-1")
    save(bench, 1, "r-1", Version=2)
    # The poller has found the end, and starts an invocation that writes it.
    dispatch(bench, "r-1", "r-2", "e-1")
    if asks:
        bench.trace.emit(JobsDescribed(0, "r-2", "e-1", *SCOPE, ("drsjob-1",), ("drsjob-1",), (), 1))
    save(bench, 1.5, "r-2", Version=3, Status="COMPLETED")
    assert found(bench) == kinds


def test_second_poller_for_the_same_look_polls_early() -> None:
    bench = a_bench(a_contract("finder"))
    query(bench, 0, "f-1", "POLLING")
    dispatch(bench, "f-1", "r-1", "e-1")
    dispatch(bench, "f-1", "r-2", "e-1")
    save(bench, 1, "r-1", Version=2)
    save(bench, 1.1, "r-2", Version=3)
    assert found(bench) == [EARLY]


def test_finder_that_marks_executions_before_it_dispatches_polls_once() -> None:
    bench = a_bench(a_contract("finder"))
    for tick in range(2):
        query(bench, tick * 60, f"f-{tick}", "POLLING")
        save(bench, tick * 60 + 0.1, f"f-{tick}", FINDER, Version=2 * tick + 2)
        dispatch(bench, f"f-{tick}", f"r-{tick}", "e-1")
        save(bench, tick * 60 + 1, f"r-{tick}", Version=2 * tick + 3)
    assert (bench.said(), bench.monitor.checked) == ([], 2)


@pytest.mark.parametrize(("seconds", "kinds"), [((0, 60), []), ((0, 20), [EARLY]), ((0, 60, 120), [PASSED_OVER])])
def test_finder_that_polls_is_judged_by_its_own_looks(seconds: tuple[int, ...], kinds: list[ViolationKind]) -> None:
    bench = a_bench(a_contract("finder"), finder_polls=True)
    for second in seconds:
        bench.trace.emit(started(f"f-{second}", FINDER, "", second * SECOND_US))
        query(bench, second, f"f-{second}", "POLLING")
        if second != 60 or len(seconds) == 2:
            save(bench, second + 1, f"f-{second}", FINDER, Version=second + 2)
        bench.trace.emit(ended(f"f-{second}", FINDER, at_us=bench.kernel.now_us))
    assert found(bench) == kinds


def test_finder_that_asks_drs_polls_even_beside_a_poller() -> None:
    bench = a_bench(a_contract("nothing"))
    bench.trace.emit(started("f-1", FINDER, ""))
    query(bench, 0, "f-1", "POLLING")
    bench.trace.emit(JobsDescribed(0, "f-1", "", *SCOPE, ("drsjob-1",), ("drsjob-1",), (), 1))
    save(bench, 1, "f-1", FINDER, Version=2)
    bench.monitor.finish(50 * SECOND_US)
    assert (bench.said(), bench.monitor.checked) == ([], 1)


@pytest.mark.parametrize(("last_s", "kinds"), [(21, []), (25, [SLOW_POLL])])
def test_polls_of_a_batch_count_from_one_to_the_next(last_s: float, kinds: list[ViolationKind]) -> None:
    ids = ("e-1", "e-2", "e-3")
    bench = a_bench(a_contract("nothing"), ids=ids)
    query(bench, 0, "f-1", "POLLING")
    dispatch(bench, "f-1", "r-1", *ids)
    for execution_id, second in zip(ids, (5, 14, last_s), strict=True):
        save(bench, second, "r-1", ExecutionId=execution_id, Version=2)
    assert found(bench) == kinds


@pytest.mark.parametrize(
    ("point", "function", "execution_id", "once", "kinds"),
    [
        (EVENT, POLLER, "e-1", False, []),
        (EVENT, POLLER, "e-2", False, [EARLY]),
        (TICK, "", "", False, []),
        (EVENT, POLLER, "e-1", True, [EARLY]),
        (TICK, "", "", True, [EARLY]),
        # No fault acted: the finder itself dispatched twice.
        ("", "", "", False, [EARLY]),
    ],
)
def test_repeated_event_causes_no_early_poll_only_if_promised(
    point: str, function: str, execution_id: str, once: bool, kinds: list[ViolationKind]
) -> None:
    bench = a_bench(a_contract("finder", promises={"decides_due": "finder", "once": once}))
    if point:
        fault = Fault.TICK_DOUBLED if point == TICK else Fault.EVENT_DUPLICATED
        bench.trace.emit(FaultInjected(0, 0, fault, str(point), function, execution_id, 1, 1, 0, ""))
    for finder in ("f-1", "f-2"):
        bench.trace.emit(Invoked(0, finder, "", FINDER, ""))
        query(bench, 0, finder, "POLLING")
        dispatch(bench, finder, finder.replace("f", "r"), "e-1")
    save(bench, 1, "r-1", Version=2)
    save(bench, 1.1, "r-2", Version=3)
    assert found(bench) == kinds


# --- who decides what is due ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decides", "seconds", "kinds"),
    [
        # The poller decides at any time before its write: 30.3 s lie between the first look and the second write.
        ("poller", ((0, 1), (29, 30.3)), []),
        ("poller", ((0, 1), (20, 21)), [EARLY]),
        # A poller that counts from its write may skip the look at 30.5 s, and not that at 45 s.
        ("poller", ((0, 1), (45, 46)), []),
        ("poller", ((0, 1), (60, 61)), [PASSED_OVER]),
        ("finder", ((0, 1), (29, 30.3)), []),
        ("finder", ((0, 1), (20, 31)), [EARLY, SLOW_POLL]),
        # A finder may see the time of the write as the last poll.
        ("finder", ((0, 1), (45, 46)), []),
        ("finder", ((0, 1), (60, 61)), [PASSED_OVER]),
        ("nothing", ((0, 1), (15, 16)), []),
        ("nothing", ((0, 1), (45, 46)), [PASSED_OVER]),
        # Nothing but the interval is known.
        (None, ((0, 1), (60, 61)), []),
        (None, ((0, 1), (15, 16)), [EARLY]),
    ],
)
def test_polls_are_judged_by_who_decides(
    decides: str | None, seconds: tuple[tuple[float, float], ...], kinds: list[ViolationKind]
) -> None:
    bench = a_bench(a_contract(decides))
    polls = dict(seconds)
    for look in sorted({0, 15, 30.5, 45, 60, *polls}):
        if look > max(polls):
            break
        query(bench, look, f"f-{look}", "POLLING")
        if look in polls:
            dispatch(bench, f"f-{look}", f"r-{look}", "e-1")
            save(bench, polls[look], f"r-{look}", Version=round(look) + 2)
    assert found(bench) == kinds


@pytest.mark.parametrize(("from_look", "kinds"), [(False, []), (True, [PASSED_OVER])])
def test_interval_from_look_to_look_is_a_promise(from_look: bool, kinds: list[ViolationKind]) -> None:
    bench = a_bench(a_contract(promises={"decides_due": "finder", "from_look": from_look}))
    for number, look in enumerate((0, 30.5, 45)):
        query(bench, look, f"f-{number}", "POLLING")
        if look != 30.5:
            dispatch(bench, f"f-{number}", f"r-{number}", "e-1")
            save(bench, look + 1, f"r-{number}", Version=number + 2)
    assert found(bench) == kinds


def test_missing_poll_is_judged_by_looks_only_if_each_must_poll() -> None:
    for decides, kinds in (("nothing", [UNPOLLED]), ("finder", []), ("poller", []), (None, [])):
        bench = a_bench(a_contract(decides, limits={}))
        query(bench, 1, "f-1", "POLLING")
        bench.monitor.finish(60 * SECOND_US)
        assert found(bench) == kinds


@pytest.mark.parametrize(("second", "kinds"), [(60, []), (90, [PASSED_OVER])])
def test_team_without_a_time_of_the_last_poll_may_write_nothing(second: int, kinds: list[ViolationKind]) -> None:
    bench = a_bench(a_contract("nothing", times={"last_polled": "absent"}))
    for look in range(0, second + 1, 30):
        query(bench, look, f"f-{look}", "POLLING")
        if look != 60 or second == 60:
            dispatch(bench, f"f-{look}", f"r-{look}", "e-1")
            bench.trace.emit(ended(f"r-{look}", at_us=(look + 1) * SECOND_US))
    assert (found(bench), bench.monitor.checked > 1) == (kinds, True)


# --- bounds follow from settings ------------------------------------------------------------------------------


def test_jitter_of_the_query_is_no_early_poll() -> None:
    for second, kinds in ((29.99, []), (29.97, [EARLY])):
        bench = Bench(PollCadence, spec=WorldSpec.model_validate({**NO_LAG, "settings": JITTER}))
        bench.write(an_item(), by="worker")
        for number, look in enumerate((0, second)):
            query(bench, look, f"f-{number}", "POLLING")
            dispatch(bench, f"f-{number}", f"r-{number}", "e-1")
            save(bench, look + 1, f"r-{number}", Version=number + 2)
        assert found(bench) == kinds


JITTER = {"IN_PROGRESS_INTERVAL_SECONDS": "31"}


@pytest.mark.parametrize(("slack", "kinds"), [("5s", []), ("1s", [EARLY])])
def test_poll_may_come_as_early_as_the_slack_says(slack: str, kinds: list[ViolationKind]) -> None:
    bench = a_bench(a_contract("finder", limits={"intervals": "30s", "slack": slack}))
    for number, look in enumerate((0, 25)):
        query(bench, look, f"f-{number}", "POLLING")
        dispatch(bench, f"f-{number}", f"r-{number}", "e-1")
        save(bench, look + 1, f"r-{number}", Version=number + 2)
    assert found(bench) == kinds


def test_clock_that_heals_during_an_invocation_moves_its_looks() -> None:
    skew: dict[str, Any] = {"faults": [{"fault": "clock-skew", "delay": "1s"}], "heal": "20s"}
    for given, said in ((skew, []), ({}, [("look 2 of the finder from 30 s on, within 5 s", "at 29.1 s")])):
        bench = a_bench(a_contract(limits={"looks": 2}), **given)
        bench.trace.emit(started("f-1", FINDER, ""))
        query(bench, 0, "f-1", "POLLING")
        query(bench, 29.1, "f-1", "POLLING")
        assert bench.said() == said


def test_violation_names_its_function_and_what_it_means() -> None:
    bench = a_bench(a_contract("finder"))
    for number, look in enumerate((0, 10)):
        query(bench, look, f"f-{number}", "POLLING")
        dispatch(bench, f"f-{number}", f"r-{number}", "e-1")
        save(bench, look + 1, f"r-{number}", Version=number + 2)
    (violation,) = bench.monitor.violations
    assert (violation.execution_id, violation.function, violation.where) == (KEY.execution_id, POLLER, "poll")
    assert violation.kind.meaning.endswith(".")
