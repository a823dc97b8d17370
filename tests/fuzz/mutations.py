"""Ways to break the text of a file: its bytes, its lines, or a value of its data."""

import json
from collections.abc import Callable
from typing import Any, Final

import yaml

from drsim.simulator.randomness import Stream

_BOMB: Final = "[&a [x,x,x,x,x,x,x,x,x,x]" + "".join(
    f",&{name} [{','.join([f'*{before}'] * 10)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
VALUES: Final = (
    *("null", "~", "''", "0", "-1", "1", "2", "1.5", "1e308", "1e999", ".inf", ".nan", "NaN", "true", "[]", "{}"),
    *(
        "[null]",
        "[[]]",
        "[{}]",
        "{a: 1}",
        "{1: 2}",
        "{null: null}",
        "{? [a] : b}",
        "!!int ''",
        "!!float ''",
        "!!set {a}",
    ),
    *("!!binary '*'", "!!timestamp x", "!!python/object:os.system x", "2025-13-45", "2025-02-30T25:61:61Z"),
    *("9999-12-31T23:59:59Z", "10000-01-01", "0001-01-01", "0x10", "0o7", "1:59:59", "&a [*a]", "*none", "<<: *x"),
    *("9" * 5_000, f"0x{'f' * 5_000}", f"-{'9' * 400}", f"1e{'9' * 30}", "1000000000", "x" * 20_000, "é" * 300, "' '"),
    *('"\\0"', '"\\x1b[31mred"', '"\\u202e"', '"\\ud800"', '"\\n\\n"', "'a\tb'", "'../../etc/passwd'", "/dev/zero"),
    *(f"1{':10' * 50_000}", f"[{'zz,' * 20_000}]", f"[{'{zz: 1},' * 2_000}]"),
    *("-5s", "1us", "0s", "40000d", "1e3s", "5", "30", "1m..", "..", "2m..1m", "1s..2s..3s..4s", f"{'1s' * 900}"),
    *("[" * 500 + "]" * 500, "{a: " * 500 + "1" + "}" * 500, f"{_BOMB}]", "none", "ours", "plain", "mars", "*"),
)
"""Values as YAML writes them. Legal ones that make a run long are left out: the watchdog ends what takes 20 s."""
NUMBERS: Final = ("0", "-1", "1.5", "1e308", "1e999", "9" * 5_000, "null", "true", '""', "[]", "{}", '"\\u0000"', "NaN")


def mutated(text: str, stream: Stream, *, is_json: bool) -> str:
    """Return the text with one to three mutations."""
    ways: tuple[Callable[[str, Stream], str], ...] = (_bytes, _lines, _cut)
    for _ in range(1 + stream.below(3)):
        if stream.chance(0.75):
            text = _json_value(text, stream) if is_json else _yaml_value(text, stream)
        else:
            text = ways[stream.below(len(ways))](text, stream)
    return text


def _bytes(text: str, stream: Stream) -> str:
    at, length = stream.below(len(text) + 1), stream.below(12)
    put = "".join(chr(_CHARACTERS[stream.below(len(_CHARACTERS))]) for _ in range(stream.below(4)))
    return text[:at] + put + text[at + length :]


_CHARACTERS: Final = (0, 7, 9, 10, 13, 27, 32, 34, 35, 38, 39, 42, 44, 45, 58, 91, 93, 123, 125, 0x85, 0x2028, 0xFEFF)


def _lines(text: str, stream: Stream) -> str:
    lines = text.split("\n")
    at, other = stream.below(len(lines)), stream.below(len(lines))
    way = stream.below(4)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines.insert(at, lines[other])
    elif way == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at] = f"{' ' * stream.below(5)}{lines[at].lstrip()}"
    return "\n".join(lines)


def _cut(text: str, stream: Stream) -> str:
    return text[: stream.below(len(text) + 1)]


_TOKEN: Final = "HOLE-7c1f"


def _yaml_value(text: str, stream: Stream) -> str:
    """Replace, remove, rename or add a value of the data. A text that is no YAML any more stays as it is."""
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, IndexError, AttributeError):
        return text
    if not isinstance(data, dict | list) or not _changed(data, stream):
        return text
    value = VALUES[stream.below(len(VALUES))]
    try:
        return yaml.safe_dump(data, sort_keys=False, width=1_000).replace(_TOKEN, value)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return text


def _json_value(text: str, stream: Stream) -> str:
    """Do the same in the first line that is JSON, or in the whole text."""
    lines = text.split("\n") if "\n{" in text else [text]
    at = stream.below(len(lines))
    try:
        data = json.loads(lines[at])
    except (ValueError, RecursionError):
        return text
    if not isinstance(data, dict | list) or not _changed(data, stream):
        return text
    pool = (
        *NUMBERS,
        "[" * 500 + "]" * 500,
        "[" * 50_000 + "]" * 50_000,
        f'"{"x" * 20_000}"',
        '"\\ud800"',
        '"2025-13-45T00:00:00Z"',
        "-1",
        '"-5s"',
    )
    lines[at] = json.dumps(data).replace(f'"{_TOKEN}"', pool[stream.below(len(pool))])
    return "\n".join(lines)


def _changed(data: Any, stream: Stream) -> bool:
    """Change one place of the data; return whether there was one."""
    holder: Any = data
    while True:
        keys: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return False
        key = keys[stream.below(len(keys))]
        inner = holder[key]
        if not (isinstance(inner, dict | list) and inner and stream.chance(0.8)):
            break
        holder = inner
    way = stream.below(8)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif way == 2 and isinstance(holder, dict):
        holder["surplus"] = _TOKEN
    elif way == 2:
        holder.append(_TOKEN)
    else:
        holder[key] = _TOKEN
    return True
