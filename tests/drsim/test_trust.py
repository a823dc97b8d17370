"""Code that a file names is imported from the current project only, or with `--trust`."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from drsim.arguments import UserError
from drsim.cli import main
from drsim.simulator.handlers.functions import Handlers
from drsim.trust import Trust, project_root

CODE = """\
from pathlib import Path
from drsim.simulator.world import Parts
Path({marker!r}).write_text("imported")
PARTS = Parts()

def handler(event, context):
    return {{}}
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module outside of the current project, on Python's path, which leaves a file when it is imported."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    module = folder / f"foreign_{tmp_path.name.replace('-', '_')}.py"
    module.write_text(CODE.format(marker=str(tmp_path / "imported")), encoding="utf-8")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.syspath_prepend(folder)
    return module


def saved_failure(path: Path, **code: object) -> Path:
    failure = {
        "property": "metrics-complete",
        "seed": 1,
        "execution_id": "",
        "at": "0s",
        "expected": "e",
        "observed": "o",
        "digest": "",
        "versions": {},
        "scenario": {"name": "idle", "title": "t", "why": "w", "duration": "1m"},
        **code,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(failure), encoding="utf-8")
    return path


def assert_refused_and_not_imported(
    foreign: Path, capsys: pytest.CaptureFixture[str], *words: str, named_in: Path
) -> None:
    assert main(list(words)) == 4
    complaint = capsys.readouterr().err
    assert f"{named_in} names code to import: '{foreign.stem}" in complaint or f": '{foreign}:handler'" in complaint
    assert f"which is {foreign}, outside of the current project {Path.cwd()}; --trust imports it" in complaint
    assert not (foreign.parents[1] / "imported").exists()


@pytest.mark.parametrize("command", ["replay", "shrink"])
@pytest.mark.parametrize("kind", ["parts", "handlers"])
def test_failure_with_code_from_elsewhere_is_refused_without_trust(
    foreign: Path, capsys: pytest.CaptureFixture[str], command: str, kind: str
) -> None:
    functions = {"finder": f"{foreign}:handler", "poller": None}
    code = {"parts": f"{foreign.stem}:PARTS"} if kind == "parts" else {"functions": functions}
    file = saved_failure(Path("failure.yaml").absolute(), **code)
    assert_refused_and_not_imported(foreign, capsys, command, str(file), named_in=file)
    assert main([command, str(file), "--trust"]) in (0, 1, 4)
    assert "names code" not in capsys.readouterr().err
    assert (foreign.parents[1] / "imported").exists()
    sys.modules.pop(foreign.stem, None)


def test_campaign_with_code_from_elsewhere_is_refused_without_trust(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("explore-idle").absolute()
    file = saved_failure(folder / "failures" / "metrics-complete-1.yaml", parts=f"{foreign.stem}:PARTS")
    scenario = {"name": "idle", "title": "t", "why": "w"}
    (folder / "campaign.jsonl").write_text(json.dumps({"scenario": scenario, "parts": "", "code": ""}) + "\n")
    words = ("report", "--campaign", str(folder))
    assert_refused_and_not_imported(foreign, capsys, *words, named_in=file)
    assert main([*words, "--trust"]) == 0
    assert (foreign.parents[1] / "imported").exists()
    sys.modules.pop(foreign.stem, None)


@pytest.mark.slow
def test_evidence_with_code_from_elsewhere_is_refused_without_trust(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The command line names the handler here, which is a person's word.
    words = ["run", "idle", "--finder", f"{foreign}:handler", "--out", "runs"]
    assert main(words) in (0, 1, 5)
    (foreign.parents[1] / "imported").unlink()
    capsys.readouterr()
    folder = Path("runs/idle-1")
    assert_refused_and_not_imported(foreign, capsys, "verify", str(folder), named_in=folder / "evidence.json")
    assert main(["verify", str(folder), "--files-only"]) == 0
    assert main(["verify", str(folder), "--trust"]) == 0
    assert (foreign.parents[1] / "imported").exists()


@pytest.mark.parametrize(
    "place",
    [
        "subprocess:call",
        "sys:exit",
        "yaml:NAME",
        "../elsewhere.py:NAME",
        ".venv/lib/python3/site-packages/six.py:NAME",
    ],
)
def test_standard_library_and_installed_packages_are_not_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="outside of the current project"):
        Trust().check(Handlers(finder=place, poller=None), Path("failure.yaml"))
    Trust(everything=True).check(Handlers(finder=place, poller=None), Path("failure.yaml"))
    Trust(given=Handlers(finder=place, poller=None)).check(Handlers(finder=place, poller=None), Path("failure.yaml"))


@pytest.mark.parametrize(
    "handlers",
    [
        Handlers(finder="drsim./../../elsewhere.py:handler"),
        Handlers(finder="drsim.orchestrator.entrypoints:finder_handler", poller="drsim/../../elsewhere.py:handler"),
        Handlers(finder="drsim.orchestrator.entrypoints:finder_handler", paths=(Path("drsim./../../elsewhere"),)),
        # A folder of the same text does not exist, but the module does.
        Handlers(finder="this:handler", paths=(Path("this:handler"),)),
        # No such file is here, and Python finds the module elsewhere.
        Handlers(finder="this.py:handler"),
    ],
)
def test_places_that_only_look_like_allowed_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handlers: Handlers
) -> None:
    (tmp_path / "project" / "drsim.").mkdir(parents=True)
    (tmp_path / "project" / "drsim").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(UserError, match="outside of the current project"):
        Trust().check(handlers, Path("failure.yaml"))


def test_missing_module_is_left_to_the_error_of_its_import() -> None:
    Trust().check("nothing_of_this_name.below:PARTS", Path("failure.yaml"))


def test_link_out_of_the_project_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "app.py").symlink_to("/etc/hostname")
    (tmp_path / "project" / "own.py").touch()
    monkeypatch.chdir(tmp_path / "project")
    Trust().check(Handlers(finder="own.py:handler", poller=None, paths=(Path(),)), Path("failure.yaml"))
    Trust().check("own:PARTS", Path("failure.yaml"))
    Trust().check("drsim.simulator.world:Parts", Path("failure.yaml"))
    with pytest.raises(UserError, match=r"'app\.py:handler', which is /etc/hostname"):
        Trust().check(Handlers(finder="app.py:handler", poller=None), Path("failure.yaml"))
    with pytest.raises(UserError, match="'/etc', which is /etc"):
        Trust().check(Handlers(finder="own.py:handler", poller=None, paths=(Path("/etc"),)), Path("failure.yaml"))


def test_project_is_the_repository_or_the_folder_of_pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "repository" / "package" / "tests"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert project_root() == below
    (below.parent / "pyproject.toml").touch()
    assert project_root() == below.parent
    (tmp_path / "repository" / ".git").mkdir()
    assert project_root() == tmp_path / "repository"
