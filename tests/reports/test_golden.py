"""Phase-2's report is the text that was looked at and kept."""

from tests.reports.golden import KEPT, differences


def test_the_report_of_phase_2_is_word_for_word_as_kept() -> None:
    found = "\n".join(differences())
    assert not found, f"{KEPT.name} differs; `python -m tests.reports.golden --update` keeps the new text:\n{found}"
