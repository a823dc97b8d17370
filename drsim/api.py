"""The public Python API: `load`, `run` and `explore` scenarios, with drsim's own functions or your `Handlers`.

    from drsim.api import run

    run("drill", seed=7).check()

Everything that these functions take or return can be imported from here. Errors that you can fix are ScenarioError (a
scenario, a change or a contract) and UserError (handlers, tiers and missing extras); anything else is a bug of drsim.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, get_args

from drsim.arguments import SEED_MAX, UserError, is_seed, jobs_default, writing
from drsim.processes import ProcessExecutor
from drsim.reports.markdown import render as markdown
from drsim.scenarios import explore as exploration
from drsim.scenarios import files, runner
from drsim.scenarios.campaign import Campaign
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.files import ScenarioError, catalogue, parse
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import Code
from drsim.scenarios.record import FindingRecord
from drsim.scenarios.result import Result, RunVerdict
from drsim.scenarios.runner import Run
from drsim.scenarios.tiers import Tier
from drsim.simulator.contract.model import Contract
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.trace import Level, Trace
from drsim.tiers import Choice, default_tier, fitting, running_code, try_handlers

__all__ = [
    "Campaign",
    "Contract",
    "Contradiction",
    "FailedRunError",
    "FindingRecord",
    "Handlers",
    "JudgedRun",
    "Level",
    "Result",
    "Scenario",
    "ScenarioError",
    "Tier",
    "Trace",
    "UserError",
    "catalogue",
    "explore",
    "load",
    "markdown",
    "parse",
    "run",
]

_WIDTH: Final = 100


class FailedRunError(AssertionError):
    """A run that should have passed. The message is its summary: findings, the worst first, and the replay command."""


@dataclass(frozen=True, slots=True, repr=False)
class JudgedRun(Run):
    """A run that has ended, with its `result` and `trace`. `folder` has its files, if they were written."""

    folder: Path | None = None

    def __repr__(self) -> str:
        # pytest shows it beside failed assertions, and a result may have megabytes.
        return f"<JudgedRun of {self.result.scenario}, seed {self.result.seed}: {self.verdict}>"

    @property
    def verdict(self) -> RunVerdict:
        """`pass`, `fail`, or `unknown` if something that the scenario declares was not exercised."""
        return self.result.verdict

    @property
    def findings(self) -> tuple[FindingRecord, ...]:
        """The violations by meaning, the worst first."""
        return self.result.findings

    @property
    def replay(self) -> str:
        """The command that repeats the run."""
        return self.result.replay

    def summary(self) -> str:
        """Return what `drsim run` shows of the run."""
        from io import StringIO

        from rich.console import Console

        from drsim.run_console import show

        text = StringIO()
        # Where FORCE_COLOR is set, rich would take any text for a terminal.
        console = Console(file=text, width=_WIDTH, highlight=False, force_terminal=False, color_system=None)
        show(console, self.result, self.folder)
        return "\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines())

    def check(self) -> Self:
        """Return the run if it passed. Raises FailedRunError."""
        # pytest then shows the caller's line.
        __tracebackhide__ = True
        if self.verdict != "pass":
            raise FailedRunError(self.summary())
        return self

    def write(self, folder: str | Path) -> "JudgedRun":
        """Write the run's files into a folder, and return the run with that folder.

        They are those of `drsim run` without the evidence. Raises UserError if they cannot be written, or would replace
        a signed run.
        """
        from drsim import evidence, outputs

        folder = Path(folder)
        evidence.refuse_signed([folder])
        if troubles := writing(lambda: outputs.write(self, folder)):
            raise RuntimeError(f"the reports in {folder}: {'; '.join(troubles)}")
        return JudgedRun(self.result, self.trace, self.places, folder)

    @property
    def page(self) -> Path | None:
        """The report for people, if the files were written."""
        from drsim.reports.documents import PAGE

        return None if self.folder is None else self.folder / PAGE


def load(name: str | Path, changes: Sequence[str] = (), *, contract: str | Path | Contract = "") -> Scenario:
    """Return the scenario of a name or file, with changes such as "executions=200". Raises ScenarioError.

    `contract` takes the place of the scenario's own: a YAML file, `ours`, `plain`, or a Contract.
    """
    if not isinstance(name, str | Path):
        raise UserError(f"a scenario must be a name, a file or a Scenario, got {name!r}")
    if isinstance(changes, str) or not all(isinstance(change, str) for change in changes):
        raise UserError(f"changes must be a list such as ['executions=200'], got {changes!r}")
    if not isinstance(contract, Contract):
        return files.load(str(name), changes, contract=str(contract))
    data = files.load(str(name), changes).model_dump(mode="json")
    return Scenario.model_validate({**data, "contract": contract.model_dump(mode="json")})


def run(
    scenario: str | Path | Scenario,
    *,
    seed: int = 1,
    changes: Sequence[str] = (),
    handlers: Handlers | None = None,
    contract: str | Path = "",
    tier: Tier | None = None,
    trace: Level = "full",
    on_progress: Callable[[int], None] | None = None,
) -> JudgedRun:
    """Run a scenario with a seed, and judge it. Nothing is written.

    Without `handlers` drsim's own functions run. The tier is by default `fast`, and `client` for handlers. `trace`
    selects the events that are kept. `on_progress` is called with the virtual time (us) once a virtual minute.

    A scenario's name or file gives a replay command with all options; a Scenario that is not as its name says cannot be
    replayed. `changes` and `contract` are those of `load`. Raises ScenarioError and UserError.
    """
    if not is_seed(seed):
        raise UserError(f"seed must be a whole number from 0 to {SEED_MAX:,}, got {seed!r}")
    if trace not in get_args(Level):
        raise UserError(f"trace must be one of {', '.join(get_args(Level))}, got {trace!r}")
    choice = _choice(handlers, tier, contract)
    chosen = _loaded(scenario, changes, choice)
    name = scenario.name if isinstance(scenario, Scenario) else str(scenario)
    with running_code(chosen.name):
        done = runner.run(
            chosen,
            seed=seed,
            tier=choice.tier,
            functions=handlers,
            replay=choice.command(name, seed, list(changes), trace),
            on_progress=on_progress,
            trace=trace,
        )
    return JudgedRun(done.result, done.trace, done.places)


def explore(
    scenario: str | Path | Scenario,
    seeds: range = range(1, 101),
    *,
    changes: Sequence[str] = (),
    handlers: Handlers | None = None,
    contract: str | Path = "",
    jobs: int | None = None,
    seconds_max: float | None = None,
) -> Campaign:
    """Run a scenario under many seeds, in `jobs` processes (by default one for each CPU), and return the totals.

    `verdict`, `failed_seeds`, `failures` and `groups()` of the campaign hold what failed; `claim()` is a sentence. No
    new seed begins after `seconds_max`. Nothing is written or shrunk: `drsim explore` does that. Raises ScenarioError
    and UserError.
    """
    given: object = seeds
    if not isinstance(given, range) or not seeds or seeds.step != 1 or not (is_seed(seeds[0]) and is_seed(seeds[-1])):
        rule = "a range of whole numbers >= 0 of at most 18 digits, without gaps"
        raise UserError(f"seeds must be {rule}, got {seeds!r}")
    choice = _choice(handlers, None, contract)
    chosen = fitting(_loaded(scenario, changes, choice), has_handlers=handlers is not None)
    if handlers is not None:
        try_handlers(chosen, seeds[0], handlers)
    code: Code = "" if handlers is None else handlers.from_anywhere()
    campaign = Campaign()
    try:
        executor = ProcessExecutor(jobs or jobs_default())
    except BrokenExecutor as error:
        raise UserError(f"jobs={jobs}: {error}") from None
    try:
        for each in exploration.explore(chosen, [(seeds[0], seeds[-1])], executor, code, seconds_max):
            campaign.add(each)
    except exploration.LostError as error:
        raise UserError(str(error)) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return campaign


def _choice(handlers: Handlers | None, tier: Tier | None, contract: str | Path) -> Choice:
    """What the command line would choose by options of these values. Raises UserError for values of other types."""
    if tier is not None and tier not in get_args(Tier):
        raise UserError(f"tier must be one of {', '.join(get_args(Tier))}, got {tier!r}")
    if not isinstance(contract, str | Path):
        raise UserError(f"contract must be a file, ours or plain, got {contract!r}; load takes a Contract")
    if handlers is None:
        return Choice(tier or default_tier(""), contract=str(contract))
    _check_handlers(handlers)
    variables = tuple(f"{name}={value}" for name, value in handlers.variables.items())
    places = (handlers.finder, handlers.poller or "")
    paths = tuple(map(Path, handlers.paths))
    return Choice(tier or default_tier(handlers.finder), *places, paths, variables, str(contract))


def _check_handlers(handlers: object) -> None:
    """Raise UserError for handlers of other types than a type checker accepts."""
    if not isinstance(handlers, Handlers):
        raise UserError(f"handlers must be Handlers(finder=..., poller=...), got {handlers!r}")
    for name, place in (("finder", handlers.finder), ("poller", handlers.poller or "")):
        if not isinstance(place, str):
            raise UserError(f"{name} must be FILE.py:HANDLER or MODULE:HANDLER, got {place!r}")
    paths: object = handlers.paths
    if not isinstance(paths, tuple | list) or not all(isinstance(path, str | Path) for path in paths):
        raise UserError(f"paths must be a list of folders, got {paths!r}")
    variables: object = handlers.variables
    if not isinstance(variables, Mapping) or not all(
        isinstance(text, str) for item in variables.items() for text in item
    ):
        raise UserError(f"variables must be a mapping of texts, got {variables!r}")


def _loaded(scenario: str | Path | Scenario, changes: Sequence[str], choice: Choice) -> Scenario:
    """The scenario, which this choice can run. Raises ScenarioError and UserError."""
    if not isinstance(scenario, Scenario):
        scenario = load(scenario, changes, contract=choice.contract)
    elif changes or choice.contract:
        raise UserError("changes and contract belong to a scenario's name or file: give them to load")
    if problems := list(choice.problems([scenario])):
        raise UserError("\n".join(problems))
    return scenario
