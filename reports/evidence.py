"""`evidence.json`: who ran what, when and where, the digests of all that went into it, and who approved it.

Owns the shape, the digests and the chain of approvals. Hashes show accidents, not forgery: a person
who can write the folder can write new hashes, so the chain's last value is kept elsewhere.
"""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final, Literal

from pydantic import Field

from drsim.reports.text import visible
from drsim.scenarios.record import Record
from drsim.scenarios.result import Outcome, RunVerdict, TraceLevel, graded
from drsim.scenarios.tiers import Tier

EVIDENCE: Final = "evidence.json"

_OUTSIDE_THE_RECORD: Final = frozenset(("block", "digest", "approvals"))
_OUTSIDE_THE_ENTRY: Final = frozenset(("digest",))


class HostRecord(Record):
    """The machine of a run, and the folder in which the command was given."""

    name: str
    system: str
    folder: str


class JobRecord(Record):
    """A job of a CI system; `url` is "" if its variables hold no link."""

    system: str
    name: str
    url: str


class CommitRecord(Record):
    """The commit that was checked out, and the first files that differ from it; `changed_count` has all of them."""

    id: str
    changed_count: int
    changed: tuple[str, ...]


class FunctionsRecord(Record):
    """The handlers that ran, as the command named them in its folder."""

    finder: str
    poller: str
    paths: tuple[str, ...]
    variables: dict[str, str]


class Approval(Record):
    """One signature. `digest` covers all other fields; `previous` is the digest of the entry before it."""

    at: str
    by: str
    role: str
    conditions: str
    previous: str
    digest: str = ""


class Evidence(Record):
    """The evidence of one run. `digest` covers what the run left; `block` and `approvals` come later."""

    schema_version: Literal[1] = 1
    scenario: str
    seed: int
    tier: Tier
    trace: TraceLevel
    verdict: RunVerdict
    degraded: tuple[str, ...] = Field(description="What needed a bound wider than usual, as the verdict then does.")
    not_exercised: tuple[str, ...] = Field(description="Properties and criteria that found nothing to check.")
    unjudged: tuple[str, ...] = Field(description="Checks that the contract of the functions switches off.")
    trace_digest: str | None
    at: str = Field(description="When the run began: wall clock, UTC.")
    by: str
    comment: str
    host: HostRecord
    job: JobRecord | None
    commit: CommitRecord | None = Field(description="Null if git named none; then no_commit says why.")
    no_commit: str = ""
    functions: FunctionsRecord | None = Field(description="Null for drsim's own functions.")
    configuration: dict[str, Any] = Field(description="The scenario as given, without values that are defaults.")
    digests: dict[str, str] = Field(
        description="SHA-256 of drsim, handlers, template, scenario, and contract with its files."
    )
    versions: dict[str, str]
    files: dict[str, str] = Field(description="SHA-256 of each file; that of report.html leaves its block out.")
    block: str = Field("", description="SHA-256 of the block in report.html that is made from this file.")
    digest: str = ""
    approvals: tuple[Approval, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The verdict; "degraded" if the run passed only because a bound is wider than usual."""
        return graded(self.verdict, is_degraded=bool(self.degraded))

    @property
    def last_digest(self) -> str:
        """The last value of the chain, which people keep elsewhere."""
        return self.approvals[-1].digest if self.approvals else self.digest


def digest_of(data: object) -> str:
    """SHA-256 of any data that JSON can hold, whatever the order of its keys."""
    return sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def text_of(evidence: Evidence) -> str:
    """The content of `evidence.json`. A field that a file of an earlier version lacks stays out of it."""
    return json.dumps(_data(evidence), indent=2, ensure_ascii=False) + "\n"


def sealed(evidence: Evidence) -> Evidence:
    """The evidence with the digest of its record, the first entry of the chain."""
    return evidence.model_copy(update={"digest": _record_digest(evidence)})


def approved(evidence: Evidence, *, at: str, by: str, role: str, conditions: str) -> Evidence:
    """The evidence with one more approval, whose digest covers the entry before it."""
    signed = approval_after(evidence.last_digest, at=at, by=by, role=role, conditions=conditions)
    return evidence.model_copy(update={"approvals": (*evidence.approvals, signed)})


def approval_after(previous: str, *, at: str, by: str, role: str, conditions: str) -> Approval:
    """An approval with its digest, which follows the entry of a chain that has this one."""
    approval = Approval(at=at, by=by, role=role, conditions=conditions, previous=previous)
    return approval.model_copy(update={"digest": _entry_digest(approval)})


def breaks_of(evidence: Evidence) -> Iterator[str]:
    """Yield what is wrong with the digests within `evidence.json`, for people."""
    if (scenario := digest_of(evidence.configuration)) != evidence.digests.get("scenario"):
        recorded = evidence.digests.get("scenario", "")
        yield f"the scenario has the digest {_short(scenario)}, but {_short(recorded)} is recorded"
    yield from chain_breaks(_record_digest(evidence), evidence.digest, evidence.approvals)


def chain_breaks(found: str, recorded: str, approvals: Iterable[Approval]) -> Iterator[str]:
    """Yield what is wrong with a chain: the digest of its record as it is and as recorded, then the approvals."""
    if found != recorded:
        yield f"its record was changed: it has the digest {_short(found)}, but {_short(recorded)} is recorded"
    previous = recorded
    for number, approval in enumerate(approvals, start=1):
        if approval.previous != previous:
            expected, got = _short(previous), _short(approval.previous)
            yield f"approval {number} does not follow the entry before it: previous must be {expected}, got {got}"
        if _entry_digest(approval) != approval.digest:
            yield f"approval {number} was changed: its digest covers other fields"
        previous = approval.digest


def _data(evidence: Record, exclude: frozenset[str] = frozenset()) -> Any:
    return evidence.model_dump(mode="json", exclude_unset=True, exclude=set(exclude))


def _record_digest(evidence: Evidence) -> str:
    return digest_of(_data(evidence, _OUTSIDE_THE_RECORD))


def _entry_digest(approval: Approval) -> str:
    return digest_of(_data(approval, _OUTSIDE_THE_ENTRY))


def _short(digest: str) -> str:
    return f"{visible(digest[:16])}..." if digest else "none"
