"""What surrounds the runs of one command: machine, CI job, person, commit, code and versions.

Owns what is asked of the host, of git and of the variables of CI systems.
"""

import getpass
import os
import platform
import subprocess
from collections.abc import Mapping
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
_REASON_MAX: Final = 200
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
    no_commit: str
    functions: FunctionsRecord | None
    digests: dict[str, str]
    versions: dict[str, str]


def gathered(choice: Choice, by: str, comment: str, out: Path) -> Circumstances:
    """Ask this machine. git answers while drsim's code is read; files that runs leave in `out` are no changes."""
    handlers = choice.functions
    job, actor = _job(os.environ)
    # git takes a few milliseconds. With -z it quotes no name.
    folder = _code_folder(choice)
    status = _git(folder, "status", "--porcelain=v2", "--branch", "-z")
    user = _git(folder, "config", "user.name") if not (by or actor) else None
    commit, no_commit = _commit(_answer(status), folder, out)
    digests = {
        "drsim": machine.whole_digest(),
        "template": sha256(resources.files("drsim.orchestrator").joinpath("template.yaml").read_bytes()).hexdigest(),
    }
    if handlers is not None:
        digests["handlers"] = sources_digest(handlers)
    return Circumstances(
        by=plain(by or actor or _answer(user).text.strip() or _login_name()),
        comment=plain(comment),
        host=HostRecord(
            name=plain(platform.node()),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            folder=plain(str(Path.cwd())),
        ),
        job=job,
        commit=commit,
        no_commit=no_commit,
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
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        return subprocess.Popen(
            command, env=quiet, encoding="utf-8", errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError:
        return None


class _GitAnswer(NamedTuple):
    """What git printed; or else why there is nothing, for people."""

    text: str
    reason: str = ""


def _answer(process: "subprocess.Popen[str] | None") -> _GitAnswer:
    if process is None:
        return _GitAnswer("", "none: git cannot be started")
    with process:
        try:
            text, trouble = process.communicate(timeout=_GIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            return _GitAnswer("", f"unknown: git gave no answer within {_GIT_SECONDS_MAX} s")
    if process.returncode == 0:
        return _GitAnswer(text)
    if "not a git repository" in trouble:
        return _GitAnswer("", "none: no repository")
    first, *_ = trouble.removeprefix("fatal: ").splitlines() or [f"exit code {process.returncode}"]
    return _GitAnswer("", f"unknown: git refused: {plain(first)[:_REASON_MAX]}")


def _commit(status: _GitAnswer, folder: Path, out: Path) -> tuple[CommitRecord | None, str]:
    """The commit of a repository by `git status --porcelain=v2 --branch -z`, or None and the reason."""
    lines = iter(status.text.split("\0"))
    commit, changed = "", []
    # The paths of git's answer are relative to the repository.
    folder, out = folder.resolve(), out.resolve()
    root = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
    for line in lines:
        if line.startswith("# branch.oid "):
            commit = line.split()[-1]
        elif line and not line.startswith("#"):
            path = _path_of(line)
            if line.startswith("2 "):
                # The name before follows.
                next(lines, None)
            if not (line.startswith("? ") and _is_output(root / path, out)):
                changed.append(plain(path))
    if commit in ("", "(initial)"):
        return None, status.reason or "none: the repository has no commit"
    return CommitRecord(id=commit, changed_count=len(changed), changed=tuple(changed[:_CHANGED_MAX])), ""


def _path_of(line: str) -> str:
    """The path in a line of git's answer: after 1 field if untracked, 8 if changed, 9 if renamed, 10 if unmerged."""
    fields = {"?": 1, "1": 8, "2": 9, "u": 10}.get(line[:1], 1)
    return line.split(" ", fields)[-1]


def _is_output(path: Path, out: Path) -> bool:
    """Whether an untracked path is in the folder of runs, or is a folder without any tracked file that holds it."""
    return path.is_relative_to(out) or out.is_relative_to(path)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
