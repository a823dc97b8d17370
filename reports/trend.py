"""A trend: the same scenarios at several points, such as commits; what each point achieved and what changed before it.

Owns the figures and the changes; `trend_documents` shows them. A point is a folder of runs, of a release or of
explorations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, NamedTuple, TypeVar

from drsim.reports.campaign import rate_sentence
from drsim.reports.capacity import note
from drsim.reports.comparing.comparison import compare
from drsim.reports.comparing.effect import wilson
from drsim.reports.findings import merged
from drsim.scenarios.campaign import Campaign, Header
from drsim.scenarios.result import Limit, Outcome, Result, RunVerdict, graded, worst
from drsim.simulator.figures.table import STALENESS

C = TypeVar("C", bound="_AtPoint")

ChangeKind = Literal["verdict", "seeds", "setting", "code", "trace"]
_DIGEST_SHOWN: Final = 12


class TrendPoint(NamedTuple):
    """What one folder holds. `at` and `commit` come from evidence and are "" without it, as `digests` are empty."""

    label: str
    at: str
    commit: str
    digests: Mapping[str, str]
    results: Sequence[Result]
    campaigns: Sequence[tuple[Header, Campaign]]

    @property
    def verdict(self) -> RunVerdict:
        """Fail if a run or an exploration failed, else unknown if one is unknown, else pass."""
        return worst([*(run.verdict for run in self.results), *(campaign.verdict for _, campaign in self.campaigns)])

    @property
    def outcome(self) -> Outcome:
        """The verdict; "degraded" if it is a pass and a run passes only because a bound is wider than usual."""
        return graded(self.verdict, is_degraded=any(run.outcome == "degraded" for run in self.results))

    @property
    def passed(self) -> int:
        return sum(run.verdict == "pass" for run in self.results)

    @property
    def findings_count(self) -> int | None:
        """None without runs: explorations have failures in place of findings."""
        return len(merged(self.results)) if self.results else None


@dataclass(frozen=True, slots=True)
class TrendChange:
    """One thing that differs from the point before; None where a point lacks it."""

    kind: ChangeKind
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtPoint:
    """What a scenario came to at a point, which is its index. None: changes cannot be known, at its first point."""

    point: int
    verdict: RunVerdict
    changes: tuple[TrendChange, ...] | None

    @property
    def outcome(self) -> Outcome:
        return self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsOutcome(_AtPoint):
    """The runs of a scenario at a point, one for each seed; quantiles are those of the worst run, in ms.

    `limit_at` is the number of executions at which `limit` would be reached; None if the run itself reached it.
    """

    passed: int
    runs: int
    is_degraded: bool
    answer: str
    recovery_p95: float | None
    staleness_p99: float | None
    limit: str | None
    limit_at: int | None
    digest: str | None

    @property
    def outcome(self) -> Outcome:
        return graded(self.verdict, is_degraded=self.is_degraded)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedsOutcome(_AtPoint):
    """An exploration of a scenario. `rate_max` is the failure rate in percent that its seeds do not exclude."""

    seeds: int
    failed: int
    claim: str
    rate_max: float


@dataclass(frozen=True, slots=True)
class Track(Generic[C]):
    """A scenario over the points that have it."""

    scenario: str
    title: str
    outcomes: tuple[C, ...]

    @property
    def last(self) -> C:
        return self.outcomes[-1]

    @property
    def since(self) -> int:
        """The index of the point from which on it has had its last outcome."""
        first = self.last.point
        for each in reversed(self.outcomes):
            if each.outcome != self.last.outcome:
                break
            first = each.point
        return first

    @property
    def has_moved(self) -> bool:
        """Whether its outcome changed between two points."""
        return len({each.outcome for each in self.outcomes}) > 1


@dataclass(frozen=True, slots=True)
class Trend:
    """All points in order, and the scenarios that were run or explored: first those that fail at their last point."""

    points: tuple[TrendPoint, ...]
    runs: tuple[Track[RunsOutcome], ...]
    explorations: tuple[Track[SeedsOutcome], ...]

    @property
    def tracks(self) -> tuple[Track[RunsOutcome] | Track[SeedsOutcome], ...]:
        return (*self.runs, *self.explorations)

    @property
    def verdict(self) -> RunVerdict:
        """That of the last point."""
        return self.points[-1].verdict

    @property
    def outcome(self) -> Outcome:
        """That of the last point."""
        return self.points[-1].outcome


def trend(points: Sequence[TrendPoint]) -> Trend:
    """Put the points' scenarios side by side. The points are in order, and each has a run or an exploration."""
    runs = dict.fromkeys(run.scenario for point in points for run in point.results)
    explored = dict.fromkeys(header.scenario.name for point in points for header, _ in point.campaigns)
    return Trend(
        tuple(points),
        tuple(sorted((_runs_track(name, points) for name in runs), key=_severity)),
        tuple(sorted((_seeds_track(name, points) for name in explored), key=_severity)),
    )


def _severity(track: Track[RunsOutcome] | Track[SeedsOutcome]) -> int:
    return ("fail", "unknown", "degraded", "pass").index(track.last.outcome)


