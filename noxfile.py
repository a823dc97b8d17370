"""Every check of this project, as nox sessions, and the way in on a machine that has only Python.

`python3 noxfile.py -s tests` is `nox -s tests`. If nox is missing, the file first makes an environment for it
under `.nox`, which git ignores. Its syntax stays that of Python 3.6, so that an old Python can say which one is
needed.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(f"noxfile.py needs Python 3.11 or newer, and this is Python {sys.version.split()[0]}.\n")
    sys.exit(4)

import hashlib
import importlib.metadata
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent
PACKAGES: Final = ("orchestrator", "simulator", "scenarios", "reports", "drsim")
EXTRAS: Final = ("moto", "pytest", "cluster")
SUPPORTED: Final = ("3.11", "3.12", "3.13")
# Older releases of nox take the first `python3.12` on the path, even a version manager's stub that only fails.
NOX_MIN: Final = (2026, 10, 20)
NOX_RANGE: Final = "{}.{}.{}".format(*NOX_MIN) + ",<2028"
BAD_CONFIGURATION: Final = 4


def _has_nox() -> bool:
    """Whether this Python already has a nox that is new enough."""
    try:
        installed = importlib.metadata.version("nox").split(".")[:3]
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(int(part) for part in installed if part.isdigit()) >= NOX_MIN


def _stop(sentence: str) -> NoReturn:
    sys.stderr.write(f"noxfile.py: {sentence}\n")
    sys.exit(BAD_CONFIGURATION)


def _bootstrapped_python() -> Path:
    """The Python of the environment that holds nox, made on first use.

    The stamp is written last, so an interrupted first use is begun again.
    """
    home = ROOT / ".nox" / f".bootstrap-{sys.version_info[0]}.{sys.version_info[1]}"
    python = home / "bin" / "python"
    stamp = home / "ready"
    key = f"nox>={NOX_RANGE} {home} {sys.base_prefix}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == key and python.exists():
        return python
    sys.stderr.write(f"noxfile.py: fetching nox into {home.relative_to(ROOT)}, once\n")
    log: list[str] = []

    def done(*command: str) -> bool:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        log.extend(line for line in (outcome.stdout + outcome.stderr).splitlines() if line.strip())
        return outcome.returncode == 0

    if not done(sys.executable, "-m", "venv", "--clear", str(home)):
        _stop("cannot make a virtual environment; install Python's venv module, with ensurepip, and try again.")
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # uv builds session environments in seconds. Where it cannot be had, nox uses virtualenv and pip.
    if not done(*pip, f"nox[uv]>={NOX_RANGE}") and not done(*pip, f"nox>={NOX_RANGE}"):
        errors = [line for line in log if "ERROR" in line] or log or ["pip said nothing"]
        _stop(f"cannot fetch nox; check the network and pip's settings (pip's last words: {errors[-1].strip()})")
    stamp.write_text(key, encoding="utf-8")
    return python


if __name__ == "__main__":
    _python = sys.executable if _has_nox() else str(_bootstrapped_python())
    os.execv(_python, [_python, "-m", "nox", "-f", str(ROOT / "noxfile.py"), *sys.argv[1:]])

import nox
from nox.command import CommandFailed


def _candidates(version: str) -> Iterator[Path]:
    """Files that may be this Python, those on the path first."""
    name = f"python{version}"
    for folder in os.get_exec_path():
        yield Path(folder, name)
    root = os.environ.get("PYENV_ROOT")
    pyenv = shutil.which("pyenv")
    if root is None and pyenv is not None:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
    for home in sorted(Path(root or Path.home() / ".pyenv").glob(f"versions/{version}.*")):
        yield home / "bin" / name


def _runs(python: Path, version: str) -> bool:
    """Whether the file really is that Python, and not a version manager's stub for one that is not active."""
    if not python.is_file():
        return False
    try:
        ask = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
        said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.strip() == version


def _present_pythons() -> list[str]:
    """The supported Pythons that can be run here, lowest first. Says which on standard error."""
    found: dict[str, str] = {}
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for version in SUPPORTED:
        if version == own:
            found[version] = sys.executable
            continue
        running = (path for path in _candidates(version) if _runs(path, version))
        found.update((version, str(path)) for path in itertools.islice(running, 1))
    missing = [version for version in SUPPORTED if version not in found]
    note = f"; not found: {', '.join(missing)}" if missing else ""
    sys.stderr.write(f"Pythons: {', '.join(f'{name} ({path})' for name, path in found.items())}{note}\n")
    _show_to_nox(found)
    # A newer Python than those tested is better than none.
    return list(found) or [own]


def _show_to_nox(found: dict[str, str]) -> None:
    """Put the Pythons on the path under their plain names, before stubs that would hide them from nox."""
    folder = ROOT / ".nox" / ".pythons"
    folder.mkdir(parents=True, exist_ok=True)
    for version, path in found.items():
        link = folder / f"python{version}"
        if not link.is_symlink() or os.readlink(link) != path:
            link.unlink(missing_ok=True)
            link.symlink_to(path)
    os.environ["PATH"] = os.pathsep.join([str(folder), os.environ["PATH"]])


nox.needs_version = f">={NOX_RANGE}"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.sessions = ["lint", "types", "tests"]
PYTHONS: Final = _present_pythons()


