"""`drsim check`: it recognises a file by its content, and names all errors of each."""

from pathlib import Path

import pytest

from drsim.cli import main
from drsim.scenarios import failure
from drsim.scenarios.failure import Failure
from drsim.scenarios.files import load
from tests.catalogue import run_of
from tests.drsim.test_input import typed

SCENARIO = "name: mine\ntitle: Mine\nwhy: A test needs it.\nworkload: [{executions: 1}]\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def put_failure(name: str) -> str:
    data = {"property": "budgets", "seed": 1, "execution_id": "drill", "at": "0s", "expected": "one", "observed": "two"}
    found = Failure.model_validate({**data, "digest": "", "versions": {}, "scenario": load("drill")})
    failure.write(found, Path(name))
    return name


def test_right_files_of_each_kind_are_named_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        put("scenario.yaml", SCENARIO),
        put("contract.yaml", "extends: plain\nlimits: {timeout: 20m}\n"),
        put_failure("failure.yaml"),
        put("result.json", run_of("idle").result.model_dump_json()),
    ]
    assert main(["check", *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[2:] for line in lines] == [f"{name}: {Path(name).stem}" for name in names]


def test_all_errors_of_all_files_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    result = run_of("idle").result.model_dump_json()
    names = [
        put("scenario.yaml", SCENARIO.replace("executions: 1", "executions: 0").replace("Mine", "''")),
        put("contract.yaml", "promises: {versioned: 7}\nlimits: {timeout: x}\n"),
        put("failure.yaml", "property: budgets\nscenario: {}\n"),
        put("result.json", result.replace('"seed":1', '"seed":"x"').replace('"polls":', '"pols":')),
    ]
    assert main(["check", *names, put("right.yaml", SCENARIO)]) == 4
    shown = capsys.readouterr()
    assert "right.yaml: scenario" in shown.out
    for start in (
        "scenario.yaml:2: title",
        "scenario.yaml:4: workload[0].executions",
        "contract.yaml:1: promises.versioned",
        "contract.yaml:2: limits.timeout",
        "failure.yaml:1: seed",
        "failure.yaml:2: scenario.name",
        "result.json: seed",
        "result.json: polls",
        "result.json: pols",
    ):
        assert f"drsim: {start}" in shown.err, start


def test_a_scenario_that_its_contract_cannot_hold_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    put("contract.yaml", "extends: ours\n")
    name = put("scenario.yaml", SCENARIO.replace("executions: 1", "wave_regions: false") + "contract: contract.yaml\n")
    assert main(["check", name]) == 4
    assert "wave_regions must be true" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.md", "Hello: world\n", "notes.md: is no scenario "),
        ("evidence.json", '{"verdict": "pass"}', "evidence.json: is no scenario "),
        ("empty.yaml", "", "empty.yaml: is no scenario "),
        ("damaged.yaml", "title: [\n", "damaged.yaml:"),
        ("flow.yaml", '{"name": "x", "title": "t", "why": [}', "flow.yaml:1: "),
        ("damaged.json", '{"criteria": [', "damaged.json: "),
        ("bytes.yaml", "\udcff", "cannot read bytes.yaml: "),
    ],
)
def test_other_and_damaged_files_are_one_message(
    capsys: pytest.CaptureFixture[str], name: str, text: str, message: str
) -> None:
    Path(name).write_bytes(text.encode(errors="surrogateescape"))
    assert main(["check", name]) == 4
    shown = capsys.readouterr()
    assert shown.err.startswith(f"drsim: {message}")
    assert shown.err.count("\n") == 1
    assert f"{name}: 1 error" in shown.out


def test_kind_is_taken_from_keys_and_not_from_style(capsys: pytest.CaptureFixture[str]) -> None:
    names = [
        put("scenario.yaml", '{"name": "x", "title": "t", "why": "w", "workload": [{"executions": 1}]}'),
        put("contract.yaml", "{extends: plain}"),
        put("result.json", run_of("idle").result.model_dump_json(indent=2)),
        # What a text says at the start of a line is no key.
        put("plain.yaml", f'{SCENARIO}tags: ["\nproperty: x\nscenario: y"]\n'),
    ]
    assert main(["check", *names[:3]]) == 0
    assert [line[2:] for line in capsys.readouterr().out.splitlines()] == [
        f"{name}: {Path(name).stem}" for name in names[:3]
    ]
    assert main(["check", names[3]]) == 4
    assert capsys.readouterr().err == "drsim: plain.yaml:5: tags: there is no such field\n"


@pytest.mark.parametrize("kind", ["scenario", "contract", "failure", "result"])
def test_each_kind_is_checked_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    texts = {
        "scenario": SCENARIO,
        "contract": "extends: plain\nlimits: {timeout: 20m}\n",
        "failure": Path(put_failure("failure.yaml")).read_text(encoding="utf-8"),
        "result": run_of("idle").result.model_dump_json(),
    }
    typed(monkeypatch, texts[kind])
    assert main(["check", "-"]) == 0
    assert capsys.readouterr().out == f"✓ -: {kind}\n"
    typed(monkeypatch, texts[kind].replace("{", '{"frob": 1, ', 1) if kind == "result" else f"{texts[kind]}frob: 1\n")
    assert main(["check", "-"]) == 4
    assert capsys.readouterr().err.startswith("drsim: standard input:")


def test_repeated_field_of_a_contract_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", put("contract.yaml", "extends: plain\nextends: ours\n")]) == 4
    assert capsys.readouterr().err == "drsim: contract.yaml:2: extends: this field stands here twice\n"
