"""What a world is made of: what a file may say, what it gets if it does not, and what it hears if it is wrong."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import BaseModel, ValidationError

from drsim.orchestrator.settings import SETTING_NAMES
from drsim.simulator.durations import duration_us, spread_of
from drsim.simulator.randomness import Spread
from drsim.simulator.services.spec import Function, JobLife, PollerFunction, Schedule
from drsim.simulator.spec.groups import Arrival, Group, Launch, WaveSpec
from drsim.simulator.spec.world import WorldSpec

MINIMAL_FUNCTION = {"timeout": "1s", "init": "1s", "overhead_cold": "1s", "overhead_warm": "1s"}


def problem(model: type[BaseModel], data: object) -> str:
    """The one error that the model finds: where, which rule, and the value if the message does not hold it."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    (details,) = caught.value.errors()
    message = details["msg"].removeprefix("Value error, ")
    value = "" if details["type"] == "value_error" else f", got {details['input']!r}"
    return f"{'.'.join(str(step) for step in details['loc'])}: {message}{value}"


# --- defaults ------------------------------------------------------------------------------------------------


def test_defaults_are_phase_2s_figures_and_awss_limits() -> None:
    spec = WorldSpec()
    assert (spec.schedule.rate, spec.duration) == (duration_us("1m"), duration_us("60m"))
    assert (spec.functions.finder.timeout, spec.functions.poller.timeout) == (duration_us("60s"), duration_us("300s"))
    assert (spec.functions.finder.memory_mb, spec.functions.account_concurrency) == (256, 1000)
    assert (spec.functions.poller.retries_max, spec.functions.poller.event_age_max) == (0, duration_us("6h"))
    assert spec.table.page_bytes_max == 1024 * 1024
    quotas = (spec.drs.jobs_max, spec.drs.servers_per_job_max, spec.drs.servers_in_jobs_max)
    assert quotas == (20, 100, 500)
    assert spec.latencies.invoke == Spread(110_000, 120_000)
    assert (spec.workload, spec.settings, spec.until_finished) == ((), {}, True)


def test_a_group_has_three_waves_of_two_servers_unless_it_says_otherwise() -> None:
    assert Group().waves == (WaveSpec(), WaveSpec(), WaveSpec())
    assert Group().servers == 2
    assert Group.model_validate({"waves": 1}).waves == (WaveSpec(),)
    assert len(Group.model_validate({"waves": 100}).waves) == 100
    waves = Group.model_validate({"waves": [{"servers": 3}, {"launch": "never"}]}).waves
    assert waves == (WaveSpec(servers=3), WaveSpec(launch=Launch.NEVER))


def test_a_spec_survives_its_file() -> None:
    spec = WorldSpec.model_validate(
        {
            "start": "2026-01-02T03:04:05.000006+01:00",
            "workload": [{"executions": 2, "waves": [{"jobs": {"pending": "1s..2s..9s"}}], "cancel_after": "90s"}],
            "settings": {"SWEEPS_PER_INVOCATION": 4},
        }
    )
    assert WorldSpec.model_validate_json(spec.model_dump_json()) == spec
    assert '"cancel_after":"1m30s"' in spec.model_dump_json()
    assert '"pending":"1s..2s..9s"' in spec.model_dump_json()


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="Instance is frozen"):
        JobLife().hangs = True  # type: ignore[misc]


# --- the start -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "epoch_us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.500000Z", 1_500_000),
        ("1970-01-01T01:00:00+01:00", 0),
        (datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=-2))), 2 * 3600 * 1_000_000),
        ("2025-11-28T20:32:29Z", 1_764_361_949 * 1_000_000),
        ("2999-12-31T23:59:59.999999Z", 32_503_679_999_999_999),
    ],
)
def test_the_start_is_a_whole_number_of_microseconds_since_1970(start: object, epoch_us: int) -> None:
    assert WorldSpec.model_validate({"start": start}).epoch_us == epoch_us


@pytest.mark.parametrize("start", ["2025-11-28T20:32:29", datetime(2025, 11, 28, 20, 32, 29)])  # noqa: DTZ001
def test_a_start_without_a_zone_is_utc_on_every_host(start: object) -> None:
    spec = WorldSpec.model_validate({"start": start})
    assert spec.start == datetime(2025, 11, 28, 20, 32, 29, tzinfo=UTC)
    assert spec.epoch_us == 1_764_361_949 * 1_000_000


# --- errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["30s", "59999999us", "90s", "1m1us", "0s"])
def test_a_rate_that_eventbridge_does_not_know_is_refused(rate: str) -> None:
    wanted = "rate: must be a whole number of minutes >= 1m, got "
    assert problem(Schedule, {"rate": rate}).startswith(wanted)
    assert problem(Schedule, {"rate": "90s"}) == f"{wanted}1m30s"


@pytest.mark.parametrize("rate", ["1m", "60s", "2m", "1h"])
def test_whole_minutes_are_rates(rate: str) -> None:
    assert Schedule.model_validate({"rate": rate}).rate == duration_us(rate)


