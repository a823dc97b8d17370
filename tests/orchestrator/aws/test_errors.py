"""AWS errors from the wire to the port: which are retried, how often, and which error the caller gets."""

import boto3.session
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from drsim.orchestrator.aws.accounts import ATTEMPTS_MAX, CONNECT_TIMEOUT_S, READ_TIMEOUT_S, client_config
from drsim.orchestrator.aws.drs import RegionalJobs
from drsim.orchestrator.aws.dynamodb import ItemStore, StatusIndex
from drsim.orchestrator.aws.errors import THROTTLING_CODES, TRANSIENT_CODES, port_error
from drsim.orchestrator.errors import LostRaceError, OrchestratorError, RefusedError, TryLaterError
from drsim.orchestrator.model import PollUpdate
from drsim.orchestrator.ports import IndexPage
from drsim.simulator.ports import _ATTEMPTS_MAX
from tests.orchestrator.aws.wire import Answer, Wire, in_json, refusal
from tests.orchestrator.samples import EAST, KEY

CONFIG = client_config(connections_max=10)
JOB_ID = "drsjob-0123456789abcdef0"
URL = "https://dynamodb.us-east-1.amazonaws.com/"
EMPTY_PAGE = in_json({"Items": [], "Count": 0, "ScannedCount": 0})


def an_index(session: boto3.session.Session, *answers: Answer | Exception) -> tuple[StatusIndex, Wire]:
    client = session.client("dynamodb", config=CONFIG)
    return StatusIndex(client, "executions", "StatusIndex"), Wire(client, *answers)


HELD = {"TransactionConflictException": 1, "ReplicatedWriteConflictException": 3}
"""Attempts of botocore to write an item that another write locks. AWS models one of the two codes as retryable."""


def test_all_retryable_error_codes_of_botocore_are_known() -> None:
    assert set(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]) == THROTTLING_CODES
    assert set(vars(TransientRetryableChecker)["_TRANSIENT_ERROR_CODES"]) <= THROTTLING_CODES | TRANSIENT_CODES


@pytest.mark.parametrize(
    "answer",
    [
        *[refusal(code) for code in sorted(THROTTLING_CODES | TRANSIENT_CODES) if code not in HELD],
        refusal("SomethingNew", 429),
        refusal("InternalServerError", 500),
        *[Answer(status, b"<html>no JSON here</html>") for status in (500, 502, 503, 504)],
    ],
    ids=lambda answer: f"{answer.status} {(answer.headers or {}).get('x-amzn-errortype', 'html')}",
)
def test_transient_error_is_tried_3_times_then_left_to_the_next_tick(
    session: boto3.session.Session, sleeps: list[float], answer: Answer
) -> None:
    index, wire = an_index(session, answer)
    with pytest.raises(TryLaterError, match=r"^Query \(StatusIndex\): .*HTTP \d+, request .*, attempts 3\]$"):
        index.polling_page(None)
    assert len(wire.requests) == 3
    # The fast tier waits as long: up to 1 s, then up to 2 s.
    assert len(sleeps) == 2
    assert 0 <= sleeps[0] <= 1
    assert 0 <= sleeps[1] <= 2


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL),
        SSLError(endpoint_url=URL, error=OSError("no")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_connection_error_is_tried_3_times_then_left_to_the_next_tick(
    session: boto3.session.Session, sleeps: list[float], error: Exception
) -> None:
    index, wire = an_index(session, error)
    with pytest.raises(TryLaterError, match=rf"^Query \(StatusIndex\): {type(error).__name__}: ") as caught:
        index.polling_page(None)
    assert (len(wire.requests), len(sleeps)) == (3, 2)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("failures", [1, 2])
def test_call_that_succeeds_when_retried_returns_its_result(
    session: boto3.session.Session, sleeps: list[float], failures: int
) -> None:
    failing: list[Answer | Exception] = [ReadTimeoutError(endpoint_url=URL), refusal("ThrottlingException")]
    index, wire = an_index(session, *failing[:failures], EMPTY_PAGE)
    assert index.polling_page(None) == IndexPage(())
    assert (len(wire.requests), len(sleeps)) == (failures + 1, failures)


@pytest.mark.parametrize(("code", "attempts"), sorted(HELD.items()))
def test_write_to_a_locked_item_is_left_to_the_next_tick(
    session: boto3.session.Session, sleeps: list[float], code: str, attempts: int
) -> None:
    client = session.client("dynamodb", config=CONFIG)
    wire = Wire(client, refusal(code))
    update = PollUpdate(key=KEY, expected_version=3, last_polled_us=0, waves=())
    with pytest.raises(TryLaterError, match=rf"{code}: no \[HTTP 400, request r-77, attempts {attempts}\]$"):
        ItemStore(client, "executions").save_poll(update)
    assert (len(wire.requests), len(sleeps)) == (attempts, attempts - 1)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 400),
        ("AccessDeniedException", 403),
        ("UnrecognizedClientException", 400),
        ("ExpiredTokenException", 403),
        ("ValidationException", 400),
        ("ResourceNotFoundException", 404),
        ("UninitializedAccountException", 400),
        ("ConflictException", 409),
        ("ServiceQuotaExceededException", 402),
    ],
)
def test_refusal_is_raised_at_once_with_code_status_and_request_id(
    session: boto3.session.Session, sleeps: list[float], code: str, status: int
) -> None:
    client = session.client("drs", config=CONFIG)
    wire = Wire(client, refusal(code, status, "not you"))
    message = rf"^DescribeJobs \(account 777788889999, us-east-1\): {code}: not you \[HTTP {status}, request r-77, "
    with pytest.raises(RefusedError, match=message):
        RegionalJobs(lambda _: client).describe_page(EAST, [JOB_ID], None)
    assert (len(wire.requests), sleeps) == (1, [])


