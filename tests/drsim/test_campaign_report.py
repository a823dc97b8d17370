"""`report.html` and `report.md` of a campaign's folder, from real explorations, also of broken and hostile ones."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from drsim.arguments import UserError
from drsim.campaign_files import begin, read
from drsim.campaign_report import summed_up, write
from drsim.cli import main
from drsim.reports.campaign import PAGE_BYTES_MAX
from drsim.scenarios import failure
from drsim.scenarios.campaign import Explored, Header
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.files import load
from drsim.simulator.faults.kinds import Fault
from drsim.trust import Trust

pytestmark = pytest.mark.slow

BUG = "tests.planted_bugs.registry:BUGS:ForgetsItsOwnWrite"
EXPECTED = "WavesPolled, PollingDuration, PollErrors, ActivePollingExecutions, OldestExecutionAge, once"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'`|[a](http://b)\u202e\x07 @all " + "z" * 10_000


class Texts(HTMLParser):
    """The tags of a page and the text in them, as a browser takes them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign in which one of 32 seeds fails, and is shrunk."""
    out = tmp_path_factory.mktemp("runs")
    words = ["explore", "chaos", "--seeds", "16-47", "--jobs", "1", "--parts", BUG, "--out", str(out)]
    assert main(words) == 1
    return out / "explore-chaos"


@pytest.fixture
def folder(explored: Path, tmp_path: Path) -> Path:
    """A copy of that campaign, to be changed."""
    return Path(shutil.copytree(explored, tmp_path / "copy"))


def documents(folder: Path) -> tuple[str, str]:
    """The page and the Markdown, written now."""
    page, markdown = write(folder)
    return page.read_text(encoding="utf-8"), markdown.read_text(encoding="utf-8")


def change(path: Path, **changes: object) -> None:
    """Change fields of a failure's file."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(data | changes, allow_unicode=False), encoding="utf-8")


def test_report_from_the_folder_equals_the_one_of_explore(explored: Path) -> None:
    left = [(explored / name).read_bytes() for name in ("report.html", "report.md")]
    paths = write(explored)
    assert [path.read_bytes() for path in paths] == left
    assert len(left[0]) < 60_000


def test_both_documents_show_the_bug_with_its_story(explored: Path) -> None:
    page, markdown = documents(explored)
    path = explored / "failures" / "metrics-complete-28.yaml"
    for text in (Texts(page).text, markdown):
        assert "1 of 32 seeds failed, 3.1 % (0.55 % to 16 % at 95 % confidence)" in text
        assert "1 execution, 2 waves, 1 fault, 11m 3s of virtual time" in text
        assert "answer-lost at UpdateItem of ExecutionPoller of ordered run 11 call 1" in text
        assert "660.355 s" in text
        assert "FAULT answer-lost at UpdateItem in run 11 of ExecutionPoller" in text
        assert EXPECTED in text
        assert "the very same run, event by event" in text
        assert "cold=0 error=ConnectionClosedError" in text
        assert f"drsim replay {path}" in text
        assert "16–47" in text
        assert "its record was deleted" in text
    assert '<li class="fault"><time>660.355 s</time><time>20:43:29</time>' in page
    assert "   660.355 s  20:43:29  FAULT answer-lost" in markdown
    assert "jobs:\n    pending: 2m" in page


def test_ledger_marks_possible_cells_that_were_never_met(explored: Path) -> None:
    summary = summed_up(explored)
    rows = summary.campaign.ledger(summary.header.scenario)
    page, markdown = documents(explored)
    line = next(line for line in markdown.splitlines() if line.startswith("| job-late"))
    assert line == "| job-late | **never** | 1 / 0 / 0 | **never** | **never** | **never** | - |"
    assert not rows[Fault.QUOTA]["ENDED"].possible
    assert all(cell.possible for cell in rows[Fault.INDEX_LAG].values())
    struck = rows[Fault.STARVED]["PENDING"]
    assert 100 <= struck.struck < 1000
    assert f'<td class="heat-3"><b>{struck.struck}</b><small>{struck.met_poll} in a poll' in page
    never = [cell for cells in rows.values() for cell in cells.values() if cell.possible and not cell.struck]
    assert page.count('<td class="never">') == len(never) > 0


def test_requested_seeds_that_were_not_run_are_listed(folder: Path) -> None:
    path = folder / "campaign.jsonl"
    kept = read(path)
    assert kept is not None
    first, *others = sorted(kept.ranges, key=lambda each: each.first)
    begin(path, kept.header.model_copy(update={"seeds": (10, 60)}), others)
    page, markdown = documents(folder)
    assert first.first == 16
    assert f"not run: 10–{first.last}, 48–60" in markdown
    assert f"Requested and not run: 10–{first.last}, 48–60" in page
    assert page.count('<i class="missing"') == 2


