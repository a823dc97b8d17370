"""`drsim init`: the files with which a team starts, for its own handlers or for drsim's functions.

Owns which files there are and the commands printed at the end; their texts are the templates in `init_templates`.
"""

import os
import shlex
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from drsim import arguments
from drsim.arguments import UserError, writing
from drsim.contracting import proposal_text, proposed
from drsim.program import runnable
from drsim.project import FILE, check_code, options_of, rooted, rooted_file, rooted_place, toml_of
from drsim.tiers import Choice, default_tier

if TYPE_CHECKING:
    from drsim.scenarios.proposal import Proposal

_CONTRACT: Final = "simulation/contract.yaml"
_SCENARIO: Final = "simulation/failover.yaml"
_TEST: Final = "tests/test_failover.py"
_FILES: Final = {
    _CONTRACT: ("contract.yaml.j2", "what the functions promise: check each line"),
    _SCENARIO: ("scenario.yaml.j2", "a scenario, with faults"),
    _TEST: ("test_failover.py.j2", "the scenario as tests, one for each seed"),
    "noxfile.py": ("noxfile.py.j2", "a session that runs scenarios, tests and random faults"),
    ".github/workflows/drsim.yml": ("workflow.yml.j2", "that session for each push, with summary and reports"),
    FILE: ("pyproject.toml.j2", "[tool.drsim]: what runs, for commands and tests"),
}
"""The files, each with its template and what it is."""
_EDITED: Final[Mapping[Literal["scenario", "contract"], str]] = {"scenario": _SCENARIO, "contract": _CONTRACT}
"""Files that an editor checks by a schema beside them, by the schema's name."""
_PRESETS: Final = ("ours", "plain")
_NEXT: Final = (
    ("drsim", "run", _SCENARIO),
    ("pytest", _TEST),
    ("drsim", "explore", "chaos", "--seeds", "1-20"),
    ("nox", "-s", "simulation"),
)
"""What to run next, in this order."""


def init(
    folder: Annotated[
        Path,
        typer.Argument(metavar="[DIR]", help="Your repository; by default the current folder.", show_default=False),
    ] = Path(),
    finder: arguments.FinderOption = "",
    poller: arguments.PollerOption = "",
    paths: arguments.PathsOption = None,
    variables: arguments.VariablesOption = None,
    contract: Annotated[
        str, typer.Option(metavar="FILE|ours|plain", help="What your functions promise; by default it is proposed.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep files that exist, and write the others.")] = False,
) -> None:
    """Write what a team starts with: contract, scenario, pytest module, nox session and GitHub Actions workflow.

    They run drsim's own functions, or those of --finder, for which a contract is proposed from what they do. Options of
    commands go to [tool.drsim] in pyproject.toml, which is created or gets this table.
    """
    if force and keep:
        raise UserError("--force replaces files that exist and --keep keeps them: give one of them")
    given = Choice(default_tier(finder), finder, poller, tuple(paths or ()), tuple(variables or ()), contract)
    writing(lambda: folder.mkdir(parents=True, exist_ok=True))
    choice = _seen_from(folder, given)
    with chdir(folder):
        project = _project(Path(FILE), choice)
        choice = project or choice
        if problems := list(choice.problems()):
            raise UserError("\n".join(problems))
        if choice.contract == _CONTRACT and not os.path.lexists(_CONTRACT):
            choice = replace(choice, contract="")
        has_contract = choice.contract not in ("", *_PRESETS)
        if has_contract:
            _check_contract(choice.contract)
        names = [name for name in _FILES if name != FILE and not (name == _CONTRACT and has_contract)]
        names += [_schema(kind) for kind in _EDITED]
        taken = [name for name in names if os.path.lexists(name)]
        if taken and not (force or keep):
            found = [f"{folder / name}: this file exists" for name in taken]
            raise UserError(
                "\n".join([*found, "nothing was written: --keep writes the others, --force replaces these"])
            )
        proposal, extends = None, choice.contract or "ours"
        if choice.finder and not choice.contract:
            proposal, choice = proposed(choice)
            if not proposal.is_complete:
                trouble = " ".join(proposal.unknown[-1].split())
                raise UserError(f"no function wrote to the table, so nothing was written: {trouble}")
        if not has_contract:
            choice = replace(choice, contract=_CONTRACT)
        texts = _texts(choice, proposal, extends)
        if project is None:
            names.append(FILE)
            texts[FILE] = _extended(Path(FILE), texts[FILE])
        written = [name for name in names if not (keep and name in taken)]
        for name in written:
            writing(partial(_write, Path(name), texts[name]))
        _show(folder, written)


