"""YAML within bounds: what no file needs is refused at once, and with its line."""

import pytest
import yaml

from drsim.simulator import yaml_text
from drsim.simulator.yaml_text import ALIASED_MAX, DEPTH_MAX, TEXT_MAX, TextLines, YamlTextError, parsed, repeated

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP = "[" * DEPTH_MAX + "]" * DEPTH_MAX


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (BOMB, 5, f"aliases must stand for at most {ALIASED_MAX:,} values"),
        (f"a: 1\nb: {'[' * 500}{']' * 500}", 2, "must be nested at most 64 levels deep"),
        (f"a: {'{b: ' * 500}1{'}' * 500}", 1, "must be nested at most 64 levels deep"),
        (f"a: 1\nb: 1{':10' * 100_000}", 2, "'1:10:10"),
        (f"a: 1\n{'9' * 201}.5: 1", 2, "'9999"),
        ("a" * (TEXT_MAX + 1), 1, "a YAML text must have at most 2,000,000 characters, got 2,000,001"),
        ("a: &a [*a]", 1, "this alias contains itself"),
        ("a: &a {<<: *a}", 1, "this alias contains itself"),
        ("a: &a\n  b:\n    - *a\n", 3, "this alias contains itself"),
        ("a: *b", 1, "found undefined alias 'b'"),
        ("a: 1\nb: 2025-13-45", 2, "'2025-13-45' is no date or time"),
        ("a: 2025-02-28T25:00:00Z", 1, "'2025-02-28T25:00:00Z' is no date or time"),
        ("a: !!timestamp soon", 1, "'soon' is no date or time"),
        ("a: !!int ''", 1, "'' is no whole number of at most 38 digits"),
        (f"a: {'9' * 5_000}", 1, f"'{'9' * 60}…' is no whole number of at most 38 digits"),
        (f"a: 0x{'f' * 5_000}", 1, f"'0x{'f' * 58}…' is no whole number of at most 38 digits"),
        ("a: !!float ''", 1, "'' is no number"),
        ("a: !!bool x", 1, "'x' is no bool"),
        ('a: "\\ud800"', 1, "half of a surrogate pair is no character"),
        ("a: 1\nb: \x1b", 2, "the character U+001B is not allowed"),
        (
            "a: !!python/object:os.system x",
            1,
            "could not determine a constructor for the tag 'tag:yaml.org,2002:python",
        ),
        ("? [a]\n: b", 1, "found unhashable key"),
        ("a: b: c", 1, "mapping values are not allowed here"),
    ],
)
def test_what_no_file_needs_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(YamlTextError) as caught:
        parsed(text)
    assert caught.value.line == line
    assert caught.value.problem.startswith(problem)


def test_bounds_leave_room_for_what_files_have() -> None:
    assert parsed(DEEP).data is not None
    assert parsed(f"a: {'9' * 38}").data == {"a": int("9" * 38)}
    assert parsed("a: &a {b: 1}\nc: [*a, *a]\nd: {<<: *a}").data == {"a": {"b": 1}, "c": [{"b": 1}] * 2, "d": {"b": 1}}
    assert parsed("").root is None


def test_lines_and_repeated_fields_are_found_by_path() -> None:
    root = parsed("a:\n  b:\n    - c: 1\n      c: 2\n  b: 3\n1: 2\n").root
    assert root is not None
    lines = TextLines(root)
    assert list(repeated(root)) == [(4, ("a", "b", 0, "c")), (5, ("a", "b"))]
    assert [lines.of(path) for path in ((), ("a",), ("a", "b", 0, "c"), ("a", "none"), ("1",))] == [1, 1, 3, 1, 6]


def test_lines_search_each_node_once(monkeypatch: pytest.MonkeyPatch) -> None:
    root = parsed("a:\n" + "- {b: 1, c: 2}\n" * 500).root
    assert root is not None
    searched: list[int] = []
    entries = yaml_text._entries

    def counted(node: yaml.Node) -> list[tuple[str | int, yaml.Node, yaml.Node]]:
        searched.append(id(node))
        return entries(node)

    monkeypatch.setattr(yaml_text, "_entries", counted)
    lines = TextLines(root)
    assert [lines.of(("a", number, "c", "none")) for number in range(500)] == [*range(2, 502)]
    # The root, its list, and in each entry the mapping and its number.
    assert len(searched) == len({*searched}) == 2 + 500 * 2
