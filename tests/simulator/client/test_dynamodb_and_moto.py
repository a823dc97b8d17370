"""The client tier's DynamoDB and moto's, driven in lock step with generated requests that both should answer alike.

What moto 5.2.5 answers otherwise than AWS is in `test_dynamodb_differences.py`; the requests here avoid it.
"""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.simulator.client.tables import INDEX, Moto, Ours, sorted_items

KEYS = st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2))
NUMBERS = st.integers(-5, 30).map(lambda value: {"N": str(value)})
TEXTS = st.sampled_from(["", "x", "xy", "z", "é"]).map(lambda value: {"S": value})
LISTS = st.lists(st.one_of(NUMBERS, TEXTS), max_size=3).map(lambda value: {"L": value})
MAPS = st.fixed_dictionaries({}, optional={"b": NUMBERS, "c": TEXTS}).map(lambda value: {"M": value})
SETS = st.sets(st.sampled_from(["u", "v", "w"]), min_size=1).map(lambda value: {"SS": sorted(value)})
BY_NAME = {
    "n": NUMBERS,
    "s": TEXTS,
    "l": LISTS,
    "m": MAPS,
    "ss": SETS,
    "t": st.sampled_from([{"BOOL": True}, {"BOOL": False}, {"NULL": True}]),
    "g": st.sampled_from(["one", "two"]).map(lambda value: {"S": value}),
}
ITEMS = st.fixed_dictionaries({}, optional=BY_NAME)


@st.composite
def conditions(draw: st.DrawFn, name: str = ":c") -> tuple[str, dict[str, Any]]:
    """A condition on attributes that an item surely or perhaps has, with its values, whose names begin with `name`."""
    shapes = ["n", "s", "has", "lacks", "in", "between", "begins", "size", "contains", "both", "not"]
    shape = draw(st.sampled_from(shapes))
    if shape in ("both", "not") and len(name) < 4:
        # A name that both sides used would compare values of two types, where moto fails.
        left, values = draw(conditions(f"{name}l"))
        if shape == "not":
            return f"NOT ({left})", values
        right, more = draw(conditions(f"{name}r"))
        word = draw(st.sampled_from(["AND", "OR", "and"]))
        return f"({left}) {word} {right}", {**values, **more}
    match shape:
        case "has":
            return "attribute_exists(m.b)", {}
        case "lacks":
            return f"attribute_not_exists({draw(st.sampled_from(['n', 'l[1]', 'ss']))})", {}
        case "in":
            return f"s IN ({name}, {name}x)", {name: draw(TEXTS), f"{name}x": draw(TEXTS)}
        case "between":
            low = draw(st.integers(-5, 5))
            return f"n BETWEEN {name} AND {name}x", {name: {"N": str(low)}, f"{name}x": {"N": str(low + 6)}}
        case "begins":
            return f"begins_with(s, {name})", {name: draw(TEXTS)}
        case "size":
            return f"attribute_exists(l) AND size(l) >= {name}", {name: {"N": str(draw(st.integers(0, 3)))}}
        case "contains":
            return f"contains(ss, {name})", {name: {"S": draw(st.sampled_from(["u", "v"]))}}
        case "s":
            return f"s {draw(st.sampled_from(['=', '<>', '<']))} {name}", {name: draw(TEXTS)}
    return f"n {draw(st.sampled_from(['=', '<>', '<', '<=', '>', '>=']))} {name}", {name: draw(NUMBERS)}


