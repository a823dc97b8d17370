"""Ids and messages that contain markup: every page shows them as text, and the browser executes none of it."""

import json
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from drsim.outputs import write
from drsim.reports import html
from drsim.scenarios.files import parse
from drsim.scenarios.runner import Run, run
from tests.browser.visits import PHONE, WIDE, Page, Visits, expect, settled, unfolded
from tests.reports.hostile import hostile

IMAGE: Final = "<img src=x onerror=alert(1)>"
SCRIPT: Final = "</script><script>alert(2)</script>"
IDS: Final = (IMAGE, SCRIPT, '"><svg onload=alert(3)>', "\u202edesrever \u2066{{ run }}", "x" * 10_240)

SCENARIO: Final = f"""
name: hostile
title: "{IMAGE}"
why: "{SCRIPT}"
duration: 20m
workload:
  - executions: {len(IDS)}
    ids: {json.dumps(IDS)}
"""


@pytest.fixture(scope="module")
def bad() -> Run:
    return run(parse(SCENARIO, "hostile.yaml"), seed=1)


@pytest.fixture(scope="module")
def report(bad: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    assert write(bad, folder) == ()
    return folder / "report.html"


def use(page: Page) -> None:
    """Use the page so that its script writes every kind of text."""
    unfolded(page)
    page.locator("#timeline [data-do=fold]").click()
    box = page.locator("#timeline .lanes")
    box.scroll_into_view_if_needed()
    box.focus()
    frame = box.bounding_box()
    assert frame is not None
    for place in range(len(IDS)):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + 12 + place * 35)
        settled(page)
    for details in page.locator("figure.chart details summary").all():
        details.click()
    page.locator("figure.chart .plot").first.hover()
    settled(page)


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_hostile_ids_are_shown_as_text_and_not_executed(visits: Visits, report: Path, width: int) -> None:
    page = visits.open(report, width=width)
    use(page)
    assert page.locator("img").count() == 0
    assert page.locator("svg[onload]").count() == 0
    assert page.locator("body script").count() == page.locator("script[type], footer + script").count()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#timeline .lanes")
    box.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    captions = page.locator("#timeline [data-show=story] caption")
    shown = [captions.inner_text()]
    for _ in IDS[1:]:
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        shown.append(captions.inner_text())
    for expected in (IMAGE, SCRIPT, '"><svg onload=alert(3)>', "\\u202edesrever \\u2066{{ run }}", "x" * 90):
        assert any(expected in each for each in shown)
    assert not any("\u202e" in each for each in shown)
    expect(page.locator("header")).to_contain_text(IMAGE)
    expect(page.locator("header")).to_contain_text(SCRIPT)


def test_hostile_handler_output_is_shown_as_text_and_not_executed(visits: Visits, bad: Run, tmp_path: Path) -> None:
    """User-supplied handlers may write any status, and violations quote it."""
    # A wave's status is one word, so this one has no space; browsers treat the slash as one. Job ids are quoted.
    svg = json.dumps('"><svg/onload=alert(3)>')[1:-1]
    lines = [
        re.sub(
            "drsjob-([0-9a-f]+)",
            (lambda found: json.dumps(f"{IMAGE} {found[0]}:")[1:-1])
            if line.startswith('["JobStarted"')
            else (lambda found: quote(f"{IMAGE} {found[0]}:")),
            line.replace('"POLLING"', json.dumps(IMAGE)).replace(":LAUNCHING:", f":{svg}:"),
        )
        for line in bad.trace.lines()
    ]
    document = html.render(hostile(bad.result), lines)
    assert document.troubles == ()
    path = tmp_path / "report.html"
    path.write_text(document.text, encoding="utf-8", errors="backslashreplace")
    page = visits.open(path)
    use(page)
    assert page.locator("img").count() == 0
    assert page.locator("svg[onload]").count() == 0
    story = page.locator("#timeline [data-show=story]")
    expect(story).to_contain_text(f"execution {IMAGE}")
    expect(story).to_contain_text("DRS: wave 1 IN_PROGRESS")
    expect(page.locator("#acceptance")).to_contain_text("<script>alert('x')</script>")
