"""All operations, called in any order while time passes: no answer outside the model, no 500, no contradiction."""

from collections import Counter
from typing import Any, ClassVar

import pytest
from freezegun.api import FrozenDateTimeFactory
from moto import mock_aws

from drsim.simulator.moto_drs import JobLife, add_source_servers, advance
from tests.drsim.served import serving
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, client
from tests.simulator.moto_drs.machine import NAMES, DrsCalls, calls_of, sent

_LIVES = (
    JobLife(),
    JobLife.model_validate({"failed_servers": 1}),
    JobLife.model_validate({"pending": "0s", "started": "0s", "in_progress": "0s"}),
    JobLife.model_validate({"actions": 2, "failed_actions": 1}),
    JobLife.model_validate({"terminates": "5m"}),
    JobLife.model_validate({"pending_servers": 1}),
)


class ByHttp(DrsCalls):
    """Over HTTP, against moto's server in this process. Its state lives on from one example to the next."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.drs = client(endpoint_url=self.url)
        self.add_servers(0)

    def pass_time(self, minutes: float) -> None:
        advance(minutes)

    def add_servers(self, seed: int) -> None:
        # Of the same ids each time: their number stays small enough to compare all states.
        ids = [f"s-{number:017}" for number in range(1 + seed % 12)]
        add_source_servers(ACCOUNT, EAST, ids, life=_LIVES[seed % len(_LIVES)])
        self.requests.learn("DescribeSourceServers", self.drs.describe_source_servers())


class ByServe(ByHttp):
    """Against `drsim serve`, with the servers that it offers and its own clock."""

    served: ClassVar[Any]

    def pass_time(self, minutes: float) -> None:
        self.served.ask("POST", f"/drsim/advance?by={minutes * 60:.0f}s")

    def add_servers(self, seed: int) -> None:
        self.requests.learn("DescribeSourceServers", self.drs.describe_source_servers())


class InProcess(DrsCalls):
    """Under mock_aws, on the clock of the test, which only the machine moves."""

    def __init__(self) -> None:
        super().__init__()
        self._mock = mock_aws()
        self._mock.start()
        self.drs = client()
        self.add_servers(0)

    def pass_time(self, minutes: float) -> None:
        advance(minutes)

    def add_servers(self, seed: int) -> None:
        add_source_servers(ACCOUNT, EAST, 1 + seed % 3, life=_LIVES[seed % len(_LIVES)])
        self.requests.learn("DescribeSourceServers", self.drs.describe_source_servers())

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._mock.stop()


def _check(counts: Counter[str], least: int) -> None:
    assert sent(counts) >= least, counts
    assert [name for name in NAMES if counts[name] == 0] == []
    assert "InternalServerException" not in counts


@pytest.mark.slow
def test_3000_calls_give_no_answer_that_aws_could_not_give(clock: FrozenDateTimeFactory) -> None:
    _check(calls_of(InProcess, 3_000), 3_000)


@pytest.mark.slow
@pytest.mark.nightly
def test_50000_calls_give_no_answer_that_aws_could_not_give(clock: FrozenDateTimeFactory) -> None:
    _check(calls_of(InProcess, 50_000), 50_000)


@pytest.mark.slow
@pytest.mark.socket
def test_calls_to_motos_server_give_no_answer_that_aws_could_not_give(endpoint_url: str) -> None:
    ByHttp.url = endpoint_url
    _check(calls_of(ByHttp, 300), 300)


@pytest.mark.slow
@pytest.mark.socket
def test_calls_to_drsim_serve_give_no_answer_that_aws_could_not_give() -> None:
    with serving("--paused") as served:
        ByServe.url, ByServe.served = served.url, served
        _check(calls_of(ByServe, 300), 300)


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
