"""Which lanes the timeline shows: alike ones folded, a linked one opened; the strip above, and the shared cursor."""

import json
from pathlib import Path

from drsim.reports.timeline import anchor
from drsim.scenarios.runner import Run
from tests.browser.visits import PHONE, Page, Visits, expect, settled, unfolded


def labels(page: Page) -> list[str]:
    settled(page)
    return page.locator("#timeline .lanes svg text").all_text_contents()


def test_alike_lanes_are_one_row_that_opens_and_folds(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    first, row = labels(page)
    assert row == "▸ 99 alike: COMPLETED, 3 waves"
    page.locator("#timeline .lanes").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert labels(page)[:2] == [first, "▾ 99 alike: COMPLETED, 3 waves"]
    assert len(labels(page)) > 5
    page.keyboard.press("Enter")
    assert labels(page) == [first, row]


def test_troubled_lanes_are_shown_first_and_never_folded(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["chaos"])
    assert page.locator("#timeline [data-do=sort]").input_value() == "trouble"
    data = json.loads(
        page.locator("#timeline-data").inner_text() or page.locator("#timeline-data").text_content() or ""
    )
    assert len(labels(page)) == len(data["lanes"])


def test_link_to_a_folded_execution_opens_its_lane_and_story(
    visits: Visits, reports: dict[str, Path], runs: dict[str, Run]
) -> None:
    page = visits.open(reports["load-100"])
    page.get_by_role("button", name="Collapse all").click()
    chosen = runs["load-100"].result.metrics.executions[-1].execution_id
    page.evaluate("(anchor) => { location.hash = anchor; }", anchor(chosen))
    story = page.locator("#timeline [data-show=story]")
    expect(story.locator("caption")).to_contain_text(f"{chosen}: ")
    expect(story).to_be_in_viewport()
    assert chosen[:11] in labels(page)
    assert page.evaluate("document.activeElement.matches('#timeline .lanes')")
    page.keyboard.press("Escape")
    expect(story).to_be_empty()
    assert page.evaluate("location.hash") == ""


def test_address_of_an_execution_works_when_the_page_opens(
    visits: Visits, reports: dict[str, Path], runs: dict[str, Run]
) -> None:
    page = visits.open(reports["phase-2"])
    chosen = runs["phase-2"].result.metrics.executions[1].execution_id
    page.goto("about:blank")
    page.goto(f"{reports['phase-2'].as_uri()}#{anchor(chosen)}")
    expect(page.locator("#timeline [data-show=story] caption")).to_contain_text(f"{chosen}: ")
    phone = visits.open(reports["phase-2"], width=PHONE)
    phone.evaluate("(anchor) => { location.hash = anchor; }", anchor(chosen))
    expect(phone.locator("#timeline [data-show=story] caption")).to_be_in_viewport()
    link = page.get_by_role("link", name="Link to this execution")
    assert link.get_attribute("href") == f"#{anchor(chosen)}"


def test_link_to_an_unknown_execution_says_so(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["chaos"])
    page.evaluate("location.hash = '#execution=no%20such'")
    expect(page.locator("#timeline [data-show=said]")).to_have_text("This timeline has no execution no such.")


def test_strip_counts_the_executions_in_each_status(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    strip, tip = page.locator("#timeline .strip"), page.locator("#timeline .view > .tip")
    strip.scroll_into_view_if_needed()
    frame = strip.bounding_box()
    assert frame is not None
    strip.hover(position={"x": frame["width"] - 10, "y": 20}, force=True)
    expect(tip).to_contain_text("100 COMPLETED")
    strip.hover(position={"x": frame["width"] / 2, "y": 20}, force=True)
    counts = [line.split()[0] for line in tip.inner_text().splitlines()[1:]]
    assert sum(map(int, counts)) == 100


def test_cursor_is_at_the_same_instant_in_timeline_and_plots(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(visits.open(reports["load-100"]))
    shared = page.locator(".chart .cross.shared:visible")
    assert shared.count() == 0
    page.locator("#timeline .lanes").hover(position={"x": 600, "y": 12})
    settled(page)
    assert shared.count() > 5
    page.locator("h1").hover()
    settled(page)
    assert shared.count() == 0
    page.locator("#concurrency .plot").hover(position={"x": 200, "y": 60})
    settled(page)
    at = page.locator("#concurrency .tip b").inner_text()
    expect(page.locator("#timeline .strip .cross")).to_have_attribute("visibility", "visible")
    marked: float = page.evaluate("""() => {
      const labels = [...document.querySelectorAll('#timeline .axis text')];
      const axis = labels.map((each) => [+each.getAttribute('x'), each.textContent]);
      const seconds = (clock) => clock.split(':').reduce((sum, part) => 60 * sum + +part, 0);
      const [[left, first], [right, last]] = [axis[0], axis.at(-1)];
      const x = +document.querySelector('#timeline .strip .cross').getAttribute('x1');
      return seconds(first) + (x - left) / (right - left) * (seconds(last) - seconds(first));
    }""")
    hours, minutes, seconds = map(int, at.split(":"))
    assert abs(marked - (hours * 3600 + minutes * 60 + seconds)) < 5
