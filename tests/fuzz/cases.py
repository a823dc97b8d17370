"""Cases drawn from a seed: words of the command line, and the files that they name, some of them broken."""

import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from drsim.cli import main
from drsim.simulator.randomness import Stream
from tests.fuzz.mutations import VALUES, mutated

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SCENARIO: Final = """\
name: small
title: A scenario for fuzzing
why: It is short and has one of everything.
start: 2025-11-28T20:32:29Z
duration: 20m
accounts: 2
regions: [us-east-1, eu-west-1]
contract: {extends: ours, limits: {timeout: 30m}}
settings: {SWEEPS_PER_INVOCATION: 2}
functions: {poller: {retries_max: 1, memory_used_mb: 90}}
drs: {jobs_max: 20, page_size: 10}
workload:
  - executions: 2
    ids: [first, second]
    waves: [{name: A, servers: 1}, {jobs: {pending: 1m..2m}}]
    type: RECOVERY
    order: sequential
    arrival: {pattern: steady, over: 2m}
    jobs: {pending: 1m, started: 20s, in_progress: 1m..2m, actions: 1, action_time: 20s}
    expect: COMPLETED
  - servers: 1
    cancel_after: 2m
bounds: {completion: 2m, looks_missed: 1}
rto: {execution: 25m, waves: {A: 10m}}
alarms: {}
heal: 15m
faults:
  - {fault: slow, operation: GetItem, execution: first, delay: 1s, before: 10m}
  - {fault: tick-lost, run: 2}
swarm: {faults: [throttled, raced], most: 2}
exercises: {properties: [isolation], criteria: []}
"""
FAILING: Final = """\
schema_version: 1
name: small
title: It fails, and shrinks within a second
why: A campaign needs a failure.
duration: 10m
workload: [{waves: 1, servers: 1, jobs: {pending: 10s, started: 20s, in_progress: 10s}}]
bounds: {completion: 0s}
"""
CONTRACT: Final = """\
schema_version: 1
name: team
extends: ours
style: camelCase
names: {Status: state}
table: {name: team-executions, index: by-state}
words: {execution: {POLLING: [RUNNING, PAUSED], other: [DRAFT]}}
times: {start: iso, end: iso, last_polled: seconds}
limits: {timeout: 30m, intervals: {PENDING: 45s, STARTED: 15s, IN_PROGRESS: 30s}, variables: {T: {limit: timeout}}}
promises: {versioned: true, partial: true}
surroundings:
  tables: [{name: plans, hash: id, items: items.json}]
  topics: [ended]
  parameters: {a: b}
judged: {metrics: {PollErrors: errors}, roles: {poller: policy.json}, log_field: id}
"""
ITEMS: Final = '[{"id": "a", "size": 1.5, "tags": ["x"], "more": {"b": true}}]'
POLICY: Final = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_TEXTS: Final = {"s.yaml": SCENARIO, "c.yaml": CONTRACT, "items.json": ITEMS, "policy.json": POLICY}
_SETS: Final = (
    *("executions", "duration", "servers", "waves", "regions", "TIMEOUT_SECONDS", "workload.0.jobs.pending", "start"),
    *("bounds.completion", "faults", "faults.0.delay", "contract.limits.timeout", "swarm", "rto", "name", "accounts"),
    *("workload.9.servers", "workload.0.waves.0.servers", "a.b.c", "...", "", "workload", "settings", "schema_version"),
)
_NAMES: Final = (
    "idle",
    "s.yaml",
    "s.yaml",
    "s.yaml",
    "drill",
    "none.yaml",
    "S.YAML",
    "-",
    "",
    "idel",
    "/dev/null",
    "\x1b[31m",
)
_NUMBERS: Final = ("0", "1", "7", "-1", "1.5", "x", "", "99999999999999999999999", "9" * 5_000, "1e3", "\x00")
_WORDS: Final = ("", "x", "off", "full", "é", "\x1b[2J", "x" * 5_000, "a=b", "=", "a/b", "/dev/full", "\x00")
_FOLDERS: Final = ("out", "a/b/c", "/dev/full", "/sys/none", "s.yaml", "x" * 300, "\x00")
_CODE: Final = (
    "",
    "no.module:name",
    "s.yaml",
    ":",
    "a:b:c:d",
    "json:loads",
    "h.py:handler",
    "h.py:none",
    "none.py:f",
    "\x00",
)
HANDLER: Final = "def handler(event, context):\n    return {'status': 'ok'}\n"


