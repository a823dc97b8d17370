"""Whether the files of a run are as its evidence records, and whether the run repeats.

Owns the comparison. `drsim.verifying` and `drsim.signing` are the commands that show it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from drsim import evidence as keeping
from drsim.arguments import UserError
from drsim.circumstances import versions
from drsim.outputs import TRACE
from drsim.reports.documents import PAGE, files
from drsim.reports.evidence import EVIDENCE, Evidence, breaks_of, text_of
from drsim.reports.evidence_block import Parted, block_of, parted
from drsim.reports.text import visible
from drsim.scenarios import machine
from drsim.scenarios.files import plain, shown
from drsim.scenarios.model import Scenario
from drsim.scenarios.repeating import NOT_DETERMINISTIC
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.scenarios.source_scan import sources_digest
from drsim.simulator.durations import plural
from drsim.simulator.trace import BrokenSimulationError, read_lines
from drsim.stored_runs import RESULT, damage_of, result_in
from drsim.tiers import Choice, running_code
from drsim.trust import Trust

if TYPE_CHECKING:
    from drsim.scenarios.runner import Run

_FIELDS_MAX: Final = 3
_BEFORE_MAX, _SHOWN_MAX = 30, 80
_SIDES: Final = (EVIDENCE, f"{PAGE}  ")
_MEASURED: Final = ("wall_seconds", "replay", "schema_version")
"""What two equal runs may have otherwise. So may the versions of what ran, which are compared by themselves."""


def differences(folder: Path, evidence: Evidence) -> Iterator[str]:
    """Yield each file that is not as recorded, and what is wrong with the evidence and its block."""
    if (folder / EVIDENCE).read_bytes().decode() != text_of(evidence):
        yield f"{EVIDENCE}: is not written as drsim writes it"
    yield from (f"{EVIDENCE}: {trouble}" for trouble in breaks_of(evidence))
    page = keeping.page_in(folder)
    recorded, found = evidence.files, keeping.digests_in(folder, page)
    others = {path.name for path in folder.iterdir()} - found.keys() - {EVIDENCE}
    names = sorted({*recorded, *found, *others})
    differing = [name for name in names if name in recorded and found.get(name, "") not in ("", recorded[name])]
    originals = _written_again(folder) if differing else {}
    for name in names:
        if name in recorded and name not in found:
            yield f"{visible(name)}: is missing"
        elif name not in recorded:
            yield f"{visible(name)}: is new"
        elif name in differing:
            yield f"{visible(name)}: {_difference(folder, name, recorded[name], originals, evidence, page)}"
    if page is not None:
        yield from _differences_of_block(page, evidence)
    if RESULT in found and RESULT not in differing:
        yield from _contradictions(folder, evidence)


def _difference(
    folder: Path,
    name: str,
    digest: str,
    originals: Mapping[str, str],
    evidence: Evidence,
    page: Parted | None,
) -> str:
    """What is wrong with a file that has another digest: the first line that differs, if its original is known."""
    if name == TRACE and evidence.trace_digest and (damage := damage_of(folder / name, evidence.trace_digest)):
        return f"differs: {damage}"
    original = originals.get(name)
    if original is None:
        return "differs"
    text = (folder / name).read_bytes().decode(errors="backslashreplace")
    made, is_original = original, sha256(original.encode()).hexdigest() == digest
    if name == PAGE and (empty := parted(original)):
        # The block has its own digest; here it must not differ.
        made, is_original = (
            empty._replace(block=page.block if page else block_of(evidence)).text,
            empty.digest == digest,
        )
    if is_original:
        return f"differs, {first_difference(made, text)}"
    if made == text:
        return "differs: it was written again since, by a drsim with other code"
    return "differs"


def _contradictions(folder: Path, evidence: Evidence) -> Iterator[str]:
    """Yield what the evidence says otherwise than the result that it records."""
    try:
        result = result_in(folder)
    except UserError as error:
        yield f"{RESULT}: is as recorded, but {error}"
        return
    for name in ("scenario", "seed", "tier", "verdict", "trace", "trace_digest"):
        recorded, found = getattr(result, name), getattr(evidence, name)
        if recorded != found:
            yield f"{EVIDENCE}: {name} must be {visible(recorded)} as in {RESULT}, got {visible(found)}"


def _written_again(folder: Path) -> dict[str, str]:
    """The reports that this drsim makes of the result and the trace in the folder; none if they cannot be read."""
    try:
        result = result_in(folder)
        made = files(result, lambda: () if result.trace == "off" else read_lines(folder / TRACE))
        return {each.name: "".join(each.text) for each in made if each.text is not None and not each.troubles}
    except UserError:
        return {}


def first_difference(recorded: str, found: str, sides: tuple[str, str] = ("was", "is ")) -> str:
    """The first line that differs between two texts, on both sides, around the first character that differs."""
    old, new = recorded.split("\n"), found.split("\n")
    pairs = enumerate(zip(old, new, strict=False), start=1)
    number = next((number for number, (one, other) in pairs if one != other), min(len(old), len(new)) + 1)
    was, now = (lines[number - 1] if number <= len(lines) else None for lines in (old, new))
    return f"first in line {number}:\n  {sides[0]} {_cut(was, now)}\n  {sides[1]} {_cut(now, was)}"


def _cut(line: str | None, other: str | None) -> str:
    if line is None:
        return "no line"
    pairs = zip(line, other or "", strict=False)
    at = next((at for at, (one, two) in enumerate(pairs) if one != two), min(len(line), len(other or "")))
    begin = max(at - _BEFORE_MAX, 0)
    part = visible(line[begin : begin + _SHOWN_MAX])
    return f"{'…' if begin else ''}{part}{'…' if begin + _SHOWN_MAX < len(line) else ''}"


def _differences_of_block(page: Parted, evidence: Evidence) -> Iterator[str]:
    own, digest = block_of(evidence), page.block_digest
    if page.block == own:
        if digest != evidence.block:
            got = visible(evidence.block[:64]) or "none"
            yield f"{EVIDENCE}: block must be the digest of the block in {PAGE}, {digest}, got {got}"
        return
    # Other code may make another block of the same evidence.
    is_other_code = machine.whole_digest() != evidence.digests.get("drsim")
    where = "" if is_other_code else f", {first_difference(own, page.block, _SIDES)}"
    if digest != evidence.block:
        yield f"{PAGE}: its evidence block is not the one that {EVIDENCE} records{where}"
    elif not is_other_code:
        yield f"{PAGE}: its evidence block is not that of {EVIDENCE}{where}"


def changes_since(evidence: Evidence) -> list[str]:
    """What differs between the run's code and versions and those that are here now."""
    found = []
    if machine.whole_digest() != evidence.digests.get("drsim"):
        found.append("drsim's code has changed")
    choice = _choice(evidence)
    if choice.functions is not None:
        with chdir(_folder(evidence, choice)):
            if sources_digest(choice.functions) != evidence.digests.get("handlers"):
                found.append("Python files of the handlers have changed")
            # With other code of drsim, the same file may be another contract.
            if not found and _contract_digest(evidence) != evidence.digests.get("contract"):
                found.append("a file that the contract names has changed")
    now = versions(evidence.tier)
    for name in sorted({*evidence.versions, *now}):
        one, other = evidence.versions.get(name, "none"), now.get(name, "none")
        if one != other:
            found.append(f"{name} {one} -> {other}")
    return found


