"""A trend as a page, as Markdown and as JSON.

Owns the sentences and the sparklines. The tables are those of `trend_*.md.j2`, so each figure is written once.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from drsim.reports import html, markdown, page
from drsim.reports.campaign import percent
from drsim.reports.comparing.regressions import direction
from drsim.reports.text import visible
from drsim.reports.trend import RunsOutcome, SeedsOutcome, Track, Trend, TrendChange
from drsim.simulator.durations import about, plural, show_seconds

AnyTrack = Track[RunsOutcome] | Track[SeedsOutcome]

_LEVELS: Final = "▁▂▃▄▅▆▇█"
_LABEL_MAX: Final = 40
_VALUE_MAX: Final = 80
_NAMES_MAX: Final = 5
_SETTINGS_MAX: Final = 3
_WIDTH: Final = 120
_HEIGHT: Final = 28
_MARGIN: Final = 4
_SPAN_MIN: Final = 0.2
"""Smaller changes, as a share of the largest value, do not fill a curve's height."""
_NONE: Final = "-"
"""What stands for a figure that a point lacks."""
_VERBS: Final = {"pass": "passes", "degraded": "is degraded", "fail": "fails", "unknown": "is unknown"}


class Curve(NamedTuple):
    """One figure of a scenario over all points, None where it has no value. `shown` has the same values in words."""

    name: str
    values: Sequence[float | None]
    shown: Sequence[str]

    @property
    def last(self) -> str:
        """The last point's words, and those of the last point before it that has some if they differ."""
        *earlier, last = self.shown
        before = next((text for text in reversed(earlier) if text != _NONE), last)
        return last if before == last else f"{last} (before: {before})"

    @property
    def text(self) -> str:
        """The curve in one character a point; a point without a value is a space."""
        return "".join(" " if at is None else _LEVELS[round(at * (len(_LEVELS) - 1))] for at in self._places())

    @property
    def path(self) -> str:
        """The curve as the path of an SVG of `_WIDTH` by `_HEIGHT`; a value between two gaps is a dot."""
        step = (_WIDTH - 2 * _MARGIN) / max(len(self.values) - 1, 1)
        text, joined = "", False
        for number, at in enumerate(self._places()):
            if at is not None:
                x, y = _MARGIN + number * step, _HEIGHT - _MARGIN - at * (_HEIGHT - 2 * _MARGIN)
                text += f"{'L' if joined else 'M'}{x:.1f} {y:.1f}{'' if joined else 'h0'}"
            joined = at is not None
        return text

    @property
    def end(self) -> tuple[float, float] | None:
        """The place of the last point's value in the SVG; None without one."""
        at = self._places()[-1]
        return None if at is None else (_WIDTH - _MARGIN, round(_HEIGHT - _MARGIN - at * (_HEIGHT - 2 * _MARGIN), 1))

    def _places(self) -> list[float | None]:
        """Each value between 0 and 1. The height spans all values, and at least a share of the largest one."""
        known = [value for value in self.values if value is not None]
        low, high = min(known, default=0.0), max(known, default=0.0)
        span = max(high - low, _SPAN_MIN * abs(high)) or 1.0
        base = (low + high - span) / 2
        return [None if value is None else (value - base) / span for value in self.values]


def render_json(trend: Trend) -> str:
    """One line of JSON: the points, and the outcomes and changes of each scenario."""
    points = [
        {
            "label": point.label,
            "at": point.at,
            "commit": point.commit,
            "verdict": point.verdict,
            "is_degraded": point.outcome == "degraded",
            "runs": len(point.results),
            "passed": point.passed,
            "findings": point.findings_count,
            "explorations": len(point.campaigns),
        }
        for point in trend.points
    ]
    data = {
        "schema_version": 1,
        "verdict": trend.verdict,
        "is_degraded": trend.outcome == "degraded",
        "points": points,
        "runs": [asdict(track) for track in trend.runs],
        "explorations": [asdict(track) for track in trend.explorations],
    }
    # UTF-8 cannot hold half a surrogate pair, so everything that is not ASCII is escaped.
    return json.dumps(data, ensure_ascii=True, separators=(",", ":"))


