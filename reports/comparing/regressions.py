"""What counts as worse or better: verdicts of criteria, properties and whole runs, on both sides.

A set of runs fails if one of its runs fails, else passes if one passes, and else has not exercised the thing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from drsim.reports.comparing.effect import drop, wilson
from drsim.scenarios.result import Result

Change = Literal["same", "worse", "better", "changed"]
Kind = Literal["run", "criterion", "property"]

ABSENT: Final = "absent"
"""The verdict of a side whose results, of another version, do not know the thing."""
_UNJUDGED: Final = ("not exercised", ABSENT)
# The worst comes first: a set of runs has the worst verdict of its runs.
_SEVERITY: Final = ("fail", "unknown", "pass", *_UNJUDGED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdicts of one side's runs: `passed` of those `judged`, with the 95 % interval of that rate.

    `value` is that of all runs. If they differ it is that of the first run with this verdict, whose seed is `seed`.
    `rule` is the threshold or the rule that decides.
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
class Judgement:
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
        """Whether it is a criterion with the same verdict and, in all runs of each side, another value or threshold."""
        differs = (self.a.value, self.a.rule) != (self.b.value, self.b.rule)
        return self.kind == "criterion" and not self.moved and differs and self.a.seed is self.b.seed is None


class _RunOutcome(NamedTuple):
    rule: str
    seed: int
    verdict: str
    value: str


def judged(a: Sequence[Result], b: Sequence[Result]) -> tuple[Judgement, ...]:
    """The verdict as a whole, then each criterion and each property that either side knows, in the results' order."""
    before, after = _outcomes(a), _outcomes(b)
    names = sorted(dict.fromkeys([*before, *after]), key=lambda name: get_args(Kind).index(name[0]))
    return tuple(_judgement(*name, before.get(name, []), after.get(name, [])) for name in names)


def direction(before: str, after: str) -> Change:
    """Worse: it fails and did not, or it passed and no longer does. Better: it passes and did not. Else changed."""
    if before == after:
        return "same"
    if after == "pass":
        return "better"
    return "worse" if before == "pass" or after == "fail" else "changed"


def _outcomes(runs: Sequence[Result]) -> dict[tuple[Kind, str], list[_RunOutcome]]:
    found: defaultdict[tuple[Kind, str], list[_RunOutcome]] = defaultdict(list)
    for run in runs:
        found["run", "verdict"].append(_RunOutcome("", run.seed, run.verdict, ""))
        for each in run.criteria:
            found["criterion", each.name].append(_RunOutcome(each.threshold, run.seed, each.verdict, each.value))
        for law in run.properties:
            checks, violations = law.checked, law.violations_count
            value = f"{checks} check{'s' * (checks != 1)}, {violations} violation{'s' * (violations != 1)}"
            found["property", law.name].append(_RunOutcome(law.rule, run.seed, law.verdict, value))
    return found


def _judgement(kind: Kind, name: str, a: list[_RunOutcome], b: list[_RunOutcome]) -> Judgement:
    before, after = _outcome(a), _outcome(b)
    change = direction(before.verdict, after.verdict)
    if change == "same" == direction(after.verdict, "fail"):
        # Both sides fail in some runs: only a rate that fell or rose by more than chance explains is a change.
        low, high = drop((before.passed, before.judged), (after.passed, after.judged))
        change = "worse" if low > 0 else "better" if high < 0 else "same"
    return Judgement(kind, name, before, after, change)


def _outcome(outcomes: list[_RunOutcome]) -> Outcome:
    verdict = min((each.verdict for each in outcomes), key=_SEVERITY.index, default=ABSENT)
    judged_count = sum(each.verdict not in _UNJUDGED for each in outcomes)
    passed = sum(each.verdict == "pass" for each in outcomes)
    shown = next((each for each in outcomes if each.verdict == verdict), _RunOutcome("", 0, ABSENT, ""))
    seed = shown.seed if any(each.value != shown.value for each in outcomes) else None
    interval = wilson(passed, judged_count)
    return Outcome(verdict, passed, judged_count, len(outcomes), *interval, shown.value, seed, shown.rule)