def _contract_digest(evidence: Evidence) -> str:
    """The digest of the contract as its files are now; "" if one of them is missing, or for an unknown scenario."""
    try:
        return keeping.contract_digest(Scenario.model_validate(evidence.configuration))
    except (ValidationError, OSError):
        return ""


def repetition(folder: Path, evidence: Evidence, trust: Trust | None = None) -> Iterator[str]:
    """Run the scenario again, and yield how its trace and its result differ from those that are recorded.

    Raises UserError if the handlers cannot be run here, or may not be imported.
    """
    try:
        scenario = Scenario.model_validate(evidence.configuration)
    except ValidationError as error:
        trouble = error.errors(include_url=False)[0]
        yield f"a scenario that this drsim does not know: {plain(trouble, shown(trouble['loc']))}"
        return
    try:
        again = _run(scenario, evidence, folder / EVIDENCE, trust or Trust()).result
    except BrokenSimulationError as error:
        yield f"no result: the simulation broke: {visible(error)}"
        return
    if again.trace_digest != evidence.trace_digest:
        yield f"another trace:{_was_is(evidence.trace_digest, again.trace_digest)}"
    try:
        recorded = result_in(folder)
    except UserError:
        yield f"no result to compare with: {RESULT} cannot be read"
        return
    if found := list(_fields(_data(recorded), _data(again))):
        first = "".join(f"\n  {path}{_was_is(was, now, '    ')}" for path, was, now in found[:_FIELDS_MAX])
        yield f"another result, {plural(len(found), 'value')} of it:{first}"


def _was_is(was: object, now: object, indent: str = "  ") -> str:
    return f"\n{indent}was {visible(was, _SHOWN_MAX)}\n{indent}is  {visible(now, _SHOWN_MAX)}"


def is_repeatable(folder: Path) -> bool:
    """Return whether the run's own repetition found it deterministic, or was not needed."""
    try:
        return all(each.property != NOT_DETERMINISTIC for each in result_in(folder).findings)
    except UserError:
        return True


def _run(scenario: Scenario, evidence: Evidence, file: Path, trust: Trust) -> "Run":
    choice = _choice(evidence)
    with chdir(_folder(evidence, choice)), TemporaryDirectory() as spare, running_code(evidence.scenario):
        if problems := list(choice.problems([scenario])):
            raise UserError("\n".join(problems))
        trust.check(choice.functions or "", file)
        done = run(
            scenario,
            seed=evidence.seed,
            tier=choice.tier,
            functions=choice.functions,
            trace=evidence.trace,
            spool=None if evidence.trace == "off" else Path(spare, TRACE),
        )
        done.trace.discard()
        return done


def _choice(evidence: Evidence) -> Choice:
    tier, found = evidence.tier, evidence.functions
    if found is None:
        return Choice(tier)
    variables = tuple(f"{name}={value}" for name, value in found.variables.items())
    return Choice(tier, found.finder, found.poller, tuple(map(Path, found.paths)), variables)


def _folder(evidence: Evidence, choice: Choice) -> Path:
    """The folder in which the run's command was given if the handlers are still there, or else the current one."""
    recorded = Path(evidence.host.folder)
    if choice.functions is not None and recorded.is_dir():
        with chdir(recorded):
            if not list(choice.problems()):
                return recorded
    return Path.cwd()


def _data(result: Result) -> dict[str, Any]:
    data: dict[str, Any] = result.model_dump(mode="json", exclude=set(_MEASURED))
    data["metrics"].pop("environment")
    return data


def _fields(was: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each value that differs, with its dotted path."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*was, *now)):
            yield from _fields(was.get(name), now.get(name), f"{path}.{name}" if path else name)
    elif _is_list(was) and _is_list(now) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _fields(one, other, f"{path}.{number}")
    elif was != now:
        yield path, was, now


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