def render_markdown(trend: Trend) -> str:
    """The trend as GitHub-flavoured Markdown."""
    text = _template("trend.md.j2")(tables=_tables(trend, markdown.SIGNS), **_context(trend, markdown.SIGNS))
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def render_html(trend: Trend) -> str:
    """The trend as a self-contained page: small multiples of all scenarios, then a table for each."""
    points = _template("markdown/trend_points.md.j2")(**_context(trend, html.MARKS))
    return str(
        page.render(
            "trend.html.j2",
            **_context(trend, html.SIGNS),
            verdict=trend.outcome,
            points=html.html_of(points, "Table: Points"),
            tables=[
                (track, html.html_of(text, f"Table: {name_of(track)}")) for track, text in _tables(trend, html.MARKS)
            ],
            size=(_WIDTH, _HEIGHT),
        )
    )


def headline(trend: Trend) -> str:
    """How many scenarios pass at the last point: "3 of 4 scenarios pass at build-5"."""
    tracks = _at_last(trend)
    passed = sum(track.last.verdict == "pass" for track in tracks)
    passes = "passes" if len(tracks) == 1 else "pass"
    degraded = sum(track.last.outcome == "degraded" for track in tracks)
    text = f"{passed} of {plural(len(tracks), 'scenario')} {passes} at {_label(trend, -1)}"
    return f"{text}, {degraded} degraded" if degraded else text


def sentences(trend: Trend) -> Iterator[str]:
    """What a reader asks first: what does not pass and since when, what passes again, and what is missing."""
    at_last = _at_last(trend)
    for track in at_last:
        outcome, first = track.last.outcome, track.outcomes[0].point
        if track.since == first and outcome != "pass" and len(track.outcomes) > 1:
            yield f"{name_of(track)} {_VERBS[outcome]} at each of its {len(track.outcomes)} points."
        elif track.since == first and outcome != "pass":
            yield f"{name_of(track)} {_VERBS[outcome]}."
        elif track.since != first:
            yield f"{name_of(track)} {_VERBS[outcome]} since {_label(trend, track.since)}."
    if not any(track.has_moved for track in trend.tracks):
        yield f"No verdict changed in {plural(len(trend.points), 'point')}."
    if missing := [name_of(track) for track in trend.tracks if track not in at_last]:
        yield f"Not at {_label(trend, -1)}: {', '.join(missing)}."


def name_of(track: AnyTrack) -> str:
    name = visible(track.scenario, _LABEL_MAX)
    return f"exploration of {name}" if isinstance(track.last, SeedsOutcome) else name


def curves(trend: Trend, track: AnyTrack) -> list[Curve]:
    """The figures of a scenario, each over all points."""
    at: dict[int, Any] = {each.point: each for each in track.outcomes}

    def curve(name: str, field: str, show: Callable[[Any], str]) -> Curve:
        found = [at.get(number) for number in range(len(trend.points))]
        values = [None if each is None else getattr(each, field) for each in found]
        return Curve(name, values, [_NONE if each is None else show(each) for each in found])

    if isinstance(track.last, SeedsOutcome):
        return [
            curve("Seeds explored", "seeds", lambda each: f"{each.seeds:,}"),
            curve("Failure rate, at most", "rate_max", lambda each: percent(each.rate_max / 100)),
        ]
    return [
        curve("Recovery p95", "recovery_p95", lambda each: _lasting(each.recovery_p95)),
        curve("Staleness p99", "staleness_p99", lambda each: _lasting(each.staleness_p99)),
        curve("First limit, executions", "limit_at", limit_of),
    ]


def limit_of(outcome: RunsOutcome) -> str:
    """The number of executions at the first limit, and its name: "241, DRS jobs at once"."""
    if outcome.limit is None:
        return _NONE
    return f"{'reached' if outcome.limit_at is None else about(outcome.limit_at)}, {outcome.limit}"


