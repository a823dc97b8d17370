"""The pytest plugin: fixtures `drsim`, `drsim_run` and `drs`, the marker `drsim`, `--drsim-seeds`, `--drsim-out`.

Owns what a test may ask for. It imports drsim when a test first runs a scenario: pytest loads it in every session.
"""

import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypedDict

import pytest

if TYPE_CHECKING:
    from typing import Unpack

    from drsim.api import Handlers, JudgedRun, Scenario, Tier
    from drsim.moto import FakeDrs

SEEDS: Final = "--drsim-seeds"
OUT: Final = "--drsim-out"
_MARKER: Final = (
    "drsim(scenario, seeds, finder, poller, paths, env, contract, changes, tier, check): options of the fixture drsim; "
    "one test for each scenario and seed if it takes drsim_run"
)

_PLAIN_ID: Final = re.compile(r"[\w./]+(::\w+)+(\[[\w.-]+\])?")
"""Tests whose names stay different where each other character becomes a hyphen."""
_FOLDER_MAX: Final = 150


class RunOptions(TypedDict, total=False):
    """Options of a run, by the names of `drsim run`; `changes` are those of `--set`."""

    finder: str
    poller: str
    paths: Sequence[str | Path]
    env: Mapping[str, str]
    contract: str | Path
    changes: Sequence[str]
    tier: "Tier"


