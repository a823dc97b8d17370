"""The workload: Phase 1, which starts executions and their DRS jobs, and the people who cancel, end or delete them.

The worker of an execution is a process that lists the waves, starts their jobs and writes each JobId while polling
already runs. Its writes require an unchanged version.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, TypeGuard

from drsim.orchestrator.model import ExecutionKey, ExecutionStatus, ExecutionType, JobScope, JobStatus, WaveStatus
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION, Attributes, Layout
from drsim.simulator.contract.model import Contract
from drsim.simulator.errors import MisfitError
from drsim.simulator.faults.effects import Effects
from drsim.simulator.kernel import Kernel
from drsim.simulator.native_plans import NativePlan
from drsim.simulator.planned import PlannedExecution, PlannedWave, first_item, listed_wave
from drsim.simulator.randomness import Stream, exponential_us
from drsim.simulator.services.drs import DrsJob, DrsService
from drsim.simulator.services.dynamodb import ALWAYS, Condition, Table
from drsim.simulator.services.errors import ConditionFailedError, ItemTooLargeError, ServiceError
from drsim.simulator.spec.groups import Group, Launch
from drsim.simulator.spec.world import WorldSpec

WORKER: Final = "worker"
PERSON: Final = "person"


# An execution that may not have started: its position among all, its group, and its number in the group.
class _Coming(NamedTuple):
    start_us: int
    place: int
    group: int
    number: int


class Workload:
    """All executions of a world. Each is drawn when it starts, to save memory.

    The start time in their items lies `aged_us` before that.
    """

    def __init__(
        self,
        kernel: Kernel,
        table: Table,
        layout: Layout,
        drs: DrsService,
        spec: WorldSpec,
        effects: Effects,
        *,
        aged_us: int = 0,
    ) -> None:
        self._kernel = kernel
        self._layout = layout
        self._effects = effects
        self._table = table
        self._drs = drs
        self._spec = spec
        self._aged_us = aged_us
        self._scopes = [
            JobScope(f"{int(HOME_ACCOUNT) + account:012}", region)
            for account in range(spec.accounts)
            for region in spec.regions
        ]
        check_fit(spec.workload, layout.contract)
        self._coming: list[_Coming] = []
        for group_number, group in enumerate(spec.workload):
            for number, start_us in enumerate(_arrivals(group, Stream(kernel.seed, f"workload/{group_number}"))):
                self._coming.append(_Coming(start_us, len(self._coming), group_number, number))
        self.planned: Final[dict[str, int]] = {}
        """The number of waves of each started execution, unless the table holds it."""
        self.native: Final[dict[str, NativePlan]] = {}
        """The executions of recovery plans that have begun, by the id of their execution in the table."""
        # The keys of started executions, by their position.
        self._keys: dict[int, ExecutionKey] = {}
        self._instants = groupby(sorted(self._coming, key=attrgetter("start_us")), attrgetter("start_us"))
        self._expect_next()

    def __len__(self) -> int:
        return len(self._coming)

    @property
    def expected(self) -> dict[ExecutionKey, ExecutionStatus | None]:
        """Every execution, started or not, with its required final status, if any."""
        return {
            self._keys.get(coming.place) or self._plan(coming).key: self._spec.workload[coming.group].expect
            for coming in self._coming
        }

    @property
    def plans(self) -> list[PlannedExecution]:
        """Every execution, drawn again from its own stream."""
        return [self._plan(coming) for coming in self._coming]

    def _expect_next(self) -> None:
        """Schedule the executions of the next instant only: a large heap makes the kernel slow."""
        start_us, together = next(self._instants, (0, ()))
        for number, coming in enumerate(together):
            self._kernel.at(start_us, self._begin, (coming, number == 0))

    def _begin(self, arrival: tuple[_Coming, bool]) -> None:
        coming, is_first = arrival
        if is_first:
            self._expect_next()
        plan = self._plan(coming)
        self._keys[coming.place] = plan.key
        if "total_waves" not in self._layout.execution.places:
            self.planned[plan.key.execution_id] = len(plan.waves)
        self._kernel.spawn(f"worker of {plan.key.execution_id}", self._work_or_stop, plan)
        group = plan.group
        for after_us, act in (
            (group.cancel_after, self._cancel),
            (group.ended_after, self._end),
            (group.deleted_after, self._delete),
        ):
            if after_us is not None:
                self._kernel.at(plan.start_us + after_us, act, plan)

    def _plan(self, coming: _Coming) -> PlannedExecution:
        group, number = self._spec.workload[coming.group], coming.number
        if number < len(group.ids):
            execution_id = group.ids[number]
        else:
            drawn = Stream(self._kernel.seed, f"workload/{coming.group}/{number}")
            execution_id = "-".join([drawn.hexadecimal(digits) for digits in (8, 4, 4, 4, 12)])
        # Named by its id, so that other executions do not change it.
        stream = Stream(self._kernel.seed, f"workload/{execution_id}")
        place = coming.place if group.place is None else group.place + number
        waves = tuple(
            PlannedWave(
                number=position + 1,
                name=wave.shown(position + 1),
                scope=self._scope(group, place + position * group.spread_waves),
                server_ids=tuple(f"s-{stream.hexadecimal(16)}0" for _ in range(wave.servers or group.servers)),
                launch=wave.launch,
                life=wave.jobs or group.jobs,
            )
            for position, wave in enumerate(group.waves)
        )
        plan_id = group.plan or f"plan-{stream.hexadecimal(8)}"
        key = ExecutionKey(execution_id, "" if self._layout.range_name is None else plan_id)
        return PlannedExecution(key=key, group=group, start_us=coming.start_us, place=place, waves=waves, stream=stream)

    def _scope(self, group: Group, place: int) -> JobScope:
        """Return where a wave's job runs: what the table does not name is the functions' own."""
        scope, places = self._scopes[place % len(self._scopes)], self._layout.wave.places
        return JobScope(
            scope.account_id if "account" in places else HOME_ACCOUNT,
            scope.region if "region" in places and group.wave_regions else HOME_REGION,
        )

    def _work_or_stop(self, plan: PlannedExecution) -> None:
        """Play the worker. One whose write DynamoDB refuses ends there: no further wave starts, the item stays."""
        with suppress(ItemTooLargeError):
            self._work(plan)

    def _work(self, plan: PlannedExecution) -> None:
        self._pause_for_write(plan)
        self._table.put(first_item(self._layout, plan, self._spec.epoch_us - self._aged_us), writer=WORKER)
        if plan.group.kind == "recovery_plan":
            self._watch_native(plan)
            return
        for wave in plan.waves:
            item = self._table.get(plan.key)
            if item is not None and self._layout.is_cancelling(item.attributes):
                return
            job, seen = self._launch(plan, wave)
            if not self._amend(plan, wave, seen):
                return
            if plan.group.order == "sequential" and job is not None:
                # The worker asks DRS itself whether the wave is done before it starts the next one.
                now_us = self._kernel.now_us
                next_us = max(job.ended_us, now_us) + plan.group.reaction.draw(plan.stream)
                if next_us > self._spec.duration:
                    return
                self._kernel.sleep(next_us - now_us)

    def _watch_native(self, plan: PlannedExecution) -> None:
        """Start a recovery plan of DRS, and write the job of each server step as its wave's, until the plan has ended.

        A finished wave must not change, so a retry of a step is a further wave.
        """
        started = self._layout.waves.first(WaveStatus.LAUNCHING, WaveStatus.IN_PROGRESS, WaveStatus.PENDING)
        native = self.native[plan.key.execution_id] = NativePlan(self._kernel, self._drs, self._effects, plan)
        waves = dict(native.waves)
        written: set[str] = set()
        while self._kernel.now_us <= self._spec.duration:
            is_final = native.is_final
            for step, job in native.jobs:
                if job.job_id in written:
                    continue
                written.add(job.job_id)
                wave = waves.pop(step, None)
                if wave is None:
                    wave = native.retried(step, job, len(plan.waves) + 1)
                    plan = replace(plan, waves=(*plan.waves, wave))
                seen = {"status": started, "job": job.job_id, "job_status": JobStatus.PENDING}
                if not self._amend(plan, wave, seen):
                    return
            for step, status in native.ends(waves) if is_final else ():
                seen = {"status": WaveStatus.FAILED, "message": f"the recovery plan's step is {status}"}
                if not self._amend(plan, waves[step], seen):
                    return
            if is_final:
                return
            self._kernel.sleep(plan.group.reaction.draw(plan.stream))

    def _launch(self, plan: PlannedExecution, wave: PlannedWave) -> tuple[DrsJob | None, dict[str, object]]:
        """Start a wave's job. Return it with the fields of the wave that the worker writes."""
        started = self._layout.waves.first(WaveStatus.LAUNCHING, WaveStatus.IN_PROGRESS, WaveStatus.PENDING)
        if wave.launch is Launch.UNKNOWN:
            return None, {"status": started, "job": f"drsjob-{plan.stream.hexadecimal(16)}0"}
        if wave.launch is Launch.FAILED:
            return None, {"status": WaveStatus.FAILED, "message": "the plan's worker could not start a job"}
        if wave.launch in (Launch.NEVER, Launch.EMPTY):
            job_id = "" if wave.launch is Launch.EMPTY else None
            return None, {"status": started, "job": job_id, "job_status": plan.group.table_job_status}
        self._kernel.sleep(self._spec.latencies.start_recovery.draw(plan.stream))
        try:
            ids = (plan.key.execution_id, wave.scope.region, wave.number)
            life = self._effects.life(*ids, len(wave.server_ids), wave.life)
            self._drs.add_servers(wave.scope, wave.server_ids, life)
            is_drill = plan.group.type is ExecutionType.DRILL
            job = self._drs.start_recovery(wave.scope, wave.server_ids, is_drill=is_drill)
        except ServiceError as error:
            return None, {"status": WaveStatus.FAILED, "message": str(error)}
        return job, {"status": started, "job": job.job_id, "job_status": JobStatus.PENDING}

    def _amend(self, plan: PlannedExecution, wave: PlannedWave, seen: Mapping[str, object]) -> bool:
        """Write fields of a wave and start polling.

        Return False if the execution is over, cancelled, gone or unreadable: the worker starts no further wave.
        """
        layout, is_versioned = self._layout, self._layout.contract.promises.versioned
        while True:
            if not is_versioned:
                # Without versions the worker sets a wave's attributes in one UpdateItem, which is atomic.
                self._pause_for_write(plan)
            item = self._table.get(plan.key)
            if item is None or layout.is_over(item.attributes):
                return False
            listed, version = layout.execution.places["waves"].of(item.attributes), layout.version_of(item.attributes)
            if not _is_list_of_maps(listed):
                # A function has corrupted the item, which properties report: Phase 1 cannot continue.
                return False
            if is_versioned:
                self._pause_for_write(plan)
            # Usually at most one is missing; more if a function has dropped some.
            waves = [*listed, *(listed_wave(layout, plan, each) for each in plan.waves[len(listed) : wave.number])]
            waves[wave.number - 1] = layout.wave.written(waves[wave.number - 1], **seen)
            is_cancelling = layout.is_cancelling(item.attributes)
            status: dict[str, object] = {} if is_cancelling else {"status": ExecutionStatus.POLLING}
            if len(plan.waves) > len(plan.group.waves):
                status["total_waves"] = len(plan.waves)
                self.planned.update(dict.fromkeys(self.planned.keys() & {plan.key.execution_id}, len(plan.waves)))
            changes = layout.execution.changes(item.attributes, waves=waves, version=version + 1, **status)
            unchanged = Condition(*layout.unchanged(version)) if is_versioned else ALWAYS
            try:
                self._table.update(plan.key, changes, writer=WORKER, condition=unchanged)
            except ConditionFailedError:
                continue
            return not is_cancelling

    def _pause_for_write(self, plan: PlannedExecution) -> None:
        self._kernel.sleep(self._spec.latencies.update_warm.draw(plan.stream))

    def _cancel(self, plan: PlannedExecution) -> None:
        if (native := self.native.get(plan.key.execution_id)) is not None:
            native.cancel()
        self._write_by_hand(plan, self._layout.cancelled(self._spec.epoch_us + self._kernel.now_us))

    def _end(self, plan: PlannedExecution) -> None:
        # A team without a word for this end has one for failures.
        status = self._layout.executions.first(plan.group.ended_as, ExecutionStatus.FAILED)
        self._write_by_hand(plan, {"status": status, "end": self._spec.epoch_us + self._kernel.now_us})

    def _delete(self, plan: PlannedExecution) -> None:
        self._table.delete(plan.key, writer=PERSON)

    def _write_by_hand(self, plan: PlannedExecution, fields: Mapping[str, object]) -> None:
        """Write fields as a person, unless the execution is over or gone."""
        item, layout = self._table.get(plan.key), self._layout
        if item is None or layout.is_over(item.attributes):
            return
        version = layout.version_of(item.attributes) + 1
        changes = layout.execution.changes(item.attributes, version=version, **fields)
        with suppress(ItemTooLargeError):
            self._table.update(plan.key, changes, writer=PERSON)


