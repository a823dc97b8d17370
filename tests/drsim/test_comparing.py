"""`drsim compare` as its users see it: exit codes, messages, page and JSON."""

import json
import shutil
from pathlib import Path

import pytest

from drsim.arguments import UserError
from drsim.cli import main
from drsim.side_by_side import shapes_of
from drsim.stored_runs import result_in, runs_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of drill: `before` with seeds 1 to 3, `bound` with a bound that fails, `slow` with slower updates."""
    folder = tmp_path_factory.mktemp("runs")
    for name, changes in (
        ("before", []),
        ("bound", ["--set", "bounds.completion=0s"]),
        ("slow", ["--set", "latencies.update_warm=100ms..150ms"]),
    ):
        for seed in ("1", "2", "3"):
            main(["run", "drill", "--seed", seed, "--out", str(folder / name), *changes])
    main(["run", "idle", "--out", str(folder / "idle")])
    return folder


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def test_identical_runs_are_reported_as_identical(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs / "before/drill-1"), str(runs / "before/drill-1/result.json")]) == 0
    shown = capsys.readouterr()
    assert "✓ Identical runs" in shown.out
    assert len(shown.out.splitlines()) == 4
    assert shown.err == ""


def test_newly_failing_criterion_exits_with_1_and_is_shown_first(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(runs / "before/drill-1"), str(runs / "bound/drill-1")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == ["A  drill, seed 1", "B  drill, seed 1", "✗ Worse: the verdict, 1 criterion and 1 property"]
    assert "  ✗ Executions complete with DRS's truth    pass -> fail" in lines
    assert "      B  1 ended, at most 1 s late (threshold: each, within 0 s)" in lines
    assert f"    {'bounds.completion':<39} none -> 0s" in lines
    assert main(["compare", str(runs / "bound/drill-1"), str(runs / "before/drill-1")]) == 0


def test_sets_show_pass_rates_and_differences_in_100_columns(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs / "before"), str(runs / "bound")]) == 1
    shown = capsys.readouterr().out
    assert (
        "3 of 3 passed -> 0 of 3 passed\n      A  95 % confidence: 43-100 %\n      B  95 % confidence: 0-57 %\n"
        in shown
    )
    assert shown.index("  Set differently") < shown.index("  Verdicts that changed")
    assert main(["compare", str(runs / "before"), str(runs / "slow")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "A  drill, seeds 1-3" in lines
    (update,) = (index for index, line in enumerate(lines) if line.startswith("  ! UpdateItem.warm"))
    assert "B's is longer in 100 % of pairs" in lines[update]
    assert lines[update + 1].startswith("      A |")
    assert lines[update + 2].startswith("      B |            ")
    assert max(map(len, lines)) <= 100


def test_values_too_few_to_tell_are_one_line(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(runs / "before/drill-1"), str(runs / "before/drill-2")]) == 0
    lines = capsys.readouterr().out.splitlines()
    (place,) = (index for index, line in enumerate(lines) if line == "  - too few values to tell:")
    names = lines[place + 1].strip().split(", ")
    assert len(names) > 1
    assert [line for line in lines for name in names if line.startswith(f"  - {name} ")] == []


def test_json_and_page_are_written_on_demand(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    words = ["compare", str(runs / "before"), str(runs / "bound"), "--json", "--html", str(page)]
    assert main(words) == 1
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    assert data["worse"] is True
    assert data["comparisons"][0]["headline"] == "Worse: the verdict, 1 criterion and 1 property"
    assert shown.out.count("\n") == 1
    assert shown.err == ""
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_unwritable_page_is_a_user_error(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = runs / "nowhere" / "page.html"
    assert main(["compare", str(runs / "before"), str(runs / "before"), "--html", str(place)]) == 4
    assert capsys.readouterr().err == f"drsim: cannot write {place}: No such file or directory\n"


def test_scenarios_on_one_side_only_are_reported(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both, others = tmp_path / "both", tmp_path / "others"
    shutil.copytree(runs / "before", both)
    shutil.copytree(runs / "idle/idle-1", both / "idle-1")
    assert main(["compare", str(both), str(runs / "before")]) == 0
    assert capsys.readouterr().err == "drsim: only in A: idle\n"
    main(["run", "cancelled", "phase-2", "--out", str(others)])
    capsys.readouterr()
    assert main(["compare", str(both), str(others)]) == 4
    assert capsys.readouterr().err == "drsim: nothing in common: A has drill, idle, B has cancelled, phase-2\n"


def test_unreadable_result_is_reported_in_one_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = str(runs / "before/drill-1")
    file = tmp_path / "run" / "result.json"
    file.parent.mkdir()
    data = json.loads((runs / "before/drill-1/result.json").read_text(encoding="utf-8"))

    def refusal(path: Path, text: str | None = None) -> str:
        if text is not None:
            file.write_text(text, encoding="utf-8")
        assert main(["compare", good, str(path)]) == 4
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert refusal(tmp_path / "nope") == f"drsim: {tmp_path / 'nope'}: cannot be read (No such file or directory)"
    assert refusal(tmp_path) == f"drsim: {tmp_path}: holds no result.json, nor does a folder in it"
    begin = f"drsim: {file}: is no result of version 1, 2 or 3: "
    assert refusal(file.parent, "{") == f"{begin}Invalid JSON: EOF while parsing an object at line 1 column 1"
    assert refusal(file.parent, json.dumps(data | {"seed": "\x1b[31m one"})) == (
        f"{begin}seed must be a whole number, got '\\x1b[31m one'"
    )
    assert refusal(tmp_path, json.dumps(data | {"schema_version": 4})) == f"{begin}schema_version must be 3, got 4"
    assert refusal(file, json.dumps(data | {"a\u202e": 1, "b": 2})) == (
        f"{begin}a\\u202e: there is no such field (and 1 more)"
    )
    assert refusal(file, json.dumps({**data, "criteria": [{}]})).startswith(
        f"{begin}criteria[0].name: this field is required (and "
    )


def test_folder_of_runs_is_read_by_name_without_other_files(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "before", tmp_path / "runs")
    (tmp_path / "runs" / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "runs" / "broken").mkdir()
    assert [result_in(file).seed for file in runs_in(tmp_path / "runs")] == [1, 2, 3]
    assert [result_in(file).seed for file in runs_in(tmp_path / "runs" / "drill-2")] == [2]
    with pytest.raises(UserError, match="cannot be read"):
        result_in(tmp_path / "runs")


def test_text_of_a_run_cannot_control_the_terminal(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\x1b[31m[red]\u202e\n" + "x" * 10_000
    data = json.loads((runs / "slow/drill-1/result.json").read_text(encoding="utf-8"))
    data["scenario"] = text
    data["criteria"][0] |= {"name": text, "value": text, "verdict": "fail"}
    data["metrics"]["configuration"][text] = text
    data["metrics"]["counts"][text] = 1
    data["metrics"]["distributions"][text] = data["metrics"]["distributions"].pop("UpdateItem.warm")
    hostile = tmp_path / "result.json"
    hostile.write_text(json.dumps(data), encoding="utf-8")
    assert main(["compare", str(runs / "before/drill-1"), str(hostile)]) == 1
    shown = capsys.readouterr().out
    assert shown.isprintable() or set(filter(lambda each: not each.isprintable(), shown)) == {"\n"}
    assert "B  \\x1b[31m[red]\\u202e xxx" in shown
    assert len(shown) < 10_000


def test_shapes_show_both_sides_on_one_scale() -> None:
    a, b = shapes_of([(0.0, 1000), (23.0, 1)], [(24.0, 5)], " .#")
    assert (a, b) == ("#" + " " * 22 + ".", " " * 23 + "#")
    assert tuple(shapes_of([(5.0, 2)], [(5.0, 3)], " #")) == ("#" + " " * 23, "#" + " " * 23)
