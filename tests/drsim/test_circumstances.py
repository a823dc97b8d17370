"""What surrounds a run: the person, the CI job and the commit, from variables and from git."""

import os
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from drsim.circumstances import Circumstances, gathered
from drsim.cli import main
from drsim.evidence import read
from drsim.reports.evidence_block import block_of
from drsim.tiers import Choice

MARKS = ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "JENKINS_URL", "CIRCLECI", "TF_BUILD", "CODEBUILD_BUILD_ID")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder outside any repository, without CI and without a person's settings of git."""
    for name in MARKS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("LOGNAME", "login")
    monkeypatch.chdir(tmp_path)


def found(by: str = "", out: str = "drsim-runs", choice: Choice | None = None) -> Circumstances:
    return gathered(choice or Choice("fast"), by, "", Path(out))


def git(*words: str) -> str:
    command = ["git", "-c", "user.name=Gita", "-c", "user.email=g@example.com", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def committed(folder: Path) -> str:
    """Make a repository of a folder with one file, and return its commit."""
    git("init", "--quiet")
    (folder / "app.py").write_text("x = 1\n", encoding="utf-8")
    git("add", ".")
    git("commit", "--quiet", "--message", "begin")
    return git("rev-parse", "HEAD")


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_WORKFLOW": "DR",
    "GITHUB_JOB": "drill",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "team/plan",
    "GITHUB_RUN_ID": "12",
    "GITHUB_ACTOR": "octo",
}


