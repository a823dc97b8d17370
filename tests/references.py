"""The pages of docs/reference, generated from schemas, the command line and the tables of the code.

Owns how a schema becomes a table. `tests.docs_site` writes and compares them.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer.main
from botocore.loaders import Loader
from botocore.model import ServiceModel

from drsim import api
from drsim.cli import app
from drsim.reports.glossary import GLOSSARY
from drsim.scenarios.criteria import CRITERIA
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import world_of
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.contract.model import Contract
from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.durations import show_duration
from drsim.simulator.figures.table import FIGURES
from tests.samples import difference

ROOT: Final = Path(__file__).resolve().parent.parent
REFERENCE: Final = ROOT / "docs" / "reference"
COMMAND: Final = "nox -s docs -- --update"
_DEFAULT_MAX: Final = 60

Schema = Mapping[str, Any]


def page(title: str, source: str, *parts: str) -> str:
    """A page with its title and the command that writes it."""
    note = f"This page is generated from {source}; `{COMMAND}` writes it again."
    return "\n\n".join([f"# {title}", note, *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells hold any text on one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def cell(text: str) -> str:
    """Text on one line, in which `|`, `*` and `<` mean themselves."""
    one_line = " ".join(text.split())
    parts = re.split(r"(`[^`]*`)", one_line)
    parts[::2] = [re.sub(r"([*<])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts).replace("|", "\\|")


def schema_page(title: str, kind: str, schema: Schema) -> str:
    """The fields of a kind of file: its own first, then those of each part, by the part's name."""
    parts = [_fields(schema, schema)]
    for name, part in sorted(schema["$defs"].items()):
        what = str(part.get("description", "")).partition("\n")[0]
        body = _fields(part, schema) if "properties" in part else _words(part)
        parts.append("\n\n".join(filter(None, [f"## {name}", what, body])))
    return page(title, f"`drsim schema {kind}`", *parts)


def _fields(part: Schema, whole: Schema) -> str:
    required = part.get("required", ())
    rows = [
        (f"`{name}`", _type(field), "required" if name in required else _default(field, whole), _what(field))
        for name, field in part.get("properties", {}).items()
    ]
    return table(("Field", "Type", "Default", "Meaning"), rows)


def _words(part: Schema) -> str:
    return ", ".join(f"`{word}`" for word in part.get("enum", ())) or _type(part)


def _what(field: Schema) -> str:
    """The description of a field, with its limits."""
    limits = (("minimum", "at least"), ("exclusiveMinimum", "more than"), ("maximum", "at most"))
    ranges = [f"{words} {field[key]}" for key, words in limits if key in field]
    return " ".join(filter(None, [field.get("description", ""), f"({', '.join(ranges)})" if ranges else ""]))


def _type(field: Schema) -> str:
    """The type of a field in words, with a link where it is a part of this page."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in field:
            return " or ".join(dict.fromkeys(map(_type, field[key])))
    if "const" in field or "enum" in field:
        return " or ".join(f"`{word}`" for word in field.get("enum", [field.get("const")]))
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_type(field.get('items', {}))}"
    if kind == "object":
        values = field.get("additionalProperties")
        return f"map to {_type(values)}" if isinstance(values, dict) else "map"
    if kind == "string" and ("examples" in field or "pattern" in field):
        examples = field.get("examples")
        return f"text such as `{examples[0]}`" if examples else "text"
    return {"string": "text", "integer": "number", "null": "null", "boolean": "true or false"}.get(kind, kind)


def _default(field: Schema, whole: Schema) -> str:
    """The default of a field; that of a part is in the part's own table."""
    value = field.get("default")
    if "default" not in field or isinstance(value, dict):
        return "" if "default" not in field or value else "`{}`"
    if isinstance(value, int) and not isinstance(value, bool) and field.get("type") == "string":
        return f"`{show_duration(value)}`"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _DEFAULT_MAX else "see `drsim schema`"


def commands_page() -> str:
    """Each command with its arguments and options."""
    group = typer.main.get_command(app)
    commands = getattr(group, "commands")  # noqa: B009 - typer's own class of groups is not click's
    parts = [part for name, command in commands.items() for part in _command(name, command)]
    return page("Commands and options", "the command line", *parts)


def _command(name: str, command: Any) -> Iterator[str]:
    yield f"## drsim {name}"
    yield inspect.cleandoc(command.help or "").replace("\f", "")
    rows = []
    for each in command.params:
        choices = getattr(getattr(each, "type", None), "choices", ())
        metavar = each.metavar or "|".join(map(str, choices))
        is_option = each.param_type_name == "option"
        shown = f"{', '.join(each.opts)} {metavar}".strip() if is_option else metavar or each.name.upper()
        rows.append((f"`{shown}`", getattr(each, "help", "") or "", _shown_default(each)))
    yield table(("Argument or option", "Meaning", "Default"), rows) if rows else "It has no options."


