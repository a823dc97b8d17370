"""Proposes a contract for handlers: a guess from their source, corrected by what they do in a few drills.

Owns the tables of synonyms and the drills. Each value keeps what it rests on, which `drsim contract` prints beside it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drsim.orchestrator.model import ServerStatus
from drsim.scenarios.observing import Seen, observed, shown
from drsim.scenarios.source_scan import SourceScan
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.places import OURS
from drsim.simulator.contract.presets import completed, preset
from drsim.simulator.events import POLLER
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.functions import Handlers

_STYLES: Final = ("PascalCase", "camelCase", "snake_case")
_SYNONYMS: Final[Mapping[str, Mapping[str, str]]] = {
    "execution": {
        "id": "executionid runid pk",
        "plan": "planid sk",
        "status": "status state",
        "start": "starttime startedat started startdate",
        "end": "endtime endedat finishedat completedat",
        "type": "executiontype type kind",
        "last_polled": "lastpolledtime lastpolledat lastpolled polledat",
        "version": "version rev revision",
        "total_waves": "totalwaves wavecount wavestotal",
        "waves": "waves phases steps",
    },
    "wave": {
        "number": "wavenumber number",
        "name": "wavename waveid name",
        "region": "region awsregion",
        "account": "accountid account",
        "job": "jobid drsjobid",
        "job_status": "jobstatus drsjobstatus",
        "status": "status state",
        "message": "statusmessage message reason",
        "servers": "servers serverstatuses sourceservers",
    },
    "server": {
        "id": "sourceserverid serverid",
        "status": "launchstatus status state",
        "instance": "instanceid recoveryinstanceid ec2instanceid",
    },
}
"""Attributes of each field by their normal form: lower case, without underscores."""
_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(["QUEUED", "WAITING", "NEW", "CREATED"], "PENDING"),
    **dict.fromkeys(["STARTING", "SUBMITTED"], "LAUNCHING"),
    **dict.fromkeys(["RUNNING", "ACTIVE"], "IN_PROGRESS"),
}
"""Words that the plan's worker may write; drills show those of ends."""
CANCELLING: Final = re.compile(r"(CANCEL|STOPP|ABORT)\w*ING")
# Members of boto3's answers: a path that begins with one is no path into an item.
_ANSWERS: Final = frozenset(
    {"Error", "ResponseMetadata", "Credentials", "launchActionsStatus", "Item", "items", "Items"}
)
_DRS: Final = frozenset({"launchStatus", "sourceServerID", "recoveryInstanceID", "jobID", "participatingServers"})
_NO_MAPPING: Final = re.compile(
    r"'list' object has no attribute '(items|values|keys|get)'|list indices must be integers|dictionary update sequence"
)
_NEEDED: Final = (("execution", "id"), ("execution", "status"), ("execution", "waves"), ("wave", "job"))
_ROUNDS_MAX: Final = 6
_EVENTS_MAX: Final = 12
_INVOCATIONS_MAX: Final = 100
"""In the short run a function in both roles looks fourteen times, and invokes itself at most as often."""
_SHORT: Final[Mapping[str, Any]] = {"duration": "70s", "workload": [{"ids": ["drill"], "waves": 1}]}

_DRILL: Final[Mapping[str, Any]] = {
    "duration": "24m",
    "workload": [
        {
            "ids": ["drill"],
            "waves": 2,
            "order": "sequential",
            "listed": "as_started",
            "reaction": "20s",
            "jobs": {"pending": "4m", "started": "2m", "in_progress": "90s..3m"},
        }
    ],
}


@dataclass(slots=True)
class Proposal:
    """A contract's data so far, what each of its values rests on (by dotted path), and what no run could show."""

    data: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    runs: int = 0
    is_complete: bool = True
    """Whether the functions wrote to the table, which shows most of a contract."""

    @property
    def contract(self) -> Contract:
        return Contract.model_validate(completed(self.data))

    def put(self, path: str, value: object, reason: str) -> bool:
        """Set a value with its reason, and return whether it changed."""
        *way, last = path.split("/")
        place = self.data
        for step in way:
            place = place.setdefault(step, {})
        changed = last not in place or place[last] != value
        place[last] = value
        if changed or path not in self.reasons:
            self.reasons[path] = reason
        return changed


def guessed(
    handlers: Handlers, source: SourceScan, *, table: str = "", name: str = "proposed"
) -> tuple[Proposal, Seen]:
    """Return places and words for handlers, and what they did in the last drill. Raises HandlerError."""
    proposal = _guess(source, table, name)
    if handlers.poller is None and "invoke" in source.calls:
        proposal.put("functions/one", "ExecutionWatcher", "the function invokes Lambda, and no poller is given")
    _set_event(proposal, handlers, source)
    if "functions" in proposal.data and run(proposal, handlers, _SHORT).invoked > _INVOCATIONS_MAX:
        raise HandlerError(f"{handlers.finder} invokes itself without end; if it invokes a poller, give --poller")
    for _ in range(_ROUNDS_MAX):
        seen = run(proposal, handlers, _DRILL)
        if not _corrected(proposal, seen):
            break
    return proposal, seen


