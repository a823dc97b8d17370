"""What got worse from one side's runs to the other's, or better: criteria, properties and the verdict as a whole.

Owns what counts as worse. A set of runs fails what any of its runs fails, passes what at least one passes and none
fails, and else has not exercised it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from drsim.reports.comparing.effect import drop, wilson
from drsim.scenarios.result import Result

Change = Literal["same", "worse", "better", "changed"]
Kind = Literal["run", "criterion", "property"]

ABSENT: Final = "absent"
"""The verdict on what the results of a side do not know, being another version's."""

# The worst comes first: what a set of runs is called if one of them is called so.
_SEVERITY: Final = ("fail", "unknown", "pass", "not exercised", ABSENT)
_UNJUDGED: Final = ("not exercised", ABSENT)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one side's runs fared: `passed` of those `judged`, with the 95 % interval of that rate.

    `value` is that of all runs; where they differ, that of the first that stands as the verdict says, `seed` being its
    seed. `rule` is what they are judged by.
    """

    verdict: str
    passed: int
    judged: int
    runs: int
    low: float
    high: float
    value: str
    seed: int | None
    rule: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One criterion, one property or the verdict as a whole, on both sides."""

    kind: Kind
    name: str
    a: Outcome
    b: Outcome
    change: Change

    @property
    def moved(self) -> bool:
        """Whether the verdict or the rate behind it changed."""
        rates = [side.passed / side.judged if side.judged else None for side in (self.a, self.b)]
        return self.change != "same" or rates[0] != rates[1]

    @property
    def revalued(self) -> bool:
        """Whether it is a criterion with the same verdict for another value, each side's being that of all its runs."""
        shown = [(side.value, side.rule, side.seed) for side in (self.a, self.b)]
        return (
            self.kind == "criterion" and not self.moved and shown[0] != shown[1] and shown[0][2] is shown[1][2] is None
        )


class _Finding(NamedTuple):
    """One run's verdict on one thing."""

    kind: Kind
    name: str
    rule: str
    seed: int
    verdict: str
    value: str


def judged(a: Sequence[Result], b: Sequence[Result]) -> tuple[Judged, ...]:
    """The verdict as a whole, then each criterion and each property that either side knows, in the results' order."""
    sides = []
    for runs in (a, b):
        found: dict[tuple[Kind, str], list[_Finding]] = {}
        for finding in (finding for run in runs for finding in _findings(run)):
            found.setdefault((finding.kind, finding.name), []).append(finding)
        sides.append(found)
    names = dict.fromkeys([*sides[0], *sides[1]])
    kinds: tuple[Kind, ...] = ("run", "criterion", "property")
    return tuple(
        _judged(sides[0].get(name, []), sides[1].get(name, [])) for kind in kinds for name in names if name[0] == kind
    )


def direction(before: str, after: str) -> Change:
    """Worse: it fails and did not, or it passed and no longer does. Better: it passes and did not.

    What failed and is no longer judged is neither, but changed.
    """
    if before == after:
        return "same"
    if after == "pass":
        return "better"
    return "worse" if before == "pass" or after == "fail" else "changed"


def _findings(run: Result) -> Iterator[_Finding]:
    yield _Finding("run", "verdict", "", run.seed, run.verdict, "")
    for each in run.criteria:
        yield _Finding("criterion", each.name, each.threshold, run.seed, each.verdict, each.value)
    for law in run.properties:
        value = f"{_counted(law.checked, 'check')}, {_counted(law.violations_count, 'violation')}"
        yield _Finding("property", law.name, law.rule, run.seed, law.verdict, value)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _judged(a: list[_Finding], b: list[_Finding]) -> Judged:
    before, after, known = _outcome(a), _outcome(b), (b or a)[0]
    change = direction(before.verdict, after.verdict)
    if change == "same" == direction(after.verdict, "fail"):
        # Both sides fail in some runs: only a rate that fell or rose by more than chance explains is a change.
        low, high = drop((before.passed, before.judged), (after.passed, after.judged))
        change = "worse" if low > 0 else "better" if high < 0 else "same"
    return Judged(known.kind, known.name, before, after, change)


def _outcome(findings: list[_Finding]) -> Outcome:
    verdict = min((each.verdict for each in findings), key=_SEVERITY.index, default=ABSENT)
    judged_count = sum(each.verdict not in _UNJUDGED for each in findings)
    passed = sum(each.verdict == "pass" for each in findings)
    # No findings, no verdict to tell of.
    telling = next((each for each in findings if each.verdict == verdict), None)
    value, rule = (telling.value, telling.rule) if telling else ("", "")
    seed = telling.seed if telling and any(each.value != value for each in findings) else None
    return Outcome(verdict, passed, judged_count, len(findings), *wilson(passed, judged_count), value, seed, rule)
