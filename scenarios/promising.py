"""What handlers keep to, as a few drills show it: the promises, limits and final words of a proposed contract."""

from collections.abc import Mapping
from typing import Any, Final

from drsim.orchestrator.model import Phase
from drsim.scenarios.observing import Seen, shown
from drsim.scenarios.proposal import CANCELLING, Proposal, guessed, run
from drsim.scenarios.source_scan import SourceScan
from drsim.simulator.contract.layout import Layout
from drsim.simulator.durations import plural, show_duration
from drsim.simulator.events import ItemChanged
from drsim.simulator.handlers.functions import Handlers

_SECOND_US: Final = 1_000_000
_LOOK_US: Final = 5 * _SECOND_US
_BRIEF: Final = {"pending": "1m", "started": "30s", "in_progress": "1m"}
_ACTIONS: Final = {**_BRIEF, "actions": 1, "action_time": "4m"}
_RECOVERY: Final[Mapping[str, Any]] = {
    "duration": "12m",
    "workload": [{"ids": ["recovery"], "type": "RECOVERY", "waves": 2, "jobs": _ACTIONS}],
}
_AFTER_ACTIONS_US: Final = 360 * _SECOND_US
_ELSEWHERE: Final[Mapping[str, Any]] = {
    "duration": "3m",
    "accounts": 2,
    "workload": [{"ids": ["elsewhere"], "waves": 1, "place": 1, "jobs": _BRIEF}],
}
_ENDS: Final[Mapping[str, Any]] = {
    "duration": "8m",
    "workload": [
        {"ids": ["mixed"], "waves": 1, "jobs": {**_BRIEF, "failed_servers": 1}},
        {"ids": ["failed"], "waves": 1, "jobs": {**_BRIEF, "failed_servers": 2}},
    ],
}
_OVERDUE: Final[Mapping[str, Any]] = {
    "duration": "70m",
    "workload": [{"ids": ["overdue"], "waves": 1, "jobs": {**_BRIEF, "hangs": True}}],
}
_CANCELLED: Final[Mapping[str, Any]] = {
    "duration": "10m",
    "workload": [{"ids": ["cancelled"], "waves": 1, "cancel_after": "2m", "jobs": _BRIEF}],
}


def propose(handlers: Handlers, source: SourceScan, *, table: str = "", name: str = "proposed") -> Proposal:
    """Return a proposed contract for handlers. Raises HandlerError if they cannot be run."""
    proposal, drill = guessed(handlers, source, table=table, name=name)
    if not drill.writes:
        errors = [f"{count} times {error}" for error, count in drill.errors.most_common(3)]
        proposal.unknown.append("; ".join(errors) or "no function failed")
        proposal.is_complete = False
        return proposal
    _records(proposal, drill)
    _cadence(proposal, drill, source)
    _ends(proposal, handlers, drill)
    _recovery(proposal, handlers)
    _overdue(proposal, handlers, source)
    _settling(proposal, handlers)
    _surroundings(proposal, drill)
    return proposal


def _records(proposal: Proposal, seen: Seen) -> None:
    """Judge what writes leave in an item: versions, job statuses, instances."""
    layout, writes = Layout(proposal.contract), seen.writes
    version = proposal.contract.execution.version
    rises = [layout.version_of(each.after or {}) - layout.version_of(each.before or {}) for each in writes]
    if version is not None:
        if rises and set(rises) == {1} and seen.conditions[version]:
            proposal.put("promises/versioned", True, f"{len(writes)} writes raised {version}, under a condition")
        elif set(rises) == {0}:
            proposal.unknown.append(f"promises.versioned: no write changed {version}")
        else:
            proposal.unknown.append(
                f"promises.versioned: {sum(map(bool, rises))} of {len(writes)} writes raised {version}"
            )
    for promise, changed in (("job_status", _job_changed), ("instances", _instance_set)):
        if count := sum(changed(each) for each in writes):
            proposal.put(f"promises/{promise}", True, f"seen in {plural(count, 'write')}")


def _job_changed(event: ItemChanged) -> bool:
    before, now = event.previous, event.execution
    pairs = zip(before.waves, now.waves, strict=False) if before and now else ()
    return any(old.job_status is not new.job_status for old, new in pairs)


