"""Which tier a run takes, and whose functions run in it, as the command line says."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drsim.simulator.wire.tier import Functions


class Tier(StrEnum):
    """How much of the real thing runs.

    `fast` is production code on simulated services, `wire` the Lambda handlers as deployed, on boto3 and moto.
    """

    FAST = "fast"
    WIRE = "wire"


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of `drsim run` that say what runs. Handlers that are not named are this project's own."""

    tier: Tier
    finder: str = ""
    poller: str = ""
    paths: tuple[Path, ...] = ()
    variables: tuple[str, ...] = ()

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, one line each."""
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
        """The options as they were typed, for the command that replays a run."""
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
    def functions(self) -> "Functions | None":
        """The functions of others, or None for this project's own."""
        if not self.finder:
            return None
        from drsim.scenarios.extras import needs

        with needs("wire", "--finder"):
            from drsim.simulator.wire.tier import Functions
        variables = dict(variable.split("=", 1) for variable in self.variables)
        return Functions(finder=self.finder, poller=self.poller, paths=self.paths, variables=variables)
