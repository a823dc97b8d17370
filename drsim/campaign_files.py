"""A campaign's folder: `campaign.jsonl` holds what was explored, `failures/` the failures.

The first line of `campaign.jsonl` is its header, and each further line a range of seeds, written as soon as that is
done, so that an interruption loses seconds. No campaign is lost to a later one.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from drsim.arguments import UserError
from drsim.scenarios.aliases import current
from drsim.scenarios.atomic_files import replaced
from drsim.scenarios.campaign import Explored, Header
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.files import ScenarioError, plain, shown
from drsim.stored_runs import json_in

CAMPAIGN: Final = "campaign.jsonl"
FAILURES: Final = "failures"
_SHOWN_MAX: Final = 60


class Kept(NamedTuple):
    """A campaign as its file holds it."""

    header: Header
    ranges: list[Explored]


def refuse_to_replace(folder: Path, *, resumable: bool) -> None:
    """Raise UserError if the folder holds a campaign, or failures, that a new campaign would overwrite."""
    if held := _held(folder):
        ways = "--resume continues it, " if resumable else ""
        ways += "--restart sets the folder aside and starts over, --out DIR leaves it alone"
        raise UserError(f"{folder} already holds {held}: {ways}")


def _held(folder: Path) -> str:
    path, failures = folder / CAMPAIGN, len(list((folder / FAILURES).glob("*.yaml")))
    if path.exists() and path.stat().st_size:
        return "a campaign"
    return f"{failures} failure{'s' * (failures != 1)} of an earlier campaign" if failures else ""


def set_aside(folder: Path) -> Path | None:
    """Rename a campaign's folder to the first free of NAME.1, NAME.2...; None without a campaign. Raises OSError."""
    if not _held(folder):
        return None
    numbered = (folder.with_name(f"{folder.name}.{number}") for number in count(1))
    return folder.rename(next(path for path in numbered if not path.exists()))


def failure_path(folder: Path, found: Contradiction) -> Path:
    """The file of the failure that is shrunk from this one. Only words are kept of a criterion's name."""
    words = re.findall(r"[a-z0-9]+", found.property.lower().replace("'", ""))
    return folder / FAILURES / f"{'-'.join(words)}-{found.seed}.yaml"


def failure_paths(folder: Path, found: Contradiction) -> Iterator[Path]:
    """Yield the file of a failure, and those of later ones of the same name: NAME-2.yaml, NAME-3.yaml..."""
    path = failure_path(folder, found)
    yield path
    yield from numbered(path)


def numbered(path: Path) -> Iterator[Path]:
    """Yield NAME-2.yaml, NAME-3.yaml... for NAME.yaml."""
    yield from (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))


def begin(path: Path, header: Header, ranges: Sequence[Explored]) -> None:
    """Write a campaign's file with these ranges, atomically and in place of an old one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(header.model_dump(mode="json")), *map(line_of, ranges)]
    with replaced(path) as place:
        place.write_text("\n".join(lines) + "\n", encoding="utf-8")


def line_of(explored: Explored) -> str:
    return explored.model_dump_json(exclude_defaults=True)


def read(path: Path) -> Kept | None:
    """The campaign in a file, or None if the file does not exist or is empty.

    A last line that was cut off counts as not run. Raises ScenarioError, which names the wrong line.
    """
    try:
        whole, end, last = path.read_bytes().rpartition(b"\n")
        # A line may be cut off in the middle of a character.
        text = (whole + end).decode() + last.decode(errors="replace")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ScenarioError(f"cannot read {path}: {reason}") from None
    if not text:
        return None
    # Not splitlines(): ids of executions may contain line separators that JSON need not escape.
    first, *lines = text.removesuffix("\n").split("\n")
    header = _header(first, path)
    ranges: list[Explored] = []
    for number, written in enumerate(lines, start=2):
        try:
            explored = Explored.model_validate(current(json_in(written)))
        except ValueError:
            if number == len(lines) + 1 and not text.endswith("\n"):
                break
            raise ScenarioError(f"{path}:{number} is no range of seeds, got {written[:_SHOWN_MAX]!r}") from None
        _check(explored, f"{path}:{number}")
        ranges.append(explored)
    # Seeds that are counted twice would support too strong a claim.
    in_order = sorted((each.first, each.last, number) for number, each in enumerate(ranges, start=2))
    for (_, before, _), (again, _, number) in pairwise(in_order):
        if again <= before:
            raise ScenarioError(f"{path}:{number}: seed {again} is in another line, too")
    return Kept(header, ranges)


def _check(explored: Explored, where: str) -> None:
    seeds = f"{explored.first} to {explored.last}"
    if explored.last < explored.first:
        raise ScenarioError(f"{where}: last must be >= first, got {seeds}")
    for found in explored.failures:
        if not explored.first <= found.seed <= explored.last:
            raise ScenarioError(f"{where}: failures must be of seeds {seeds}, got one of seed {found.seed}")


def _header(line: str, path: Path) -> Header:
    try:
        data = json_in(line)
    except ValueError:
        data = None
    if not isinstance(data, dict) or not {"scenario", "parts", "code"} <= data.keys():
        raise ScenarioError(f"{path} does not begin as a campaign does, got {line[:_SHOWN_MAX]!r}")
    try:
        return Header.model_validate(current(data))
    except ValidationError as error:
        first = error.errors()[0]
        raise ScenarioError(
            f"{path}:1: {plain(first, shown(first['loc']))}; was it explored by another version?"
        ) from None
