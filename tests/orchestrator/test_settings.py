"""The settings of both functions: the defaults of Phase 2, the allowed values, and the errors of wrong ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.settings import SECOND_US, SETTING_NAMES, Settings, settings_from
from tests.orchestrator.strategies import QUICK

RANGES = {
    "PENDING_INTERVAL_SECONDS": (1, 3600),
    "STARTED_INTERVAL_SECONDS": (1, 3600),
    "IN_PROGRESS_INTERVAL_SECONDS": (1, 3600),
    "DUE_SLACK_SECONDS": (0, 10),
    "TIMEOUT_SECONDS": (60, 86_400),
    "INCOMPLETE_ANSWER_SECONDS": (0, 3600),
    "DEADLINE_RESERVE_SECONDS": (0, 60),
    "SWEEPS_PER_INVOCATION": (1, 12),
    "PARALLEL_INVOKES_MAX": (1, 100),
    "SAVE_ATTEMPTS_MAX": (1, 20),
}


def test_empty_environment_gives_the_values_of_phase_2() -> None:
    settings = settings_from({})
    assert settings == Settings()
    assert settings.pending_interval_us == 45 * SECOND_US
    assert settings.started_interval_us == 15 * SECOND_US
    assert settings.in_progress_interval_us == 30 * SECOND_US
    assert settings.timeout_us == 1800 * SECOND_US
    assert settings.incomplete_answer_us == 300 * SECOND_US
    assert settings.sweeps_per_invocation == 1
    assert settings.sweep_us == 60 * SECOND_US


def test_every_variable_is_read_in_its_unit() -> None:
    environment = {variable: str(number) for number, variable in enumerate(RANGES, start=1)}
    assert settings_from({**environment, "TIMEOUT_SECONDS": "600"}) == Settings(
        pending_interval_us=1 * SECOND_US,
        started_interval_us=2 * SECOND_US,
        in_progress_interval_us=3 * SECOND_US,
        due_slack_us=4 * SECOND_US,
        timeout_us=600 * SECOND_US,
        incomplete_answer_us=6 * SECOND_US,
        deadline_reserve_us=7 * SECOND_US,
        sweeps_per_invocation=8,
        parallel_invokes_max=9,
        save_attempts_max=10,
    )


@pytest.mark.parametrize(("sweeps", "seconds"), [(1, 60), (2, 30), (4, 15), (12, 5)])
def test_looks_are_spread_evenly_over_the_minute(sweeps: int, seconds: int) -> None:
    assert Settings(sweeps_per_invocation=sweeps).sweep_us == seconds * SECOND_US


def test_unknown_variables_are_ignored() -> None:
    assert settings_from({"AWS_REGION": "us-east-1", "TIMEOUT": "soon"}) == Settings()


def test_setting_names_are_complete() -> None:
    assert frozenset(RANGES) == SETTING_NAMES


@pytest.mark.parametrize("variable", sorted(RANGES))
def test_setting_outside_its_range_is_refused(variable: str) -> None:
    least, most = RANGES[variable]
    settings_from({variable: str(least)})
    settings_from({variable: f" {most} "})
    for wrong in (least - 1, most + 1):
        with pytest.raises(MalformedError) as refused:
            settings_from({variable: str(wrong)})
        message = f"{variable} must be a whole number from {least} to {most}, got '{wrong}'"
        assert str(refused.value) == message


@pytest.mark.parametrize("text", ["", "soon", "1.5", "+5", "1_0", "0x5", "\N{SUPERSCRIPT TWO}"])
def test_setting_other_than_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="TIMEOUT_SECONDS must be a whole number"):
        settings_from({"TIMEOUT_SECONDS": text})


def test_all_wrong_settings_are_named_in_one_error() -> None:
    with pytest.raises(MalformedError) as refused:
        settings_from({"TIMEOUT_SECONDS": "1h", "SWEEPS_PER_INVOCATION": "0", "SAVE_ATTEMPTS_MAX": "3"})
    assert str(refused.value) == (
        "TIMEOUT_SECONDS must be a whole number from 60 to 86400, got '1h'; "
        "SWEEPS_PER_INVOCATION must be a whole number from 1 to 12, got '0'"
    )


@QUICK
@given(st.dictionaries(st.sampled_from(sorted(RANGES)), st.text("1 9_x²", max_size=3) | st.integers(-1, 100).map(str)))
def test_any_environment_is_read_or_refused_as_malformed(environment: dict[str, str]) -> None:
    try:
        settings = settings_from(environment)
    except MalformedError as error:
        refusal = str(error)
    else:
        assert settings.sweep_us * settings.sweeps_per_invocation <= 60 * SECOND_US
        return
    assert {part.split()[0] for part in refusal.split("; ")} <= set(environment)
