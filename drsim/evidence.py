"""The evidence in the folder of a run: written beside the run's other files, read, and shown in the page."""

from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from drsim.arguments import UserError
from drsim.circumstances import Circumstances
from drsim.reports import evidence_block
from drsim.reports.documents import PAGE
from drsim.reports.evidence import EVIDENCE, Evidence, digest_of, sealed, text_of
from drsim.reports.first_screen import reason
from drsim.reports.text import visible
from drsim.scenarios.atomic_files import write_whole

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario
    from drsim.scenarios.result import Result


def keep(folder: Path, result: "Result", scenario: "Scenario", at: str, circumstances: Circumstances) -> Evidence:
    """Write the evidence of a run whose other files are written, and its block into the page. Raises OSError."""
    verdicts = {each.name: each.verdict for each in result.properties}
    verdicts |= {each.name: each.verdict for each in result.criteria}
    configuration = scenario.model_dump(mode="json", exclude_defaults=True)
    page = page_in(folder)
    evidence = Evidence(
        schema_version=1,
        scenario=result.scenario,
        seed=result.seed,
        tier=result.tier,
        trace=result.trace,
        verdict=result.verdict,
        degraded=tuple(map(reason, result.degraded)),
        not_exercised=tuple(name for name, verdict in verdicts.items() if verdict == "not exercised"),
        unjudged=tuple(each.check for each in result.unjudged),
        trace_digest=result.trace_digest,
        at=at,
        by=circumstances.by,
        comment=circumstances.comment,
        host=circumstances.host,
        job=circumstances.job,
        commit=circumstances.commit,
        no_commit=circumstances.no_commit,
        functions=circumstances.functions,
        configuration=configuration,
        digests={**circumstances.digests, "contract": contract_digest(scenario), "scenario": digest_of(configuration)},
        versions=circumstances.versions,
        files=digests_in(folder, page),
        block="",
        approvals=(),
    )
    return write(folder, sealed(evidence), page)


def contract_digest(scenario: "Scenario") -> str:
    """SHA-256 of a scenario's contract and of the files that it names. Raises OSError."""
    contract = scenario.judged_by
    named = (*(table.items for table in contract.surroundings.tables), *contract.judged.roles.values())
    files = [sha256(Path(file).read_bytes()).hexdigest() for file in named if file]
    return digest_of([contract.model_dump(mode="json"), files])


def write(folder: Path, evidence: Evidence, page: evidence_block.Parted | None) -> Evidence:
    """Write the evidence and the page with its block, and return it with the block's digest. Raises OSError."""
    shown = None if page is None else page.showing(evidence)
    evidence = evidence.model_copy(update={"block": "" if shown is None else shown.block_digest})
    write_whole(folder / EVIDENCE, text_of(evidence).encode())
    if shown is not None:
        write_whole(folder / PAGE, shown.text.encode())
    return evidence


def read(folder: Path) -> Evidence:
    """The evidence in a folder. Raises ValueError if it is damaged, and OSError if it cannot be read."""
    try:
        text = (folder / EVIDENCE).read_bytes().decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    try:
        return Evidence.model_validate_json(text)
    except ValidationError as error:
        from drsim.scenarios.files import plain as in_words
        from drsim.scenarios.files import shown

        first = error.errors(include_url=False)[0]
        raise ValueError(f"is no evidence of version 1: {in_words(first, shown(first['loc']))}") from None


def page_in(folder: Path) -> evidence_block.Parted | None:
    """The parts of a run's page; None if there is no page with the comments around the block."""
    try:
        return evidence_block.parted((folder / PAGE).read_bytes().decode())
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def digests_in(folder: Path, page: evidence_block.Parted | None) -> dict[str, str]:
    """SHA-256 of each file of a run; of the page without its block."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name == PAGE and page is not None:
            found[path.name] = page.digest
        elif path.is_file() and path.name != EVIDENCE:
            with path.open("rb") as file:
                found[path.name] = file_digest(file, "sha256").hexdigest()
    return found


def refuse_signed(folders: Iterable[Path]) -> None:
    """Raise UserError if a folder holds a signed run, which a new run would replace."""
    for folder in folders:
        try:
            approvals = read(folder).approvals
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError):
            raise UserError(
                f"{folder}: its {EVIDENCE} cannot be read, and may be signed: move it, or change --out"
            ) from None
        if approvals:
            by, at = visible(approvals[-1].by, 80), visible(approvals[-1].at[:10])
            raise UserError(f"{folder}: holds a run that {by!r} signed on {at}: move it, or change --out")
