"""docs/moto-drs.md tells the truth: its example runs as it stands, and it names what there is."""

import re
from pathlib import Path
from typing import Any, Final

from drsim.simulator import moto_drs
from tests.simulator.moto_drs.answers import MODEL

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs" / "moto-drs.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_runs() -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "docs/moto-drs.md", "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0]()


def test_the_page_names_all_operations_and_all_that_tests_can_call() -> None:
    answered = {
        name for name in MODEL.operation_names if re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
        in vars(moto_drs.responses.DRSResponse)
    }  # fmt: skip
    assert len(answered) == 10
    not_told = {"DRSError", "drs_backends", "register"}
    for name in answered | set(moto_drs.__all__) - not_told:
        assert re.search(rf"\b{name}\b", PAGE), name
