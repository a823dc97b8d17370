"""Scenarios adapted to the contract of the functions that run in them."""

import pytest

from drsim.scenarios.adapting import adapted
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario


def scenario(accounts: int, executions: int, **drs: int) -> Scenario:
    group = {"executions": executions, "waves": 1, "servers": 2}
    facts = {"name": "mine", "title": "Load", "why": "A test needs it.", "contract": "plain"}
    return Scenario.model_validate({**facts, "accounts": accounts, "drs": drs, "workload": [group]})


def test_one_account_gets_the_quotas_that_the_workload_needs() -> None:
    found, changes = adapted(scenario(10, 120))
    assert changes == ("1 account instead of 10", "DRS quota of jobs 20 -> 120")
    assert (found.accounts, found.drs.jobs_max, found.drs.servers_in_jobs_max) == (1, 120, 500)


def test_quotas_that_suffice_stay() -> None:
    found, changes = adapted(scenario(10, 20))
    assert changes == ("1 account instead of 10",)
    assert found.drs == scenario(10, 20).drs


def test_quotas_rise_no_higher_than_those_of_all_accounts() -> None:
    found, changes = adapted(scenario(2, 1000, servers_in_jobs_max=100))
    assert changes[1:] == ("DRS quota of jobs 20 -> 40", "DRS quota of source servers in jobs 100 -> 200")
    assert (found.drs.jobs_max, found.drs.servers_in_jobs_max) == (40, 200)


@pytest.mark.parametrize("contract", ["contract=ours", "contract={promises: {cross_account: true}}"])
def test_cross_account_functions_keep_their_accounts(contract: str) -> None:
    given = load("load-100", (contract,))
    assert given.accounts > 1
    assert adapted(given) == (given, ())


def test_scenario_of_one_account_stays_beyond_its_quotas() -> None:
    given = scenario(1, 1000)
    assert adapted(given) == (given, ())


def test_handlers_without_a_contract_use_one_account() -> None:
    assert adapted(load("load-100"))[0].accounts == 1


def test_waves_of_plans_that_run_them_in_order_are_sequential() -> None:
    found, changes = adapted(load("partial", ("contract={promises: {waves_in_order: true, partial: true}}",)))
    assert {group.order for group in found.workload if len(group.waves) > 1} == {"sequential"}
    assert "waves one after another instead of together" in changes
    assert adapted(load("drill", ("contract={promises: {waves_in_order: true}}",)))[1] == ()


def ends(name: str, **promises: bool) -> tuple[list[str | None], tuple[str, ...]]:
    found, changes = adapted(load(name, (f"contract={{promises: {promises}}}".replace("'", "").lower(),)))
    return [group.expect for group in found.workload], changes


def test_mixed_ends_are_expected_as_the_contract_names_them() -> None:
    expected = ["FAILED", "FAILED", "FAILED"], ("FAILED expected instead of PARTIAL",)
    assert ends("partial", partial=False, launch_actions=True) == expected


def test_no_end_is_expected_that_unawaited_launch_actions_decide() -> None:
    expected = ["PARTIAL", "FAILED", None], ("PARTIAL no longer expected of recoveries with launch actions",)
    assert ends("partial", partial=True, launch_actions=False) == expected


def test_no_end_is_expected_after_incomplete_answers_without_patience() -> None:
    of = "executions that are overdue while DRS's answers are incomplete"
    patient = (
        "contract={limits: {timeout: 30m, incomplete_answers: 5m}, promises: {partial: true, launch_actions: true}}"
    )
    given = load("timeout-incomplete", (patient,))
    assert adapted(given) == (given, ())
    found, changes = adapted(load("timeout-incomplete", (patient.replace(", incomplete_answers: 5m", ""),)))
    assert [group.expect for group in found.workload] == [None, None, "TIMEOUT"]
    assert changes == (f"COMPLETED no longer expected of {of}", f"PARTIAL no longer expected of {of}")


def test_cancelled_executions_that_functions_settle_may_end_otherwise() -> None:
    words = "words: {execution: {POLLING: [POLLING, CANCELLING]}}"
    found, changes = adapted(load("cancelled", (f"contract={{{words}, promises: {{settles: CANCELLING}}}}",)))
    assert [group.expect for group in found.workload] == [None]
    assert "Executions end as expected" not in found.exercises.criteria
    assert changes[-1] == "CANCELLED no longer expected of executions that functions settle"


def test_recoveries_complete_whether_launch_actions_are_awaited_or_not() -> None:
    assert ends("recovery", cross_account=True) == (["COMPLETED"], ())
