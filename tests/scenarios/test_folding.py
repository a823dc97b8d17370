"""How a story is folded, and what is left of two long texts that differ."""

import re
from itertools import product
from pathlib import Path

import pytest

from drsim.scenarios.explanation import around_difference, difference, shortened
from drsim.scenarios.failure import read
from drsim.scenarios.narration import Line

CORPUS = Path(__file__).parent.parent / "corpus"


def round_of(minute: int, *, job: str = "PENDING") -> list[Line]:
    at_us = minute * 60_000_000
    return [
        Line(at_us, f"finder looks: {minute} items", "look"),
        Line(at_us + 1, f"poller asks DRS: {job}", "call"),
        Line(at_us + 2, f"poller writes: nothing but LastPolledTime, version {minute}"),
        Line(at_us + 3, f"poller logs: version {minute}", "log"),
    ]


def test_rounds_that_change_nothing_are_folded_into_the_last_one() -> None:
    lines = [line for minute in range(1, 6) for line in round_of(minute)]
    assert shortened(lines) == [Line(60_000_000, "... 5 times from here: the next 4 lines", "more"), *round_of(5)]


def test_rounds_in_which_a_fault_repeats_are_folded() -> None:
    def fails(minute: int) -> list[Line]:
        fault = Line(minute, f"FAULT denied at Invoke in run {minute} of ExecutionFinder", "fault")
        return [Line(minute, "finder looks: 2 items", "look"), fault]

    lines = [line for minute in range(1, 5) for line in fails(minute)]
    assert shortened(lines) == [Line(1, "... 4 times from here: the next 2 lines", "more"), *fails(4)]


def test_rounds_that_begin_with_repeated_looks_are_counted_as_rounds() -> None:
    lines: list[Line] = []
    for minute in (1, 5, 9):
        lines += [Line(minute + each, "finder looks: 1 item; starts no poll", "look") for each in range(3)]
        lines.append(Line(minute + 3, "poller asks DRS: PENDING", "call"))
    assert shortened(lines) == [
        Line(1, "... 3 times from here: the next 2 lines", "more"),
        Line(11, "finder looks: 1 item; starts no poll (3 times since 0.000 s)", "look"),
        Line(12, "poller asks DRS: PENDING", "call"),
    ]


def test_round_with_another_answer_of_drs_is_not_folded() -> None:
    lines = [*round_of(1), *round_of(2, job="STARTED"), *round_of(3)]
    assert shortened(lines) == lines


def test_round_that_is_folded_begins_with_its_look() -> None:
    lines = [Line(1, "poller logs: version 0", "log"), *round_of(1), *round_of(2)]
    assert [line.text for line in shortened(lines)[:3]] == [
        "poller logs: version 0",
        "... 2 times from here: the next 4 lines",
        "finder looks: 2 items",
    ]


def test_equal_lines_are_folded_and_lines_with_other_figures_are_not() -> None:
    lines = [Line(at_us, "DRS knows no job of wave 1", "log") for at_us in (1_000, 2_000, 3_000)]
    other = Line(4_000, "DRS knows no job of wave 2", "log")
    assert shortened([*lines, other]) == [
        Line(3_000, "DRS knows no job of wave 1 (3 times since 0.001 s)", "log"),
        other,
    ]


def letters(text: str) -> list[Line]:
    """One line per letter; A is a look."""
    return [Line(at_us, each, "look" if each == "A" else "write") for at_us, each in enumerate(text)]


def unfolded(lines: list[Line]) -> str:
    """The letters that a reader takes the folded lines to stand for."""
    read = ""
    while lines:
        line, *lines = lines
        if found := re.fullmatch(r"\.\.\. (\d+) times from here: the next (\d+) lines", line.text):
            times, count = map(int, found.groups())
            read += unfolded(lines[:count]) * times
            lines = lines[count:]
        else:
            repeated = re.search(r"\((\d+) times", line.text)
            read += line.text[0] * (int(repeated[1]) if repeated else 1)
    return read


