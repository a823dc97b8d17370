"""The first event by which two runs differ, and the line of the handler's file that it leads to."""

import json
from typing import TypeAlias

import pytest

from drsim.scenarios.adapting import adapted
from drsim.scenarios.files import load
from drsim.scenarios.repeating import Recorded, divergence, finding_of, recorded, repeated
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.trace import Trace

Event: TypeAlias = list[int | str]

STARTED: Event = ["LambdaStarted", 0, "r-1", "ExecutionPoller", "one", 1, 1, 0, 1]
GET: Event = ["CallMade", 20_000, "r-1", "ExecutionPoller", "GetItem", 20_000, 1, "", ""]
OTHER: Event = ["CallMade", 30_000, "r-2", "ExecutionFinder", "Query", 20_000, 1, "", ""]
UPDATE: Event = ["CallMade", 40_000, "r-1", "ExecutionPoller", "UpdateItem", 20_000, 0, "", ""]
LOGGED: Event = ["LogWritten", 20_000, "r-1", "ExecutionPoller", "INFO", "one", "polled", 6]
PLACES = ("poller/app.py:7 get_item", "finder/app.py:3 query", "poller/app.py:9 update_item")


def run(*events: Event) -> Recorded:
    """A recorded run in which the n-th call has the n-th place."""
    lines = [json.dumps(event, separators=(",", ":"), ensure_ascii=False) for event in events]
    return Recorded(lines, "", PLACES)


def test_equal_runs_have_no_difference() -> None:
    assert divergence(run(STARTED, GET, OTHER, UPDATE), run(STARTED, GET, OTHER, UPDATE)) is None


def test_difference_names_the_line_of_the_call_and_both_values() -> None:
    later = [*UPDATE]
    later[1] = 41_000
    found = divergence(run(STARTED, GET, OTHER, UPDATE), run(STARTED, GET, OTHER, later))
    assert found is not None
    assert (found.where, found.place, found.at_us) == ("UpdateItem", "poller/app.py:9 update_item", 40_000)
    shown = "CallMade (function ExecutionPoller, operation UpdateItem) at poller/app.py:9 update_item"
    assert found.first == f"0.040000 s {shown}"
    assert found.second == f"0.041000 s {shown}"


def test_event_before_its_call_is_made_leads_to_that_call() -> None:
    used: Event = ["ActionUsed", 31_000, "r-1", "ExecutionPoller", "dynamodb:UpdateItem", "arn:1", ""]
    found = divergence(run(STARTED, GET, OTHER, used, UPDATE), run(STARTED, GET, OTHER, [*used[:5], "arn:2", ""]))
    assert found is not None
    assert (found.where, found.place) == ("dynamodb:UpdateItem", "poller/app.py:9 update_item")
    assert "resource arn:1" in found.first
    assert "resource arn:2" in found.second


def test_log_line_leads_to_the_last_call_before_it() -> None:
    other: Event = [*LOGGED[:5], "one", "failed", 6]
    found = divergence(run(STARTED, GET, OTHER, LOGGED, UPDATE), run(STARTED, GET, OTHER, other, UPDATE))
    assert found is not None
    # Without the operation: the call is not what differs.
    assert (found.where, found.place, found.execution_id) == ("LogWritten", "poller/app.py:7", "one")
    assert found.first.endswith("message polled) after the call at poller/app.py:7")
    assert found.second.endswith("message failed) after the call at poller/app.py:7")


def test_run_that_ends_early_differs_where_it_ends() -> None:
    whole, short = run(STARTED, GET, OTHER, UPDATE), run(STARTED, GET, OTHER)
    broken = short._replace(lines=[*short.lines, "HandlerError: it starts a thread"])
    found = divergence(whole, broken)
    assert found is not None
    assert found.place == "poller/app.py:9 update_item"
    assert found.second == "HandlerError: it starts a thread"
    found = divergence(whole, short)
    assert found is not None
    assert found.second == "the run has ended"


def test_repetition_that_ended_with_an_error_is_said_to_have_done_so() -> None:
    error = "HandlerError: cannot import app.py:f"
    second = run(STARTED)._replace(lines=[*run(STARTED).lines, error], broke=("simulation",))
    found = divergence(run(STARTED, GET), second)
    assert found is not None
    assert "ended with this error" in finding_of(found, epoch_us=0, second=second).meaning
    # An error after the first difference is no explanation of it.
    second = run(GET)._replace(lines=[*run(GET).lines, error], broke=("simulation",))
    found = divergence(run(STARTED, GET), second)
    assert found is not None
    assert "your handlers read what no seed decides" in finding_of(found, epoch_us=0, second=second).meaning


@pytest.mark.slow
def test_lines_of_an_equal_repetition_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = adapted(load("drill", ["duration=2m"], contract="plain"))[0].model_dump_json()
    handlers = Handlers(finder="json:dumps", poller=None)
    digest = recorded(text, 1, handlers).digest
    monkeypatch.setattr(Trace, "lines", None)
    assert repeated(text, 1, handlers, "client", "full", digest) is None


def test_long_texts_are_shown_from_before_they_differ() -> None:
    texts = ["x" * 300 + end + "y" * 300 for end in ("one", "two")]
    runs = [run(STARTED, GET, [*LOGGED[:5], "", text, 6]) for text in texts]
    found = divergence(*runs)
    assert found is not None
    assert "xxxone" in found.first
    assert "xxxtwo" in found.second
    assert len(found.first) < 300


def test_finding_of_a_difference_shows_both_runs() -> None:
    found = divergence(run(STARTED, GET, LOGGED), run(STARTED, GET, [*LOGGED[:5], "one", "failed", 6]))
    assert found is not None
    finding = finding_of(found, epoch_us=0, second=run(STARTED))
    assert (finding.property, finding.consequence, finding.place) == (
        "not-deterministic",
        "another run",
        "poller/app.py:7",
    )
    case = finding.cases[0]
    assert case.at == "1970-01-01T00:00:00.020000Z"
    assert case.expected == f"as in the first run, {found.first}"
    assert case.observed == f"in the second run {found.second}"
