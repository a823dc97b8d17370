"""The same scenario, seed and code give the same digest under any process, hash seed, time zone and Python.

As a program, this module runs scenarios in other processes, each with a hash seed and a time zone. It compares their
digests with those in digests.json, which hold for every Python. `--update` writes that file; CHANGELOG says why.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from drsim.scenarios.files import load
from drsim.scenarios.runner import run

KEPT: Final = Path(__file__).with_name("digests.json")
SCENARIOS: Final = (
    "phase-2",
    "drill",
    "recovery",
    "partial",
    "cancelled",
    "timeout-late",
    "sub-minute",
    "load-100",
    "chaos",
)
SEEDS: Final = (1, 2)
HASH_SEEDS: Final = ("0", "random")
TIME_ZONES: Final = itertools.cycle(["Asia/Kathmandu", "America/St_Johns", "UTC"])


def digests() -> dict[str, str]:
    """The digest of each scenario with each seed, computed in this process."""
    return {f"{name}/{seed}": run(load(name), seed=seed).trace.digest() for name in SCENARIOS for seed in SEEDS}


def kept() -> dict[str, str]:
    """The kept digests, which every run must reproduce."""
    found: dict[str, str] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def _in_process(hash_seed: str, zone: str) -> dict[str, str]:
    """The digests computed in a new process with this PYTHONHASHSEED and TZ."""
    command = [sys.executable, "-c", "import json, tests.determinism as d; print(json.dumps(d.digests()))"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _differences(hash_seeds: Sequence[str]) -> list[str]:
    expected = kept()
    wrong = []
    for hash_seed, zone in zip(hash_seeds, TIME_ZONES, strict=False):
        found = _in_process(hash_seed, zone)
        bad = [name for name in expected if found.get(name) != expected[name]]
        where = f"PYTHONHASHSEED={hash_seed} TZ={zone}"
        print(f"  {where:<43} {len(found) - len(bad)} of {len(expected)} digests as kept")
        wrong += [f"{name} under {where}: {found.get(name)}, not {expected[name]}" for name in bad]
    return wrong


def main() -> int:
    """Compare or update the kept digests. Returns 0 if all are equal."""
    parser = argparse.ArgumentParser(prog="nox -s determinism --", description=main.__doc__)
    parser.add_argument("--update", action="store_true", help="write digests.json")
    parser.add_argument("--hash-seeds", nargs="+", metavar="SEED", default=HASH_SEEDS, help="values of PYTHONHASHSEED")
    options = parser.parse_args()
    if options.update:
        KEPT.write_text(json.dumps(digests(), indent=2) + "\n", encoding="utf-8")
        return 0
    print(f"Python {platform.python_version()}: {len(SCENARIOS)} scenarios, seeds {', '.join(map(str, SEEDS))}")
    wrong = _differences(options.hash_seeds)
    print("\n".join(wrong) or "  no digest differs")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
