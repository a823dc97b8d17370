"""docs/reference shows the schemas, the command line and the tables as they are; the check of the site finds faults."""

from pathlib import Path

import pytest

from tests import docs_site, references
from tests.samples import difference


@pytest.mark.parametrize("name", references.PAGES)
def test_reference_is_what_its_source_says(name: str) -> None:
    trouble = difference(references.REFERENCE / name, references.PAGES[name]())
    assert trouble is None, f"{trouble}\nrun: {references.COMMAND}"


def test_text_in_a_table_cell_means_itself() -> None:
    assert references.cell("a | b\n <i> `x|*y*`") == "a \\| b \\<i> `x\\|*y*`"


def test_kept_references_are_all_generated() -> None:
    assert {path.name for path in references.REFERENCE.iterdir()} == references.PAGES.keys()


def test_site_check_finds_broken_links_anchors_and_requests(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<link rel="stylesheet" href="//fonts.example/x.css"><link rel="canonical" href="https://a.example/">'
        '<h2 id="here">A</h2><a href="#here"></a><a href="#gone"></a><a href="b.html"></a><a href="../secret"></a>'
        '<a href="https://a.example/"></a><img src="a.html"><script src="https://cdn.example/x.js"></script>',
        encoding="utf-8",
    )
    (tmp_path / "a.css").write_text("@import 'https://css.example/x.css';", encoding="utf-8")
    assert docs_site.faults(tmp_path) == [
        "a.html requests //fonts.example/x.css",
        "a.html requests https://cdn.example/x.js",
        "a.html: no such heading: #gone",
        "a.html: no file for the link b.html",
        "a.html: no file for the link ../secret",
        "a.css requests https://css.example/x.css",
    ]


def test_navigation_of_the_site_names_every_page() -> None:
    assert list(docs_site.unlisted()) == []
