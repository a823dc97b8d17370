"""Compares the tiers on the same scenarios and seeds: `python -m tests.tiers [--all] [--seeds N] [NAME...]`.

This project's functions run in the fast, the client and the wire tier, the example pairs in the client and the wire
tier. All must give the same final statuses, the same verdicts of all properties that both can judge, and the same
instants of polls (`LastPolledTime` or, without one, of the write; within a millisecond, because freezegun counts in
floats). Differences are printed, and the exit code is then 1. With the whole catalogue, every action that a role allows
must be used.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from moto import mock_aws

from drsim.scenarios.files import catalogue, load
from drsim.scenarios.model import Scenario
from drsim.scenarios.suites import small
from drsim.scenarios.tiers import Tier, parts_of
from drsim.simulator.events import FINDER, POLLER, ActionUsed, ItemChanged
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.wire.deployment import deploy
from drsim.simulator.world import World
from tests.examples import one_function, polling, resource_iso, snake_mapping
from tests.examples.bugs import EXAMPLES, Pair

WITHIN_US = 1_000
EACH_CHANGE = (
    "alarm-index-throttled",
    "cancelled",
    "chaos",
    "fault-answer-lost",
    "fault-crashed-after",
    "fault-deleted",
    "fault-servers-omitted",
    "missing-job",
    "recovery",
    "sub-minute",
    "timeout-incomplete",
    "timeout-late",
    "timeout-stuck",
)
"""Scenarios of different kinds, for `.ci/run`: several accounts, cancelling, crashes, many looks, each final status."""
WIRE_ONLY = frozenset({"least-privilege"})
"""Properties of deployed functions, which the fast tier has none of."""
OURS: Final = "ours"
_ALL_TIERS: Final[tuple[Tier, ...]] = ("fast", "client", "wire")
BUGGY: Final = "polling, with its bugs"
PAIRS: Final[Mapping[str, Pair]] = {
    "polling": polling.PAIR,
    BUGGY: polling.PAIR,
    "snake_mapping": snake_mapping.PAIR,
    "resource_iso": resource_iso.PAIR,
    "one_function": one_function.PAIR,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """The outcome of a scenario and a seed in one tier."""

    tier: Tier
    statuses: dict[str, str]
    polls: tuple[tuple[str, int], ...]
    verdicts: dict[str, str]
    actions: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """The comparison of the tiers on one scenario and seed."""

    functions: str
    name: str
    seed: int
    executions: int
    polls: int
    apart_us: int
    differences: tuple[str, ...]
    actions: frozenset[tuple[str, str]]


def compared(functions: str, name: str, seed: int) -> Row:
    """Run a scenario of the catalogue with a seed in each tier that can run these functions."""
    handlers: Handlers | None = None
    if functions == OURS:
        scenario, tiers = small(name), _ALL_TIERS
    else:
        pair, tiers = PAIRS[functions], _ALL_TIERS[1:]
        folder = EXAMPLES / "polling" if functions == BUGGY else pair.folder
        scenario, handlers = pair.scenario(name, *small_changes(name)), pair.handlers(folder)
    first, *others = [seen(scenario, seed, tier, handlers) for tier in tiers]
    apart = [
        max((abs(one[1] - other[1]) for one, other in zip(first.polls, each.polls, strict=False)), default=0)
        for each in others
    ]
    return Row(
        functions=functions,
        name=name,
        seed=seed,
        executions=len(first.statuses),
        polls=len(first.polls),
        apart_us=max(apart),
        differences=tuple(text for other in others for text in differences(first, other)),
        actions=others[-1].actions,
    )


def small_changes(name: str) -> tuple[str, ...]:
    return tuple(load(name).small)


def seen(scenario: Scenario, seed: int, tier: Tier, handlers: Handlers | None) -> Seen:
    """Run a scenario in one tier."""
    with parts_of(tier, scenario, seed=seed, functions=handlers) as parts:
        world = World(scenario, seed=seed, parts=parts, verdict_only=True)
        polls: list[tuple[str, int]] = []
        actions: set[tuple[str, str]] = set()

        def on_change(event: ItemChanged) -> None:
            now = event.execution
            if event.request_id and now is not None:
                at_us = event.at_us if now.last_polled_us is None else now.last_polled_us
                polls.append((event.execution_id, at_us))

        world.trace.listen(ItemChanged, on_change)
        world.trace.listen(ActionUsed, lambda event: actions.add((event.function, event.action)))
        world.run()
        statuses = {key.execution_id: str(world.status_of(key)) for key in world.workload.expected}
        verdicts = {each.name: each.verdict.value for each in world.monitors}
        world.close()
    return Seen(tier, statuses, tuple(sorted(polls)), verdicts, frozenset(actions))


def differences(first: Seen, other: Seen) -> Iterator[str]:
    """Sentences about what differs between two tiers."""
    here, there = f"in the {first.tier} tier", f"in the {other.tier} tier"
    for execution_id, status in first.statuses.items():
        if other.statuses[execution_id] != status:
            yield f"{execution_id} ends {status} {here}, {other.statuses[execution_id]} {there}"
    apart = WIRE_ONLY if first.tier == "fast" else frozenset()
    for name, verdict in first.verdicts.items():
        if name not in apart and other.verdicts[name] != verdict:
            yield f"{name}: {verdict} {here}, {other.verdicts[name]} {there}"
    yield from (f"{name}: fail {there}" for name in apart if other.verdicts[name] == "fail")
    if len(first.polls) != len(other.polls):
        yield f"{len(first.polls)} polls {here}, {len(other.polls)} {there}"
        return
    for one, two in zip(first.polls, other.polls, strict=True):
        if one[0] != two[0] or abs(one[1] - two[1]) > WITHIN_US:
            yield f"polled {one[0]} at {one[1]} {here}, {two[0]} at {two[1]} {there}"
            return


def allowed() -> frozenset[tuple[str, str]]:
    """Each function and action that its role allows."""
    with mock_aws():
        deployment = deploy(parameters={"DrsRoleName": "drs-orchestration-polling"})
    roles = {FINDER: deployment.finder.role, POLLER: deployment.poller.role}
    return frozenset(
        (function, action)
        for function, role in roles.items()
        for statement in role.statements
        for action in statement.actions
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per scenario, and its differences. Returns 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.tiers", description="Compare the tiers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"scenarios (default: {len(EACH_CHANGE)} of them)")
    parser.add_argument("--all", action="store_true", help="the whole catalogue")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 1 on (default: 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args(arguments)
    names = catalogue() if options.all else options.names or EACH_CHANGE
    used: set[tuple[str, str]] = set()
    worst = 0
    print(f"{'functions':22} {'scenario':24} {'seeds':>5} {'executions':>10} {'polls':>7}  {'apart':>8}")
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = {
            (functions, name): [pool.submit(compared, functions, name, 1 + seed) for seed in range(options.seeds)]
            for functions in (OURS, *PAIRS)
            for name in names
        }
        for (functions, name), futures in waiting.items():
            rows = [future.result() for future in futures]
            if functions == OURS:
                used.update(*(row.actions for row in rows))
            wrong = [f"seed {row.seed}: {text}" for row in rows for text in row.differences]
            worst += len(wrong)
            executions, polls = sum(row.executions for row in rows), sum(row.polls for row in rows)
            apart = f"{max(row.apart_us for row in rows)} us"
            outcome = "equal" if not wrong else f"{len(wrong)} DIFFERENCES"
            sizes = f"{len(rows):5} {executions:10} {polls:7}  {apart:>8}"
            print(f"{functions:22} {name:24} {sizes}  {outcome}", flush=True)
            for text in wrong[:5]:
                print(f"    {text}")
    idle = sorted(allowed() - used)
    if options.all:
        print("actions allowed by the roles that no run used: " + (", ".join(f"{b} of {a}" for a, b in idle) or "none"))
    return 1 if worst or (idle and options.all) else 0


if __name__ == "__main__":
    sys.exit(main())
