"""What a run brings in stays text and in its place in `report.md`, and neither it nor a crash loses the report."""

import re
from html import unescape
from typing import Any

import pytest
from markdown_it import MarkdownIt

from drsim.reports.markdown import BYTES_MAX, cell, code, document
from drsim.reports.sections import TITLES
from drsim.reports.text import visible
from drsim.scenarios.record import ViolationRecord
from drsim.scenarios.result import PropertyResult, Result, UnwinnableRecord
from tests.reports.hostile import finding

HOSTILE = [
    "<script>alert(1)</script>",
    "a & b &lt; c",
    "![x](https://evil.example/x.png)",
    "[x](javascript:alert(1)) <https://evil.example>",
    "https://evil.example",
    "www.evil.example WWW.evil.example a@b.co mailto:a@b.co @octocat @@octocat www.@octocat://#1",
    "#1 ##1 octocat/repository#1 GH-1 `@octocat` \\@octocat *#1*",
    "a|b\\|c\\",
    "`a``b`",
    "``",
    "*a* _b_ __c__ ~~d~~ ***",
    "# not a heading",
    "- no list",
    "1. no list",
    "> no quotation",
    "a\n\n# b\r\n| c |\n---",
    "\x00\x1b[31m\x7f",
    "abc\u202edef\u2066ghi\u200f",
    "\ud800 half a pair",
    "\"'",
]


def rendered(markdown: str) -> str:
    """The text, without its elements, that a reader of Markdown with tables and HTML would see."""
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    return unescape(re.sub(r"\n+", "\n", re.sub(r"<[^>]*>", "", html)).strip())


def elements(markdown: str) -> list[str]:
    """The names of the elements, in order."""
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    return re.findall(r"<(/?\w+)", html)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("write", [cell, code])
def test_a_table_shows_hostile_text_as_it_is_and_has_no_element_more(text: str, write: Any) -> None:
    table = "| a | b |\n|---|---|\n| {} | last |\n"
    shape = [name for name in elements(table.format("plain")) if name.strip("/") != "code"]
    assert [name for name in elements(table.format(write(text))) if name.strip("/") != "code"] == shape
    shown = visible(text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u200f\u202e\u2066\ud800]", shown)
    assert rendered(table.format(write(text))).split("\n") == ["a", "b", shown, "last"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_list_shows_hostile_text_as_it_is(text: str) -> None:
    item = f"- {cell(text)}\n- {code(text, in_table=False)} end\n"
    assert [name for name in elements(item) if name.strip("/") != "code"] == ["ul", "li", "/li", "li", "/li", "/ul"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("write", [cell, code])
def test_text_that_github_would_link_is_escaped(text: str, write: Any) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(f"| a |\n|---|\n| {write(text)} |\n")
    # GitHub looks in each piece of text by itself, whatever was escaped in it, and in no code.
    pieces = [unescape(piece) for piece in re.split(r"<code>.*?</code>|<[^>]*>", html)]
    assert [piece for piece in pieces if re.search(r"(?i)www\.|://|\w@\w|@\w|#\d|\bgh-\d", piece)] == []


def test_a_sign_that_makes_no_link_stays_as_it_is() -> None:
    assert cell("50 % @ 3 s, no. # of w. C# a-1: /x") == "50 % @ 3 s, no. # of w. C# a-1: /x"
    assert cell("a@b.co") == "a`@`b.co"


def test_long_text_is_shortened_and_shows_its_length() -> None:
    assert cell("x" * 10_240) == "x" * 400 + "… (10240 characters)"
    assert len(code("`" * 10_240)) < 1300


def hostile(result: Result, properties: int, violations: int) -> Result:
    """The result with `violations` violations in each of `properties` properties, each of hostile texts of 10 KB."""
    texts = [text * (10_240 // len(text)) for text in HOSTILE]
    found = tuple(
        ViolationRecord(
            execution_id=texts[number % len(texts)],
            at="2025-11-28T20:32:29Z",
            expected=texts[(number + 1) % len(texts)],
            observed="\u202e" * 10_240,
        )
        for number in range(violations)
    )
    broken = tuple(
        PropertyResult(
            name=f"property-{number}",
            rule="`<|" * 4000,
            verdict="fail",
            checked=violations,
            violations_count=violations,
            violations=found,
        )
        for number in range(properties)
    )
    return result.model_copy(
        update={
            "findings": (finding(where=texts[0], cases=found[:5], followers=(finding(place=texts[1]),) * 9),)
            * properties,
            "properties": (*result.properties, *broken),
            "unwinnable": tuple(UnwinnableRecord(execution_id=text, reason=text) for text in texts * 20),
        }
    )


@pytest.mark.slow
def test_a_report_of_hundreds_of_hostile_violations_fits_github(phase_2: Result) -> None:
    report = document(hostile(phase_2, properties=60, violations=20))
    assert report.troubles == ()
    assert len(report.text.encode()) < BYTES_MAX
    assert not {"script", "img", "a", "pre"} & set(elements(report.text))
    assert re.findall(r"^## (.*)$", report.text, re.MULTILINE)[2:] == list(TITLES.values())
    assert "> **Shortened** to stay under 900 kB: long tables end after 20 rows. All" in report.text
    assert re.search(r"\n\n\d+ more rows are in result\.json\.\n", report.text)


def test_a_report_is_whole_where_it_fits(phase_2: Result) -> None:
    assert "Shortened" not in document(phase_2).text
    assert "more rows" not in document(phase_2).text


def test_sections_of_least_value_are_left_out_first(phase_2: Result) -> None:
    whole = len(document(phase_2).text.encode())
    report = document(phase_2, bytes_max=whole - 1000).text
    assert len(report.encode()) < whole - 1000
    left_out = "left out: 11. Test Environment Details, 8. Logging & Observability. All of it is in `result.json`"
    assert left_out in report
    assert "## 11. Test Environment Details\n\nLeft out, see above.\n\n## 12. Acceptance Criteria Status\n\n|" in report
    least = document(phase_2, bytes_max=12_000).text
    assert "## 12. Acceptance Criteria Status\n\n| Criterion |" in least
    assert "## 6. CloudWatch Metrics\n\nLeft out, see above.\n" in least


def test_broken_section_says_so_in_its_place_and_affects_no_other(phase_2: Result) -> None:
    metrics = phase_2.metrics
    configuration = {name: value for name, value in metrics.configuration.items() if name != "functions"}
    broken = phase_2.model_copy(
        update={
            "metrics": metrics.model_copy(update={"configuration": configuration}),
            "properties": phase_2.properties[:1],
        }
    )
    report = document(broken)
    assert [trouble.partition(". ")[0] for trouble in report.troubles] == ["1", "2", "9"]
    assert "9. Security & IAM Validation: KeyError: 'least-privilege'" in report.troubles
    nine = (
        "## 9. Security & IAM Validation\n\n**This section could not be written**: KeyError: 'least-privilege'\n\n## 10"
    )
    assert nine in report.text
    assert "> ⚠️ Could not be written: 9\\. Security &amp; IAM Validation: KeyError: 'least-privilege'\n" in report.text
    assert "| Criterion | Status |" in report.text
    assert re.findall(r"^## (.*)$", report.text, re.MULTILINE)[1:] == list(TITLES.values())
