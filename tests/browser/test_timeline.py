"""The timeline in use: zoom, filters, order, hover, keyboard; and lazy drawing of a thousand lanes."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from drsim.reports import html
from drsim.scenarios.runner import Run
from tests.browser.visits import PHONE, WIDE, Locator, Page, Visits, expect, settled, unfolded


def opened(visits: Visits, path: Path, *, width: int = WIDE) -> Page:
    """The page at its timeline, with every lane shown."""
    page = visits.open(path, width=width)
    control(page, "fold").click()
    page.locator("#timeline .lanes").scroll_into_view_if_needed()
    return page


def control(page: Page, name: str) -> Locator:
    return page.locator(f"#timeline [data-do={name}]")


def box(page: Page) -> Locator:
    return page.locator("#timeline .lanes")


def lanes(page: Page) -> list[str]:
    """The labels of the visible lanes, from the top."""
    settled(page)
    return page.locator("#timeline .lanes svg text").all_text_contents()


def count(page: Page) -> str:
    return page.locator("#timeline [data-show=count]").inner_text()


def tooltip(page: Page) -> Locator:
    return page.locator("#timeline .view > .tip")


def clocks(page: Page) -> list[tuple[float, int]]:
    """The labels of the axis: the x position and the second of the day of each."""
    settled(page)
    found = page.evaluate(
        """[...document.querySelectorAll('#timeline .axis text:not(.healed)')]
          .map((each) => [+each.getAttribute('x'), each.textContent])"""
    )
    return [
        (x, sum(int(part) * 60**power for power, part in enumerate(reversed(label.split(":"))))) for x, label in found
    ]


def span(page: Page) -> float:
    """The seconds that 1,000 pixels of the axis cover."""
    (left, first), *_, (right, last) = clocks(page)
    return 1000 * (last - first) / (right - left)


def test_buttons_zoom_and_reset_the_timeline(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["load-100"])
    whole = span(page)
    control(page, "in").click()
    assert span(page) == pytest.approx(whole / 2, rel=0.02)
    control(page, "in").click()
    assert span(page) == pytest.approx(whole / 4, rel=0.02)
    control(page, "out").click()
    assert span(page) == pytest.approx(whole / 2, rel=0.02)
    control(page, "all").click()
    assert span(page) == pytest.approx(whole, rel=0.001)
    # The axis cannot show more than the run.
    control(page, "out").click()
    assert span(page) == pytest.approx(whole, rel=0.001)


def test_keys_zoom_move_and_reset_the_timeline(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["load-100"])
    whole, at_first = span(page), clocks(page)
    box(page).focus()
    page.keyboard.press("+")
    assert span(page) < whole * 0.65
    before = clocks(page)[0]
    page.keyboard.press("ArrowRight")
    assert clocks(page)[0] != before
    page.keyboard.press("ArrowLeft")
    assert clocks(page)[0] == before
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert clocks(page) == at_first


def test_wheel_zooms_at_the_pointer_with_ctrl_and_scrolls_without(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["load-100"])
    whole, top = span(page), lanes(page)[0]
    box(page).hover(position={"x": 600, "y": 100})
    under = page.locator("#timeline .view > .tip div").first.inner_text()[:8]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    assert span(page) < whole / 2
    box(page).hover(position={"x": 601, "y": 100})
    settled(page)
    again = page.locator("#timeline .view > .tip div").first.inner_text()[:8]
    seconds = [
        sum(int(part) * 60**power for power, part in enumerate(reversed(label.split(":")))) for label in (under, again)
    ]
    assert abs(seconds[1] - seconds[0]) <= 2
    page.mouse.wheel(0, 300)
    expect(page.locator("#timeline .lanes svg text").first).not_to_have_text(top)


def test_dragging_moves_in_time_and_selects_nothing(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["load-100"])
    control(page, "in").click()
    before = clocks(page)
    box(page).hover(position={"x": 600, "y": 100})
    page.mouse.down()
    page.mouse.move(*(each + by for each, by in zip(_at(page, 600, 100), (-150, 0), strict=True)), steps=4)
    page.mouse.up()
    assert clocks(page)[0][1] > before[0][1]
    assert page.locator("#timeline .chosen").count() == 0


def _at(page: Page, x: float, y: float) -> tuple[float, float]:
    frame = box(page).bounding_box()
    assert frame is not None
    return frame["x"] + x, frame["y"] + y


def test_id_filter_leaves_one_lane(visits: Visits, reports: dict[str, Path], runs: dict[str, Run]) -> None:
    page = opened(visits, reports["load-100"])
    assert count(page) == "100 of 100 lanes"
    expected = runs["load-100"].result.metrics.executions[3].execution_id
    control(page, "filter").fill(expected[:18].upper())
    assert lanes(page) == [expected[:11]]
    assert count(page) == "1 of 100 lanes"
    control(page, "filter").fill("no such id")
    assert (lanes(page), count(page)) == ([], "0 of 100 lanes")
    control(page, "filter").fill("")
    assert count(page) == "100 of 100 lanes"


def test_status_filter_leaves_lanes_that_ended_in_it(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["chaos"])
    assert control(page, "status").locator("option").all_inner_texts() == [
        "every status",
        "CANCELLED",
        "COMPLETED",
        "PARTIAL",
        "TIMEOUT",
    ]
    control(page, "status").select_option("COMPLETED")
    assert count(page) == "2 of 5 lanes"
    assert set(lanes(page)) < {"ordered", "recovery", "lossy", "late", "called-off"}
    control(page, "status").select_option("TIMEOUT")
    assert count(page) == "1 of 5 lanes"


def test_lanes_are_sorted_by_start_end_or_trouble(
    visits: Visits, reports: dict[str, Path], runs: dict[str, Run]
) -> None:
    page = opened(visits, reports["chaos"])
    samples = {each.execution_id: each for each in runs["chaos"].result.metrics.executions}
    ended = {name: each.ended_at or "9" for name, each in samples.items()}
    assert control(page, "sort").input_value() == "trouble"
    control(page, "sort").select_option("start")
    by_start = lanes(page)
    assert by_start == sorted(samples, key=lambda name: samples[name].started_at)
    control(page, "sort").select_option("end")
    assert lanes(page) == sorted(samples, key=ended.__getitem__) != by_start
    control(page, "sort").select_option("trouble")
    completed = {name for name, each in samples.items() if each.status == "COMPLETED"}
    assert set(lanes(page)[-2:]) == completed
    control(page, "sort").select_option("start")
    assert lanes(page) == by_start


def test_hovering_shows_execution_waves_and_last_poll(
    visits: Visits, reports: dict[str, Path], runs: dict[str, Run]
) -> None:
    page = opened(visits, reports["load-100"])
    first = runs["load-100"].result.metrics.executions[0]
    expect(tooltip(page)).to_be_hidden()
    box(page).hover(position={"x": 600, "y": 12})
    text = tooltip(page).inner_text()
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3}\s+" + first.execution_id, text)
    assert "execution POLLING" in text
    for wave in range(1, first.waves + 1):
        assert re.search(rf"wave {wave}: [A-Z_]+", text)
    assert re.search(r"last poll \d+\.\d s before", text)
    control(page, "filter").hover()
    expect(tooltip(page)).to_be_hidden()


def test_tooltip_of_the_last_lane_stays_visible_on_a_phone(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["chaos"], width=PHONE)
    frame = box(page).bounding_box()
    assert frame is not None
    box(page).hover(position={"x": frame["width"] - 10, "y": frame["height"] - 20})
    expect(tooltip(page)).to_be_visible()
    tip = tooltip(page).bounding_box()
    assert tip is not None
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= PHONE


def test_keys_select_an_execution_and_show_its_story(
    visits: Visits, reports: dict[str, Path], runs: dict[str, Run]
) -> None:
    page = opened(visits, reports["chaos"])
    story, said = (page.locator(f"#timeline [data-show={name}]") for name in ("story", "said"))
    assert story.get_attribute("aria-live") == said.get_attribute("aria-live") == "polite"
    ids = lanes(page)
    statuses = {each.execution_id: each.status for each in runs["chaos"].result.metrics.executions}
    ended = [json.loads(line) for line in runs["chaos"].trace.lines() if line.startswith('["LambdaEnded"')]
    polls = Counter(event[4] for event in ended if event[3] == "ExecutionPoller")
    box(page).focus()
    page.keyboard.press("ArrowDown")
    expect(said).to_have_text(f"{ids[0]}: {statuses[ids[0]]}")
    expect(story).to_be_empty()
    page.keyboard.press("ArrowDown")
    expect(said).to_have_text(f"{ids[1]}: {statuses[ids[1]]}")
    page.keyboard.press("Enter")
    expect(story.locator("caption")).to_contain_text(f"{ids[1]}: {polls[ids[1]]} polls")
    rows = story.locator("tr").all_inner_texts()
    assert any("execution POLLING" in row for row in rows)
    assert any("DRS: wave 1 LAUNCHING" in row for row in rows)
    assert sorted(rows, key=lambda row: row[:12]) == rows
    page.keyboard.press("ArrowUp")
    expect(story).to_be_empty()
    page.keyboard.press("Enter")
    expect(story.locator("caption")).to_contain_text(f"{ids[0]}: ")
    assert page.locator("#timeline .chosen").count() == 1
    page.keyboard.press("Escape")
    expect(story).to_be_empty()
    expect(said).to_be_empty()


def test_hovering_over_shaded_time_names_the_active_rules(
    visits: Visits, reports: dict[str, Path], runs: dict[str, Run]
) -> None:
    page = opened(visits, reports["chaos"])
    faults = runs["chaos"].result.faults
    box(page).hover(position={"x": 100, "y": 12})
    text = tooltip(page).inner_text()
    at_first = [each.rule for each in faults if each.after == 0]
    assert [line.removeprefix("acts now: ") for line in text.splitlines() if "acts now" in line] == at_first[:3]
    assert ("and 1 more" in text) == (len(at_first) == 4)
    frame = box(page).bounding_box()
    assert frame is not None
    box(page).hover(position={"x": frame["width"] - 10, "y": 12})
    assert "acts now" not in tooltip(page).inner_text()


def test_legend_lists_only_what_occurs_in_the_run(visits: Visits, reports: dict[str, Path]) -> None:
    keys = visits.open(reports["chaos"]).locator("#timeline .key li").all_inner_texts()
    for expected in (
        "poll that failed",
        "an injected fault",
        "time in which faults may act",
        "… TIMEOUT",
        "– CANCELLED",
    ):
        assert expected in keys
    assert any(each.startswith("healed") for each in keys)
    quiet = visits.open(reports["phase-2"]).locator("#timeline .key li").all_inner_texts()
    assert not any("fault" in each or "failed" in each or "healed" in each for each in quiet)
    assert {"○ POLLING", "poll"} < set(quiet)
    assert not any(each.endswith(("TIMEOUT", "UNKNOWN", "DELETED")) for each in quiet)


def test_healing_is_shown_as_a_labelled_line(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["chaos"])
    assert page.locator("#timeline line.healed").count() == 2
    expect(page.locator("#timeline text.healed")).to_have_text("healed")
    assert opened(visits, reports["phase-2"]).locator("#timeline .healed").count() == 0


def test_printing_ignores_filters_and_zoom_and_restores_the_screen(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(opened(visits, reports["chaos"]))
    whole = clocks(page)
    control(page, "status").select_option("TIMEOUT")
    control(page, "in").click()
    page.get_by_role("button", name="Failed (0): criteria").click()
    rows = page.locator("#criteria tbody tr")
    before = (lanes(page), clocks(page), count(page))
    assert (len(before[0]), rows.locator("visible=true").count()) == (1, 0)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#timeline .sheet text").count() == 5
    assert all(each.is_visible() for each in rows.all())
    printed = clocks(page)
    assert (printed[0][1] - whole[0][1], printed[-1][1] - whole[-1][1]) == pytest.approx((0, 0), abs=600)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert (lanes(page), clocks(page), count(page)) == before
    assert rows.locator("visible=true").count() == 0


def test_click_selects_an_execution_and_a_second_click_deselects_it(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["chaos"])
    story = page.locator("#timeline [data-show=story]")
    box(page).click(position={"x": 600, "y": 12})
    expect(story.locator("caption")).to_contain_text(lanes(page)[0])
    box(page).click(position={"x": 600, "y": 12})
    expect(story).to_be_empty()


def test_click_selects_although_lanes_are_redrawn_while_pressed(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["chaos"])
    box(page).hover(position={"x": 600, "y": 12})
    page.mouse.down()
    box(page).dispatch_event("scroll")
    first = lanes(page)[0]
    page.mouse.up()
    expect(page.locator("#timeline [data-show=story] caption")).to_contain_text(first)


def test_compact_view_shows_more_lanes(visits: Visits, reports: dict[str, Path]) -> None:
    page = opened(visits, reports["load-100"])
    loose = len(lanes(page))
    dense = control(page, "dense")
    expect(dense).to_have_attribute("aria-pressed", "false")
    dense.click()
    expect(dense).to_have_attribute("aria-pressed", "true")
    assert len(lanes(page)) > 2 * loose
    dense.click()
    expect(dense).to_have_attribute("aria-pressed", "false")
    assert len(lanes(page)) == loose


IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|drsjob-[0-9a-f]+")


def times(lines: Iterator[str], many: int) -> Iterator[str]:
    """A trace with `many` copies of each execution and each job, under different ids."""
    for line in lines:
        if line.startswith(('["ItemChanged"', '["LambdaEnded"', '["JobStarted"')):
            for number in range(many):
                yield IDS.sub(rf"\g<0>-{number}", line)
        else:
            yield line


@pytest.fixture(scope="module")
def thousand(runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 1,000 executions: ten copies of each execution of load-100."""
    path = tmp_path_factory.mktemp("thousand") / "report.html"
    run = runs["load-100"]
    document = html.render(run.result, times(iter(run.trace.lines()), 10))
    assert document.troubles == ()
    path.write_text(document.text, encoding="utf-8")
    return path


