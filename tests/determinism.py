"""Same scenario, seed and code: same digest, whatever the process, the hash seed and the Python.

Run as a program it runs scenarios in processes of their own under several hash seeds and compares their digests with
those kept in digests.json, which every Python must reach. `--update` writes that file; CHANGELOG then says why.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Final

from scenarios.files import load
from scenarios.runner import run

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
HASH_SEEDS: Final = ("0", "1", "4242", "random")


def digests() -> dict[str, str]:
    """The digest of each scenario with each seed, in this process."""
    return {f"{name}/{seed}": run(load(name), seed=seed).trace.digest() for name in SCENARIOS for seed in SEEDS}


def kept() -> dict[str, str]:
    """The digests that every run must reach."""
    found: dict[str, str] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def _in_process(hash_seed: str) -> dict[str, str]:
    """The same, in a process of its own with that PYTHONHASHSEED."""
    command = [sys.executable, "-c", "import json, tests.determinism as d; print(json.dumps(d.digests()))"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _differences() -> list[str]:
    wanted = kept()
    wrong = []
    for hash_seed in HASH_SEEDS:
        found = _in_process(hash_seed)
        bad = [name for name in wanted if found.get(name) != wanted[name]]
        print(f"  PYTHONHASHSEED={hash_seed:<7} {len(found) - len(bad)} of {len(wanted)} digests as kept")
        wrong += [f"{name} under PYTHONHASHSEED={hash_seed}: {found.get(name)}, not {wanted[name]}" for name in bad]
    for name in SCENARIOS:
        if wanted[f"{name}/1"] == wanted[f"{name}/2"]:
            wrong.append(f"{name}: seeds 1 and 2 have the same digest")
    return wrong


def main() -> int:
    """Compare, or update; 0 if all digests are as kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write digests.json anew")
    if parser.parse_args().update:
        KEPT.write_text(json.dumps(digests(), indent=2) + "\n", encoding="utf-8")
        return 0
    print(f"Python {platform.python_version()}: {len(SCENARIOS)} scenarios, seeds {', '.join(map(str, SEEDS))}")
    wrong = _differences()
    print("\n".join(wrong) or "  the two seeds of each scenario differ, as they must")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
