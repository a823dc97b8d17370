"""One importable name: in the wheel, in an editable install, and in a process that has imported everything."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
NAMES: Final = ("drsim", "orchestrator", "reports", "scenarios", "simulator", "tests")

IMPORTABLE: Final = f"""
import importlib.util, json, sys
from drsim.simulator.kernel import Kernel
from drsim.scenarios.files import load
load("drill")
print(json.dumps([name for name in {NAMES} if importlib.util.find_spec(name)]))
"""

TWICE: Final = """
import importlib, json, os, pkgutil, sys
import drsim
for module in pkgutil.walk_packages(drsim.__path__, "drsim."):
    if module.name != "drsim.__main__":
        importlib.import_module(module.name)
# Modules, not names: the DRS backend is also registered as moto.drs.
modules = {id(module): module for module in sys.modules.values() if getattr(module, "__file__", None)}
names = {}
for module in modules.values():
    names.setdefault(os.path.realpath(module.__file__), []).append(module.__name__)
ours = [found for file, found in names.items() if file.startswith(sys.argv[1]) and "site-packages" not in file]
print(json.dumps([len(ours), [found for found in ours if len(found) > 1]]))
"""


def _built(target: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _run(code: str, folder: Path, first: str, *arguments: str) -> Any:
    """What `code` prints, in a process whose path begins with `first` and leaves out how this one found drsim."""
    kept = [path for path in sys.path if (path and not Path(path).is_relative_to(ROOT)) or "site-packages" in path]
    path = [first, *kept]
    script = f"import sys; sys.path[:] = {path!r}\n{code}"
    command = [sys.executable, "-P", "-S", "-c", script, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_wheel_has_one_importable_name(tmp_path: Path) -> None:
    wheel = _built("wheel", tmp_path / "dist")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path / "installed")
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"drsim"}
    assert {"drsim/orchestrator/template.yaml", "drsim/scenarios/catalogue/drill.yaml"} <= set(names)
    assert _run(IMPORTABLE, tmp_path, str(tmp_path / "installed")) == ["drsim"]


@pytest.mark.slow
def test_editable_install_has_one_importable_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(_built("wheel:editable", tmp_path / "dist")) as packed:
        (listed,) = (name for name in packed.namelist() if name.endswith(".pth"))
        (folder,) = packed.read(listed).decode().splitlines()
    assert _run(IMPORTABLE, tmp_path, folder) == ["drsim"]


@pytest.mark.slow
def test_no_module_is_loaded_under_two_names(tmp_path: Path) -> None:
    count, twice = _run(TWICE, tmp_path, str(ROOT), str(ROOT))
    assert twice == []
    assert count > 150
