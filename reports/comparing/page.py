"""`drsim compare --html`: comparisons as a page, with distributions over each other and effects with intervals.

Owns what is drawn; `reports.comparing.wording` owns the words, `reports.charts.distributions` the charts.
"""

from collections.abc import Sequence

from markupsafe import Markup

from drsim.reports import page
from drsim.reports.charts import distribution
from drsim.reports.comparing import wording
from drsim.reports.comparing.comparison import Compared, Comparison


def render(comparisons: Sequence[Comparison]) -> str:
    """The page, of one comparison for each scenario."""
    worse = [each for each in comparisons if each.changed("worse")]
    return page.render(
        "compare.html.j2",
        {
            "comparisons": comparisons,
            "worse": worse,
            "verdict": "fail" if worse else "pass",
            "wording": wording,
            "chart": chart,
            "interval": interval,
        },
    )


def chart(compared: Compared, name: str) -> Markup:
    """Return both sides' values over each other: the share of values up to each."""
    return distribution(name, f"{compared.name}: {wording.difference(compared)}", compared.sides)


def interval(compared: Compared) -> Markup:
    """The effect on a scale from 0 to 100 % of pairs, with its interval and the middle marked, if there is one."""
    if compared.effect is None:
        return Markup("")
    effect = compared.effect
    low, at, high = (round(100 * share, 1) for share in (effect.low, effect.superiority, effect.high))
    kind = "clear" if compared.clear else "unclear"
    # A thin interval of thousands of pairs must still be seen.
    width = max(round(high - low, 1), 1)
    return Markup(
        '<svg class="effect {}" viewBox="-3 0 106 12" width="106" height="12" aria-hidden="true">'
        '<path class="scale" d="M0 6H100M50 1V11"/>'
        '<rect x="{}" y="4" width="{}" height="4"/><circle cx="{}" cy="6" r="3"/></svg>'
    ).format(kind, low, width, at)
