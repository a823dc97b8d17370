"""Checks that the sample reports in docs/samples are current, and that pages stay within their size limits.

As a program, this module compares; `--update` rewrites the samples. Only the wall time and the versions in a result
depend on the host: they are taken from the kept result.json. Everything else must be equal, byte for byte.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from drsim.reports.documents import MARKDOWN, PAGE, files
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import Run, run
from drsim.stored_runs import RESULT

ROOT: Final = Path(__file__).resolve().parent.parent
SAMPLES: Final = ROOT / "docs" / "samples"
COMMAND: Final = "nox -s samples -- --update"

KEPT: Final = ("phase-2", "load-100")
SIZES_MAX: Final = {"phase-2": 200_000, "load-100": 400_000, "load-1000": 2_000_000}
"""The largest size of each scenario's page, in bytes."""

_SHOWN_MAX: Final = 160


class Sample(NamedTuple):
    """One scenario's files, by name, and its page's size in bytes."""

    files: dict[str, str]
    page_bytes: int


def written(done: Run, kept: Result | None) -> Sample:
    """The files of a run, with the wall time and the versions of the kept result."""
    result = done.result
    if kept is not None:
        metrics = result.metrics.model_copy(update={"environment": kept.metrics.environment})
        result = result.model_copy(update={"wall_seconds": kept.wall_seconds, "metrics": metrics})
    texts = {RESULT: result.model_dump_json(indent=2) + "\n"}
    for file in files(result, done.trace.lines):
        if file.name in (PAGE, MARKDOWN):
            assert file.text is not None, file.troubles
            assert not file.troubles, file.troubles
            texts[file.name] = "".join(file.text)
    return Sample(texts, len(texts[PAGE].encode()))


def difference(path: Path, text: str) -> str | None:
    """The first difference between a kept file and the text. None if they are equal."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if not path.exists():
        return f"{shown} is missing"
    # Not read_text, which would convert line ends.
    before = path.read_bytes().decode()
    if before == text:
        return None
    for number, (old, new) in enumerate(zip_longest(before.split("\n"), text.split("\n")), start=1):
        if old != new:
            return (
                f"{shown} is out of date, first in line {number}:\n    kept {_cut(old, new)}\n    now  {_cut(new, old)}"
            )
    raise AssertionError("two different texts must differ in a line")


def _cut(line: str | None, other: str | None) -> str:
    """The part of a line around its first difference from the other line."""
    if line is None:
        return "no such line"
    pairs = zip(line, other or "", strict=False)
    place = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(line), len(other or "")))
    begin = max(place - _SHOWN_MAX // 4, 0)
    return repr(line[begin : begin + _SHOWN_MAX])


def _kept_result(folder: Path) -> Result | None:
    path = folder / RESULT
    return Result.model_validate_json(path.read_bytes()) if path.exists() else None


def _troubles(samples: Path, *, update: bool) -> Iterator[str]:
    for scenario, bytes_max in SIZES_MAX.items():
        folder = samples / scenario
        done = run(load(scenario), seed=1)
        sample = written(done, _kept_result(folder))
        if update and difference(folder / RESULT, sample.files[RESULT]):
            # A changed result takes the values of this host. An equal one keeps its host, so that no file changes.
            sample = written(done, None)
        print(f"  {scenario:<10} {PAGE} has {sample.page_bytes:,} of at most {bytes_max:,} bytes")
        if sample.page_bytes >= bytes_max:
            yield f"{scenario}: {PAGE} must have less than {bytes_max:,} bytes, got {sample.page_bytes:,}"
        if scenario not in KEPT:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in sample.files.items():
            if update:
                (folder / name).write_bytes(text.encode())
            elif trouble := difference(folder / name, text):
                yield trouble


def main() -> int:
    """Compare or update. Returns 0 if all samples are current and all pages are within their limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="rewrite the samples")
    update = parser.parse_args().update
    troubles = list(_troubles(SAMPLES, update=update))
    print("\n".join(troubles) or f"  {', '.join(KEPT)}: {'written' if update else 'as kept'}")
    if troubles and not update:
        print(f"To rewrite the samples: {COMMAND}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
