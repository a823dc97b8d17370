"""The two handlers as Lambda calls them, on moto's DynamoDB: what they do, return, raise and log."""

import json
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3.session
import pytest
from moto import mock_aws

from drsim.orchestrator.errors import MalformedError, PollFailedError, RefusedError
from drsim.orchestrator.model import Execution, ExecutionStatus, Wave, WaveStatus
from tests.orchestrator.aws.environments import Context, Environments
from tests.orchestrator.aws.tables import create_table, put_item, read_item
from tests.orchestrator.aws.wire import Answer, granted, in_json, refusal
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import KEY, OTHER_ACCOUNT, a_wave, an_execution, an_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

JOB_ID = "drsjob-0123456789abcdef0"
TICK = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
POLL = {"ExecutionId": KEY.execution_id, "PlanId": KEY.plan_id}
FINDER = Context(function_name="ExecutionFinder")


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Environments]:
    """Environments. Afterwards the logger of this process is as before."""
    logger = logging.getLogger("drsim.orchestrator")
    before = vars(logger).copy(), logger.handlers.copy(), logger.level
    filters = [(handler, handler.filters.copy()) for handler in logging.root.handlers]
    yield Environments(monkeypatch, capsys)
    vars(logger).clear()
    vars(logger).update(before[0])
    logger.handlers = before[1]
    logger.setLevel(before[2])
    for handler, kept in filters:
        handler.filters = kept


@pytest.fixture
def table(session: boto3.session.Session) -> Iterator["DynamoDBClient"]:
    """An empty execution table in moto."""
    with mock_aws():
        client = session.client("dynamodb")
        create_table(client)
        yield client


def an_ended_job(wave: Wave) -> Answer:
    servers = [{"sourceServerID": server.source_server_id, "launchStatus": "LAUNCHED"} for server in wave.servers]
    return in_json({"items": [{"jobID": wave.job_id, "status": "COMPLETED", "participatingServers": servers}]})


def put(table: "DynamoDBClient", *executions: Execution) -> None:
    for execution in executions:
        put_item(table, an_item(execution))


# --- the finder ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [TICK, {}])
def test_tick_invokes_a_poller_per_due_execution_and_returns_counts(
    environments: Environments, table: "DynamoDBClient", event: dict[str, object]
) -> None:
    due = [an_execution(a_wave(), key=KEY._replace(execution_id=f"e-{number}")) for number in range(3)]
    polled = an_execution(a_wave(), key=KEY._replace(execution_id="e-9"), last_polled_us=START_US - 1)
    put(table, *due, polled)
    put_item(table, an_item(an_execution(key=KEY._replace(execution_id="odd"))) | {"TotalWaves": -1})
    wire = environments.wire("lambda", Answer(202))
    answer = environments.fresh().finder_handler(event, FINDER)
    counts = {"found": 4, "malformed": 1, "invoked": 3, "failed": 0, "left": 0, "skipped": 1}
    assert answer == {"looks": [counts]} == json.loads(json.dumps(answer))
    assert sorted(request.json["ExecutionId"] for request in wire.requests) == ["e-0", "e-1", "e-2"]
    assert {request.url.split("/")[-2] for request in wire.requests} == {"ExecutionPoller"}
    assert wire.requests[0].json["DispatchedAtUs"] == START_US
    lines = environments.lines()
    assert "Found 4 executions in POLLING status, invoked 3 pollers" in [line["message"] for line in lines]
    ids = ("ExecutionFinder", "r-1", True)
    assert {(line["function_name"], line["function_request_id"], line["cold_start"]) for line in lines} == {ids}


def test_finder_near_its_deadline_starts_no_look(environments: Environments, table: "DynamoDBClient") -> None:
    put(table, an_execution(a_wave()))
    wire = environments.wire("lambda", Answer(202))
    nearly_over = Context(function_name="ExecutionFinder", remaining_ms=3_000)
    assert environments.fresh().finder_handler(TICK, nearly_over) == {"looks": []}
    assert wire.requests == []


def test_interval_from_the_environment_is_used(environments: Environments, table: "DynamoDBClient") -> None:
    put(table, an_execution(a_wave(), last_polled_us=START_US - 20_000_000))
    environments.wire("lambda", Answer(202))
    environments.set(PENDING_INTERVAL_SECONDS="20")
    (look,) = environments.fresh().finder_handler(TICK, FINDER)["looks"]
    assert look["invoked"] == 1


def test_each_invoking_thread_has_its_own_connection(environments: Environments) -> None:
    environments.set(PARALLEL_INVOKES_MAX="25")
    finder = environments.fresh()._finder()
    assert finder._executor._max_workers == finder._invoker._client.meta.config.max_pool_connections == 25


