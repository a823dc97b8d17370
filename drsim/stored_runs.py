"""Files that runs left: their results and traces, and what is wrong with a file."""

import gzip
import hashlib
import json
import stat
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from drsim.arguments import UserError

if TYPE_CHECKING:
    from drsim.scenarios.result import Result

RESULT: Final = "result.json"
_TROUBLE_MAX, _LINE_MAX = 200, 60


def result_in(path: Path) -> "Result":
    """The result of one run, from its folder or its `result.json`. Raises UserError."""
    from pydantic import ValidationError

    from drsim.reports.text import visible
    from drsim.scenarios.files import plain, shown
    from drsim.scenarios.result import Result

    file = path / RESULT if path.is_dir() else path
    try:
        if stat.S_ISCHR(file.stat().st_mode):
            raise UserError(f"{file}: cannot be read (it is a device)")
        text = file.read_bytes()
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    try:
        return Result.model_validate_json(text)
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        more = f" (and {len(others)} more)" if others else ""
        trouble = visible(plain(first, shown(first["loc"])), _TROUBLE_MAX) + more
        raise UserError(f"{file}: is no result of version 1, 2 or 3: {trouble}") from None


def json_in(text: str | bytes) -> Any:
    """What a JSON text holds. Raises ValueError, also for values that are nested too deep."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its values are nested too deep") from None


def runs_in(path: Path) -> list[Path]:
    """The result files of a run, itself a file or a folder, or of a folder of runs. Raises UserError if it has none."""
    if not path.is_dir():
        return [path]
    if (path / RESULT).exists():
        return [path / RESULT]
    if found := sorted(path.glob(f"*/{RESULT}")):
        return found
    raise UserError(f"{path}: holds no {RESULT}, nor does a folder in it")


def damage_of(path: Path, digest: str) -> str:
    """What is wrong with the file of a trace with this digest; "" if nothing is."""
    try:
        if not path.stat().st_size:
            return "cannot be read (it is empty)"
        with gzip.open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except EOFError:
        return "cannot be read (it is cut off: its compressed data does not end)"
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"cannot be read (it is damaged: {error})"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if found == digest:
        return ""
    wanted, got = f"{digest[:16]}...", f"{found[:16]}..."
    return f"is not the trace of the result.json beside it, whose trace_digest is {wanted}, got {got}"


def wrong_line(path: Path) -> str:
    """The first line of a trace that is no event, and why; "" if all are events. The file can be decompressed."""
    from drsim.simulator.decoder import NoEventError, columns_of

    with gzip.open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                columns_of(line)
            except NoEventError as error:
                shown = line.rstrip()[:_LINE_MAX].decode(errors="replace")
                return f"line {number} is no event ({error}), got {shown!r}"
    return ""