class MarkerOptions(RunOptions, total=False):
    """Options of the marker. `check=False` leaves the verdict to the test."""

    scenario: str | Path | Sequence[str | Path]
    seeds: str | int | Sequence[int]
    check: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drsim", "simulated AWS DRS executions")
    group.addoption(SEEDS, metavar="FIRST-LAST", help="Seeds of all tests that take drsim_run, such as 1-100, or one.")
    group.addoption(
        OUT, metavar="DIR", help="Write the files of each run there. Otherwise tmp_path has those of failures."
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = _marked(metafunc.definition)
    if "drsim_run" in metafunc.fixturenames:
        given, where = marked.get("scenario"), metafunc.definition.nodeid
        names = [given] if isinstance(given, str | Path) else given
        if not names:
            _refuse(f"{where}: drsim_run needs @pytest.mark.drsim(scenario=...)")
        if not isinstance(names, list | tuple) or not all(isinstance(name, str | Path) for name in names):
            _refuse(f"{where}: scenario must be a name, a file or a list of them, got {given!r}")
        cases = [(str(name), seed) for name in names for seed in _seeds_checked(metafunc, marked)]
        ids = [f"{Path(name).stem}-{seed}" for name, seed in cases]
        metafunc.parametrize("drsim_run", cases, indirect=True, ids=ids)
    elif {"scenario", "seeds"} & marked.keys() and "drsim" not in metafunc.fixturenames:
        _refuse(f"{metafunc.definition.nodeid}: marked drsim, but it does not take drsim_run, so no scenario would run")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Fail a test whose run did not pass, before its own body."""
    run: Any = pyfuncitem.funcargs.get("drsim_run")
    if run is not None and run.verdict != "pass" and _marked(pyfuncitem).get("check", True):
        pytest.fail(run.summary(), pytrace=False)


class DrsimFixture:
    """What the fixture `drsim` is: it runs scenarios with the options of the test's marker and of pyproject.toml."""

    def __init__(self, node: pytest.Item, folder: Path) -> None:
        self._node, self._config, self._folder = node, node.config, folder
        self._written: Counter[str] = Counter()

    def run(
        self, scenario: "str | Path | Scenario" = "", *, seed: int | None = None, **options: "Unpack[RunOptions]"
    ) -> "JudgedRun":
        """Run a scenario, by default the marker's, and judge it; `check()` of the result raises if it did not pass.

        Paths are relative to pytest's root folder. The files of a run that did not pass are written under `tmp_path`,
        and with `--drsim-out` those of each run. Errors in scenarios, contracts and handlers fail the test.
        """
        __tracebackhide__ = True
        if unknown := sorted(options.keys() - RunOptions.__annotations__.keys()):
            raise TypeError(f"drsim.run: no option {unknown[0]!r}; there are {', '.join(RunOptions.__annotations__)}")
        from drsim.api import Scenario, UserError, run

        with _refusing(), contextlib.chdir(self._config.invocation_params.dir):
            found = self._options(options)
            chosen = scenario or found.get("scenario", "")
            if not isinstance(chosen, Scenario | str | Path) or not chosen:
                raise UserError("drsim.run needs a scenario: a name or a file")
            done = run(
                chosen if isinstance(chosen, Scenario) else _rooted(self._config, chosen),
                seed=found.get("seed", 1) if seed is None else seed,
                changes=_listed(found, "changes"),
                handlers=_handlers(self._config, found),
                contract=_rooted(self._config, found.get("contract", "")),
                tier=found.get("tier"),
            )
            if done.verdict != "pass" or self._config.getoption(OUT):
                done = done.write(self._folder_of(f"{done.result.scenario}-{done.result.seed}"))
        # pytest shows it if something else fails the test.
        shown = f"{done.result.scenario}, seed {done.result.seed}: {done.verdict}; replay  {done.replay}"
        self._node.add_report_section("call", "drsim", shown)
        return done

    def _folder_of(self, name: str) -> Path:
        """The folder of a run, with a number behind its name if this test has written one of that name."""
        self._written[name] += 1
        return self._folder / (name if self._written[name] == 1 else f"{name}-{self._written[name]}")

    def _options(self, given: RunOptions) -> dict[str, Any]:
        """Options by the marker's names: those of pyproject.toml, then the marker's, then these."""
        from drsim.project import merged

        return merged(_of_project(self._config), _marked(self._node), given)


@pytest.fixture
def drsim(request: pytest.FixtureRequest, tmp_path: Path) -> DrsimFixture:
    """Run scenarios of drsim: `drsim.run("drill", seed=7).check()`."""
    out = request.config.getoption(OUT)
    folder = request.config.invocation_params.dir / out / _folder_name(request.node.nodeid) if out else tmp_path
    return DrsimFixture(request.node, folder)


def _folder_name(nodeid: str) -> str:
    """A test's name as that of a folder, with a digest if another test's would be the same otherwise."""
    name = re.sub(r"[^\w.-]+", "-", nodeid).strip("-")
    if _PLAIN_ID.fullmatch(nodeid) and len(name) <= _FOLDER_MAX:
        return name
    import hashlib

    return f"{name[:_FOLDER_MAX]}-{hashlib.sha256(nodeid.encode(errors='surrogatepass')).hexdigest()[:8]}"


@pytest.fixture
def drsim_run(request: pytest.FixtureRequest, drsim: DrsimFixture) -> "JudgedRun":
    """The run of the marker's scenario with one of its seeds."""
    scenario, seed = request.param
    return drsim.run(scenario, seed=seed)


@pytest.fixture
def drs() -> "Iterator[FakeDrs]":
    """AWS Elastic Disaster Recovery on moto, empty: `drs.add_source_servers(2)`, `drs.client()`, `drs.advance(30)`.

    Every service of moto is mocked meanwhile. AWS_DEFAULT_REGION is us-east-1 unless it is set.
    """
    from drsim.moto import fake_drs

    with fake_drs() as made:
        yield made


def _marked(node: Any) -> dict[str, Any]:
    """The options of a test's markers, MarkerOptions, of which the closest win."""
    markers = [*node.iter_markers("drsim")][::-1]
    for marker in markers:
        if marker.args:
            _refuse(f"{node.nodeid}: the marker drsim takes its options by name, got {marker.args[0]!r}")
        if unknown := sorted(marker.kwargs.keys() - MarkerOptions.__annotations__.keys()):
            known = ", ".join(MarkerOptions.__annotations__)
            _refuse(f"{node.nodeid}: the marker drsim has no option {unknown[0]!r}; there are {known}")
    if not markers:
        return {}
    from drsim.project import merged

    return merged(*[marker.kwargs for marker in markers])


def _refuse(message: str) -> NoReturn:
    """Fail a test, or its collection, with this message alone."""
    __tracebackhide__ = True
    raise pytest.fail.Exception(message, pytrace=False) from None


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Fail the test with the message of an error that its author can fix."""
    __tracebackhide__ = True
    from drsim.api import ScenarioError, UserError

    try:
        yield
    except (ScenarioError, UserError) as error:
        _refuse(str(error))


def _of_project(config: pytest.Config) -> dict[str, Any]:
    """The options of pyproject.toml, by the names of the marker's, with paths as seen from pytest's root folder."""
    from drsim.project import options_of, project_file

    options = options_of(project_file(config.rootpath), config.rootpath)
    changes = options.pop("set", ())
    return {**options, "changes": changes}


def _seeds_checked(metafunc: pytest.Metafunc, marked: Mapping[str, Any]) -> Sequence[int]:
    """The seeds of a test, of which there is at least one: without any it would be skipped."""
    from drsim.arguments import SEED_MAX, SEEDS_MAX, is_seed

    seeds, where = _seeds(metafunc, marked), f"{metafunc.definition.nodeid}: seeds"
    if not seeds:
        _refuse(f"{where} must have at least one seed, got none")
    if len(seeds) > SEEDS_MAX:
        _refuse(f"{where} must be at most {SEEDS_MAX:,}; `drsim explore` runs more")
    if wrong := [seed for seed in seeds if not is_seed(seed)]:
        _refuse(f"{where} must be whole numbers from 0 to {SEED_MAX:,}, got {wrong[0]!r}")
    return seeds


def _seeds(metafunc: pytest.Metafunc, marked: Mapping[str, Any]) -> Sequence[int]:
    """The seeds of `--drsim-seeds`, or else those of the marker or of pyproject.toml."""
    from drsim.arguments import SEEDS_MAX, UserError, seeds_of

    config, where = metafunc.config, f"{metafunc.definition.nodeid}: seeds"
    try:
        project = _of_project(config)
        found = config.getoption(SEEDS) or marked.get("seeds", project.get("seeds", project.get("seed", 1)))
        if isinstance(found, str | int):
            return seeds_of(str(found))
    except UserError as error:
        _refuse(f"{where}{str(error).removeprefix('--seeds')}" if "--seeds" in str(error) else str(error))
    if isinstance(found, bytes) or not isinstance(found, Iterable):
        _refuse(f"{where} must be a list, got {found!r}")
    # One more than there may be: a range may have any number.
    return [*itertools.islice(found, SEEDS_MAX + 1)]


def _listed(options: Mapping[str, Any], name: str) -> Sequence[Any]:
    """The list of an option. A single text is no list, although Python would take it for one of letters."""
    found = options.get(name, ())
    if isinstance(found, str) or not isinstance(found, Iterable):
        _refuse(f"{name} must be a list, got {found!r}")
    return [*found]


def _rooted(config: pytest.Config, name: str | Path) -> str:
    """A scenario or contract whose file is relative to the root folder, as seen from where pytest was started."""
    from drsim.project import rooted_file

    return rooted_file(str(name), config.rootpath, config.invocation_params.dir)


def _handlers(config: pytest.Config, options: Mapping[str, Any]) -> "Handlers | None":
    """The handlers of options, with paths as seen from where pytest was started; None for drsim's own functions."""
    from drsim.api import Handlers
    from drsim.project import rooted, rooted_place

    if not options.get("finder"):
        return None
    for name in ("finder", "poller"):
        if not isinstance(options.get(name) or "", str):
            _refuse(f"{name} must be FILE.py:HANDLER or MODULE:HANDLER, got {options[name]!r}")
    variables = options.get("env", {})
    if not isinstance(variables, Mapping):
        _refuse(f"env must be a mapping of texts, got {variables!r}")
    root, start = config.rootpath, config.invocation_params.dir
    return Handlers(
        finder=rooted_place(options["finder"], root, start),
        poller=rooted_place(options.get("poller") or "", root, start) or None,
        paths=tuple(Path(rooted(str(path), root, start)) for path in _listed(options, "paths")),
        variables=dict(variables),
    )
