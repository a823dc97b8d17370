"""All operations, called in any order while time passes: no answer outside the model, no 500, no contradiction."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from freezegun.api import FrozenDateTimeFactory
from moto import mock_aws

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.moto_drs import (
    JobLife,
    add_source_servers,
    advance,
    fail_launches,
    pair_failback_client,
    set_replication,
)
from tests.drsim.served import serving
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, client, session
from tests.simulator.moto_drs.journeys import STAGING, WEST, ImpossibleError
from tests.simulator.moto_drs.machine import NAMES, READS, DrsCalls, run, sent

_LIVES = (
    JobLife(),
    JobLife.model_validate({"failed_servers": 1}),
    JobLife.model_validate({"pending": "0s", "started": "0s", "in_progress": "0s"}),
    JobLife.model_validate({"actions": 2, "failed_actions": 1}),
    JobLife.model_validate({"terminates": "5m"}),
    JobLife.model_validate({"pending_servers": 1}),
    JobLife.model_validate({"in_progress": "30h"}),
)

_BACK = (0.5, 40.0, 1500.0)
"""Minutes by which the clock is set back."""

_REACHED = {
    "RecoveryPlanExecutionStatus": {
        "CREATED",
        "IN_PROGRESS",
        "COMPLETED",
        "FAILED",
        "CANCELLING",
        "CANCELLED",
        "TIMED_OUT",
    },
    "RecoveryPlanExecutionStepStatus": {
        "NOT_STARTED",
        "EXECUTING",
        "WAITING",
        "COMPLETED",
        "FAILED",
        "SKIPPED",
        "TIMED_OUT",
    },
    "FailbackState": {
        "FAILBACK_NOT_STARTED",
        "FAILBACK_IN_PROGRESS",
        "FAILBACK_READY_FOR_LAUNCH",
        "FAILBACK_COMPLETED",
        "FAILBACK_ERROR",
        "FAILBACK_NOT_READY_FOR_LAUNCH",
    },
    "LaunchStatus": {"PENDING", "IN_PROGRESS", "LAUNCHED", "FAILED", "TERMINATED"},
    "RecoveryResult": {"NOT_STARTED", "IN_PROGRESS", "SUCCESS", "ASSOCIATE_SUCCESS"},
    "DataReplicationState": {"STOPPED", "INITIATING", "CONTINUOUS", "STALLED", "DISCONNECTED"},
}
"""States that 3,000 calls must reach, by the name of their shape."""

_IMPOSSIBLE_ON_SERVE = {
    "ReverseReplication": "no server comes from AWS",
    "CreateExtendedSourceServer": "no server is in a staging account",
    "ListExtensibleSourceServers": "no account stages servers for another",
    "StartFailbackLaunch": "no Failback Client pairs",
    "RetryRecoveryPlanExecutionStep": "no launch fails",
}
"""What `drsim serve` lacks for a success of these."""


class InThisProcess(DrsCalls):
    """A world in which tests can set up what no call can."""

    more: ClassVar[dict[str, Any]] = {}
    """Of its clients."""

    def open(self) -> None:
        self.drs, self.ec2 = client(**self.more), session().client("ec2", EAST, **self.more)

    def pass_time(self, minutes: float) -> None:
        advance(minutes)

    def servers(self, count: int, *, staging: bool = False, **more: Any) -> list[str]:
        # Half of them live as most servers do.
        number = self.vary(2 * len(_LIVES))
        life = _LIVES[number] if number < len(_LIVES) and not staging else _LIVES[0]
        account = STAGING if staging else ACCOUNT
        ids = add_source_servers(account, EAST, count, life=life, **more)
        if staging:
            key = {"ebsEncryption": "CUSTOM", "ebsEncryptionKeyArn": f"arn:aws:kms:{EAST}:{STAGING}:key/0f0e0d0c"}
            client(account=STAGING, **self.more).update_replication_configuration(sourceServerID=ids[0], **key)
        else:
            filters = {"sourceServerIDs": ids}
            self.requests.learn("DescribeSourceServers", self.drs.describe_source_servers(filters=filters))
        return ids

    def pair(self, instance_id: str, error: str) -> None:
        try:
            pair_failback_client(ACCOUNT, EAST, instance_id, error=error)
        except ValueError as problem:
            raise ImpossibleError from problem

    def set_state(self, server_id: str, state: str, error: str) -> None:
        set_replication(ACCOUNT, EAST, server_id, state, error=error)

    def fail_launches(self, ids: list[str], *, fail: bool) -> None:
        fail_launches(ACCOUNT, EAST, ids, fail=fail)

    def launch_in_the_west(self, server_arn: str) -> None:
        server_id = server_arn.rpartition("/")[2]
        client(WEST, **self.more).start_recovery(sourceServers=[{"sourceServerID": server_id}])


class UnderMock(InThisProcess):
    """Under mock_aws, on the clock of the test, which also goes back, to be read only."""

    clock: ClassVar[FrozenDateTimeFactory]

    def open(self) -> None:
        self._mock = mock_aws()
        self._mock.start()
        super().open()

    def look_back(self) -> None:
        minutes = timedelta(minutes=_BACK[self.vary(len(_BACK))])
        self.clock.tick(-minutes)
        for _ in range(5):
            operation = READS[self.vary(len(READS))]
            self.call_one(operation, self.requests.draw(operation, self.vary(2**32)))
        self.clock.tick(minutes)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            if self.is_open:
                self._mock.stop()


class ByHttp(InThisProcess):
    """Over HTTP, against moto's server in this process. Its state lives on from one example to the next."""

    noise_ratio = 0.1


