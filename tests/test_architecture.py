"""The layering that docs and house style promise, checked over the syntax trees of every module.

Owns the rules about who may import whom, and about names and lengths of modules. Each rule is a function from a
module to its faults, so that the last tests can show it a wrong module and see it complain.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent

LAYERS: Final = ("drsim", "reports", "scenarios", "simulator", "orchestrator")
"""A package may import itself and those after it."""

OUTSIDE: Final = ("tests", "noxfile")
"""What exists for developers only. No package may import it: it is not installed."""

RESULT_DATA: Final = ("scenarios.result", "simulator.durations")
"""What reports may import of scenarios and simulator: results, and how durations are written in them."""

COMPUTED: Final = "<computed>"
LINES_MAX: Final = 400
DUMPING_GROUNDS: Final = frozenset({"util", "utils", "helper", "helpers", "base", "manager", "managers", "common"})

SIMULATION_WORDS: Final = re.compile(
    r"simulat|virtual[\s_-]*(?:time|clock)|fake|mock|\bmoto\b|freez|greenlet|drsim", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its dotted name, whether it is a package's `__init__`, and its text."""

    name: str
    text: str
    is_package: bool = False

    @property
    def layer(self) -> str:
        """The top-level package."""
        return self.name.partition(".")[0]


Rule = Callable[[Module], list[str]]


def _modules(*folders: str) -> list[Module]:
    found = []
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name, path.read_text(encoding="utf-8"), is_package))
    return found


