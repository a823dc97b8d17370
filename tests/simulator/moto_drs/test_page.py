"""docs/moto-drs.md is correct: its example runs unchanged, and it names all functions."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from drsim.moto import fake_drs
from drsim.simulator import moto_drs

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"


def examples(page: str) -> list[Callable[..., None]]:
    """The tests in the Python blocks of a page, in their order; all blocks share their names."""
    blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    return [value for name, value in names.items() if name.startswith("test_")]


def test_the_example_of_the_page_runs() -> None:
    (test,) = examples("moto-drs.md")
    with fake_drs() as drs:
        test(drs)


@pytest.mark.parametrize("recipe", examples("moto-drs-recipes.md"), ids=lambda recipe: recipe.__name__)
def test_each_recipe_of_the_page_runs(recipe: Callable[..., None]) -> None:
    with fake_drs() as drs:
        recipe(drs)


def test_the_page_has_six_recipes() -> None:
    assert len(examples("moto-drs-recipes.md")) == 6


def test_the_page_names_everything_that_tests_can_call() -> None:
    page = (DOCS / "moto-drs.md").read_text(encoding="utf-8")
    for name in set(moto_drs.__all__) - {"DRSError", "drs_backends", "register"}:
        assert re.search(rf"\b{name}\b", page), name
