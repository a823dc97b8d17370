"""The architecture that the docs promise, checked on the syntax tree of every module.

Owns the rules on imports. Each rule is a function from a module to its faults, so that the last tests can give it a
wrong module and see it complain.
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

LAYERS: Final = ("drsim", "drsim.reports", "drsim.scenarios", "drsim.simulator", "drsim.orchestrator")
"""A package may import itself and those after it."""

OUTSIDE: Final = ("tests", "noxfile", "orchestrator", "simulator", "scenarios", "reports")
"""Names that no package may import: code for developers, which is not installed, and second names of our packages."""

RESULT_DATA: Final = (
    "drsim.scenarios.campaign",
    "drsim.scenarios.contradiction.Contradiction",
    "drsim.scenarios.explanation.Difference",
    "drsim.scenarios.narration.Line",
    "drsim.scenarios.extras",
    "drsim.scenarios.failure.Failure",
    "drsim.scenarios.metric_records",
    "drsim.scenarios.phase_2",
    "drsim.scenarios.record",
    "drsim.scenarios.result",
    "drsim.scenarios.tiers.Tier",
    "drsim.simulator.decoder",
    "drsim.simulator.durations",
    "drsim.simulator.events",
    "drsim.simulator.figures.table",
)
"""What reports may import of scenarios and simulator: data such as results, failures and events, and their formats."""

FLOORS: Final = (
    ("errors", "garbage", "randomness", "durations", "models", "yaml_text", "cloudformation"),
    ("processes", "kernel", "executor"),
    ("contract",),
    ("events", "reader", "trace", "decoder"),
    ("services",),
    ("faults",),
    ("spec",),
    ("planned", "native_plans", "workload"),
    ("checks",),
    ("figures", "cloudwatch"),
    ("ports", "drs_api"),
    ("moto_drs",),
    ("world",),
    ("handlers",),
    ("wire", "client"),
)
"""The floors of `simulator`, lowest first: a module may import its own floor and those below it."""

JUDGE: Final = (
    "drsim.scenarios.criteria",
    "drsim.scenarios.limits",
    "drsim.scenarios.phase_2_criteria",
    "drsim.simulator.checks",
    "drsim.simulator.contract",
    "drsim.simulator.figures",
    "drsim.simulator.reader",
)
"""The judge. It shares only words and numbers with production, whose misreadings must not be hidden from it."""

SHARED: Final = re.compile(
    r"drsim\.orchestrator\.(settings|model\.(\w*Status|ExecutionType|Phase|TERMINAL|FINISHED_WAVE|UNITS|MetricName"
    r"|MetricPoint|Unit|ExecutionKey))\b"
)
"""What the judge may import of production: settings, names and units of metrics, keys, statuses and their moves."""

COMPUTED: Final = "<computed>"
SIMULATION_WORDS: Final = re.compile(
    r"simulat|virtual[\s_-]*(?:time|clock)|fake|mock|\bmoto\b|freez|greenlet|drsim", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its dotted name, its text, and whether it is the `__init__` of a package."""

    name: str
    text: str
    is_package: bool = False

    @property
    def layer(self) -> str:
        """The package of this module."""
        return _layer(self.name)


Rule = Callable[[Module], list[str]]


def _layer(name: str) -> str:
    """The package of a dotted name: `drsim` if it is in none of the other four, empty if it is not ours."""
    package = ".".join(name.split(".")[:2])
    return package if package in LAYERS else name.partition(".")[0]


def _modules(*packages: str) -> list[Module]:
    found = []
    folders = [ROOT / package.replace(".", "/") for package in packages]
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found.append(Module(name, path.read_text(encoding="utf-8"), is_package))
    return found


