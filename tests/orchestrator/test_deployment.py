"""The environment variables that the template sets: which are required, and the defaults of the others."""

import pytest

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.settings import DeployedNames, log_level_from


@pytest.mark.parametrize("unset", [{}, {"STATUS_INDEX": "", "METRICS_NAMESPACE": "", "DRS_ROLE_NAME": ""}])
def test_variables_with_a_default_may_be_missing_or_empty(unset: dict[str, str]) -> None:
    environment = {"EXECUTION_TABLE": "executions", "POLLER_FUNCTION": "poller", **unset}
    assert DeployedNames.of(environment) == DeployedNames(
        table="executions",
        index="StatusIndex",
        poller_function="poller",
        namespace="DRSOrchestration",
        role_name="",
    )


def test_set_variables_override_the_defaults() -> None:
    environment = {
        "EXECUTION_TABLE": "t",
        "POLLER_FUNCTION": "p",
        "STATUS_INDEX": "i",
        "METRICS_NAMESPACE": "n",
        "DRS_ROLE_NAME": "r",
    }
    assert DeployedNames.of(environment) == DeployedNames(
        table="t", index="i", poller_function="p", namespace="n", role_name="r"
    )


def test_one_error_names_all_missing_variables() -> None:
    with pytest.raises(MalformedError, match=r"missing: EXECUTION_TABLE, POLLER_FUNCTION$"):
        DeployedNames.of({"EXECUTION_TABLE": ""}, "EXECUTION_TABLE", "POLLER_FUNCTION")
    with pytest.raises(MalformedError, match=r"missing: EXECUTION_TABLE$"):
        DeployedNames.of({"POLLER_FUNCTION": "p"}, "EXECUTION_TABLE")


@pytest.mark.parametrize(("text", "level"), [(None, "INFO"), ("", "INFO"), ("debug", "DEBUG"), ("ERROR", "ERROR")])
def test_log_level_is_info_unless_set(text: str | None, level: str) -> None:
    assert log_level_from({} if text is None else {"LOG_LEVEL": text}) == level


def test_unknown_log_level_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"^LOG_LEVEL must be one of DEBUG, .*, got 'LOUD'$"):
        log_level_from({"LOG_LEVEL": "LOUD"})
