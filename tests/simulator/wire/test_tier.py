"""This project's functions in the wire tier: clocks, credentials, roles, and faults as botocore meets them."""

import gc
import os
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import boto3
import moto.core.utils
import pytest

from drsim.scenarios.files import load
from drsim.scenarios.runner import run
from drsim.simulator.events import POLLER, CallMade, LambdaEnded
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.trace import BrokenSimulationError
from drsim.simulator.wire import deployment
from drsim.simulator.wire.deployment import Deployment
from drsim.simulator.wire.tier import wire_parts
from drsim.simulator.world import World

pytestmark = pytest.mark.slow


@dataclass
class Heard:
    """The calls and the ends of the poller's runs, and the properties that failed."""

    calls: list[CallMade] = field(default_factory=list)
    ends: list[LambdaEnded] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def errors(self, operation: str) -> Counter[str]:
        return Counter(call.error for call in self.calls if call.operation == operation and call.error)


def poll(fault: str | None = None, *changes: str) -> Heard:
    """Five minutes of a drill, with one fault at the third run of the poller."""
    rule = () if fault is None else (f"faults=[{{{fault}, function: ExecutionPoller, run: 3}}]",)
    scenario, heard = load("drill", ("duration=5m", *rule, *changes)), Heard()
    with wire_parts(scenario, seed=1) as parts:
        world = World(scenario, seed=1, parts=parts)
        world.trace.listen(CallMade, heard.calls.append)
        world.trace.listen(LambdaEnded, lambda event: heard.ends.append(event) if event.function == POLLER else None)
        world.run()
        heard.failed = [each.name for each in world.monitors if each.violations_count]
        world.close()
    return heard


def test_botocore_itself_retries_what_is_throttled() -> None:
    heard = poll("fault: throttled, operation: UpdateItem, attempts: 2")
    assert heard.errors("UpdateItem") == {"ProvisionedThroughputExceededException": 2}
    assert {end.outcome for end in heard.ends} == {"ok"}
    assert not heard.failed


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("fault: throttled, operation: DescribeJobs", "ThrottlingException"),
        ("fault: server-error, operation: GetItem", "InternalServerError"),
        ("fault: timed-out, operation: DescribeJobs", "ReadTimeoutError"),
        ("fault: answer-lost, operation: GetItem", "ConnectionClosedError"),
    ],
)
def test_a_poll_fails_after_three_attempts_in_all(fault: str, error: str) -> None:
    heard = poll(fault)
    operation = fault.rpartition(" ")[2]
    assert heard.errors(operation) == {error: 3}
    assert [end.outcome for end in heard.ends].count("error") == 1
    assert not heard.failed


def test_denied_call_is_tried_once() -> None:
    heard = poll("fault: denied, operation: DescribeJobs")
    assert heard.errors("DescribeJobs") == {"AccessDeniedException": 1}
    assert [end.outcome for end in heard.ends].count("error") == 1


def test_a_metric_that_is_refused_fails_no_poll() -> None:
    heard = poll("fault: throttled, operation: PutMetricData")
    assert heard.errors("PutMetricData") == {"ThrottlingException": 3}
    assert {end.outcome for end in heard.ends} == {"ok"}


def test_a_run_that_takes_too_long_is_killed_in_the_middle_of_a_call() -> None:
    heard = poll("fault: stuck, operation: DescribeJobs", "duration=9m")
    assert [end.outcome for end in heard.ends].count("timeout") == 1


@pytest.mark.parametrize("action", ["drs:DescribeJobs", "cloudwatch:PutMetricData", "logs:PutLogEvents"])
def test_action_outside_the_role_violates_least_privilege_only(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = deployment.deploy

    def without(parameters: Mapping[str, str], **options: Any) -> Deployment:
        deployed = whole(parameters, **options)
        role = deployed.poller.role
        less = [
            replace(each, actions=tuple(kept for kept in each.actions if kept != action)) for each in role.statements
        ]
        return replace(deployed, poller=replace(deployed.poller, role=replace(role, statements=tuple(less))))

    monkeypatch.setattr(deployment, "deploy", without)
    assert poll().failed == ["least-privilege"]


@pytest.mark.parametrize("clock", ["utcnow", "unix_time"])
def test_no_run_begins_while_a_clock_leaks(clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = {"utcnow": lambda: datetime(2031, 1, 1, tzinfo=UTC).replace(tzinfo=None), "unix_time": lambda *_: 1.9e9}
    monkeypatch.setattr(moto.core.utils, clock, real[clock])
    with pytest.raises(BrokenSimulationError, match=f"clocks leak into the run: moto's {clock} is off by"):
        poll()


def test_real_credentials_are_never_read_and_are_there_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_PROFILE", "production")
    before = dict(os.environ)
    with wire_parts(load("drill"), seed=1):
        assert "AWS_PROFILE" not in os.environ
        credentials = boto3.Session().get_credentials()
        assert credentials is not None
        assert credentials.access_key != "AKIAREAL"
    assert dict(os.environ) == before


def test_client_outside_any_function_reaches_moto_only() -> None:
    with wire_parts(load("drill"), seed=1):
        names = boto3.client("dynamodb").list_tables()["TableNames"]
        assert names == ["drs-orchestration-execution-history-test"]
        with pytest.raises(NotSimulatedError, match="nothing here answers https://"):
            boto3.client("s3", endpoint_url="https://example.org").list_buckets()


def test_a_run_leaves_nothing_behind_in_its_process() -> None:
    """botocore, logging, modules: whatever a function registers somewhere would hold its whole world."""
    scenario = load("drill", ("duration=2m",))
    with wire_parts(scenario, seed=1) as parts:
        world = World(scenario, seed=1, parts=parts)
        world.run()
        world.close()
    left = weakref.ref(world)
    del world, parts
    gc.collect()
    assert left() is None


def test_the_digest_of_a_run_is_the_same_in_any_process() -> None:
    here = run(load("drill", ("duration=4m",)), seed=3, tier="wire").result
    again = run(load("drill", ("duration=4m",)), seed=3, tier="wire").result
    program = (
        "from drsim.scenarios.files import load; from drsim.scenarios.runner import run; "
        "print(run(load('drill', ('duration=4m',)), seed=3, tier='wire').result.trace_digest)"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert here.trace_digest == again.trace_digest == elsewhere.stdout.strip()
    assert here.tier == "wire"
