"""The page as HTML: what is a verdict, a basis or a table's name, and what only says the same words."""

import pytest
from markdown_it import MarkdownIt

from drsim.reports import html, markdown
from drsim.reports.html import MARKS, html_of
from drsim.reports.markdown import SIGNS
from drsim.reports.page import coded
from drsim.scenarios.result import Result
from tests.reports.pieces import Pieces

POSES = (*SIGNS.values(), *MARKS.values(), "✓ PASS", "observed", "modelled")


@pytest.fixture(scope="module")
def posing(phase_2: Result) -> Result:
    """A run in which executions and criteria have such names as only a verdict or a basis should have."""
    samples = phase_2.metrics.executions[:1] * len(POSES)
    named = tuple(each.model_copy(update={"execution_id": pose}) for each, pose in zip(samples, POSES, strict=True))
    criterion = phase_2.criteria[0].model_copy(update={"value": " ".join(POSES)})
    return phase_2.model_copy(
        update={
            "metrics": phase_2.metrics.model_copy(update={"executions": named}),
            "criteria": (criterion, *phase_2.criteria[1:]),
        }
    )


def kinds(text: str, kind: str) -> int:
    return len(Pieces(text).all("span", kind))


def test_name_equal_to_a_verdict_or_a_basis_stays_text(phase_2: Result, posing: Result) -> None:
    def sections(result: Result) -> dict[str, str]:
        return {each.name: str(html_of(each.text, each.title)) for each in markdown.sections(result, signs=MARKS)}

    honest, other = sections(phase_2), sections(posing)
    assert {name: kinds(text, "verdict") for name, text in other.items()} == {
        name: kinds(text, "verdict") for name, text in honest.items()
    }
    assert {name: kinds(text, "basis") for name, text in other.items()} == {
        name: kinds(text, "basis") for name, text in honest.items()
    }
    for pose in SIGNS.values():
        assert pose in other["environment"]
        assert pose in other["acceptance"]
    assert "\\u2063pass\\u2063" in other["environment"]


def test_verdicts_are_marked_and_no_mark_is_left(phase_2: Result) -> None:
    text = html.render(phase_2, []).text
    assert "\u2063" not in text
    assert not any(sign in text for sign in SIGNS.values())
    marked = str(html_of(f"- {MARKS['pass']}: all\n- {MARKS['not exercised']}: none", "Here"))
    assert '<span class="verdict pass">✓ PASS</span>: all' in marked
    assert '<span class="verdict not exercised">– not exercised</span>: none' in marked


def test_summary_of_the_page_repeats_nothing_of_the_first_screen(phase_2: Result) -> None:
    summary = html.render(phase_2, []).text.partition('<section id="summary"')[2].partition("</section>")[0]
    assert "criteria passed" not in summary
    assert "<strong>Polls</strong>" not in summary
    assert "58 started, 58 recorded" in markdown.render(phase_2)


def test_executions_in_tables_link_to_their_lanes_if_there_are_any() -> None:
    table = "| Execution | Call |\n|---|---|\n| `a/b` | `Query` |\n| - | - |\n"
    linked, plain = (str(html_of(table, "Here", has_lanes=has_lanes)) for has_lanes in (True, False))
    assert linked.count("<a ") == 1
    assert '<a href="#execution=a%2Fb"><code>a/b</code></a>' in linked
    assert "<a " not in plain


def test_names_between_backticks_are_code_and_all_else_stays_text() -> None:
    assert coded("`<b>` kept, <b>") == "<code>&lt;b&gt;</code> kept, &lt;b&gt;"


def test_a_basis_is_a_badge_in_its_own_column_only() -> None:
    shown = str(html_of("| Value | Basis |\n|---|---|\n| observed | observed |\n", "Here"))
    assert Pieces(shown).texts == ["Value", "Basis", "observed", "observed"]
    assert "<td>observed</td>" in shown
    assert kinds(shown, "basis") == 1


def test_tables_are_named_by_the_heading_above_them_and_no_two_alike() -> None:
    table = "| A |\n|---|\n| b |\n"
    text = f"{table}\n\n### Calls of `x` & co\n\n{table}\n{table}\n### Other\n\n{table}"
    regions = Pieces(str(html_of(text, "3. Poller"))).all("div", "table")
    assert [each["aria-label"] for each in regions] == [
        "3. Poller",
        "Calls of x & co",
        "Calls of x & co, table 2",
        "Other",
    ]
    assert {each["role"] for each in regions} == {"region"}


def test_markdown_without_tables_or_verdicts_is_plain_commonmark() -> None:
    text = "Some *words*, `code` and <b>no markup</b>.\n\n- a list\n"
    assert html_of(text, "x") == MarkdownIt("commonmark", {"html": False}).render(text)


def test_paper_has_scenario_verdict_digest_and_page_in_its_margin(phase_2: Result) -> None:
    text = html.render(phase_2, []).text
    digest = (phase_2.trace_digest or "")[:16]
    assert f'@bottom-left {{ content: "phase-2, seed 1, pass, trace digest {digest}"' in text
    failed = html.render(phase_2.model_copy(update={"verdict": "fail"}), []).text
    assert '@bottom-left { content: "phase-2, seed 1, fail, trace digest ' in failed
    assert '@bottom-right { content: "page " counter(page) " of " counter(pages)' in text


def test_scenario_cannot_leave_the_margin_of_the_paper(phase_2: Result) -> None:
    text = html.render(phase_2.model_copy(update={"scenario": 'a"; } </style><script>x\n\\'}), []).text
    margin = text.partition('@bottom-left { content: "')[2].partition(", seed 1")[0]
    assert margin == "a\\22 \\3b  \\7d  \\3c \\2f style\\3e \\3c script\\3e x \\5c "


def test_files_beside_the_page_are_linked(phase_2: Result) -> None:
    links = [each["href"] for each in Pieces(_body(html.render(phase_2, []).text)).all("a")]
    assert {"report.md", "result.json", "trace.jsonl.gz", "metrics.csv", "junit.xml", "evidence.json"} <= set(links)
    untraced = html.render(phase_2.model_copy(update={"trace": "off", "trace_digest": None}), []).text
    assert 'href="trace.jsonl.gz"' not in untraced


def _body(page: str) -> str:
    return page.partition("<footer>")[2].partition("</footer>")[0]
