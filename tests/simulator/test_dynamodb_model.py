"""The table against a plain dict: random programs of writes, waiting and queries."""

from collections.abc import Iterable
from contextlib import closing
from typing import Final, NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.services.dynamodb import ALWAYS, Condition, ExecutionTable, IndexKey, IndexLag
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.services.stored_item import StoredItem, item_size_bytes
from drsim.simulator.trace import Trace
from tests.simulator.tables import READER

QUICK: Final = settings(max_examples=150, deadline=None, derandomize=True)
STATUSES: Final = ("PENDING", "POLLING")
LAG_US_MAX: Final = 20

Attributes = dict[str, object]
Rows = dict[ExecutionKey, Attributes]


class Step(NamedTuple):
    """One step of a program. `attributes` are those written, `number` is a time to wait or a limit in bytes."""

    kind: str
    key: ExecutionKey
    attributes: Attributes
    condition: Condition | None
    number: int


KEYS: Final = st.builds(ExecutionKey, st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["p", "q"]))
# What is not in the index at times: without a status, without a start, with the wrong type of either.
WRITTEN: Final = st.fixed_dictionaries(
    {},
    optional={
        "Status": st.sampled_from([*STATUSES, None]),
        "StartTime": st.sampled_from([1, 2, 3, None, "1"]),
        "Version": st.integers(0, 2),
        "Note": st.text("xé", max_size=40),
    },
)
CONDITIONS: Final = st.none() | st.builds(
    Condition,
    st.fixed_dictionaries(
        {}, optional={"Version": st.integers(0, 2) | st.none(), "Status": st.sampled_from([*STATUSES, None])}
    ),
    st.sampled_from([{}, {"Version": 0}]),
)
PROGRAMS: Final = st.lists(
    st.builds(
        Step,
        st.sampled_from(["put", "put", "update", "update", "delete", "wait", "query"]),
        KEYS,
        WRITTEN,
        CONDITIONS,
        st.integers(1, 300),
    ),
    max_size=40,
)


def holds(condition: Condition | None, row: Attributes | None) -> bool:
    """The model's own word on a condition."""
    if condition is None:
        return True
    for name, value in condition.equals.items():
        absent = condition.default.get(name)
        if (row[name] if row is not None and name in row else absent) != value:
            return False
    return True


def expected(rows: Rows, status: str) -> list[Attributes]:
    """What a Query of an index without lag gives."""
    found = [
        (start_time, key, row)
        for key, row in rows.items()
        if row.get("Status") == status and isinstance(start_time := row.get("StartTime"), int)
    ]
    return [row for _, _, row in sorted(found, key=lambda entry: entry[:2])]


def all_pages(table: ExecutionTable, status: str, bytes_max: int) -> list[StoredItem]:
    """All items of all pages; each page must be cut behind the first item that reaches the limit, and only there."""
    items: list[StoredItem] = []
    after: IndexKey | None = None
    while True:
        page = table.query_status(status, after)
        sizes = [item.size_bytes for item in page.items]
        assert page.size_bytes == sum(sizes)
        assert sum(sizes[:-1]) < bytes_max
        assert (page.last is not None) == (sum(sizes) >= bytes_max)
        items += page.items
        if page.last is None:
            return items
        assert page.last.key == key_of(page.items[-1])
        assert after is None or page.last > after, "each page must begin behind the one before"
        after = page.last


def key_of(item: StoredItem) -> ExecutionKey:
    return ExecutionKey(str(item.attributes["ExecutionId"]), str(item.attributes["PlanId"]))


def plain(items: Iterable[StoredItem]) -> list[Attributes]:
    return [dict(item.attributes) for item in items]


def perform(table: ExecutionTable, rows: Rows, step: Step) -> None:
    """One write, to table and model. The table must take or refuse it as the model does, whole or not at all."""
    key_attributes: Attributes = {"ExecutionId": step.key.execution_id, "PlanId": step.key.plan_id}
    before = rows.get(step.key)
    if step.kind == "delete":
        table.delete(step.key, writer="model")
        rows.pop(step.key, None)
        return
    if step.kind == "put":
        rows[step.key] = key_attributes | step.attributes
        table.put(rows[step.key], writer="model")
        return
    after = key_attributes | (before or {}) | step.attributes
    try:
        table.update(step.key, step.attributes, writer="model", condition=step.condition or ALWAYS)
    except ConditionFailedError:
        event("refused")
        assert not holds(step.condition, before)
        return
    assert holds(step.condition, before)
    rows[step.key] = after


