"""What the template tells the functions, and what it may leave out."""

import pytest

from drsim.orchestrator.deployment import (
    FinderDeployment,
    PollerDeployment,
    finder_deployment_from,
    log_level_from,
    poller_deployment_from,
)
from drsim.orchestrator.errors import MalformedError


@pytest.mark.parametrize("unset", [{}, {"STATUS_INDEX": "", "METRICS_NAMESPACE": "", "DRS_ROLE_NAME": ""}])
def test_what_has_a_default_may_be_left_out_or_empty(unset: dict[str, str]) -> None:
    environment = {"EXECUTION_TABLE": "executions", "POLLER_FUNCTION": "poller", **unset}
    assert finder_deployment_from(environment) == FinderDeployment(
        table="executions", index="StatusIndex", poller_function="poller"
    )
    assert poller_deployment_from(environment) == PollerDeployment(
        table="executions", namespace="DRSOrchestration", role_name=""
    )


def test_what_is_set_counts() -> None:
    environment = {
        "EXECUTION_TABLE": "t",
        "POLLER_FUNCTION": "p",
        "STATUS_INDEX": "i",
        "METRICS_NAMESPACE": "n",
        "DRS_ROLE_NAME": "r",
    }
    assert finder_deployment_from(environment) == FinderDeployment(table="t", index="i", poller_function="p")
    assert poller_deployment_from(environment) == PollerDeployment(table="t", namespace="n", role_name="r")


def test_one_error_names_all_that_is_missing() -> None:
    with pytest.raises(MalformedError, match=r"missing: EXECUTION_TABLE, POLLER_FUNCTION$"):
        finder_deployment_from({"EXECUTION_TABLE": ""})
    with pytest.raises(MalformedError, match=r"missing: EXECUTION_TABLE$"):
        poller_deployment_from({"POLLER_FUNCTION": "p"})


@pytest.mark.parametrize(("text", "level"), [(None, "INFO"), ("", "INFO"), ("debug", "DEBUG"), ("ERROR", "ERROR")])
def test_the_log_level_is_info_unless_another_is_set(text: str | None, level: str) -> None:
    assert log_level_from({} if text is None else {"LOG_LEVEL": text}) == level


def test_a_log_level_that_is_none_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"^LOG_LEVEL must be one of DEBUG, .*, got 'LOUD'$"):
        log_level_from({"LOG_LEVEL": "LOUD"})
