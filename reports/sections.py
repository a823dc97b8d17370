"""The report's sections: their names and titles, and a guard so that one that fails does not affect the others."""

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
    """One section as it was written, without its heading. `trouble` is why it could not be written, or None."""

    name: str
    title: str
    text: str
    trouble: str | None = None


class Document(NamedTuple):
    """A whole report. A command that wrote one with `troubles` ends with exit code 3.

    `damage` is what is wrong with the run's trace if the report was written without it.
    """

    text: str
    troubles: tuple[str, ...] = ()
    damage: str = ""


def render_sections(
    environment: Environment, templates: str, context: Mapping[str, Any], titles: Mapping[str, str]
) -> list[Section]:
    """Write every section that `titles` names, in their order, each from its own template.

    `templates` is the path of the templates, such as "markdown/{}.md.j2". The template `broken` replaces a section that
    raises, and gets its `error`. A value that only one section needs should be a function in `context`, to fail there.
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
    """A sentence for each section that could not be written."""
    return tuple(f"{each.title}: {each.trouble}" for each in sections if each.trouble is not None)
