"""Every check of this project, as nox sessions. `python3 noxfile.py` stands in for `nox` where that is missing.

CONTRIBUTING.md says which session to run when. The lines before the version check keep to the syntax of Python 3.6, so
that an old Python can name the version it needs.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(f"noxfile.py needs Python 3.11 or newer, and this is Python {sys.version.split()[0]}.\n")
    sys.exit(4)

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent
EXTRAS: Final = ("wire", "frames", "pytest", "cluster")
OWN: Final = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHERS: Final = [version for version in ("3.11", "3.12", "3.13", "3.14") if version != OWN]
PARALLEL: Final = ("--numprocesses", "auto", "--dist", "worksteal")
NOX: Final = ">=2026.10.20,<2028"


def _python_with_nox() -> Path:
    """Return the Python of an environment that holds nox, made on first use under `.nox`, which git ignores."""
    home = ROOT / ".nox" / f".bootstrap-{OWN}"
    python, ready, key = home / "bin" / "python", home / "ready", f"{home} nox{NOX}"
    if ready.exists() and ready.read_text(encoding="utf-8") == key:
        return python
    sys.stderr.write(f"noxfile.py: installing nox into {home.relative_to(ROOT)}, once\n")
    if subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=False).returncode:
        sys.exit("noxfile.py: cannot create a virtual environment; install Python's venv module, with ensurepip.")
    install = [str(python), "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    # uv builds the sessions' environments in seconds; without it nox uses virtualenv and pip.
    if all(subprocess.run([*install, f"{name}{NOX}"], check=False).returncode for name in ("nox[uv]", "nox")):
        sys.exit("noxfile.py: cannot install nox; check the network and pip's settings.")
    ready.write_text(key, encoding="utf-8")
    return python


if __name__ == "__main__":
    _with_nox = str(_python_with_nox())
    os.execv(_with_nox, [_with_nox, "-m", "nox", "-f", str(ROOT / "noxfile.py"), *sys.argv[1:]])

import nox
from nox.command import CommandFailed

nox.needs_version = NOX
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.allow_parallel = True
nox.options.sessions = ["lint", "types", "quick"]
# nox finds on the path only those of pyenv's Pythons that `pyenv global` names.
_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin")
os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, sorted(_pyenv))])
# Hundreds of tests start a Python of their own; without bytecode each would compile all of its imports again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _install(session: nox.Session, *groups: str, extras: tuple[str, ...] = (), project: bool = True) -> None:
    """Install groups of pyproject.toml and the project (editable), with pip where uv is missing or fails.

    Without the project its extras are installed alone.
    """
    declared = nox.project.load_toml(ROOT / "pyproject.toml")
    wanted = list(nox.project.dependency_groups(declared, *groups))
    if not project:
        wanted += [each for extra in extras for each in declared["project"]["optional-dependencies"][extra]]
    else:
        wanted += ["--editable", f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)]
    try:
        session.install("--quiet", *wanted, log=False)
    except CommandFailed:
        # pip reads mirrors and certificates from settings that uv ignores. An environment made by uv holds no pip.
        python = str(Path(session.bin, "python"))
        pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
        session.run_install(*pip, *wanted, external=True, log=False)


def _python(session: nox.Session, *arguments: str) -> None:
    session.run("python", "-m", *arguments)


def _pytest(session: nox.Session, *arguments: str) -> None:
    """Run the tests that the command line selects, or those of `arguments` on all cores. `browser` runs its own."""
    _python(session, "pytest", "--ignore", "tests/browser", *(session.posargs or (*PARALLEL, *arguments)))


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    _install(session, "lint", project=False)
    session.run("ruff", "check", *session.posargs, ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    _install(session, "dev", extras=EXTRAS)
    session.run("mypy", *session.posargs, "drsim", "tests", "noxfile.py")


@nox.session
def quick(session: nox.Session) -> None:
    """Every test that takes less than half a second: under a minute."""
    _install(session, "tests", extras=EXTRAS)
    _pytest(session, "-m", "not slow")


@nox.session
def tests(session: nox.Session) -> None:
    """The whole test suite on one Python: eight to twelve minutes. Arguments select tests instead."""
    _install(session, "tests", extras=EXTRAS)
    if not session.posargs:
        session.log("The whole suite takes 8 to 12 minutes on two cores; `nox -s quick` takes one.")
    _pytest(session, "-m", "not nightly", "--durations", "10")


@nox.session
def coverage(session: nox.Session) -> None:
    """Tests cover every branch of production code and of the kernel, and nine tenths of the rest."""
    _install(session, "tests", extras=EXTRAS)
    traced = ("coverage", "run", "-m", "pytest", *PARALLEL, "-m")
    # A tracer makes the simulator three times slower, and these run whole scenarios whose code others cover.
    left_out = [f"--ignore=tests/{name}" for name in ("browser", "bench", "planted_bugs", "test_catalogue.py")]
    _python(session, "coverage", "erase")
    _python(session, *traced, "not slow", *left_out)
    # Shrinking, campaigns and the tiers of handlers have slow tests only, and not all of them are needed.
    campaigns = (
        "bug_is_found_shrunk_printed_saved_and_replayed",
        "crash_that_breaks_a_property_is_shrunk_and_kept",
        "restart_sets_the_earlier_campaign_aside",
        "resume_continues_the_campaign_and_refuses_another",
    )
    few = [f"tests/drsim/test_campaigns.py::test_{name}" for name in campaigns]
    few.append("tests/reports/test_markdown.py::test_section_9_says_whether_roles_were_judged")
    few.append("tests/scenarios/test_failures.py::test_no_fault_of_a_small_failure_can_be_left_out")
    clients = (
        "events_are_emitted_in_their_order_and_may_change_the_call",
        "errors_have_modelled_classes_and_members",
        "paginators_waiters_resources_and_batches_work",
        "transactions_and_batches_are_whole",
    )
    few += [f"tests/simulator/handlers/test_clients.py::test_{name}[client]" for name in clients]
    few.append(
        "tests/simulator/handlers/test_clients.py::test_clients_retry_as_their_configuration_says[client-Config()-3]"
    )
    _python(session, *traced, "slow", *few)
    _python(session, "coverage", "combine", "--quiet")
    whole = "orchestrator/*,simulator/kernel.py,simulator/processes.py,simulator/executor.py"
    _python(session, "coverage", "report", f"--include={whole}", "--fail-under=100")
    # Tests write modules of handlers into folders that are gone by now.
    _python(session, "coverage", "report", f"--omit={whole}", "--ignore-errors", "--fail-under=90")


@nox.session
def production(session: nox.Session) -> None:
    """The tests of production code, where only its own requirements are installed."""
    _install(session, extras=("handlers", "pytest"), project=False)
    # These need a template reader or simulated services.
    left_out = [f"--ignore=tests/orchestrator/{name}" for name in ("aws", "test_template.py")]
    _python(session, "pytest", "tests/orchestrator", *left_out, *session.posargs)
    _python(session, "pytest", "--noconftest", "tests/orchestrator/aws/test_cold_start.py")


@nox.session(python=OTHERS)
def pythons(session: nox.Session) -> None:
    """The quick tests, and the digests, on every other supported Python that is installed."""
    _install(session, "tests", extras=EXTRAS)
    _pytest(session, "-m", "not slow")
    _python(session, "tests.determinism", "--hash-seeds", "random")


@nox.session
def determinism(session: nox.Session) -> None:
    """Digests in other processes, under other hash seeds and time zones; `-- --update` keeps new ones."""
    _install(session, "tests", extras=EXTRAS)
    _python(session, "tests.determinism", *session.posargs)


@nox.session
def acceptance(session: nox.Session) -> None:
    """What a user would run, installed without extras. All formats go to build/acceptance."""
    _install(session)
    # Reports of an earlier run must not be taken for those of this one.
    shutil.rmtree(ROOT / "build" / "acceptance", ignore_errors=True)
    seen = ("phase-2", "drill", "recovery", "partial", "timeout-late", "timeout-stuck", "alarm-poller-errors", "chaos")
    session.run("drsim", "run", *seen, "load-100", "--trace", "chrome", "--out", "build/acceptance", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Reports in a real browser. Screenshots: build/browser; `-- --picture` makes README's picture instead."""
    _install(session, "tests", "browser", extras=("wire",))
    picture = "--picture" in session.posargs
    _python(session, *(["tests.browser.picture"] if picture else ["pytest", "tests/browser", *session.posargs]))