def _runs_track(name: str, points: Sequence[TrendPoint]) -> Track[RunsOutcome]:
    outcomes: list[RunsOutcome] = []
    earlier: tuple[list[Result], Mapping[str, str]] | None = None
    for number, point in enumerate(points):
        runs = [run for run in point.results if run.scenario == name]
        if not runs:
            continue
        changes = None if earlier is None else (*_changes(earlier[0], runs), *_code_changes(earlier[1], point.digests))
        earlier = runs, point.digests
        limit = _first_limit(runs)
        wholes = (each for run in runs for each in run.objectives if not each.wave)
        recoveries = [1000 * each.times.p95 for each in wholes if each.times]
        stale = [found.p99 for run in runs if (found := run.metrics.distributions.get(STALENESS.name))]
        outcomes.append(
            RunsOutcome(
                point=number,
                verdict=worst([run.verdict for run in runs]),
                changes=changes,
                passed=sum(run.verdict == "pass" for run in runs),
                runs=len(runs),
                is_degraded=any(run.outcome == "degraded" for run in runs),
                answer=runs[0].answer,
                recovery_p95=max(recoveries, default=None),
                staleness_p99=max(stale, default=None),
                limit=limit.name if limit else None,
                limit_at=None if limit is None or limit.is_reached else limit.at_executions,
                digest=runs[0].trace_digest if len(runs) == 1 else None,
            )
        )
    return Track(name, _title(points, name), tuple(outcomes))


def _title(points: Sequence[TrendPoint], name: str) -> str:
    """The title of a scenario at the last point that has it."""
    titles = [
        run.metrics.configuration.get("title", "") for point in points for run in point.results if run.scenario == name
    ]
    return str(titles[-1])


def _seeds_track(name: str, points: Sequence[TrendPoint]) -> Track[SeedsOutcome]:
    outcomes: list[SeedsOutcome] = []
    earlier: tuple[Header, Campaign] | None = None
    title = ""
    for number, point in enumerate(points):
        for header, campaign in point.campaigns:
            if header.scenario.name != name:
                continue
            failed, count = len(campaign.failed_seeds), campaign.seeds_count
            changes = None if earlier is None else tuple(_campaign_changes(earlier, (header, campaign)))
            earlier, title = (header, campaign), header.scenario.title
            outcomes.append(
                SeedsOutcome(
                    point=number,
                    verdict=campaign.verdict,
                    changes=changes,
                    seeds=count,
                    failed=failed,
                    claim=rate_sentence(campaign),
                    rate_max=round(100 * wilson(failed, count)[1] if failed or not count else min(300 / count, 100), 4),
                )
            )
    return Track(name, title, tuple(outcomes))


def _changes(before: Sequence[Result], after: Sequence[Result]) -> Iterator[TrendChange]:
    found = compare(before, after)
    for each in found.judged:
        if each.change != "same":
            yield TrendChange("verdict", "" if each.kind == "run" else each.name, each.a.verdict, each.b.verdict)
    if found.a.seeds != found.b.seeds:
        yield TrendChange("seeds", "seeds", _listed(found.a.seeds), _listed(found.b.seeds))
    for setting in found.settings:
        yield TrendChange("setting", setting.name, setting.a, setting.b)
    if len(before) == len(after) == 1 and before[0].trace == after[0].trace != "off" and not found.same_traces:
        yield TrendChange("trace", "trace digest", _short(before[0].trace_digest), _short(after[0].trace_digest))


def _code_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[TrendChange]:
    """Digests in the evidence of both points that differ; the others show as settings and trace."""
    for name in before:
        if name in after and before[name] != after[name]:
            yield TrendChange("code", name, _short(before[name]), _short(after[name]))


def _campaign_changes(before: tuple[Header, Campaign], after: tuple[Header, Campaign]) -> Iterator[TrendChange]:
    (old, was), (new, now) = before, after
    if was.verdict != now.verdict:
        yield TrendChange("verdict", "", was.verdict, now.verdict)
    if old.seeds != new.seeds:
        spans = [f"{each.seeds[0]}-{each.seeds[1]}" if each.seeds else None for each in (old, new)]
        yield TrendChange("seeds", "seeds", *spans)
    if old.scenario != new.scenario:
        yield TrendChange("setting", "scenario", None, None)
    for name in ("code", "sources"):
        digests = [_short(getattr(each, name)) for each in (old, new)]
        if digests[0] != digests[1]:
            yield TrendChange("code", "drsim" if name == "code" else "handlers", *digests)


def _first_limit(runs: Sequence[Result]) -> Limit | None:
    """The limit that one of the runs reached, or else the one that is reached at the fewest executions."""
    found = [limit for run in runs if (limit := note(run.capacity, is_ours=run.is_ours).first)]
    return min(found, key=lambda each: 0 if each.is_reached else each.at_executions or 0, default=None)


def _short(digest: str | None) -> str | None:
    return digest[:_DIGEST_SHOWN] if digest else None


def _listed(seeds: Sequence[int]) -> str:
    text = ", ".join(map(str, seeds[:5]))
    return text if len(seeds) <= 5 else f"{text} and {len(seeds) - 5} more"