def run(proposal: Proposal, handlers: Handlers, fields: Mapping[str, Any]) -> Seen:
    """Run the handlers with the contract so far."""
    proposal.runs += 1
    return observed(handlers, fields, completed(proposal.data))


def _set_event(proposal: Proposal, handlers: Handlers, source: SourceScan) -> None:
    """Find the rule's constant input, if the function tells its roles apart by a field of its event."""
    events: list[dict[str, str]] = [{key: choice} for key in source.event_keys for choice in source.choices]
    if handlers.poller is not None or not events or run(proposal, handlers, _SHORT).looks:
        return
    for event in events[:_EVENTS_MAX]:
        proposal.put("surroundings/event", event, "with it the function looks for open executions")
        if run(proposal, handlers, _SHORT).looks:
            return
    del proposal.data["surroundings"]["event"]
    proposal.unknown.append("surroundings.event: with no input that was tried the function looks for open executions")


# --- the first guess ----------------------------------------------------------------------------------------------


def _guess(source: SourceScan, table: str, name: str) -> Proposal:
    style = max(_STYLES, key=lambda each: _hits(each, source))
    proposal = Proposal({"name": name})
    proposal.put("style", style, f"{_hits(style, source)} of our attributes are in the source in this style")
    if table:
        proposal.put("table/name", table, "as given")
    styled = preset("plain", style=style)
    for level, fields in OURS.items():
        for each in fields:
            own = getattr(getattr(styled, level), each)
            found = _nested(each, source) if level == "wave" else None
            found = found or _attribute(level, each, own, style, source)
            if found != own:
                is_key = (level == "execution" and each in ("id", "status", "waves")) or (level, each) == (
                    "wave",
                    "job",
                )
                reason = "in the source" if found else "not in the source"
                if found or not (is_key or level == "server"):
                    proposal.put(f"{level}/{each}", found, reason)
    for level in ("execution", "wave"):
        for word in sorted(source.words):
            if ours := _ours(level, word):
                proposal.data.setdefault("words", {}).setdefault(level, {}).setdefault(ours, []).append(word)
                proposal.reasons[f"words/{level}/{ours}"] = "in the source"
    return proposal


def _hits(style: str, source: SourceScan) -> int:
    contract = preset("plain", style=style)
    names = {path for level in OURS for field_, path in getattr(contract, level) if field_ != "shape"}
    # Names of one word are the same in two styles.
    return sum(each in source.identifiers for each in names if re.search(r"_|[a-z][A-Z]", each) and each not in _DRS)


def _attribute(level: str, name: str, own: str, style: str, source: SourceScan) -> str | None:
    """The attribute of a field: ours in the style of the majority, else a synonym; None if the source has neither."""
    forms = _SYNONYMS[level][name].split()
    known = [each for each in source.identifiers if _normal(each) in forms and each not in _DRS]
    known = [each for each in known if _style_of(each) in (style, "")] or known
    if own in known:
        return own
    return min(known, key=lambda each: forms.index(_normal(each)), default=None)


def _nested(name: str, source: SourceScan) -> str | None:
    forms = _SYNONYMS["wave"][name].split()
    paths = [path[-2:] for path in source.paths if path[0] not in _ANSWERS and _normal(path[-1]) in forms]
    paths = [path for path in paths if _normal(path[0]) in ("state", "progress", "status", "job", "drs", "meta")]
    return ".".join(paths[0]) if paths else None


def _normal(name: str) -> str:
    return name.lower().replace("_", "")


def _style_of(name: str) -> str:
    """The style of a name; "" for a lower-case word, which is the same in two styles."""
    if "_" in name:
        return "snake_case"
    if name[0].isupper():
        return "PascalCase"
    return "camelCase" if name.lower() != name else ""


def _ours(level: str, word: str) -> str | None:
    ours = _WORDS.get(word)
    if level == "wave" or ours is None:
        return ours
    return {"IN_PROGRESS": "POLLING", "LAUNCHING": None}.get(ours, ours)


# --- corrections --------------------------------------------------------------------------------------------------


def _corrected(proposal: Proposal, seen: Seen) -> bool:
    """Correct a guess by what a run showed, and return whether it changed."""
    changed = False
    if seen.functions and POLLER not in seen.functions:
        name = max(seen.functions, key=seen.functions.__getitem__)
        role = "one" if "one" in proposal.data.get("functions", {}) else "poller"
        changed |= proposal.put(f"functions/{role}", name, f"invoked {seen.functions[name]} times")
    if seen.tables:
        ours = max((each for each in seen.tables if each), key=seen.tables.__getitem__, default="")
        changed |= bool(ours) and proposal.put("table/name", ours, f"named by {seen.tables[ours]} requests")
    if seen.indexes:
        index = max(seen.indexes, key=seen.indexes.__getitem__)
        changed |= proposal.put("table/index", index, f"queried {seen.indexes[index]} times")
        status = max(seen.status_names, key=seen.status_names.__getitem__)
        changed |= proposal.put("execution/status", status, "the key of that query")
        words = sorted(seen.open_words, key=lambda word: bool(CANCELLING.fullmatch(word)))
        changed |= proposal.put("words/execution/POLLING", words, "the index is queried for")
    changed |= _keys(proposal, seen)
    changed |= _by_errors(proposal, seen)
    return changed | _by_writes(proposal, seen)


