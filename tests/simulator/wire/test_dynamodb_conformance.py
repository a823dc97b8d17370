"""The fast tier's table and moto's, in lock step: whatever is written, read, refused, queried or waited for.

What AWS, moto and the fast tier do differently stands in test_dynamodb_differences. All else must be the same.
"""

import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from drsim.orchestrator.aws.dynamodb import ItemStore, StatusIndex
from drsim.orchestrator.errors import LostRaceError, MalformedError
from drsim.orchestrator.items import execution_of, seconds_item, waves_item
from drsim.orchestrator.model import Execution, ExecutionKey, ExecutionStatus, PollUpdate
from drsim.simulator.events import WriteRefused
from drsim.simulator.randomness import Spread
from drsim.simulator.services.dynamodb import ALWAYS, Condition, IndexKey
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.wire.table import wire_form
from tests.simulator.tables import attributes_of
from tests.simulator.wire.tables import (
    INDEX,
    NAME,
    Twins,
    moto_size_bytes,
    plain_item,
    query_of,
)

pytestmark = pytest.mark.usefixtures("moto")

Attributes = dict[str, object]

STATUSES: Final = ("PENDING", "POLLING")
KEYS: Final = st.sampled_from([ExecutionKey("a", "p"), ExecutionKey("a", "q"), ExecutionKey("b", "p")])
NUMBERS: Final = st.integers(-3, 3) | st.sampled_from([10**30, Decimal("0.5"), Decimal("-12.25"), Decimal("1e-7")])
ANY: Final[st.SearchStrategy[object]] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text("xé", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", "Status"]), inner, max_size=2),
    max_leaves=4,
)
SERVERS: Final = st.lists(
    st.builds(
        lambda name, status, more: {"SourceServerId": name, "Status": status, **more},
        st.sampled_from(["s-1", "s-2"]),
        st.sampled_from(["PENDING", "LAUNCHED"]),
        st.fixed_dictionaries({}, optional={"InstanceId": st.just("i-1"), "Rank": NUMBERS}),
    ),
    max_size=2,
)
WAVES: Final = st.lists(
    st.builds(
        lambda number, job_id, servers, more: {
            "WaveNumber": number,
            "WaveName": f"wave {number}",
            "Region": "us-east-1",
            "AccountId": "111122223333",
            "Status": "IN_PROGRESS",
            "JobId": job_id,
            "Servers": servers,
            **more,
        },
        st.integers(1, 2),
        st.sampled_from(["drsjob-1", "drsjob-2"]),
        SERVERS,
        st.fixed_dictionaries({}, optional={"Extra": ANY, "JobStatus": st.just("STARTED")}),
    ),
    max_size=2,
)
# Items without a key of the index, items that are no readable executions, and unknown attributes.
WRITTEN: Final = st.fixed_dictionaries(
    {},
    optional={
        "Status": st.sampled_from(STATUSES),
        "StartTime": st.integers(0, 3) | st.just(Decimal("1.5")),
        "Version": st.integers(0, 2),
        "EndTime": st.none() | st.integers(0, 9),
        "Waves": WAVES,
        "Note": st.text("xé", max_size=40),
        "Extra": ANY,
    },
)
WHOLE: Final = st.builds(
    lambda base, more: {**base, **more}, st.just({"ExecutionType": "DRILL", "TotalWaves": 1}), WRITTEN
)
# What the workload and the poller ask, and whatever else one may. Of an absent attribute moto says that it equals NULL,
# so none is compared with NULL where the condition has another default: see test_dynamodb_differences.
CONDITIONS: Final = st.one_of(
    st.just(ALWAYS),
    st.builds(Condition, st.builds(lambda version: {"Version": version}, st.integers(0, 2) | st.none())),
    st.builds(
        lambda version, status: Condition({"Version": version, **status}, default={"Version": 0}),
        st.sampled_from([0, 0, 1, 2]),
        st.sampled_from([{}, {"Status": "POLLING"}]),
    ),
    st.builds(
        lambda value: Condition({"Extra": value}),
        ANY.filter(lambda value: not isinstance(value, bool)),
    ),
)