@dataclass(frozen=True)
class Case:
    """Words of a command line, files by their path in an empty folder, and standard input."""

    number: int
    words: tuple[str, ...]
    files: dict[str, bytes]
    stdin: str = ""
    may_change: frozenset[str] = field(default_factory=frozenset)


@cache
def kept(home: Path) -> dict[str, bytes]:
    """What valid commands leave: two runs, a release, a campaign with a failure. Made once, in this folder."""
    scenario = home / "s.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        for seed in ("1", "2"):
            main(["run", str(scenario), "--seed", seed, "--out", str(home / "runs")])
        main(["run", str(scenario), "idle", "--out", str(home / "release")])
        scenario.write_text(FAILING, encoding="utf-8")
        main(["explore", str(scenario), "--seeds", "1-2", "--jobs", "1", "--out", str(home / "explored")])
    scenario.unlink()
    made = {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}
    assert any("/failures/" in name for name in made), "valid commands left no failure"
    return made


_OFTEN: Final = ("run",) * 24 + ("replay",) * 4 + ("report",) * 3 + ("logs", "compare", "trend", "verify", "sign") * 2
_COMMANDS: Final[tuple[str, ...]] = (
    *_OFTEN,
    *("list", "schema", "serve", "explore", "contract", "shrink", "check", "show", "init", "nonsense", "--what"),
)


def drawn(seed: int, number: int, home: Path) -> Case:
    """The case with this number: the same for the same seed."""
    stream = Stream(seed, f"fuzz/{number}")
    command = _pick(stream, _COMMANDS)
    files = {name: text.encode() for name, text in _TEXTS.items()} | {"h.py": HANDLER.encode()}
    if command in ("run", "explore", "serve", "check", "show", "init", "contract"):
        return _on_scenario(number, command, files, stream)
    return _on_kept(number, command, files, stream, kept(home))


def _pick(stream: Stream, pool: tuple[str, ...]) -> str:
    return pool[stream.below(len(pool))]


def _broken(files: dict[str, bytes], name: str, stream: Stream) -> None:
    data = files[name]
    is_json = name.endswith((".json", ".jsonl"))
    if stream.chance(0.05) or name.endswith((".gz", ".html")):
        at = stream.below(len(data) + 1)
        files[name] = data[:at] + (b"\xff\x00" if stream.chance(0.5) else b"") + data[at + stream.below(9) :]
    else:
        text = mutated(data.decode(errors="replace"), stream, is_json=is_json)
        files[name] = text.encode("utf-8", "surrogatepass")


