"""The environment of the templates for HTML pages, which are self-contained files that need no network.

`page.html.j2` is the frame of each page, `page.css` its style.
"""

import json
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from drsim.reports.markdown import clock, number
from drsim.reports.statuses import LOOKS
from drsim.reports.text import visible


def render(template: str, **context: object) -> Markup:
    """A page, or a part of one, from its template; text from outside is escaped."""
    return Markup(environment().get_template(template).render(context))


@cache
def environment() -> Environment:
    found = Environment(
        loader=PackageLoader("drsim.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        finalize=lambda value: "–" if value is None else value,
    )
    found.globals["looks"] = LOOKS
    found.filters |= {"clock": clock, "number": number, "visible": visible, "data": data}
    return found


def data(value: object) -> Markup:
    """Any data as JSON for a script element, without characters that could end it or start markup."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
