"""`drsim sign`: add an approval to the evidence of a run."""

from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Exit

from drsim.arguments import ExitCode, UserError, writing
from drsim.verifying import evidence_in, runs_with_evidence, show


def sign(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Who approves.")],
    role: Annotated[str, typer.Option(metavar="ROLE", help="In which role, such as 'release manager'.")],
    conditions: Annotated[str, typer.Option(metavar="TEXT", help="Under which conditions.")] = "",
) -> None:
    """Approve a run: add an approval to its evidence.json and its page.

    The approval covers the run's record and all approvals before it. A run whose files are not as recorded is refused,
    with exit code 1.
    """
    from drsim import console as terminal
    from drsim.evidence import page_in, write
    from drsim.reports.evidence import EVIDENCE, approved
    from drsim.reports.text import plain, visible
    from drsim.scenarios import machine
    from drsim.verification import differences

    for option, value in (("--as", name), ("--role", role)):
        if not value.strip():
            raise UserError(f"{option} must not be empty")
    runs = runs_with_evidence(folder)
    if len(runs) != 1:
        raise UserError(f"{folder}: holds {len(runs)} runs; sign each of them by itself")
    [run] = runs
    try:
        evidence = evidence_in(run)
    except ValueError as error:
        show(run, [f"{EVIDENCE}: {error}"], ["not signed"])
        raise Exit(ExitCode.FAIL) from None
    troubles = list(differences(run, evidence))
    if troubles:
        show(run, troubles, ["not signed: an approval must not cover files that were changed since the run"])
        raise Exit(ExitCode.FAIL)
    texts = {"by": plain(name), "role": plain(role), "conditions": plain(conditions)}
    signed = approved(evidence, at=machine.utc_now(), **texts)
    writing(lambda: write(run, signed, page_in(run)))
    output = terminal.output()
    what = f"{visible(evidence.scenario)}, seed {evidence.seed}: {evidence.verdict.upper()}"
    who = f"{visible(name, 200)} ({visible(role, 200)})"
    terminal.line(output, evidence.verdict, f"{what}, approved by {who}", bold=True)
    if conditions:
        terminal.block(output, visible(conditions, 1000))
    terminal.long_line(output, f"  evidence  {signed.last_digest}")