@st.composite
def updates(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An update that writes an attribute at most once, with its values."""
    choices = {
        "n": ["SET n = if_not_exists(n, :zero) + :n", "SET n = :n", "ADD n :n", "SET n = :n - :zero"],
        "s": ["SET s = :s", "REMOVE s"],
        "l": ["SET l = list_append(if_not_exists(l, :none), :l)", "SET l = :l", "REMOVE l[0]"],
        "ss": ["ADD ss :ss", "DELETE ss :ss", "REMOVE ss"],
        "m": ["SET m = :m", "SET m.b = :n", "REMOVE m.c"],
        "g": ["SET g = :g", "REMOVE g"],
    }
    names = draw(st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=4, unique=True))
    clauses: dict[str, list[str]] = {"SET": ["x = :zero"]}
    for name in names:
        section, _, action = draw(st.sampled_from(choices[name])).partition(" ")
        clauses.setdefault(section, []).append(action)
    text = " ".join(f"{section} {', '.join(actions)}" for section, actions in clauses.items())
    known: dict[str, Any] = {":zero": {"N": "0"}, ":none": {"L": []}}
    known |= {f":{name}": draw(BY_NAME[name]) for name in ("n", "s", "l", "ss", "m", "g")}
    used = {name: value for name, value in known.items() if _uses(text, name)}
    return text, used


def _uses(text: str, name: str) -> bool:
    return any(word.strip("(),") == name for word in text.replace(",", " , ").replace("(", " ( ").split())


class Alike(RuleBasedStateMachine):
    """Both tables get the same requests."""

    def __init__(self) -> None:
        super().__init__()
        self.ours, self.moto = Ours(), Moto()

    def teardown(self) -> None:
        self.moto.close()

    def both(self, operation: str, **members: Any) -> None:
        ours, moto = self.ours.ask(operation, **members), self.moto.ask(operation, **members)
        assert ours[0] == moto[0], (operation, members, ours, moto)
        if not ours[0]:
            one, other = dict(ours[1]), dict(moto[1])
            for each in (one, other):
                if "Items" in each:
                    each["Items"] = sorted_items(each["Items"])
                for name in ("Item", "Attributes"):
                    if name in each:
                        each[name] = _in_order(each[name])
            assert one == other, (operation, members)

    @rule(key=KEYS, item=ITEMS, condition=st.none() | conditions(), old=st.sampled_from(["NONE", "ALL_OLD"]))
    def put(self, key: tuple[str, int], item: dict[str, Any], condition: Any, old: str) -> None:
        self.both("PutItem", Item={**item, **_key(key)}, ReturnValues=old, **_condition(condition))

    @rule(
        key=KEYS,
        update=updates(),
        condition=st.none() | conditions(),
        returned=st.sampled_from(["NONE", "ALL_OLD", "ALL_NEW"]),
    )
    def update(self, key: tuple[str, int], update: tuple[str, dict[str, Any]], condition: Any, returned: str) -> None:
        members = _condition(condition)
        values = {**update[1], **members.pop("ExpressionAttributeValues", {})}
        self.both(
            "UpdateItem",
            Key=_key(key),
            UpdateExpression=update[0],
            ReturnValues=returned,
            **({"ExpressionAttributeValues": values} if values else {}),
            **members,
        )

    @rule(key=KEYS, condition=st.none() | conditions())
    def delete(self, key: tuple[str, int], condition: Any) -> None:
        self.both("DeleteItem", Key=_key(key), ReturnValues="ALL_OLD", **_condition(condition))

    @rule(key=KEYS, projection=st.sampled_from([None, "n", "m.b, l[0]", "#a, s"]))
    def get(self, key: tuple[str, int], projection: str | None) -> None:
        names = {"ExpressionAttributeNames": {"#a": "g"}} if projection and "#a" in projection else {}
        given = {} if projection is None else {"ProjectionExpression": projection, **names}
        self.both("GetItem", Key=_key(key), **given)

    @rule(condition=st.none() | conditions(), is_forward=st.booleans(), low=st.integers(-1, 3))
    def query(self, condition: Any, is_forward: bool, low: int) -> None:
        filtered = _condition(condition, "FilterExpression")
        values = {":p": {"S": "a"}, ":q": {"N": str(low)}, **filtered.pop("ExpressionAttributeValues", {})}
        asked = {"KeyConditionExpression": "pk = :p AND sk >= :q", "ExpressionAttributeValues": values, **filtered}
        self.both("Query", ScanIndexForward=is_forward, **asked)

    @rule(group=st.sampled_from(["one", "two"]))
    def query_index(self, group: str) -> None:
        values = {":g": {"S": group}}
        self.both("Query", IndexName=INDEX, KeyConditionExpression="g = :g", ExpressionAttributeValues=values)

    @rule(condition=conditions())
    def scan(self, condition: Any) -> None:
        self.both("Scan", **_condition(condition, "FilterExpression"))

    @invariant()
    def hold_the_same(self) -> None:
        assert self.ours.items() == self.moto.items()


def _in_order(item: Any) -> Any:
    """An item with its sets in order."""
    return {name: _sorted(value) for name, value in item.items()}


def _sorted(value: dict[str, Any]) -> dict[str, Any]:
    return {kind: sorted(each) if kind == "SS" else each for kind, each in value.items()}


def _key(key: tuple[str, int]) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"N": str(key[1])}}


def _condition(condition: Any, name: str = "ConditionExpression") -> dict[str, Any]:
    if condition is None:
        return {}
    text, values = condition
    return {name: text, **({"ExpressionAttributeValues": values} if values else {})}


def _run(examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    # Shrinking would take minutes, and a failing request says enough.
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks, phases=phases
    )
    run_state_machine_as_test(Alike, settings=chosen)


@pytest.mark.slow
def test_both_answer_alike() -> None:
    _run(100, 50)


@pytest.mark.slow
@pytest.mark.nightly
def test_both_answer_alike_for_long() -> None:
    _run(4000, 50)
