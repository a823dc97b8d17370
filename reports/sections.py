"""The report's sections: their names and titles, and how one that cannot be written is kept from losing the others.

Owns the twelve sections that every format shares, and the guard around each. Words and marks belong to the formats.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import Environment

TITLES: Final[Mapping[str, str]] = {
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
    """One section as it was written, without its heading. `trouble` says why it could not be; None if it could."""

    name: str
    title: str
    text: str
    trouble: str | None = None


def render_sections(
    environment: Environment, templates: str, context: Mapping[str, Any], titles: Mapping[str, str] = TITLES
) -> list[Section]:
    """Every section that `titles` names, in their order, each from its own template and none at another's risk.

    `templates` is where the templates are, such as "markdown/{}.md.j2". Beside the sections there has to be one named
    `broken`, which gets `error` and says in this format what stands in place of a section that raised. Whatever is
    computed for one section only should be a function in `context`, so that it fails in that section.
    """
    return [_section(environment, templates, context, name, title) for name, title in titles.items()]


def _section(environment: Environment, templates: str, context: Mapping[str, Any], name: str, title: str) -> Section:
    try:
        return Section(name, title, environment.get_template(templates.format(name)).render(context))
    except Exception as error:
        trouble = f"{type(error).__name__}: {error}"
        broken = environment.get_template(templates.format("broken"))
        return Section(name, title, broken.render(error=trouble), trouble)


def troubles(sections: Sequence[Section]) -> tuple[str, ...]:
    """A sentence for each section that could not be written."""
    return tuple(f"{each.title}: {each.trouble}" for each in sections if each.trouble is not None)


class Document(NamedTuple):
    """A whole report. A command that wrote one with `troubles` ends with exit code 3.

    `damage` is what is wrong with the run's trace where the report had to do without it.
    """

    text: str
    troubles: tuple[str, ...]
    damage: str = ""
