"""The command line's choice of a tier and of the functions that run in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drsim.simulator.wire.tier import Handlers


class Tier(StrEnum):
    """How much of the real system runs.

    `fast` is production code on simulated services, `wire` the Lambda handlers as deployed, on boto3 and moto.
    """

    FAST = "fast"
    WIRE = "wire"


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of `drsim run` that choose what runs. Without handlers, this project's own run."""

    tier: Tier
    finder: str = ""
    poller: str = ""
    paths: tuple[Path, ...] = ()
    variables: tuple[str, ...] = ()

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the options, a line for each error."""
        if self.tier is not Tier.WIRE and (self.finder or self.poller or self.paths or self.variables):
            yield "--finder, --poller, --path and --env are for --tier wire"
            return
        if bool(self.finder) != bool(self.poller):
            yield "--finder and --poller belong together: one of them does not know the other's payload"
        for option, place in (("--finder", self.finder), ("--poller", self.poller)):
            file, _, handler = place.rpartition(":")
            if place and not (file and handler.isidentifier()):
                yield f"{option} must be FILE.py:HANDLER or MODULE:HANDLER, got {place!r}"
            elif file.endswith(".py") and not Path(file).is_file():
                yield f"{option}: no file {file}"
        for path in self.paths:
            if not path.is_dir():
                yield f"--path must be a folder, got {path}"
        for variable in self.variables:
            if not variable.partition("=")[0] or "=" not in variable:
                yield f"--env must be KEY=VALUE, got {variable!r}"

    @property
    def words(self) -> list[str]:
        """The options as typed, for the command that replays a run."""
        words = [] if self.tier is Tier.FAST else ["--tier", self.tier.value]
        for option, values in (
            ("--finder", [self.finder] if self.finder else []),
            ("--poller", [self.poller] if self.poller else []),
            ("--path", map(str, self.paths)),
            ("--env", self.variables),
        ):
            words += [word for value in values for word in (option, value)]
        return words

    @property
    def functions(self) -> "Handlers | None":
        """The user's handlers, or None for this project's own."""
        if not self.finder:
            return None
        from drsim.scenarios.extras import needs

        with needs("wire", "--finder"):
            from drsim.simulator.wire.tier import Handlers
        variables = dict(variable.split("=", 1) for variable in self.variables)
        return Handlers(finder=self.finder, poller=self.poller, paths=self.paths, variables=variables)
