"""The environment of the templates for HTML pages, which are self-contained files that need no network.

`page.html.j2` is the frame of each page, `page.css` its style.
"""

import json
import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from drsim.reports import findings
from drsim.reports.compiled import CompiledTemplates
from drsim.reports.markdown import clock
from drsim.reports.objectives import took
from drsim.reports.statuses import LOOKS
from drsim.reports.text import visible
from drsim.reports.timeline import anchor
from drsim.simulator.durations import number, plural, show_seconds


def render(template: str, **context: object) -> Markup:
    """A page, or a part of one, from its template; text from outside is escaped."""
    return Markup(environment().get_template(template).render(context))


@cache
def environment() -> Environment:
    found = Environment(
        loader=PackageLoader("drsim.reports"),
        bytecode_cache=CompiledTemplates(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        finalize=lambda value: "–" if value is None else value,
    )
    found.globals["looks"] = LOOKS
    found.filters |= {"title": findings.title, "extent": findings.extent, "culprit": findings.culprit}
    found.filters |= {
        "clock": clock,
        "number": number,
        "duration": show_seconds,
        "visible": visible,
        "coded": coded,
        "data": data,
        "css_text": css_text,
        "plural": plural,
        "took": took,
        "anchor": anchor,
    }
    return found


def coded(text: str) -> Markup:
    """A text with its names between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def data(value: object) -> Markup:
    """Any data as JSON for a script element, without characters that could end it or start markup."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def css_text(value: object) -> Markup:
    """Any text for a string of a style sheet: all but letters, digits and a few signs are escapes."""
    return Markup(re.sub(r"[^A-Za-z0-9 .,:·-]", lambda found: f"\\{ord(found.group()):x} ", visible(value)))
