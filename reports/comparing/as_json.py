"""A comparison as JSON, for programs: `reports.comparing.comparison`'s data with the sentences that people get."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from drsim.reports.comparing import wording
from drsim.reports.comparing.comparison import Compared, Comparison


def render(comparisons: Sequence[Comparison]) -> str:
    """One line of JSON: `worse` over all, and a comparison for each scenario."""
    data = {
        "worse": any(each.changed("worse") for each in comparisons),
        "comparisons": [_comparison(each) for each in comparisons],
    }
    # A lone half of a surrogate pair could not be written as UTF-8, so all that is not ASCII is escaped.
    return json.dumps(data, ensure_ascii=True, separators=(",", ":"))


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "headline": wording.headline(comparison),
        "notes": list(wording.notes(comparison)),
        **asdict(comparison),
        "distributions": [_distribution(each) for each in comparison.distributions],
    }


def _distribution(compared: Compared) -> dict[str, Any]:
    return {
        "name": compared.name,
        "difference": wording.difference(compared),
        "clear": compared.clear,
        "shift": compared.shift,
        "effect": compared.effect and {**asdict(compared.effect), "cliffs_delta": compared.effect.cliffs_delta},
        **{label.lower(): side.model_dump(mode="json") for label, side in compared.sides.items()},
    }