def check_fit(groups: Sequence[Group], contract: Contract) -> None:
    """Raise MisfitError for a group whose items the contract cannot hold."""
    table, start = contract.table, contract.execution.start
    for number, group in enumerate(groups):
        if not group.start_time and start is not None and table.index_range == start:
            reason = f"{table.index} has {start} as range key and leaves out items without it"
            raise MisfitError(f"workload[{number}].start_time must be true, for {reason}, got false")
        if not group.wave_regions and contract.promises.cross_account:
            reason = f"waves of a cross-account contract name their {contract.wave.region or 'Region'}"
            raise MisfitError(f"workload[{number}].wave_regions must be true, for {reason}, got false")


def _arrivals(group: Group, stream: Stream) -> Iterator[int]:
    arrival, count = group.arrival, group.executions
    match arrival.pattern:
        case "at_once":
            yield from (arrival.at for _ in range(count))
        case "steady":
            yield from (arrival.at + arrival.over * number // count for number in range(count))
        case "bursts":
            bursts = min(arrival.bursts, count)
            for number in range(count):
                yield arrival.at + arrival.over * (number * bursts // count) // bursts
        case "poisson":
            # `over` is the mean time of the last arrival, so that the last ones may come after it.
            due_us = arrival.at
            for _ in range(count):
                yield due_us
                due_us += exponential_us(stream, arrival.over // count)


def _is_list_of_maps(waves: object) -> TypeGuard[list[Attributes]]:
    return isinstance(waves, list) and all(isinstance(wave, dict) for wave in waves)