class ByServe(DrsCalls):
    """Against `drsim serve`, with the servers that it offers and its own clock."""

    served: ClassVar[Any]
    account = HOME_ACCOUNT
    noise_ratio = 0.1
    never_any = frozenset({"DisconnectSourceServer", "DeleteSourceServer", "StopReplication"})

    def open(self) -> None:
        self.drs = client(endpoint_url=self.served.url)

    def pass_time(self, minutes: float) -> None:
        self.served.ask("POST", f"/drsim/advance?by={minutes * 60:.0f}s")

    def servers(self, count: int, **more: Any) -> list[str]:
        """Of those which replicate and which no job launches; there are no new ones."""
        if more:
            raise ImpossibleError
        jobs = self.drs.describe_jobs()["items"]
        open_jobs = [job for job in jobs if job["status"] != "COMPLETED"]
        busy = {each["sourceServerID"] for job in open_jobs for each in job.get("participatingServers", ())}
        answer = self.drs.describe_source_servers()
        self.requests.learn("DescribeSourceServers", answer)
        free = [
            each["sourceServerID"]
            for each in answer["items"]
            if each["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
            and each["sourceServerID"] not in busy
        ]
        if len(free) < count:
            raise ImpossibleError
        first = self.vary(len(free) - count + 1)
        return free[first : first + count]


def _check(machine: type[DrsCalls], count: int) -> None:
    run(machine, count)
    assert sent(machine.counts) >= count, machine.counts
    assert [name for name in NAMES if machine.counts[name] == 0] == []
    assert "InternalServerException" not in machine.counts


def _unsuccessful(machine: type[DrsCalls]) -> set[str]:
    return {name for name in NAMES if machine.successes[name] == 0}


def _unseen(machine: type[DrsCalls], wanted: dict[str, set[str]]) -> dict[str, set[str]]:
    missing = {
        shape: {each for each in values if (shape, each) not in machine.seen} for shape, values in wanted.items()
    }
    return {shape: values for shape, values in missing.items() if values}


@pytest.mark.slow
def test_3000_calls_give_no_answer_that_aws_could_not_give(clock: FrozenDateTimeFactory) -> None:
    UnderMock.clock = clock
    _check(UnderMock, 3_000)
    assert _unsuccessful(UnderMock) == set()
    assert _unseen(UnderMock, _REACHED) == {}


@pytest.mark.slow
@pytest.mark.nightly
def test_50000_calls_give_no_answer_that_aws_could_not_give(clock: FrozenDateTimeFactory) -> None:
    UnderMock.clock = clock
    _check(UnderMock, 50_000)
    assert _unsuccessful(UnderMock) == set()
    assert _unseen(UnderMock, _REACHED) == {}


@pytest.mark.slow
@pytest.mark.socket
def test_calls_to_motos_server_give_no_answer_that_aws_could_not_give(endpoint_url: str) -> None:
    ByHttp.more = {"endpoint_url": endpoint_url}
    _check(ByHttp, 600)
    assert _unsuccessful(ByHttp) == set()


@pytest.mark.slow
@pytest.mark.socket
def test_calls_to_drsim_serve_give_no_answer_that_aws_could_not_give() -> None:
    with serving("--paused") as served:
        ByServe.served = served
        _check(ByServe, 600)
    assert _unsuccessful(ByServe) <= _IMPOSSIBLE_ON_SERVE.keys()


@pytest.mark.slow
@pytest.mark.socket
def test_the_aws_cli_runs_a_drill_on_drsim_serve() -> None:
    with serving("--paused") as served:
        words = ("--source-servers", f"sourceServerID={served.servers[0]}", "--is-drill", "--tags", "tier=web")
        job = served.aws("drs", "start-recovery", *words)["job"]
        served.ask("POST", "/drsim/advance?by=1h")
        log = served.aws("drs", "describe-job-log-items", "--job-id", job["jobID"], "--page-size", "2")["items"]
        assert [log[0]["event"], log[-1]["event"]] == ["JOB_START", "JOB_END"]
        assert served.aws("drs", "list-tags-for-resource", "--resource-arn", job["arn"]) == {"tags": {"tier": "web"}}
        (instance,) = served.aws("drs", "describe-recovery-instances")["items"]
        assert instance["jobID"] == job["jobID"]
        served.aws("drs", "delete-job", "--job-id", job["jobID"])
        served.aws("drs", "delete-job", "--job-id", job["jobID"], fails="ResourceNotFoundException")
