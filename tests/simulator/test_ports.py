"""The ports of production code over the simulated services."""

from dataclasses import replace

import pytest

from drsim.orchestrator.errors import LostRaceError, MalformedError, RefusedError
from drsim.orchestrator.items import seconds_item
from drsim.orchestrator.model import Dispatch, ExecutionKey, ExecutionStatus, MetricPoint, PollUpdate, Wave, WaveStatus
from drsim.orchestrator.ports import IndexPage
from drsim.simulator.events import IndexRead, JobsDescribed
from drsim.simulator.kernel import Kernel
from drsim.simulator.ports import LambdaInvoker, WorldClock
from drsim.simulator.services.dynamodb import IndexKey
from drsim.simulator.services.spec import JobLife, Latencies
from tests.simulator.lambdas import SECOND
from tests.simulator.ports import HANDLER_US, MS, SCOPE, Rig
from tests.simulator.tables import attributes_of, key_of

# --- the table -----------------------------------------------------------------------------------------------


def test_index_pages_list_executions_and_malformed_items(kernel: Kernel) -> None:
    rig = Rig(kernel, page_bytes_max=1)
    reads = list[IndexRead]()
    rig.trace.listen(IndexRead, reads.append)
    rig.table.put(attributes_of("a", "POLLING"), writer="person")
    rig.table.put(attributes_of("b", "POLLING", TotalWaves=None), writer="person")
    rig.table.put(attributes_of("c"), writer="person")
    pages = list[IndexPage]()

    def scene() -> None:
        pages.append(rig.index.polling_page(None))
        while pages[-1].next_cursor is not None:
            pages.append(rig.index.polling_page(pages[-1].next_cursor))

    rig.play(scene)
    assert [[execution.key for execution in page.executions] for page in pages] == [[key_of("a")], [], []]
    wrong = "execution b: TotalWaves must be a whole number >= 0, got None"
    assert [page.malformed for page in pages] == [(), (wrong,), ()]
    assert pages[0].next_cursor == IndexKey(100, key_of("a"))
    request_id = rig.started[0].request_id
    sizes = [item.size_bytes for name in "ab" if (item := rig.table.get(key_of(name)))]
    assert [read[:6] for read in reads] == [
        (HANDLER_US + 20 * MS, request_id, 1, 0, 1, sizes[0]),
        (HANDLER_US + 40 * MS, request_id, 0, 0, 1, sizes[1]),
        (HANDLER_US + 60 * MS, request_id, 0, 1, 0, 0),
    ]


def test_the_store_reads_an_execution_or_none_or_says_what_is_malformed(kernel: Kernel) -> None:
    rig = Rig(kernel)
    rig.table.put(attributes_of("a", Version=3), writer="person")
    rig.table.put(attributes_of("b", "?"), writer="person")

    def scene() -> None:
        execution = rig.store.get(key_of("a"))
        assert execution is not None
        assert (execution.key, execution.version) == (key_of("a"), 3)
        assert rig.store.get(key_of("c")) is None
        with pytest.raises(MalformedError, match=r"^execution b: Status must be one of .*, got '\?'$"):
            rig.store.get(key_of("b"))

    rig.play(scene)
    assert [(call.operation, call.duration_us) for call in rig.calls] == [("GetItem", 4 * MS)] * 3


def an_update(key: ExecutionKey, version: int, **more: object) -> PollUpdate:
    wave = Wave(number=1, scope=SCOPE, status=WaveStatus.IN_PROGRESS, job_id="j-1")
    return PollUpdate(key=key, expected_version=version, last_polled_us=2_500_000, waves=(wave,), **more)  # type: ignore[arg-type]


def test_saved_poll_requires_its_version_and_keeps_other_attributes(kernel: Kernel) -> None:
    rig = Rig(kernel)
    rig.table.put(attributes_of("a", "POLLING", Version=3, InitiatedBy="person"), writer="person")
    rig.play(lambda: rig.store.save_poll(an_update(key_of("a"), 3)))
    item = rig.table.get(key_of("a"))
    assert item is not None
    assert item.attributes == attributes_of(
        "a",
        "POLLING",
        Version=4,
        InitiatedBy="person",
        LastPolledTime=seconds_item(2_500_000),
        Waves=[
            {
                "WaveNumber": 1,
                "AccountId": SCOPE.account_id,
                "Region": SCOPE.region,
                "Status": "IN_PROGRESS",
                "JobId": "j-1",
                "Servers": [],
            }
        ],
    )
    assert [(call.operation, call.duration_us) for call in rig.calls] == [("UpdateItem", 80 * MS)]


def test_end_is_saved_with_its_instant_and_a_first_version(kernel: Kernel) -> None:
    rig = Rig(kernel)
    rig.table.put(attributes_of("a", "POLLING"), writer="person")
    end = an_update(key_of("a"), 0, status=ExecutionStatus.COMPLETED, end_us=3_000_000)
    rig.play(lambda: rig.store.save_poll(end))
    item = rig.table.get(key_of("a"))
    assert item is not None
    assert [item.attributes[name] for name in ("Status", "EndTime", "Version")] == ["COMPLETED", 3, 1]


