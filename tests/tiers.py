"""Compares both tiers on the same scenarios and seeds: `python -m tests.tiers [--all] [--seeds N] [NAME...]`.

Both must give the same final statuses, the same verdicts of all properties that both can judge, and the same instants
of polls (`LastPolledTime`, within a millisecond, because freezegun counts in floats). Differences are printed, and the
exit code is then 1. With the whole catalogue, every action that a role allows must be used.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context

from moto import mock_aws

from drsim.scenarios.files import catalogue
from drsim.scenarios.model import Scenario
from drsim.scenarios.suites import small
from drsim.simulator.events import FINDER, POLLER, ActionUsed, ItemChanged
from drsim.simulator.wire.deployment import deploy
from drsim.simulator.wire.tier import wire_parts
from drsim.simulator.world import Parts, World

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


@dataclass(frozen=True, slots=True)
class Seen:
    """The outcome of a scenario and a seed in one tier."""

    statuses: dict[str, str]
    polls: tuple[tuple[str, int], ...]
    verdicts: dict[str, str]
    actions: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """The comparison of both tiers on one scenario and seed."""

    name: str
    seed: int
    executions: int
    polls: int
    apart_us: int
    differences: tuple[str, ...]
    actions: frozenset[tuple[str, str]]


def compared(name: str, seed: int) -> Row:
    """Run a scenario of the catalogue with a seed in both tiers."""
    scenario = small(name)
    fast, wire = seen(scenario, seed, wire=False), seen(scenario, seed, wire=True)
    return Row(
        name=name,
        seed=seed,
        executions=len(fast.statuses),
        polls=len(fast.polls),
        apart_us=max((abs(one[1] - other[1]) for one, other in zip(fast.polls, wire.polls, strict=False)), default=0),
        differences=tuple(differences(fast, wire)),
        actions=wire.actions,
    )


def seen(scenario: Scenario, seed: int, *, wire: bool) -> Seen:
    """Run a scenario in one tier."""
    with wire_parts(scenario, seed=seed) if wire else nullcontext(Parts()) as parts:
        world = World(scenario, seed=seed, parts=parts, verdict_only=True)
        polls: list[tuple[str, int]] = []
        actions: set[tuple[str, str]] = set()

        def on_change(event: ItemChanged) -> None:
            now = event.execution
            if event.request_id and now is not None and now.last_polled_us is not None:
                polls.append((event.execution_id, now.last_polled_us))

        world.trace.listen(ItemChanged, on_change)
        world.trace.listen(ActionUsed, lambda event: actions.add((event.function, event.action)))
        world.run()
        statuses = {key.execution_id: str(world.status_of(key)) for key in world.workload.expected}
        verdicts = {each.name: each.verdict.value for each in world.monitors}
        world.close()
    return Seen(statuses, tuple(sorted(polls)), verdicts, frozenset(actions))


def differences(fast: Seen, wire: Seen) -> Iterator[str]:
    """Sentences about what differs between both tiers."""
    for execution_id, status in fast.statuses.items():
        if wire.statuses[execution_id] != status:
            yield f"{execution_id} ends {status} in the fast tier, {wire.statuses[execution_id]} in the wire tier"
    for name, verdict in fast.verdicts.items():
        if name not in WIRE_ONLY and wire.verdicts[name] != verdict:
            yield f"{name}: {verdict} in the fast tier, {wire.verdicts[name]} in the wire tier"
    yield from (f"{name}: fail in the wire tier" for name in WIRE_ONLY if wire.verdicts[name] == "fail")
    if len(fast.polls) != len(wire.polls):
        yield f"{len(fast.polls)} polls in the fast tier, {len(wire.polls)} in the wire tier"
        return
    for one, other in zip(fast.polls, wire.polls, strict=True):
        if one[0] != other[0] or abs(one[1] - other[1]) > WITHIN_US:
            yield f"polled {one[0]} at {one[1]} in the fast tier, {other[0]} at {other[1]} in the wire tier"
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
    parser = argparse.ArgumentParser(prog="python -m tests.tiers", description="Compare the fast and the wire tier.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"scenarios (default: {len(EACH_CHANGE)} of them)")
    parser.add_argument("--all", action="store_true", help="the whole catalogue")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 1 on (default: 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args(arguments)
    names = catalogue() if options.all else options.names or EACH_CHANGE
    used: set[tuple[str, str]] = set()
    worst = 0
    print(f"{'scenario':24} {'seeds':>5} {'executions':>10} {'polls':>7}  {'apart':>8}  statuses, verdicts, polls")
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        waiting = {name: [pool.submit(compared, name, 1 + seed) for seed in range(options.seeds)] for name in names}
        for name, futures in waiting.items():
            rows = [future.result() for future in futures]
            used.update(*(row.actions for row in rows))
            wrong = [f"seed {row.seed}: {text}" for row in rows for text in row.differences]
            worst += len(wrong)
            executions, polls = sum(row.executions for row in rows), sum(row.polls for row in rows)
            apart = f"{max(row.apart_us for row in rows)} us"
            outcome = "equal" if not wrong else f"{len(wrong)} DIFFERENCES"
            print(f"{name:24} {len(rows):5} {executions:10} {polls:7}  {apart:>8}  {outcome}", flush=True)
            for text in wrong[:5]:
                print(f"    {text}")
    idle = sorted(allowed() - used)
    if options.all:
        print("actions allowed by the roles that no run used: " + (", ".join(f"{b} of {a}" for a, b in idle) or "none"))
    return 1 if worst or (idle and options.all) else 0


if __name__ == "__main__":
    sys.exit(main())
