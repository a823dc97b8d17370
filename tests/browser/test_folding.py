"""Folded sections, the short print, cards on a phone, and explained words."""

import re
from pathlib import Path

import pytest

from drsim.cli import main
from tests.browser.visits import PHONE, WIDE, Page, Visits, expect, unfolded

FOLDED_MAX = 2_500
"""The most pixels of a folded page of load-100, 1,600 wide."""
FOLDS = 15
"""Executions, the twelve sections, evidence and the glossary."""


def opened(page: Page) -> list[str]:
    """The sections that are not folded."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('details.fold[open]')].map((e) => e.parentElement.id)"
    )
    return found


def test_passing_page_is_short_with_a_result_in_each_line(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    assert opened(page) == ["executions"]
    assert page.evaluate("document.documentElement.scrollHeight") <= FOLDED_MAX
    lines = page.locator("details.fold > summary .outcome").all_inner_texts()
    assert len(lines) == FOLDS
    assert all(lines)
    expect(page.locator("#cloudwatch .fold > summary")).to_contain_text("3 alarms, none went off")


def test_buttons_expand_and_collapse_all_sections(visits: Visits, reports: dict[str, Path]) -> None:
    page = unfolded(visits.open(reports["phase-2"]))
    assert len(opened(page)) == FOLDS
    page.get_by_role("button", name="Collapse all").click()
    assert opened(page) == []


def test_address_with_a_place_opens_the_section_around_it(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    expect(page.locator("#criteria")).to_be_hidden()
    page.goto(f"{reports['load-100'].as_uri()}#criteria")
    expect(page.locator("#criteria")).to_be_in_viewport()
    page.evaluate("location.hash = '#security'")
    expect(page.locator("#security .inside")).to_be_visible()
    expect(page.locator("#security")).to_be_in_viewport()


def test_link_opens_its_section_again_after_it_was_folded(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    link = page.get_by_role("navigation", name="Contents").get_by_role("link", name="8. Logging")
    for _ in range(2):
        link.click()
        expect(page.locator("#logging .inside")).to_be_visible()
        page.locator("#logging summary").click()
        expect(page.locator("#logging .inside")).to_be_hidden()


def test_summary_is_printed_on_two_pages_and_the_screen_restored(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    page.evaluate("window.print = () => dispatchEvent(new Event('beforeprint'))")
    page.get_by_role("button", name="Print the summary").click()
    page.emulate_media(media="print")
    shown = [each.get_attribute("id") for each in page.locator("main > section").all() if each.is_visible()]
    assert shown == ["summary", "acceptance", "evidence"]
    expect(page.locator("#criteria")).to_be_visible()
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", print_background=True))
    assert 1 <= len(pages) <= 2
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert opened(page) == ["executions"]
    expect(page.locator("#finder")).to_be_visible()


def test_short_print_of_a_failing_run_fits_two_pages(visits: Visits, tmp_path: Path) -> None:
    assert (
        main(["run", "load-100", "--set", "bounds.completion=0s", "--set", "expect=FAILED", "--out", str(tmp_path)])
        == 1
    )
    page = visits.open(tmp_path / "load-100-1" / "report.html")
    page.evaluate("window.print = () => dispatchEvent(new Event('beforeprint'))")
    page.get_by_role("button", name="Print the summary").click()
    page.emulate_media(media="print")
    expect(page.locator("#evidence")).to_contain_text("Simulated, not measured on AWS.")
    expect(page.locator("#findings")).to_be_hidden()
    # Chromium ends printing with afterprint, which restores the screen.
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", print_background=True))
    assert 1 <= len(pages) <= 2


@pytest.mark.parametrize("width", [1024, WIDE])
def test_next_command_of_a_failing_run_is_on_the_first_screen(visits: Visits, tmp_path: Path, width: int) -> None:
    assert (
        main(["run", "drill", "--set", "bounds.completion=0s", "--set", "expect=FAILED", "--out", str(tmp_path)]) == 1
    )
    page = visits.open(tmp_path / "drill-1" / "report.html", width=width, height=768)
    expect(page.locator("header .replay button")).to_be_in_viewport()


def test_whole_print_opens_every_section_and_folds_it_again(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["phase-2"])
    before = opened(page)
    page.evaluate("window.print = () => dispatchEvent(new Event('beforeprint'))")
    page.get_by_role("button", name="Print everything").click()
    assert len(opened(page)) == FOLDS
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened(page) == before


def test_tables_are_cards_on_a_phone_and_tables_elsewhere(visits: Visits, reports: dict[str, Path]) -> None:
    label = "(cell) => getComputedStyle(cell, '::before').content"
    phone, wide = (unfolded(visits.open(reports["load-100"], width=width)) for width in (PHONE, WIDE))
    for page, content in ((phone, '"Threshold"'), (wide, "none")):
        cell = page.locator("#criteria tbody tr").first.locator("td").nth(2)
        assert cell.evaluate(label) == content
    assert phone.evaluate(
        "[...document.querySelectorAll('.table')].every((table) => table.scrollWidth <= table.clientWidth)"
    )
    assert phone.get_by_role("table", name="").count() == wide.get_by_role("table", name="").count()
    assert phone.get_by_role("rowheader").count() == wide.get_by_role("rowheader").count() > 20


def test_words_are_explained_on_hover_and_on_focus(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    tip = page.get_by_role("tooltip")
    word = page.locator("header").get_by_role("button", name="Seed", exact=True)
    expect(tip).to_be_hidden()
    word.hover()
    expect(tip).to_contain_text("all random choices")
    page.locator("h1").hover()
    expect(tip).to_be_hidden()
    word.focus()
    expect(tip).to_be_visible()
    assert word.evaluate("(word) => document.getElementById(word.getAttribute('aria-describedby')).textContent")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    words = [each.casefold() for each in page.locator("button.term").all_text_contents()]
    assert len(words) == len(set(words)) > 8


def test_words_within_names_and_other_words_are_not_explained(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["load-100"])
    terms = set(page.locator("dl.glossary dt").all_text_contents())
    for word in page.locator("button.term").all_text_contents():
        assert word in terms or word[0].lower() + word[1:] in terms
    around: list[str] = page.locator("button.term").evaluate_all("""(words) => words.map((each) =>
      (each.previousSibling?.data || '').slice(-1) + (each.nextSibling?.data || '').slice(0, 1))""")
    assert not any(re.search(r"[\w-]", each) for each in around)