def _instance_set(event: ItemChanged) -> bool:
    before, now = event.previous, event.execution
    had = {each.instance_id for wave in before.waves for each in wave.servers} if before else set()
    return any(each.instance_id not in had for wave in now.waves for each in wave.servers) if now else False


def _cadence(proposal: Proposal, seen: Seen, source: SourceScan) -> None:
    words = len(seen.open_words) or 1
    looks = max(round(seen.looks / words / (seen.finders or 1)), 1)
    proposal.put("limits/looks", looks, f"{seen.looks} queries in {seen.finders} invocations of the finder")
    gaps = {phase: min(seen.gaps_us[phase]) for phase in Phase if seen.gaps_us[phase]}
    if not gaps or min(gaps.values()) < 2 * _LOOK_US:
        proposal.unknown.append("limits.intervals: each look polled each open execution")
        return
    decides = "poller" if seen.idle_polls > len(seen.writes) / 2 else "finder"
    skipped = seen.idle_polls if decides == "poller" else seen.finders - seen.invoked
    proposal.put("promises/decides_due", decides, f"looks every 5 s; it skipped {skipped} of them")
    # A look comes every 5 s: a gap is at least the interval, and less than a look longer.
    rounded = {phase: (gap + 2 * _SECOND_US) // _LOOK_US * _LOOK_US for phase, gap in gaps.items()}
    longest = max(rounded.values())
    shown_gaps = ", ".join(f"{phase} {show_duration(us)}" for phase, us in rounded.items())
    value: object = {str(phase): show_duration(rounded.get(phase, longest)) for phase in Phase}
    if len(set(rounded.values())) == 1:
        value = show_duration(longest)
    proposal.put("limits/intervals", value, f"the shortest gaps seen, to 5 s: {shown_gaps}")
    for name in source.variables:
        if "INTERVAL" in name:
            proposal.unknown.append(f"limits.variables: {name} may set an interval")


def _ends(proposal: Proposal, handlers: Handlers, drill: Seen) -> None:
    """Learn the words of ends: of the drill, of a mixed outcome, and of one in which each server failed."""
    seen, layout = run(proposal, handlers, _ENDS), Layout(proposal.contract)
    status = layout.execution.places["status"].of
    finals = {**drill.finals, **seen.finals}
    words = {name: status(item) for name, item in finals.items()}
    waves = {name: _wave_word(layout, item) for name, item in finals.items() if words[name] not in layout.open_words}
    for level, found in (("execution", words), ("wave", waves)):
        for ours, name in (("COMPLETED", "drill"), ("FAILED", "failed")):
            if isinstance(found.get(name), str) and found[name] not in layout.open_words:
                _put_word(proposal, level, ours, found[name], f"the end of a run that {ours.lower()}")
        if found.get("mixed") == found.get("failed") != found.get("drill"):
            proposal.put(f"words/{level}/PARTIAL", [], "a mixed outcome has the word of a failed one")
        elif isinstance(found.get("mixed"), str):
            _put_word(proposal, level, "PARTIAL", found["mixed"], "the end of a mixed outcome")
    if words.get("mixed") in layout.open_words:
        proposal.unknown.append("promises.partial: the mixed outcome did not end")
    elif words.get("mixed") == words.get("drill"):
        proposal.unknown.append("promises.partial: a mixed outcome ended as a run that completed")
    else:
        is_partial = words.get("mixed") != words.get("failed")
        proposal.put("promises/partial", is_partial, f"a mixed outcome ended as {shown(words.get('mixed'))}")


def _put_word(proposal: Proposal, level: str, ours: str, word: object, reason: str) -> None:
    """Set the word of a status. A word that has another meaning already shows a bug of the functions, or a gap."""
    put = proposal.data.get("words", {}).get(level, {})
    other = next((each for each, words in put.items() if each != ours and word in words), None)
    if other is None:
        proposal.put(f"words/{level}/{ours}", [word], reason)
        return
    proposal.unknown.append(f"words.{level}.{ours}: {reason} is {shown(word)}, as that of {other}")
    if word == ours:
        # The default would give the word a second meaning.
        proposal.put(f"words/{level}/{ours}", [], f"{word} has the meaning of {other}")


def _wave_word(layout: Layout, item: Mapping[str, Any]) -> object:
    waves = layout.execution.places["waves"].of(item)
    place = layout.wave.places.get("status")
    return place.of(waves[-1]) if place and isinstance(waves, list) and waves else None


def _recovery(proposal: Proposal, handlers: Handlers) -> None:
    seen = run(proposal, handlers, _RECOVERY)
    if ends := _ends_in(proposal, seen):
        at_us = ends[0].at_us
        awaits = at_us > _AFTER_ACTIONS_US
        proposal.put("promises/launch_actions", awaits, f"a recovery ended {_seconds(at_us)} after its start")
    else:
        proposal.unknown.append("promises.launch_actions: the recovery did not end")
    if seen.describes_max:
        proposal.put(
            "promises/one_describe", seen.describes_max == 1, f"{plural(seen.describes_max, 'call')} for 2 waves"
        )
        if seen.describes_max == 1:
            proposal.put("limits/describe_calls", 1, "likewise")
    elsewhere = run(proposal, handlers, _ELSEWHERE)
    has_account = proposal.contract.wave.account is not None
    asks = bool(elsewhere.operations["AssumeRole"]) and has_account
    proposal.put("promises/cross_account", asks, plural(elsewhere.operations["AssumeRole"], "AssumeRole call"))


def _ends_in(proposal: Proposal, seen: Seen) -> list[ItemChanged]:
    """Return the writes after which the execution is no longer open."""
    layout = Layout(proposal.contract)
    status = layout.execution.places["status"].of
    return [each for each in seen.writes if status(each.after or {}) not in layout.open_words]


def _seconds(us: int) -> str:
    return show_duration(us // _SECOND_US * _SECOND_US)


def _overdue(proposal: Proposal, handlers: Handlers, source: SourceScan) -> None:
    seen = run(proposal, handlers, _OVERDUE)
    ends = _ends_in(proposal, seen)
    if not ends:
        proposal.unknown.append("limits.timeout: an execution stayed open for 70 minutes")
        return
    end, layout = ends[0], Layout(proposal.contract)
    word = layout.execution.places["status"].of(end.after or {})
    if isinstance(word, str):
        _put_word(proposal, "execution", "TIMEOUT", word, "the end of an execution whose job hangs")
    # Its polls come some seconds apart, and it began 5 s after the run.
    minutes = max((end.at_us - 5 * _SECOND_US) // (60 * _SECOND_US), 1)
    proposal.put("limits/timeout", f"{minutes}m", f"one ended {_seconds(end.at_us)} after the run began")
    for name, default in source.variables.items():
        if "TIMEOUT" in name:
            unit = "1m" if default == str(minutes) else "1s" if default == str(minutes * 60) else None
            if unit is not None:
                proposal.put(f"limits/variables/{name}", {"limit": "timeout", "unit": unit}, f"default {default}")
    waves = end.execution.waves if end.execution is not None else ()
    before = end.previous.waves if end.previous is not None else ()
    if waves and before and waves[0].status is not before[0].status:
        proposal.put("promises/wave_timeout", True, f"a wave became {shown(_wave_word(layout, end.after or {}))}")


def _settling(proposal: Proposal, handlers: Handlers) -> None:
    words = proposal.contract.words.execution["POLLING"]
    word = next((each for each in words if CANCELLING.fullmatch(each)), None)
    if word is None:
        return
    proposal.put("promises/settles", word, "the index is queried for it")
    seen, layout = run(proposal, handlers, _CANCELLED), Layout(proposal.contract)
    final = layout.execution.places["status"].of(seen.finals.get("cancelled", {}))
    if isinstance(final, str) and final not in words:
        _put_word(proposal, "execution", "CANCELLED", final, "the end of a cancelled execution")


def _surroundings(proposal: Proposal, seen: Seen) -> None:
    tables = [
        {"name": name, "hash": keys[0] if keys else "id", **({"range": keys[1]} if len(keys) > 1 else {})}
        for name, keys in sorted(seen.other_tables.items())
    ]
    if tables:
        proposal.put("surroundings/tables", tables, "read by the functions; `items: FILE` fills one")
    if buses := sorted(seen.resources["EventBusName"] - {"default"}):
        proposal.put("surroundings/buses", buses, "events were put there")
