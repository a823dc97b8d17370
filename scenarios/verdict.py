"""The verdict on a run, from those on its properties and criteria; a seed of an exploration has the same one."""

from collections.abc import Mapping, Set

from drsim.scenarios.model import Exercises
from drsim.scenarios.result import RunVerdict, Verdict


def verdict(verdicts: Mapping[str, Verdict], exercises: Exercises, unjudged: Set[str]) -> RunVerdict:
    """Fail if anything failed; unknown if something that must be exercised was not; else pass."""
    if "fail" in verdicts.values():
        return "fail"
    return "unknown" if unexercised(verdicts, exercises, unjudged) else "pass"


def unexercised(verdicts: Mapping[str, Verdict], exercises: Exercises, unjudged: Set[str]) -> tuple[str, ...]:
    """What must be exercised and was not: what is declared, or anything at all if nothing was exercised.

    `unjudged` cannot be judged of these functions, so that it need not be exercised.
    """
    missing = tuple(name for name, each in verdicts.items() if each == "not exercised" and name not in unjudged)
    if all(each == "not exercised" for each in verdicts.values()):
        return missing
    declared = {*exercises.properties, *exercises.criteria}
    return tuple(name for name in missing if name in declared)
