"""The files of a release beside the folders of its runs, and those files written again from its runs."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drsim.arguments import ExitCode, UserError, writing
from drsim.interruption import held
from drsim.stored_runs import RESULT, result_in

if TYPE_CHECKING:
    from drsim.reports.release import Release, ReleaseRecord
    from drsim.scenarios.result import Result

INDEX: Final = "index.html"
_REASONS: Final = {ExitCode.INTERNAL: "an internal error ended it", ExitCode.INTERRUPTED: "interrupted"}


@contextmanager
def released(
    out: Path, planned: Mapping[tuple[str, int], Path], codes: list[ExitCode], results: "list[Result]"
) -> Iterator[None]:
    """Write the release's files of several runs at the end, however it comes. `codes` and `results` grow meanwhile.

    `planned` has the folder of each run by the name of its scenario and its seed.
    """
    try:
        yield
    finally:
        # Without any result, too, an earlier release must not pass for this one.
        if len(planned) > 1 and (results or (out / INDEX).exists()):
            done = {(result.scenario, result.seed) for result in results}
            endings = dict(zip(planned, codes, strict=False))
            is_seeded = len({seed for _, seed in planned}) > 1
            missing = {
                f"{run[0]} seed {run[1]}" if is_seeded else run[0]: _REASONS.get(
                    endings.get(run, ExitCode.PASS), "not run"
                )
                for run in planned
                if run not in done
            }
            made = [(planned[each.scenario, each.seed].name, each) for each in results]
            with held():
                writing(lambda: _write(out, made, missing))


def _write(out: Path, runs: "Sequence[tuple[str, Result]]", missing: dict[str, str]) -> None:
    from drsim.evidence import read
    from drsim.reports.release import Member, Release, record
    from drsim.scenarios.atomic_files import write_whole

    members = [
        Member(folder, result, _digest(out / folder / RESULT), read(out / folder).digest) for folder, result in runs
    ]
    release = Release(members, missing)
    files = _documents(release)
    for name, data in files.items():
        write_whole(out / name, data)
    write_record(out, record(release, files))


def write_record(out: Path, kept: "ReleaseRecord") -> None:
    """Write the record of a release into its folder. Raises OSError."""
    from drsim.reports.evidence import EVIDENCE
    from drsim.scenarios.atomic_files import write_whole

    write_whole(out / EVIDENCE, _bytes_of(kept))


def _bytes_of(kept: "ReleaseRecord") -> bytes:
    return (kept.model_dump_json(indent=2) + "\n").encode()


def refuse_signed(out: Path, folders: Iterable[str]) -> None:
    """Raise UserError if runs in these folders, or a release of them, would replace a signed release or part of it."""
    from drsim.reports.text import visible

    try:
        kept = release_in(out)
    except UserError as error:
        raise UserError(f"{error}; it may be signed: move it, or change --out") from None
    names = list(folders)
    if kept and kept.approvals and (len(names) > 1 or names[0] in {each.folder for each in kept.runs}):
        by, at = visible(kept.approvals[-1].by, 80), visible(kept.approvals[-1].at[:10])
        raise UserError(f"{out}: holds a release that {by!r} signed on {at}: move it, or change --out")


def _documents(release: "Release") -> dict[str, bytes]:
    """The content of each report of a release, by its name."""
    from drsim.reports.release import documents

    return {name: text.encode(errors="backslashreplace") for name, text in documents(release)}


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def is_release(folder: Path) -> bool:
    """Whether the evidence.json in a folder is that of a release, and not of a run. A damaged one is if a page is."""
    from drsim.reports.evidence import EVIDENCE

    if (folder / RESULT).exists() or not (folder / EVIDENCE).is_file():
        return False
    try:
        data = json.loads((folder / EVIDENCE).read_bytes())
    except (OSError, ValueError):
        data = None
    return data.get("kind") == "release" if isinstance(data, dict) else (folder / INDEX).exists()


class DamagedReleaseError(UserError):
    """The evidence.json of a release is not as drsim writes it."""


def release_in(folder: Path) -> "ReleaseRecord | None":
    """The record of the release in a folder; None if there is none. Raises DamagedReleaseError and UserError."""
    from pydantic import ValidationError

    from drsim.reports.evidence import EVIDENCE
    from drsim.reports.release import ReleaseRecord
    from drsim.scenarios.files import plain

    file = folder / EVIDENCE
    if not is_release(folder):
        return None
    try:
        return ReleaseRecord.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        trouble = plain(error.errors(include_url=False)[0])
        raise DamagedReleaseError(f"{file}: is no record of a release: {trouble}") from None


def write_again(folder: Path) -> Path | None:
    """Write the reports of the release in a folder again, from its runs, and return its page; None without a release.

    A run that is no longer the one of the release is an error, and the files stay. Raises UserError.
    """
    kept = release_in(folder)
    if kept is None:
        return None
    from drsim.reports.evidence import EVIDENCE
    from drsim.reports.release import Member, Release
    from drsim.scenarios.atomic_files import write_whole

    runs = []
    for member in kept.runs:
        file = folder / member.folder / RESULT
        result = result_in(file)
        if _digest(file) != member.result:
            raise UserError(
                f"{folder / EVIDENCE}: {member.folder} was run again since, so {INDEX} stays as before; "
                "run the scenarios together for a new one"
            )
        runs.append(Member(member.folder, result))
    for name, data in _documents(Release(runs, kept.missing)).items():
        writing(partial(write_whole, folder / name, data))
    return folder / INDEX


def differences(folder: Path, kept: "ReleaseRecord") -> Iterator[str]:
    """Yield which reports and runs of a release are not as its record says. Each run has evidence of its own."""
    from drsim.reports.evidence import EVIDENCE
    from drsim.verifying import evidence_in

    if (folder / EVIDENCE).read_bytes() != _bytes_of(kept):
        yield f"{EVIDENCE}: is not written as drsim writes it"
    yield from (f"{EVIDENCE}: {trouble}" for trouble in kept.breaks)
    # Other folders are other runs.
    new = {path.name for path in folder.iterdir() if not path.is_dir()} - {EVIDENCE, *kept.files}
    yield from (f"{name}: is new" for name in sorted(new))
    for name, digest in kept.files.items():
        if (found := _digest(folder / name)) != digest:
            yield f"{name}: {'differs' if found else 'is missing'}"
    for member in kept.runs:
        if _digest(folder / member.folder / RESULT) != member.result:
            yield f"{member.folder}: its {RESULT} is not the one of this release"
        try:
            is_same = evidence_in(folder / member.folder).digest == member.evidence
        except (UserError, ValueError):
            is_same = False
        if not is_same:
            yield f"{member.folder}: its {EVIDENCE} is not the one of this release"