def test_order_of_ranges_makes_no_difference(folder: Path) -> None:
    before = documents(folder)
    path = folder / "campaign.jsonl"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 2
    path.write_text("\n".join([header, *reversed(lines)]) + "\n", encoding="utf-8")
    assert documents(folder) == before


def test_failure_that_no_longer_fails_is_shown_as_fixed(folder: Path) -> None:
    path = folder / "failures" / "metrics-complete-28.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    del data["scenario"]["faults"]
    change(path, scenario=data["scenario"])
    page, markdown = documents(folder)
    assert '<p class="trouble">No story: fixed: every property holds.</p>' in page
    assert "**No story**: fixed: every property holds." in markdown
    assert 'class="story"' not in page


def test_failure_with_missing_parts_is_shown_beside_the_groups(folder: Path) -> None:
    change(folder / "failures" / "metrics-complete-28.yaml", parts="no.such:PARTS")
    page, markdown = documents(folder)
    message = (
        "cannot be run again: ValueError: parts must be module:NAME or module:NAME:KEY of a drsim.simulator.world.Parts"
    )
    assert f"No story: {message}" in page
    assert "Other failures in the folder" in page
    assert "No shrunk failure of these seeds is kept. What seed 28 broke first:" in page
    assert "No shrunk failure of these seeds is kept." in markdown
    assert "cannot be run again: ValueError" in markdown


