"""What a benchmark found, as data: the terminal's table, bench.json and docs/performance.md are all made from it.

Owns the model and its JSON file. It measures nothing, and it prints nothing.
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

FILE: Final = Path(__file__).parents[2] / "build" / "bench.json"


class Data(BaseModel):
    """Base of all parts: immutable, and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(Data):
    """What a figure must come to, in its own unit."""

    kind: Literal["at least", "at most", "below"]
    bound: float

    def reached_by(self, value: float) -> bool:
        """Whether this value comes to it."""
        if self.kind == "at least":
            return value >= self.bound
        return value <= self.bound if self.kind == "at most" else value < self.bound


class Figure(Data):
    """One figure. `value` is the median over `rounds` rounds, `low` and `high` are the extremes; `how` says of what."""

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
        """Whether the target is reached; empty without one."""
        if self.target is None:
            return ""
        return "reached" if self.target.reached_by(self.value) else "MISSED"


class Machine(Data):
    """What it was measured on."""

    processor: str
    cores: int
    python: str
    system: str


class Part(Data):
    """The figures of one part of the benchmark, and the code that they speak of.

    `date` is the commit's, `changed` says that the code was not what was committed, and `load` is how many processes
    wanted a processor in the minute before: more than there are cores, and wall times say little.
    """

    commit: str
    date: str
    changed: bool
    load: float
    figures: tuple[Figure, ...]


class Bench(Data):
    """Everything that is known of this code on one machine, part by part."""

    schema_version: Literal[1] = 1
    machine: Machine
    parts: dict[str, Part] = {}

    def with_part(self, name: str, part: Part) -> "Bench":
        """The same with one part measured anew."""
        return self.model_copy(update={"parts": {**self.parts, name: part}})


def read(path: Path, machine: Machine) -> Bench:
    """What was measured before on this machine; nothing if it was another one or another form of the file."""
    try:
        bench = Bench.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return Bench(machine=machine)
    return bench if bench.machine == machine else Bench(machine=machine)


def write(path: Path, bench: Bench) -> None:
    """Keep it, under a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(bench.model_dump_json(indent=2) + "\n", encoding="utf-8")