def _keys(proposal: Proposal, seen: Seen) -> bool:
    if not seen.keys:
        return False
    names = max(seen.keys, key=seen.keys.__getitem__)
    ids = [each for each in names if _normal(each) in _SYNONYMS["execution"]["id"].split()] or list(names[:1])
    plans = [each for each in names if each not in ids]
    changed = proposal.put("execution/id", ids[0], "the key of reads and writes")
    return changed | proposal.put("execution/plan", plans[0] if plans else None, "the key of reads and writes")


def _by_errors(proposal: Proposal, seen: Seen) -> bool:
    changed = False
    for error in seen.errors:
        if _NO_MAPPING.search(error):
            changed |= proposal.put("server/shape", "mapping", "the functions read servers as a mapping")
            changed |= proposal.put("server/id", None, "the keys of the mapping")
        if "fromisoformat" in error or "strptime" in error:
            for each in ("start", "end", "last_polled"):
                changed |= proposal.put(f"times/{each}", "iso", "the functions read texts")
        if missing := re.fullmatch(r"KeyError: '(\w+)'", error):
            changed |= _missing(proposal, missing[1])
    return changed


def _missing(proposal: Proposal, name: str) -> bool:
    """Take an attribute that a function misses for the field that has this name or a synonym of it."""
    contract = proposal.contract
    for level, fields in _SYNONYMS.items():
        for each, forms in fields.items():
            if _normal(name) in forms.split() and name not in dict(getattr(contract, level)).values():
                return proposal.put(f"{level}/{each}", name, f"a function reads {name!r}")
    return False


def _by_writes(proposal: Proposal, seen: Seen) -> bool:
    """Correct places and formats of time by the attributes that functions added."""
    changed = False
    for event in seen.writes:
        before, after = event.before or {}, event.after or {}
        for name in sorted(after.keys() - before.keys()):
            changed |= _added(proposal, "execution", name, after[name])
        for name, value in after.items():
            if name in before and before[name] != value:
                changed |= _timed(proposal, name, value)
        old = dict(_rows(proposal, before))
        for place, server in _rows(proposal, after):
            for name in sorted(server.keys() - old.get(place, server).keys()):
                changed |= _added(proposal, "server", name, server[name])
    return changed


def _added(proposal: Proposal, level: str, name: str, value: object) -> bool:
    changed = _timed(proposal, name, value) if level == "execution" else False
    places = dict(getattr(proposal.contract, level))
    if name in places.values():
        return changed
    for each, forms in _SYNONYMS[level].items():
        if _normal(name) in forms.split() and not (level == "execution" and each in ("id", "plan", "status")):
            if level == "server" and each == "status" and value not in [*ServerStatus]:
                continue
            return proposal.put(f"{level}/{each}", name, f"a function writes it: {shown(value)}") or changed
    return changed


def _timed(proposal: Proposal, name: str, value: object) -> bool:
    places = {path: each for each, path in proposal.contract.execution if each in ("end", "last_polled")}
    form = _format_of(value)
    if name not in places or form is None:
        return False
    reason = f"{name} is written as {shown(value)}"
    changed = proposal.put(f"times/{places[name]}", form, reason)
    # What a function writes shows how it reads, as long as nothing else does.
    others = [each for each in ("start", "end") if f"times/{each}" not in proposal.reasons]
    for each in others:
        changed |= proposal.put(f"times/{each}", form, f"as {name}, since nothing else shows it")
    return changed


def _format_of(value: object) -> str | None:
    if isinstance(value, str):
        return "iso" if re.match(r"\d{4}-\d\d-\d\dT", value) else None
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return None
    return "milliseconds" if float(value) > 1e11 else "seconds"


def _rows(proposal: Proposal, item: Mapping[str, Any]) -> Iterator[tuple[tuple[int, object], Mapping[str, Any]]]:
    """Yield the rows of servers by wave and place, or by wave and id."""
    contract = proposal.contract
    waves = item.get(contract.execution.waves)
    for number, wave in enumerate(waves if isinstance(waves, list) else ()):
        rows = wave.get(contract.wave.servers) if isinstance(wave, dict) else None
        found = rows.items() if isinstance(rows, dict) else enumerate(rows) if isinstance(rows, list) else ()
        yield from (((number, place), row) for place, row in found if isinstance(row, dict))
