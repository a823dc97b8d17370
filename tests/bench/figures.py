"""The results of the benchmark as data: the source of the terminal's table, bench.json and docs/performance.md.

Owns the model and its JSON file. It measures nothing and prints nothing.
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

FILE: Final = Path(__file__).parents[2] / "build" / "bench.json"


class Data(BaseModel):
    """Base class of all models here: immutable, without extra fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(Data):
    """The bound that a figure must reach, in the figure's unit."""

    kind: Literal["at least", "at most", "below"]
    bound: float

    def reached_by(self, value: float) -> bool:
        """Whether this value reaches the bound."""
        if self.kind == "at least":
            return value >= self.bound
        return value <= self.bound if self.kind == "at most" else value < self.bound


class Figure(Data):
    """One figure. `value` is the median of all rounds, `low` and `high` its extremes, `how` describes the method."""

    name: str
    value: float
    unit: str
    how: str
    rounds: int
    low: float
    high: float
    target: Target | None = None

    @property
    def verdict(self) -> str:
        """Whether the figure reaches its target. Empty without a target."""
        if self.target is None:
            return ""
        return "reached" if self.target.reached_by(self.value) else "MISSED"


class Machine(Data):
    """The machine that measured."""

    processor: str
    cores: int
    python: str
    system: str


class Part(Data):
    """The figures of one part of the benchmark, and the measured code.

    `date` is the date of the commit. `changed` is true if the code differed from the commit. `load` is the load average
    of the minute before: if it exceeds the number of cores, wall times mean little.
    """

    commit: str
    date: str
    changed: bool
    load: float
    figures: tuple[Figure, ...]


class Bench(Data):
    """All figures from one machine, by part."""

    schema_version: Literal[1] = 1
    machine: Machine
    parts: dict[str, Part] = {}

    def with_part(self, name: str, part: Part) -> "Bench":
        """A copy with a new measurement of one part."""
        return self.model_copy(update={"parts": {**self.parts, name: part}})


def read(path: Path, machine: Machine) -> Bench:
    """The figures kept in a file. Empty without a readable file, or if another machine measured them."""
    try:
        bench = Bench.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return Bench(machine=machine)
    return bench if bench.machine == machine else Bench(machine=machine)


def write(path: Path, bench: Bench) -> None:
    """Write the figures to a file; create its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(bench.model_dump_json(indent=2) + "\n", encoding="utf-8")
