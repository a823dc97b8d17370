"""Comparisons of real runs: what is worse, what differs clearly, and the sentences about it."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from drsim.reports.comparing import documents, wording
from drsim.reports.comparing.comparison import Compared, Comparison, compare, in_common
from drsim.reports.comparing.effect import Effect
from drsim.reports.comparing.regressions import Judgement, direction
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.simulator.durations import number
from tests.catalogue import run_of

HOSTILE = "<script>alert(1)</script>\u202e\x00&\"'" + "x" * 10_000


def drill(seed: int, *changes: str) -> Result:
    return run(load("drill", changes), seed=seed).result


def altered(result: Result, **parts: Any) -> Result:
    """A result with other values, validated again."""
    return Result.model_validate(result.model_dump() | parts)


def failing(result: Result, criterion: str) -> Result:
    criteria = [
        each.model_copy(update={"verdict": "fail"}) if each.name == criterion else each for each in result.criteria
    ]
    return altered(result, verdict="fail", criteria=[each.model_dump() for each in criteria])


def moved(comparison: Comparison) -> dict[str, str]:
    return {each.name: each.change for each in comparison.judged if each.moved}


def named(comparison: Comparison, name: str) -> Compared:
    return next(each for each in comparison.distributions if each.name == name)


@pytest.fixture(scope="module")
def seeds() -> list[Result]:
    return [drill(seed) for seed in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def slow_seeds() -> list[Result]:
    return [drill(seed, "latencies.update_warm=100ms..150ms") for seed in (11, 12, 13)]


def test_run_compared_with_itself_is_identical_despite_host_time(seeds: list[Result]) -> None:
    again = altered(seeds[0], wall_seconds=99.0, replay="another")
    comparison = compare(seeds[:1], [again])
    assert comparison.identical
    assert comparison.same_traces
    assert moved(comparison) == {}
    assert (comparison.distributions, comparison.counts, comparison.settings) == ((), (), ())
    assert wording.headline(comparison) == "Identical runs: nothing but the host's time differs"
    assert list(wording.notes(comparison)) == []


def test_sets_with_the_same_runs_in_another_order_are_identical(seeds: list[Result]) -> None:
    assert compare(seeds, seeds[::-1]).identical
    assert not compare(seeds, seeds[:-1]).identical


def test_tighter_bound_on_the_same_trace_is_worse(seeds: list[Result]) -> None:
    comparison = compare(seeds[:1], [drill(1, "bounds.completion=0s")])
    assert comparison.same_traces
    assert not comparison.identical
    assert moved(comparison) == {
        "verdict": "worse",
        "Executions complete with DRS's truth": "worse",
        "completion-liveness": "worse",
    }
    assert [(each.name, each.a, each.b) for each in comparison.settings] == [("bounds.completion", None, "0s")]
    assert wording.headline(comparison) == "Worse: the verdict, 1 criterion and 1 property"
    assert any("same to the last byte" in note for note in wording.notes(comparison))
    back = compare([drill(1, "bounds.completion=0s")], seeds[:1])
    assert set(moved(back).values()) == {"better"}
    criterion = next(each for each in comparison.judged if each.name.startswith("Executions complete"))
    assert wording.reason(criterion, criterion.b).endswith("(threshold: each, within 0 s)")


def test_runs_without_a_trace_are_not_identical() -> None:
    bare = drill(1).model_copy(update={"trace": "off", "trace_digest": None})
    other = drill(2).model_copy(update={"trace": "off", "trace_digest": None})
    assert not compare([bare], [other]).same_traces
    assert compare([bare, other], [other, bare]).distributions


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("pass", "fail", "worse"),
        ("pass", "not exercised", "worse"),
        ("pass", "unknown", "worse"),
        ("pass", "absent", "worse"),
        ("not exercised", "fail", "worse"),
        ("absent", "fail", "worse"),
        ("fail", "pass", "better"),
        ("not exercised", "pass", "better"),
        ("fail", "not exercised", "changed"),
        ("not exercised", "absent", "changed"),
        ("fail", "fail", "same"),
    ],
)
def test_the_direction_of_a_change(before: str, after: str, change: str) -> None:
    assert direction(before, after) == change


def test_criterion_of_one_side_is_absent_from_the_other(seeds: list[Result]) -> None:
    newer = seeds[0]
    older = altered(newer, criteria=[each.model_dump() for each in newer.criteria[1:]])
    name = newer.criteria[0].name
    assert moved(compare([older], [newer])) == {name: "better"}
    assert moved(compare([newer], [older])) == {name: "worse"}
    (gone,) = (each for each in compare([newer], [older]).judged if each.name == name)
    assert (gone.b.verdict, gone.b.value) == ("absent", "")


def test_one_failing_run_makes_a_set_worse_and_shows_its_rate(seeds: list[Result]) -> None:
    name = seeds[0].criteria[1].name
    comparison = compare(seeds, [*seeds[:3], failing(seeds[3], name)])
    assert moved(comparison) == {"verdict": "worse", name: "worse"}
    judged = next(each for each in comparison.judged if each.name == name)
    assert (judged.b.passed, judged.b.judged, judged.b.runs, judged.b.seed) == (3, 4, 4, 4)
    assert wording.outcome(judged.a) == "4 of 4 passed"
    assert wording.outcome(judged.b) == "3 of 4 passed"


def rates(a: tuple[int, int], b: tuple[int, int], results: Sequence[Result]) -> Judgement:
    """A criterion that passes in the given number of runs on each side: passed, runs."""
    name = results[0].criteria[0].name
    good, bad = results[0], failing(results[0], name)
    sides = [[*[good] * passed, *[bad] * (runs - passed)] for passed, runs in (a, b)]
    return next(each for each in compare(*sides).judged if each.name == name)


def test_two_failing_sides_differ_only_if_the_rate_fell_beyond_chance(seeds: list[Result]) -> None:
    assert rates((9, 10), (8, 10), seeds).change == "same"
    assert rates((9, 10), (8, 10), seeds).moved
    assert rates((9, 10), (1, 10), seeds).change == "worse"
    assert rates((1, 10), (9, 10), seeds).change == "better"
    assert not rates((1, 2), (5, 10), seeds).moved


def test_changed_latency_is_a_clear_difference_only_where_it_acts(seeds: list[Result]) -> None:
    comparison = compare(seeds[:1], [drill(1, "latencies.update_warm=100ms..150ms")])
    assert {each.name for each in comparison.distributions if each.clear} == {
        "UpdateItem.warm",
        "ExecutionPoller.warm",
        "poll_delay",
    }
    update = comparison.distributions[0]
    assert update.name == "UpdateItem.warm"
    assert update.effect
    assert update.effect.superiority == 1.0
    assert update.shift == pytest.approx(60, abs=0.1)
    assert wording.difference(update) == "B's is longer in 100 % of pairs (95 % confidence: 90-100 %)"
    assert wording.shift(update) == "+60 ms"
    assert wording.difference(named(comparison, "GetItem.warm")) == "the same values"
    assert any("assume independent values in a run" in note for note in wording.notes(comparison))


def test_swapped_sides_show_a_shorter_latency() -> None:
    comparison = compare([drill(1, "latencies.update_warm=100ms..150ms")], [drill(1)])
    assert (
        wording.difference(comparison.distributions[0])
        == "B's is shorter in 100 % of pairs (95 % confidence: 90-100 %)"
    )
    assert wording.shift(comparison.distributions[0]) == "-60 ms"


def test_changed_latency_is_clear_between_sets_of_other_seeds(seeds: list[Result], slow_seeds: list[Result]) -> None:
    comparison = compare(seeds, slow_seeds)
    clear = [each for each in comparison.distributions if each.clear]
    assert [each.name for each in clear] == ["UpdateItem.warm", "ExecutionPoller.warm", "poll_delay"]
    assert all(each.effect and each.effect.by_run for each in clear)
    update = clear[0]
    assert update.a
    assert update.a.count == sum(each.metrics.distributions["UpdateItem.warm"].count for each in seeds)
    assert update.a.max == max(each.metrics.distributions["UpdateItem.warm"].max for each in seeds)
    assert 40 <= update.a.p50 <= update.a.mean + 10 <= 90
    assert any("spread between runs" in note for note in wording.notes(comparison))
    assert wording.whose(comparison.b) == "drill, seeds 11-13"


@pytest.mark.slow
def test_other_seeds_of_a_scenario_rarely_differ_clearly() -> None:
    runs = [run_of("phase-2", seed).result for seed in range(1, 9)]
    effects = [
        each.effect
        for a, b in zip(runs[::2], runs[1::2], strict=True)
        for each in compare([a], [b]).distributions
        if each.effect
    ]
    assert len(effects) > 80
    assert sum(each.clear for each in effects) / len(effects) < 0.1
    assert not any(each.clear for each in (item.effect for item in compare(runs[:4], runs[4:]).distributions) if each)


@pytest.mark.slow
def test_values_drawn_from_seeds_are_no_settings_of_a_set() -> None:
    runs = [run_of("chaos", seed).result for seed in (1, 2, 3)]
    assert {each.name.partition(".")[0] for each in compare(runs[:1], runs[1:2]).settings} == {"faults"}
    assert compare(runs[:2], runs[2:]).settings == compare(runs[2:], runs[:2]).settings == ()


def test_executions_with_another_final_status_are_listed() -> None:
    comparison = compare([drill(1)], [drill(1, "duration=10m")])
    (changed,) = comparison.executions
    assert (changed.a_status, changed.b_status) == ("COMPLETED", "POLLING")
    assert changed.a_polls > changed.b_polls > 0
    counts = {each.name: (each.a, each.b) for each in comparison.counts}
    assert counts["executions.COMPLETED"] == (1, 0)
    assert counts["executions.POLLING"] == (0, 1)


def test_counts_of_sets_are_means_of_their_runs(seeds: list[Result]) -> None:
    counts = {each.name: each for each in compare(seeds[:1], seeds).counts}
    polls = [each.metrics.counts["polls_recorded"] for each in seeds]
    assert (counts["polls_recorded"].a, counts["polls_recorded"].b) == (polls[0], sum(polls) / 4)


def test_single_scenarios_are_compared_despite_other_names(seeds: list[Result]) -> None:
    other = altered(seeds[0], scenario="other")
    assert in_common(seeds, [other]) == [(seeds, [other])]
    comparison = compare(seeds, [other])
    assert "Two scenarios are compared, drill and other: they may differ in anything." in wording.notes(comparison)


def test_scenarios_on_both_sides_are_compared(seeds: list[Result]) -> None:
    idle = run_of("idle").result
    assert in_common([*seeds, idle], [seeds[0]]) == [(seeds, [seeds[0]])]
    assert in_common([*seeds, altered(idle, scenario="a")], [altered(idle, scenario="b"), idle]) == []


def test_sides_without_values_or_with_other_units_have_no_effect(seeds: list[Result]) -> None:
    idle = run_of("idle").result
    comparison = compare([idle], seeds[:1])
    assert wording.difference(named(comparison, "poll_delay")) == "only B has values"
    assert wording.difference(named(compare(seeds[:1], [idle]), "poll_delay")) == "only A has values"
    metrics = seeds[0].metrics.model_dump()
    metrics["distributions"]["poll_delay"] |= {"unit": "s", "histogram": ((1.0, 1),)}
    other = named(compare(seeds[:1], [altered(seeds[0], metrics=metrics)]), "poll_delay")
    assert wording.difference(other) == "not comparable, since the units differ"
    assert other.shift is None


def test_intervals_are_rounded_outwards_and_narrow_ones_finer() -> None:
    assert wording.percents(0.583, 0.677) == "58-68 %"
    assert wording.percents(0.58, 0.68) == "58-68 %"
    assert wording.percents(0.5031, 0.5118) == "50.3-51.2 %"
    compared = Compared("x", None, None, Effect(0.63, 0.583, 0.677, by_run=True, values_min=5))
    assert compared.clear
    assert not Compared("x", None, None, Effect(0.5, 0.4, 0.6, by_run=True, values_min=5)).clear


@pytest.mark.parametrize(
    ("low", "shown"),
    [
        (0.5042, "52.1 % of pairs (95 % confidence: 50.4-53.9 %)"),
        (0.50001, "52.100 % of pairs (95 % confidence: 50.001-53.820 %)"),
        (0.51, "52 % of pairs (95 % confidence: 51-54 %)"),
    ],
)
def test_interval_that_excludes_one_half_is_shown_without_it(low: float, shown: str) -> None:
    above = Compared("x", None, None, Effect(0.521, low, 0.5382, by_run=False, values_min=900))
    below = Compared("x", None, None, Effect(1 - 0.521, 1 - 0.5382, 1 - low, by_run=False, values_min=900))
    with_half = Compared("x", None, None, Effect(0.521, 0.4999, 0.5382, by_run=False, values_min=900))
    unit = drill(1).metrics.distributions["poll_delay"]
    for compared, word in ((above, "longer"), (below, "shorter")):
        text = wording.difference(Compared("x", unit, unit.model_copy(update={"histogram": ()}), compared.effect))
        assert text == f"B's is {word} in {shown}"
    text = wording.difference(Compared("x", unit, unit.model_copy(update={"histogram": ()}), with_half.effect))
    assert text == "no clear difference (52 % of pairs; 95 % confidence: 49-54 %)"


def test_too_few_values_are_reported_and_never_clear(seeds: list[Result]) -> None:
    few = [named_values(seeds[0], count, shift) for count, shift in ((3, 0.0), (3, 9.0), (5, 0.0), (5, 9.0))]
    three = named(compare(few[:1], few[1:2]), "poll_delay")
    assert three.effect
    assert three.effect.superiority == 1.0
    assert not three.clear
    assert wording.difference(three) == "too few values to tell (3 and 3)"
    assert wording.difference(named(compare(few[:1], few[3:]), "poll_delay")) == "too few values to tell (3 and 5)"
    assert named(compare(few[2:3], few[3:]), "poll_delay").clear
    assert list(wording.notes(compare(few[:1], few[1:2])))[-1] == (
        "No distribution has 5 values or more on both sides: too few to tell a difference."
    )


def named_values(result: Result, count: int, shift: float) -> Result:
    """The result with `count` delays from `shift` on as its only values, and another trace."""
    metrics = result.metrics.model_dump()
    delays = metrics["distributions"]["poll_delay"]
    delays |= {"count": count, "histogram": tuple((shift + number, 1) for number in range(count))}
    metrics["distributions"] = {"poll_delay": delays}
    return altered(result, metrics=metrics, trace_digest=f"{count} {shift}")


def test_long_durations_are_shown_in_larger_units(seeds: list[Result]) -> None:
    def compared(unit: str, before: float, after: float) -> Compared:
        sides = [
            seeds[0]
            .metrics.distributions["poll_delay"]
            .model_copy(update={"unit": unit, "p50": value, "p99": value, "histogram": ((value, 9),)})
            for value in (before, after)
        ]
        return Compared("x", sides[0], sides[1], Effect(0.0, 0.0, 0.2, by_run=False, values_min=9))

    def shown(each: Compared) -> tuple[str, str, str]:
        unit, size = wording.unit_of(each)
        assert each.a
        return number(each.a.p50 / size), unit, wording.shift(each)

    assert shown(compared("ms", 1_375_381, 1_255_406)) == ("22.92", "min", "-120 s")
    assert shown(compared("ms", 60_000, 60_016)) == ("60", "s", "+16 ms")
    assert shown(compared("ms", 63.26, 123.3)) == ("63.26", "ms", "+60.04 ms")
    assert shown(compared("waves", 100_000, 200_000)) == ("100,000", "waves", "+100,000 waves")
    assert shown(compared("\x1b", 1, 2)) == ("1", "\\x1b", "+1 \\x1b")


def hostile(result: Result) -> Result:
    data = result.model_dump()
    data["metrics"]["distributions"] = {HOSTILE: data["metrics"]["distributions"]["poll_delay"]}
    data["metrics"]["configuration"] |= {"title": HOSTILE, HOSTILE: HOSTILE}
    data["metrics"]["executions"] = [{**each, "execution_id": HOSTILE} for each in data["metrics"]["executions"]]
    data["metrics"]["counts"] = {HOSTILE: len(result.metrics.ticks)}
    first, *others = data["criteria"]
    data["criteria"] = [{**first, "name": HOSTILE, "value": HOSTILE + result.verdict}, *others]
    return Result.model_validate(data | {"scenario": HOSTILE})


@pytest.fixture(scope="module")
def hostile_comparison() -> Comparison:
    slow = hostile(drill(1, "latencies.update_warm=100ms..150ms", "duration=10m"))
    return compare([failing(hostile(drill(1)), HOSTILE)], [slow])


def test_page_shows_hostile_text_as_text_and_needs_no_network(hostile_comparison: Comparison) -> None:
    page = documents.render_html([hostile_comparison])
    assert hostile_comparison.executions
    assert hostile_comparison.distributions[0].clear
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in page
    assert len(page) < 150_000
    assert re.findall(r'(?:src|href)="(?!#|data:)', page) == []


def test_page_charts_clear_differences_and_names_what_is_worse(seeds: list[Result]) -> None:
    slow = drill(1, "latencies.update_warm=100ms..150ms", "bounds.completion=0s")
    page = documents.render_html([compare(seeds[:1], [slow])])
    assert "<h1>drill: Worse: the verdict, 1 criterion and 1 property</h1>" in page
    assert '<header class="banner fail">' in page
    figures = re.findall(r'<figure class="chart[^>]*id="([^"]+)"', page)
    assert figures == ["s1-c1", "s1-c2", "s1-c3"]
    assert page.count('<svg class="effect clear"') == 3
    assert "UpdateItem.warm: B&#39;s is longer in 100 % of pairs" in page
    assert "B&#39;s is longer in 100 % of pairs (95 % confidence: 90-100 %)" in page
    assert page == documents.render_html([compare(seeds[:1], [slow])])


def test_a_page_of_several_scenarios_has_a_section_each(seeds: list[Result]) -> None:
    idle = run_of("idle").result
    page = documents.render_html(
        [compare(seeds[:1], [failing(seeds[1], seeds[0].criteria[0].name)]), compare([idle], [idle])]
    )
    assert "<h1>2 scenarios compared, 1 worse</h1>" in page
    assert re.findall(r'<section id="(\w+)"', page) == ["s1", "s2"]
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_json_has_the_sentences_and_the_figures(hostile_comparison: Comparison, seeds: list[Result]) -> None:
    slow = drill(1, "latencies.update_warm=100ms..150ms")
    data = json.loads(documents.render_json([compare(seeds[:1], [slow])]))
    assert data["worse"] is False
    (comparison,) = data["comparisons"]
    update = comparison["distributions"][0]
    assert update["name"] == "UpdateItem.warm"
    assert update["effect"]["cliffs_delta"] == update["effect"]["superiority"] == 1.0
    assert update["difference"] == "B's is longer in 100 % of pairs (95 % confidence: 90-100 %)"
    assert (update["a"]["count"], update["b"]["p50"]) == (21, slow.metrics.distributions["UpdateItem.warm"].p50)
    text = documents.render_json([hostile_comparison])
    assert text.isascii()
    assert json.loads(text)["comparisons"][0]["a"]["scenario"] == HOSTILE