def test_only_visible_lanes_of_a_thousand_are_drawn(visits: Visits, thousand: Path) -> None:
    page = opened(visits, thousand)
    assert count(page) == "1,000 of 1,000 lanes"
    for dense in ("true", "false"):
        expect(control(page, "dense")).to_have_attribute("aria-pressed", dense)
        assert 5 < len(lanes(page)) < 200
        control(page, "dense").click()


def test_thousand_lanes_are_redrawn_after_scroll_zoom_and_keys(visits: Visits, thousand: Path) -> None:
    page = opened(visits, thousand)
    seen = [lanes(page)[0]]
    for share in (0.3, 0.7, 1):
        box(page).evaluate("(box, share) => { box.scrollTop = share * box.scrollHeight; }", share)
        seen.append(lanes(page)[0])
    assert len(set(seen)) == 4
    bands = (
        "[...document.querySelectorAll('#timeline .lanes svg rect')].map((each) => each.getAttribute('width')).join()"
    )
    before = page.evaluate(bands)
    control(page, "in").click()
    settled(page)
    assert page.evaluate(bands) != before
    assert len(lanes(page)) < 200
    box(page).focus()
    page.keyboard.press("Home")
    assert lanes(page)[0] == seen[0]
    page.keyboard.press("End")
    assert lanes(page)[0] != seen[0]
