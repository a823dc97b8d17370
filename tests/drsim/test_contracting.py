"""`drsim contract`: what it proposes for each right pair in examples, and what it says of wrong handlers."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from drsim.cli import main
from drsim.scenarios.adapting import adapted
from drsim.scenarios.files import load
from tests.examples import one_function, polling, resource_iso, snake_mapping
from tests.examples.bugs import EXAMPLES, Pair, judged

PAIRS = {
    "polling_mended": polling.PAIR,
    "snake_mapping": snake_mapping.PAIR,
    "resource_iso": resource_iso.PAIR,
}


def proposed(pair: Pair, tmp_path: Path) -> Path:
    """The file of the contract that the command proposes for a right pair."""
    handlers, file = pair.handlers(pair.folder), tmp_path / "contract.yaml"
    options = [("--finder", handlers.finder), *([("--poller", handlers.poller)] if handlers.poller else [])]
    options += [("--path", str(path)) for path in handlers.paths]
    options += [("--env", f"{name}={value}") for name, value in handlers.variables.items()]
    assert main(["contract", *(word for option in options for word in option), "--out", str(file)]) == 0
    return file


def no_findings(pair: Pair, contract: Path) -> None:
    """Assert that a right pair has no finding in three scenarios, judged by this contract."""
    for scenario in ("drill", "partial", "timeout-stuck"):
        given, _ = adapted(load(scenario, contract=str(contract)))
        assert judged(pair.handlers(pair.folder), given) == ([], set()), scenario


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "polling_mended",
        pytest.param("snake_mapping", marks=pytest.mark.nightly),
        pytest.param("resource_iso", marks=pytest.mark.nightly),
    ],
)
def test_right_pair_has_no_finding_with_its_proposed_contract(name: str, tmp_path: Path) -> None:
    no_findings(PAIRS[name], proposed(PAIRS[name], tmp_path))


@pytest.mark.slow
def test_proposal_for_one_function_is_what_it_promises(tmp_path: Path) -> None:
    pair, file = one_function.PAIR, proposed(one_function.PAIR, tmp_path)
    text = file.read_text(encoding="utf-8")
    contract = yaml.safe_load(text)
    assert contract["words"]["execution"]["POLLING"] == ["POLLING", "CANCELLING"]
    assert contract["surroundings"]["event"] == {"operation": "find"}
    promises = {"settles": "CANCELLING", "partial": False, "versioned": True, "decides_due": "finder"}
    assert promises.items() <= contract["promises"].items()
    assert "  intervals: {PENDING: 45s, STARTED: 15s, IN_PROGRESS: 30s}  # the shortest gaps seen" in text
    no_findings(pair, file)


@pytest.mark.slow
def test_words_that_a_bug_gives_two_meanings_are_unknown(tmp_path: Path) -> None:
    # This pair ends each wave with its job, also if no server was launched.
    text = proposed(replace(polling.PAIR, folder=EXAMPLES / "polling"), tmp_path).read_text(encoding="utf-8")
    assert yaml.safe_load(text)["words"]["execution"]["COMPLETED"] == ["COMPLETED"]
    assert '# - words.execution.FAILED: the end of a run that failed is "COMPLETED", as that of COMPLETED' in text
    assert "# - promises.partial: a mixed outcome ended as a run that completed" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--finder", "none.py:handler"], "drsim: --finder: no file none.py\n"),
        (["--finder", "finder"], "drsim: --finder must be FILE.py:HANDLER or MODULE:HANDLER, got 'finder'\n"),
        (["--finder", "bad.py:handler"], "drsim: ExecutionFinder: cannot import bad.py:handler: NameError"),
        (["--finder", "odd.py:handler"], "drsim: ExecutionFinder: cannot import odd.py:handler: it reads QUEUE"),
    ],
)
def test_wrong_handlers_give_one_message(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text("nothing()", encoding="utf-8")
    Path("odd.py").write_text("import os\nQUEUE = os.environ['QUEUE']\n", encoding="utf-8")
    assert main(["contract", *words]) == 4
    shown = capsys.readouterr()
    assert shown.err.startswith(message)
    assert shown.out == ""


def test_handlers_that_always_fail_give_a_contract_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text(
        "def handler(event, context):\n    raise ValueError('first\\nname: other')\n", encoding="utf-8"
    )
    assert main(["contract", "--finder", "bad.py:handler"]) == 5
    shown = capsys.readouterr()
    assert "drsim: no function wrote to the table, so little is known: " in shown.err
    assert "ValueError: first name: other" in shown.err
    assert yaml.safe_load(shown.out)["name"] != "other"


@pytest.mark.slow
def test_function_that_invokes_itself_without_end_needs_a_poller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = EXAMPLES / "polling"
    words = ["--finder", f"{pair}/finder/app.py:lambda_handler", "--path", f"{pair}/layer"]
    assert main(["contract", *words]) == 4
    assert "invokes itself without end; if it invokes a poller, give --poller" in capsys.readouterr().err


def test_assumed_variables_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "watcher.py"
    file.write_text("import os\nTABLE = os.environ['TABLE_NAME']\ndef handler(event, context):\n    pass\n", "utf-8")
    assert main(["contract", "--finder", f"{file}:handler"]) == 5
    shown = capsys.readouterr()
    assert "drsim: assumed TABLE_NAME=executions; --env gives other values\n" in shown.err
    assert "  name: executions  # assumed\n" in shown.out


def test_impossible_name_of_a_table_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "watcher.py"
    file.write_text("def handler(event, context):\n    pass\n", encoding="utf-8")
    assert main(["contract", "--finder", f"{file}:handler", "--table", "x"]) == 4
    assert capsys.readouterr().err == ("drsim: the name of a table has 3 to 255 letters, digits, _, - and ., got 'x'\n")
