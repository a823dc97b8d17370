"""`drsim init`: the files with which a team starts, for its own handlers or for drsim's functions.

Owns which files there are and the commands printed at the end; their texts are the templates in `init_templates`.
"""

import os
import shlex
from contextlib import chdir
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.exceptions import Exit

from drsim import arguments
from drsim.arguments import ExitCode, UserError, writing
from drsim.contracting import warned
from drsim.program import runnable
from drsim.tiers import Choice, default_tier

if TYPE_CHECKING:
    from drsim.scenarios.proposal import Proposal

_CONTRACT: Final = "simulation/contract.yaml"
_SCENARIO: Final = "simulation/failover.yaml"
_TEST: Final = "tests/test_failover.py"
_WORKFLOW: Final = ".github/workflows/drsim.yml"
_TEMPLATES: Final = {
    _CONTRACT: ("contract.yaml.j2", "what the functions promise"),
    _SCENARIO: ("scenario.yaml.j2", "a scenario, with faults"),
    _TEST: ("test_failover.py.j2", "the scenario as tests of pytest"),
    "noxfile.py": ("noxfile.py.j2", "nox -s simulation: scenarios, tests, random faults"),
    _WORKFLOW: ("workflow.yml.j2", "the same in GitHub Actions"),
}
"""The files, each with its template and what it is."""
_EDITED: Final = {"scenario": _SCENARIO, "contract": _CONTRACT}
"""Files that an editor checks while they are written, by the name of their schema."""
_PRESETS: Final = ("ours", "plain")


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Your repository; by default the current folder.")] = (
        Path()
    ),
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

    Without --finder they run drsim's own functions. With it, drsim proposes the contract from what your functions do.
    """
    if force and keep:
        raise UserError("--force replaces files that exist and --keep keeps them: give one of them")
    tier = default_tier(finder)
    choice = Choice(tier, finder, poller, tuple(paths or ()), tuple(variables or ()), contract)
    if problems := list(choice.problems()):
        raise UserError("\n".join(problems))
    writing(lambda: folder.mkdir(parents=True, exist_ok=True))
    choice = _seen_from(folder, choice)
    is_given = contract not in ("", *_PRESETS)
    names = [path for path in _TEMPLATES if not (is_given and path == _CONTRACT)] + [*map(_schema, _EDITED)]
    with chdir(folder):
        taken = [path for path in names if os.path.lexists(path)]
        if taken and not (force or keep):
            found = [f"{folder / path}: this file exists" for path in taken]
            raise UserError(
                "\n".join([*found, "nothing was written: --keep writes the others, --force replaces these"])
            )
        choice, proposal = _completed(choice, is_given=is_given)
        texts = _texts(choice, proposal, extends=contract or "ours")
        written = [path for path in names if not (keep and path in taken)]
        for path in written:
            writing(partial(_write, Path(path), texts[path]))
        _show(folder, choice, written)
    raise Exit(ExitCode.PASS if proposal is None else warned(proposal))


def _seen_from(folder: Path, choice: Choice) -> Choice:
    """The same functions and contract, with paths relative to a folder, from which the files that name them run."""

    def moved(path: str) -> str:
        return os.path.relpath(path, folder)

    def place(text: str) -> str:
        file, colon, handler = text.rpartition(":")
        return f"{moved(file)}{colon}{handler}" if file.endswith(".py") else text

    return replace(
        choice,
        finder=place(choice.finder),
        poller=place(choice.poller),
        paths=tuple(Path(moved(str(path))) for path in choice.paths),
        contract=choice.contract if choice.contract in ("", *_PRESETS) else moved(choice.contract),
    )


def _completed(choice: Choice, *, is_given: bool) -> "tuple[Choice, Proposal | None]":
    """The functions with the variables and the contract that the files name, and what was proposed, if anything."""
    from drsim.contracting import proposed

    proposal = None
    if choice.finder and not choice.contract:
        proposal, choice = proposed(choice)
    return choice if is_given else replace(choice, contract=_CONTRACT), proposal


def _texts(choice: Choice, proposal: "Proposal | None", *, extends: str) -> dict[str, str]:
    """The text of each file by its path. `extends` is the preset on which a contract rests that is not proposed."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from drsim.contracting import proposal_text
    from drsim.schemas import schema_text

    command = shlex.join(_commands(choice)[0])
    names = {"finder": choice.finder, "poller": choice.poller, "contract": choice.contract}
    context = {
        "choice": choice,
        "extends": extends,
        "command": command,
        "scenario": _SCENARIO,
        "test": _TEST,
        "contract": os.path.relpath(choice.contract, Path(_SCENARIO).parent),
        "options": list(zip(choice.options[::2], choice.options[1::2], strict=True)),
        "functions": {name: value for name, value in names.items() if value},
        "requirement": f"drsim{'[client]' if choice.finder else ''}=={version('drsim')}",
    }
    # Braces belong to GitHub's expressions and to YAML.
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
    texts = {path: environment.get_template(name).render(context) for path, (name, _) in _TEMPLATES.items()}
    if proposal is not None:
        texts[_CONTRACT] = proposal_text(proposal, command)
    for kind, path in _EDITED.items():
        texts[path] = f"# yaml-language-server: $schema={kind}.schema.json\n{texts[path]}"
        texts[_schema(kind)] = schema_text(kind)
    return texts


def _commands(choice: Choice) -> list[list[str]]:
    """What to run next, in this order: the scenario, the tests, random faults, all of it in an environment."""
    return [
        ["drsim", "run", _SCENARIO, *choice.options],
        ["pytest", _TEST],
        ["drsim", "explore", "chaos", "--seeds", "1-20", *choice.options],
        ["nox", "-s", "simulation"],
    ]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _show(folder: Path, choice: Choice, written: list[str]) -> None:
    """Show what was written, and what to run next."""
    from drsim.console import long_line, output

    console = output()
    for path in written:
        what = _TEMPLATES[path][1] if path in _TEMPLATES else "completion and checks in an editor"
        long_line(console, f"  {path:<{max(map(len, written))}}  {what}")
    long_line(console, "next:")
    if folder.resolve() != Path.cwd().resolve() or folder != Path():
        long_line(console, f"  {shlex.join(['cd', str(folder)])}")
    for words in _commands(choice):
        long_line(console, f"  {runnable(shlex.join(words))}")


def _schema(kind: str) -> str:
    return f"simulation/{kind}.schema.json"