def _shown_default(each: Any) -> str:
    value = each.default
    if each.required:
        return "required"
    is_shown = isinstance(value, (str, int, Path)) and not isinstance(value, bool) and f"{value}"
    return f"`{value}`" if is_shown else ""


def checks_page() -> str:
    """Properties with their rules, and criteria with their thresholds in a drill."""
    world = world_of(load("drill"), 1, "", verdict_only=True)
    criteria = [
        (
            each.name,
            each.threshold(world).threshold,
            ", ".join(f"`{name}`" for name in each.rests_on),
            each.basis,
        )
        for each in CRITERIA
    ]
    world.close()
    properties = table(("Property", "Its rule"), [(f"`{each.name}`", each.rule) for each in PROPERTIES])
    return page(
        "Properties and criteria",
        "`PROPERTIES` and `CRITERIA`",
        "[What drsim checks](../checks.md) explains them, and names the bug that each property is for.",
        f"## Properties\n\n{properties}",
        "## Criteria\n\nThe thresholds are those of the scenario `drill`.",
        table(("Criterion", "Threshold", "Fails with", "Basis"), criteria),
    )


def figures_page() -> str:
    """Each figure of result.json."""
    rows = [(f"`{each.name}`", each.title, each.unit or "count", each.basis, each.phase_2) for each in FIGURES.values()]
    return page("Figures", "`simulator/figures/table.py`", table(("Figure", "Title", "Unit", "Basis", "Phase 2"), rows))


def words_page() -> str:
    """The words that reports explain."""
    rows = [(word, meaning) for word, meaning in GLOSSARY.items()]
    return page("Words of reports", "`reports/glossary.py`", table(("Word", "Meaning"), rows))


def api_page() -> str:
    """What `drsim.api` offers, by its docstrings."""
    parts = []
    for name in sorted(api.__all__, key=str.lower):
        member = getattr(api, name)
        parts.append(f"## {name}")
        if inspect.isfunction(member):
            parts.append(f"```python\n{_signature(member)}\n```")
        parts.append(inspect.getdoc(member) or "")
    return page("drsim.api", "the docstrings of `drsim.api`", *filter(None, parts))


def _signature(function: Any) -> str:
    """The lines of the source from `def` to the colon before the docstring."""
    source = inspect.getsource(inspect.unwrap(function))
    return source[source.index("def ") :].partition(':\n    """')[0]


def drs_page() -> str:
    """Each operation of DRS in botocore's model, and what `drsim.moto` answers it with."""
    model = ServiceModel(Loader().load_service_model("drs", "service-2"), "drs")
    rows = []
    for name in sorted(model.operation_names):
        operation, entry = model.operation_model(name), OPERATIONS.get(name)
        route = f"`{operation.http['method']} {operation.http['requestUri']}`"
        errors = ", ".join(sorted(error.name.removesuffix("Exception") for error in operation.error_shapes))
        notes = ("", "") if entry is None else (entry.assumed, entry.source)
        rows.append((f"`{name}`", route, errors, *notes))
    head = ("Operation", "Route", "Errors", "Assumed", "Source")
    return page(
        "Operations of DRS",
        "botocore's model of DRS and `OPERATIONS`",
        f"[drsim.moto](../moto-drs.md) answers {len(OPERATIONS)} of {len(rows)} operations. The errors are those of "
        'the model, without "Exception". *Assumed* is what AWS does not publish, and is answered here all the same; '
        "*Source* is what an answer rests on besides the model.",
        table(head, rows),
    )


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "scenario.md": lambda: schema_page("Fields of a scenario", "scenario", Scenario.model_json_schema()),
    "contract.md": lambda: schema_page("Fields of a contract", "contract", Contract.model_json_schema()),
    "commands.md": commands_page,
    "checks.md": checks_page,
    "figures.md": figures_page,
    "words.md": words_page,
    "api.md": api_page,
    "drs.md": drs_page,
}


def outdated(*, update: bool) -> list[str]:
    """Compare the pages with those kept, or write them; return what differs."""
    found = []
    for name, made in PAGES.items():
        if update:
            REFERENCE.mkdir(exist_ok=True)
            (REFERENCE / name).write_text(made(), encoding="utf-8")
        elif trouble := difference(REFERENCE / name, made()):
            found.append(trouble)
    return [*found, f"run: {COMMAND}"] if found else []
