"""The table of figures: entries, families, and what a run makes of them."""

import pytest

from drsim.simulator.figures import table as figures
from drsim.simulator.figures.table import FIGURES, figure_of
from tests.catalogue import run_of


def test_member_of_a_family_with_an_entry_is_that_entry() -> None:
    assert figures.COLD.of("Query") is FIGURES["Query.cold"]
    assert figures.COLD.of("Query").phase_2_max == 21


def test_family_member_without_entry_has_the_familys_unit_and_basis() -> None:
    scan = figures.WARM.of("Scan")
    assert (scan.name, scan.title, scan.unit, scan.basis) == ("Scan.warm", "Scan, warm", "ms", "modelled")
    assert figures.WARM.of("Scan") is scan
    assert "Scan.warm" not in FIGURES


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("AssumeRole.warm", "AssumeRole, warm"),
        ("Scan.cold_idle", "Scan, cold and without work"),
        ("poll_gap.LAUNCHING", "Gap between two polls, LAUNCHING"),
        ("tick_interval", "Interval"),
    ],
)
def test_distribution_is_found_by_its_name(name: str, title: str) -> None:
    figure = figure_of(name)
    assert figure is not None
    assert (figure.name, figure.title) == (name, title)


@pytest.mark.parametrize("name", ["", ".warm", "nonsense"])
def test_name_of_no_distribution_is_not_found(name: str) -> None:
    assert figure_of(name) is None


@pytest.mark.parametrize("scenario", ["phase-2", "drill"])
def test_distribution_in_a_result_has_title_unit_and_basis_of_its_entry(scenario: str) -> None:
    for name, found in run_of(scenario).result.metrics.distributions.items():
        entry = FIGURES[name]
        assert (found.title, found.unit, found.basis) == (entry.title, entry.unit, entry.basis)


def test_largest_value_of_phase_2_is_the_last_number_of_its_text() -> None:
    for entry in FIGURES.values():
        if entry.phase_2_max is not None:
            assert f"{entry.phase_2_max:g} {entry.unit}" in entry.phase_2


def test_smallest_value_of_phase_2_begins_its_text() -> None:
    entries = [entry for entry in FIGURES.values() if entry.phase_2_min is not None]
    assert len(entries) == 7
    assert all(entry.phase_2.startswith(f"{entry.phase_2_min:g}-{entry.phase_2_max:g} ms") for entry in entries)