def _install(
    session: nox.Session, *, project: bool = True, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> None:
    """Install the project (editable) and groups of pyproject.toml, unless the same was done before.

    The stamp in the environment holds a hash of all that decides what is installed.
    """
    home = Path(session.virtualenv.location)
    manifest = ROOT / "pyproject.toml"
    wanted = list(nox.project.dependency_groups(nox.project.load_toml(manifest), *groups))
    if project:
        wanted += ["--editable", f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)]
    parts = (manifest.read_bytes(), (home / "pyvenv.cfg").read_bytes(), repr((str(home), wanted)).encode())
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()
    stamp = home / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == key:
        return
    stamp.unlink(missing_ok=True)
    if _pip_install(session, wanted):
        stamp.write_text(key, encoding="utf-8")


def _pip_install(session: nox.Session, wanted: list[str]) -> bool:
    """Install with uv, or with pip where uv is missing or fails. False if nox was told to install nothing."""
    session.log(f"installing {' '.join(wanted)}")
    if session.venv_backend == "uv":
        try:
            return session.run_install("uv", "pip", "install", "--quiet", *wanted, log=False) is not None
        except CommandFailed:
            session.warn("uv could not install; trying pip")
    # An environment that uv made holds no pip, so nox's own works on it from outside.
    python = str(Path(session.bin, "python"))
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    return session.run_install(*pip, *wanted, external=True, log=False) is not None


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: the rules, and the format."""
    _install(session, project=False, groups=("lint",))
    session.run("ruff", "check", *session.posargs, ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    _install(session, extras=EXTRAS, groups=("dev",))
    session.run("mypy", *session.posargs, *PACKAGES, "tests", "noxfile.py")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The test suite on each Python. The lowest one also measures coverage, unless arguments select tests."""
    _install(session, extras=EXTRAS, groups=("tests",))
    # A browser opens the same pages whatever Python wrote them, so that it has a session of its own.
    pytest = ("pytest", "--ignore", "tests/browser")
    if session.posargs:
        session.run("python", "-m", *pytest, *session.posargs)
        return
    if session.python != PYTHONS[0]:
        # As many processes as there are processors. Coverage follows one process only.
        session.run("python", "-m", *pytest, "-n", "auto")
        return
    # The functions of others cover nothing that is ours, and run a tracer twice as long.
    session.run("python", "-m", "coverage", "run", "-m", *pytest, "--ignore", "tests/examples")
    session.run("python", "-m", "pytest", "tests/examples")
    _check_coverage(session)


def _check_coverage(session: nox.Session) -> None:
    """Every branch of production code and of the kernel is covered, of the rest nine tenths."""
    whole = "orchestrator/*,simulator/kernel.py,simulator/processes.py,simulator/executor.py"
    session.run("python", "-m", "coverage", "report", f"--include={whole}", "--fail-under=100")
    session.run("python", "-m", "coverage", "report", f"--omit={whole}", "--fail-under=90")


@nox.session
def acceptance(session: nox.Session) -> None:
    """The command a user would type, on the project installed without extras. All formats go to build/acceptance."""
    _install(session)
    out = ROOT / "build" / "acceptance"
    # Reports of an earlier run must not be taken for those of this one.
    shutil.rmtree(out, ignore_errors=True)
    scenarios = [
        "phase-2",
        "drill",
        "recovery",
        "timeout-late",
        "timeout-stuck",
        "alarm-poller-errors",
        "chaos",
        "load-100",
    ]
    try:
        session.run("drsim", "run", *scenarios, "--trace", "chrome", "--out", "build/acceptance", *session.posargs)
    finally:
        for report in sorted(out.glob("*/report.html")):
            session.log(f"report: {report.relative_to(ROOT)}")


@nox.session
def browser(session: nox.Session) -> None:
    """Reports in a real browser. Screenshots: build/browser; `-- --picture` makes README's picture anew instead."""
    _install(session, groups=("tests", "browser"))
    if "--picture" in session.posargs:
        session.run("python", "-m", "tests.browser.picture")
    else:
        session.run("python", "-m", "pytest", "tests/browser", *session.posargs)


@nox.session
def samples(session: nox.Session) -> None:
    """The reports kept in docs/samples are those that drsim writes today; `-- --update` writes them anew."""
    _install(session)
    session.run("python", "-m", "tests.samples", *session.posargs)


@nox.session(python=PYTHONS)
def determinism(session: nox.Session) -> None:
    """Same scenario, seed and code: same trace in any process, on each Python."""
    _install(session, extras=EXTRAS, groups=("tests",))
    session.run("python", "-m", "tests.determinism", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Both tiers on the whole catalogue: same statuses, polls and verdicts. `-- --seeds 20` for more than one seed."""
    _install(session, extras=EXTRAS, groups=("tests",))
    session.run("python", "-m", "tests.tiers", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and size, in build/bench.json; `-- kernel load`: these parts; `-- --write-docs`: docs/performance.md."""
    _install(session, extras=("moto", "cluster"), groups=("bench",))
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session
def ratchet(session: nox.Session) -> None:
    """No ratio of speeds is much worse than the kept one; `-- --keep` keeps today's."""
    _install(session, groups=("bench",))
    session.run("python", "-m", "tests.bench.ratchet", *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Mutants of decisions, finder and poller: the tests kill nine tenths, and each survivor has its reason."""
    _install(session, groups=("tests", "mutation"))
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def power(session: nox.Session) -> None:
    """Each planted bug, the properties and scenarios that catch it, and how small its failure becomes."""
    _install(session, groups=("tests",))
    session.run("python", "-m", "tests.planted_bugs", *session.posargs)