@nox.session
def samples(session: nox.Session) -> None:
    """The reports kept in docs/samples are those that drsim writes today; `-- --update` keeps new ones."""
    _install(session)
    _python(session, "tests.samples", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site, in build/docs, with its links checked; `-- --update` writes docs/reference."""
    _install(session, "docs", extras=("client",))
    _python(session, "tests.docs_site", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Both tiers on thirteen kinds of scenario; `-- --all`: the whole catalogue; `--seeds 20`: more seeds."""
    _install(session, "tests", extras=EXTRAS)
    _python(session, "tests.tiers", *session.posargs)


@nox.session
def power(session: nox.Session) -> None:
    """Each planted bug and bug of a pair, what catches it, how small it becomes; `-- --keep` writes tests/corpus."""
    _install(session, "tests", extras=EXTRAS)
    _python(session, "tests.planted_bugs", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """2,000 wrong inputs to all commands: no internal error, hang or lost file; `-- --cases 150 --seed 2`: others."""
    _install(session, "tests", extras=("client",))
    _python(session, "tests.fuzz", *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Mutants of decisions, finder and poller: the tests kill nine tenths, and each survivor has its reason."""
    _install(session, "tests", "mutation", extras=EXTRAS)
    _python(session, "tests.mutation", *session.posargs)


@nox.session
def ratchet(session: nox.Session) -> None:
    """No ratio of speeds is much worse than the kept one; `-- --keep` keeps today's."""
    _install(session, "bench", extras=("client",))
    _python(session, "tests.bench.ratchet", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and size, in build/bench.json; `-- kernel load`: these parts; `-- --write-docs`: docs/performance.md."""
    _install(session, "bench", extras=("wire", "cluster"))
    _python(session, "tests.bench", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Sdist and wheel in dist/, checked, then used as `installed` does; `-- --rehearse`: for unreleased changes.

    Publishing stays a person's act: `twine upload dist/*`.
    """
    _install(session, "release", project=False)
    _python(session, "tests.release", *session.posargs)
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    _python(session, "build", "--no-isolation")
    session.run("twine", "check", "--strict", *map(str, sorted((ROOT / "dist").iterdir())))
    session.notify("installed", ())


@nox.session(reuse_venv=False)
def installed(session: nox.Session) -> None:
    """The wheel of `release` in a new environment and an empty folder: what `drsim init` prints works."""
    wheel = next((ROOT / "dist").glob("*.whl"), None)
    if wheel is None:
        session.error("dist/ holds no wheel: run `nox -s release` first")
    requirement = f"drsim[client] @ {wheel.as_uri()}"
    session.install("--quiet", requirement, "pytest", log=False)
    session.run("python", "tests/installed.py", "--nox", sys.executable, env={"DRSIM": requirement})


@nox.session
def workflows(session: nox.Session) -> None:
    """The workflow that `drsim init` writes passes actionlint, and action.yml its schema."""
    _install(session, "workflows")
    folder = session.create_tmp()
    session.run("drsim", "init", "--force", folder)
    session.run("actionlint", f"{folder}/.github/workflows/drsim.yml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")


_WHOLE: Final = ("pytest", "--ignore", "tests/browser", *PARALLEL, "-m")
NIGHTLY: Final[dict[str, tuple[str, ...]]] = {
    "loads": ("drsim", "run", "overload", "load-10000", "load-100000", "--trace", "off", "--out", "build/nightly"),
    "mutation": ("tests.mutation", "--workers", "2"),
    "conformance": ("tests.tiers", "--all"),
    "power": ("tests.planted_bugs",),
    "fuzz": ("tests.fuzz",),
    "chaos": ("drsim", "explore", "chaos", "--seeds", "1-5000", "--restart", "--out", "build/nightly"),
    "ratchet": ("tests.bench.ratchet",),
    "long tests": (*_WHOLE, "nightly"),
}
EVERYWHERE: Final[dict[str, tuple[str, ...]]] = {
    "slow tests": (*_WHOLE, "slow and not nightly"),
    "digests": ("tests.determinism", "--hash-seeds", "0", "1", "4242", "random"),
}


@nox.session
@nox.parametrize(
    "python,part",
    [nox.param(OWN, part, id=part) for part in NIGHTLY]
    + [nox.param(version, part, id=f"{part}, {version}") for part in EVERYWHERE for version in (OWN, *OTHERS)],
)
def nightly(session: nox.Session, part: str) -> None:
    """What is too long for each change: an hour; nox ends with a table of what passed. `-j 2`: two parts at once."""
    _install(session, "tests", "bench", "mutation", extras=EXTRAS)
    _python(session, *(NIGHTLY | EVERYWHERE)[part])
