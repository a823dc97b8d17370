"""Accessibility: reports work with a keyboard, with a screen reader, and with low vision."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

pytest.importorskip("axe_playwright_python", reason="axe is not installed; `nox -s browser` installs it")

from axe_playwright_python.sync_playwright import Axe

from tests.browser.visits import PHONE, WIDE, Page, Theme, Visits, unfolded

NARROW: Final = 640
CONTRAST_MIN: Final = 4.5
"""WCAG 2.2, success criterion 1.4.3 (level AA), for text of normal size."""

_CONTRAST: Final = """
const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
// Mixed colours have components from 0 to 1, others from 0 to 255.
const parts = (colour) => colour.match(/[\\d.]+/g).map((each) => (colour.startsWith("color(") ? 255 * each : +each));
const contrast = (a, b) => {
  const [x, y] = [light(parts(a)), light(parts(b))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
};
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_enough_contrast(visits: Visits, reports: dict[str, Path], theme: Theme) -> None:
    page = unfolded(visits.open(reports["chaos"], theme=theme))
    faint: list[str] = page.evaluate(f"""() => {{ {_CONTRAST}
      const behind = (element) => {{
        for (let each = element; each; each = each.parentElement) {{
          const colour = getComputedStyle(each).backgroundColor;
          if (parts(colour)[3] !== 0) return colour;
        }}
        return "rgb(255, 255, 255)";
      }};
      const found = new Map();
      for (const element of document.querySelectorAll("body *")) {{
        if (element.closest("script, style, noscript") || !element.checkVisibility()) continue;
        if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
        const style = getComputedStyle(element), ink = element.closest("svg") ? style.fill : style.color;
        const ratio = contrast(ink, behind(element));
        const kind = element.className.baseVal ?? element.className;
        const what = `${{element.tagName}}.${{kind}} ${{ink}} on ${{behind(element)}}`;
        if (ratio < {CONTRAST_MIN}) found.set(what, ratio.toFixed(2));
      }}
      return [...found].map(([what, ratio]) => `${{what}}: ${{ratio}}`);
    }}""")
    assert faint == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_enough_contrast_on_every_background(
    visits: Visits, reports: dict[str, Path], theme: Theme
) -> None:
    page = visits.open(reports["phase-2"], theme=theme)
    grounds = {f"--{verdict}": ("--paper", f"--{verdict}-tint") for verdict in ("pass", "fail", "unknown")}
    everywhere = ("--paper", "--tint", "--pass-tint", "--fail-tint", "--unknown-tint")
    pairs = [(ink, ground) for ink, on in grounds.items() for ground in on]
    pairs += [(ink, ground) for ink in ("--ink", "--soft") for ground in everywhere]
    pairs += [("--link", "--paper")]
    found: list[float] = page.evaluate(
        f"""(pairs) => {{ {_CONTRAST}
          const probe = document.body.appendChild(document.createElement("i"));
          const resolved = (name) => {{ probe.style.color = `var(${{name}})`; return getComputedStyle(probe).color; }};
          return pairs.map(([ink, ground]) => contrast(resolved(ink), resolved(ground)));
        }}""",
        pairs,
    )
    assert {pair: ratio for pair, ratio in zip(pairs, found, strict=True) if ratio < CONTRAST_MIN} == {}


def test_tab_visits_skip_link_contents_timeline_tables_in_order(visits: Visits, reports: dict[str, Path]) -> None:
    # In a narrow window that is no phone's, tables scroll; tables that do not scroll are no tab stop.
    page = unfolded(visits.open(reports["phase-2"], width=NARROW))
    page.locator(".skip").focus()
    places: list[str] = [_place(page)]
    while "table" not in places and len(places) < 100:
        page.keyboard.press("Tab")
        places.append(_place(page))
    reached = list(dict.fromkeys(places))
    stops = ("skip", "contents", "controls", "lanes", "table")
    assert [place for place in reached if place in stops] == list(stops)
    assert page.evaluate("document.activeElement.matches(':focus-visible')")


def _place(page: Page) -> str:
    found: str = page.evaluate("""() => {
      const at = document.activeElement;
      const places = {
        skip: ".skip", contents: ".contents", lanes: ".lanes", controls: "#timeline", table: ".table", chart: ".chart",
      };
      return Object.keys(places).find((name) => at.closest(places[name])) || at.tagName;
    }""")
    return found


def test_skip_link_jumps_past_the_contents(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["phase-2"])
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box() is not None
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize(("scenario", "width"), [("load-100", WIDE), ("chaos", PHONE)])
def test_every_focusable_element_has_a_unique_name(
    visits: Visits, reports: dict[str, Path], scenario: str, width: int
) -> None:
    page = unfolded(visits.open(reports[scenario], width=width))
    nodes: list[dict[str, Any]] = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    nameless: list[str] = []
    names: list[str] = []
    executions: set[tuple[str, str]] = set()
    for node in nodes:
        focusable = any(each["name"] == "focusable" and each["value"]["value"] for each in node.get("properties", ()))
        if node["ignored"] or not focusable or node["role"]["value"] in ("RootWebArea", "main"):
            continue
        name = node.get("name", {}).get("value", "").strip()
        # Links to one execution may share its id as their name.
        place = next((each["value"]["value"] for each in node.get("properties", ()) if each["name"] == "url"), "")
        if "#execution=" in place and (name, place) in executions:
            continue
        executions.add((name, place))
        (names if name else nameless).append(f"{node['role']['value']}: {name}")
    assert nameless == []
    assert [name for name, count in Counter(names).items() if count > 1] == []
    for expected in ("searchbox: Filter by execution id", "button: Zoom in", "link: Skip to the report"):
        assert expected in names


def test_headings_skip_no_level(visits: Visits, reports: dict[str, Path]) -> None:
    page = visits.open(reports["phase-2"])
    levels: list[int] = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].map((each) => +each.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("width", [PHONE, NARROW, WIDE])
def test_table_is_a_tab_stop_only_if_it_scrolls(visits: Visits, reports: dict[str, Path], width: int) -> None:
    page = unfolded(visits.open(reports["chaos"], width=width))
    stops = page.locator(".table[tabindex='0']").count()
    assert (stops > 0) == (width == NARROW)
    wrong = """[...document.querySelectorAll('.table')]
      .filter((each) => (each.tabIndex === 0) !== (each.scrollWidth > each.clientWidth))
      .map((each) => each.ariaLabel)"""
    assert page.evaluate(wrong) == []
    names: list[str] = page.evaluate("[...document.querySelectorAll('[role=region]')].map((each) => each.ariaLabel)")
    assert len(names) == len(set(names)) > 10


def test_every_table_is_a_tab_stop_without_script(reports: dict[str, Path]) -> None:
    text = reports["chaos"].read_text(encoding="utf-8")
    assert text.count('<div class="table" ') == text.count('<div class="table" tabindex="0" role="region"') > 10


def test_chart_buttons_are_at_least_24_pixels_high(visits: Visits, reports: dict[str, Path]) -> None:
    """WCAG 2.2, success criterion 2.5.8 (level AA)."""
    page = unfolded(visits.open(reports["phase-2"]))
    heights: list[float] = page.evaluate(
        """[...document.querySelectorAll('.chart button.key, .chart summary')]
          .map((each) => each.getBoundingClientRect().height)"""
    )
    assert len(heights) > 20
    assert min(heights) >= 24


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 1024, WIDE])
def test_axe_finds_no_violation(visits: Visits, reports: dict[str, Path], width: int, theme: Theme) -> None:
    page = visits.open(reports["chaos"], width=width, theme=theme)
    page.locator("#timeline .lanes").click(position={"x": 200, "y": 12})
    found = Axe().run(unfolded(page)).response["violations"]
    assert [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found] == []