def test_parts_that_raise_on_import_lose_only_their_story(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parts_that_raise.py").write_text("raise RuntimeError('not today')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    change(folder / "failures" / "metrics-complete-28.yaml", parts="parts_that_raise:PARTS")
    page = write(folder, Trust(everything=True))[0].read_text(encoding="utf-8")
    assert "No story: cannot be run again: RuntimeError: not today" in page


def test_hostile_ids_and_messages_stay_text_in_both_documents(folder: Path) -> None:
    path = folder / "failures" / "metrics-complete-28.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    scenario = data["scenario"]
    scenario["workload"][0]["ids"] = [HOSTILE]
    scenario["faults"][0]["execution"] = HOSTILE
    # Another id draws other lives of jobs, so that another poll ends the execution.
    scenario["faults"][0]["run"], scenario["duration"] = None, "20m"
    scenario["title"], scenario["why"] = HOSTILE[:64], HOSTILE
    change(path, scenario=scenario, execution_id=HOSTILE, observed=HOSTILE, expected=HOSTILE)
    found = [
        Contradiction(
            seed=1 + number % 15,
            property=HOSTILE,
            execution_id=HOSTILE,
            at_us=1,
            expected="!" * number + HOSTILE,
            observed=HOSTILE,
        )
        for number in range(200)
    ]
    kept = read(folder / "campaign.jsonl")
    assert kept is not None
    broken = Explored(first=1, last=15, failures=tuple(found), unwinnable={HOSTILE: 3})
    header = kept.header.model_copy(
        update={"scenario": kept.header.scenario.model_copy(update={"title": HOSTILE[:64], "why": HOSTILE})}
    )
    begin(folder / "campaign.jsonl", header, [*kept.ranges, broken])
    page, markdown = documents(folder)
    seen = Texts(page)
    assert "img" not in seen.tags
    assert seen.tags.count("script") == 1
    assert "<img src=x onerror=alert(1)>" in seen.text
    assert len(page.encode()) <= PAGE_BYTES_MAX
    for text in (page, markdown):
        assert "\u202e" not in text
        assert "\x07" not in text
        assert r"\u202e" in text.replace(r"\\u", r"\u")
    outside = re.sub(r"```.*?```|(?<!\\)`[^`\n]*`", "", markdown, flags=re.DOTALL)
    assert markdown.count("```") % 2 == 0
    assert not re.search(r"(?<!\\)[<@\[]", outside)
    assert " writes" in markdown
    for line in outside.splitlines():
        if line.startswith("| ") and "property" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 4


def test_page_with_many_stories_stays_small(folder: Path) -> None:
    path = folder / "failures" / "metrics-complete-28.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    quotes = '"' * 600
    data["scenario"]["workload"][0]["ids"] = [quotes]
    data["scenario"]["faults"][0]["execution"] = quotes
    change(path, scenario=data["scenario"], execution_id=quotes)
    for number in range(100, 118):
        shutil.copy(path, folder / "failures" / f"metrics-complete-{number}.yaml")
    page, markdown = documents(folder)
    assert 100_000 < len(page.encode()) <= PAGE_BYTES_MAX
    assert "Its story is left out to keep the page small; the command below shows it." in page
    assert 'class="story"' in page
    assert markdown.count("FAULT answer-lost") == 19


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no campaign in"),
        ("", "no campaign in"),
        ("garbage\n", "does not begin as a campaign does, got 'garbage'"),
        ("[1]\n", "does not begin as a campaign does, got '[1]'"),
        ('{"scenario": {}, "parts": "", "code": ""}\n', "campaign.jsonl:1: scenario."),
    ],
)
def test_folder_without_a_campaign_is_refused_with_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "campaign.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        write(tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}", ":2 is no range of seeds, got '{}'"),
        ('{"first": 5, "last": 4}', ":2: last must be >= first, got 5 to 4"),
        ('{"first": 2, "last": 9}', ":2: seed 2 is in another line, too"),
        (
            '{"first": 4, "last": 5, "failures": [{"seed": 6, "property": "isolation", "execution_id": "", "at_us": 1, '
            '"expected": "", "observed": ""}]}',
            ":2: failures must be of seeds 4 to 5, got one of seed 6",
        ),
    ],
)
def test_wrong_line_of_a_campaign_is_reported(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "campaign.jsonl"
    begin(path, Header(scenario=load("drill"), parts="", code=""), [])
    with path.open("a", encoding="utf-8") as file:
        file.write(line + '\n{"first": 1, "last": 2}\n')
    with pytest.raises(UserError, match=re.escape(f"{path}{message}")):
        write(tmp_path)


def test_line_cut_off_by_an_interruption_counts_as_not_run(tmp_path: Path) -> None:
    path = tmp_path / "campaign.jsonl"
    begin(path, Header(scenario=load("drill"), parts="", code="", seeds=(1, 9)), [Explored(first=1, last=4)])
    with path.open("a", encoding="utf-8") as file:
        file.write('{"first": 5, "la')
    page, markdown = documents(tmp_path)
    assert "0 of 4 seeds failed (failure rate below 75 %, 95 % confidence)" in page
    assert "**Seeds**: 1–4; not run: 5–9 (5 seeds)" in markdown


def test_old_campaign_without_seeds_covers_its_first_to_last_seed(tmp_path: Path) -> None:
    path = tmp_path / "campaign.jsonl"
    ranges = [Explored(first=8, last=9), Explored(first=3, last=4), Explored(first=5, last=5)]
    begin(path, Header(scenario=load("drill"), parts="", code=""), ranges)
    text = path.read_text(encoding="utf-8").replace(', "seeds": null', "")
    path.write_text(text, encoding="utf-8")
    assert "seeds" not in json.loads(text.splitlines()[0])
    summary = summed_up(tmp_path)
    assert (summary.run, summary.missing) == ([(3, 5), (8, 9)], [(6, 7)])


def test_campaign_without_seeds_is_unknown(tmp_path: Path) -> None:
    begin(tmp_path / "campaign.jsonl", Header(scenario=load("drill"), parts="", code="", seeds=(1, 3)), [])
    page, markdown = documents(tmp_path)
    assert '<span class="verdict unknown">? UNKNOWN</span> exploration of drill</h1>' in page
    assert "Nothing was run." in markdown
    assert "not run: 1–3 (3 seeds)" in markdown
    assert "The scenario has no faults." in markdown


def test_line_separators_in_messages_do_not_split_a_line(tmp_path: Path) -> None:
    message = "a\u2028b\x85c"
    found = Contradiction(
        seed=1, property="isolation", execution_id=message, at_us=1, expected=message, observed=message
    )
    begin(
        tmp_path / "campaign.jsonl",
        Header(scenario=load("drill"), parts="", code=""),
        [Explored(first=1, last=1, failures=(found,))],
    )
    kept = read(tmp_path / "campaign.jsonl")
    assert kept is not None
    assert kept.ranges[0].failures == (found,)


def test_broken_failure_file_is_reported_and_explore_does_not_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "explore-drill" / "failures" / "isolation-1.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("property: nonsense\n", encoding="utf-8")
    assert main(["explore", "drill", "--seeds", "1-1", "--jobs", "1", "--resume", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "no report: " in shown
    assert f"{path}:1: scenario: this field is required" in shown
    with pytest.raises(UserError, match=re.escape(str(path))):
        write(tmp_path / "explore-drill")
    path.write_text("[", encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(f"{path}:1: ")):
        write(tmp_path / "explore-drill")


def test_failure_written_by_another_program_is_shown_whole(folder: Path) -> None:
    path = folder / "failures" / "metrics-complete-28.yaml"
    data = failure.read(path).model_dump(mode="json")
    path.write_text(json.dumps(data), encoding="utf-8")
    page, _ = documents(folder)
    assert "&#34;schema_version&#34;: 1" in page
    assert 'class="story"' in page
