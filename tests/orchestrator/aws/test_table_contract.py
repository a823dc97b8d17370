"""The contract of the two ports to the execution table, on every adapter: AWS, the fast tier, and memory."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import boto3.session
import pytest
from moto import mock_aws

from drsim.orchestrator.errors import LostRaceError, MalformedError
from drsim.orchestrator.items import execution_of
from drsim.orchestrator.model import Execution, ExecutionKey, ExecutionStatus, PollUpdate, ServerStatus, WaveStatus
from drsim.orchestrator.ports import IndexPage
from drsim.simulator.kernel import Kernel
from tests.orchestrator.aws.tables import Backend, InFastTier, InMemory, OnAws
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import KEY, a_wave, an_execution, an_item, servers_in

SECOND_US: Final = 1_000_000
ABSENT: Final = ExecutionKey("absent", "plan-1")


@pytest.fixture(params=["aws", "fast", "memory"])
def backend(request: pytest.FixtureRequest, session: boto3.session.Session) -> Iterator[Backend]:
    """An empty table."""
    if request.param == "aws":
        with mock_aws():
            yield OnAws(session.client("dynamodb"))
    elif request.param == "fast":
        kernel = Kernel(seed=7)
        yield InFastTier(kernel)
        kernel.close()
    else:
        yield InMemory()


def an_update(
    version: int,
    *,
    key: ExecutionKey = KEY,
    status: ExecutionStatus | None = None,
    end_us: int | None = None,
    execution: Execution | None = None,
) -> PollUpdate:
    waves = (a_wave(status=WaveStatus.IN_PROGRESS),) if execution is None else execution.waves
    return PollUpdate(
        key=key,
        expected_version=version,
        last_polled_us=START_US + 1_500_000,
        waves=waves,
        status=status,
        end_us=end_us,
    )


def an_item_of(execution_id: str, start_s: object = 100, **more: object) -> dict[str, object]:
    item = an_item(an_execution(a_wave(), key=ExecutionKey(execution_id, "plan-1")))
    return item | {"StartTime": start_s} | more


def all_pages(backend: Backend) -> list[IndexPage]:
    pages: list[IndexPage] = []

    def scene() -> None:
        pages.append(backend.index.polling_page(None))
        while (cursor := pages[-1].next_cursor) is not None:
            pages.append(backend.index.polling_page(cursor))

    backend.play(scene)
    return pages


# --- the index -------------------------------------------------------------------------------------------------------


def test_empty_index_has_exactly_one_page(backend: Backend) -> None:
    assert all_pages(backend) == [IndexPage(())]


def test_index_lists_polling_executions_only_oldest_first(backend: Backend) -> None:
    for execution_id, start_s in {"b": 200, "a": 300, "c": Decimal("99.5")}.items():
        backend.put(an_item_of(execution_id, start_s))
    backend.put(an_item_of("ended", Status="COMPLETED"))
    backend.put(an_item_of("planned", Status="PENDING"))
    shown = [execution for page in all_pages(backend) for execution in page.executions]
    assert [execution.key.execution_id for execution in shown] == ["c", "b", "a"]
    assert shown[0] == execution_of(an_item_of("c", Decimal("99.5")))


def test_index_of_several_pages_lists_each_execution_once_in_order(backend: Backend) -> None:
    for number in range(5):
        backend.put(an_item_of(f"e-{number}", 500 - number, Notes="-" * 350_000))
    pages = all_pages(backend)
    assert len(pages) > 1
    ids = [execution.key.execution_id for page in pages for execution in page.executions]
    assert ids == ["e-4", "e-3", "e-2", "e-1", "e-0"]


def test_malformed_item_is_reported_and_hides_no_other(backend: Backend) -> None:
    backend.put(an_item_of("a", 100))
    backend.put(an_item_of("b", 200, TotalWaves="three"))
    backend.put(an_item_of("c", 300))
    pages = all_pages(backend)
    assert [execution.key.execution_id for page in pages for execution in page.executions] == ["a", "c"]
    wrong = "execution b: TotalWaves must be a whole number >= 0, got 'three'"
    assert [text for page in pages for text in page.malformed] == [wrong]


def test_ended_execution_leaves_the_index(backend: Backend) -> None:
    backend.put(an_item_of(KEY.execution_id))
    end = an_update(0, status=ExecutionStatus.COMPLETED, end_us=START_US)
    backend.play(lambda: backend.store.save_poll(end))
    assert all_pages(backend) == [IndexPage(())]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_execution_is_read_from_its_item_and_none_without_one(backend: Backend) -> None:
    servers = servers_in([ServerStatus.LAUNCHED, ServerStatus.PENDING])
    execution = an_execution(a_wave(servers=servers), a_wave(2, job_id=None), last_polled_us=START_US + 250_000)
    backend.put(an_item(execution))
    found: list[Execution | None] = []
    backend.play(lambda: found.extend([backend.store.get(KEY), backend.store.get(ABSENT)]))
    assert found == [execution, None]


def test_read_of_a_malformed_item_names_path_rule_and_value(backend: Backend) -> None:
    backend.put(an_item_of(KEY.execution_id, Status="?"))

    def scene() -> None:
        with pytest.raises(MalformedError, match=r"^execution e-1: Status must be one of .*, got '\?'$"):
            backend.store.get(KEY)

    backend.play(scene)


# --- writing ---------------------------------------------------------------------------------------------------------


def test_poll_writes_its_conclusion_and_keeps_attributes_of_others(backend: Backend) -> None:
    item = an_item_of(KEY.execution_id, Version=3, InitiatedBy="person", Tags={"cost": Decimal("1.5"), "on": True})
    waves = item["Waves"]
    assert isinstance(waves, list)
    waves[0] |= {"Owner": None, "Limits": [1, Decimal("0.25"), {"deep": "x"}]}
    waves[0]["Servers"][0]["Hostname"] = "web-1"
    backend.put(item)

    def scene() -> None:
        execution = backend.store.get(KEY)
        assert execution is not None
        backend.store.save_poll(an_update(3, execution=execution))

    backend.play(scene)
    assert backend.read(KEY) == item | {"LastPolledTime": Decimal(START_US + 1_500_000) / SECOND_US, "Version": 4}


def test_end_is_written_with_its_instant(backend: Backend) -> None:
    backend.put(an_item_of(KEY.execution_id, Version=3))
    end = an_update(3, status=ExecutionStatus.PARTIAL, end_us=START_US + 2_000_001)
    backend.play(lambda: backend.store.save_poll(end))
    item = backend.read(KEY)
    assert item is not None
    ends = [item[name] for name in ("Status", "EndTime", "Version")]
    assert ends == ["PARTIAL", Decimal(START_US + 2_000_001) / SECOND_US, 4]


def test_poll_of_a_running_execution_writes_no_status_and_no_end(backend: Backend) -> None:
    backend.put(an_item_of(KEY.execution_id))
    backend.play(lambda: backend.store.save_poll(an_update(0)))
    item = backend.read(KEY)
    assert item is not None
    assert (item["Status"], "EndTime" in item) == ("POLLING", False)


def test_item_without_a_version_is_at_version_zero(backend: Backend) -> None:
    item = an_item_of(KEY.execution_id)
    del item["Version"]
    backend.put(item)

    def scene() -> None:
        with pytest.raises(LostRaceError):
            backend.store.save_poll(an_update(1))
        backend.store.save_poll(an_update(0))

    backend.play(scene)
    written = backend.read(KEY)
    assert written is not None
    assert written["Version"] == 1


@pytest.mark.parametrize(
    "change",
    [{"Version": 4}, {"Version": 2}, {"Status": "CANCELLED"}, {"Status": "PENDING"}],
    ids=str,
)
def test_poll_after_another_write_is_a_lost_race_and_writes_nothing(
    backend: Backend, change: dict[str, object]
) -> None:
    item = an_item_of(KEY.execution_id, Version=3) | change
    backend.put(item)

    def scene() -> None:
        with pytest.raises(LostRaceError):
            backend.store.save_poll(an_update(3))

    backend.play(scene)
    assert backend.read(KEY) == item


@pytest.mark.parametrize("version", [0, 3])
def test_poll_of_deleted_execution_is_a_lost_race_and_recreates_nothing(backend: Backend, version: int) -> None:
    def scene() -> None:
        with pytest.raises(LostRaceError):
            backend.store.save_poll(an_update(version, key=ABSENT))

    backend.play(scene)
    assert backend.read(ABSENT) is None


def test_poll_sent_twice_after_a_lost_answer_is_written_once(backend: Backend) -> None:
    backend.put(an_item_of(KEY.execution_id, Version=3))

    def scene() -> None:
        backend.store.save_poll(an_update(3))
        with pytest.raises(LostRaceError):
            backend.store.save_poll(an_update(3))

    backend.play(scene)
    item = backend.read(KEY)
    assert item is not None
    assert item["Version"] == 4
