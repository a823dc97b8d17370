"""docs/reference shows the schemas, the command line and the tables as they are."""

import pytest

from tests import references
from tests.samples import difference


@pytest.mark.parametrize("name", references.PAGES)
def test_reference_is_what_its_source_says(name: str) -> None:
    trouble = difference(references.REFERENCE / name, references.PAGES[name]())
    assert trouble is None, f"{trouble}\nrun: {references.COMMAND}"


def test_text_in_a_table_cell_means_itself() -> None:
    assert references.cell("a | b\n <i> `x|*y*`") == "a \\| b \\<i> `x\\|*y*`"


def test_kept_references_are_all_generated() -> None:
    assert {path.name for path in references.REFERENCE.iterdir()} == references.PAGES.keys()
