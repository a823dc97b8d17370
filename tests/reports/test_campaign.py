"""The figures and the words of an exploration's report, from its summary alone."""

from pathlib import Path

import pytest

from drsim.reports.campaign import (
    CampaignSummary,
    percent,
    rate_sentence,
    recovery_chart,
    render_html,
    render_markdown,
    strip,
)
from drsim.reports.comparing.effect import wilson
from drsim.reports.markdown import fenced
from drsim.scenarios.campaign import Campaign, Explored, Header
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.files import load


@pytest.fixture
def quiet() -> CampaignSummary:
    """Forty seeds in which nothing failed."""
    plain = load("chaos").model_copy(update={"swarm": None, "faults": ()})
    header = Header(scenario=plain, parts="", code="0123456789abcdef0123")
    explored = Explored(first=1, last=40, compared=2)
    return CampaignSummary(header, Campaign([explored]), Path("runs/explore-chaos"), run=[(1, 40)], missing=[])


def failing(*seeds: int) -> Campaign:
    """Forty seeds of which these failed."""
    found = (
        Contradiction(seed=seed, property="isolation", execution_id="", at_us=0, expected="", observed="")
        for seed in seeds
    )
    return Campaign([Explored(first=1, last=40, failures=tuple(found))])


@pytest.mark.parametrize(
    ("failed", "count", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 1998, table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_the_interval_is_wilsons_as_published(failed: int, count: int, low: float, high: float) -> None:
    assert wilson(failed, count) == pytest.approx((low, high), abs=0.00006)


def test_rate_is_bounded_by_rule_of_three_or_by_wilsons_interval(quiet: CampaignSummary) -> None:
    assert rate_sentence(quiet.campaign) == quiet.campaign.claim()
    failed = failing(7, 9)
    assert rate_sentence(failed) == "2 of 40 seeds failed, 5 % (1.4 % to 17 % at 95 % confidence)"
    assert (quiet.campaign.verdict, failed.verdict, Campaign().verdict) == ("pass", "fail", "unknown")


def test_shares_have_two_digits_that_count() -> None:
    assert [percent(ratio) for ratio in (0, 0.00412, 0.05, 0.1234, 1)] == ["0 %", "0.41 %", "5 %", "12 %", "100 %"]


def test_the_strip_shows_ranges_and_failed_seeds_at_their_places(quiet: CampaignSummary) -> None:
    campaign = quiet._replace(campaign=failing(12, 20), run=[(11, 15), (18, 20)], missing=[(16, 17)])
    assert [(piece.kind, piece.at, piece.size) for piece in strip(campaign)] == [
        ("run", 0, 50),
        ("run", 70, 30),
        ("missing", 50, 20),
        ("failed", 10, 10),
        ("failed", 90, 10),
    ]
    assert strip(campaign)[2].label == "seeds 16–17 were not run"
    assert strip(quiet._replace(run=[])) == []


def test_a_thousand_failures_close_together_make_few_marks(quiet: CampaignSummary) -> None:
    campaign = quiet._replace(campaign=failing(*range(1, 1001)), run=[(1, 1_000_000)])
    assert [piece.label for piece in strip(campaign)][1:] == ["seed 1 failed", "seed 501 failed"]


def test_the_chart_of_recovery_has_every_execution_and_few_bars() -> None:
    bars, width = recovery_chart({0: 3, 2: 6})
    assert width == 1
    assert len(bars) == 24
    assert [(bar.size, bar.label) for bar in bars[:3]] == [
        (50, "3 after 0 s"),
        (0, "0 after 1 s"),
        (100, "6 after 2 s"),
    ]
    bars, width = recovery_chart({99: 1, 100: 1})
    assert (len(bars), width) == (34, 3)
    assert bars[-1].label == "2 after 99 to 101 s"
    assert recovery_chart({}) == ([], 0)


def test_quiet_campaign_says_so_in_each_section(quiet: CampaignSummary) -> None:
    for text in (render_html(quiet), render_markdown(quiet)):
        assert "No property or criterion failed in any of the 40 seeds." in text
        assert "The scenario has no faults." in text
        assert "No execution was overdue when the faults were healed." in text
        assert "There were none." in text
        assert "None" not in text
    unhealed = quiet.header.scenario.model_copy(update={"heal": None})
    header = quiet.header.model_copy(update={"scenario": unhealed})
    assert "The scenario heals no faults." in render_markdown(quiet._replace(header=header))


def test_the_same_summary_gives_the_same_bytes(quiet: CampaignSummary) -> None:
    assert (render_html(quiet), render_markdown(quiet)) == (render_html(quiet), render_markdown(quiet))


def test_text_in_a_fenced_block_cannot_end_it() -> None:
    assert fenced("```\n<i>\u202e") == "''' <i>\\u202e"


def test_times_after_healing_have_the_style_of_other_reports(quiet: CampaignSummary) -> None:
    explored = Explored(first=1, last=40, recovery_s={40: 1, 95: 3})
    summary = quiet._replace(campaign=Campaign([explored]))
    assert "They ended after healing within 1m 35s (p50), " in render_markdown(summary)
    assert "<b>1m 35s</b><span>p99 from healing to the end, " in render_html(summary)
