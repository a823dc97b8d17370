"""Which files are handlers' own code, and the digest by which campaigns and failures know it."""

from pathlib import Path

import pytest

from drsim.scenarios.source_scan import sources_digest, sources_of
from drsim.simulator.handlers.functions import Handlers


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("app.py", "layer/shared.py", "package/deep/part.py", ".venv/lib/other.py", "build/site-packages/x.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    (tmp_path / "package/__init__.py").touch()
    return tmp_path


def test_own_files_leave_out_environments_and_installed_packages(team: Path) -> None:
    found = sources_of(Handlers(finder="app.py:handler", poller=None))
    assert found == [
        Path(name) for name in ("app.py", "layer/shared.py", "package/__init__.py", "package/deep/part.py")
    ]


def test_handler_of_a_module_has_the_files_of_its_package_on_any_path(team: Path) -> None:
    (team / "elsewhere").mkdir()
    (team / "package").rename(team / "elsewhere/package")
    found = sources_of(Handlers(finder="package.deep.part:handler", poller=None, paths=(team / "elsewhere",)))
    assert {path.relative_to(team).as_posix() for path in found} == {
        "elsewhere/package/__init__.py",
        "elsewhere/package/deep/part.py",
    }


def test_installed_module_is_found_where_python_imports_it(team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(team / "layer")
    handlers = Handlers(finder="shared:handler", poller=None)
    assert sources_of(handlers) == [team / "layer/shared.py"]
    before = sources_digest(handlers)
    (team / "layer/shared.py").write_text("handler = print\n", encoding="utf-8")
    assert sources_digest(handlers) != before


def test_digest_is_the_same_in_another_folder_and_knows_names(team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = Handlers(finder="app.py:handler", poller=None)
    here = sources_digest(handlers)
    team.rename(team.with_name("moved"))
    monkeypatch.chdir(team.with_name("moved"))
    assert sources_digest(handlers) == here
    # An absolute place is the same one, whatever its folder is called.
    assert sources_digest(handlers.from_anywhere()) == here
    Path("layer/shared.py").rename("layer/other.py")
    assert sources_digest(handlers) != here