@pytest.mark.parametrize(
    ("variables", "job", "by"),
    [
        (GITHUB, ("GitHub Actions", "DR / drill", "https://github.com/team/plan/actions/runs/12"), "octo"),
        (
            {"GITLAB_CI": "true", "CI_JOB_NAME": "drill", "CI_JOB_URL": "https://git.example/-/jobs/7"},
            ("GitLab CI", "drill", "https://git.example/-/jobs/7"),
            "login",
        ),
        (
            {"JENKINS_URL": "https://ci", "JOB_NAME": "dr", "BUILD_NUMBER": "3", "BUILD_URL": "https://ci/dr/3"},
            ("Jenkins", "dr 3", "https://ci/dr/3"),
            "login",
        ),
        (
            {"BUILDKITE": "true", "BUILDKITE_BUILD_URL": "https://bk.example/1", "BUILDKITE_JOB_ID": "j"},
            ("Buildkite", "", "https://bk.example/1#j"),
            "login",
        ),
        ({"CIRCLECI": "true", "CIRCLE_USERNAME": "cleo"}, ("CircleCI", "", ""), "cleo"),
        ({"TF_BUILD": "True", "BUILD_REQUESTEDFOR": "Azra"}, ("Azure Pipelines", "", ""), "Azra"),
        (
            {"CODEBUILD_BUILD_ID": "dr:1", "CODEBUILD_BUILD_URL": "https://aws.example"},
            ("AWS CodeBuild", "dr:1", "https://aws.example"),
            "login",
        ),
    ],
)
def test_ci_job_is_known_by_its_variables(
    variables: dict[str, str], job: tuple[str, str, str], by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    here = found()
    assert here.job is not None
    assert (here.job.system, here.job.name, here.job.url) == job
    assert here.by == by


def test_person_is_the_given_one_then_ci_then_git_then_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert found().by == "login"
    assert found().job is None
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n  name = Gita Example\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert found().by == "Gita Example"
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    assert found().by == "octo"
    assert found("Ann").by == "Ann"


def test_folder_outside_a_repository_and_one_without_a_commit_have_none() -> None:
    assert (found().commit, found().no_commit) == (None, "none: no repository")
    git("init", "--quiet")
    assert (found().commit, found().no_commit) == (None, "none: the repository has no commit")


def test_missing_git_is_fine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    committed(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (found().commit, found().no_commit) == (None, "none: git cannot be started")
    assert found().by == "login"


def test_git_that_hangs_is_left_after_two_seconds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "git"
    fake.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("drsim.circumstances._GIT_SECONDS_MAX", 0.1)
    assert (found("Ann").commit, found("Ann").no_commit) == (None, "unknown: git gave no answer within 0.1 s")


def test_refusal_of_git_is_kept_in_its_words_and_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    committed(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    reason = f"unknown: git refused: detected dubious ownership in repository at '{tmp_path}'"
    assert (found().commit, found().no_commit) == (None, reason)
    assert main(["run", "idle", "--set", "duration=2m"]) == 0
    kept = read(tmp_path / "drsim-runs" / "idle-1")
    assert kept.no_commit == reason
    assert unescape(reason) in unescape(block_of(kept))


def test_commit_and_changed_files_are_recorded(tmp_path: Path) -> None:
    commit = committed(tmp_path)
    clean = found().commit
    assert clean is not None
    assert (clean.id, clean.changed_count, clean.changed) == (commit, 0, ())
    (tmp_path / "app.py").write_text("x = 2\n", encoding="utf-8")
    (tmp_path / "new file.py").write_text("", encoding="utf-8")
    git("mv", "app.py", "main.py")
    changed = found().commit
    assert changed is not None
    assert (changed.changed_count, changed.changed) == (2, ("main.py", "new file.py"))


def test_many_changed_files_are_counted_and_the_first_named(tmp_path: Path) -> None:
    committed(tmp_path)
    for number in range(30):
        (tmp_path / f"{number:02}.py").write_text("", encoding="utf-8")
    changed = found().commit
    assert changed is not None
    assert (changed.changed_count, len(changed.changed)) == (30, 20)


def test_untracked_runs_are_no_changes(tmp_path: Path) -> None:
    committed(tmp_path)
    for folder in ("drsim-runs/idle-1", "build/runs/idle-1", "other"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "result.json").write_text("{}", encoding="utf-8")

    def changed(out: str) -> tuple[str, ...]:
        commit = found(out=out).commit
        assert commit is not None
        return commit.changed

    assert changed("drsim-runs") == ("build/", "other/")
    assert changed("build/runs") == ("drsim-runs/", "other/")
    assert changed(str(tmp_path / "other")) == ("build/", "drsim-runs/")
    assert changed("/elsewhere") == ("build/", "drsim-runs/", "other/")


@pytest.mark.parametrize("out", ["runs", "rüns", "sub/../rüns", "."])
def test_untracked_runs_beside_a_tracked_file_are_no_changes(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    (project / out).mkdir(exist_ok=True)
    (project / out / ".gitkeep").touch()
    monkeypatch.chdir(project)
    git("init", "--quiet", "..")
    git("add", ".")
    git("commit", "--quiet", "--message", "begin")
    (project / out / "idle-1").mkdir()
    (project / out / "idle-1" / "result.json").write_text("{}", encoding="utf-8")
    (tmp_path / "növel.py").touch()
    commit = found(out=out).commit
    assert commit is not None
    assert commit.changed == ("növel.py",)
    (project / out / ".gitkeep").write_text("changed", encoding="utf-8")
    edited = found(out=out).commit
    assert edited is not None
    assert len(edited.changed) == 2


def test_commit_is_that_of_the_handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    commit = committed(project)
    monkeypatch.chdir(tmp_path)
    choice = Choice("client", finder="project/app.py:handler")
    here = found(choice=choice)
    assert here.commit is not None
    assert here.commit.id == commit
    assert here.functions is not None
    assert here.functions.finder == "project/app.py:handler"
    assert "handlers" in here.digests
    assert {"boto3", "botocore"} <= here.versions.keys()
    (project / "app.py").write_text("x = 3\n", encoding="utf-8")
    assert found(choice=choice).digests["handlers"] != here.digests["handlers"]


def test_digests_are_those_of_the_installed_files() -> None:
    digests = found().digests
    assert sorted(digests) == ["drsim", "template"]
    template = Path(__file__).resolve().parents[2] / "orchestrator" / "template.yaml"
    line = subprocess.run(["sha256sum", str(template)], check=True, capture_output=True, text=True).stdout
    assert line.split()[0] == digests["template"]


def test_run_records_instant_verdict_settings_and_what_was_not_exercised(tmp_path: Path) -> None:
    assert main(["run", "drill", "--seed", "3", "--set", "servers=3", "--comment", "before 4.2", "--by", "Ann"]) == 0
    kept = read(tmp_path / "drsim-runs" / "drill-3")
    assert (kept.by, kept.comment, kept.verdict, kept.seed, kept.tier) == ("Ann", "before 4.2", "pass", 3, "fast")
    assert len(kept.at) == len("2026-11-30T15:11:45Z")
    assert kept.at.endswith("Z")
    assert "timeout-truth" in kept.not_exercised
    assert "poll-cadence" not in kept.not_exercised
    assert kept.configuration["workload"][0]["servers"] == 3
    assert "latencies" not in kept.configuration
    assert {"drsim", "template", "contract", "scenario"} == kept.digests.keys()