@pytest.mark.parametrize("pattern", ["steady", "poisson", "bursts"])
def test_a_pattern_that_needs_time_must_have_some(pattern: str) -> None:
    assert problem(Arrival, {"pattern": pattern}) == f"over: must be > 0s for pattern {pattern}, got 0s"
    assert Arrival.model_validate({"pattern": pattern, "over": "1us"}).over == 1
    assert Arrival.model_validate({"pattern": "at_once"}).over == 0


def test_more_ids_than_executions_are_refused() -> None:
    assert problem(Group, {"executions": 1, "ids": ["a", "b"]}) == "ids: must be at most executions (1), got 2"
    assert Group.model_validate({"executions": 2, "ids": ["a", "b"]}).ids == ("a", "b")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"waves": [{"wait_before": "1m"}]}, "wait_before needs kind: recovery_plan, got kind: waves"),
        ({"waves": [{"optional": 1}]}, "optional needs kind: recovery_plan, got kind: waves"),
        ({"on_failure": "skip"}, "on_failure needs kind: recovery_plan, got kind: waves"),
        ({"kind": "recovery_plan", "waves": 21}, "a recovery plan must have at most 20 steps and 100 servers, got 21"),
        ({"kind": "recovery_plan", "waves": [{}, *[{"wait_before": "1m"}] * 10]}, "at most 20 steps and 100 servers"),
        ({"kind": "recovery_plan", "waves": 2, "servers": 51}, "100 servers, got 2 and 102"),
        ({"kind": "recovery_plan", "waves": [{"wait_before": "1m"}]}, "must not be a wait step"),
        ({"kind": "recovery_plan", "waves": [{"failing": 3}]}, "failing must be at most the wave's servers (2), got 3"),
        ({"kind": "recovery_plan", "waves": [{"optional": 3}]}, "optional must be at most the wave's servers (2)"),
        ({"kind": "recovery_plan", "waves": [{"launch": "never"}]}, "in one account and Region, with launch: drs"),
        ({"kind": "recovery_plan", "spread_waves": True}, "in one account and Region, with launch: drs"),
        ({"waves": [{"wait_before": "90s"}]}, "wait_before: must be whole minutes up to 2h, got 1m30s"),
        ({"waves": [{"wait_before": "121m"}]}, "wait_before: must be whole minutes up to 2h, got 2h1m"),
    ],
)
def test_recovery_plan_that_drs_would_refuse_is_refused(fields: dict[str, object], text: str) -> None:
    assert text in problem(Group, fields)


def test_end_by_hand_is_final_and_a_deletion_expects_no_status() -> None:
    ends = "COMPLETED, PARTIAL, FAILED, TIMEOUT, CANCELLED"
    assert problem(Group, {"ended_as": "POLLING"}) == f"ended_as: must be one of {ends}, got POLLING"
    assert problem(Group, {"deleted_after": "1m", "expect": "FAILED"}) == (
        "expect: must not be given with deleted_after, for no status is left, got FAILED"
    )


@pytest.mark.parametrize("count", [0, -1])
def test_a_group_without_waves_is_refused(count: int) -> None:
    assert problem(Group, {"waves": count}) == (
        f"waves: Value should have at least 1 item after validation, not 0, got {count}"
    )


def test_too_many_waves_are_refused_before_they_are_made() -> None:
    assert problem(Group, {"waves": 101}) == "waves: waves must be from 1 to 100, got 101"
    assert problem(Group, {"waves": 10**12}) == "waves: waves must be from 1 to 100, got 1000000000000"
    assert problem(Group, {"waves": [{}] * 101}).startswith("waves: Value should have at most 100 items")


@pytest.mark.parametrize("waves", [True, "three", None, 1.0])
def test_what_is_neither_a_number_of_waves_nor_a_list_is_refused(waves: object) -> None:
    assert problem(Group, {"waves": waves}) == f"waves: Input should be a valid tuple, got {waves!r}"


def test_a_setting_that_does_not_exist_is_refused_with_those_that_do() -> None:
    known = ", ".join(sorted(SETTING_NAMES))
    assert problem(WorldSpec, {"settings": {"SWEEPS": "4", "PERIOD": "1", "TIMEOUT_SECONDS": "60"}}) == (
        f"settings: PERIOD, SWEEPS: no such setting; known are {known}"
    )


@pytest.mark.parametrize("value", [13, "13", "four", True])
def test_a_setting_out_of_its_range_is_refused_as_the_functions_would(value: object) -> None:
    assert problem(WorldSpec, {"settings": {"SWEEPS_PER_INVOCATION": value}}) == (
        f"settings: SWEEPS_PER_INVOCATION must be a whole number from 1 to 12, got {str(value)!r}"
    )


def test_settings_may_be_texts_or_whole_numbers_and_nothing_else() -> None:
    settings = {"SWEEPS_PER_INVOCATION": 4, "TIMEOUT_SECONDS": "60"}
    assert WorldSpec.model_validate({"settings": settings}).settings == {
        "SWEEPS_PER_INVOCATION": "4",
        "TIMEOUT_SECONDS": "60",
    }
    assert problem(WorldSpec, {"settings": {"TIMEOUT_SECONDS": 60.5}}) == (
        "settings.TIMEOUT_SECONDS: Input should be a valid string, got 60.5"
    )
    assert problem(WorldSpec, {"settings": ["TIMEOUT_SECONDS"]}) == (
        "settings: Input should be a valid dictionary, got ['TIMEOUT_SECONDS']"
    )


