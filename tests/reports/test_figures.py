"""Which plots there are, and what they show, against the run that they are drawn from."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from drsim.reports import html
from drsim.reports.figures import plots_of
from drsim.reports.sections import TITLES
from drsim.scenarios.result import Result
from drsim.simulator.figures.table import FIGURES
from tests.catalogue import run_of


@pytest.fixture(scope="module")
def chaos() -> Result:
    return run_of("chaos", 73).result


def plot(result: Result, section: str, name: str) -> str:
    return next(text for text in (str(make()) for make in plots_of(section, result)) if f'id="{name}"' in text)


def data(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(re.findall(r"<script[^>]*>(.*?)</script>", text)[0])
    return found


def changed(result: Result, place: str, value: object) -> Result:
    """The result with another value in its configuration, at a place such as functions.finder.timeout."""
    raw = result.model_dump(mode="json")
    *way, last = place.split(".")
    inner = raw["metrics"]["configuration"]
    for name in way:
        inner = inner[name]
    inner[last] = value
    return Result.model_validate(raw)


def test_alarms_line_exceeds_its_threshold_only_during_alarm(chaos: Result) -> None:
    alarm = next(each for each in chaos.metrics.alarms if any(change.state == "ALARM" for change in each.changes))
    shown = data(plot(chaos, "cloudwatch", f"alarm-{alarm.name}"))
    # Of this alarm's metric, no data is as good as no error.
    judged = [
        (shown["t"] + x, "ALARM" if (y or 0) > alarm.threshold else "OK")
        for x, y in zip(shown["x"], shown["s"][0]["v"], strict=True)
    ]
    seen = [judged[0], *(after for before, after in pairwise(judged) if after[1] != before[1])]
    assert [state for _, state in seen] == [change.state for change in alarm.changes[1:]]
    assert [clock_of(at) for at, _ in seen] == [change.at[11:19] for change in alarm.changes[1:]]


def clock_of(at: float) -> str:
    seconds = int(at) % 86400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def test_an_alarm_on_a_maximum_draws_the_largest_of_its_period(phase_2: Result) -> None:
    alarm = next(each for each in phase_2.metrics.alarms if each.statistic == "Maximum")
    assert alarm.metric is not None
    minutes = {minute.at: minute.max for minute in phase_2.metrics.cloudwatch[alarm.metric].minutes}
    shown = data(plot(phase_2, "cloudwatch", f"alarm-{alarm.name}"))
    assert shown["s"][0]["u"] == "min"
    for x, value in zip(shown["x"], shown["s"][0]["v"], strict=True):
        at = shown["t"] + x
        period = [minutes[begin] for begin in range(at - 300, at, 60) if begin in minutes]
        assert value == (pytest.approx(max(period) / 60, abs=0.006) if period else None)


def test_the_timeout_is_the_configured_one(phase_2: Result) -> None:
    assert phase_2.capacity is not None
    short = phase_2.model_copy(update={"capacity": phase_2.capacity.model_copy(update={"timeout": 1.5})})
    assert "timeout 60 s" in plot(phase_2, "performance", "finder-minute")
    assert "timeout 1,500 ms" in plot(short, "performance", "finder-minute")


def test_reserved_concurrency_is_a_limit_beside_the_account_s(phase_2: Result) -> None:
    assert "reserved" not in plot(phase_2, "performance", "concurrency")
    text = plot(changed(phase_2, "functions.poller.reserved_concurrency", 4), "performance", "concurrency")
    assert "reserved for the poller 4" in text
    assert "limit of the account 1,000" in text


def test_criterions_mark_equals_its_threshold(phase_2: Result) -> None:
    assert "criterion: under 100 ms" in plot(phase_2, "performance", "queries")
    criteria = tuple(
        each.model_copy(update={"limit": 50.0 if each.unit == "ms" else each.limit}) for each in phase_2.criteria
    )
    stricter = phase_2.model_copy(update={"criteria": criteria})
    assert "criterion: under 50 ms" in plot(stricter, "performance", "queries")
    without = phase_2.model_copy(update={"criteria": ()})
    assert "criterion" not in plot(without, "performance", "queries")


@pytest.mark.parametrize(
    ("section", "name", "label"),
    [
        ("performance", "queries", "Phase 2: max 21 ms"),
        ("poller", "poller-time", "Phase 2: warm max 175 ms"),
        ("poller", "poller-calls", "Phase 2: warm update max 90 ms"),
    ],
)
def test_phase_2_s_figures_are_marks_beside_this_run_s(phase_2: Result, section: str, name: str, label: str) -> None:
    assert label in plot(phase_2, section, name)


def test_error_in_choosing_plots_affects_one_section(phase_2: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Result) -> None:
        raise LookupError("nothing there")

    monkeypatch.setattr("drsim.reports.figures._of_finder", broken)
    document = html.render(phase_2, [])
    assert document.troubles == ("2. Execution Finder Lambda Testing, its plots: LookupError: nothing there",)
    assert document.text.count("This part could not be written: LookupError: nothing there") == 1
    assert 'id="poller-time"' in document.text
    assert "Overall" in document.text


def test_sections_of_figures_exist_in_the_report() -> None:
    assert {figure.section for figure in FIGURES.values() if figure.section} <= set(TITLES)


def test_poll_gaps_begin_at_zero_beside_configured_and_effective_cadence(chaos: Result) -> None:
    text = plot(chaos, "finder", "gaps")
    marks = re.findall(r'<span class="upright[^>]*>([^<]*)</span>', text)
    assert {"STARTED configured 15 s", "IN_PROGRESS configured 30 s", "in effect 60 s"} <= {
        mark.replace("\N{NO-BREAK SPACE}", " ") for mark in marks
    }
    first = re.findall(r'<div class="xs"[^>]*><i style="left:0.0%">([^<]*)</i>', text)
    assert [label.split()[0] for label in first] == ["0"]


def test_capacity_has_a_bar_for_each_limit(phase_2: Result) -> None:
    assert phase_2.capacity is not None
    used = [each for each in phase_2.capacity.limits if each.utilisation is not None]
    shown = data(plot(phase_2, "performance", "capacity"))
    assert [label.partition(":")[0] for label in shown["l"]] == [each.name for each in used]
    assert shown["s"][0]["v"] == [pytest.approx((each.utilisation or 0) * 100, abs=0.006) for each in used]
