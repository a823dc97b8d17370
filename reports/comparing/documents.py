"""Comparisons as a page and as JSON, with the sentences of `wording`, as on the terminal."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from markupsafe import Markup

from drsim.reports import page
from drsim.reports.charts import distribution
from drsim.reports.comparing import wording
from drsim.reports.comparing.comparison import Compared, Comparison


def render_json(comparisons: Sequence[Comparison]) -> str:
    """One line of JSON: `worse` over all, and a comparison for each scenario."""
    found = []
    for each in comparisons:
        sentences = {"headline": wording.headline(each), "notes": list(wording.notes(each))}
        found.append({**sentences, **asdict(each), "distributions": [_distribution(one) for one in each.distributions]})
    data = {"worse": any(each.changed("worse") for each in comparisons), "comparisons": found}
    # UTF-8 cannot hold half a surrogate pair, so everything that is not ASCII is escaped.
    return json.dumps(data, ensure_ascii=True, separators=(",", ":"))


def _distribution(compared: Compared) -> dict[str, Any]:
    return {
        "name": compared.name,
        "difference": wording.difference(compared),
        "clear": compared.clear,
        "shift": compared.shift,
        "effect": compared.effect and {**asdict(compared.effect), "cliffs_delta": compared.effect.cliffs_delta},
        **{label.lower(): side.model_dump(mode="json") for label, side in compared.sides.items()},
    }


def render_html(comparisons: Sequence[Comparison]) -> str:
    worse = [each for each in comparisons if each.changed("worse")]
    context = {"comparisons": comparisons, "worse": worse, "verdict": "fail" if worse else "pass"}
    return str(page.render("compare.html.j2", **context, wording=wording, chart=_chart))


def _chart(compared: Compared, name: str) -> Markup:
    return distribution(name, f"{compared.name}: {wording.difference(compared, is_short=True)}", compared.sides)
