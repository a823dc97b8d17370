"""The page of a comparison: what comes first, and what is folded."""

import re

from drsim.reports.comparing import documents
from drsim.reports.comparing.comparison import compare
from tests.reports.comparing.test_comparison import drill


def test_page_begins_with_settings_and_folds_what_tells_nothing() -> None:
    found = compare([drill(1)], [drill(1, "SWEEPS_PER_INVOCATION=4")])
    page = documents.render_html([found])
    assert page.index("<h3>Set differently</h3>") < page.index("<h3>Verdicts that changed</h3>")
    few, same = ([each.name for each in found.distributions if getattr(each, name)] for name in ("few", "same"))
    assert few
    assert same
    assert set(few).isdisjoint(same)
    for names, text in (
        (few, "with too few values to tell a difference"),
        (same, "with the same values on both sides"),
    ):
        _, folded = page.split(f"<summary>{len(names)} {text}</summary>")
        shown = re.findall(r'<tr><th scope="row">([^,]+),', folded.partition("</details>")[0])
        assert shown == names
        for name in names:
            assert page.count(f'<th scope="row">{name},') == 1
