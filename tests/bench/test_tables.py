"""The outputs of figures: the terminal's table, the file, and the measured sections of a page."""

from pathlib import Path

from tests.bench import figures, tables
from tests.bench.figures import Bench, Figure, Machine, Part, Target

MACHINE = Machine(processor="Abacus 3", cores=2, python="3.11.7", system="Linux x86_64")
FAST = Figure(
    name="polls per second",
    value=21_000.4,
    unit="polls/s",
    how="load-100",
    rounds=3,
    low=19_000,
    high=22_000,
    target=Target(kind="at least", bound=20_000),
)
SLOW = FAST.model_copy(update={"name": "help", "value": 0.3, "unit": "s", "target": Target(kind="at most", bound=0.25)})
ONCE = FAST.model_copy(update={"name": "growth", "value": 1.0, "unit": "", "rounds": 1, "target": None})
PART = Part(commit="abc", date="2026-01-02", changed=False, load=0.5, figures=(FAST, SLOW, ONCE))
BENCH = Bench(machine=MACHINE).with_part("load", PART)


def test_figure_reports_whether_it_reaches_its_target() -> None:
    assert [each.verdict for each in (FAST, SLOW, ONCE)] == ["reached", "MISSED", ""]
    exact = FAST.model_copy(update={"value": 20_000.0})
    assert exact.verdict == "reached"
    assert [Target(kind="below", bound=2).reached_by(value) for value in (1.9, 2.0)] == [True, False]


def test_terminal_shows_one_line_per_figure() -> None:
    assert tables.terminal("load", PART).splitlines() == [
        "load (commit abc of 2026-01-02; load 0.5)",
        "  polls per second   21,000 polls/s   19,000 to 22,000 in 3 rounds   reached: at least 20,000",
        "  help                        0.3 s   19,000 to 22,000 in 3 rounds   MISSED: at most 0.25",
        "  growth                          1   one round",
    ]


def test_page_keeps_its_prose_when_measured_sections_are_renewed() -> None:
    page = (
        "# Title\n\n<!-- measured: machine -->\n<!-- end -->\n\nBy hand.\n\n"
        "<!-- measured: load -->\nold\n<!-- end -->\n\nWhy.\n\n<!-- measured: large -->\n<!-- end -->\n"
    )
    once = tables.renewed(page, BENCH)
    assert tables.renewed(once, BENCH) == once
    assert once == (
        "# Title\n\n<!-- measured: machine -->\n2 cores of Abacus 3, Linux x86_64, Python 3.11.7.\n<!-- end -->\n\n"
        "By hand.\n\n<!-- measured: load -->\n"
        "| Figure | Median | Lowest to highest | Target | How |\n|---|---:|---:|---|---|\n"
        "| polls per second | 21,000 polls/s | 19,000 to 22,000 in 3 rounds | reached: at least 20,000 | load-100 |\n"
        "| help | 0.3 s | 19,000 to 22,000 in 3 rounds | MISSED: at most 0.25 | load-100 |\n"
        "| growth | 1 | one round |  | load-100 |\n\n"
        "Measured: commit abc of 2026-01-02; load 0.5.\n<!-- end -->\n\nWhy.\n\n"
        "<!-- measured: large -->\nNot measured on this machine. To measure: `nox -s bench -- large`.\n<!-- end -->\n"
    )


def test_file_keeps_other_parts_but_drops_another_machine(tmp_path: Path) -> None:
    file = tmp_path / "build" / "bench.json"
    assert figures.read(file, MACHINE) == Bench(machine=MACHINE)
    figures.write(file, BENCH)
    again = figures.read(file, MACHINE).with_part("page", PART)
    assert list(again.parts) == ["load", "page"]
    other = MACHINE.model_copy(update={"python": "3.13.0"})
    assert figures.read(file, other) == Bench(machine=other)


def test_page_in_docs_has_one_section_per_part() -> None:
    page = tables.PAGE.read_text(encoding="utf-8")
    parts = ("machine", "kernel", "load", "large", "explore", "tiers", "processes", "page")
    assert [page.count(f"<!-- measured: {name} -->") for name in parts] == [1] * len(parts)
