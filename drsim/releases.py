"""The files of a release beside the folders of its runs, and those files written again from its runs."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drsim.arguments import ExitCode, UserError, writing
from drsim.interruption import held
from drsim.stored_runs import RESULT, result_in

if TYPE_CHECKING:
    from drsim.reports.release import Release, ReleaseRecord
    from drsim.scenarios.result import Result

INDEX: Final = "index.html"
EVIDENCE: Final = "evidence.json"
_REASONS: Final = {ExitCode.INTERNAL: "an internal error ended it", ExitCode.INTERRUPTED: "interrupted"}


@contextmanager
def released(out: Path, folders: Mapping[str, Path], codes: list[ExitCode], results: "list[Result]") -> Iterator[None]:
    """Write the release's files of several runs at the end, however it comes. `codes` and `results` grow meanwhile.

    `folders` has the folder of each run by the name of its scenario.
    """
    try:
        yield
    finally:
        if len(folders) > 1 and results:
            done = {result.scenario for result in results}
            endings = dict(zip(folders, codes, strict=False))
            missing = {
                name: _REASONS.get(endings.get(name, ExitCode.PASS), "not run") for name in folders if name not in done
            }
            with held():
                writing(lambda: _write(out, [(folders[each.scenario].name, each) for each in results], missing))


def _write(out: Path, runs: "Sequence[tuple[str, Result]]", missing: dict[str, str]) -> None:
    from drsim.reports.release import Member, Release, record

    release = Release([Member(*run) for run in runs], missing)
    files = {
        folder: {name: path.read_bytes() for name in (RESULT, EVIDENCE) if (path := out / folder / name).exists()}
        for folder, _ in runs
    }
    _replace(out / EVIDENCE, record(release, files).model_dump_json(indent=2) + "\n")
    _write_documents(out, release)


def _write_documents(out: Path, release: "Release") -> None:
    from drsim.reports.release import documents

    for name, text in documents(release):
        _replace(out / name, text)


def _replace(path: Path, text: str) -> None:
    from drsim.scenarios.atomic_files import replaced

    with replaced(path) as place:
        place.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def release_in(folder: Path) -> "ReleaseRecord | None":
    """The record of the release in a folder; None if there is none. Raises UserError."""
    from pydantic import ValidationError

    from drsim.reports.release import ReleaseRecord
    from drsim.scenarios.files import plain

    file = folder / EVIDENCE
    if (folder / RESULT).exists() or not file.is_file():
        return None
    try:
        return ReleaseRecord.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        trouble = plain(error.errors(include_url=False)[0])
        raise UserError(f"{file}: is no record of a release: {trouble}") from None


def write_again(folder: Path) -> Path | None:
    """Write the reports of the release in a folder again, from its runs, and return its page; None without a release.

    A run that is no longer the one of the release is an error, and the files stay. Raises UserError.
    """
    kept = release_in(folder)
    if kept is None:
        return None
    from drsim.reports.release import Member, Release

    runs = []
    for member in kept.runs:
        file = folder / member.folder / RESULT
        result = result_in(file)
        if hashlib.sha256(file.read_bytes()).hexdigest() != member.sha256.get(RESULT):
            raise UserError(
                f"{folder / EVIDENCE}: {member.folder} was run again since, so {INDEX} stays as before; "
                "run the scenarios together for a new one"
            )
        runs.append(Member(member.folder, result))
    writing(lambda: _write_documents(folder, Release(runs, kept.missing)))
    return folder / INDEX
