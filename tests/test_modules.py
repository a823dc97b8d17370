"""Rules on modules: their length and names, the length of functions, and one definition for each class name."""

import ast
from typing import Final

from tests.test_architecture import LAYERS, ROOT, Module, _faults, _modules

LINES_MAX: Final = 350
FUNCTION_LINES_MAX: Final = 60
TEST_LINES_MAX: Final = 400
"""The limit of test modules, which hold many short subjects."""

DUMPING_GROUNDS: Final = frozenset({"util", "utils", "helper", "helpers", "base", "manager", "managers", "common"})


def length_faults(module: Module) -> list[str]:
    """A module too long to have one subject, and functions too long to be understood at once."""
    count = len(module.text.splitlines())
    lines_max = TEST_LINES_MAX if module.layer == "tests" else LINES_MAX
    faults = []
    if count > lines_max:
        faults.append(f"{module.name} has {count} lines; over {lines_max}, split it by subject")
    for node in ast.walk(ast.parse(module.text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and module.layer != "tests":
            count, name = (node.end_lineno or node.lineno) - node.lineno + 1, f"{module.name}.{node.name}"
            if count > FUNCTION_LINES_MAX:
                faults.append(f"{name} has {count} lines; over {FUNCTION_LINES_MAX}, split it by step")
    return faults


def repeated_class_faults(modules: list[Module]) -> list[str]:
    """Class names with several definitions; a leading underscore makes no difference."""
    places: dict[str, list[str]] = {}
    for module in modules:
        for node in ast.walk(ast.parse(module.text)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name.lstrip("_"), []).append(f"{module.name}:{node.lineno}")
    return [
        f"{name} is defined in {', '.join(found)}; a class name has one definition"
        for name, found in sorted(places.items())
        if len(found) > 1
    ]


def name_faults(module: Module) -> list[str]:
    """A name that invites anything."""
    return [
        f"{module.name}: {part!r} names no subject"
        for part in module.name.split(".")
        if part.strip("_").lower() in DUMPING_GROUNDS
    ]


def test_no_module_is_longer_than_its_limit() -> None:
    nox_file = Module("noxfile", (ROOT / "noxfile.py").read_text(encoding="utf-8"))
    assert _faults(length_faults, [*_modules(*LAYERS, "tests"), nox_file]) == []


def test_each_class_name_has_one_definition() -> None:
    assert repeated_class_faults(_modules(*LAYERS)) == []


def test_every_module_is_named_for_its_subject() -> None:
    assert _faults(name_faults, _modules(*LAYERS, "tests")) == []


def test_a_long_module_and_a_module_without_a_subject_are_caught() -> None:
    assert length_faults(Module("drsim.simulator.drs", "\n" * LINES_MAX)) == []
    assert length_faults(Module("drsim.simulator.drs", "\n" * (LINES_MAX + 1))) != []
    assert length_faults(Module("tests.test_drs", "\n" * TEST_LINES_MAX)) == []
    assert length_faults(Module("tests.test_drs", "\n" * (TEST_LINES_MAX + 1))) != []
    assert name_faults(Module("drsim.simulator._utils", "")) != []
    assert name_faults(Module("drsim.simulator.database", "")) == []


def test_a_long_function_is_caught() -> None:
    longest = "class World:\n    def run(self):\n" + "        pass\n" * (FUNCTION_LINES_MAX - 1)
    assert length_faults(Module("drsim.simulator.drs", longest)) == []
    (fault,) = length_faults(Module("drsim.simulator.drs", f"{longest}        pass\n"))
    assert fault.startswith("drsim.simulator.drs.run has 61 lines")


def test_a_repeated_class_name_is_caught() -> None:
    once = [Module("drsim.cli", "class Wave: ..."), Module("drsim.api", "class WaveSpec: ...")]
    assert repeated_class_faults(once) == []
    (fault,) = repeated_class_faults([*once, Module("drsim.outputs", "class _Wave: ...")])
    assert fault == "Wave is defined in drsim.cli:1, drsim.outputs:1; a class name has one definition"
