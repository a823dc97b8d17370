"""`drsim verify`: whether runs are as their evidence records, and whether they repeat."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import Exit

from drsim.arguments import ExitCode, UserError, complain, worst
from drsim.trust import Trust

if TYPE_CHECKING:
    from drsim.reports.evidence import Evidence
    from drsim.reports.release import ReleaseRecord


def verify(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or a folder of them.")],
    files_only: Annotated[
        bool, typer.Option("--files-only", "--no-run", help="Compare files only; do not run the scenario again.")
    ] = False,
    expect: Annotated[
        str, typer.Option(metavar="VALUE", help="The value that `run` or `sign` printed, or its first 16 characters.")
    ] = "",
    trust: Annotated[
        bool, typer.Option("--trust", help="Import the handlers that evidence.json names, wherever they are.")
    ] = False,
) -> None:
    """Compare the files of runs, and of a release of them, with their evidence.json, and run each scenario again.

    Names each file that differs, is missing or is new. Exits with 1 if anything is not as recorded.
    """
    from drsim.releases import is_release

    folders = [folder_of(folder) for folder in folders]
    runs = [run for folder in folders for run in runs_with_evidence(folder)]
    of_release = len(folders) == 1 and is_release(folders[0])
    if expect and len(runs) != 1 and not of_release:
        raise UserError(f"--expect {expect}: it is the value of one run or of one release, got {len(runs)} runs")
    if expect and len(expect) < 16:
        raise UserError(f"--expect must have at least 16 characters, got {expect!r}")
    expect = expect.lower()
    trusted = None if files_only else Trust(trust)
    codes = [_verified_release(folder, expect) for folder in folders]
    own = "" if of_release else expect
    raise Exit(worst([*codes, *(_verified(run, own, trusted) for run in runs)]))


def folder_of(path: Path) -> Path:
    """The folder of a run or of a release, of which a user may also name result.json or evidence.json."""
    from drsim.reports.evidence import EVIDENCE
    from drsim.stored_runs import RESULT

    return path.parent if path.name in (RESULT, EVIDENCE) else path


def runs_with_evidence(folder: Path) -> list[Path]:
    """The folders of a run, or of the runs in a folder. Raises UserError if there are none."""
    from drsim.releases import is_release
    from drsim.reports.evidence import EVIDENCE
    from drsim.stored_runs import RESULT

    def is_run(folder: Path) -> bool:
        return (folder / RESULT).exists() or ((folder / EVIDENCE).exists() and not is_release(folder))

    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder of a run")
    if is_run(folder):
        # A folder in it is no run of its own: it is new, or a record of the run.
        return [folder]
    if found := sorted(each for each in folder.iterdir() if each.is_dir() and is_run(each)):
        return found
    raise UserError(f"{folder}: holds no run, nor does a folder in it")


def _verified_release(folder: Path, expect: str) -> ExitCode:
    """Verify the reports of a release and that its runs are those that it records; nothing in another folder."""
    from drsim.releases import INDEX, DamagedReleaseError, differences, release_in
    from drsim.reports.evidence import EVIDENCE
    from drsim.simulator.durations import plural

    try:
        kept = release_in(folder)
    except DamagedReleaseError as error:
        show(folder, [str(error)], [])
        return ExitCode.FAIL
    except UserError as error:
        complain(str(error))
        return ExitCode.USAGE
    if kept is None:
        if not (folder / INDEX).exists():
            return ExitCode.PASS
        complain(f"{folder}: has {INDEX} and no {EVIDENCE} of its release, so {INDEX} cannot be verified")
        return ExitCode.USAGE
    troubles = list(differences(folder, kept))
    if not kept.last_digest.startswith(expect):
        troubles.append(_unexpected(expect, kept.last_digest))
    about = f"a release of {plural(len(kept.runs), 'run')}, {_approvals(kept)}"
    show(folder, troubles, [about, f"last value of the chain: {kept.last_digest}"])
    return ExitCode.FAIL if troubles else ExitCode.PASS


def evidence_in(folder: Path) -> "Evidence":
    """The evidence of a run. Raises UserError if there is none, and ValueError if it is damaged."""
    from drsim.evidence import read
    from drsim.reports.evidence import EVIDENCE

    try:
        return read(folder)
    except FileNotFoundError:
        raise UserError(
            f"{folder}: has no {EVIDENCE}: an older drsim made this run, or the file was lost; `drsim run` makes both"
        ) from None
    except OSError as error:
        raise UserError(f"{folder / EVIDENCE}: cannot be read ({error.strerror})") from None


def _verified(folder: Path, expect: str, trust: Trust | None) -> ExitCode:
    """Verify one run and show what was found. Without trust, it is not run again."""
    from drsim.reports.evidence import EVIDENCE
    from drsim.simulator.durations import plural
    from drsim.verification import differences

    try:
        evidence = evidence_in(folder)
    except UserError as error:
        complain(str(error))
        return ExitCode.USAGE
    except ValueError as error:
        show(folder, [f"{EVIDENCE}: {error}"], [])
        return ExitCode.FAIL
    troubles = list(differences(folder, evidence))
    if expect and not evidence.last_digest.startswith(expect):
        troubles.append(_unexpected(expect, evidence.last_digest))
    notes = [f"{plural(len(evidence.files), 'file')} recorded, {_approvals(evidence)}"]
    code = ExitCode.PASS
    if trust is not None:
        try:
            differing, remarks = _ran_again(folder, evidence, trust)
            troubles += differing
            notes += remarks
        except UserError as error:
            # Not the end: what was found in the files counts.
            notes.append("not run again")
            code = ExitCode.USAGE
            complain(f"{folder}: it cannot be run again here; --files-only compares the files alone\n{error}")
    show(folder, troubles, [*notes, f"last value of the chain: {evidence.last_digest}"])
    return worst([code, ExitCode.FAIL if troubles else ExitCode.PASS])


def show(folder: Path, troubles: list[str], notes: list[str]) -> None:
    """Show whether a run is as recorded, and all that is not."""
    from drsim import console as terminal
    from drsim.reports.text import visible
    from drsim.simulator.durations import plural

    output = terminal.output()
    found = f"{plural(len(troubles), 'difference')}" if troubles else "as recorded"
    terminal.line(output, "fail" if troubles else "pass", f"{folder}: {found}", bold=True)
    for text in troubles:
        terminal.block(output, text)
    for text in notes:
        terminal.block(output, visible(text, 1000), "dim")


def _unexpected(expect: str, last_digest: str) -> str:
    from drsim.reports.evidence import EVIDENCE
    from drsim.reports.text import visible

    return f"{EVIDENCE}: its last value must be {visible(expect)}, got {visible(last_digest)}"


def _approvals(evidence: "Evidence | ReleaseRecord") -> str:
    named = ", ".join(f"{each.by} ({each.role})" for each in evidence.approvals)
    return f"approved by {named}" if named else "no approval"


def _ran_again(folder: Path, evidence: "Evidence", trust: Trust) -> tuple[list[str], list[str]]:
    """Run a scenario again: return the differences, and what else is worth knowing. Raises UserError."""
    from rich.text import Text

    from drsim import console as terminal
    from drsim.reports.text import visible
    from drsim.verification import changes_since, is_repeatable, repetition

    changes = changes_since(evidence)
    remarks = [f"since the run: {', '.join(changes)}"] if changes else []
    if not is_repeatable(folder):
        return [], [*remarks, "not run again: by its findings, the handlers are not deterministic"]
    with terminal.errors().status(Text(f"{visible(evidence.scenario)} runs again")):
        found = list(repetition(folder, evidence, trust))
    if not found:
        same = "the same trace and the same result" if evidence.trace_digest else "the same result"
        return [], [*remarks, f"run again, it has {same}"]
    why = f" ({', '.join(changes)} since the run, which may be why)" if changes else ""
    return [f"run again{why}, it has {each}" for each in found], []
