"""The report's sections: names, titles, and rendering that isolates a failing section from the rest."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import Environment

TITLES: Final = {
    "infrastructure": "1. Infrastructure Validation",
    "finder": "2. Execution Finder Lambda Testing",
    "poller": "3. Execution Poller Lambda Testing",
    "integration": "4. Integration Testing",
    "performance": "5. Performance Validation",
    "cloudwatch": "6. CloudWatch Metrics",
    "errors": "7. Error Handling Validation",
    "logging": "8. Logging & Observability",
    "security": "9. Security & IAM Validation",
    "limitations": "10. Known Limitations",
    "environment": "11. Test Environment Details",
    "acceptance": "12. Acceptance Criteria Status",
}
"""The title of each section by its name, in the order of the Phase 2 report."""


class Section(NamedTuple):
    """One rendered section, without its heading. `trouble` is the reason why it failed, or None."""

    name: str
    title: str
    text: str
    trouble: str | None = None


class Document(NamedTuple):
    """A whole report. `troubles` lists the parts that failed; the command then ends with exit code 3."""

    text: str
    troubles: tuple[str, ...] = ()
    damage: str = ""  # Describes a trace error; the report was then rendered without the trace.


def render_sections(
    environment: Environment, templates: str, context: Mapping[str, Any], titles: Mapping[str, str]
) -> list[Section]:
    """Render each section named in `titles`, in that order, from its own template, such as "markdown/{}.md.j2".

    If a section raises, the `broken` template is rendered with `error` instead. Pass a value that only one section
    needs as a function in `context`, so that its errors stay in that section.
    """
    sections = []
    for name, title in titles.items():
        trouble = None
        try:
            text = environment.get_template(templates.format(name)).render(context)
        except Exception as error:
            trouble = f"{type(error).__name__}: {error}"
            text = environment.get_template(templates.format("broken")).render(error=trouble)
        sections.append(Section(name, title, text, trouble))
    return sections


def troubles(sections: Sequence[Section]) -> tuple[str, ...]:
    """Return one message for each section that failed."""
    return tuple(f"{each.title}: {each.trouble}" for each in sections if each.trouble is not None)
