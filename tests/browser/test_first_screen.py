"""The first screen in a browser: the command is copied, and links lead to findings."""

from pathlib import Path

from drsim.reports import html
from tests.browser.visits import WIDE, Visits, expect
from tests.reports.hostile import finding
from tests.reports.test_first_screen import result_of


def page_of(folder: Path, **changes: object) -> Path:
    """A page of a failed run without its timeline."""
    path = folder / "report.html"
    result = result_of("fail").model_copy(update={"trace": "off", **changes})
    path.write_text(html.render(result, ()).text, encoding="utf-8")
    return path


def test_copy_button_copies_the_replay_command(visits: Visits, tmp_path: Path) -> None:
    page = visits.open(page_of(tmp_path), width=WIDE)
    page.locator(".banner [data-copy]").click()
    expect(page.locator(".banner .copied")).to_have_text("copied")
    search = page.locator("[data-filters=criteria] input")
    search.focus()
    page.keyboard.press("Control+V")
    expect(search).to_have_value(result_of("fail").replay)


def test_finding_links_to_its_cases(visits: Visits, tmp_path: Path) -> None:
    findings = tuple(finding(each) for each in range(1, 6))
    page = visits.open(page_of(tmp_path, findings=findings), width=WIDE)
    page.get_by_text("2 further findings").click()
    page.locator(".banner a[href='#finding-5']").click()
    expect(page.locator("#finding-5")).to_be_in_viewport()
