"""The Chrome trace against a schema of its events, against the rules of its lines, and against the run."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from drsim.orchestrator.model import ExecutionStatus
from drsim.reports.formats import chrome
from drsim.reports.text import plain
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import Run, run
from tests.catalogue import run_of
from tests.reports.hostile import TEXTS

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "chrome-trace.json").read_text(encoding="utf-8"))
SCENARIO, FINDER, POLLER, EXECUTIONS, TRUTH = 1, 2, 3, 4, 5

Event = dict[str, Any]


@pytest.fixture(scope="module")
def chaos() -> Run:
    return run_of("chaos", 73)


@pytest.fixture(scope="module")
def chaos_events(chaos: Run) -> list[Event]:
    return drawn(chaos.result, chaos.trace.lines())


@pytest.fixture(scope="module")
def drill() -> Run:
    return run_of("drill")


@pytest.fixture(scope="module")
def drill_events(drill: Run) -> list[Event]:
    return drawn(drill.result, drill.trace.lines())


def drawn(result: Result, lines: Iterable[str]) -> list[Event]:
    """The events of a valid document."""
    text = "".join(chrome.render(result, lines))
    assert text.isascii()
    document = json.loads(text)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    return in_order(document["traceEvents"])


def in_order(events: list[Event]) -> list[Event]:
    """The events, whose slices nest on each line and whose lines and processes all have names."""
    assert not_nested(events) == []
    named = {(each["pid"], each["tid"]) for each in events if each["name"] == "thread_name"}
    assert {(each["pid"], each["tid"]) for each in events if each["ph"] in "Xi"} <= named
    assert {each["pid"] for each in events} == {each["pid"] for each in events if each["name"] == "process_name"}
    return events


def not_nested(events: list[Event]) -> list[tuple[Event, Event]]:
    """Slices that begin within another of their line and end after it."""
    lines = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            lines[event["pid"], event["tid"]].append(event)
    wrong = []
    for slices in lines.values():
        outer: list[Event] = []
        for event in sorted(slices, key=lambda each: each["ts"]):
            while outer and end_of(outer[-1]) <= event["ts"] and outer[-1]["dur"]:
                outer.pop()
            if outer and end_of(event) > end_of(outer[-1]):
                wrong.append((outer[-1], event))
            outer.append(event)
    return wrong


def end_of(event: Event) -> int:
    return int(event["ts"] + event["dur"])


def of(events: list[Event], phase: str, pid: int) -> list[Event]:
    return [each for each in events if each["ph"] == phase and each["pid"] == pid]


def names_of(events: list[Event], pid: int) -> dict[int, str]:
    return {each["tid"]: each["args"]["name"] for each in of(events, "M", pid) if each["name"] == "thread_name"}


def recorded(run: Run, name: str) -> list[Any]:
    return [record for line in run.trace.lines() if (record := json.loads(line))[0] == name]


def test_every_invocation_is_a_slice_with_its_calls_in_it(chaos: Run, chaos_events: list[Event]) -> None:
    counts = chaos.result.metrics.counts
    for pid, function in ((FINDER, "ExecutionFinder"), (POLLER, "ExecutionPoller")):
        runs = [each for each in of(chaos_events, "X", pid) if "outcome" in each.get("args", {})]
        outcomes = Counter(each["args"]["outcome"] for each in runs)
        assert outcomes == {
            outcome: counts[f"{function}.{outcome}"]
            for outcome in ("ok", "error", "crash", "timeout")
            if f"{function}.{outcome}" in counts
        }
        inits = [each for each in of(chaos_events, "X", pid) if each["name"] == "init"]
        assert len(inits) == counts[f"{function}.cold_starts"]
        calls = len(of(chaos_events, "X", pid)) - len(runs) - len(inits)
        assert calls == sum(1 for record in recorded(chaos, "CallMade") if record[3] == function) > 0


def test_an_invocation_begins_with_its_init_and_ends_when_lambda_says_so(drill: Run, drill_events: list[Event]) -> None:
    (_, began_us, request_id, _, _, environment, attempt, init_us, _) = recorded(drill, "LambdaStarted")[0]
    ended_us = next(record[1] for record in recorded(drill, "LambdaEnded") if record[2] == request_id)
    first = of(drill_events, "X", FINDER)[0]
    assert first["name"] == "ExecutionFinder"
    assert (first["ts"], end_of(first)) == (began_us - init_us, ended_us)
    assert first["args"] == {
        "request": request_id,
        "execution": "",
        "attempt": attempt,
        "init_us": init_us,
        "outcome": "ok",
    }
    assert names_of(drill_events, FINDER)[first["tid"]] == f"environment {environment}"


def test_calls_that_overlap_lie_on_further_lines(chaos: Run, chaos_events: list[Event]) -> None:
    invokes = [each for each in of(chaos_events, "X", FINDER) if each["name"].startswith("Invoke")]
    lines = {names_of(chaos_events, FINDER)[each["tid"]] for each in invokes}
    first = {line for line in lines if line.startswith("environment 1")}
    assert first == {"environment 1", *(f"environment 1, beside {lane}" for lane in range(1, 5))}
    # A line on which nothing overlaps takes calls one after the other.
    for tid in {each["tid"] for each in invokes}:
        alone = sorted((each for each in invokes if each["tid"] == tid), key=lambda each: each["ts"])
        assert all(end_of(before) <= after["ts"] for before, after in pairwise(alone))


def test_executions_go_through_their_statuses_without_a_gap(drill: Run, drill_events: list[Event]) -> None:
    names = names_of(drill_events, EXECUTIONS)
    for sample in drill.result.metrics.executions:
        tid = next(tid for tid, name in names.items() if name == sample.execution_id)
        slices = [each for each in of(drill_events, "X", EXECUTIONS) if each["tid"] == tid]
        assert [each["name"] for each in slices] == ["PENDING", "POLLING"]
        assert end_of(slices[0]) == slices[1]["ts"]
        (end,) = [each for each in of(drill_events, "i", EXECUTIONS) if each["tid"] == tid]
        assert (end["name"], end["ts"]) == (sample.status, end_of(slices[1]))
        waves = [name for name in names.values() if name.startswith(f"{sample.execution_id}, wave ")]
        assert len(waves) == sample.waves


def test_truth_shows_each_job_from_its_start_to_its_last_server(drill: Run, drill_events: list[Event]) -> None:
    jobs = recorded(drill, "JobStarted")
    names = names_of(drill_events, TRUTH)
    assert len(names) == len(jobs) > 0
    for (_, at_us, _, _, job_id, servers, started_us, _, lives), (tid, name) in zip(jobs, names.items(), strict=True):
        assert name.endswith(f": {job_id}")
        assert ", wave " in name
        slices = [each for each in of(drill_events, "X", TRUTH) if each["tid"] == tid]
        assert [each["name"] for each in slices[:3]] == ["PENDING", "STARTED", "servers IN_PROGRESS"]
        assert [slices[0]["ts"], slices[1]["ts"]] == [at_us, started_us]
        assert end_of(slices[1]) == end_of(slices[2]) == max(int(life.split(":")[1]) for life in lives.split())
        instants = Counter(each["name"].split()[0] for each in of(drill_events, "i", TRUTH) if each["tid"] == tid)
        assert instants == {"server": servers, "COMPLETED": 1}


def test_ticks_and_faults_are_instants(chaos: Run, chaos_events: list[Event]) -> None:
    seen = Counter(names_of(chaos_events, SCENARIO)[each["tid"]] for each in of(chaos_events, "i", SCENARIO))
    assert seen == {
        "ticks": len(chaos.result.metrics.ticks),
        "faults": sum(each.struck for each in chaos.result.faults),
    }
    dropped = [each for pid in (FINDER, POLLER) for each in of(chaos_events, "i", pid) if each["name"] == "dropped"]
    assert len(dropped) == len(recorded(chaos, "Dropped")) > 0
    assert {each["args"]["reason"] for each in dropped} == {"retries exhausted"}


def test_counters_end_at_none_and_reach_what_the_result_says(chaos: Run, chaos_events: list[Event]) -> None:
    counts = chaos.result.metrics.counts
    for pid, most in ((SCENARIO, counts["active_executions_max"]), (POLLER, counts["ExecutionPoller.concurrent_max"])):
        values = [each["args"]["value"] for each in of(chaos_events, "C", pid)]
        assert (max(values), values[-1]) == (most, 0)


def test_open_slices_end_with_the_run() -> None:
    short = run(load("drill", ["duration=4m"]), seed=1)
    events = drawn(short.result, short.trace.lines())
    end_us = round(short.result.virtual_seconds * 1_000_000)
    assert short.result.executions[ExecutionStatus.POLLING] > 0
    assert max(end_of(each) for each in events if each["ph"] == "X") == end_us
    assert max(each["ts"] for each in events if "ts" in each) <= end_us
    for pid in (EXECUTIONS, TRUTH):
        assert any(end_of(each) == end_us for each in of(events, "X", pid))


def test_endless_job_and_endless_run_are_drawn_to_the_end(drill: Run) -> None:
    never = 1 << 62
    lines = [
        f'["JobStarted",1000,"1","us-east-1","drsjob-1",1,2000,{never},"3000:{never}:LAUNCHED:0"]',
        '["LambdaStarted",5000,"r","ExecutionPoller","e",1,1,0,1]',
    ]
    events = drawn(drill.result, lines)
    end_us = round(drill.result.virtual_seconds * 1_000_000)
    assert [end_of(each) for each in of(events, "X", TRUTH)] == [2000, end_us, end_us]
    assert of(events, "i", TRUTH) == []
    (unfinished,) = of(events, "X", POLLER)
    assert (unfinished["name"], end_of(unfinished)) == ("e: unfinished", end_us)


def test_server_that_never_begins_is_drawn_as_pending_at_its_jobs_end(drill: Run) -> None:
    lives = f"{1 << 62}:9000:FAILED:0 3000:8000:LAUNCHED:0"
    events = drawn(drill.result, [f'["JobStarted",1000,"1","us-east-1","drsjob-1",2,2000,9000,"{lives}"]'])
    assert [each["name"] for each in of(events, "i", TRUTH)] == ["server 1 PENDING", "server 2 LAUNCHED", "COMPLETED"]


def test_waves_end_with_their_execution_and_begin_again_if_it_does(drill: Run) -> None:
    changes = [
        ("POLLING", "1:LAUNCHING:j:STARTED:PENDING 2:LAUNCHING:k:STARTED:PENDING"),
        ("POLLING", "1:COMPLETED:j:COMPLETED:LAUNCHED 2:LAUNCHING:k:STARTED:PENDING"),
        ("CANCELLED", "1:COMPLETED:j:COMPLETED:LAUNCHED 2:LAUNCHING:k:STARTED:PENDING"),
        ("CANCELLED", "1:COMPLETED:j:COMPLETED:LAUNCHED 2:LAUNCHING:k:COMPLETED:LAUNCHED"),
        ("POLLING", "2:IN_PROGRESS:k:STARTED:PENDING"),
        ("DELETED", ""),
    ]
    lines = [
        f'["ItemChanged",{number}00,"","worker","e","{status}",{number},"{waves}",9]'
        for number, (status, waves) in enumerate(changes, start=1)
    ]
    events = drawn(drill.result, lines)
    seen = defaultdict(list)
    for event in events:
        if event["pid"] == EXECUTIONS and event["ph"] in "Xi":
            seen[event["tid"]].append((event["name"], event["ts"], event.get("dur")))
    assert seen == {
        1000: [("POLLING", 100, 200), ("CANCELLED", 300, None), ("POLLING", 500, 100), ("DELETED", 600, None)],
        1001: [("LAUNCHING", 100, 100), ("COMPLETED", 200, None), ("IN_PROGRESS", 500, 100)],
        1002: [("LAUNCHING", 100, 200)],
    }
    assert [each["args"]["value"] for each in of(events, "C", SCENARIO)] == [1, 0, 1, 0]


def test_errors_of_an_invocation_are_drawn_where_they_happened(drill: Run) -> None:
    lines = [
        '["Throttled",5,"ExecutionPoller","e"]',
        '["LambdaStarted",10,"r","ExecutionPoller","e",3,2,0,1]',
        '["CallMade",20,"r","ExecutionPoller","GetItem",5,0,"Throttling","slow"]',
        '["LogWritten",25,"r","ExecutionPoller","INFO","e","calm",9]',
        '["LogWritten",26,"r","ExecutionPoller","ERROR","e","loud",9]',
        '["LambdaEnded",30,"r","ExecutionPoller","e","error",20,90,"Boom: no"]',
        '["WriteRefused",40,"r","ExecutionPoller","e"]',
        '["SomethingNew",50]',
    ]
    events = drawn(drill.result, lines)
    facts = {"request": "r", "execution": "e", "attempt": 2, "init_us": 0, "outcome": "error", "detail": "Boom: no"}
    assert [(each["name"], each["args"]) for each in of(events, "X", POLLER)] == [
        ("e: error", facts),
        ("GetItem: Throttling", {"fault": "slow"}),
    ]
    assert [(each["tid"], each["name"], each["args"]) for each in of(events, "i", POLLER)] == [
        (1, "throttled", {"execution": "e"}),
        (3000, "ERROR", {"message": "loud"}),
    ]
    assert [(each["name"], each["args"]) for each in of(events, "i", EXECUTIONS)] == [
        ("write refused", {"by": "ExecutionPoller"})
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_are_escaped(drill: Run, text: str) -> None:
    word = json.dumps(text)
    lines = [
        f'["ItemChanged",1,"",{word},{word},"POLLING",1,{word},9]',
        f'["ItemChanged",2,"","worker",{word},"POLLING",2,"1:LAUNCHING:job:PENDING:PENDING",9]',
        f'["LambdaStarted",5,"r","ExecutionPoller",{word},1,1,0,1]',
        f'["CallMade",6,"r","ExecutionPoller",{word},1,0,{word},{word}]',
        f'["LogWritten",7,"r","ExecutionPoller","ERROR",{word},{word},9]',
        f'["LambdaEnded",8,"r","ExecutionPoller",{word},"error",3,90,{word}]',
    ]
    events = drawn(drill.result, lines)
    begin = plain(text[:200])
    assert names_of(events, EXECUTIONS)[1000].startswith(begin)
    assert of(events, "X", POLLER)[0]["args"]["detail"].startswith(begin)
    assert len(json.dumps(events)) < 20_000


def test_lines_of_a_file_and_of_a_trace_give_the_same_bytes(drill: Run) -> None:
    text = "".join(chrome.render(drill.result, drill.trace.lines()))
    again = Result.model_validate_json(drill.result.model_dump_json())
    assert "".join(chrome.render(again, [line + "\n" for line in drill.trace.lines()])) == text


def test_slices_that_cross_are_found() -> None:
    def slices(*spans: tuple[int, int]) -> list[Event]:
        return [{"ph": "X", "pid": 1, "tid": 1, "ts": begin, "dur": end - begin} for begin, end in spans]

    assert not_nested(slices((0, 10), (0, 4), (4, 10), (10, 20), (12, 12))) == []
    assert len(not_nested(slices((0, 10), (5, 11)))) == 1


@pytest.mark.slow
def test_a_hundred_executions_fit_into_a_file_that_opens_at_once() -> None:
    load_100 = run_of("load-100")
    text = "".join(chrome.render(load_100.result, load_100.trace.lines()))
    assert len(text) < 3_000_000
    assert len(in_order(json.loads(text)["traceEvents"])) == text.count("\n") - 2