@pytest.mark.parametrize(
    "text",
    ["ABABABCABC", "ABABABABABCABABABABC", "ABCDABCDCD", "ABBABBB", "ABBBAB", "ACBCBACBCB", "ABABCABABCABABCAAB"],
)
def test_folded_lines_stand_for_each_line_of_the_run(text: str) -> None:
    assert unfolded(shortened(letters(text))) == text


def test_any_folded_lines_stand_for_each_line_of_the_run() -> None:
    for each in product("ABC", repeat=7):
        text = "".join(each)
        assert unfolded(shortened(letters(text))) == text


def test_rounds_within_rounds_are_folded() -> None:
    assert [line.text for line in shortened(letters("ACBCBACBCB"))] == [
        "... 2 times from here: the next 4 lines",
        "A",
        "... 2 times from here: the next 2 lines",
        "C",
        "B",
    ]


# --- what is left of long stories -----------------------------------------------------------------------------------


def different(count: int, begin: int = 0) -> list[Line]:
    """Lines of which none repeats another."""
    return [Line(begin + number, f"line {begin + number}") for number in range(count)]


@pytest.mark.parametrize("before", range(1, 12))
@pytest.mark.parametrize("after", [20, 25, 26, 27, 28, 40])
def test_rounds_of_a_long_story_are_shown_or_left_out_as_a_whole(before: int, after: int) -> None:
    rounds = [line for minute in range(1, 6) for line in round_of(minute)]
    lines = shortened([*different(before), *rounds, *different(after, 100)])
    for at, line in enumerate(lines):
        if "times from here" in line.text:
            assert lines[at + 1 : at + 5] == round_of(5)
    headers = sum("times from here" in line.text for line in lines)
    assert sum(line in round_of(5) for line in lines) == 4 * headers
    assert len(lines) <= 33


def test_fault_in_the_middle_of_a_long_story_stays_with_its_rounds() -> None:
    def fails(minute: int) -> list[Line]:
        fault = Line(minute, f"FAULT denied at Invoke in run {minute} of ExecutionFinder", "fault")
        return [Line(minute, "finder looks: 2 items", "look"), fault]

    faults = [line for minute in range(50, 54) for line in fails(minute)]
    assert shortened([*different(8), *faults, *different(40, 100)])[4:9] == [
        Line(4, "... 4 more lines", "more"),
        Line(50, "... 4 times from here: the next 2 lines", "more"),
        *fails(53),
        Line(100, "... 12 more lines", "more"),
    ]


# --- differences --------------------------------------------------------------------------------------------------


def test_long_difference_shows_where_it_differs() -> None:
    waves = "waves=" + " ".join(f"{number}:COMPLETED:drsjob-{number:017}" for number in range(100))
    head = "300.391 s ItemChanged writer=ExecutionPoller"
    fails, passes = around_difference(f"{head} {waves} end=1 {waves}", f"{head} {waves} end=2 {waves}")
    assert fails.replace("end=1", "end=2") == passes
    assert "end=1" in fails
    assert "end=2" in passes
    assert fails.startswith("300.391 s ItemChanged writer=Execution")
    assert len(fails) < 210


def test_short_difference_is_shown_whole() -> None:
    texts = ("1.000 s Throttled function=ExecutionFinder", "1.000 s LambdaStarted function=ExecutionFinder")
    assert around_difference(*texts) == texts


def test_long_text_that_begins_as_the_other_one_keeps_its_end() -> None:
    text = "x" * 30 + " " + "y" * 300
    assert around_difference(text, f"{text} more")[1].endswith(" more")


def test_difference_is_no_mere_name_of_the_injected_fault() -> None:
    found = difference(read(CORPUS / "FailsWhatItCannotFind.yaml"))
    assert found is not None
    assert found.fails.split()[2] == found.passes.split()[2] == "JobsDescribed"
