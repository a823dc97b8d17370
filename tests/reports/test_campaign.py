"""The figures and the words of an exploration's report, from its summary alone."""

from dataclasses import replace

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


@pytest.fixture
def quiet() -> CampaignSummary:
    """Forty seeds in which nothing failed."""
    return CampaignSummary(
        scenario="chaos",
        title="A handful of faults",
        why="Nothing wrong is written.",
        folder="runs/explore-chaos",
        parts="",
        code="0123456789abcdef0123",
        claim="0 of 40 seeds failed (failure rate below 7.5 %, 95 % confidence)",
        seeds_count=40,
        failed_seeds=(),
        run=((1, 40),),
        missing=(),
        compared=2,
        recovery_s={},
        recovery_quantiles=(),
        recovery_allowed_s=90.0,
        healed=True,
        unwinnable=(),
        phases=("STARTING", "PENDING"),
        ledger={},
        groups=(),
        others=(),
    )


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
    assert rate_sentence(quiet) == quiet.claim
    failed = replace(quiet, failed_seeds=(7, 9), claim="2 of 40 seeds failed")
    assert rate_sentence(failed) == "2 of 40 seeds failed, 5 % (1.4 % to 17 % at 95 % confidence)"
    assert (quiet.verdict, failed.verdict, replace(quiet, seeds_count=0).verdict) == ("pass", "fail", "unknown")


def test_shares_have_two_digits_that_count() -> None:
    assert [percent(ratio) for ratio in (0, 0.00412, 0.05, 0.1234, 1)] == ["0 %", "0.41 %", "5 %", "12 %", "100 %"]


def test_the_strip_shows_ranges_and_failed_seeds_at_their_places(quiet: CampaignSummary) -> None:
    campaign = replace(quiet, run=((11, 15), (18, 20)), missing=((16, 17),), failed_seeds=(12, 20))
    assert [(piece.kind, piece.at, piece.size) for piece in strip(campaign)] == [
        ("run", 0, 50),
        ("run", 70, 30),
        ("missing", 50, 20),
        ("failed", 10, 10),
        ("failed", 90, 10),
    ]
    assert strip(campaign)[2].label == "seeds 16–17 were not run"
    assert strip(replace(quiet, run=())) == []


def test_a_thousand_failures_close_together_make_few_marks(quiet: CampaignSummary) -> None:
    campaign = replace(quiet, run=((1, 1_000_000),), failed_seeds=tuple(range(1, 1001)))
    assert [piece.label for piece in strip(campaign)][1:] == ["seed 1 failed", "seed 501 failed"]


def test_the_chart_of_recovery_has_every_execution_and_few_bars(quiet: CampaignSummary) -> None:
    bars, width = recovery_chart(replace(quiet, recovery_s={0: 3, 2: 6}))
    assert width == 1
    assert len(bars) == 24
    assert [(bar.size, bar.label) for bar in bars[:3]] == [
        (50, "3 after 0 s"),
        (0, "0 after 1 s"),
        (100, "6 after 2 s"),
    ]
    bars, width = recovery_chart(replace(quiet, recovery_s={99: 1, 100: 1}))
    assert (len(bars), width) == (34, 3)
    assert bars[-1].label == "2 after 99 to 101 s"
    assert recovery_chart(quiet) == ([], 0)


def test_quiet_campaign_says_so_in_each_section(quiet: CampaignSummary) -> None:
    for text in (render_html(quiet), render_markdown(quiet)):
        assert "No property or criterion failed in any of the 40 seeds." in text
        assert "The scenario has no faults." in text
        assert "No execution was overdue when the faults were healed." in text
        assert "There were none." in text
        assert "None" not in text
    assert "The scenario heals no faults." in render_markdown(replace(quiet, healed=False))


def test_the_same_summary_gives_the_same_bytes(quiet: CampaignSummary) -> None:
    assert (render_html(quiet), render_markdown(quiet)) == (render_html(quiet), render_markdown(quiet))


def test_text_in_a_fenced_block_cannot_end_it() -> None:
    assert fenced("```\n<i>\u202e") == "''' <i>\\u202e"
