"""Lambda's execution environments, and how many invocations of one function run in them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drsim.simulator.processes import Process

if TYPE_CHECKING:
    from drsim.simulator.services.functions import Invocation


@dataclass(slots=True)
class Environment:
    """One execution environment. Those of a `pool` have different numbers.

    It is frozen unless an invocation runs in it, and `left` are its frozen families.
    """

    number: int
    pool: str = ""
    warm: bool = False
    idle_since_us: int = 0
    current: "Invocation | None" = None
    left: list[Process] = field(default_factory=list)
    # The error of its clock, drawn when the clock is first read.
    skew_us: int | None = None


@dataclass(slots=True)
class Fleet:
    """The environments and running invocations of one Lambda function, which may have two roles."""

    name: str
    reserved_concurrency: int | None
    idle: list[Environment] = field(default_factory=list)
    environments_count: int = 0
    running_count: int = 0

    def environment(self, now_us: int, idle_max_us: int, *, cold: bool) -> Environment:
        """Return the environment used last if Lambda still keeps it, or a new one."""
        if self.idle and not cold:
            environment = self.idle.pop()
            if now_us - environment.idle_since_us <= idle_max_us:
                return environment
            self.idle.clear()
        self.environments_count += 1
        return Environment(self.environments_count, self.name)
