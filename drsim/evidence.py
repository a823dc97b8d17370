"""Collects the evidence of a run on this machine, and keeps it in the run's folder.

Owns what is asked of the host, of git and of the variables of CI systems; `drsim.reports.evidence` owns its shape.
"""

import getpass
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ValidationError

from drsim.arguments import UserError
from drsim.reports import evidence_block
from drsim.reports.documents import PAGE
from drsim.reports.evidence import (
    EVIDENCE,
    CommitRecord,
    Evidence,
    FunctionsRecord,
    HostRecord,
    JobRecord,
    digest_of,
    sealed,
    text_of,
)
from drsim.reports.text import plain
from drsim.scenarios import machine
from drsim.scenarios.atomic_files import replaced
from drsim.scenarios.source_scan import sources_digest
from drsim.tiers import Choice

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario
    from drsim.scenarios.result import Result

_GIT_SECONDS_MAX: Final = 2
_CHANGED_MAX: Final = 20
_PACKAGES: Final = ("boto3", "botocore", "aws-lambda-powertools", "freezegun", "moto")


class _System(NamedTuple):
    """A CI system: the variable that shows it, and templates of the job's name, of its link and of its actor."""

    mark: str
    name: str
    job: str
    url: str
    actor: str


_SYSTEMS: Final = (
    _System(
        "GITHUB_ACTIONS",
        "GitHub Actions",
        "{GITHUB_WORKFLOW} / {GITHUB_JOB}",
        "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        "{GITHUB_ACTOR}",
    ),
    _System("GITLAB_CI", "GitLab CI", "{CI_JOB_NAME}", "{CI_JOB_URL}", "{GITLAB_USER_LOGIN}"),
    _System(
        "BUILDKITE",
        "Buildkite",
        "{BUILDKITE_PIPELINE_SLUG} / {BUILDKITE_LABEL}",
        "{BUILDKITE_BUILD_URL}#{BUILDKITE_JOB_ID}",
        "{BUILDKITE_BUILD_CREATOR}",
    ),
    _System("JENKINS_URL", "Jenkins", "{JOB_NAME} {BUILD_NUMBER}", "{BUILD_URL}", "{BUILD_USER_ID}"),
    _System("CIRCLECI", "CircleCI", "{CIRCLE_JOB}", "{CIRCLE_BUILD_URL}", "{CIRCLE_USERNAME}"),
    _System(
        "TF_BUILD",
        "Azure Pipelines",
        "{BUILD_DEFINITIONNAME} / {SYSTEM_JOBDISPLAYNAME}",
        "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        "{BUILD_REQUESTEDFOR}",
    ),
    _System(
        "CODEBUILD_BUILD_ID", "AWS CodeBuild", "{CODEBUILD_BUILD_ID}", "{CODEBUILD_BUILD_URL}", "{CODEBUILD_INITIATOR}"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What all runs of one command share: place, person, commit, and the code at the command's start."""

    by: str
    comment: str
    host: HostRecord
    job: JobRecord | None
    commit: CommitRecord | None
    functions: FunctionsRecord | None
    digests: dict[str, str]
    versions: dict[str, str]


def circumstances(choice: Choice, by: str, comment: str, out: Path) -> Circumstances:
    """Ask this machine. git answers while drsim's code is read; files that runs leave in `out` are no changes."""
    handlers = choice.functions
    job, actor = _job(os.environ)
    # git takes a few milliseconds.
    folder = _code_folder(choice)
    status = _git(folder, "status", "--porcelain=v2", "--branch")
    user = _git(folder, "config", "user.name") if not (by or actor) else None
    digests = {
        "drsim": machine.whole_digest(),
        "template": sha256(resources.files("drsim.orchestrator").joinpath("template.yaml").read_bytes()).hexdigest(),
    }
    if handlers is not None:
        digests["handlers"] = sources_digest(handlers)
    return Circumstances(
        by=plain(by or actor or _answer(user).strip() or _login_name()),
        comment=plain(comment),
        host=HostRecord(
            name=plain(platform.node()),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            folder=plain(str(Path.cwd())),
        ),
        job=job,
        commit=_commit(_answer(status), folder, out),
        functions=None if handlers is None else functions_of(choice),
        digests=digests,
        versions=versions(choice.tier),
    )


def functions_of(choice: Choice) -> FunctionsRecord:
    variables = dict(variable.split("=", 1) for variable in choice.variables)
    paths = tuple(map(str, choice.paths))
    return FunctionsRecord(finder=choice.finder, poller=choice.poller, paths=paths, variables=variables)


def versions(tier: str) -> dict[str, str]:
    """The versions of what runs in this tier; the fast tier has no AWS client."""
    found = machine.versions()
    for name in _PACKAGES if tier != "fast" else ():
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def keep(folder: Path, result: "Result", scenario: "Scenario", at: str, found: Circumstances) -> Evidence:
    """Write the evidence of a run whose other files are written, and its block into the page. Raises OSError."""
    verdicts = {each.name: each.verdict for each in result.properties}
    verdicts |= {each.name: each.verdict for each in result.criteria}
    configuration = scenario.model_dump(mode="json", exclude_defaults=True)
    contract = digest_of(scenario.judged_by.model_dump(mode="json"))
    page = page_in(folder)
    evidence = Evidence(
        schema_version=1,
        scenario=result.scenario,
        seed=result.seed,
        tier=result.tier,
        trace=result.trace,
        verdict=result.verdict,
        degraded=tuple(str(each) for each in getattr(result, "degraded", ())),
        not_exercised=tuple(name for name, verdict in verdicts.items() if verdict == "not exercised"),
        unjudged=tuple(each.check for each in result.unjudged),
        trace_digest=result.trace_digest,
        at=at,
        by=found.by,
        comment=found.comment,
        host=found.host,
        job=found.job,
        commit=found.commit,
        functions=found.functions,
        configuration=configuration,
        digests={**found.digests, "contract": contract, "scenario": digest_of(configuration)},
        versions=found.versions,
        files=digests_in(folder, page),
        block="",
        approvals=(),
    )
    return write(folder, sealed(evidence), page)


def write(folder: Path, evidence: Evidence, page: evidence_block.Parted | None) -> Evidence:
    """Write the evidence and the page with its block, and return it with the block's digest. Raises OSError."""
    shown = None if page is None else page.showing(evidence)
    evidence = evidence.model_copy(update={"block": "" if shown is None else shown.block_digest})
    with replaced(folder / EVIDENCE) as place:
        place.write_text(text_of(evidence), encoding="utf-8", newline="\n")
    if shown is not None:
        with replaced(folder / PAGE) as place:
            place.write_text(shown.text, encoding="utf-8", newline="\n")
    return evidence


def read(folder: Path) -> Evidence:
    """The evidence in a folder. Raises ValueError if it is damaged, and OSError if it cannot be read."""
    text = (folder / EVIDENCE).read_bytes().decode()
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


def refuse_signed(folders: Iterator[Path]) -> None:
    """Raise UserError if a folder holds a signed run, which a new run would replace."""
    for folder in folders:
        try:
            approvals = read(folder).approvals
        except (OSError, ValueError):
            continue
        if approvals:
            last = approvals[-1]
            raise UserError(
                f"{folder}: holds a run that {plain(last.by)!r} signed on {last.at[:10]}: move it, or change --out"
            )


def _job(variables: Mapping[str, str]) -> tuple[JobRecord | None, str]:
    """The CI job that these variables name, and who started it; None and "" outside CI."""
    for system in _SYSTEMS:
        if variables.get(system.mark):
            job, url, actor = (_filled(each, variables) for each in (system.job, system.url, system.actor))
            return JobRecord(system=system.name, name=job, url=url), actor
    return None, ""


def _filled(template: str, variables: Mapping[str, str]) -> str:
    """The template with these variables; "" if one of them is not set."""
    try:
        return plain(template.format_map(variables))
    except KeyError:
        return ""


def _code_folder(choice: Choice) -> Path:
    """The folder of the handlers, or the current one for drsim's own functions and for modules."""
    file = choice.finder.rpartition(":")[0]
    return Path(file).absolute().parent if file.endswith(".py") else Path.cwd()


def _git(folder: Path, *words: str) -> "subprocess.Popen[str] | None":
    """Start git, which neither runs a program of the repository nor writes to it; None without git."""
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *words]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.Popen(
            command, env=quiet, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None


def _answer(process: "subprocess.Popen[str] | None") -> str:
    """What git printed; "" if it failed or took too long."""
    if process is None:
        return ""
    with process:
        try:
            text, _ = process.communicate(timeout=_GIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            return ""
    return text if process.returncode == 0 else ""


def _commit(status: str, folder: Path, out: Path) -> CommitRecord | None:
    """The commit of a repository by `git status --porcelain=v2 --branch`; None outside one, or before the first."""
    lines = status.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "(initial)")
    if commit == "(initial)":
        return None
    # The paths of git's answer are relative to the repository.
    root = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
    files = [_path_of(line) for line in lines if not line.startswith("#")]
    is_untracked_output = {_path_of(line) for line in lines if line.startswith("? ")} & set(_prefixes(out, root))
    changed = [plain(file) for file in files if file not in is_untracked_output]
    return CommitRecord(id=commit, changed_count=len(changed), changed=tuple(changed[:_CHANGED_MAX]))


def _path_of(line: str) -> str:
    """The path in a line of git's answer: after 1 field if untracked, 8 if changed, 9 if renamed, 10 if unmerged."""
    fields = {"?": 1, "1": 8, "2": 9, "u": 10}.get(line[:1], 1)
    return line.split(" ", fields)[-1].partition("\t")[0]


def _prefixes(out: Path, root: Path) -> Iterator[str]:
    """The names under which git may list the folder of runs, if nothing in it is tracked."""
    path = out.absolute()
    if path.is_relative_to(root):
        relative = path.relative_to(root)
        yield from (f"{each.as_posix()}/" for each in (relative, *relative.parents[:-1]))


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