def _imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of every import in the module, by statement or by call."""
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
    """The package from which a relative import with `level` dots starts. Empty for an absolute import."""
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
    """The literal name, or COMPUTED, which no rule allows: a name computed at run time would escape every rule."""
    match name:
        case ast.Constant(value=str(text)):
            return text
        case _:
            return COMPUTED


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def direction_faults(module: Module) -> list[str]:
    """Imports of a layer above, or of a name in OUTSIDE."""
    allowed = LAYERS[LAYERS.index(module.layer) :]
    faults = []
    for line, name in _imports(module):
        layer = _layer(name)
        if layer == COMPUTED or (layer in LAYERS + OUTSIDE and layer not in allowed):
            faults.append(f"{module.name}:{line} imports {name}; {module.layer} may import only {', '.join(allowed)}")
    return faults


def floor_faults(module: Module) -> list[str]:
    """Imports of a higher floor of `simulator`, and modules that are on no floor."""
    floors = {name: number for number, names in enumerate(FLOORS) for name in names}
    simulator = "drsim.simulator"
    own = module.name.removeprefix(f"{simulator}.").partition(".")[0]
    if module.name == simulator:
        return []
    if own not in floors:
        return [f"{module.name}: {own} is on no floor of simulator"]
    faults = []
    for line, name in _imports(module):
        floor = name.removeprefix(f"{simulator}.").partition(".")[0] if _within(name, simulator) else own
        if floors.get(floor, len(FLOORS)) > floors[own]:
            allowed = ", ".join(each for names in FLOORS[: floors[own] + 1] for each in names)
            faults.append(f"{module.name}:{line} imports {name}; {own} may import only {allowed}")
    return faults


def dependency_faults(module: Module) -> list[str]:
    """Third-party imports of production code, except where they are allowed."""
    allowed = set(sys.stdlib_module_names) | {"drsim"}
    if _within(module.name, "drsim.orchestrator.aws"):
        allowed |= {"boto3", "botocore"}
    if module.name == "drsim.orchestrator.entrypoints":
        allowed |= {"aws_lambda_powertools"}
    faults = []
    for line, name in _imports(module):
        top = name.partition(".")[0]
        stubs = top.startswith("mypy_boto3_") and _within(module.name, "drsim.orchestrator.aws")
        if top not in allowed and not stubs:
            faults.append(f"{module.name}:{line} imports {name}; production code must run without it")
    return faults


def live_object_faults(module: Module) -> list[str]:
    """Imports of live objects of the simulation by reports."""
    return [
        f"{module.name}:{line} imports {name}; reports read only {', '.join(RESULT_DATA)}"
        for line, name in _imports(module)
        if _layer(name) in {"drsim.simulator", "drsim.scenarios"}
        and not any(_within(name, allowed) for allowed in RESULT_DATA)
    ]


def judge_faults(module: Module) -> list[str]:
    """Imports by which the judge would see what production makes of the table."""
    return [
        f"{module.name}:{line} imports {name}, which the judge must not share with production"
        for line, name in _imports(module)
        if _within(name, "drsim.orchestrator") and not SHARED.match(name)
    ]


def simulation_word_faults(module: Module) -> list[str]:
    """Lines of production code that mention the simulation, in code, comments or strings."""
    return [
        f"{module.name}:{number} says {found.group()!r}; production code knows nothing of simulation"
        for number, line in enumerate(module.text.splitlines(), start=1)
        if (found := SIMULATION_WORDS.search(line))
    ]


def _faults(rule: Rule, modules: list[Module]) -> list[str]:
    return [fault for module in modules for fault in rule(module)]


@pytest.mark.parametrize("package", LAYERS)
def test_every_package_exists_and_is_marked_as_typed(package: str) -> None:
    """Otherwise the rules below would check nothing after a package was renamed."""
    folder = ROOT / package.replace(".", "/")
    assert (folder / "__init__.py").is_file()
    assert (folder / "py.typed").is_file()


def test_imports_between_packages_point_one_way() -> None:
    assert _faults(direction_faults, _modules(*LAYERS)) == []


def test_imports_within_the_simulator_point_down() -> None:
    modules = _modules("drsim.simulator")
    assert _faults(floor_faults, modules) == []
    on_floors = {name for names in FLOORS for name in names}
    assert on_floors == {module.name.split(".")[2] for module in modules if module.name.count(".") > 1}


def test_tests_import_our_packages_by_one_name() -> None:
    second = {"orchestrator", "simulator", "scenarios", "reports"}
    modules = _modules("tests", "examples")
    assert [(each.name, name) for each in modules for _, name in _imports(each) if name.split(".")[0] in second] == []


def test_production_code_imports_only_what_lambda_has() -> None:
    assert _faults(dependency_faults, _modules("drsim.orchestrator")) == []


def test_production_code_has_no_simulation_word() -> None:
    template = [Module(path.name, path.read_text(encoding="utf-8")) for path in ROOT.glob("orchestrator/*.yaml")]
    assert _faults(simulation_word_faults, _modules("drsim.orchestrator") + template) == []


def test_reports_read_result_data_only() -> None:
    assert _faults(live_object_faults, _modules("drsim.reports")) == []


def test_judge_shares_only_words_and_numbers_with_production() -> None:
    packages = _modules("drsim.simulator", "drsim.scenarios")
    modules = [each for each in packages if any(_within(each.name, name) for name in JUDGE)]
    names = {each.name.rpartition(".")[2] for each in modules}
    assert names > {"reader", "truth", "completion", "tally", "statistics", "criteria", "phase_2_criteria", "limits"}
    assert _faults(judge_faults, modules) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("drsim.orchestrator.finder", "from drsim import simulator"),
        ("drsim.orchestrator.finder", "def late():\n    from drsim.simulator.kernel import Kernel"),
        ("drsim.simulator.world", "import os, drsim.scenarios.model as model"),
        ("drsim.simulator.world", "import importlib\nimportlib.import_module('drsim.cli')"),
        ("drsim.simulator.world", "import importlib\nimportlib.import_module(chosen)"),
        ("drsim.scenarios.runner", "from drsim.reports import markdown"),
        ("drsim.scenarios.runner", "from ..reports import markdown"),
        ("drsim.reports.html", "if TYPE_CHECKING:\n    from drsim.cli import main"),
        ("drsim.cli", "from tests.test_architecture import LAYERS"),
    ],
)
def test_import_against_the_direction_is_reported(name: str, source: str) -> None:
    (fault,) = direction_faults(Module(name, source))
    assert fault.startswith(f"{name}:{len(source.splitlines())} imports ")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("drsim.cli", "import drsim.reports.html, drsim.scenarios, drsim.simulator, drsim.orchestrator, typer"),
        ("drsim.simulator.world", "from drsim.orchestrator.poller import Poller\nfrom drsim.simulator import kernel"),
        ("drsim.orchestrator.finder", "from drsim.orchestrator import model"),
        # This name only starts like a package's name.
        ("drsim.orchestrator.finder", "import simulator_of_something_else"),
    ],
)
def test_import_along_the_direction_passes(name: str, source: str) -> None:
    assert direction_faults(Module(name, source)) == []


@pytest.mark.parametrize(
    ("name", "source", "caught"),
    [
        ("drsim.simulator.services.drs", "from drsim.simulator.checks.truth import Truth", True),
        ("drsim.simulator.processes", "from drsim.simulator import world", True),
        ("drsim.simulator.newcomer", "import json", True),
        ("drsim.simulator.world", "from drsim.simulator.wire.tier import wire_parts", True),
        ("drsim.simulator.checks.truth", "from drsim.simulator.services.drs import DrsService", False),
        ("drsim.simulator.trace", "from drsim.orchestrator.model import Wave", False),
        ("drsim.simulator.wire.tier", "from drsim.simulator import moto_drs", False),
    ],
)
def test_import_of_a_higher_floor_is_reported(name: str, source: str, caught: bool) -> None:
    assert bool(floor_faults(Module(name, source))) is caught


def test_relative_import_is_resolved_in_modules_and_packages() -> None:
    in_module = Module("drsim.orchestrator.aws.store", "from ..model import Wave")
    in_package = Module("drsim.orchestrator.aws", "from ..model import Wave", is_package=True)
    resolved = [(1, "drsim.orchestrator.model.Wave")]
    assert list(_imports(in_module)) == list(_imports(in_package)) == resolved


@pytest.mark.parametrize(
    ("name", "source", "caught"),
    [
        ("drsim.orchestrator.finder", "import boto3", True),
        ("drsim.orchestrator.aws.store", "import boto3\nfrom botocore.config import Config", False),
        ("drsim.orchestrator.aws.store", "from mypy_boto3_drs import DrsClient", False),
        ("drsim.orchestrator.aws.store", "import aws_lambda_powertools", True),
        ("drsim.orchestrator.entrypoints", "from aws_lambda_powertools import Logger", False),
        ("drsim.orchestrator.entrypoints", "import boto3", True),
        ("drsim.orchestrator.awsome", "import botocore", True),
        ("drsim.orchestrator.model", "import pydantic", True),
        ("drsim.orchestrator.model", "import json, concurrent.futures", False),
    ],
)
def test_third_party_import_of_production_code_is_reported(name: str, source: str, caught: bool) -> None:
    assert bool(dependency_faults(Module(name, source))) is caught


@pytest.mark.parametrize(
    "source",
    ["# as the simulator does", "class FakeStore: ...", "virtual_time = 0", "message = 'in Virtual time'"],
)
def test_simulation_word_in_production_code_is_reported(source: str) -> None:
    assert len(simulation_word_faults(Module("drsim.orchestrator.model", source))) == 1


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("from drsim.scenarios.result import Result", False),
        ("from drsim.scenarios import result", False),
        ("from drsim.simulator.durations import duration_us", False),
        ("from drsim.simulator.decoder import events_of", False),
        ("from drsim.simulator.trace import Trace", True),
        ("from drsim.scenarios.runner import run", True),
        ("import drsim.scenarios", True),
        ("from drsim.simulator.world import World", True),
    ],
)
def test_report_that_imports_live_objects_is_reported(source: str, caught: bool) -> None:
    assert bool(live_object_faults(Module("drsim.reports.markdown", source))) is caught


def test_judge_that_imports_a_reading_of_production_is_caught() -> None:
    for name in ("items.execution_of", "model.Execution", "decisions"):
        module, _, what = f"drsim.orchestrator.{name}".rpartition(".")
        assert judge_faults(Module("drsim.simulator.checks.truth", f"from {module} import TERMINAL, {what}")) != []
    assert judge_faults(Module("drsim.simulator.reader", "from drsim.orchestrator.model import WaveStatus")) == []
