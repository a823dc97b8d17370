"""The files of a run: `result.json`, `report.md` and `trace.jsonl.gz` in one folder for each scenario and seed."""

from pathlib import Path

from reports.markdown import render
from scenarios.runner import Run

RESULT, REPORT, TRACE, ERROR = "result.json", "report.md", "trace.jsonl.gz", "error.txt"


def folder_of(out: Path, scenario: str, seed: int) -> Path:
    """Where a run's files go."""
    return out / f"{scenario}-{seed}"


def write(run: Run, folder: Path) -> None:
    """Write all files of a run, over those of an earlier one. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT).write_text(run.result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (folder / REPORT).write_text(render(run.result), encoding="utf-8")
    run.trace.write(folder / TRACE)


def write_error(trouble: str, folder: Path) -> None:
    """Keep the traceback of a run in which the simulation itself broke. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).write_text(trouble, encoding="utf-8")
