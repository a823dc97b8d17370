"""Rules: what may be said of a fault, what is refused, and how a rule reads."""

from typing import Any

import pytest

from drsim.simulator.durations import spread_of
from drsim.simulator.faults.kinds import CALLS
from drsim.simulator.faults.rules import Rule
from drsim.simulator.randomness import Spread
from tests.simulator.test_spec import problem


def a_rule(fault: str, **fields: Any) -> Rule:
    return Rule.model_validate({"fault": fault, **fields})


def test_a_rule_acts_at_each_point_of_its_fault_or_at_the_one_it_names() -> None:
    assert a_rule("throttled").operations == CALLS
    assert a_rule("throttled", operation="Query").operations == ("Query",)
    assert a_rule("tick-lost").operations == ("Tick",)


def test_a_rule_is_as_long_as_it_says_or_else_as_its_fault_is() -> None:
    assert a_rule("slow", delay="7s").length == Spread(7_000_000, 7_000_000)
    assert a_rule("slow").length == spread_of("1s..30s")
    assert a_rule("denied").length == Spread(0, 0)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        (
            {"fault": "job-vanished", "operation": "Query"},
            "operation: must be one of DescribeJobs for job-vanished, got 'Query'",
        ),
        (
            {"fault": "cancelled", "operation": "StartRecovery"},
            "operation: must be one of UpdateItem, GetItem for cancelled, got 'StartRecovery'",
        ),
        ({"fault": "denied", "after": "2m", "before": "2m"}, "before: must come later than after (2m), got 2m"),
        ({"fault": "denied", "before": "0s"}, "before: must come later than after (0s), got 0s"),
        (
            {"fault": "denied", "delay": "2s"},
            "delay: means nothing for denied; it applies to clock-skew, cold-start, end-duplicated, "
            "event-delayed, "
            "event-duplicated, index-lag, job-late, slow, stale-read, tick-late, timed-out",
        ),
        ({"fault": "slow", "chance": 0}, "chance: Input should be greater than 0, got 0"),
        ({"fault": "slow", "chance": 1.5}, "chance: Input should be less than or equal to 1, got 1.5"),
        ({"fault": "slow", "attempts": 11}, "attempts: Input should be less than or equal to 10, got 11"),
        ({"fault": "slow", "run": 0}, "run: Input should be greater than or equal to 1, got 0"),
        ({"fault": "slow", "nth": 0}, "nth: Input should be greater than or equal to 1, got 0"),
        ({"fault": "servers-fail", "servers": 0}, "servers: Input should be greater than or equal to 1, got 0"),
        ({"fault": "slow", "often": True}, "often: Extra inputs are not permitted, got True"),
        (
            {"fault": "slow", "function": "f"},
            "function: Input should be 'ExecutionFinder' or 'ExecutionPoller', got 'f'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_value(fields: dict[str, object], wrong: str) -> None:
    assert problem(Rule, fields) == wrong


def test_an_unknown_fault_is_refused() -> None:
    assert problem(Rule, {"fault": "gremlins"}).startswith("fault: Input should be 'tick-lost', 'tick-late'")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"fault": "tick-lost"}, "tick-lost"),
        (
            {"fault": "slow", "operation": "DescribeJobs", "region": "eu-west-1", "delay": "5s..9s", "chance": 0.25},
            "slow at DescribeJobs of eu-west-1 with chance 0.25 for 5s..9s",
        ),
        (
            {"fault": "crashed-after", "function": "ExecutionPoller", "execution": "e", "run": 3, "redelivered": True},
            "crashed-after of ExecutionPoller of e run 3 redelivered",
        ),
        (
            {"fault": "denied", "operation": "GetItem", "after": "2m", "lasting": True},
            "denied at GetItem after 2m lasting",
        ),
    ],
)
def test_a_rule_reads_as_words(fields: dict[str, object], words: str) -> None:
    assert str(Rule.model_validate(fields)) == words