def test_request_that_botocore_refuses_is_not_sent(session: boto3.session.Session) -> None:
    client = session.client("dynamodb", config=CONFIG)
    wire = Wire(client, EMPTY_PAGE)
    with pytest.raises(RefusedError, match=r"(?s)^Query \(StatusIndex\): ParamValidationError: .*TableName"):
        StatusIndex(client, "", "StatusIndex").polling_page(None)
    assert wire.requests == []


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (NoCredentialsError(), RefusedError),
        (CredentialRetrievalError(provider="p", error_msg="no"), TryLaterError),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), TryLaterError),
        (ChecksumError(checksum_type="crc32", expected_checksum="1", actual_checksum="2"), TryLaterError),
        (ResponseParserError("no JSON here"), TryLaterError),
        (BotoCoreError(), RefusedError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_error_without_an_answer_is_mapped_by_its_type(error: Exception, meaning: type[OrchestratorError]) -> None:
    sorted_error = port_error("GetItem", error, "execution e")
    assert type(sorted_error) is meaning
    assert str(sorted_error) == f"GetItem (execution e): {type(error).__name__}: {error}"


@pytest.mark.parametrize("version", [0, 3])
def test_failed_condition_is_a_lost_race_without_a_retry(
    session: boto3.session.Session, sleeps: list[float], version: int
) -> None:
    found = {"Status": {"S": "CANCELLED"}, "Version": {"N": "9"}}
    client = session.client("dynamodb", config=CONFIG)
    wire = Wire(
        client, refusal("ConditionalCheckFailedException", Item=found), refusal("ConditionalCheckFailedException")
    )
    store = ItemStore(client, "executions")
    update = PollUpdate(key=KEY, expected_version=version, last_polled_us=0, waves=())
    message = rf"^UpdateItem \(execution e-1, POLLING at version {version}; "
    with pytest.raises(LostRaceError, match=message + r"found CANCELLED at version 9\): Cond.*request r-77"):
        store.save_poll(update)
    with pytest.raises(LostRaceError, match=message + r"found no item\): Cond.*request r-77"):
        store.save_poll(update)
    assert (len(wire.requests), sleeps) == (2, [])


# --- the configuration -----------------------------------------------------------------------------------------------


def test_attempts_are_those_of_the_fast_tier() -> None:
    assert ATTEMPTS_MAX == _ATTEMPTS_MAX


def test_environment_variables_do_not_change_the_attempts(
    session: boto3.session.Session, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    client = boto3.session.Session().client("drs", config=CONFIG)
    wire = Wire(client, refusal("InternalServerException", 500))
    with pytest.raises(TryLaterError):
        RegionalJobs(lambda _: client).describe_page(EAST, [JOB_ID], None)
    assert (len(wire.requests), len(sleeps)) == (3, 2)


def test_call_that_always_hangs_leaves_the_finder_half_its_time() -> None:
    waits_s = 1 + 2
    assert ATTEMPTS_MAX * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S) + waits_s <= 60 / 2
    assert (vars(CONFIG)["connect_timeout"], vars(CONFIG)["read_timeout"]) == (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)


def test_retry_mode_is_the_one_that_the_fast_tier_models() -> None:
    # A client fills in missing values of its configuration, so this one must be unused.
    assert vars(client_config(connections_max=1))["retries"] == {"mode": "standard", "total_max_attempts": 3}


def test_client_keeps_the_requested_number_of_connections() -> None:
    assert vars(client_config(connections_max=40))["max_pool_connections"] == 40