@pytest.mark.parametrize(
    ("model", "data", "wanted"),
    [
        (Function, {**MINIMAL_FUNCTION, "memory_mb": 127}, "memory_mb: Input should be greater than or equal to 128"),
        (Function, {**MINIMAL_FUNCTION, "memory_mb": 10_241}, "memory_mb: Input should be less than or equal to 10240"),
        (PollerFunction, {"retries_max": 3}, "retries_max: Input should be less than or equal to 2, got 3"),
        (PollerFunction, {"retries_max": -1}, "retries_max: Input should be greater than or equal to 0, got -1"),
        (PollerFunction, {"reserved_concurrency": -1}, "reserved_concurrency: Input should be greater than or equal"),
        (PollerFunction, {"timeout": "5"}, "timeout: a duration is a text with units, such as"),
        (PollerFunction, {"init": "2s..1s"}, "init: a spread has 1 to 3 durations in ascending order, such as"),
        (WorldSpec, {"drs": {"jobs_max": 0}}, "drs.jobs_max: Input should be greater than or equal to 1, got 0"),
        (WorldSpec, {"drs": {"page_size": 0}}, "drs.page_size: Input should be greater than or equal to 1, got 0"),
        (WorldSpec, {"table": {"page_bytes_max": 1023}}, "table.page_bytes_max: Input should be greater than or equal"),
        (WorldSpec, {"functions": {"account_concurrency": 0}}, "functions.account_concurrency: Input should be great"),
        (WorldSpec, {"bounds": {"lambda_ratio": 0}}, "bounds.lambda_ratio: Input should be greater than 0, got 0"),
        (WorldSpec, {"bounds": {"lambda_ratio": 1.1}}, "bounds.lambda_ratio: Input should be less than or equal to 1"),
        (WorldSpec, {"regions": []}, "regions: Tuple should have at least 1 item after validation, not 0, got []"),
        (WorldSpec, {"accounts": 10_001}, "accounts: Input should be less than or equal to 10000, got 10001"),
        (WorldSpec, {"workload": [{"servers": 0}]}, "workload.0.servers: Input should be greater than or equal to 1"),
        (WorldSpec, {"workload": [{"executions": 0}]}, "workload.0.executions: Input should be greater than or equal"),
        (WorldSpec, {"workload": [{"order": "any"}]}, "workload.0.order: Input should be 'parallel' or 'sequential'"),
        (WorldSpec, {"regions": ["us-east-1", "mars"]}, "regions.1: must be a Region of AWS such as us-east-1, got"),
        (
            WorldSpec,
            {"regions": ["us-east-1", "us-east-1"]},
            "regions: must be different Regions, got 'us-east-1' twice",
        ),
        (WorldSpec, {"duration": "367d"}, "duration: must be at most 366d, got 367d"),
        (WorldSpec, {"start": "9999-12-31T00:00:00Z"}, "start: must be in the years 1970 to 2999, got 9999"),
        (WorldSpec, {"start": "1969-12-31T00:00:00Z"}, "start: must be in the years 1970 to 2999, got 1969"),
        (WorldSpec, {"workload": [{"servers": 501}]}, "workload.0.servers: Input should be less than or equal to 500"),
        (
            WorldSpec,
            {"workload": [{"executions": 10**6}] * 2},
            "workload: executions of all groups must be at most 1,0",
        ),
        (
            WorldSpec,
            {"workload": [{"executions": 10**5, "servers": 50}]},
            "workload: servers of all executions must be",
        ),
        (JobLife, {"actions": 101}, "actions: Input should be less than or equal to 100, got 101"),
        (PollerFunction, {"memory_used_mb": -1}, "memory_used_mb: Input should be greater than or equal to 0, got -1"),
        (WorldSpec, {"start": "noon"}, "start: Input should be a valid datetime or date"),
        (WorldSpec, {"durations": "1h"}, "durations: Extra inputs are not permitted, got '1h'"),
        (JobLife, {"failed_servers": -1}, "failed_servers: Input should be greater than or equal to 0, got -1"),
        (
            WaveSpec,
            {"launch": "later"},
            "launch: Input should be 'drs', 'never', 'empty', 'failed' or 'unknown', got 'later'",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_with_field_rule_and_value(
    model: type[BaseModel], data: object, wanted: str
) -> None:
    assert re.match(re.escape(wanted), problem(model, data))


@pytest.mark.parametrize("memory_mb", [128, 10_240])
def test_bounds_belong_to_what_is_allowed(memory_mb: int) -> None:
    function = Function.model_validate({**MINIMAL_FUNCTION, "memory_mb": memory_mb, "reserved_concurrency": 0})
    assert (function.memory_mb, function.reserved_concurrency) == (memory_mb, 0)
    assert function.init == spread_of("1s")
