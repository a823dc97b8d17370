"""The folder of each run: named by scenario and seed, and by a digest if that one holds a run with other settings."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drsim.arguments import UserError, complain
from drsim.circumstances import functions_of
from drsim.evidence import read
from drsim.reports.evidence import FunctionsRecord, digest_of
from drsim.stored_runs import RESULT, result_in
from drsim.tiers import Choice

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario


class _Distinction(NamedTuple):
    """What makes a run another one. Code that changed under the same name does not, nor does `--trace`."""

    tier: str
    handlers: FunctionsRecord | None
    settings: object

    @property
    def digest(self) -> str:
        handlers = None if self.handlers is None else self.handlers.model_dump(mode="json")
        return digest_of([self.tier, handlers, self.settings])

    def differences(self, other: "_Distinction") -> list[str]:
        return [name for name, one, two in zip(self._fields, self, other, strict=True) if one != two]


def folder_of(out: Path, name: str, scenario: "Scenario", seed: int, choice: Choice, changes: list[str]) -> Path:
    """The folder of a run of a scenario that the user named so. Says so if it is not the usual one."""
    usual = out / f"{scenario.name}-{seed}"
    if not (usual / RESULT).exists():
        # What follows takes milliseconds, of which 100,000 seeds would make minutes.
        return usual
    own = _Distinction(choice.tier, functions_of(choice), scenario.model_dump(mode="json", exclude_defaults=True))
    others = _differences(usual, own, choice.command(name, seed, changes, "full"))
    if not others:
        return usual
    found = usual.with_name(f"{usual.name}-{own.digest[:8]}")
    which = " and ".join(f"another {each}" if each == "tier" else f"other {each}" for each in others)
    complain(f"{usual} holds a run with {which}; this run goes to {found}")
    return found


def _differences(folder: Path, own: _Distinction, command: str) -> list[str]:
    """What the run in a folder has otherwise; nothing if there is no run that can be read."""
    try:
        kept = read(folder)
    except (OSError, ValueError):
        return _differences_of_older(folder, own, command)
    return own.differences(_Distinction(kept.tier, kept.functions, kept.configuration))


def _differences_of_older(folder: Path, own: _Distinction, command: str) -> list[str]:
    """The same of a run without evidence, by its tier and the command that repeats it."""
    try:
        result = result_in(folder)
    except UserError:
        return []
    if result.tier != own.tier:
        return ["tier"]
    return [] if result.replay.partition(" --trace ")[0] == command else ["settings"]