def _imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported anywhere in the module, by statement or by call."""
    for node in ast.walk(ast.parse(module.text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            source = ".".join(part for part in (_parent(module, node.level), node.module) if part)
            for alias in node.names:
                yield node.lineno, f"{source}.{alias.name}"
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"} and node.args:
            yield node.lineno, _literal(node.args[0])


def _parent(module: Module, level: int) -> str:
    """The package that a relative import with so many dots starts from; nothing for an absolute one."""
    if level == 0:
        return ""
    parts = module.name.split(".")
    return ".".join(parts[: len(parts) - level + module.is_package])


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _literal(name: ast.expr) -> str:
    """A name put together at run time would slip past every rule here, so it becomes a name that none allows."""
    match name:
        case ast.Constant(value=str(text)):
            return text
        case _:
            return COMPUTED


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def direction_faults(module: Module) -> list[str]:
    """Imports of a layer above, or of what is not installed."""
    allowed = LAYERS[LAYERS.index(module.layer) :]
    faults = []
    for line, name in _imports(module):
        top = name.partition(".")[0]
        if top == COMPUTED or (top in LAYERS + OUTSIDE and top not in allowed):
            faults.append(f"{module.name}:{line} imports {name}; {module.layer} may import only {', '.join(allowed)}")
    return faults


def dependency_faults(module: Module) -> list[str]:
    """Third-party imports of production code outside the places that own them."""
    allowed = set(sys.stdlib_module_names) | {"orchestrator"}
    if _within(module.name, "orchestrator.aws"):
        allowed |= {"boto3", "botocore"}
    if module.name == "orchestrator.entrypoints":
        allowed |= {"aws_lambda_powertools"}
    faults = []
    for line, name in _imports(module):
        top = name.partition(".")[0]
        stubs = top.startswith("mypy_boto3_") and _within(module.name, "orchestrator.aws")
        if top not in allowed and not stubs:
            faults.append(f"{module.name}:{line} imports {name}; production code must run without it")
    return faults


def live_object_faults(module: Module) -> list[str]:
    """Imports by which a report would reach live objects of the simulation."""
    return [
        f"{module.name}:{line} imports {name}; reports read only {', '.join(RESULT_DATA)}"
        for line, name in _imports(module)
        if name.partition(".")[0] in {"simulator", "scenarios"}
        and not any(_within(name, allowed) for allowed in RESULT_DATA)
    ]


def simulation_word_faults(module: Module) -> list[str]:
    """Lines, be it code, comment or string, that show that production code has heard of its simulation."""
    return [
        f"{module.name}:{number} says {found.group()!r}; production code knows nothing of simulation"
        for number, line in enumerate(module.text.splitlines(), start=1)
        if (found := SIMULATION_WORDS.search(line))
    ]


def length_faults(module: Module) -> list[str]:
    """A module too long to have one subject."""
    count = len(module.text.splitlines())
    too_long = f"{module.name} has {count} lines; over {LINES_MAX}, split it by subject"
    return [too_long] if count > LINES_MAX else []


def name_faults(module: Module) -> list[str]:
    """A name that invites anything."""
    return [
        f"{module.name}: {part!r} names no subject"
        for part in module.name.split(".")
        if part.strip("_").lower() in DUMPING_GROUNDS
    ]


def _faults(rule: Rule, modules: list[Module]) -> list[str]:
    return [fault for module in modules for fault in rule(module)]


@pytest.mark.parametrize("package", LAYERS)
def test_every_package_is_there_and_says_that_it_is_typed(package: str) -> None:
    """Without this, a renamed package would leave the rules below with nothing to check."""
    assert (ROOT / package / "__init__.py").is_file()
    assert (ROOT / package / "py.typed").is_file()


def test_imports_point_one_way() -> None:
    assert _faults(direction_faults, _modules(*LAYERS)) == []


def test_production_code_imports_the_standard_library_and_in_its_adapters_what_lambda_has() -> None:
    assert _faults(dependency_faults, _modules("orchestrator")) == []


def test_production_code_has_no_simulation_word() -> None:
    template = [Module(path.name, path.read_text(encoding="utf-8")) for path in ROOT.glob("orchestrator/*.yaml")]
    assert _faults(simulation_word_faults, _modules("orchestrator") + template) == []


def test_reports_read_result_data_only() -> None:
    assert _faults(live_object_faults, _modules("reports")) == []


def test_no_module_is_longer_than_its_limit() -> None:
    nox_file = Module("noxfile", (ROOT / "noxfile.py").read_text(encoding="utf-8"))
    assert _faults(length_faults, [*_modules(*LAYERS, "tests"), nox_file]) == []


def test_every_module_is_named_for_its_subject() -> None:
    assert _faults(name_faults, _modules(*LAYERS, "tests")) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("orchestrator.finder", "import simulator"),
        ("orchestrator.finder", "def late():\n    from simulator.kernel import Kernel"),
        ("simulator.world", "import os, scenarios.model as model"),
        ("simulator.world", "import importlib\nimportlib.import_module('drsim.cli')"),
        ("simulator.world", "import importlib\nimportlib.import_module(chosen)"),
        ("scenarios.runner", "from reports import markdown"),
        ("scenarios.runner", "from ..reports import markdown"),
        ("reports.html", "if TYPE_CHECKING:\n    from drsim.cli import main"),
        ("drsim.cli", "from tests.test_architecture import LAYERS"),
    ],
)
def test_an_import_against_the_direction_is_caught(name: str, source: str) -> None:
    (fault,) = direction_faults(Module(name, source))
    assert fault.startswith(f"{name}:{len(source.splitlines())} imports ")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("drsim.cli", "import reports.html, scenarios, simulator, orchestrator, typer"),
        ("simulator.world", "from orchestrator.poller import Poller\nfrom simulator import kernel"),
        ("orchestrator.finder", "from orchestrator import model"),
        # A name that only begins like a package's is another package.
        ("orchestrator.finder", "import simulator_of_something_else"),
    ],
)
def test_an_import_along_the_direction_passes(name: str, source: str) -> None:
    assert direction_faults(Module(name, source)) == []


def test_a_relative_import_is_resolved_from_modules_and_from_packages() -> None:
    in_module = Module("orchestrator.aws.store", "from ..model import Wave")
    in_package = Module("orchestrator.aws", "from ..model import Wave", is_package=True)
    resolved = [(1, "orchestrator.model.Wave")]
    assert list(_imports(in_module)) == list(_imports(in_package)) == resolved


@pytest.mark.parametrize(
    ("name", "source", "caught"),
    [
        ("orchestrator.finder", "import boto3", True),
        ("orchestrator.aws.store", "import boto3\nfrom botocore.config import Config", False),
        ("orchestrator.aws.store", "from mypy_boto3_drs import DrsClient", False),
        ("orchestrator.aws.store", "import aws_lambda_powertools", True),
        ("orchestrator.entrypoints", "from aws_lambda_powertools import Logger", False),
        ("orchestrator.entrypoints", "import boto3", True),
        ("orchestrator.awsome", "import botocore", True),
        ("orchestrator.model", "import pydantic", True),
        ("orchestrator.model", "import json, concurrent.futures", False),
    ],
)
def test_a_third_party_import_of_production_code_is_caught(name: str, source: str, caught: bool) -> None:
    assert bool(dependency_faults(Module(name, source))) is caught


@pytest.mark.parametrize(
    "source",
    ["# as the simulator does", "class FakeStore: ...", "virtual_time = 0", "message = 'in Virtual time'"],
)
def test_a_simulation_word_is_caught(source: str) -> None:
    assert len(simulation_word_faults(Module("orchestrator.model", source))) == 1


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("from scenarios.result import Result", False),
        ("from scenarios import result", False),
        ("from simulator.durations import duration_us", False),
        ("from scenarios.runner import run", True),
        ("import scenarios", True),
        ("from simulator.world import World", True),
    ],
)
def test_a_report_that_reaches_for_live_objects_is_caught(source: str, caught: bool) -> None:
    assert bool(live_object_faults(Module("reports.markdown", source))) is caught


def test_a_long_module_and_a_module_without_a_subject_are_caught() -> None:
    assert length_faults(Module("simulator.drs", "\n" * LINES_MAX)) == []
    assert length_faults(Module("simulator.drs", "\n" * (LINES_MAX + 1))) != []
    assert name_faults(Module("simulator._utils", "")) != []
    assert name_faults(Module("simulator.database", "")) == []
