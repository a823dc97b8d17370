"""Adapts a scenario to the contract of its functions: the account of DRS's jobs, quotas, and expected ends."""

from itertools import islice
from typing import Final

from drsim.orchestrator.model import ExecutionStatus, ExecutionType
from drsim.scenarios.limits import busiest
from drsim.scenarios.model import Scenario
from drsim.simulator.contract.model import Promises
from drsim.simulator.spec.groups import Group

_QUOTAS = (("jobs_max", "jobs"), ("servers_in_jobs_max", "source servers in jobs"))


_RECOVERIES: Final = "recoveries with launch actions"
_SETTLED: Final = "executions that functions settle"


def adapted(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario as the functions of its contract can run it, and what was changed, for people."""
    scenario, ends = _with_expected_ends(scenario)
    scenario, places = _in_one_account(scenario)
    return scenario, (*places, *ends)


def _in_one_account(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Put all jobs into one account, unless the functions are cross-account.

    Its DRS quotas then rise to what the workload needs if no job ends, and at most to those of all accounts together,
    so that a scenario beyond its quotas stays beyond them.
    """
    if scenario.accounts == 1 or scenario.judged_by.promises.cross_account:
        return scenario, ()
    one, accounts = scenario.model_copy(update={"accounts": 1}), scenario.accounts
    changes = [f"1 account instead of {accounts}"]
    executions = sum(group.executions for group in scenario.workload)
    needed = next(islice(busiest(one), executions - 1, None)) if executions else (0, 0)
    quotas = {}
    for (field, what), most in zip(_QUOTAS, needed, strict=True):
        quota = getattr(scenario.drs, field)
        raised = max(quota, min(most, quota * accounts))
        if raised > quota:
            quotas[field] = raised
            changes.append(f"DRS quota of {what} {quota:,} -> {raised:,}")
    return one.model_copy(update={"drs": scenario.drs.model_copy(update=quotas)}), tuple(changes)


def _with_expected_ends(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Expect of each execution what the contract makes of its jobs."""
    promises = scenario.judged_by.promises
    ends = [_expected(group, promises) for group in scenario.workload]
    pairs = list(zip(scenario.workload, ends, strict=True))
    changed = dict.fromkeys((group.expect, end) for group, end in pairs if group.expect is not end)
    if not changed:
        return scenario, ()
    workload = tuple([group.model_copy(update={"expect": end}) for group, end in pairs])
    changes = [
        f"{end} expected instead of {expect}"
        if end
        else f"{expect} no longer expected of {_SETTLED if expect is ExecutionStatus.CANCELLED else _RECOVERIES}"
        for expect, end in changed
    ]
    return scenario.model_copy(update={"workload": workload}), tuple(changes)


def _expected(group: Group, promises: Promises) -> ExecutionStatus | None:
    lives = [wave.jobs or group.jobs for wave in group.waves]
    if group.expect is ExecutionStatus.CANCELLED and promises.settles is not None:
        # It ends as its jobs do if all have ended by then.
        return None
    has_actions = group.type is ExecutionType.RECOVERY and any(life.actions for life in lives)
    if has_actions and not promises.launch_actions and group.expect is not ExecutionStatus.COMPLETED:
        # Launch actions decided the end, or delayed it.
        return None
    if group.expect is ExecutionStatus.PARTIAL and promises.partial is False:
        return ExecutionStatus.FAILED
    return group.expect
