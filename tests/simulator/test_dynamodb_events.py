"""What the execution table says of its changes: the events, and their lines in the trace."""

import json

from drsim.orchestrator.model import ExecutionStatus
from drsim.simulator.events import ItemChanged
from drsim.simulator.kernel import Kernel
from drsim.simulator.trace import Trace
from tests.simulator.tables import Attributes, attributes_of, key_of, table_of


def wave(number: int | None, **more: object) -> Attributes:
    servers = [{"SourceServerId": "s-1", "Status": "LAUNCHED"}, {"SourceServerId": "s-2", "Status": "PENDING"}]
    attributes: Attributes = {"AccountId": "1", "Region": "r", "Status": "IN_PROGRESS", "Servers": servers}
    return attributes | ({} if number is None else {"WaveNumber": number}) | more


def test_change_is_traced_with_both_images_and_both_executions(kernel: Kernel) -> None:
    trace, changed = Trace(), list[ItemChanged]()
    trace.listen(ItemChanged, changed.append)
    table = table_of(kernel, trace=trace)
    table.put(attributes_of("a"), writer="person")
    kernel.run(until_us=3)
    table.update(key_of("a"), {"Status": "POLLING", "Version": 4}, writer="poller", request_id="r-1")
    table.delete(key_of("a"), writer="person", request_id="r-2")
    created, updated, deleted = changed
    assert created[:6] == (0, "", "person", "a", None, attributes_of("a"))
    assert created.previous is None
    assert created.execution is not None
    assert updated[:6] == (3, "r-1", "poller", "a", attributes_of("a"), attributes_of("a", "POLLING", Version=4))
    assert updated.previous == created.execution
    assert updated.execution is not None
    assert (updated.execution.status, updated.execution.version) == (ExecutionStatus.POLLING, 4)
    assert deleted[:6] == (3, "r-2", "person", "a", updated.after, None)
    assert (deleted.previous, deleted.execution) == (updated.execution, None)


def test_trace_has_one_line_for_each_change_with_the_new_item(kernel: Kernel) -> None:
    trace = Trace()
    table = table_of(kernel, trace=trace)
    waves = [wave(1, JobId="j-1", JobStatus="STARTED"), wave(None, Status="PENDING", Servers=[])]
    table.put(attributes_of("a", Waves=waves, Version=2), writer="person", request_id="r-1")
    table.update(key_of("a"), {"TotalWaves": "three"}, writer="person")
    table.delete(key_of("a"), writer="person")
    assert [json.loads(line) for line in trace.lines()] == [
        [
            "ItemChanged", 0, "r-1", "person", "a", "PENDING", 2,
            "1:IN_PROGRESS:j-1:STARTED:LAUNCHED,PENDING None:PENDING:-:-:", 305,
        ],
        ["ItemChanged", 0, "", "person", "a", "MALFORMED", 0, "", 308],
        ["ItemChanged", 0, "", "person", "a", "DELETED", 0, "", 0],
    ]  # fmt: skip


def test_unreadable_item_keeps_its_images_and_its_reason(kernel: Kernel) -> None:
    trace, changed = Trace(), list[ItemChanged]()
    trace.listen(ItemChanged, changed.append)
    table = table_of(kernel, trace=trace)
    table.put(attributes_of("a", "LOST"), writer="person")
    table.put(attributes_of("a"), writer="person")
    malformed, healed = changed
    assert malformed.execution is not None
    assert (malformed.after, len(malformed.execution.unreadable)) == (attributes_of("a", "LOST"), 1)
    assert (healed.before, healed.previous) == (attributes_of("a", "LOST"), malformed.execution)
    assert healed.execution is not None
    assert healed.execution.unreadable == ()


def test_unchanged_wave_is_the_same_object_in_both_views(kernel: Kernel) -> None:
    trace, changed = Trace(), list[ItemChanged]()
    trace.listen(ItemChanged, changed.append)
    table = table_of(kernel, trace=trace)
    table.put(attributes_of("a", Waves=[wave(1), wave(2)]), writer="person")
    table.update(key_of("a"), {"Waves": [wave(1), wave(2, Status="COMPLETED")]}, writer="person")
    before, after = changed[1].previous, changed[1].execution
    assert before is not None
    assert after is not None
    assert [new is old for new, old in zip(after.waves, before.waves, strict=True)] == [True, False]