def _on_scenario(number: int, command: str, files: dict[str, bytes], stream: Stream) -> Case:
    broken = _pick(stream, ("s.yaml", "s.yaml", "s.yaml", "c.yaml", "items.json", "policy.json", ""))
    if broken:
        _broken(files, broken, stream)
    stdin = files["s.yaml"].decode(errors="replace") if stream.chance(0.5) else ""
    words = [command]
    if command == "contract":
        words += ["--finder", _pick(stream, _CODE)]
    elif broken and stream.chance(0.8):
        # What is broken is read.
        words += ["s.yaml"] if broken == "s.yaml" else ["s.yaml", "--contract", "c.yaml"]
    elif command != "init" or stream.chance(0.5):
        words += [_pick(stream, _NAMES) for _ in range(1 + stream.below(2))]
    options = {
        "--set": lambda: f"{_pick(stream, _SETS)}={_pick(stream, VALUES)}",
        "--seed": lambda: _pick(stream, _NUMBERS),
        "--contract": lambda: _pick(stream, ("c.yaml", "c.yaml", "ours", "plain", "none.yaml", "C.YML", "", "x")),
        "--out": lambda: _pick(stream, _FOLDERS),
        "--suite": lambda: _pick(stream, _WORDS),
        "--tier": lambda: _pick(stream, ("fast", "fast", "client", "x")),
        "--trace": lambda: _pick(stream, ("off", "summary", "full", "chrome", "x")),
        "--finder": lambda: _pick(stream, _CODE),
        "--poller": lambda: _pick(stream, _CODE),
        "--by": lambda: _pick(stream, _WORDS),
        "--env": lambda: _pick(stream, _WORDS),
        "--path": lambda: _pick(stream, _FOLDERS),
    }
    if command == "explore":
        # One process and few seeds, so that what is legal ends within seconds.
        words += ["--jobs", "1", "--seeds", _pick(stream, ("1", "1-2", "2-1", "x", "1-", "-1", "9" * 5_000, ""))]
        options |= {"--time": lambda: _pick(stream, VALUES), "--parts": lambda: _pick(stream, _CODE)}
        del options["--tier"], options["--seed"], options["--trace"], options["--suite"], options["--by"]
    if command == "serve":
        # A server that starts would not end.
        words += ["--speed", _pick(stream, ("0", "-1", "x", "nan", ""))]
        options["--port"] = lambda: _pick(stream, ("-1", "70000", "x"))
    for _ in range(stream.below(4) if stream.chance(0.5) else 0):
        name = _pick(stream, tuple(options))
        words += [name, options[name]()]
    return Case(number, tuple(words), files, stdin)


def _on_kept(number: int, command: str, files: dict[str, bytes], stream: Stream, made: dict[str, bytes]) -> Case:
    failures = [name for name in made if "/failures/" in name]
    # A report of a whole campaign, or of a release, needs its folder.
    part = {"replay": "explored", "shrink": "explored", "report": "", "trend": "", "logs": "runs", "sign": "runs"}
    files |= {name: data for name, data in made.items() if name.startswith(part.get(command, "runs"))}
    ours = [name for name in files if "/" in name]
    broken = ours[stream.below(len(ours))]
    if command in ("replay", "shrink") and failures:
        broken = failures[stream.below(len(failures))]
    elif stream.chance(0.6):
        important = [name for name in ours if name.endswith((".json", ".jsonl", ".yaml"))]
        broken = important[stream.below(len(important))]
    if stream.chance(0.85):
        _broken(files, broken, stream)
    elif stream.chance(0.5):
        del files[broken]
    folders = ("runs/small-1", "runs", "release", "explored/explore-small", "none", "s.yaml", "/dev/null", "", "\x00")
    good = str(Path(broken).parent)
    target = {"replay": broken, "shrink": broken}.get(command, good if stream.chance(0.7) else _pick(stream, folders))
    words = [command, target]
    if command in ("compare", "trend", "verify") and stream.chance(0.8):
        words.append(_pick(stream, folders[:4]))
    if command in ("list", "schema", "nonsense", "--what"):
        words = [command, *([_pick(stream, _WORDS)] if stream.chance(0.5) else [])]
    options: dict[str, tuple[str, ...]] = {
        "report": ("--campaign", "--trace=chrome", "--trace=x"),
        "logs": ("first", "\x1b", "--function=finder", "--function=x", "--level=error", "--level=x", "--json"),
        "compare": ("--json", "--html=/dev/full", "--html=c.html", "--html=runs"),
        "trend": ("--json", "--out=/sys/none", "--out=t", "--out=s.yaml"),
        "sign": ("--as=A", "--as=A", "--as=", "--as=\x1b[31m", "--role=r", "--role=r", "--conditions=" + "x" * 9_000),
        "verify": ("--files-only", "--files-only", "--no-run", "--expect=x", "--expect=" + "f" * 64),
        "replay": ("--parts=", "--parts=x", "--parts=json:loads", "--parts=a:b:c"),
    }
    for _ in range(stream.below(4)):
        if command in options:
            words.append(_pick(stream, options[command]))
    changing = {"shrink": {broken}, "sign": set(files), "report": set(files)}.get(command, set())
    return Case(number, tuple(words), files, may_change=frozenset(changing))
