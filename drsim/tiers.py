"""The command line's choice of a tier and of the functions that run in it."""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drsim.arguments import TraceKept, UserError, option
from drsim.project import options_here
from drsim.scenarios.extras import MissingExtraError
from drsim.scenarios.tiers import Tier

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario
    from drsim.simulator.handlers.functions import Handlers


def refused_contracts(scenarios: "Iterable[Scenario]") -> Iterator[str]:
    """Yield a message for each scenario whose contract this project's own functions do not have."""
    from drsim.simulator.contract.presets import OUR_CONTRACT

    for scenario in scenarios:
        if scenario.contract not in (None, OUR_CONTRACT):
            name, own = scenario.name, scenario.contract.name
            yield f"{name}: contract {own} needs --finder, for drsim's own functions keep to `ours`"


def default_tier(finder: str) -> Tier:
    """Return the tier of a run without `--tier`."""
    return "client" if finder else "fast"


@contextmanager
def running_code(name: str) -> Iterator[None]:
    """Turn what keeps a user's code from running into a UserError."""
    from drsim.simulator.errors import MisfitError
    from drsim.simulator.handlers.errors import HandlerError

    try:
        yield
    except (HandlerError, MisfitError, MissingExtraError) as error:
        raise UserError(f"{name}: {error}") from None


def fitting(scenario: "Scenario", *, has_handlers: bool) -> "Scenario":
    """The scenario as it is explored, whose workload the functions' contract can hold. Raises UserError."""
    from drsim.scenarios.adapting import adapted
    from drsim.simulator.contract.presets import OUR_CONTRACT
    from drsim.simulator.workload import check_fit

    chosen = option(scenario.name, lambda: adapted(scenario)[0]) if has_handlers else scenario
    option(chosen.name, lambda: check_fit(chosen.workload, chosen.judged_by if has_handlers else OUR_CONTRACT))
    return chosen


def try_handlers(scenario: "Scenario", seed: int, handlers: "Handlers") -> None:
    """Run handlers once, to report what keeps them from running before many runs of them begin. Raises UserError."""
    from drsim.scenarios.contradiction import check_runnable, contradictions
    from drsim.scenarios.parts import world_of

    with running_code(scenario.name):
        world = world_of(scenario, seed, handlers, verdict_only=True)
        check_runnable(contradictions(world, seed))
        world.close()


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of `drsim run` that choose what runs. Without handlers, this project's own run."""

    tier: Tier
    finder: str = ""
    poller: str = ""
    paths: tuple[Path, ...] = ()
    variables: tuple[str, ...] = ()
    contract: str = ""

    def problems(self, scenarios: "Iterable[Scenario]" = ()) -> Iterator[str]:
        if self.poller and not self.finder:
            yield "--poller needs --finder: a poller knows only its own finder's payload"
            return
        if self.tier == "fast" and (self.finder or self.paths or self.variables):
            yield "--finder, --poller, --path and --env are for --tier client and --tier wire"
            return
        if not self.finder:
            yield from refused_contracts(scenarios)
        yield from self._unneeded_pollers(scenarios)
        for name, place in (("--finder", self.finder), ("--poller", self.poller)):
            file, _, handler = place.rpartition(":")
            if place and not (file and handler.isidentifier()):
                yield f"{name} must be FILE.py:HANDLER or MODULE:HANDLER, got {place!r}"
            elif file.endswith(".py") and not Path(file).is_file():
                yield f"{name}: no file {file}"
        for path in self.paths:
            if not path.is_dir():
                yield f"--path must be a folder, got {path}"
        for variable in self.variables:
            if not variable.partition("=")[0] or "=" not in variable:
                yield f"--env must be KEY=VALUE, got {variable!r}"

    def _unneeded_pollers(self, scenarios: "Iterable[Scenario]") -> Iterator[str]:
        for scenario in scenarios if self.poller else ():
            if scenario.contract is not None and (name := scenario.contract.functions.one):
                yield f"{scenario.name}: {name} has both roles (functions.one of the contract): give --finder only"

    def command(self, name: str, seed: int, changes: list[str], trace: TraceKept) -> str:
        """The command that replays a run."""
        # An empty option stands for none in place of that of pyproject.toml.
        project = options_here()
        options = (
            ("--set", changes or ([""] if project.get("set") else [])),
            ("--tier", [self.tier] if self.tier != default_tier(self.finder) else []),
            ("--finder", [self.finder] if self.finder or project.get("finder") else []),
            ("--poller", [self.poller] if self.poller else []),
            ("--path", map(str, self.paths)),
            ("--env", self.variables),
            ("--contract", [self.contract] if self.contract else []),
            # The digest depends on which events are written.
            ("--trace", [trace] if trace in ("off", "summary") else []),
        )
        words = [word for option, values in options for value in values for word in (option, value)]
        return shlex.join(["drsim", "run", name, "--seed", str(seed), *words])

    @property
    def functions(self) -> "Handlers | None":
        """The user's handlers, or None for this project's own."""
        if not self.finder:
            return None
        from drsim.simulator.handlers.functions import Handlers

        variables = dict(variable.split("=", 1) for variable in self.variables)
        return Handlers(finder=self.finder, poller=self.poller or None, paths=self.paths, variables=variables)
