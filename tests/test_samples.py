"""The check of the kept samples: it reports differences and their lines, and ignores the host."""

from dataclasses import replace
from pathlib import Path

from tests.catalogue import run_of
from tests.samples import KEPT, SAMPLES, SIZES_MAX, difference, written


def test_run_on_another_host_writes_the_same_files() -> None:
    done = run_of("phase-2")
    first = written(done, None)
    metrics = done.result.metrics.model_copy(update={"environment": {"drsim": "9", "python": "4.0"}})
    elsewhere = done.result.model_copy(update={"wall_seconds": 1e6, "metrics": metrics})
    there = written(replace(done, result=elsewhere), done.result)
    assert there == first
    assert first.page_bytes < SIZES_MAX["phase-2"]


def test_difference_is_reported_with_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("one\ntwo\nthree\n", encoding="utf-8")
    assert difference(path, "one\ntwo\nthree\n") is None
    shown = difference(path, "one\nTWO\nthree\n")
    assert shown == f"{path} is out of date, first in line 2:\n    kept 'two'\n    now  'TWO'"
    shown = difference(path, "one\ntwo\n")
    assert shown == f"{path} is out of date, first in line 3:\n    kept 'three'\n    now  ''"
    path.write_bytes(b"one\r\ntwo\nthree\n")
    assert difference(path, "one\ntwo\nthree\n") is not None
    path.unlink()
    assert difference(path, "") == f"{path} is missing"


def test_difference_in_a_long_line_shows_the_part_that_differs(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("a" * 10_000 + "b" + "c" * 10_000, encoding="utf-8")
    shown = difference(path, "a" * 10_000 + "B" + "c" * 10_000)
    assert shown is not None
    assert "aab" + "c" in shown
    assert len(shown) < 1000


def test_each_sample_has_all_its_files() -> None:
    for scenario in KEPT:
        names = {path.name for path in (SAMPLES / scenario).iterdir()}
        assert names == {"report.html", "report.md", "result.json"}