def changes_of(outcome: RunsOutcome | SeedsOutcome) -> list[str]:
    """What changed since the point before, in words: verdicts first; the JSON has all of it."""
    if outcome.changes is None:
        return []
    kinds = {each.kind for each in outcome.changes}
    parts = [*_verdicts(outcome.changes), *_settings(outcome.changes)]
    parts += [_change(each) for each in outcome.changes if each.kind == "trace"]
    if kinds in ({"trace"}, {"trace", "verdict"}):
        parts.append("nothing was set differently, so code changed")
    return parts


def _verdicts(changes: Sequence[TrendChange]) -> Iterator[str]:
    """The verdict of the whole, then the criteria and properties that got worse, better, or are judged otherwise."""
    names: dict[str, list[str]] = {"worse": [], "better": [], "changed": []}
    for each in changes:
        if each.kind == "verdict" and not each.name:
            yield f"verdict: {each.before} → {each.after}"
        elif each.kind == "verdict":
            names[direction(each.before or "", each.after or "")].append(each.name)
    for word, found in names.items():
        if found:
            yield f"{word}: {_listed(found)}"


def _settings(changes: Sequence[TrendChange]) -> Iterator[str]:
    """Code, handlers, seeds and settings; many settings of one part are counted."""
    order = ("code", "handlers", "seeds", "tier")
    parts: dict[str, list[TrendChange]] = {name: [] for name in order}
    for each in changes:
        if each.kind in ("code", "seeds", "setting"):
            part = each.name.partition(".")[0] if each.kind == "setting" else each.kind
            parts.setdefault(part, []).append(each)
    for part, found in parts.items():
        if len(found) > _SETTINGS_MAX:
            yield f"{visible(part, _VALUE_MAX)}: {len(found)} settings differ"
        else:
            yield from map(_change, found)


def _change(change: TrendChange) -> str:
    before, after = ("none" if each is None else visible(each, _VALUE_MAX) for each in (change.before, change.after))
    name = visible(f"code of {change.name}" if change.kind == "code" else change.name, _VALUE_MAX)
    return f"{name}: changed" if change.before is change.after is None else f"{name}: {before} → {after}"


def _listed(names: Sequence[str]) -> str:
    left = len(names) - _NAMES_MAX
    shown = ", ".join(visible(f'"{name}"' if "," in name else name, _VALUE_MAX) for name in names[:_NAMES_MAX])
    return f"{shown} and {left} more" if left > 0 else shown


def _context(trend: Trend, signs: Mapping[str, str]) -> dict[str, Any]:
    return {
        "trend": trend,
        "sign": signs.__getitem__,
        "signs_of": lambda track: _signs(trend, track, signs),
        "headline": headline(trend),
        "sentences": list(sentences(trend)),
        "label": lambda number: _label(trend, number),
        "curves": lambda track: curves(trend, track),
        "name_of": name_of,
        "lasting": _lasting,
        "limit_of": limit_of,
        "changes_of": changes_of,
    }


def _tables(trend: Trend, signs: Mapping[str, str]) -> list[tuple[AnyTrack, str]]:
    context = _context(trend, signs)
    runs, explored = (_template(f"markdown/trend_{name}.md.j2") for name in ("runs", "explored"))
    found: list[tuple[AnyTrack, str]] = [(track, runs(track=track, **context)) for track in trend.runs]
    return [*found, *((track, explored(track=track, **context)) for track in trend.explorations)]


def _template(name: str) -> Callable[..., str]:
    return markdown.environment().get_template(name).render


def _at_last(trend: Trend) -> list[AnyTrack]:
    return [track for track in trend.tracks if track.last.point == len(trend.points) - 1]


def _signs(trend: Trend, track: AnyTrack, signs: Mapping[str, str]) -> str:
    """A sign for each point in order; a point without the scenario has a dot."""
    at = [
        [signs[each.outcome].partition(" ")[0] for each in track.outcomes if each.point == number]
        for number in range(len(trend.points))
    ]
    return "".join("".join(found) or "·" for found in at)


def _label(trend: Trend, number: int) -> str:
    return visible(trend.points[number].label, _LABEL_MAX)


def _lasting(ms: float | None) -> str:
    return _NONE if ms is None else show_seconds(ms / 1000)
