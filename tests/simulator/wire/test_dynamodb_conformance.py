"""The fast tier's table and moto's, in lock step: whatever is written, read, refused, queried or waited for.

What AWS, moto and the fast tier do differently stands in DIFFERENCES, and a test of its own shows each, so that a moto
that mends one makes its test fail. All else must be the same.
"""

import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import pytest
from botocore.exceptions import ClientError
from hypothesis import Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from moto.dynamodb.models import table as moto_module
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from orchestrator.aws.dynamodb import StatusIndex, TableStore
from orchestrator.errors import LostRaceError, MalformedError
from orchestrator.items import execution_of, seconds_item, waves_item
from orchestrator.model import Execution, ExecutionKey, ExecutionStatus, PollUpdate
from simulator.events import WriteRefused
from simulator.kernel import Kernel
from simulator.randomness import Spread
from simulator.services.dynamodb import Condition, IndexKey
from simulator.services.errors import ConditionFailedError
from simulator.services.stored_item import item_size_bytes
from simulator.trace import Trace
from simulator.wire.table import MotoTable
from tests.simulator.tables import attributes_of, key_of, table_of
from tests.simulator.wire.tables import INDEX, NAME, Twins, moto_table, new_client, plain_item, query_of

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
# Items without a key of the index, items that nobody can read as an execution, and attributes nobody knows.
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
# so none is compared with NULL where the condition has another default: see DIFFERENCES.
CONDITIONS: Final = st.one_of(
    st.none(),
    st.builds(Condition, st.just({}), st.booleans()),
    st.builds(Condition, st.builds(lambda version: {"Version": version}, st.integers(0, 2) | st.none())),
    st.builds(
        lambda version, status: Condition({"Version": version, **status}, default={"Version": 0}),
        st.sampled_from([0, 0, 1, 2]),
        st.sampled_from([{}, {"Status": "POLLING"}]),
    ),
    st.builds(
        lambda value, exists: Condition({"Extra": value}, exists),
        ANY.filter(lambda value: not isinstance(value, bool)),
        st.sampled_from([None, True]),
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


def moto_size_bytes(table: MotoTable, attributes: Mapping[str, object]) -> int:
    """How large moto takes an item to be."""
    return int(Item(DynamoType({"S": ""}), None, table.wire_form(attributes)).size())


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
            self.put(key, {**written, "Status": "POLLING", "StartTime": start_time}, None, "worker")

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

    @rule(key=KEYS, written=WHOLE | WRITTEN, condition=CONDITIONS, writer=st.sampled_from(["worker", "person"]))
    def put(self, key: ExecutionKey, written: Attributes, condition: Condition | None, writer: str) -> None:
        item = {"ExecutionId": key.execution_id, "PlanId": key.plan_id, **written}
        self.perform(
            key, lambda table, request: table.put(item, writer=writer, request_id=request, condition=condition)
        )

    @rule(key=KEYS, written=WRITTEN.filter(bool), condition=CONDITIONS)
    def update(self, key: ExecutionKey, written: Attributes, condition: Condition | None) -> None:
        self.perform(
            key,
            lambda table, request: table.update(
                key, written, writer="somebody", request_id=request, condition=condition
            ),
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
        """The poller's own write: what `orchestrator.aws` sends, and what `simulator.adapters` does in its place."""
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
                TableStore(self.both.client, NAME).save_poll(update)
            except LostRaceError:
                # The gateway tells the trace of what functions are refused.
                self.both.traces[1].emit(WriteRefused(self.both.now_us, request, "poller", key.execution_id))
                raise ConditionFailedError from None
            table.written(key, "poller", request)

        self.perform(key, write)

    @rule(key=KEYS, name=st.sampled_from(["Status", "StartTime", "Version", "Waves", "Note"]))
    def remove(self, key: ExecutionKey, name: str) -> None:
        """A function of another team's takes an attribute away, which no adapter here does."""
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
            table.written(key, "theirs", request)

        self.perform(key, write)

    @rule(duration_us=st.integers(0, 40))
    def wait(self, duration_us: int) -> None:
        self.both.wait(duration_us)

    # --- reads -----------------------------------------------------------------------------------------------

    @rule(status=st.sampled_from(STATUSES), start_time=st.integers(0, 3), key=KEYS)
    def go_on(self, status: str, start_time: int, key: ExecutionKey) -> None:
        """Pages from behind a place on, where an item may have been once."""
        fast = self.fast_pages(status, IndexKey(start_time, key))
        start_key = self.both.wire.wire_form(
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
        if fast.execution is not None:
            assert TableStore(self.twins.client, NAME).get(self.touched) == fast.execution

    @invariant()
    def the_traces_are_the_same(self) -> None:
        if self.twins is not None:
            fast, wire = self.twins.changes
            assert [exact(change._asdict()) for change in fast[-2:]] == [
                exact(change._asdict()) for change in wire[-2:]
            ]
            assert self.twins.traces[0].lines() == self.twins.traces[1].lines()

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
            sizes = [moto_size_bytes(self.both.wire, item) for item in [*page, following[0]]]
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


# --- what differs --------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """One thing that AWS, moto 5.2.5 and the fast tier do not all do alike, and where AWS's way is from."""

    aws: str
    moto: str
    fast: str
    source: str


_Test = TypeVar("_Test")

GUIDE: Final = "DynamoDB developer guide, 2026-11"
DIFFERENCES: Final = {
    "where a page ends": Difference(
        aws="behind the item with which it reaches 1 MB, with LastEvaluatedKey even if none follows",
        moto="before the item with which it would pass the limit, without LastEvaluatedKey if none follows",
        fast="as AWS",
        source="DynamoDB API reference, Query, 2026-11",
    ),
    "a first item larger than the page": Difference(
        aws="cannot be, for an item has 400 KB at most",
        moto="the Query breaks with an IndexError; so MotoTable never makes a page smaller than the largest item",
        fast="the page holds that item",
        source="DynamoDB API reference, Query, 2026-11",
    ),
    "how large a page is": Difference(
        aws="1 MB, that is 1,048,576 bytes",
        moto="1,000,000 bytes; MotoTable sets it to the scenario's",
        fast="the scenario's, by default as AWS",
        source="DynamoDB API reference, Query, 2026-11",
    ),
    "how large an item is": Difference(
        aws="a number has 1 byte for 2 digits and 1 more; a list or map 3, and 1 for each entry",
        moto="a number has the length of its text; lists and maps have nothing of their own",
        fast="as AWS",
        source=f"{GUIDE}, item sizes and formats",
    ),
    "how large an item may be": Difference(
        aws="400 KB, refused with a ValidationException",
        moto="405,000 bytes, refused likewise",
        fast="any size",
        source=f"{GUIDE}, quotas",
    ),
    "a bare reserved word": Difference(
        aws="`Status` is refused in every expression",
        moto="refused, but for KeyConditionExpression",
        fast="has no expressions",
        source=f"{GUIDE}, reserved words",
    ),
    "when the index knows": Difference(
        aws="normally within a second",
        moto="at once; MotoTable makes it lag",
        fast="after the scenario's lag",
        source=f"{GUIDE}, global secondary indexes",
    ),
    "an index key of the wrong type": Difference(
        aws="every write is refused with a ValidationException",
        moto="PutItem is for NULL; all else is taken, and a Query that sorts by it breaks with a TypeError",
        fast="taken, and the item is not in the index",
        source=f"{GUIDE}, global secondary indexes",
    ),
    "an update that sets nothing": Difference(
        aws="makes the item if it is not there",
        moto="breaks with an AttributeError if it is not there",
        fast="as AWS",
        source="DynamoDB API reference, UpdateItem, 2026-11",
    ),
    "an update of the key": Difference(
        aws="refused with a ValidationException",
        moto="as AWS",
        fast="taken; nobody here writes one",
        source="DynamoDB API reference, UpdateItem, 2026-11",
    ),
    "a whole Decimal": Difference(
        aws="a number is a number; boto3 gives a Decimal",
        moto="MotoTable gives an int, as `orchestrator.items` writes whole numbers",
        fast="gives what was written",
        source="boto3's guide, DynamoDB types",
    ),
    "a truth value that is compared with a number": Difference(
        aws="BOOL never equals N",
        moto="True equals 1, as in Python",
        fast="True equals 1, as in Python; nobody here asks that",
        source=f"{GUIDE}, comparison operators",
    ),
    "an absent attribute that is compared with NULL": Difference(
        aws="equals nothing",
        moto="equals it",
        fast="as AWS where the condition has another default; without one, absent and NULL are one",
        source=f"{GUIDE}, comparison operators",
    ),
    "capacity units": Difference(
        aws="a write has 1 unit for each KB of the item, and as much for each index that it changes",
        moto="half a unit for an update of any size, and none for an index",
        fast="has none",
        source=f"{GUIDE}, capacity modes",
    ),
}
SHOWN: Final[list[str]] = []


def shows(name: str) -> Callable[[_Test], _Test]:
    """The test shows this difference."""
    assert name in DIFFERENCES, f"{name!r} is no difference listed"
    SHOWN.append(name)
    return lambda test: test


def test_each_difference_is_shown_by_one_test() -> None:
    assert sorted(SHOWN) == sorted(DIFFERENCES)


def refusal_of(call: Callable[[], object]) -> str:
    """Code and text of the error with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def moto_pages(table: MotoTable, status: str = "POLLING") -> list[list[object]]:
    """The ExecutionIds of each page."""
    pages, start_key = [], None
    while True:
        with table.as_indexed():
            answer = new_client().query(**query_of(status, start_key))
        pages.append([plain_item(item)["ExecutionId"] for item in answer["Items"]])
        start_key = answer.get("LastEvaluatedKey")
        if start_key is None:
            return pages


@shows("where a page ends")
def test_moto_ends_a_page_before_the_limit_and_the_fast_tier_behind_it(kernel: Kernel) -> None:
    item = attributes_of("a", "POLLING", Note="x" * 600)
    fast = table_of(kernel, page_bytes_max=2 * item_size_bytes(item))
    wire = moto_table(kernel, new_client())
    fast_pages, after = [], None
    for execution_id in "ab":
        fast.put(attributes_of(execution_id, "POLLING", Note="x" * 600), writer="test")
    for execution_id in "abc":
        wire.put(attributes_of(execution_id, "POLLING", Note="x" * 600), writer="test")
    while True:
        page = fast.query_status("POLLING", after)
        fast_pages.append([each.attributes["ExecutionId"] for each in page.items])
        after = page.last
        if after is None:
            break
    # The first page is full to the byte, and only the next one tells that nothing follows.
    assert fast_pages == [["a", "b"], []]
    size = moto_size_bytes(wire, item)
    for limit, pages in [
        (2 * size, [["a", "b"], ["c"]]),
        (2 * size - 1, [["a"], ["b"], ["c"]]),
        (3 * size, [["a", "b", "c"]]),
    ]:
        wire._page_bytes_max = limit
        assert moto_pages(wire) == pages


@shows("a first item larger than the page")
def test_moto_breaks_at_a_first_item_larger_than_the_page_and_the_table_does_not_let_it(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client, page_bytes_max=1024)
    wire.put(attributes_of("a", "POLLING", Note="x" * 3000), writer="test")
    wire.put(attributes_of("b", "POLLING", Note="x" * 3000), writer="test")
    assert moto_pages(wire) == [["a"], ["b"]]
    with wire.as_indexed(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto_module, "RESULT_SIZE_LIMIT", 1024)
        with pytest.raises(IndexError):
            client.query(**query_of("POLLING"))


@shows("how large a page is")
def test_moto_takes_a_megabyte_for_a_million_bytes() -> None:
    assert moto_module.RESULT_SIZE_LIMIT == 1_000_000


@shows("how large an item is")
def test_moto_counts_an_items_bytes_in_its_own_way(kernel: Kernel) -> None:
    wire = moto_table(kernel, new_client())
    sizes = {
        name: (item_size_bytes({"n": value}) - 1, moto_size_bytes(wire, {"n": value}) - 1)
        for name, value in {"text": "xé", "number": 1_234_567, "list": ["x"], "map": {"k": "x"}}.items()
    }
    assert sizes == {"text": (3, 3), "number": (5, 7), "list": (5, 1), "map": (6, 2)}


@shows("how large an item may be")
def test_moto_refuses_an_item_at_another_size_than_aws(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client)
    rest = moto_size_bytes(wire, attributes_of("a", Note=""))
    wire.put(attributes_of("a", Note="x" * (405_000 - rest)), writer="test")
    text = refusal_of(lambda: wire.put(attributes_of("a", Note="x" * (405_001 - rest)), writer="test"))
    assert text == "ValidationException: Item size has exceeded the maximum allowed size"
    table_of(kernel).put(attributes_of("a", Note="x" * 500_000), writer="test")


@shows("a bare reserved word")
def test_moto_takes_a_bare_status_in_a_key_condition_and_nowhere_else(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client)
    wire.put(attributes_of("a", "POLLING"), writer="test")
    query: dict[str, Any] = query_of("POLLING") | {"KeyConditionExpression": "Status = :status"}
    del query["ExpressionAttributeNames"]
    assert client.query(**query)["Count"] == 1
    write: dict[str, Any] = {"TableName": NAME, "Key": wire.wire_form({"ExecutionId": "a", "PlanId": "plan"})}
    write["ExpressionAttributeValues"] = {":status": {"S": "POLLING"}}
    expressions: list[dict[str, Any]] = [
        {"UpdateExpression": "SET Status = :status"},
        {"UpdateExpression": "SET Note = :status", "ConditionExpression": "Status = :status"},
    ]
    for further in expressions:
        text = refusal_of(partial(client.update_item, **write, **further))
        assert text.endswith("Attribute name is a reserved keyword; reserved keyword: Status")


@shows("when the index knows")
def test_motos_own_index_knows_of_a_write_at_once(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client, lag=Spread(1000, 1000))
    wire.put(attributes_of("a", "POLLING"), writer="test")
    assert client.query(**query_of("POLLING"))["Count"] == 1
    assert moto_pages(wire) == [[]]


@shows("an index key of the wrong type")
def test_moto_takes_most_index_keys_of_the_wrong_type_and_then_breaks(kernel: Kernel) -> None:
    client = new_client()
    wire, fast = moto_table(kernel, client), table_of(kernel)
    text = refusal_of(lambda: wire.put(attributes_of("a", "POLLING", None), writer="test"))
    assert "Type mismatch for Index Key StartTime Expected: S Actual: NULL" in text
    for execution_id, start_time in (("a", 1), ("b", "1")):
        wire.put(attributes_of(execution_id, "POLLING", start_time), writer="test")
        fast.put(attributes_of(execution_id, "POLLING", start_time), writer="test")
    assert [each.attributes["ExecutionId"] for each in fast.query_status("POLLING").items] == ["a"]
    with wire.as_indexed(), pytest.raises(TypeError):
        client.query(**query_of("POLLING"))
    wire.update(key_of("b"), {"StartTime": None}, writer="test")
    assert wire.get(key_of("b")) is not None


@shows("an update that sets nothing")
def test_moto_breaks_at_an_update_that_sets_nothing(kernel: Kernel) -> None:
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    fast.update(key_of("a"), {}, writer="test")
    assert fast.get(key_of("a")) is not None
    with pytest.raises(AttributeError):
        wire.update(key_of("a"), {}, writer="test")


@shows("an update of the key")
def test_the_fast_tier_takes_an_update_of_the_key(kernel: Kernel) -> None:
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    fast.update(key_of("a"), {"PlanId": "other"}, writer="test")
    text = refusal_of(lambda: wire.update(key_of("a"), {"PlanId": "other"}, writer="test"))
    assert text.endswith("Cannot update attribute PlanId. This attribute is part of the key")


@shows("a whole Decimal")
def test_the_fast_tier_keeps_a_whole_decimal_where_the_wire_tier_gives_an_int(kernel: Kernel) -> None:
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    kinds = []
    for table in (fast, wire):
        table.put(attributes_of("a", Rank=Decimal("2"), Share=Decimal("0.5")), writer="test")
        item = table.get(key_of("a"))
        assert item is not None
        kinds.append((type(item.attributes["Rank"]), type(item.attributes["Share"])))
    assert kinds == [(Decimal, Decimal), (int, Decimal)]


@shows("a truth value that is compared with a number")
def test_true_is_one_in_both_tables(kernel: Kernel) -> None:
    for table in (moto_table(kernel, new_client()), table_of(kernel)):
        table.put(attributes_of("a", Version=1), writer="test")
        table.update(key_of("a"), {"Version": 2}, writer="test", condition=Condition({"Version": True}))


@shows("an absent attribute that is compared with NULL")
def test_to_moto_an_absent_attribute_equals_null(kernel: Kernel) -> None:
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    condition = Condition({"Version": None}, default={"Version": 0})
    for table in (fast, wire):
        table.put(attributes_of("a"), writer="test")
    wire.update(key_of("a"), {"Version": 1}, writer="test", condition=condition)
    with pytest.raises(ConditionFailedError):
        fast.update(key_of("a"), {"Version": 1}, writer="test", condition=condition)


@shows("capacity units")
def test_moto_counts_half_a_unit_for_an_update_whatever_its_size(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client)
    wire.put(attributes_of("a", "POLLING"), writer="test")
    answer = client.update_item(
        TableName=NAME,
        Key=wire.wire_form({"ExecutionId": "a", "PlanId": "plan"}),
        UpdateExpression="SET Note = :note",
        ExpressionAttributeValues={":note": {"S": "x" * 5000}},
        ReturnConsumedCapacity="INDEXES",
    )
    assert answer["ConsumedCapacity"] == {"TableName": NAME, "CapacityUnits": 0.5}


# --- what does not ---------------------------------------------------------------------------------------------


def test_both_put_items_of_the_same_start_in_the_order_of_their_keys(kernel: Kernel) -> None:
    # AWS promises no order among them, so nothing may depend on it; but the two tiers agree.
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    for execution_id in "bca":
        wire.put(attributes_of(execution_id, "POLLING"), writer="test")
        fast.put(attributes_of(execution_id, "POLLING"), writer="test")
    assert moto_pages(wire) == [["a", "b", "c"]]
    assert [each.attributes["ExecutionId"] for each in fast.query_status("POLLING").items] == ["a", "b", "c"]


def test_a_strongly_consistent_query_of_the_index_is_refused(kernel: Kernel) -> None:
    wire = moto_table(kernel, new_client())
    with wire.as_indexed():
        text = refusal_of(lambda: new_client().query(**query_of("POLLING"), ConsistentRead=True))
    assert text == "ValidationException: Consistent reads are not supported on global secondary indexes"


def test_neither_takes_a_float(kernel: Kernel) -> None:
    for table in (moto_table(kernel, new_client()), table_of(kernel)):
        with pytest.raises(TypeError):
            table.put(attributes_of("a", Rank=0.5), writer="test")
        assert table.get(key_of("a")) is None


def test_a_refused_write_is_told_to_the_trace_of_each(kernel: Kernel) -> None:
    traces = (Trace(), Trace())
    tables = (moto_table(kernel, new_client(), trace=traces[0]), table_of(kernel, trace=traces[1]))
    for table in tables:
        with pytest.raises(ConditionFailedError):
            table.put(attributes_of("a"), writer="worker", request_id="r", condition=Condition(exists=True))
    assert traces[0].lines() == traces[1].lines() == ['["WriteRefused",0,"r","worker","a"]']
