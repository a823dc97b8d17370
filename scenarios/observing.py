"""Runs handlers without judging them, and keeps what they asked for and wrote: the evidence for a proposed contract."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from drsim.orchestrator.model import Phase
from drsim.simulator.checks.phases import phase
from drsim.simulator.client.tier import client_parts
from drsim.simulator.events import FINDER, Invoked, ItemChanged, JobsDescribed, LambdaEnded, LambdaStarted
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.world import World

_INVOKED: Final = re.compile(r"(?:.*function:)?([^:]+)")
_CONDITION: Final = re.compile(r"\s*\(?\s*(#?\w+)\s*=\s*(:\w+)")
_LOOK_US: Final = 5_000_000
"""Looks come as often, so that the functions themselves show their intervals."""
_deserialize = TypeDeserializer().deserialize


@dataclass(slots=True)
class Seen:
    """What functions did in one run. Attributes and words are the team's own."""

    tables: Counter[str] = field(default_factory=Counter)
    indexes: Counter[str] = field(default_factory=Counter)
    status_names: Counter[str] = field(default_factory=Counter)
    open_words: Counter[str] = field(default_factory=Counter)
    keys: Counter[tuple[str, ...]] = field(default_factory=Counter)
    conditions: Counter[str] = field(default_factory=Counter)
    other_tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    resources: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    operations: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    describes_max: int = 0
    writes: list[ItemChanged] = field(default_factory=list)
    finals: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    gaps_us: defaultdict[Phase, list[int]] = field(default_factory=lambda: defaultdict(list))
    invoked: int = 0
    looks: int = 0
    finders: int = 0
    idle_polls: int = 0


def observed(handlers: Handlers, fields: Mapping[str, Any], contract: Mapping[str, Any], *, often: bool = True) -> Seen:
    """Run a world of these fields with a contract. Looks are `often` unless the rule alone shall start the finder.

    Raises HandlerError.
    """
    spec = WorldSpec.model_validate({"settle": "5s", **fields, "contract": contract})
    seen = Seen()
    parts = client_parts(spec, functions=handlers, watch=partial(_note, seen))
    world = World(spec, seed=1, parts=replace(parts, is_judged=False), verdict_only=True)
    _Watch(world, seen)
    if often:
        for at_us in range(_LOOK_US, spec.duration, _LOOK_US):
            if at_us % 60_000_000:
                world.kernel.at(at_us, lambda _: world.tick(0), None)
    try:
        world.run()
        items = {key.execution_id: world.table.get(key) for key in world.workload.expected}
        seen.finals = {name: item.attributes for name, item in items.items() if item is not None}
    finally:
        world.close()
    return seen


class _Watch:
    """Listens to one world."""

    def __init__(self, world: World, seen: Seen) -> None:
        self._world, self._seen = world, seen
        self._wrote: set[str] = set()
        self._asked: Counter[tuple[str, str, str]] = Counter()
        self._polled_us: dict[str, int] = {}
        world.trace.attach(self)

    def _on_started(self, event: LambdaStarted) -> None:
        self._seen.finders += event.function == FINDER

    def _on_invoked(self, event: Invoked) -> None:
        self._seen.invoked += bool(event.by)

    def _on_described(self, event: JobsDescribed) -> None:
        self._wrote.discard(event.request_id)
        self._asked[event.request_id, event.account_id, event.region] += event.first_page
        self._seen.describes_max = max(
            self._seen.describes_max, self._asked[event.request_id, event.account_id, event.region]
        )

    def _on_change(self, event: ItemChanged) -> None:
        if not event.request_id or event.before is None or event.after is None:
            return
        self._seen.writes.append(event)
        if event.request_id not in self._wrote and event.previous is not None:
            last_us = self._polled_us.get(event.execution_id)
            if last_us is not None:
                self._seen.gaps_us[phase(event.previous, self._world.limits)].append(event.at_us - last_us)
            self._polled_us[event.execution_id] = event.at_us
        self._wrote.add(event.request_id)

    def _on_ended(self, event: LambdaEnded) -> None:
        if event.outcome != "ok":
            self._seen.errors[event.detail] += 1
        elif event.function != FINDER and event.request_id not in self._wrote:
            self._seen.idle_polls += 1


def _note(seen: Seen, world: World, service: str, operation: str, asked: Mapping[str, Any]) -> None:
    """Keep what a function's call names."""
    seen.operations[operation] += 1
    if service == "lambda" and (invoked := _INVOKED.match(str(asked.get("FunctionName", "")))):
        seen.functions[invoked[1]] += 1
    if service in ("ssm", "eventbridge", "sfn"):
        for name, value in _named(asked):
            seen.resources[name].add(value)
    if service != "dynamodb":
        return
    table = str(asked.get("TableName", "")).rpartition("/")[2]
    keys = tuple(sorted(asked.get("Key", ())))
    if "IndexName" in asked or table == world.layout.contract.table.name or _names_execution(asked, world):
        seen.tables[table] += 1
        seen.conditions.update(_names_in(asked, asked.get("ConditionExpression", "")))
        if keys:
            seen.keys[keys] += 1
        if found := _CONDITION.match(str(asked.get("KeyConditionExpression", ""))):
            _note_query(asked, found, seen)
    elif table:
        seen.other_tables[table] = keys or seen.other_tables.get(table, ())


def _note_query(asked: Mapping[str, Any], found: re.Match[str], seen: Seen) -> None:
    name, value = found.groups()
    word = _deserialize(asked.get("ExpressionAttributeValues", {}).get(value, {"NULL": True}))
    if "IndexName" in asked and isinstance(word, str):
        seen.indexes[asked["IndexName"]] += 1
        seen.looks += "ExclusiveStartKey" not in asked
        seen.status_names[asked.get("ExpressionAttributeNames", {}).get(name, name)] += 1
        seen.open_words[word] += 1


def _names_execution(asked: Mapping[str, Any], world: World) -> bool:
    ids = {key.execution_id for key in world.workload.expected}
    return any(value in ids for each in asked.get("Key", {}).values() for value in each.values())


def _names_in(asked: Mapping[str, Any], expression: str) -> Iterator[str]:
    names = asked.get("ExpressionAttributeNames", {})
    yield from (names.get(each, each) for each in re.findall(r"#?[A-Za-z_][\w]*", expression))


def _named(asked: Any) -> Iterator[tuple[str, str]]:
    """Yield the names of resources in a request, such as EventBusName, however deep."""
    if isinstance(asked, Mapping):
        for name, value in asked.items():
            if name in ("EventBusName", "Name", "Names", "stateMachineArn"):
                yield from ((name, each) for each in (value if isinstance(value, list) else [value]))
            yield from _named(value)
    elif isinstance(asked, Sequence) and not isinstance(asked, str):
        for each in asked:
            yield from _named(each)


def shown(value: object) -> str:
    """Return a value of an item on one line, for a comment."""
    return json.dumps(value, default=str, ensure_ascii=False)[:60]