def check_reads(table: ExecutionTable, rows: Rows) -> None:
    """Strong reads show the model, whatever the index says."""
    assert len(table) == len(rows)
    for execution_id in "abcd":
        for plan_id in "pq":
            key = ExecutionKey(execution_id, plan_id)
            item = table.get(key)
            assert (None if item is None else dict(item.attributes)) == rows.get(key)
            assert item is None or item.size_bytes == item_size_bytes(rows[key])


@QUICK
@given(program=PROGRAMS, bytes_max=st.integers(1, 300))
def test_without_lag_a_query_over_all_pages_is_the_dict_in_order(program: list[Step], bytes_max: int) -> None:
    rows: Rows = {}
    with closing(Kernel(seed=1)) as kernel:
        table = ExecutionTable(kernel, Trace(), IndexLag(kernel, Spread(0, 0)), READER, page_bytes_max=bytes_max)
        for step in program:
            if step.kind == "wait":
                kernel.run(until_us=kernel.now_us + step.number)
            elif step.kind != "query":
                perform(table, rows, step)
            check_reads(table, rows)
            for status in STATUSES:
                assert plain(all_pages(table, status, bytes_max)) == expected(rows, status)


@QUICK
@given(program=PROGRAMS, bytes_max=st.integers(1, 300), seed=st.integers(0, 50))
def test_index_shows_versions_within_the_lag_and_finally_the_table(
    program: list[Step], bytes_max: int, seed: int
) -> None:
    rows: Rows = {}
    # Of each item every version, with the instant from which on it was the truth.
    history: dict[ExecutionKey, list[tuple[int, Attributes | None]]] = {}
    with closing(Kernel(seed=seed)) as kernel:
        table = ExecutionTable(
            kernel, Trace(), IndexLag(kernel, Spread(0, LAG_US_MAX)), READER, page_bytes_max=bytes_max
        )
        for step in program:
            if step.kind == "wait":
                kernel.run(until_us=kernel.now_us + step.number % LAG_US_MAX)
            elif step.kind == "query":
                check_lagging(table, history, kernel.now_us, bytes_max)
            else:
                perform(table, rows, step)
                now = rows.get(step.key)
                history.setdefault(step.key, [(-1, None)]).append((kernel.now_us, now))
            check_reads(table, rows)
        check_lagging(table, history, kernel.now_us, bytes_max)
        kernel.run(until_us=kernel.now_us + LAG_US_MAX)
        for status in STATUSES:
            assert plain(all_pages(table, status, bytes_max)) == expected(rows, status)


def check_lagging(
    table: ExecutionTable,
    history: dict[ExecutionKey, list[tuple[int, Attributes | None]]],
    now_us: int,
    bytes_max: int,
) -> None:
    """Each item at most once, as it was at some instant within the lag; absent only if it may be."""
    shown = {status: all_pages(table, status, bytes_max) for status in STATUSES}
    keys = [key_of(item) for items in shown.values() for item in items]
    assert len(keys) == len(set(keys))
    seen = {key_of(item): dict(item.attributes) for items in shown.values() for item in items}
    for key, versions in history.items():
        # The truth of the instant `now - lag`, and all since.
        arrived = max(place for place, (at_us, _) in enumerate(versions) if at_us <= now_us - LAG_US_MAX or place == 0)
        possible = [row for _, row in versions[arrived:]]
        if key in seen:
            assert seen[key] in possible
        else:
            assert any(row is None or not in_index(row) for row in possible)
    for status, items in shown.items():
        assert plain(items) == expected({key_of(item): dict(item.attributes) for item in items}, status)


def in_index(row: Attributes) -> bool:
    return isinstance(row.get("Status"), str) and isinstance(row.get("StartTime"), int)
