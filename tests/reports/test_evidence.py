"""The record, its chain of approvals, and the block of the page: data in, text out."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from drsim.reports import html
from drsim.reports.evidence import Approval, Evidence, approved, breaks_of, digest_of, sealed, text_of
from drsim.reports.evidence_block import EMPTY, Parted, parted
from drsim.scenarios.result import Result
from tests.reports.hostile import TEXTS, hostile
from tests.reports.pieces import Pieces

AT: Final = "2026-11-30T15:00:00Z"
BEGIN, END = "<!-- drsim evidence begins -->", "<!-- drsim evidence ends -->"


def evidence(**changes: Any) -> Evidence:
    """The sealed evidence of a run, with changes."""
    configuration = {"name": "drill", "title": "A drill", "workload": [{"jobs": {"pending": "2m"}}, {}]}
    fields: dict[str, Any] = {
        "schema_version": 1,
        "scenario": "drill",
        "seed": 7,
        "tier": "fast",
        "trace": "full",
        "verdict": "pass",
        "degraded": [],
        "not_exercised": ["timeout-truth"],
        "unjudged": [],
        "trace_digest": "ab" * 32,
        "at": AT,
        "by": "Ann",
        "comment": "",
        "host": {"name": "host", "system": "Linux", "folder": "/home/ann"},
        "job": None,
        "commit": {"id": "c0ffee", "changed_count": 2, "changed": ["app.py"]},
        "functions": None,
        "configuration": configuration,
        "digests": {"drsim": "cd" * 32, "scenario": digest_of(configuration)},
        "versions": {"drsim": "0.1.0"},
        "files": {"result.json": "ef" * 32},
    }
    return sealed(Evidence.model_validate({**fields, **changes}))


def signed() -> Evidence:
    """Evidence with two approvals."""
    first = approved(evidence(), at=AT, by="Bo", role="DR lead", conditions="")
    return approved(first, at=AT, by="Cy", role="release manager", conditions="only staging")


def changed(found: Evidence, change: Callable[[dict[str, Any]], object]) -> Evidence:
    """Evidence whose file was edited by hand."""
    data = json.loads(text_of(found))
    change(data)
    return Evidence.model_validate(data)


def test_untouched_chain_has_no_breaks() -> None:
    assert list(breaks_of(signed())) == []
    assert list(breaks_of(Evidence.model_validate_json(text_of(signed())))) == []


def test_each_approval_covers_the_one_before_it() -> None:
    first, second = signed().approvals
    assert (first.previous, second.previous) == (signed().digest, first.digest)
    assert signed().last_digest == second.digest
    assert evidence().last_digest == evidence().digest


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        (lambda data: data.update(by="Eve"), "its record was changed"),
        (lambda data: data["files"].update({"result.json": "00"}), "its record was changed"),
        (lambda data: data["commit"].update(changed_count=0), "its record was changed"),
        (lambda data: data.update(digest="00"), "its record was changed"),
        (lambda data: data["configuration"].update(duration="9m"), "the scenario has the digest"),
        (lambda data: data["digests"].update(scenario="00"), "the scenario has the digest"),
        (lambda data: data["digests"].pop("scenario"), "but none is recorded"),
        (lambda data: data["approvals"].reverse(), "approval 1 does not follow the entry before it"),
        (lambda data: data["approvals"].pop(0), "approval 1 does not follow the entry before it"),
        (lambda data: data["approvals"][0].update(conditions="none"), "approval 1 was changed"),
        (lambda data: data["approvals"][1].update(role="auditor"), "approval 2 was changed"),
        (lambda data: data["approvals"][0].update(digest="00"), "approval 2 does not follow the entry before it"),
    ],
)
def test_edited_evidence_breaks_its_chain(change: Callable[[dict[str, Any]], object], trouble: str) -> None:
    assert trouble in "\n".join(breaks_of(changed(signed(), change)))


def test_record_sealed_again_after_an_edit_breaks_the_approvals() -> None:
    again = sealed(signed().model_copy(update={"verdict": "fail"}))
    assert [text.partition(":")[0] for text in breaks_of(again)] == ["approval 1 does not follow the entry before it"]


def test_dropped_last_approval_changes_the_last_value_only() -> None:
    shorter = changed(signed(), lambda data: data["approvals"].pop())
    assert list(breaks_of(shorter)) == []
    assert shorter.last_digest != signed().last_digest


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1}) != digest_of({"a": 1, "b": [3]})


def test_field_that_an_earlier_file_lacks_does_not_break_its_chain() -> None:
    older = Approval.model_validate({"at": AT, "by": "Bo", "role": "x", "conditions": "", "previous": "00"})
    assert "digest" not in older.model_dump(exclude_unset=True)
    data = json.loads(text_of(evidence()))
    # `block` has a default, as any field of a later version will have.
    data.pop("block", None)
    assert list(breaks_of(Evidence.model_validate(data))) == []


@pytest.fixture(scope="module")
def page(phase_2: Result) -> Parted:
    found = parted(html.render(phase_2, []).text)
    assert found is not None
    return found


def test_page_without_evidence_says_so(page: Parted) -> None:
    assert "written without an evidence.json" in page.block
    assert str(EMPTY) in page.text


def test_page_digest_leaves_the_block_out(page: Parted) -> None:
    shown = parted(page.showing(signed()).text)
    assert shown is not None
    assert shown.digest == page.digest
    assert shown.block_digest != page.block_digest
    assert shown._replace(after=f"{shown.after} ").digest != page.digest


def test_block_names_person_commit_settings_and_approvals_in_order(page: Parted) -> None:
    block = page.showing(signed()).block
    for text in ("Ann", "c0ffee", "and 2 files differ from it (app.py, ...)", "host, Linux, in /home/ann", AT):
        assert text in block
    assert "<dt>workload.0.jobs.pending</dt><dd><code>2m</code>" in block
    assert "A drill" not in block
    assert block.index("<b>Bo</b>, DR lead") < block.index("<b>Cy</b>, release manager")
    assert "Conditions: only staging" in block
    assert f"Last value of the chain: <code>{signed().last_digest}</code>" in block
    assert "Simulated, not measured on AWS." in block
    assert "No approval yet" in page.showing(evidence()).block


def test_many_settings_are_shortened(page: Parted) -> None:
    many = evidence(configuration={"settings": {f"S{number}": "1" for number in range(103)}})
    assert "3 further settings are in evidence.json" in page.showing(many).block


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_in_the_block_is_escaped(page: Parted, text: str) -> None:
    host = {"name": text, "system": text, "folder": text}
    bad = evidence(by=text, comment=text, host=host, configuration={"ids": [text], text: text}, files={text: text})
    block = page.showing(approved(bad, at=text, by=text, role=text, conditions=text)).block
    assert len(Pieces(block).all("script")) == 0
    assert "<!--" not in block
    assert "\u202e" not in block
    assert "\x00" not in block
    assert len(block) < 40_000


@pytest.mark.parametrize(("url", "is_link"), [("https://ci.example/1?a=1&b", True), ("javascript:alert(1)", False)])
def test_only_web_addresses_become_links(page: Parted, url: str, is_link: bool) -> None:
    block = page.showing(evidence(job={"system": "CI", "name": "", "url": url})).block
    assert ('<a href="https://ci.example/1?a=1&amp;b"' in block) is is_link
    assert block.count("<a ") == int(is_link)


def test_text_from_outside_cannot_contain_the_comments(phase_2: Result) -> None:
    bad = hostile(phase_2)
    criterion = bad.criteria[0].model_copy(update={"value": f"{END}{BEGIN}", "evidence": f"{END}{BEGIN}"})
    found = parted(html.render(bad.model_copy(update={"criteria": (criterion, *bad.criteria[1:])}), []).text)
    assert found is not None
    assert "written without an evidence.json" in found.block
    inner = evidence(by=f"{END}{BEGIN}", comment=BEGIN)
    assert parted(found.showing(inner).text) == found.showing(inner)


@pytest.mark.parametrize(
    "text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{END}", f"{BEGIN}{BEGIN}{END}", f"{END}{BEGIN}{END}"]
)
def test_page_without_one_pair_of_comments_has_no_block(text: str) -> None:
    assert parted(text) is None
    assert parted(f"a{BEGIN}b{END}c") == (f"a{BEGIN}", "b", f"{END}c")
