"""README's picture: banner, tiles, timeline with a tooltip, and two plots of the kept report of load-100.

`nox -s browser -- --picture` writes it from screenshots of the report. Parts are left out; nothing is drawn.
"""

import sys
from base64 import b64encode
from typing import Final

from tests.browser.visits import Browser, Page, Visits, launched, settled
from tests.samples import SAMPLES

PICTURE: Final = SAMPLES / "report.png"
WIDTH: Final = 1200
_MARGIN: Final = 28
# Wide enough for the widest column, and high enough for the whole page without scrolling.
_WINDOW: Final = (1600, 9000)


def point_at(page: Page, *, share: float = 0.45, lane: int = 2) -> None:
    """Move the pointer over a lane of the timeline, so that its tooltip appears."""
    box = page.locator("#timeline .lanes").bounding_box()
    labels = page.locator("#timeline .lanes svg text")
    label = labels.nth(min(lane, labels.count() - 1)).bounding_box()
    assert box is not None
    assert label is not None
    page.mouse.move(box["x"] + share * box["width"], label["y"] + label["height"] / 2)
    settled(page)


def taken(browser: Browser, visits: Visits) -> bytes:
    """The picture, as a PNG."""
    page = visits.open(SAMPLES / "load-100" / "report.html", width=_WINDOW[0], height=_WINDOW[1])
    page.locator("#timeline [data-do=fold]").click()
    page.locator("#performance > .fold > summary").click()
    point_at(page, share=0.6, lane=4)
    banner, tiles, timeline, plots = (
        _edges(page, selector)
        for selector in ("header", ".tiles", "#timeline", "#performance h2, #performance .chart:first-child")
    )
    title = _edges(page, "h1")
    parts = [
        page.screenshot(clip={"x": left - _MARGIN, "y": top, "width": WIDTH, "height": bottom - top})
        for left, top, bottom in ((title[0], *banner[1:]), tiles, timeline, plots)
    ]
    images = "".join(f'<img src="data:image/png;base64,{b64encode(part).decode()}">' for part in parts)
    sheet = browser.new_page(viewport={"width": WIDTH, "height": 100})
    sheet.set_content(f"<style>body {{ margin: 0 }} img {{ display: block; margin-bottom: 16px }}</style>{images}")
    picture = sheet.screenshot(full_page=True)
    sheet.close()
    return picture


def _edges(page: Page, selector: str) -> tuple[float, float, float]:
    """Left, top and bottom of all elements that the selector finds, in pixels of the page."""
    boxes = [box for each in page.locator(selector).all() if (box := each.bounding_box())]
    return (
        min(box["x"] for box in boxes),
        min(box["y"] for box in boxes),
        max(box["y"] + box["height"] for box in boxes),
    )


def main() -> int:
    """Write the picture."""
    with launched() as browser:
        visits = Visits(browser)
        PICTURE.write_bytes(taken(browser, visits))
        visits.close()
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} KB")
    return 1 if visits.faults else 0


if __name__ == "__main__":
    sys.exit(main())
