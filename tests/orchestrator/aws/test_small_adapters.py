"""The ports to Lambda and CloudWatch, and the clock."""

import boto3.session
import pytest
from moto import mock_aws

from drsim.orchestrator.aws.clock import SystemClock
from drsim.orchestrator.aws.cloudwatch import NamespaceMetrics
from drsim.orchestrator.aws.invoke import FunctionInvoker
from drsim.orchestrator.errors import RefusedError, TryLaterError
from drsim.orchestrator.model import Dispatch, MetricPoint, Unit
from tests.orchestrator.aws.wire import Answer, Wire, refusal
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import KEY

# --- the poller function ---------------------------------------------------------------------------------------------


def test_dispatch_is_sent_as_asynchronous_invocation(session: boto3.session.Session) -> None:
    client = session.client("lambda")
    wire = Wire(client, Answer(202))
    FunctionInvoker(client, "ExecutionPoller").invoke(Dispatch(key=KEY, dispatched_us=START_US, active_count=2))
    (request,) = wire.requests
    assert request.url.endswith("/2015-03-31/functions/ExecutionPoller/invocations")
    assert request.headers["X-Amz-Invocation-Type"] == "Event"
    assert request.json == {
        "ExecutionId": "e-1",
        "PlanId": "plan-1",
        "DispatchedAtUs": START_US,
        "ActiveExecutions": 2,
    }


def test_answer_to_an_invocation_is_read_to_free_its_connection(
    session: boto3.session.Session,
) -> None:
    client = session.client("lambda")
    wire = Wire(client, Answer(202, b"null"))
    FunctionInvoker(client, "ExecutionPoller").invoke(Dispatch(key=KEY))
    assert wire.unread == [b""]


@pytest.mark.parametrize("status", [200, 204])
def test_invocation_answered_other_than_202_is_refused(session: boto3.session.Session, status: int) -> None:
    client = session.client("lambda")
    Wire(client, Answer(status))
    message = rf"^Invoke \(ExecutionPoller for execution e-1\): StatusCode must be 202, got {status}$"
    with pytest.raises(RefusedError, match=message):
        FunctionInvoker(client, "ExecutionPoller").invoke(Dispatch(key=KEY))


def test_throttled_invocation_is_left_to_the_next_tick(session: boto3.session.Session, sleeps: list[float]) -> None:
    client = session.client("lambda")
    Wire(client, refusal("TooManyRequestsException", 429))
    message = r"^Invoke \(ExecutionPoller for execution e-1\): TooManyRequestsException: no \[HTTP 429, "
    with pytest.raises(TryLaterError, match=message):
        FunctionInvoker(client, "ExecutionPoller").invoke(Dispatch(key=KEY))


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_points_are_published_in_one_call_with_units(
    session: boto3.session.Session,
) -> None:
    points = [MetricPoint("WavesPolled", 3), MetricPoint("PollingDuration", 12.5, Unit.MILLISECONDS)]
    with mock_aws():
        client = session.client("cloudwatch")
        calls: list[dict[str, object]] = []
        client.meta.events.register(
            "provide-client-params.cloudwatch.PutMetricData", lambda params, **_: calls.append(params)
        )
        NamespaceMetrics(client, "Drs").publish(points)
        listed = client.list_metrics(Namespace="Drs")["Metrics"]
    assert calls == [
        {
            "Namespace": "Drs",
            "MetricData": [
                {"MetricName": "WavesPolled", "Value": 3, "Unit": "Count"},
                {"MetricName": "PollingDuration", "Value": 12.5, "Unit": "Milliseconds"},
            ],
        }
    ]
    assert sorted((metric["MetricName"], len(metric["Dimensions"])) for metric in listed) == [
        ("PollingDuration", 0),
        ("WavesPolled", 0),
    ]


def test_metrics_that_cloudwatch_refuses_raise_try_later(session: boto3.session.Session, sleeps: list[float]) -> None:
    client = session.client("cloudwatch")
    Wire(client, Answer(503))
    with pytest.raises(TryLaterError, match=r"^PutMetricData \(Drs\): "):
        NamespaceMetrics(client, "Drs").publish([MetricPoint("WavesPolled", 3)])


# --- time ------------------------------------------------------------------------------------------------------------


def test_clock_counts_microseconds_since_1970_and_sleeps_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.time_ns", lambda: 1_764_361_949_123_456_789)
    monkeypatch.setattr("time.sleep", slept.append)
    clock = SystemClock()
    clock.sleep_us(1_500_000)
    assert (clock.now_us(), slept) == (1_764_361_949_123_456, [1.5])
