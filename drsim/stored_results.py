"""Results read from the files that runs left, with one line for what is wrong with a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from drsim.arguments import UserError

if TYPE_CHECKING:
    from drsim.scenarios.result import Result

RESULT: Final = "result.json"
_TROUBLE_MAX: Final = 200


def result_in(path: Path) -> "Result":
    """The result of one run, from its folder or its `result.json`. Raises UserError."""
    from pydantic import ValidationError

    from drsim.reports.text import visible
    from drsim.scenarios.result import Result

    file = path / RESULT if path.is_dir() else path
    try:
        text = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    try:
        return Result.model_validate_json(text)
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        place = ".".join(str(part) for part in first["loc"])
        got = "" if first["type"] in ("json_invalid", "missing") else f", got {first['input']!r}"
        more = f" (and {len(others)} more)" if others else ""
        trouble = visible(f"{place}: {first['msg']}{got}".removeprefix(": "), _TROUBLE_MAX) + more
        raise UserError(f"{file}: is no result of version 1 or 2: {trouble}") from None


def results_in(path: Path) -> "list[Result]":
    """The results of all that `runs_in` finds. Raises UserError."""
    return [result_in(file) for file in runs_in(path)]


def runs_in(path: Path) -> list[Path]:
    """The result's file of a run, from that file or its folder; of a folder of run folders, all of theirs, by name.

    Whether a file can be read is for `result_in` to see. Raises UserError.
    """
    if not path.is_dir():
        return [path]
    if (path / RESULT).exists():
        return [path / RESULT]
    found = sorted(path.glob(f"*/{RESULT}"))
    if not found:
        raise UserError(f"{path}: holds no {RESULT}, nor does a folder in it")
    return found
