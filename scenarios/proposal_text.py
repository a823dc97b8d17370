"""A proposed contract as YAML, with a comment on what each value rests on."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from drsim.scenarios.proposal import Proposal
from drsim.simulator.durations import plural


def text_of(proposal: Proposal, *, commands: tuple[str, ...]) -> str:
    """Return the contract as YAML; the comments at its top give the commands that go on from here."""
    lines = [
        f"# Proposed by `drsim contract` from {plural(proposal.runs, 'run')}. Check each line: you promise it.",
        "# Then:",
    ]
    lines += [f"#   {command}" for command in commands]
    lines += _lines(proposal.data, proposal.reasons)
    if proposal.unknown:
        lines += ["# Unknown:", *(f"# - {_one_line(each)}" for each in proposal.unknown)]
    return "\n".join(lines) + "\n"


def _lines(data: Mapping[str, Any], reasons: Mapping[str, str], path: str = "", indent: str = "") -> Iterator[str]:
    for name, value in data.items():
        where = f"{path}/{name}" if path else name
        reason = f"  # {_one_line(reasons[where])}" if where in reasons else ""
        if isinstance(value, Mapping) and value and where not in reasons:
            yield f"{indent}{name}:"
            yield from _lines(value, reasons, where, f"{indent}  ")
        else:
            flow = yaml.safe_dump(value, default_flow_style=True, width=1000, allow_unicode=True, sort_keys=False)
            yield f"{indent}{name}: {flow.removesuffix('...' + chr(10)).strip()}{reason}"


def _one_line(text: str) -> str:
    """Return a text for a comment: what functions raise and write may have line ends."""
    return " ".join(text.split())
