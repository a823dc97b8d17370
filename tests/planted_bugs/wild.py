"""Functions that do what no one would write on purpose: each act alone, and all of them in random order.

They are here to show that a run survives whatever functions do.
"""

from asyncio import CancelledError
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final

from drsim.orchestrator.errors import OrchestratorError
from drsim.orchestrator.model import Dispatch, ExecutionKey, JobScope, MetricPoint
from drsim.orchestrator.payloads import dispatch_of
from drsim.simulator.contract.layout import Attributes
from drsim.simulator.events import FINDER
from drsim.simulator.randomness import Stream
from drsim.simulator.services.functions import Handler, Invocation, Payload
from drsim.simulator.world import Parts, Ports, World, production_finder, production_poller


@dataclass(slots=True)
class Kept:
    """What functions keep in globals."""

    cursor: object | None = None
    pool: Executor | None = None
    seen: dict[ExecutionKey, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """One invocation: its world, the ports, what is kept, and the execution that it may be about."""

    world: World
    ports: Ports
    kept: Kept
    invocation: Invocation
    payload: Payload

    @property
    def key(self) -> ExecutionKey:
        """The poller's own execution; for a finder one that it has seen, or none that there is."""
        if "ExecutionId" in self.payload:
            return dispatch_of(self.payload).key
        return next(iter(self.kept.seen), ExecutionKey("nowhere", "no-plan"))

    @property
    def pool(self) -> Executor:
        """An executor that outlives the invocation."""
        self.kept.pool = self.kept.pool or self.ports.executor()
        return self.kept.pool

    def write(self, changes: Attributes, *, without: str = "") -> None:
        """Write attributes to the execution's item with no condition, taking one away."""
        self.world.kernel.sleep(50_000)
        table, invocation = self.world.table, self.invocation
        item = table.get(self.key)
        if item is not None:
            kept = {name: value for name, value in item.attributes.items() if name != without}
            table.put({**kept, **changes}, writer=invocation.function, request_id=invocation.request_id)


Act = Callable[[Scene], object]


def does_its_work(scene: Scene) -> None:
    deadline_us = scene.world.spec.epoch_us + scene.invocation.deadline_us
    if "ExecutionId" in scene.payload:
        production_poller(scene.ports).poll(dispatch_of(scene.payload), deadline_us=deadline_us)
    else:
        production_finder(scene.ports).run(deadline_us=deadline_us)


def goes_on_from_a_kept_key(scene: Scene) -> None:
    page = scene.ports.index.polling_page(scene.kept.cursor)
    scene.kept.cursor = page.next_cursor or scene.kept.cursor
    for execution in page.executions:
        scene.kept.seen[execution.key] = None
        scene.ports.invoker.invoke(Dispatch(key=execution.key))


def invokes_without_a_look(scene: Scene) -> None:
    for key in (*scene.kept.seen, ExecutionKey("invented", "p"), ExecutionKey(" ", "p")):
        scene.ports.invoker.invoke(Dispatch(key=key, dispatched_us=-5, active_count=-1, started_us=10**20))


def leaves_its_work_in_a_pool(scene: Scene) -> None:
    scene.pool.submit(does_its_work, scene)


def leaves_tasks_that_exit(scene: Scene) -> None:
    scene.pool.submit(raises(SystemExit(1)), scene)
    scene.pool.submit(raises(CancelledError()), scene)


def leaves_calls_that_take_forever(scene: Scene) -> None:
    def take_long() -> None:
        scene.ports.clock.sleep_us(400_000_000)
        scene.ports.store.get(scene.key)

    for _ in range(20):
        scene.pool.submit(take_long)


def asks_drs_for_anything(scene: Scene) -> None:
    for token in (None, "9999", "nonsense"):
        scene.ports.jobs.describe_page(JobScope("", "nowhere"), ["", "drsjob-0", "drsjob-0"], token)


def publishes_anything(scene: Scene) -> None:
    values = (float("inf"), float("nan"), -1e300, 0.0)
    for value in values:
        try:
            scene.ports.metrics.publish([MetricPoint("WavesPolled", value), MetricPoint("", value)])
        except OrchestratorError:
            continue


def deletes_the_item(scene: Scene) -> None:
    invocation = scene.invocation
    scene.world.table.delete(scene.key, writer=invocation.function, request_id=invocation.request_id)


def makes_an_execution(scene: Scene) -> None:
    item = {"ExecutionId": "made", "PlanId": "p", "Status": "COMPLETED", "ExecutionType": "DRILL", "TotalWaves": 0}
    invocation = scene.invocation
    attributes = {**item, "StartTime": -(10**12)}
    scene.world.table.put(attributes, writer=invocation.function, request_id=invocation.request_id)


def writes(**changes: object) -> Act:
    return lambda scene: scene.write(changes)


def takes_away(name: str) -> Act:
    return lambda scene: scene.write({}, without=name)


def raises(error: BaseException) -> Act:
    def act(_: Scene) -> None:
        raise error

    return act


class _WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


ACTS: Final[dict[str, Act]] = {
    "does its work": does_its_work,
    "does nothing": lambda _: None,
    "goes on from a kept key": goes_on_from_a_kept_key,
    "invokes without a look": invokes_without_a_look,
    "leaves its work in a pool": leaves_its_work_in_a_pool,
    "leaves tasks that exit": leaves_tasks_that_exit,
    "leaves calls that take forever": leaves_calls_that_take_forever,
    "asks DRS for anything": asks_drs_for_anything,
    "publishes anything": publishes_anything,
    "deletes the item": deletes_the_item,
    "makes an execution": makes_an_execution,
    "ends the process": raises(SystemExit("over")),
    "is cancelled": raises(CancelledError()),
    "fails without words": raises(_WordlessError()),
    "writes a version that is none": writes(Version="seven"),
    "writes a status that is none": writes(Status=7),
    "writes another status": writes(Status="DONE"),
    "ends an execution": writes(Status="PARTIAL"),
    "opens an execution": writes(Status="POLLING"),
    "writes waves as a text": writes(Waves="[]"),
    "writes no waves": writes(Waves=[]),
    "writes waves that are none": writes(Waves=["first", 2]),
    "writes nanoseconds": writes(StartTime=1_764_361_949 * 10**9, EndTime=1_764_361_949 * 10**9),
    "writes times before all calendars": writes(StartTime=-(10**30), LastPolledTime=-(10**30)),
    "takes the status away": takes_away("Status"),
    "takes the version away": takes_away("Version"),
    "takes the waves away": takes_away("Waves"),
    "takes the start away": takes_away("StartTime"),
}


def parts_of(choose: Callable[[World, Invocation], list[Act]]) -> Parts:
    """Both functions do what is chosen for each invocation."""

    def handlers(world: World) -> tuple[Handler, Handler]:
        ports, kept = world.ports(), Kept()

        def handle(payload: Payload, invocation: Invocation) -> None:
            scene = Scene(world, ports, kept, invocation, payload)
            for act in choose(world, invocation):
                act(scene)

        return handle, handle

    return Parts(handlers=handlers)


def wild(name: str) -> Parts:
    """The right functions, each of whose third invocations does something else as well, at its end."""

    def choose(_: World, invocation: Invocation) -> list[Act]:
        return [does_its_work] if invocation.run % 3 else [does_its_work, ACTS[name]]

    return parts_of(choose)


def finding(name: str) -> Parts:
    """A finder that does something else instead, and the right poller."""
    return parts_of(lambda _, invocation: [ACTS[name] if invocation.function == FINDER else does_its_work])


def leaving() -> Parts:
    """All work is left in a pool, and each handler returns at once."""
    return parts_of(lambda *_: [leaves_its_work_in_a_pool])


def at_random() -> Parts:
    """Half of all invocations do up to three things at random; the others do their work."""

    def choose(world: World, invocation: Invocation) -> list[Act]:
        stream = Stream(world.kernel.seed, f"wild/{invocation.request_id}")
        names = list(ACTS)
        chosen = [ACTS[names[number]] for number in stream.sample(len(names), stream.below(4))]
        return chosen if stream.chance(0.5) else [does_its_work]

    return parts_of(choose)