def _seen_from(folder: Path, choice: Choice) -> Choice:
    """The same functions and contract, with paths relative to a folder, in which the written files are used."""
    here = Path.cwd()
    return replace(
        choice,
        finder=rooted_place(choice.finder, here, folder),
        poller=rooted_place(choice.poller, here, folder),
        paths=tuple(Path(rooted(str(path), here, folder)) for path in choice.paths),
        contract=rooted_file(choice.contract, here, folder),
    )


def _project(file: Path, choice: Choice) -> Choice | None:
    """The functions in `[tool.drsim]` of this file; None without it. Raises UserError if the command gives others."""
    found = options_of(file if file.is_file() else None, Path.cwd())
    if not found and not _has_table(file):
        return None
    if choice != Choice(choice.tier):
        raise UserError(
            f"{file}: has [tool.drsim] already: edit it there, and leave out the options that say what runs"
        )
    check_code(found)
    variables = tuple(f"{name}={value}" for name, value in found.get("env", {}).items())
    finder, paths = found.get("finder", ""), tuple(map(Path, found.get("paths", ())))
    return Choice(default_tier(finder), finder, found.get("poller", ""), paths, variables, found.get("contract", ""))


def _has_table(file: Path) -> bool:
    tool = toml_of(file).get("tool", {}) if file.is_file() else {}
    return isinstance(tool, dict) and "drsim" in tool


def _check_contract(name: str) -> None:
    from drsim.scenarios.files import load

    arguments.reading(lambda: load("drill", contract=name))


def _texts(choice: Choice, proposal: "Proposal | None", extends: str) -> dict[str, str]:
    """The text of each file by its path. `extends` is the preset of a contract that is not proposed."""
    from importlib.metadata import version

    from jinja2 import Environment, PackageLoader, StrictUndefined

    from drsim.scenarios.schemas import schema_text

    run, variables = shlex.join(_NEXT[0]), [each.split("=", 1) for each in choice.variables]
    context: dict[str, Any] = {
        "choice": choice,
        "paths": f"[{', '.join(map(_quoted, choice.paths))}]",
        "variables": ", ".join(f"{_quoted(name)} = {_quoted(value)}" for name, value in variables),
        "extends": extends,
        "run": run,
        "scenario": _SCENARIO,
        "test": _TEST,
        "contract": os.path.relpath(choice.contract, Path(_SCENARIO).parent),
        "requirement": f"drsim{'[client]' if choice.finder else ''}=={version('drsim')}",
    }
    # Braces belong to GitHub's expressions, YAML and TOML.
    environment = Environment(
        loader=PackageLoader("drsim", "init_templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        autoescape=False,
    )
    environment.filters["quoted"] = _quoted
    texts = {path: environment.get_template(name).render(context) for path, (name, _) in _FILES.items()}
    if proposal is not None:
        texts[_CONTRACT] = proposal_text(proposal, run)
    for kind, path in _EDITED.items():
        texts[path] = f"# yaml-language-server: $schema={kind}.schema.json\n{texts[path]}"
        texts[_schema(kind)] = schema_text(kind)
    return texts


def _quoted(text: object) -> str:
    """A text as a string of Python, TOML or YAML."""
    import json

    return json.dumps(str(text), ensure_ascii=False)


def _schema(kind: str) -> str:
    return f"simulation/{kind}.schema.json"


def _extended(file: Path, table: str) -> str:
    """The text of the file with this table at its end. Raises UserError for a file that cannot hold it."""
    import tomllib

    from drsim.scenarios.files import text_of

    before = arguments.reading(lambda: text_of(file)) if os.path.lexists(file) else ""
    text = f"{before.rstrip()}\n\n{table}" if before.strip() else table
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: [tool.drsim] cannot be added at its end: {error}") from None
    return text


def _write(path: Path, text: str) -> None:
    from drsim.scenarios.atomic_files import replaced

    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as place:
        place.write_text(text, encoding="utf-8", newline="\n")


def _show(folder: Path, written: list[str]) -> None:
    """Show what was written, and what to run next."""
    from drsim.console import long_line, output
    from drsim.reports.text import plain

    console, width = output(), max(map(len, written), default=0)
    if not written:
        long_line(console, "nothing was written: each file is there already")
    for name in written:
        what = _FILES[name][1] if name in _FILES else "for editors: completion and checks"
        long_line(console, f"  {name:<{width}}  {what}")
    long_line(console, "next:")
    if folder != Path():
        long_line(console, f"  {plain(shlex.join(['cd', str(folder)]))}")
    for words in _NEXT:
        long_line(console, f"  {runnable(shlex.join(words))}")
