"""What surrounds the runs of one command: machine, CI job, person, commit, code and versions.

Owns what is asked of the host, of git and of the variables of CI systems.
"""

import getpass
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NamedTuple

from drsim.reports.evidence import CommitRecord, FunctionsRecord, HostRecord, JobRecord
from drsim.reports.text import plain
from drsim.scenarios import machine
from drsim.scenarios.source_scan import sources_digest
from drsim.tiers import Choice

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


def gathered(choice: Choice, by: str, comment: str, out: Path) -> Circumstances:
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
        functions=functions_of(choice),
        digests=digests,
        versions=versions(choice.tier),
    )


def functions_of(choice: Choice) -> FunctionsRecord | None:
    """The handlers of a choice as the evidence records them; None for this project's own."""
    if not choice.finder:
        return None
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
