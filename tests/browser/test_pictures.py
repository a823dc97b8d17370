"""Screenshots for people: build/browser/SCENARIO-LOOK-PLACE.png, of each place in each look."""

from pathlib import Path
from typing import Final

import pytest

from tests.browser.conftest import SEEDS
from tests.browser.picture import PICTURE, WIDTH, point_at
from tests.browser.visits import PHONE, WIDE, Theme, Visits, expect, unfolded
from tests.samples import ROOT

FOLDER: Final = ROOT / "build" / "browser"
LOOKS: Final[dict[str, tuple[int, Theme]]] = {
    "light": (WIDE, "light"),
    "dark": (WIDE, "dark"),
    "phone": (PHONE, "light"),
}
PLACES: Final = ("finder", "cloudwatch")


def size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("scenario", SEEDS)
def test_screenshots_of_all_sections_differ_and_fill_the_window(
    visits: Visits, reports: dict[str, Path], scenario: str, look: str
) -> None:
    width, theme = LOOKS[look]
    page = visits.open(reports[scenario], width=width, theme=theme)
    page.locator("#timeline [data-do=fold]").click()
    taken = {"top": page.screenshot(path=FOLDER / f"{scenario}-{look}-top.png")}
    page.locator("#timeline").evaluate("(timeline) => timeline.scrollIntoView()")
    page.locator("#timeline [data-do=in]").click()
    point_at(page)
    expect(page.locator("#timeline .view > .tip")).to_be_visible()
    taken["timeline"] = page.screenshot(path=FOLDER / f"{scenario}-{look}-timeline.png")
    unfolded(page)
    for place in PLACES:
        page.locator(f"#{place}").evaluate("(section) => section.scrollIntoView()")
        taken[place] = page.screenshot(path=FOLDER / f"{scenario}-{look}-{place}.png")
    assert {size(picture) for picture in taken.values()} == {(width, 1000)}
    assert len(set(taken.values())) == len(taken)


def test_readme_picture_has_page_width_and_is_small() -> None:
    picture = PICTURE.read_bytes()
    assert size(picture)[0] == WIDTH
    assert len(picture) < 250_000