def held_back(key: ExecutionKey, number: int) -> int:
    """Each third write of an item comes late, so that a younger one may overtake it."""
    return 25 if number % 3 == 0 else 0


def exact(value: Any) -> Any:
    """A value that equals only its like: to Python 1 is True, and Decimal("1")."""
    if isinstance(value, Mapping):
        return {name: exact(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [exact(entry) for entry in value]
    return type(value), value


def numbers_exact(value: Any) -> Any:
    """As `exact`, for what boto3 gives: there each number is a Decimal."""
    if isinstance(value, Mapping):
        return {name: numbers_exact(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [numbers_exact(entry) for entry in value]
    return (Decimal, value) if isinstance(value, int) and not isinstance(value, bool) else (type(value), value)


def readable(attributes: Mapping[str, object]) -> Execution | None:
    try:
        return execution_of(attributes)
    except MalformedError:
        return None


class Tables(RuleBasedStateMachine):
    """Both tables do the same at the same instants."""

    def __init__(self) -> None:
        super().__init__()
        self.twins: Twins | None = None
        self.touched = ExecutionKey("a", "p")
        self.requests = 0

    @initialize(
        first=st.lists(st.tuples(KEYS, WHOLE, st.integers(0, 3)), min_size=1, max_size=4),
        seed=st.integers(0, 100),
        lag_us_max=st.sampled_from([0, 10, 30]),
        page_bytes_max=st.integers(60, 500),
    )
    def begin(
        self, seed: int, lag_us_max: int, page_bytes_max: int, first: list[tuple[ExecutionKey, Attributes, int]]
    ) -> None:
        self.twins = Twins(
            seed=seed,
            lag=Spread(0, lag_us_max),
            page_bytes_max=page_bytes_max,
            held_back=held_back if lag_us_max else None,
        )
        # Without a few items there would be little to see.
        for key, written, start_time in first:
            self.put(key, {**written, "Status": "POLLING", "StartTime": start_time}, "worker")

    def teardown(self) -> None:
        if self.twins is not None:
            self.twins.close()

    @property
    def both(self) -> Twins:
        assert self.twins is not None
        return self.twins

    def perform(self, key: ExecutionKey, write: Callable[[Any, str], None]) -> None:
        """One write, to both tables."""
        self.touched = key
        self.requests += 1
        outcomes = []
        for table in (self.both.fast, self.both.wire):
            try:
                write(table, f"request-{self.requests}")
                outcomes.append("taken")
            except ConditionFailedError:
                outcomes.append("refused")
        event(f"write {outcomes[0]}")
        assert outcomes[0] == outcomes[1]

    # --- writes ----------------------------------------------------------------------------------------------

    @rule(key=KEYS, written=WHOLE | WRITTEN, writer=st.sampled_from(["worker", "person"]))
    def put(self, key: ExecutionKey, written: Attributes, writer: str) -> None:
        item = {"ExecutionId": key.execution_id, "PlanId": key.plan_id, **written}
        self.perform(key, lambda table, request: table.put(item, writer=writer, request_id=request))

    @rule(key=KEYS, written=WRITTEN.filter(bool), condition=CONDITIONS)
    def update(self, key: ExecutionKey, written: Attributes, condition: Condition) -> None:
        self.perform(
            key,
            lambda table, request: table.update(key, written, writer="person", request_id=request, condition=condition),
        )

    @rule(key=KEYS, lost=st.booleans())
    def amend(self, key: ExecutionKey, lost: bool) -> None:
        """One more version, if it is still the one that was read, and 0 where there is none."""
        held = self.both.fast.get(key)
        version = 0 if held is None else int(str(held.attributes.get("Version", 0)))
        condition = Condition({"Version": version + lost}, default={"Version": 0})
        self.perform(
            key,
            lambda table, request: table.update(
                key, {"Version": version + 1}, writer="worker", request_id=request, condition=condition
            ),
        )

    @rule(key=KEYS)
    def delete(self, key: ExecutionKey) -> None:
        self.perform(key, lambda table, request: table.delete(key, writer="person", request_id=request))

    @rule(key=KEYS, version=st.integers(0, 2), waves=WAVES, ends=st.booleans(), lost=st.booleans())
    def poll(self, key: ExecutionKey, version: int, waves: list[Any], ends: bool, lost: bool) -> None:
        """The poller's own write: what `orchestrator.aws` sends, and what `simulator.ports` does in its place."""
        held = self.both.fast.get(key)
        if held is not None and not lost:
            # Most versions that are guessed are wrong.
            version = int(str(held.attributes.get("Version", 0)))
        base = {"ExecutionId": "e", "PlanId": "p", "StartTime": 1, **attributes_of("e"), "Waves": waves}
        update = PollUpdate(
            key=key,
            expected_version=version,
            last_polled_us=self.both.now_us,
            waves=execution_of(base).waves,
            status=ExecutionStatus.COMPLETED if ends else None,
            end_us=7_000_000 if ends else None,
        )
        attributes: Attributes = {
            "Waves": waves_item(update.waves),
            "LastPolledTime": seconds_item(update.last_polled_us),
            "Version": version + 1,
        }
        if ends:
            attributes |= {"Status": "COMPLETED", "EndTime": seconds_item(7_000_000)}
        condition = Condition({"Status": "POLLING", "Version": version}, default={"Version": 0})

        def write(table: Any, request: str) -> None:
            if table is self.both.fast:
                table.update(key, attributes, writer="poller", request_id=request, condition=condition)
                return
            try:
                ItemStore(self.both.client, NAME).save_poll(update)
            except LostRaceError:
                # The gateway records refused writes of functions.
                self.both.traces[1].emit(WriteRefused(self.both.now_us, request, "poller", key.execution_id))
                raise ConditionFailedError from None
            table.written([key], "poller", request)

        self.perform(key, write)

    @rule(key=KEYS, name=st.sampled_from(["Status", "StartTime", "Version", "Waves", "Note"]))
    def remove(self, key: ExecutionKey, name: str) -> None:
        """Another team's function removes an attribute, which no adapter here does."""
        held = self.both.fast.get(key)
        if held is None:
            return
        left = {each: value for each, value in held.attributes.items() if each != name}

        def write(table: Any, request: str) -> None:
            if table is self.both.fast:
                table.put(left, writer="theirs", request_id=request)
                return
            self.both.client.update_item(
                TableName=NAME,
                Key={"ExecutionId": {"S": key.execution_id}, "PlanId": {"S": key.plan_id}},
                UpdateExpression="REMOVE #name",
                ExpressionAttributeNames={"#name": name},
            )
            table.written([key], "theirs", request)

        self.perform(key, write)

    @rule(duration_us=st.integers(0, 40))
    def wait(self, duration_us: int) -> None:
        self.both.wait(duration_us)

    # --- reads -----------------------------------------------------------------------------------------------

    @rule(status=st.sampled_from(STATUSES), start_time=st.integers(0, 3), key=KEYS)
    def go_on(self, status: str, start_time: int, key: ExecutionKey) -> None:
        """Pages from behind a place on, where an item may have been once."""
        fast = self.fast_pages(status, IndexKey(start_time, key))
        start_key = wire_form(
            {"ExecutionId": key.execution_id, "PlanId": key.plan_id, "Status": status, "StartTime": start_time}
        )
        self.compare(fast, self.wire_pages(status, start_key))

    @rule()
    def polling(self) -> None:
        """All pages as the finder gets them: what can be read, and what is wrong with the rest."""
        items = self.fast_pages("POLLING", None)
        executions: list[Execution] = []
        malformed: list[str] = []
        index, cursor = StatusIndex(self.both.client, NAME, INDEX), None
        while True:
            with self.both.wire.as_indexed():
                page = index.polling_page(cursor)
            executions += page.executions
            malformed += page.malformed
            cursor = page.next_cursor
            if cursor is None:
                break
        assert executions == [read for item in items if (read := readable(item)) is not None]
        assert len(malformed) == len(items) - len(executions)

    @invariant()
    def the_index_shows_the_same(self) -> None:
        if self.twins is not None:
            for status in STATUSES:
                self.compare(self.fast_pages(status, None), self.wire_pages(status, None))

    @invariant()
    def the_items_are_the_same(self) -> None:
        if self.twins is None:
            return
        assert len(self.twins.fast) == len(self.twins.wire)
        fast, wire = self.twins.fast.get(self.touched), self.twins.wire.get(self.touched)
        read = self.twins.strong_read(self.touched)
        if fast is None or wire is None or read is None:
            assert (fast, wire, read) == (None, None, None)
            return
        assert exact(fast.attributes) == exact(wire.attributes)
        assert numbers_exact(fast.attributes) == numbers_exact(read)
        assert fast.size_bytes == wire.size_bytes
        assert fast.execution == wire.execution
        if not fast.execution.unreadable:
            assert ItemStore(self.twins.client, NAME).get(self.touched) == execution_of(fast.attributes)

    @invariant()
    def the_traces_are_the_same(self) -> None:
        if self.twins is not None:
            fast, wire = self.twins.changes
            assert [exact(change._asdict()) for change in fast[-2:]] == [
                exact(change._asdict()) for change in wire[-2:]
            ]
            assert list(self.twins.traces[0].lines()) == list(self.twins.traces[1].lines())

    def fast_pages(self, status: str, after: IndexKey | None) -> list[Attributes]:
        """All items of all pages. Each page ends behind the item with which it reaches the limit."""
        limit, items = self.both.page_bytes_max, list[Attributes]()
        while True:
            page = self.both.fast.query_status(status, after)
            sizes = [item.size_bytes for item in page.items]
            assert sum(sizes[:-1]) < limit
            assert (page.last is not None) == (sum(sizes) >= limit)
            items += [dict(item.attributes) for item in page.items]
            assert after is None or page.last is None or page.last > after, "each page begins behind the one before"
            after = page.last
            if after is None:
                return items

    def wire_pages(self, status: str, start_key: Mapping[str, Any] | None) -> list[Attributes]:
        """All items of all pages, each as boto3 gives it. moto ends a page before it would pass the limit."""
        pages: list[list[Attributes]] = []
        while True:
            with self.both.wire.as_indexed():
                answer = self.both.client.query(**query_of(status, start_key))
            assert answer["Count"] == answer["ScannedCount"] == len(answer["Items"])
            pages.append([plain_item(item) for item in answer["Items"]])
            assert start_key is None or answer.get("LastEvaluatedKey") != start_key
            start_key = answer.get("LastEvaluatedKey")
            if start_key is None:
                break
            assert start_key == {name: answer["Items"][-1][name] for name in sorted(start_key)}
        for page, following in itertools.pairwise(pages):
            sizes = [moto_size_bytes(item) for item in [*page, following[0]]]
            assert sum(sizes) > self.both.page_bytes_max
        event(f"pages: {min(len(pages), 3)}")
        return [item for page in pages for item in page]

    def compare(self, fast: list[Attributes], wire: list[Attributes]) -> None:
        assert [numbers_exact(item) for item in fast] == [numbers_exact(item) for item in wire]


# A state machine's TestCase takes marks as any class of tests does.
TestTables = pytest.mark.slow(Tables.TestCase)
# Shrinking would take minutes of requests, and no more than fifteen steps can be read as they are.
TestTables.settings = settings(
    max_examples=40, stateful_step_count=15, deadline=None, derandomize=True, phases=[Phase.generate]
)
