"""The judgement of ratios: a worse one fails, an equal one passes, and a much better one should be kept."""

import platform
from pathlib import Path

import pytest

from tests.bench import kept
from tests.bench.kept import Better, Ratio, Verdict, better_of, judge

RATE = Ratio("rate of ours / theirs", Better.HIGHER, 2.0)
COST = Ratio("time of a run / yardstick", Better.LOWER, 10.0)
EVENTS = Ratio("kernel events / poll", Better.LOWER, 17_469 / 2_139, exact=True)


def worse(ratio: Ratio, by: float) -> Ratio:
    """The same ratio, worse by this factor. A factor below 1 makes it better."""
    return ratio._replace(value=ratio.value * by if ratio.better is Better.LOWER else ratio.value / by)


@pytest.mark.parametrize("ratio", [RATE, COST])
@pytest.mark.parametrize(
    ("by", "verdict", "fails"),
    [
        (1.0, Verdict.SAME, False),
        (1.29, Verdict.SAME, False),
        (1.31, Verdict.WORSE, True),
        (0.78, Verdict.SAME, False),
        (0.76, Verdict.BETTER, False),
    ],
)
def test_ratio_fails_only_when_over_30_percent_worse(ratio: Ratio, by: float, verdict: Verdict, fails: bool) -> None:
    (judged,) = judge([worse(ratio, by)], {ratio.name: ratio.value})
    assert (judged.verdict, judged.fails) == (verdict, fails)
    assert judged.worse == pytest.approx(by)


def test_failure_names_ratio_both_values_and_command() -> None:
    rate, cost = judge([worse(RATE, 2.0), worse(COST, 1.5)], {RATE.name: 2.0, COST.name: 10.0})
    assert str(rate) == (
        "rate of ours / theirs: 1, kept 2 (higher is better): WORSE by 100%, more than 30%; "
        "if intended: nox -s ratchet -- --keep"
    )
    assert str(cost) == (
        "time of a run / yardstick: 15, kept 10 (lower is better): WORSE by 50%, more than 30%; "
        "if intended: nox -s ratchet -- --keep"
    )


def test_much_better_ratio_asks_to_be_kept() -> None:
    (judged,) = judge([worse(COST, 0.5)], {COST.name: 10.0})
    assert str(judged) == (
        "time of a run / yardstick: 5, kept 10 (lower is better): better by 100%; to keep it: nox -s ratchet -- --keep"
    )


def test_ratio_never_kept_fails_and_names_the_command() -> None:
    (judged,) = judge([RATE], {})
    assert judged.fails
    assert str(judged) == "rate of ours / theirs: 2, not kept; to keep it: nox -s ratchet -- --keep"


def test_ratio_of_counts_fails_when_worse_at_all() -> None:
    kept = {EVENTS.name: EVENTS.value}
    more, same, fewer = (judge([EVENTS._replace(value=events / 2_139)], kept)[0] for events in (17_470, 17_469, 17_468))
    assert [each.verdict for each in (more, same, fewer)] == [Verdict.WORSE, Verdict.SAME, Verdict.BETTER]
    assert [each.fails for each in (more, same, fewer)] == [True, False, False]
    assert str(more) == (
        "kernel events / poll: 8.16737, kept 8.1669 (lower is better): WORSE by 0.00572%, more than 0%; "
        "if intended: nox -s ratchet -- --keep"
    )
    assert str(fewer).endswith("to keep it: nox -s ratchet -- --keep")


def test_kept_ratio_that_is_no_longer_measured_fails() -> None:
    passing, gone = judge([RATE], {RATE.name: 2.0, COST.name: 10.0})
    assert (passing.fails, gone.fails) == (False, True)
    assert str(gone) == (
        "time of a run / yardstick: kept 10, no longer measured; if intended: nox -s ratchet -- --keep"
    )


def test_better_of_two_measurements_counts() -> None:
    assert better_of([RATE, worse(COST, 2)], [worse(RATE, 2), COST]) == [RATE, COST]
    assert better_of([worse(RATE, 2), COST], [RATE, worse(COST, 2)]) == [RATE, COST]


def test_kept_ratios_are_read_back_with_their_python_and_pass(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    assert kept.read(file) == ("", {})
    kept.write([RATE, COST._replace(value=12.3456), EVENTS], file)
    python, ratios = kept.read(file)
    assert python == platform.python_version()
    assert ratios == {RATE.name: 2.0, COST.name: 12.3, EVENTS.name: EVENTS.value}
    assert not any(each.fails for each in judge([RATE, COST, EVENTS], ratios))
