"""`drsim sign`: add an approval to the evidence of a run or of a release."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import Exit

from drsim.arguments import ExitCode, UserError, writing
from drsim.verifying import evidence_in, folder_of, runs_with_evidence, show

if TYPE_CHECKING:
    from drsim.reports.release import ReleaseRecord
    from drsim.scenarios.result import Outcome


def sign(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run or of a release.")],
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Who approves.")],
    role: Annotated[str, typer.Option(metavar="ROLE", help="In which role, such as 'release manager'.")],
    conditions: Annotated[str, typer.Option(metavar="TEXT", help="Under which conditions.")] = "",
) -> None:
    """Approve a run or a release: add an approval to its evidence.json, and to the page of a run.

    The approval covers the record and all approvals before it; that of a release covers its runs. A run whose files
    are not as recorded is refused, with exit code 1.
    """
    from drsim import console as terminal
    from drsim.releases import release_in
    from drsim.reports.text import plain, visible
    from drsim.scenarios import machine
    from drsim.simulator.durations import plural

    for option, value in (("--as", name), ("--role", role)):
        if not value.strip():
            raise UserError(f"{option} must not be empty")
    texts = {"at": machine.utc_now(), "by": plain(name), "role": plain(role), "conditions": plain(conditions)}
    folder = folder_of(folder)
    kept = release_in(folder)
    if kept is not None:
        what, outcome = f"release of {plural(len(kept.runs), 'run')}", kept.outcome
        digest = _signed_release(folder, kept, texts)
    else:
        what, outcome, digest = _signed_run(folder, texts)
    output = terminal.output()
    who = f"{visible(name, 200)} ({visible(role, 200)})"
    terminal.line(output, outcome, f"{what}: {terminal.label(outcome)}, approved by {who}", bold=True)
    if conditions:
        terminal.block(output, visible(conditions, 1000))
    terminal.long_line(output, f"  evidence  {digest}")


def _signed_run(folder: Path, texts: dict[str, str]) -> tuple[str, "Outcome", str]:
    """Sign a run: return its name, its outcome and the last value of its chain. Raises UserError and Exit."""
    from drsim.evidence import page_in, write
    from drsim.reports.evidence import EVIDENCE, approved
    from drsim.reports.text import visible
    from drsim.verification import differences

    runs = runs_with_evidence(folder)
    if len(runs) != 1:
        raise UserError(f"{folder}: holds {len(runs)} runs and no release of them; sign each of them by itself")
    [run] = runs
    try:
        evidence = evidence_in(run)
    except ValueError as error:
        show(run, [f"{EVIDENCE}: {error}"], ["not signed"])
        raise Exit(ExitCode.FAIL) from None
    _refuse_changed(run, list(differences(run, evidence)))
    signed = approved(evidence, **texts)
    writing(lambda: write(run, signed, page_in(run)))
    return f"{visible(evidence.scenario)}, seed {evidence.seed}", evidence.outcome, signed.last_digest


def _signed_release(folder: Path, kept: "ReleaseRecord", texts: dict[str, str]) -> str:
    """Sign a release, whose files and runs must be as recorded: return the last value of its chain. Raises Exit."""
    from drsim import releases, verification
    from drsim.reports.evidence import approval_after

    _refuse_changed(folder, list(releases.differences(folder, kept)))
    for run in (folder / each.folder for each in kept.runs):
        _refuse_changed(run, list(verification.differences(run, evidence_in(run))))
    approvals = (*kept.approvals, approval_after(kept.last_digest, **texts))
    signed = kept.model_copy(update={"approvals": approvals})
    writing(lambda: releases.write_record(folder, signed))
    return signed.last_digest


def _refuse_changed(folder: Path, troubles: list[str]) -> None:
    if troubles:
        show(folder, troubles, ["not signed: an approval must not cover files that were changed since the run"])
        raise Exit(ExitCode.FAIL)
