"""The decoder: a line gives its event back, and what is no event is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus, ServerStatus, WaveStatus
from drsim.simulator import events
from drsim.simulator.decoder import ItemRecord, NoEventError, WaveRecord, columns_of, events_of
from drsim.simulator.events import ItemChanged, JobStarted
from drsim.simulator.reader import ExecutionView, ServerView, WaveView
from drsim.simulator.trace import Trace
from tests.catalogue import run_of

texts = st.text(st.characters(exclude_categories=["Cs"]))
servers = st.builds(
    ServerView,
    source_server_id=texts,
    status=st.sampled_from(ServerStatus),
    instance_id=st.none(),
    extra=st.just({}),
)
waves = st.builds(
    WaveView,
    number=st.none() | st.integers(0, 9),
    name=st.none(),
    scope=st.just(("1", "us-east-1")),
    status=st.sampled_from(WaveStatus),
    job_id=st.none() | texts.filter(lambda text: text not in ("", "-")),
    job_status=st.none() | st.sampled_from(JobStatus),
    message=st.none(),
    servers=st.lists(servers, max_size=3).map(tuple),
    extra=st.just({}),
    unreadable=st.just(()),
)
lives = st.tuples(st.integers(0), st.integers(0), st.booleans(), st.integers(0))


def line_of(event: object) -> str:
    trace = Trace()
    trace.emit(event)
    (line,) = trace.lines()
    return line


@given(st.lists(waves, max_size=3).map(tuple), st.sampled_from(ExecutionStatus), texts, st.integers(0))
def test_any_changed_item_is_read_back(
    waves: tuple[WaveView, ...], status: ExecutionStatus, execution_id: str, version: int
) -> None:
    execution = ExecutionView(status, ExecutionType.DRILL, 0, None, None, version, len(waves), waves, None, True, ())
    event = ItemChanged(5, "r", "worker", execution_id, None, {}, None, execution, 300)
    read = tuple(
        WaveRecord(
            str(wave.number), str(wave.status), wave.job_id or "", wave.job_status or "",
            ",".join(str(server.status) for server in wave.servers),
        )
        for wave in waves
    )  # fmt: skip
    assert list(events_of([line_of(event)])) == [ItemRecord(5, "r", "worker", execution_id, status, version, read, 300)]


@given(st.lists(lives, max_size=4).map(tuple), texts)
def test_any_started_job_is_read_back(lives: tuple[tuple[int, int, bool, int], ...], job_id: str) -> None:
    event = JobStarted(1, "account", "us-east-1", job_id, len(lives), 2, 3, lives)
    assert list(events_of([line_of(event)])) == [event]


def test_each_line_of_a_run_is_read_back() -> None:
    lines = list(run_of("chaos").trace.lines())
    for line in lines:
        name, columns = columns_of(line)
        assert [name, *columns.values()] == json.loads(line)
    plain = [event for event in events_of(lines) if not isinstance(event, ItemRecord)]
    starts = tuple(f'["{type(event).__name__}"' for event in plain)
    assert [line_of(event) for event in plain] == [line for line in lines if line.startswith(starts)]


def test_types_choose_the_events() -> None:
    lines = ['["TickFired",1,7]', '["SomethingNew",2]', '["RunEnded",3]']
    assert list(events_of(lines)) == [events.TickFired(1, 7), events.RunEnded(3)]
    assert list(events_of(lines, events.RunEnded)) == [events.RunEnded(3)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no JSON", "no JSON: "),
        ("[1, 2]", "there is no event 1"),
        ('["TickFired",1]', "TickFired has 2 fields, not 1"),
        ('["TickFired",1,"7"]', "number of TickFired must be a number, got '7'"),
        ('["JobStarted",1,"a","r","j",1,2,3,"4:5"]', "JobStarted cannot be read: not enough values"),
    ],
)
def test_a_line_that_is_no_event_is_refused(line: str, why: str) -> None:
    with pytest.raises(NoEventError, match=f"^{why.replace('(', '.')}"):
        list(events_of([line]))
