"""Charts: what is drawn lies where its value says, whatever the values and labels are."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsim.reports.charts import Bar, Mark, Point, Series, Span, bars, distribution, ranges, stacked, timeline
from drsim.reports.charts.drawing import HEIGHT, WIDTH
from drsim.reports.charts.histograms import Cell, cells_of, cumulated, shares_of
from drsim.scenarios.result import Distribution, Result
from tests.reports.pieces import Pieces, points

START = 1764361920  # 20:32:00
HOSTILE = "</script><b onclick='x'>\"&\u202e\x00" + "x" * 10_000


def minutes(*values: float | None, **options: object) -> Series:
    return Series(label="a", points=[(START + 60 * index, value) for index, value in enumerate(values)], **options)  # type: ignore[arg-type]


def corners(chart: Pieces, *kinds: str) -> list[tuple[float, float]]:
    """The corners of all paths of these kinds."""
    return [at for kind in kinds for path in chart.paths(kind) for part in points(path) for at in part]


def within(chart: Pieces, *kinds: str) -> bool:
    """Whether they lie in the plot; the width of a box is rounded by itself."""
    return all(0 <= x <= WIDTH + 0.1 and 0 <= y <= HEIGHT for x, y in corners(chart, *kinds))


def spread(*histogram: tuple[float, int], unit: str = "ms") -> Distribution:
    """A distribution of just these values."""
    values = sorted(value for value, count in histogram for _ in range(count))
    at = [values[math.ceil(len(values) * share) - 1] for share in (0.5, 0.95, 0.99)]
    mean = sum(values) / len(values)
    return Distribution(
        title="T", unit=unit, basis="observed", count=len(values), min=values[0], mean=mean, p50=at[0], p95=at[1],
        p99=at[2], max=values[-1], histogram=histogram,
    )  # fmt: skip


def test_point_is_drawn_at_its_time_and_value() -> None:
    chart = Pieces(timeline("n", "t", [minutes(0, 50, 100)]))
    assert points(chart.paths("line")[0]) == [[(0, HEIGHT), (WIDTH / 2, HEIGHT / 2), (WIDTH, 0)]]
    assert points(chart.paths("area")[0]) == [
        [(0, HEIGHT), (WIDTH / 2, HEIGHT / 2), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)]
    ]
    assert [found["style"] for found in chart.all("i")][:6] == [
        f"top:{at}%" for at in (100.0, 80.0, 60.0, 40.0, 20.0, 0.0)
    ]
    assert chart.data()["s"][0]["v"] == [0, 50, 100]
    assert chart.data()["x"] == [0, 60, 120]


def test_steps_keep_their_value_until_the_next() -> None:
    chart = Pieces(timeline("n", "t", [minutes(0, 100, style="step"), Series(label="b", points=[(START + 30, 100.0)])]))
    assert points(chart.paths("line")[0]) == [[(0, HEIGHT), (WIDTH, HEIGHT), (WIDTH, 0)]]
    assert chart.data()["s"][0]["v"] == [0, 0, 100]
    assert chart.data()["s"][1]["v"] == [None, 100, None]


def test_line_breaks_at_gaps_and_a_point_between_two_is_a_dot() -> None:
    chart = Pieces(timeline("n", "t", [minutes(1, 2, None, 3, None, 4, 5)]))
    assert [len(part) for part in points(chart.paths("line")[0])] == [2, 2]
    assert points(chart.paths("dots")[0]) == [[(WIDTH / 2, HEIGHT * 0.4)] * 2]
    far = Series(label="a", points=[(START, 1.0), (START + 60, 1.0), (START + 180, 1.0), (START + 240, 1.0)])
    assert len(points(Pieces(timeline("n", "t", [far], gap_seconds=90)).paths("line")[0])) == 2
    assert len(points(Pieces(timeline("n", "t", [far])).paths("line")[0])) == 1


def test_right_axis_has_its_own_scale_and_unit() -> None:
    left, right = minutes(0, 1), minutes(0, 20_000, right=True)
    chart = Pieces(timeline("n", "t", [left, right], unit_right="ms"))
    assert points(chart.paths("line")[0]) == points(chart.paths("line")[1])
    assert "s" in chart.texts
    assert chart.data()["s"][1]["v"] == [0, 20]


def test_near_limit_is_a_line_and_a_far_one_an_arrow() -> None:
    marks = [Mark(label="near", value=120), Mark(label="far", value=1e5), Mark(label="deep", value=-1e5)]
    chart = Pieces(timeline("n", "t", [minutes(0, 100)], unit="ms", marks=marks))
    assert points(chart.paths("mark")[0]) == [[(0, HEIGHT / 5), (WIDTH, HEIGHT / 5)]]
    assert {"near 120 ms", "↑ far 100 s", "↓ deep -100 s"} <= set(chart.texts)


def test_limit_at_any_distance_is_a_line_if_all_values_are_zero() -> None:
    chart = Pieces(timeline("n", "t", [minutes(0, 0)], marks=[Mark(label="limit", value=1000)]))
    assert points(chart.paths("mark")[0]) == [[(0, 0), (WIDTH, 0)]]
    assert {"limit 1,000", "2 values from 20:32 to 20:33; all 0."} <= set(chart.texts)


def test_spans_are_shaded_from_start_to_end_and_named_once() -> None:
    spans = [Span(label="ALARM", start=START + 60, end=START + 120), Span(label="ALARM", start=START + 180, end=None)]
    chart = Pieces(timeline("n", "t", [minutes(1, 2, 3, 4, 5)], spans=[*spans, Span(label="ALARM", start=0, end=1)]))
    first, last = (points(path)[0] for path in chart.paths("span"))
    assert (first[0][0], first[1][0]) == (WIDTH / 4, WIDTH / 2)
    assert (last[0][0], last[1][0]) == (WIDTH * 3 / 4, WIDTH)
    assert chart.texts.count("ALARM") == 1


def test_bars_are_stacked() -> None:
    chart = Pieces(stacked("n", "t", [minutes(2, 4), minutes(3, 0)]))
    lower, upper = (points(path) for path in chart.paths("bars"))
    assert len(upper) == 1
    assert [part[0][1] for part in lower] == [HEIGHT * 3 / 5, HEIGHT / 5]
    assert upper[0][0][1] == 0
    assert upper[0][2][1] == lower[0][0][1]
    assert upper[0][0][0] == lower[0][0][0]


@pytest.mark.parametrize("values", [(), (5,), (None,), (7, 7, 7), (0, 0), (-3, -1), (1e18, 1), (1e-9, 2e-9)])
def test_extreme_values_are_drawn_within_the_plot(values: tuple[float | None, ...]) -> None:
    chart = Pieces(timeline("n", "t", [minutes(*values)]))
    assert bool(corners(chart, "line", "dots")) == any(value is not None for value in values)
    assert within(chart, "line", "dots", "area")


def test_value_that_is_not_finite_is_a_gap() -> None:
    chart = Pieces(timeline("n", "t", [minutes(1, math.nan, 3, math.inf, 1e305, 2)]))
    assert chart.data()["s"][0]["v"] == [1, None, 3, None, None, 2]


@given(
    st.lists(st.tuples(st.floats(allow_nan=False), st.none() | st.floats()), max_size=20),
    st.lists(st.tuples(st.floats(allow_nan=False), st.none() | st.floats()), max_size=20),
    st.lists(st.floats(), max_size=3),
)
@settings(max_examples=50)
@pytest.mark.slow
def test_any_values_at_any_time_are_drawn_within_the_plot(
    left: list[Point], right: list[Point], limits: list[float]
) -> None:
    series = [
        Series(label="left", points=sorted(left, key=lambda point: point[0])),
        Series(label="right", points=sorted(right, key=lambda point: point[0]), right=True),
    ]
    chart = Pieces(timeline("n", "t", series, marks=[Mark(label="m", value=value) for value in limits]))
    assert within(chart, "line", "dots")


@pytest.mark.slow
def test_long_line_keeps_its_extremes_and_its_summary() -> None:
    values = [float(index % 100) for index in range(20_000)]
    values[12_345] = 5000
    chart = timeline("n", "t", [minutes(*values)])
    assert len(chart) < 25_000
    assert 5000 in Pieces(chart).data()["s"][0]["v"]
    assert any(text.startswith("20000 values from 28 Nov 20:32 to 12 Dec") for text in Pieces(chart).texts)


def test_summary_has_count_period_and_highest_value() -> None:
    chart = Pieces(timeline("n", "t", [minutes(1, 100, 2)], unit="ms"))
    assert "3 values from 20:32 to 20:34; highest 100 ms at 20:33." in chart.texts
    assert "1 value at 20:32: 7." in Pieces(timeline("n", "t", [minutes(7)])).texts
    assert "No values." in Pieces(timeline("n", "t", [])).texts


def test_histogram_has_each_value_in_its_step() -> None:
    # At two digits 99 stands for 98.5 to 99.5 and 110 for 105 to 115; each share must be right all the same.
    shown = Pieces(distribution("n", "t", {"a": spread((20, 10), (99, 10), (110, 20))}))
    data = shown.data()
    by_label = {label: value for label, value in zip(data["l"], data["s"][0]["v"], strict=True) if value}
    assert by_label == {"20 to 30\xa0ms": 25, "90 to 100\xa0ms": 25, "100 to 110\xa0ms": 50}
    assert {"p50 99 ms", "p95, p99 110 ms"} <= set(shown.texts)


@pytest.mark.parametrize(("least", "low", "high"), [(100, 109.5, 110.5), (10, 105, 115)])
def test_value_stands_for_less_if_values_are_close_together(least: float, low: float, high: float) -> None:
    cell = list(cells_of(spread((least, 1), (110, 7), (130, 1))))[1]
    assert cell == Cell(low, high, 7, high - low)


def test_value_is_spread_over_the_steps_that_it_touches() -> None:
    assert shares_of([Cell(105, 115, 40, 10), Cell(120, 120, 10, 10)], [100, 110, 112, 120]) == [0.4, 0.16, 0.44]


def test_curve_rises_within_a_cell_and_is_level_between_two() -> None:
    assert cumulated([Cell(1, 2, 1, 1), Cell(5, 6, 3, 1)]) == [(1, 0), (2, 0.25), (5, 0.25), (6, 1)]


def test_equal_values_are_one_bar_with_its_value_in_the_middle() -> None:
    shown = Pieces(distribution("n", "t", {"a": spread((60_000, 27))}))
    (bar,) = points(shown.paths("bars")[0])
    (mark,) = points(shown.paths("mark")[0])
    assert mark[0][0] == pytest.approx((bar[0][0] + bar[1][0]) / 2, abs=1)
    assert "27 values, all 60 s." in shown.texts


def test_curves_rise_to_all_values() -> None:
    found = {"fast": spread((10, 50), (30, 50)), "slow": spread((20, 1), (50, 1))}
    data = Pieces(distribution("n", "t", found)).data()
    fast, slow = (series["v"] for series in data["s"])
    assert fast == sorted(fast)
    assert slow == sorted(slow)
    assert (fast[0], slow[0]) == (50, 0)
    assert (fast[-1], slow[-1]) == (100, 100)
    at = data["l"].index("up to 30\xa0ms")
    assert (fast[at], slow[at]) == (100, 50)


def test_values_over_more_than_two_decades_have_a_logarithmic_axis() -> None:
    shown = Pieces(distribution("n", "t", {"a": spread((1, 5), (32, 5), (1000, 5))}))
    assert {"1 ms", "1 s"} <= set(shown.texts)
    marks = [part[0][0] for path in shown.paths("mark") for part in points(path)]
    assert marks[0] == pytest.approx(WIDTH * math.log10(32) / 3, abs=1)


def test_labels_of_upright_marks_do_not_overlap() -> None:
    marks = [Mark(label=f"limit {value}", value=value) for value in range(10, 100, 3)]
    notes = Pieces(distribution("n", "t", {"a": spread((10, 1), (99, 1))}, marks=marks)).all("span", "upright")
    assert len(notes) == 32
    places = {note["style"].split(";--c")[0] for note in notes}
    assert len(places) == 32


def test_ranges_have_a_row_for_each_distribution(phase_2: Result) -> None:
    found = {name: each for name, each in phase_2.metrics.distributions.items() if name.startswith("UpdateItem")}
    shown = Pieces(ranges("n", "t", found))
    assert len(shown.paths("whisker")) == len(shown.paths("box")) == len(found) == 2
    assert set(found) <= set(shown.texts)
    for whisker, dot in zip(shown.paths("whisker"), shown.paths("dots"), strict=True):
        (least, largest), (median, _) = points(whisker)[0], points(dot)[0]
        assert least[0] <= median[0] <= largest[0]
        assert least[1] == median[1]


@pytest.mark.slow
@pytest.mark.parametrize("labels", [("a",), ("a", "b")])
def test_every_distribution_of_a_run_can_be_shown(phase_2: Result, labels: tuple[str, ...]) -> None:
    for name, each in phase_2.metrics.distributions.items():
        chart = distribution(name, name, dict.fromkeys(labels, each))
        assert corners(Pieces(chart), "bars", "line")
        assert within(Pieces(chart), "bars", "line")
        assert len(chart) < 8000 * len(labels)


def test_chart_without_values_shows_that_there_are_none() -> None:
    for chart in (timeline("n", "t", []), stacked("n", "t", []), distribution("n", "t", {}), ranges("n", "t", {})):
        assert "empty" in Pieces(chart).all("figure")[0]["class"].split()
        assert "No values." in Pieces(chart).texts


@pytest.mark.slow
def test_hostile_labels_stay_text() -> None:
    series = [Series(label=HOSTILE, points=[(START, 1.0), (START + 60, 2.0)]), minutes(1, 2)]
    mark, span = Mark(label=HOSTILE, value=1), Span(label=HOSTILE, start=START, end=None)
    found = {HOSTILE: spread((1, 1), (2, 2), unit=HOSTILE), "other": spread((1, 1))}
    for chart in (
        timeline(HOSTILE, HOSTILE, series, marks=[mark], spans=[span], unit=HOSTILE, basis=HOSTILE),
        stacked(HOSTILE, HOSTILE, series, basis=HOSTILE),
        distribution(HOSTILE, HOSTILE, found, marks=[mark]),
        ranges(HOSTILE, HOSTILE, found, marks=[mark]),
    ):
        shown = Pieces(chart)
        assert not shown.all("b", "x")
        assert all("onclick" not in found for _, found in shown.elements)
        assert len(shown.scripts) == 1
        assert shown.data()["s"]
        assert "\u202e" not in chart
        assert "\x00" not in chart
        assert "\\u202e" in chart.lower()
        assert len(chart) < 20_000


def test_figure_is_named_and_described() -> None:
    shown = Pieces(timeline("polls per minute", "Polls", [minutes(1, 2)]))
    figure = shown.all("figure")[0]
    assert figure["id"] == "polls-per-minute"
    ids = {found.get("id") for _, found in shown.elements}
    assert {figure["aria-labelledby"], figure["aria-describedby"]} <= ids


def test_same_data_give_the_same_bytes(phase_2: Result) -> None:
    found = phase_2.metrics.distributions
    assert ranges("n", "t", found) == ranges("n", "t", dict(found))
    assert timeline("n", "t", [minutes(1, 2, 3)]) == timeline("n", "t", [minutes(1, 2, 3)])


@pytest.mark.parametrize("values", [(), (0, 0, 0), (7,), (None, 3, 3)])
def test_line_without_change_is_a_row(values: tuple[float | None, ...]) -> None:
    chart = Pieces(timeline("n", "t", [minutes(*values)], marks=[Mark(label="limit", value=5)]))
    assert "flat" in chart.all("figure")[0]["class"].split()
    assert "limit 5" in chart.texts


def test_line_that_changes_or_has_a_shaded_time_is_a_plot() -> None:
    for chart in (
        timeline("n", "t", [minutes(1, 2)]),
        timeline("n", "t", [minutes(1, 1)], spans=[Span(label="ALARM", start=START, end=None)]),
    ):
        assert "flat" not in Pieces(chart).all("figure")[0]["class"].split()


def test_single_value_is_a_row_and_no_distribution() -> None:
    one, two = (Pieces(distribution("n", "t", {"": spread(*values)})) for values in ([(5.0, 1)], [(5.0, 1), (9.0, 1)]))
    assert "flat" in one.all("figure")[0]["class"].split()
    assert "flat" not in two.all("figure")[0]["class"].split()


def test_bars_are_as_long_as_their_shares_and_marked_at_the_limit() -> None:
    chart = Pieces(bars("n", "t", [Bar("a", 50, "1 of 2", "all at 9"), Bar("b", 120, "6 of 5", "reached")]))
    first, second = (points(path)[0] for path in chart.paths("bars"))
    width = points(chart.paths("mark")[0])[0][0][0]
    assert first[1][0] - first[0][0] == pytest.approx(width / 2, abs=1)
    assert second[1][0] > width
    assert {"50%, all at 9", "120%, reached", "Most used: b, 6 of 5."} <= set(chart.texts)
