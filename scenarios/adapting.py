"""Adapts a scenario to functions that call DRS in their own account only."""

from itertools import islice

from drsim.scenarios.limits import busiest
from drsim.scenarios.model import Scenario

_QUOTAS = (("jobs_max", "jobs"), ("servers_in_jobs_max", "source servers in jobs"))


def adapted(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario as the functions of its contract can run it, and what was changed, for people.

    Without cross-account functions all jobs are in one account. Its DRS quotas then rise to what the workload needs if
    no job ends, and at most to those of all accounts together, so that a scenario beyond its quotas stays beyond them.
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
