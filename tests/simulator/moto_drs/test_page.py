"""docs/moto-drs.md is correct: its example runs unchanged, and it lists all operations and functions."""

import re
from pathlib import Path
from typing import Any, Final

from drsim.simulator import moto_drs
from drsim.simulator.drs_api.operations import OPERATIONS
from tests.simulator.moto_drs.answers import MODEL

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs" / "moto-drs.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_runs() -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "docs/moto-drs.md", "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0]()


def test_the_page_lists_each_operation_with_route_and_errors() -> None:
    rows = []
    for name in OPERATIONS:
        model = MODEL.operation_model(name)
        errors = ", ".join(sorted(error.name.removesuffix("Exception") for error in model.error_shapes))
        rows.append(f"| `{name}` | `{model.http['method']} {model.http['requestUri']}` | {errors} |")
    known = tuple(f"| `{name}` |" for name in MODEL.operation_names)
    assert sorted(line for line in PAGE.splitlines() if line.startswith(known)) == sorted(rows)


def test_the_page_names_everything_that_tests_can_call() -> None:
    for name in set(moto_drs.__all__) - {"DRSError", "drs_backends", "register"}:
        assert re.search(rf"\b{name}\b", PAGE), name
