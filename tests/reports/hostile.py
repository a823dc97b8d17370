"""A failed run whose ids and messages are as bad as anybody's handlers could make them."""

from typing import Final

from drsim.scenarios.record import ViolationRecord
from drsim.scenarios.result import Result

TEXTS: Final = (
    "<script>alert('x')</script>",
    "]]>--><!-- \"quoted\" & 'quoted' &amp; %s {{ run }}",
    "\u202edesrever\u2066 \u200f",
    "null\x00 bell\x07 escape\x1b[31m return\r del\x7f next\x85 \ud800half \ufffe \u2028",
    "two\nlines\tand a tab, \\ and \\x00",
    "ä€😀",
    "x" * 10_240,
)


def hostile(result: Result) -> Result:
    """The result, with its first criterion and its first property failed in these words."""
    criterion, prop = result.criteria[0], result.properties[0]
    violations = tuple(
        ViolationRecord(execution_id=text, at="2025-11-28T20:32:29Z", expected=text, observed=text) for text in TEXTS
    )
    all_of_them = " ".join(TEXTS)
    failed = {"verdict": "fail", "value": all_of_them, "evidence": all_of_them}
    broken = {"verdict": "fail", "violations_count": len(violations) + 2, "violations": violations}
    return result.model_copy(
        update={
            "verdict": "fail",
            "replay": f"drsim run '{TEXTS[1]}'",
            "criteria": (criterion.model_copy(update=failed), *result.criteria[1:]),
            "properties": (prop.model_copy(update=broken), *result.properties[1:]),
        }
    )
