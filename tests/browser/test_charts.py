"""The charts in use: hover, legend, keyboard, the table of values; and the filters of the acceptance tables."""

import re
from pathlib import Path

from drsim.simulator.checks import PROPERTIES
from tests.browser.visits import Locator, Page, Visits, expect, unfolded


def with_legend(page: Page) -> Locator:
    """A chart with two lines."""
    return page.locator("#queries")


def test_hovering_a_chart_shows_its_values(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(visits.open(reports["load-100"]))
    figure = with_legend(page)
    tip, names = figure.locator(".tip"), figure.locator("button.key").all_inner_texts()
    expect(tip).to_be_hidden()
    figure.locator(".plot").hover(position={"x": 120, "y": 60})
    expect(tip).to_be_visible()
    assert [name for name in tip.locator("div span").all_inner_texts() if name in names] == names
    first = tip.locator("b").inner_text()
    figure.locator(".plot").hover(position={"x": 260, "y": 60})
    expect(tip.locator("b")).not_to_have_text(first)
    page.locator("h1").hover()
    expect(tip).to_be_hidden()


def test_legend_button_hides_and_shows_its_line(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(visits.open(reports["load-100"]))
    figure = with_legend(page)
    button, lines = figure.locator("button.key").first, figure.locator("path[data-s='0']")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(lines.first).to_have_css("display", "inline")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(lines.first).to_have_css("display", "none")
    expect(figure.locator("path[data-s='1']").first).to_have_css("display", "inline")
    figure.locator(".plot").hover(position={"x": 120, "y": 60})
    assert button.inner_text() not in figure.locator(".tip div span").all_inner_texts()
    button.click()
    expect(lines.first).to_have_css("display", "inline")


def test_keys_move_between_values_of_a_chart(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(visits.open(reports["load-100"]))
    figure = page.locator("#finder figure.chart").first
    tip, plot = figure.locator(".tip"), figure.locator(".plot")
    plot.focus()
    seen = []
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowLeft", "End"):
        page.keyboard.press(key)
        expect(tip).to_be_visible()
        seen.append(tip.locator("b").inner_text())
    home, second, third, again, end = seen
    assert second == again
    assert len({home, second, third, end}) == 4
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_chart_values_are_also_a_table(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(visits.open(reports["phase-2"]))
    figure = with_legend(page)
    figure.locator("summary").click()
    rows = figure.locator("details tr")
    expect(rows.first).to_be_visible()
    assert rows.count() > 2
    assert re.search(r"\d", rows.nth(1).inner_text())


def test_acceptance_table_filters_by_verdict_and_text(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(visits.open(reports["load-100"]))
    bar = page.get_by_role("group", name="Filter the criteria")
    rows = page.locator("#criteria tbody tr:visible")
    everything = rows.count()
    shown = bar.locator("[data-show=count]")
    expect(shown).to_have_text(f"{everything} of {everything} rows")
    bar.get_by_role("button", name="Not exercised").click()
    skipped = rows.count()
    assert 0 < skipped < everything
    assert set(rows.locator(".verdict").all_inner_texts()) == {"– not exercised"}
    expect(shown).to_have_text(f"{skipped} of {everything} rows")
    bar.get_by_role("button", name="All").click()
    bar.get_by_role("searchbox").fill("statusINDEX")
    expect(rows.first).to_contain_text("StatusIndex")
    assert rows.count() < everything
    bar.get_by_role("button", name="Failed").click()
    assert rows.count() == 0
    # The filter does not affect the other table.
    assert page.locator("#properties tbody tr:visible").count() == len(PROPERTIES)