@pytest.mark.parametrize("event", [{"detail-type": "EC2 Instance State-change Notification"}, [], None, "tick"])
def test_event_other_than_a_tick_is_refused(environments: Environments, event: object) -> None:
    with pytest.raises(MalformedError, match=r"^finder event must be a Scheduled Event or \{\}, got "):
        environments.fresh().finder_handler(event, FINDER)


def test_look_at_a_missing_index_fails_the_invocation(environments: Environments, table: "DynamoDBClient") -> None:
    environments.set(STATUS_INDEX="NoSuchIndex")
    with pytest.raises(RefusedError, match=r"^Query \(NoSuchIndex\): "):
        environments.fresh().finder_handler(TICK, FINDER)
    (line,) = environments.lines()
    assert (line["level"], line["message"], line["function_request_id"]) == ("ERROR", "Invocation failed", "r-1")
    assert (line["exception_name"], "execution_id" in line) == ("RefusedError", False)


# --- the poller ------------------------------------------------------------------------------------------------------


def test_poll_writes_what_drs_reports_and_returns_its_end(environments: Environments, table: "DynamoDBClient") -> None:
    wave = a_wave(job_id=JOB_ID)
    put(table, an_execution(wave))
    wire = environments.wire("drs", an_ended_job(wave))
    answer = environments.fresh().poller_handler(POLL, Context())
    assert answer == {"end": "UPDATED", "waves": 1, "status": "COMPLETED"} == json.loads(json.dumps(answer))
    item = read_item(table, KEY)
    assert item is not None
    assert (item["Status"], item["EndTime"], item["Version"]) == ("COMPLETED", START_US // 1_000_000, 1)
    assert item["Waves"][0]["Status"] == WaveStatus.COMPLETED
    assert wire.requests[0].json == {"filters": {"jobIDs": [JOB_ID]}}
    lines = environments.lines()
    assert [line["message"] for line in lines] == [
        "Updated 1 waves for execution e-1",
        "Execution e-1 is COMPLETED after 0 s",
    ]
    ids = ("ExecutionPoller", "r-1", "e-1", "drsim.orchestrator")
    names = ("function_name", "function_request_id", "execution_id", "service")
    assert [tuple(line[name] for name in names) for line in lines] == [ids] * 2


def test_poll_publishes_its_metrics_to_cloudwatch(
    environments: Environments, table: "DynamoDBClient", session: boto3.session.Session
) -> None:
    put(table, an_execution(a_wave(job_id=None)))
    environments.fresh().poller_handler(POLL | {"ActiveExecutions": 7}, Context())
    listed = session.client("cloudwatch").list_metrics(Namespace="DRSOrchestration")["Metrics"]
    names = ["ActivePollingExecutions", "PollErrors", "PollingDuration", "WavesPolled"]
    assert sorted(metric["MetricName"] for metric in listed) == names


def test_poll_of_missing_or_ended_execution_returns_that(environments: Environments, table: "DynamoDBClient") -> None:
    module = environments.fresh()
    assert module.poller_handler(POLL, Context()) == {"end": "GONE", "waves": 0, "status": None}
    put(table, an_execution(a_wave(), status=ExecutionStatus.CANCELLED))
    assert module.poller_handler(POLL, Context()) == {"end": "NOT_POLLING", "waves": 0, "status": "CANCELLED"}


def test_jobs_of_another_account_are_described_with_its_role(
    environments: Environments, table: "DynamoDBClient"
) -> None:
    wave = a_wave(job_id=JOB_ID, scope=OTHER_ACCOUNT)
    put(table, an_execution(wave))
    wire = environments.wire("drs", an_ended_job(wave))
    environments.set(DRS_ROLE_NAME="DrsReader")
    assert environments.fresh().poller_handler(POLL, Context())["status"] == "COMPLETED"
    assert wire.requests[0].key_id.startswith("ASIA")


def test_role_of_another_account_has_the_partition_of_the_function(
    environments: Environments, table: "DynamoDBClient"
) -> None:
    put(table, an_execution(a_wave(job_id=JOB_ID, scope=OTHER_ACCOUNT)))
    environments.wire("drs", in_json({"items": []}))
    wire = environments.wire("sts", granted("AKIAONE", "2025-11-28T21:32:29Z"))
    environments.set(DRS_ROLE_NAME="DrsReader")
    environments.fresh().poller_handler(POLL, Context(partition="aws-us-gov"))
    assert b"RoleArn=arn%3Aaws-us-gov%3Aiam%3A%3A111122223333%3Arole%2FDrsReader&" in wire.requests[0].body


def test_poll_of_another_account_without_a_role_fails_and_writes_nothing(
    environments: Environments, table: "DynamoDBClient"
) -> None:
    execution = an_execution(a_wave(job_id=JOB_ID, scope=OTHER_ACCOUNT))
    put(table, execution)
    with pytest.raises(PollFailedError, match=r"account 111122223333 is not .* DRS_ROLE_NAME"):
        environments.fresh().poller_handler(POLL, Context())
    assert read_item(table, KEY) == an_item(execution)


def test_failed_poll_raises_and_both_log_lines_carry_the_ids(
    environments: Environments, table: "DynamoDBClient", sleeps: list[float]
) -> None:
    execution = an_execution(a_wave(job_id=JOB_ID))
    put(table, execution)
    environments.wire("drs", refusal("ThrottlingException", 429, "Rate exceeded"))
    with pytest.raises(PollFailedError, match=r"^execution e-1: DescribeJobs .*ThrottlingException: Rate exceeded"):
        environments.fresh().poller_handler(POLL, Context(aws_request_id="r-9"))
    assert read_item(table, KEY) == an_item(execution)
    failed, raised = environments.lines()
    assert (failed["execution_id"], failed["message"].partition(":")[0]) == ("e-1", "Poll failed")
    assert (raised["message"], raised["exception_name"]) == ("Invocation failed", "PollFailedError")
    assert [(line["function_request_id"], line["execution_id"]) for line in (failed, raised)] == [("r-9", "e-1")] * 2


def test_unknown_job_status_fails_the_poll_and_writes_nothing(
    environments: Environments, table: "DynamoDBClient"
) -> None:
    execution = an_execution(a_wave(job_id=JOB_ID))
    put(table, execution)
    environments.wire("drs", in_json({"items": [{"jobID": JOB_ID, "status": "PAUSED"}]}))
    with pytest.raises(PollFailedError, match=r"status must be one of PENDING, STARTED, COMPLETED, got 'PAUSED'$"):
        environments.fresh().poller_handler(POLL, Context())
    assert read_item(table, KEY) == an_item(execution)


@pytest.mark.parametrize("payload", [None, [], "e-1", {}, {"ExecutionId": "e-1"}])
def test_payload_without_an_execution_is_refused(environments: Environments, payload: object) -> None:
    with pytest.raises(MalformedError, match=r"^poller payload"):
        environments.fresh().poller_handler(payload, Context())
    assert [line["message"] for line in environments.lines()] == ["Invocation failed"]


# --- environments ----------------------------------------------------------------------------------------------------


def test_missing_variables_are_named_in_one_error(environments: Environments) -> None:
    environments.set(EXECUTION_TABLE="", POLLER_FUNCTION="")
    module = environments.fresh()
    with pytest.raises(MalformedError, match=r"missing: EXECUTION_TABLE, POLLER_FUNCTION$"):
        module.finder_handler(TICK, FINDER)
    with pytest.raises(MalformedError, match=r"missing: EXECUTION_TABLE$"):
        module.poller_handler(POLL, Context())


def test_first_invocation_is_cold_and_creates_what_later_ones_use(
    environments: Environments, table: "DynamoDBClient"
) -> None:
    module = environments.fresh()
    module.poller_handler(POLL, Context("r-1"))
    environments.set(EXECUTION_TABLE="elsewhere")
    module.poller_handler(POLL, Context("r-2"))
    found = [(line["function_request_id"], line["cold_start"]) for line in environments.lines()]
    assert found == [("r-1", True), ("r-2", False)]


def test_second_environment_reads_its_own_variables_and_is_cold(
    environments: Environments, table: "DynamoDBClient"
) -> None:
    environments.fresh().poller_handler(POLL, Context("r-1"))
    environments.set(LOG_LEVEL="debug")
    put(table, an_execution(a_wave(status=WaveStatus.PENDING, job_id=None)))
    environments.fresh().poller_handler(POLL, Context("r-2"))
    lines = environments.lines()
    assert [line["cold_start"] for line in lines] == [True] * 3
    assert lines[1]["level"] == "DEBUG"
    assert [line["message"] for line in lines].count("Updated 1 waves for execution e-1") == 1


def test_log_line_goes_to_standard_output_of_its_environment(
    environments: Environments, table: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    environments.fresh().poller_handler(POLL, Context("r-1"))
    monkeypatch.setattr(sys, "stdout", sys.stderr)
    environments.fresh().poller_handler(POLL, Context("r-2"))
    assert [line["function_request_id"] for line in environments.lines()] == ["r-1"]
