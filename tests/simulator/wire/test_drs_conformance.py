"""DRS as the fast tier asks it and as boto3 does: equal worlds, one asked directly, the other through moto's backend.

Answers are read with the production adapter where it reads them. Which starts must be refused is said by a small model
of this module's own, for both worlds share the code that refuses. What differs on
purpose stands in test_drs_differences.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from drsim.orchestrator.aws.drs import RegionalJobs
from drsim.orchestrator.model import Job, JobScope, JobStatus, ServerStatus
from drsim.simulator import moto_drs
from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.drs import DrsJob, DrsRefusedError, DrsService
from drsim.simulator.services.spec import Drs, JobLife
from drsim.simulator.trace import Trace

if TYPE_CHECKING:
    from mypy_boto3_drs import DrsClient

pytestmark = pytest.mark.usefixtures("moto")

EPOCH_US: Final = 1_764_313_200_000_000
EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
REGIONS: Final = ("us-east-1", "us-west-2")
SECOND: Final = 1_000_000
UNKNOWN: Final = "drsjob-" + "f" * 17

EAST, WEST = (JobScope(HOME_ACCOUNT, region) for region in REGIONS)
# Most happens in one Region, for a job alone there shows little.
SCOPES: Final = st.sampled_from([EAST, EAST, EAST, WEST])
SERVER_IDS: Final = tuple(f"s-{number:017x}" for number in range(6))
SUBSETS: Final = st.lists(st.sampled_from(SERVER_IDS), min_size=1, max_size=2, unique=True) | st.lists(
    st.sampled_from(SERVER_IDS), min_size=1, max_size=5, unique=True
)


def spreads(seconds_max: int) -> st.SearchStrategy[str]:
    bounds = st.tuples(st.integers(0, seconds_max), st.integers(0, seconds_max))
    return bounds.map(lambda pair: f"{min(pair)}s..{max(pair)}s")


LIVES: Final = st.fixed_dictionaries(
    {"pending": spreads(20), "started": spreads(5), "in_progress": spreads(20)},
    optional={
        "failed_servers": st.integers(0, 3),
        "hangs": st.sampled_from([False, False, False, True]),
        "actions": st.integers(0, 3),
        "failed_actions": st.integers(0, 2),
        "action_time": spreads(10),
    },
).map(JobLife.model_validate)


class Started:
    """What the model knows of a job: its servers and the instant of its end, from the truth, and how it may live."""

    def __init__(self, job: DrsJob, life: JobLife, servers: Sequence[str]) -> None:
        self.job_id = job.job_id
        self.created_us = job.created_us
        self.ended_us = job.ended_us
        self.servers = tuple(servers)
        self.life = life


def refusal_of(call: Callable[[], object]) -> tuple[Any, dict[str, str]]:
    """What a call gives, or the code, text and members of its refusal."""
    try:
        return call(), {}
    except DrsRefusedError as error:
        return None, {"Code": error.code, "Message": error.message, **error.members}
    except ClientError as error:
        response: dict[str, Any] = dict(error.response)
        kept = ("resourceId", "resourceType", "serviceCode", "quotaCode")
        return None, {**response["Error"], **{name: response[name] for name in kept if name in response}}


def sorted_jobs(jobs: Sequence[Job]) -> list[Job]:
    return sorted(jobs, key=lambda job: job.job_id)


class Worlds(RuleBasedStateMachine):
    """Two worlds of DRS in which the same happens at the same instants."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels = (Kernel(seed=0), Kernel(seed=0))
        self.jobs: dict[JobScope, list[Started]] = {}
        self.terminations: dict[JobScope, list[Started]] = {}
        self.lives: dict[tuple[JobScope, str], JobLife] = {}
        self.deleted: set[str] = set()

    @initialize(
        seed=st.integers(0, 100),
        quotas=st.builds(
            Drs,
            jobs_max=st.integers(1, 4),
            servers_per_job_max=st.integers(2, 4),
            servers_in_jobs_max=st.integers(3, 6),
            page_size=st.integers(1, 3),
        ),
        lives=st.lists(LIVES, min_size=5, max_size=5),
        starts=st.integers(2, 5),
        pause_us=st.sampled_from([0, SECOND, 20 * SECOND]),
    )
    def begin(self, seed: int, quotas: Drs, lives: list[JobLife], starts: int, pause_us: int) -> None:
        self.quotas = quotas
        self.kernels = (Kernel(seed=seed), Kernel(seed=seed))
        self.traces = (Trace(), Trace())
        self.direct = DrsService(self.kernels[0], self.traces[0], quotas)
        self.behind = DrsService(self.kernels[1], self.traces[1], quotas)
        moto_drs.attach(self.behind, epoch_us=EPOCH_US)
        self.clients: dict[JobScope, DrsClient] = {
            JobScope(HOME_ACCOUNT, region): boto3.client("drs", region_name=region) for region in REGIONS
        }
        self.adapter = RegionalJobs(self.clients.__getitem__)
        # All but one, so that some starts are for an unknown server.
        for server_id, life in zip(SERVER_IDS, lives, strict=False):
            self.add_servers(EAST, [server_id], life)
        # Without a few jobs there would be little to see.
        for number in range(starts):
            self.start(EAST, [SERVER_IDS[number]], is_drill=False)
            self.wait(pause_us)

    def teardown(self) -> None:
        moto_drs.detach()
        for kernel in self.kernels:
            kernel.close()

    @property
    def now_us(self) -> int:
        return self.kernels[0].now_us

    # --- what happens ----------------------------------------------------------------------------------------

    @rule(scope=SCOPES, server_ids=SUBSETS, life=LIVES)
    def add_servers(self, scope: JobScope, server_ids: list[str], life: JobLife) -> None:
        """Some were there already and get another life."""
        self.direct.add_servers(scope, server_ids, life)
        moto_drs.add_source_servers(*scope, server_ids, life=life)
        self.lives |= {(scope, server_id): life for server_id in server_ids}

    @rule(duration_us=st.integers(0, 15 * SECOND) | st.just(45 * SECOND))
    def wait(self, duration_us: int) -> None:
        until_us = self.now_us + duration_us
        for kernel in self.kernels:
            kernel.run(until_us=until_us)

    @rule(scope=SCOPES, server_ids=SUBSETS, is_drill=st.booleans())
    def start(self, scope: JobScope, server_ids: list[str], is_drill: bool) -> None:
        expected = self.expected_refusal(scope, server_ids)
        job, refusal = refusal_of(lambda: self.direct.start_recovery(scope, server_ids, is_drill=is_drill))
        answer, said = refusal_of(
            lambda: self.clients[scope].start_recovery(
                sourceServers=[{"sourceServerID": server_id} for server_id in server_ids], isDrill=is_drill
            )
        )
        event(f"start: {expected or 'taken'}")
        assert said == refusal
        assert refusal.get("quotaCode", refusal.get("Code", "")) == expected
        if job is not None:
            assert answer["job"]["jobID"] == job.job_id
            assert answer["job"]["initiatedBy"] == ("START_DRILL" if is_drill else "START_RECOVERY")
            assert self.instant_us(answer["job"]["creationDateTime"]) == self.now_us
            self.jobs.setdefault(scope, []).append(Started(job, self.lives[scope, server_ids[0]], server_ids))

    def expected_refusal(self, scope: JobScope, server_ids: list[str]) -> str:
        """The model's own word: a code, that of a quota where one is reached, or "" for a start that is taken."""
        begun = self.jobs.get(scope, []) + self.terminations.get(scope, [])
        running = [job for job in begun if job.ended_us > self.now_us]
        busy = [server_id for job in running for server_id in job.servers]
        if any((scope, server_id) not in self.lives for server_id in server_ids):
            return "ConflictException"
        if len(server_ids) > self.quotas.servers_per_job_max:
            return "L-B827C881"
        if any(server_id in busy for server_id in server_ids):
            return "ConflictException"
        if len(running) >= self.quotas.jobs_max:
            return "L-D88FAC3A"
        return "L-05AFA8C6" if len(busy) + len(server_ids) > self.quotas.servers_in_jobs_max else ""

    @rule(data=st.data(), scope=SCOPES)
    def delete(self, data: st.DataObject, scope: JobScope) -> None:
        begun = self.jobs.get(scope, [])
        job_id = data.draw(st.sampled_from([*(job.job_id for job in begun), UNKNOWN]))
        _, refusal = refusal_of(lambda: self.direct.delete_job(scope, job_id))
        answer, said = refusal_of(lambda: self.clients[scope].delete_job(jobID=job_id))
        assert said == refusal
        ended = any(job.job_id == job_id and job.ended_us <= self.now_us for job in begun)
        assert (answer is not None) == (ended and job_id not in self.deleted)
        if answer is not None:
            event("job deleted")
            self.deleted.add(job_id)

    @rule(data=st.data(), scope=SCOPES)
    def terminate(self, data: st.DataObject, scope: JobScope) -> None:
        known = [each.launch.instance_id for each in self.direct.recovery_instances(scope).values()]
        ids = data.draw(st.lists(st.sampled_from([*known, "i-00000000"]), min_size=1, max_size=2, unique=True))
        job, refusal = refusal_of(lambda: self.direct.terminate_instances(scope, ids))
        answer, said = refusal_of(lambda: self.clients[scope].terminate_recovery_instances(recoveryInstanceIDs=ids))
        assert said == refusal
        if job is not None:
            event("terminated")
            assert (answer["job"]["jobID"], answer["job"]["type"]) == (job.job_id, "TERMINATE")
            servers = [server.source_server_id for server in job.servers]
            started = Started(job, self.lives[scope, servers[0]], servers)
            self.terminations.setdefault(scope, []).append(started)

    # --- what is seen ----------------------------------------------------------------------------------------

    @rule(data=st.data())
    def describe_some(self, data: st.DataObject) -> None:
        """Any filter of known, unknown and other Regions' ids, twice where it likes, in pages of DRS's choice."""
        ids = [*sorted({job.job_id for jobs in self.jobs.values() for job in jobs}), UNKNOWN]
        chosen = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=6))
        for scope in self.clients:
            self.described(scope, chosen)

    @rule(data=st.data(), scope=SCOPES, page=st.none() | st.integers(1, 4))
    def read_log(self, data: st.DataObject, scope: JobScope, page: int | None) -> None:
        begun = self.jobs.get(scope, []) + self.terminations.get(scope, [])
        job_id = data.draw(st.sampled_from([*(job.job_id for job in begun), UNKNOWN]))
        job = self.direct.job(scope, job_id)
        further: dict[str, Any] = {} if page is None else {"maxResults": page}
        seen: list[tuple[int, str, str]] = []
        while True:
            answer = self.clients[scope].describe_job_log_items(jobID=job_id, **further)
            assert len(answer["items"]) <= (page or self.quotas.page_size)
            seen += [
                (self.instant_us(item["logDateTime"]), item["event"], item["eventData"].get("sourceServerID", ""))
                for item in answer["items"]
            ]
            if "nextToken" not in answer:
                break
            further["nextToken"] = answer["nextToken"]
        shown = () if job is None or job_id in self.deleted else self.direct.log_items(job)
        event(f"log: {min(len(seen), 8)} items")
        assert seen == [(item.at_us, item.event, item.source_server_id) for item in shown]

    @invariant()
    def all_jobs_show_the_same(self) -> None:
        for scope, begun in self.jobs.items():
            all_of_them = begun + self.terminations.get(scope, [])
            shown = self.described(scope, [job.job_id for job in all_of_them])
            assert sorted(shown) == sorted(job.job_id for job in all_of_them if job.job_id not in self.deleted)
            for job in begun:
                if job.job_id in shown:
                    self.check_life(job, shown[job.job_id])

    @invariant()
    def instances_and_servers_show_the_same(self) -> None:
        for scope in self.jobs:
            instances = self.direct.recovery_instances(scope)
            answer = self.clients[scope].describe_recovery_instances(maxResults=100)
            assert [
                (item["sourceServerID"], item["recoveryInstanceID"], item["jobID"]) for item in answer["items"]
            ] == [(server_id, each.launch.instance_id, each.job.job_id) for server_id, each in instances.items()]
            assert [item["ec2InstanceState"] for item in answer["items"]] == [
                each.state(self.now_us) for each in instances.values()
            ]
            servers = self.clients[scope].describe_source_servers(maxResults=100)["items"]
            assert [server["sourceServerID"] for server in servers] == list(self.direct.servers(scope))
            assert {server["sourceServerID"]: server.get("recoveryInstanceId") for server in servers} == {
                server_id: instances[server_id].launch.instance_id if server_id in instances else None
                for server_id in self.direct.servers(scope)
            }

    @invariant()
    def the_traces_are_the_same(self) -> None:
        if self.clients_known:
            assert list(self.traces[0].lines()) == list(self.traces[1].lines())

    @property
    def clients_known(self) -> bool:
        return hasattr(self, "clients")

    def described(self, scope: JobScope, job_ids: Sequence[str]) -> dict[str, Job]:
        """What both worlds show of these jobs, which must be the same."""
        pages: tuple[list[Sequence[Job]], list[Sequence[Job]]] = ([], [])
        token: str | None = None
        while True:
            jobs, token = self.direct.describe_jobs(scope, job_ids, token)
            pages[0].append(jobs)
            if token is None:
                break
        while True:
            page = self.adapter.describe_page(scope, job_ids, token)
            pages[1].append(page.jobs)
            token = page.next_token
            if token is None:
                break
        assert [len(page) for page in pages[0]] == [len(page) for page in pages[1]]
        event(f"pages: {min(len(pages[0]), 3)}")
        direct = [job for each in pages[0] for job in each]
        seen = [job for each in pages[1] for job in each]
        assert sorted_jobs(seen) == sorted_jobs(direct)
        born = {job.job_id: job.created_us for job in self.jobs.get(scope, []) + self.terminations.get(scope, [])}
        for shown in (direct, seen):
            instants = [born[job.job_id] for job in shown]
            assert instants == sorted(instants, reverse=True), "newest first"
        return {job.job_id: job for job in seen}

    def check_life(self, started: Started, shown: Job) -> None:
        """A job must be as far as its life lets it be at its age, and its servers with it."""
        life, age_us = started.life, self.now_us - started.created_us
        earliest_us, latest_us = life.pending.low_us, life.pending.high_us
        launch_latest_us = latest_us + life.started.high_us
        end_earliest_us = earliest_us + life.started.low_us + life.in_progress.low_us
        end_latest_us = launch_latest_us + life.in_progress.high_us
        if age_us < earliest_us:
            assert shown.status is JobStatus.PENDING
        if age_us < end_earliest_us or life.hangs:
            assert shown.status is not JobStatus.COMPLETED
        if age_us >= latest_us:
            assert shown.status is not JobStatus.PENDING
        if age_us >= end_latest_us and not life.hangs:
            assert shown.status is JobStatus.COMPLETED
        assert tuple(server.source_server_id for server in shown.servers) == started.servers
        statuses = [server.status for server in shown.servers]
        if shown.status is JobStatus.PENDING:
            assert set(statuses) == {ServerStatus.PENDING}
        if age_us >= launch_latest_us:
            assert ServerStatus.PENDING not in statuses
        if shown.status is JobStatus.COMPLETED:
            assert statuses.count(ServerStatus.FAILED) == min(life.failed_servers, len(statuses))
            assert set(statuses) <= {ServerStatus.FAILED, ServerStatus.LAUNCHED}
        for server in shown.servers:
            assert len(server.actions) <= (life.actions if server.status is ServerStatus.LAUNCHED else 0)

    @staticmethod
    def instant_us(text: str) -> int:
        return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1) - EPOCH_US


TestWorlds = pytest.mark.slow(Worlds.TestCase)
# Shrinking would take minutes of requests, and no more than fifteen steps can be read as they are.
TestWorlds.settings = settings(
    max_examples=40, stateful_step_count=15, deadline=None, derandomize=True, phases=[Phase.generate]
)
