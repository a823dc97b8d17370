"""The sample reports in docs/samples are those that drsim writes today, and reports are as small as they must be.

Run as a program it compares; `--update` writes them anew. Of a run only its wall time and the versions that it ran on
depend on the host: these are taken from the kept result.json, and all else has to be the same, byte for byte.
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
from drsim.stored_results import RESULT

ROOT: Final = Path(__file__).resolve().parent.parent
SAMPLES: Final = ROOT / "docs" / "samples"
COMMAND: Final = "nox -s samples -- --update"

KEPT: Final = ("phase-2", "load-100")
SIZES_MAX: Final = {"phase-2": 150_000, "load-100": 400_000, "load-1000": 2_000_000}
"""The most bytes that the page of a scenario may have."""

_SHOWN_MAX: Final = 160


class Sample(NamedTuple):
    """One scenario's files, by name, and its page's size in bytes."""

    files: dict[str, str]
    page_bytes: int


def written(done: Run, kept: Result | None) -> Sample:
    """The files of a run as they would be had it run on the host of the kept one."""
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
    """In what a kept file differs from the text, in one line; None if it is the same."""
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if not path.exists():
        return f"{shown} is missing"
    # Not read_text: it would take one kind of line end for another.
    before = path.read_bytes().decode()
    if before == text:
        return None
    for number, (old, new) in enumerate(zip_longest(before.split("\n"), text.split("\n")), start=1):
        if old != new:
            return (
                f"{shown} is out of date, first in line {number}:\n    kept {_cut(old, new)}\n    now  {_cut(new, old)}"
            )
    raise AssertionError("texts that differ have a line that differs")


def _cut(line: str | None, other: str | None) -> str:
    """A line around the place where it first differs from the other."""
    if line is None:
        return "ends before"
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
            # Another result is this host's own. One that is the same keeps its host, so that nothing changes in vain.
            sample = written(done, None)
        print(f"  {scenario:<10} {PAGE} has {sample.page_bytes:,} bytes, of at most {bytes_max:,}")
        if sample.page_bytes >= bytes_max:
            yield f"{scenario}: {PAGE} has {sample.page_bytes:,} bytes, and must stay under {bytes_max:,}"
        if scenario not in KEPT:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in sample.files.items():
            if update:
                (folder / name).write_bytes(text.encode())
            elif trouble := difference(folder / name, text):
                yield trouble


def main() -> int:
    """Compare, or update; 0 if all samples are as kept and all pages small enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write the samples anew")
    update = parser.parse_args().update
    troubles = list(_troubles(SAMPLES, update=update))
    print("\n".join(troubles) or f"  {', '.join(KEPT)}: {'written' if update else 'as kept'}")
    if troubles and not update:
        print(f"Write the samples anew with: {COMMAND}")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