@pytest.mark.parametrize("change", [{"Version": 4}, {"Status": "CANCELLED"}, {"Status": "CANCELLED", "Version": 4}])
def test_write_during_a_poll_makes_it_lose_the_race(kernel: Kernel, change: dict[str, object]) -> None:
    rig = Rig(kernel)
    rig.table.put(attributes_of("a", "POLLING", Version=3), writer="person")

    def scene() -> None:
        with pytest.raises(LostRaceError):
            rig.store.save_poll(an_update(key_of("a"), 3))
        with pytest.raises(LostRaceError):
            rig.store.save_poll(an_update(key_of("absent"), 0))

    overtaken_us = HANDLER_US + 80 * MS - 1
    kernel.at(overtaken_us, lambda _: rig.table.update(key_of("a"), change, writer="person"), None)
    rig.play(scene)
    item = rig.table.get(key_of("a"))
    assert item is not None
    assert item.attributes == attributes_of("a", "POLLING", Version=3) | change
    assert [call.error for call in rig.calls] == ["ConditionalCheckFailedException"] * 2


# --- the other ports -----------------------------------------------------------------------------------------


def test_jobs_are_described_in_pages_with_an_event_each(kernel: Kernel) -> None:
    rig = Rig(kernel, page_size=1)
    described = list[JobsDescribed]()
    rig.trace.listen(JobsDescribed, described.append)
    rig.drs.add_servers(SCOPE, ["s-1", "s-2"], JobLife())
    ids = [rig.drs.start_recovery(SCOPE, [name]).job_id for name in ("s-1", "s-2")]
    seen = list[list[str]]()

    def scene() -> None:
        token = None
        while token is not None or not seen:
            page = rig.jobs.describe_page(SCOPE, [*ids, "drsjob-none"], token)
            seen.append([job.job_id for job in page.jobs])
            token = page.next_token
        with pytest.raises(RefusedError, match=r"^ValidationException: "):
            rig.jobs.describe_page(SCOPE, ["drsjob-none"] * 1001, None)

    rig.play(scene)
    assert seen == [[job_id] for job_id in sorted(ids)]
    request_id = rig.started[0].request_id
    common = ("e", SCOPE.account_id, SCOPE.region, (*ids, "drsjob-none"))
    first, last = sorted(ids)
    assert described == [
        JobsDescribed(HANDLER_US + 100 * MS, request_id, *common, (first,), (), 1),
        JobsDescribed(HANDLER_US + 200 * MS, request_id, *common, (last,), (), 0),
    ]


def test_the_poller_is_invoked_with_its_payload_by_the_function_that_asks(kernel: Kernel) -> None:
    rig = Rig(kernel)
    payloads = list[object]()
    rig.service.deploy("g", rig.spec, lambda payload, invocation: payloads.append((invocation.execution_id, payload)))
    invoker = LambdaInvoker(rig.boundary, "g")
    absent = LambdaInvoker(rig.boundary, "h")

    def scene() -> None:
        invoker.invoke(Dispatch(key=key_of("a"), dispatched_us=5, active_count=2))
        with pytest.raises(RefusedError, match=r"^ResourceNotFoundException: Function not found: h$"):
            absent.invoke(Dispatch(key=key_of("a")))

    rig.play(scene)
    payload = {"ExecutionId": "a", "PlanId": "plan", "DispatchedAtUs": 5, "ActiveExecutions": 2}
    assert payloads == [("a", payload)]
    assert (rig.invoked[1].at_us, rig.invoked[1].by) == (HANDLER_US + 115 * MS, rig.started[0].request_id)
    assert [(call.operation, call.error) for call in rig.calls] == [
        ("Invoke", ""),
        ("Invoke", "ResourceNotFoundException"),
    ]


def test_invoke_latency_does_not_depend_on_earlier_invokes() -> None:
    def took_us(*before: str) -> int:
        kernel = Kernel(seed=7)
        rig = Rig(kernel)
        latencies = Latencies.model_validate({"invoke": "1ms..900ms"})
        invoker = LambdaInvoker(replace(rig.boundary, latencies=latencies), "g")
        rig.service.deploy("g", rig.spec, lambda *_: None)

        def scene() -> None:
            for name in (*before, "a"):
                invoker.invoke(Dispatch(key=key_of(name)))

        rig.play(scene)
        kernel.close()
        return rig.calls[-1].duration_us

    assert took_us() == took_us("b") == took_us("b", "c")


def test_metrics_are_published_when_their_call_ends(kernel: Kernel) -> None:
    rig = Rig(kernel)
    rig.play(lambda: rig.metrics.publish([MetricPoint("Found", 2)]))
    assert [(event.at_us, event.points) for event in rig.published] == [
        (HANDLER_US + 10 * MS, (MetricPoint("Found", 2),))
    ]
    assert rig.calls[0].operation == "PutMetricData"


def test_queries_and_updates_are_quicker_in_a_warm_environment(kernel: Kernel) -> None:
    rig = Rig(kernel)
    rig.table.put(attributes_of("a", "POLLING", Version=1), writer="person")

    def look_and_save() -> None:
        rig.index.polling_page(None)
        execution = rig.store.get(key_of("a"))
        assert execution is not None
        rig.store.save_poll(an_update(key_of("a"), execution.version))

    rig.play(look_and_save)
    rig.play(look_and_save)
    assert [(call.operation, call.duration_us // MS, call.cold) for call in rig.calls] == [
        ("Query", 20, 1),
        ("GetItem", 4, 1),
        ("UpdateItem", 80, 1),
        ("Query", 5, 0),
        ("GetItem", 4, 0),
        ("UpdateItem", 50, 0),
    ]


def test_the_clock_shows_virtual_time_since_the_epoch_and_sleeps_in_it(kernel: Kernel) -> None:
    clock = WorldClock(Rig(kernel).boundary, 1_000 * SECOND)
    shown = list[int]()

    def scene() -> None:
        shown.append(clock.now_us())
        clock.sleep_us(3 * SECOND)
        shown.append(clock.now_us())

    kernel.spawn("scene", scene)
    kernel.run()
    assert shown == [1_000 * SECOND, 1_003 * SECOND]
