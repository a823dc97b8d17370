"""Sections are written one by one, and one that cannot be written takes no other with it."""

from jinja2 import DictLoader, Environment, StrictUndefined

from drsim.reports.sections import Section, render_sections, troubles

TITLES = {"one": "1. One", "two": "2. Two", "three": "3. Three"}


def environment(**templates: str) -> Environment:
    """Templates of a format that is HTML in nothing but its escaping."""
    texts = {
        "one": "{{ figures['a'] }}",
        "two": "{{ compute() }}",
        "three": "{{ name }}",
        "broken": "<i>{{ error }}</i>",
    }
    loader = DictLoader({f"{name}.html": text for name, text in (texts | templates).items()})
    return Environment(loader=loader, undefined=StrictUndefined, autoescape=True)


def test_sections_come_from_their_templates_in_order_of_the_titles() -> None:
    context = {"figures": {"a": 1}, "compute": lambda: 2, "name": "<b>"}
    sections = render_sections(environment(), "{}.html", context, TITLES)
    assert sections == [
        Section("one", "1. One", "1"),
        Section("two", "2. Two", "2"),
        Section("three", "3. Three", "&lt;b&gt;"),
    ]
    assert troubles(sections) == ()


def test_a_section_that_raises_says_why_in_its_place() -> None:
    def compute() -> int:
        figures: dict[str, int] = {}
        return figures["<b>"]

    sections = render_sections(environment(), "{}.html", {"figures": {}, "compute": compute, "name": "c"}, TITLES)
    assert [section.text for section in sections] == [
        "<i>UndefinedError: &#39;dict object&#39; has no attribute &#39;a&#39;</i>",
        "<i>KeyError: &#39;&lt;b&gt;&#39;</i>",
        "c",
    ]
    assert troubles(sections) == (
        "1. One: UndefinedError: 'dict object' has no attribute 'a'",
        "2. Two: KeyError: '<b>'",
    )


def test_a_template_that_is_missing_or_wrong_is_a_trouble_of_its_section() -> None:
    context = {"figures": {"a": 1}, "compute": lambda: 2, "name": "c"}
    sections = render_sections(environment(two="{% if %}"), "{}.html", context, TITLES | {"four": "4. Four"})
    assert [section.name for section in sections if section.trouble] == ["two", "four"]
    assert troubles(sections)[1] == "4. Four: TemplateNotFound: four.html"
