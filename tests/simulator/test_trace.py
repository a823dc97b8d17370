"""The trace: who hears of an event and when, how lines are encoded, and the digest and the file made of them."""

import gzip
import json
import subprocess
import sys
import tracemalloc
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsim.simulator.decoder import events_of
from drsim.simulator.events import LambdaEnded, LogWritten, TickFired
from drsim.simulator.trace import BrokenSimulationError, Trace, UnwrittenTraceError


class Said(NamedTuple):
    """Something was said."""

    at_us: int
    text: str


class Counted(NamedTuple):
    """An event that goes into the trace in another form."""

    at_us: int
    things: tuple[str, ...]

    def record(self) -> tuple[int | str, ...]:
        """How many there were."""
        return (self.at_us, len(self.things))


HOSTILE = (
    'a "quoted" text \\ with a backslash',
    "lines\nand\r\nmore\u2028lines\u2029\x85\x0b\x0c",
    "],\n[",
    '"],\n["Said",0,"',
    "],[",
    "]\0[",
    ",\n",
    "\0\x01\x1f\x7f",
    "größer 日本 🙂",
    "half a pair \ud800 and its other half \udfff",
    "",
)
"""Texts that would break lines, if they were not encoded."""


def decoded(trace: Trace) -> list[object]:
    return [json.loads(line) for line in trace.lines()]


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


# --- listeners -----------------------------------------------------------------------------------------------


def test_listeners_are_called_by_event_type_in_order_of_registration() -> None:
    trace, log = Trace(), list[tuple[str, object]]()
    trace.listen(Said, lambda event: log.append(("first", event)))
    trace.emit(Said(0, "a"))
    trace.listen(Said, lambda event: log.append(("second", event)))
    trace.listen(TickFired, lambda event: log.append(("other", event)))
    trace.emit(Said(1, "b"))
    trace.emit(TickFired(2, 1))
    assert log == [("first", (0, "a")), ("first", (1, "b")), ("second", (1, "b")), ("other", (2, 1))]


def test_failing_listener_breaks_the_simulation_and_names_the_event() -> None:
    trace = Trace()
    trace.listen(Said, lambda event: [][event.at_us])
    with pytest.raises(BrokenSimulationError, match=r"^a listener failed at Said\(at_us=3, text='a'\)$") as caught:
        trace.emit(Said(3, "a"))
    assert isinstance(caught.value.__cause__, IndexError)


def test_code_under_test_cannot_catch_a_broken_simulation() -> None:
    assert not issubclass(BrokenSimulationError, Exception)


# --- lines ---------------------------------------------------------------------------------------------------


def test_a_line_is_the_events_name_and_its_fields_or_what_its_record_says() -> None:
    trace = Trace()
    trace.emit(Said(5, "a"))
    trace.emit(Counted(6, ("x", "y")))
    assert list(trace.lines()) == ['["Said",5,"a"]', '["Counted",6,2]']
    assert len(trace) == 2


def test_an_empty_trace_has_no_lines_and_the_digest_of_nothing(tmp_path: Path) -> None:
    trace = Trace()
    trace.write(tmp_path / "trace.jsonl.gz")
    assert (list(trace.lines()), len(trace), trace.digest()) == ([], 0, sha256(b"").hexdigest())
    assert content(tmp_path / "trace.jsonl.gz") == b""


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_valid_line(text: str, tmp_path: Path) -> None:
    trace, path = Trace(), tmp_path / "trace.jsonl.gz"
    for event in (Said(1, text), Said(2, "b"), Said(3, text), Said(4, text)):
        trace.emit(event)
    wanted = [["Said", 1, text], ["Said", 2, "b"], ["Said", 3, text], ["Said", 4, text]]
    assert decoded(trace) == wanted
    trace.write(path)
    assert [json.loads(line) for line in content(path).decode("utf-8").split("\n")[:-1]] == wanted
    assert trace.digest() == sha256(content(path)).hexdigest()


# Without surrogates: JSON puts two halves that follow each other together, as UTF-16 does.
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(HOSTILE[:9])


