"""Pages open from disk without errors, requests and horizontal scrolling; also without script, and printed."""

from pathlib import Path

import pytest

from drsim.cli import main
from drsim.scenarios.runner import Run
from tests.browser.conftest import SEEDS
from tests.browser.visits import PHONE, WIDE, Page, Theme, Visits, expect, settled


def overhang(page: Page) -> int:
    """The pixels by which the document is wider than its window."""
    found: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found


def parts_too_wide(page: Page) -> list[str]:
    """Elements beyond the right edge of the window that no container clips or scrolls."""
    found: list[str] = page.evaluate("""() => {
      const clipped = (element) => {
        for (let each = element.parentElement; each; each = each.parentElement)
          if (getComputedStyle(each).overflowX !== "visible") return true;
        return false;
      };
      return [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !clipped(element))
        .map((element) => `${element.tagName}.${element.className.baseVal ?? element.className}`);
    }""")
    return found


@pytest.mark.parametrize("scenario", SEEDS)
def test_report_opens_offline_without_console_output_or_request(
    visits: Visits, reports: dict[str, Path], scenario: str
) -> None:
    page = visits.open(reports[scenario], offline=True)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"✓ PASS {scenario}")
    # Scrolling and pointer moves also trigger parts that are drawn late.
    for place in range(0, page.evaluate("document.documentElement.scrollHeight"), 1000):
        page.mouse.move(700, 400 + place % 300)
        page.mouse.wheel(0, 1000)
        settled(page)
    assert visits.faults == []


def test_page_with_console_dialog_error_and_request_is_reported(visits: Visits, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='other.png'><script>console.log('hello'); alert(1); lost()</script>", encoding="utf-8")
    visits.open(bad)
    kinds = {fault.partition(":")[0] for fault in visits.faults}
    assert kinds == {"console", "dialog", "error", "request"}
    visits.faults.clear()


@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_part_is_wider_than_the_window(visits: Visits, reports: dict[str, Path], width: int, theme: Theme) -> None:
    page = visits.open(reports["chaos"], width=width, theme=theme)
    assert (overhang(page), parts_too_wide(page)) == (0, [])
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (theme == "light")


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_contents_link_to_each_section(visits: Visits, reports: dict[str, Path], width: int) -> None:
    page = visits.open(reports["phase-2"], width=width)
    links = page.get_by_role("navigation", name="Contents").get_by_role("link")
    headings = page.locator("main > section h2")
    names = headings.all_text_contents()
    contents = page.locator(".contents details")
    assert (contents.get_attribute("open") is None) == (width == PHONE)
    if width == PHONE:
        contents.locator("summary").click()
    assert links.all_text_contents() == names
    assert len(names) == 16
    for place in (1, 7, 12):
        links.nth(place).click()
        expect(headings.nth(place)).to_be_in_viewport()
        expect(page.locator("main > section").nth(place).locator("details.fold")).to_have_attribute("open", "")


def test_page_without_script_shows_the_rest_and_a_note(visits: Visits, reports: dict[str, Path]) -> None:
    with_script = visits.open(reports["chaos"])
    without = visits.open(reports["chaos"], script=False)
    for kind in ("figure.chart svg", ".table > table", "main > section"):
        assert without.locator(kind).count() == with_script.locator(kind).count() > 0
    note = "#timeline noscript p"
    expect(without.locator(note)).to_contain_text("drawn by the script in this file, which your browser did not run")
    expect(without.locator(note)).to_be_visible()
    expect(with_script.locator(note)).to_have_count(0)
    folded = without.locator("details.fold:not([open]) > summary")
    for _ in range(folded.count()):
        folded.first.click()
    for plot in without.locator("figure.chart .plot").all():
        expect(plot).to_be_visible()
    for control in without.locator("main").locator("button:enabled, select, input").all():
        expect(control).to_be_hidden()


def test_printed_page_has_plots_and_no_controls(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["phase-2"])
    paper = page.pdf(format="A4", print_background=True)
    assert paper.startswith(b"%PDF-")
    assert len(paper) > 100_000
    page.emulate_media(media="print")
    for control in (".contents", ".bar", ".chart .tip", ".chart details"):
        assert page.locator(f"{control}:visible").count() == 0
    expect(page.locator("figure.chart .plot").first).to_be_visible()
    expect(page.locator("#criteria")).to_be_visible()
    assert overhang(page) == 0


def test_printed_timeline_has_every_lane(visits: Visits, reports: dict[str, Path], runs: dict[str, Run]) -> None:
    page = visits.open(reports["load-100"], height=600)
    lanes = page.locator("#timeline .lanes svg text")
    assert 0 < lanes.count() < 100
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    ids = [each.execution_id[:11] for each in runs["load-100"].result.metrics.executions]
    lanes = page.locator("#timeline .lanes .sheet text")
    assert lanes.count() == 100
    assert lanes.all_text_contents()[: len(ids)] == ids
    last = lanes.last.bounding_box()
    frame = page.locator("#timeline .view").bounding_box()
    assert last is not None
    assert frame is not None
    assert frame["y"] < last["y"] < frame["y"] + frame["height"]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    settled(page)
    assert lanes.count() == 0
    lanes = page.locator("#timeline .lanes svg text")
    assert 0 < lanes.count() < 100


def test_comparison_page_opens_without_console_output_or_request(
    visits: Visits, reports: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "compared.html"
    assert main(["compare", str(reports["phase-2"].parent), str(reports["phase-2"].parent), "--html", str(path)]) == 0
    for width in (PHONE, WIDE):
        page = visits.open(path, width=width)
        expect(page.get_by_role("heading", level=1)).to_contain_text("phase-2")
        assert (overhang(page), parts_too_wide(page)) == (0, [])


@pytest.mark.slow
def test_campaign_page_opens_without_console_output_or_request(
    visits: Visits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", "chaos", "--seeds", "1-2", "--jobs", "1", "--out", str(tmp_path)]) == 0
    assert main(["report", "--campaign", str(tmp_path / "explore-chaos")]) == 0
    (path,) = (tmp_path / "explore-chaos").glob("*.html")
    for width in (PHONE, WIDE):
        page = visits.open(path, width=width)
        expect(page.get_by_role("heading", level=1)).to_contain_text("chaos")
        assert (overhang(page), parts_too_wide(page)) == (0, [])
