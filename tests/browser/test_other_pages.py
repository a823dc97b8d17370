"""Pages of releases, trends and comparisons: opened from disk, with a keyboard, on a phone, and on paper."""

from pathlib import Path
from typing import Final

import pytest

from drsim.cli import main
from tests.browser.test_opening import overhang, parts_too_wide
from tests.browser.visits import PHONE, WIDE, Theme, Visits, expect, settled

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="`nox -s browser` installs it")

EXPLORED: Final = "explored/explore-drill/report.html"
PAGES: Final = ("failing/index.html", "passing/index.html", "trend/trend.html", EXPLORED, "compared.html")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A passing release, a failing one, a trend over both, an exploration, and a comparison of the releases."""
    out = tmp_path_factory.mktemp("pages")
    assert main(["run", "drill", "partial", "--out", str(out / "passing")]) == 0
    assert main(["run", "drill", "partial", "--set", "bounds.completion=0s", "--out", str(out / "failing")]) == 1
    assert main(["trend", str(out / "passing"), str(out / "failing"), "--out", str(out / "trend")]) == 0
    explored = ["explore", "drill", "--seeds", "1-2", "--set", "bounds.completion=0s", "--out", str(out / "explored")]
    assert main(explored) == 1
    assert main(["compare", *(str(out / name) for name in ("passing", "failing")), "--html", str(out / PAGES[-1])]) == 1
    return out


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 1024, WIDE])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible_and_fits_the_window(
    visits: Visits, pages: Path, name: str, width: int, theme: Theme
) -> None:
    page = visits.open(pages / name, width=width, theme=theme, offline=True)
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert (overhang(page), parts_too_wide(page)) == (0, [])


@pytest.mark.parametrize("name", PAGES)
def test_printed_page_is_accessible_and_shows_what_is_folded(visits: Visits, pages: Path, name: str) -> None:
    page = visits.open(pages / name)
    page.emulate_media(media="print")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.pdf(format="A4").startswith(b"%PDF-")
    for fold in page.locator("details.fold > :not(summary)").all():
        assert fold.evaluate("(part) => part.checkVisibility({contentVisibilityAuto: true})")


def test_first_link_of_a_failing_release_opens_its_first_cases(visits: Visits, pages: Path) -> None:
    page = visits.open(pages / "failing/index.html")
    cases = page.locator("#first-cases")
    expect(cases).to_be_hidden()
    link = page.locator("header").get_by_role("link")
    link.focus()
    page.keyboard.press("Enter")
    settled(page)
    expect(cases).to_be_visible()
    expect(cases).to_be_in_viewport()
    expect(cases.locator("code", has_text="drsim run drill").first).to_be_visible()


@pytest.mark.parametrize("name", ["failing/index.html", "trend/trend.html", EXPLORED])
def test_first_screen_has_the_next_command_with_a_button_that_copies_it(visits: Visits, pages: Path, name: str) -> None:
    page = visits.open(pages / name, permissions=["clipboard-read", "clipboard-write"])
    line = page.locator("header .replay")
    expect(line).to_be_in_viewport()
    line.get_by_role("button", name="Copy").click()
    expect(line.get_by_role("status")).to_have_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == line.locator("code").inner_text()
    assert copied.startswith(("drsim run drill", "drsim replay "))


def test_commands_of_cases_have_buttons_that_copy_them(visits: Visits, pages: Path) -> None:
    page = visits.open(pages / "failing/index.html", permissions=["clipboard-read", "clipboard-write"])
    page.locator("header").get_by_role("link").click()
    page.locator("#first-cases").get_by_role("button", name="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("drsim run drill")


def test_each_relative_link_of_a_release_leads_to_a_file(visits: Visits, pages: Path) -> None:
    page = visits.open(pages / "failing/index.html")
    links = page.locator("main a:not([href^='#'])").evaluate_all("(links) => links.map((each) => each.href)")
    places = {link.partition("#")[0].removeprefix("file://") for link in links}
    assert len(places) >= 6
    assert [place for place in places if not Path(place).is_file()] == []


def test_each_card_of_a_trend_links_to_its_table(visits: Visits, pages: Path) -> None:
    page = visits.open(pages / "trend/trend.html")
    for card in page.locator(".multiples h3 a").all():
        card.click()
        expect(page.locator("main h2", has_text=card.inner_text()).first).to_be_in_viewport()