@given(st.lists(st.tuples(st.integers(), texts), max_size=30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_lines_decode_to_the_events_of_any_text(events: list[tuple[int, str]]) -> None:
    trace = Trace()
    for event in events:
        trace.emit(Said(*event))
    assert decoded(trace) == [["Said", *event] for event in events]
    assert trace.digest() == sha256("".join(line + "\n" for line in trace.lines()).encode()).hexdigest()


@pytest.mark.parametrize("count", [999, 1000, 1001, 2000, 2345])
def test_encoding_in_batches_changes_neither_lines_nor_digest(count: int) -> None:
    trace = Trace()
    for number in range(count):
        trace.emit(Said(number, f"],\n[{number}"))
        if number % 500 == 7:
            # Reading in between changes nothing.
            assert (len(trace), len(list(trace.lines()))) == (number + 1, number + 1)
            trace.digest()
    assert len(trace) == count
    assert decoded(trace) == [["Said", number, f"],\n[{number}"] for number in range(count)]


# --- the digest and the file ---------------------------------------------------------------------------------


def filled(count: int = 1500) -> Trace:
    trace = Trace()
    for number in range(count):
        trace.emit(Said(number, "größer"))
    return trace


def test_the_digest_is_the_sha_256_of_the_decompressed_file(tmp_path: Path) -> None:
    trace, path = filled(), tmp_path / "trace.jsonl.gz"
    trace.write(path)
    assert trace.digest() == sha256(content(path)).hexdigest()
    assert content(path) == "".join(line + "\n" for line in trace.lines()).encode("utf-8")
    # As a person checks it.
    zcat = subprocess.run([sys.executable, "-m", "gzip", "-d", str(path)], check=True, capture_output=True)
    assert zcat.stderr == b""
    assert sha256(path.with_suffix("").read_bytes()).hexdigest() == trace.digest()


def test_digest_depends_on_order_text_and_number_of_events() -> None:
    def digest(*events: Said) -> str:
        trace = Trace()
        for event in events:
            trace.emit(event)
        return trace.digest()

    one, two = Said(0, "a"), Said(0, "b")
    traces = [(), (one,), (two,), (one, two), (two, one), (one, one), (Said(1, "a"),)]
    assert len({digest(*events) for events in traces}) == len(traces)


def test_same_trace_gives_same_bytes_for_any_file_name_and_age(tmp_path: Path) -> None:
    first, second = tmp_path / "first.gz", tmp_path / "second.gz"
    trace = filled()
    trace.write(first)
    second.write_bytes(b"something longer that stood there before" * 1000)
    filled().write(second)
    assert first.read_bytes() == second.read_bytes()
    # Bytes 4 to 8 of a gzip file are its time.
    assert first.read_bytes()[4:8] == bytes(4)


# --- levels, and a trace that goes to its file while the run goes on ------------------------------------------


def test_a_spooled_trace_has_the_lines_digest_and_bytes_of_one_in_memory(tmp_path: Path) -> None:
    spool, path, other = tmp_path / "spool", tmp_path / "trace.jsonl.gz", tmp_path / "other.gz"
    trace = Trace(spool=spool)
    for number in range(1500):
        trace.emit(Said(number, "größer"))
        if number % 100 == 7:
            trace.flush()
    whole = filled()
    assert (len(trace), trace.digest()) == (len(whole), whole.digest())
    trace.write(path)
    whole.write(other)
    assert path.read_bytes() == other.read_bytes()
    assert list(trace.lines()) == list(trace.lines()) == list(whole.lines())
    trace.discard()
    assert sorted(tmp_path.iterdir()) == [other, path]


def test_lines_that_were_flushed_are_in_memory_no_more(tmp_path: Path) -> None:
    trace = Trace(spool=tmp_path / "spool")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20_000):
            trace.emit(Said(number, f"{number:0100}"))
            if number % 1000 == 999:
                trace.flush()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(trace) == 20_000
    assert grown < 500_000
    trace.discard()


def test_a_spool_that_is_discarded_leaves_no_file(tmp_path: Path) -> None:
    trace = Trace(spool=tmp_path / "spool")
    trace.emit(Said(0, "a"))
    trace.flush()
    trace.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_ends_the_run_and_code_under_test_cannot_catch_it(tmp_path: Path) -> None:
    assert not issubclass(UnwrittenTraceError, Exception)
    (tmp_path / "spool").symlink_to("/dev/full")
    trace = Trace(spool=tmp_path / "spool")
    for number in range(10_000):
        trace.emit(Said(number, sha256(str(number).encode()).hexdigest()))
    with pytest.raises(UnwrittenTraceError) as caught:
        trace.flush()
    assert isinstance(caught.value.__cause__, OSError)
    trace.discard()
    assert list(tmp_path.iterdir()) == []


def test_trace_at_level_off_calls_listeners_and_has_no_lines() -> None:
    trace, heard = Trace(level="off"), list[Said]()
    trace.listen(Said, heard.append)
    trace.emit(Said(0, "a"))
    assert (heard, list(trace.lines()), len(trace)) == ([Said(0, "a")], [], 0)


def test_summary_has_the_events_that_show_the_fate_of_executions() -> None:
    trace = Trace(level="summary")
    ended = ("r-1", "ExecutionPoller", "e-1")
    for event in (
        TickFired(0, 1),
        Said(1, "a"),
        LambdaEnded(2, *ended, "ok", 5, 90, ""),
        LambdaEnded(3, *ended, "error", 5, 90, "ValueError"),
    ):
        trace.emit(event)
    assert [json.loads(line)[:2] for line in trace.lines()] == [["TickFired", 0], ["LambdaEnded", 3]]


def test_places_and_marks_are_unwritten_and_read_as_defaults() -> None:
    trace = Trace()
    ended = LambdaEnded(2, "r-1", "ExecutionPoller", "e-1", "error", 5, 90, "ValueError", "poller/app.py:3")
    logged = LogWritten(2, "r-1", "ExecutionPoller", "ERROR", "e-1", "[ERROR] ValueError", 44, by_runtime=True)
    for event in (ended, logged):
        trace.emit(event)
    assert [len(json.loads(line)) for line in trace.lines()] == [9, 8]
    assert list(events_of(trace.lines())) == [ended._replace(place=""), logged._replace(by_runtime=False)]


class Listening:
    """Handles one type of event."""

    def __init__(self) -> None:
        self.seen: list[Said] = []

    def _on_said(self, event: Said) -> None:
        self.seen.append(event)

    def _other(self, event: TickFired) -> None:
        raise AssertionError(event)


def test_attached_object_gets_the_events_that_its_methods_annotate() -> None:
    trace, listening = Trace(), Listening()
    trace.attach(listening)
    trace.emit(Said(1, "a"))
    trace.emit(TickFired(2, 1))
    assert listening.seen == [Said(1, "a")]
