"""The table of fault kinds: what an entry must have, and the page of the docs that shows the table."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from drsim.scenarios.files import catalogue
from drsim.simulator.durations import show_spread
from drsim.simulator.faults.kinds import CALLS, INCOMPLETE, POINTS, TICK, TRUTHS, Fault, Kind
from drsim.simulator.faults.rules import OPTIONS

PAGE: Final = Path(__file__).parents[3] / "docs" / "faults.md"


def table() -> str:
    """Return the kinds as a table in Markdown."""
    lines = ["| Kind | Effect | Points | Delay | Options | Excuses |", "|---|---|---|---|---|---|"]
    for fault in Fault:
        kind = fault.kind
        points = "each call" if kind.points == CALLS else ", ".join(kind.points)
        delay = "" if kind.delay is None else show_spread(kind.delay)
        cells = (f"`{fault}`", kind.what, points, delay, ", ".join(kind.options), str(kind.excuses))
        lines.append(f"| {' | '.join(cells)} |".replace("  ", " "))
    return "\n".join(lines)


def test_kind_without_an_effect_cannot_be_made() -> None:
    entry: dict[str, Any] = {"name": "gremlins", "points": (TICK,), "what": "Gremlins."}
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'effect'"):
        Kind(**entry)


@pytest.mark.parametrize("fault", Fault)
def test_every_kind_has_points_known_options_and_a_scenario(fault: Fault) -> None:
    kind = fault.kind
    assert kind.points
    assert set(kind.points) <= set(POINTS)
    assert callable(kind.effect)
    assert set(kind.options) <= set(OPTIONS)
    assert f"fault-{fault}" in catalogue()


def test_truths_act_on_jobs_and_incomplete_answers_on_describe_jobs() -> None:
    assert {fault.kind.points for fault in TRUTHS} == {("StartRecovery",)}
    assert {fault.kind.points for fault in INCOMPLETE} == {("DescribeJobs",)}


def test_docs_show_the_table() -> None:
    shown = re.search(r"^\| Kind .*(\n\|.*)*", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown is not None
    assert shown.group() == table(), f"`python -m {__name__}` writes the table into {PAGE.name}"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(re.sub(r"^\| Kind .*(\n\|.*)*", table(), text, flags=re.MULTILINE), encoding="utf-8")
