"""Adapts a scenario to the contract of its functions: the account of DRS's jobs, quotas, and expected ends."""

from itertools import islice

from drsim.orchestrator.model import ExecutionStatus, ExecutionType
from drsim.scenarios.limits import busiest
from drsim.scenarios.model import Scenario
from drsim.simulator.contract.model import Promises
from drsim.simulator.faults.kinds import INCOMPLETE
from drsim.simulator.faults.rules import Rule
from drsim.simulator.spec.groups import Group

_QUOTAS = (("jobs_max", "jobs"), ("servers_in_jobs_max", "source servers in jobs"))
_AS_EXPECTED = "Executions end as expected"


def adapted(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario as the functions of its contract can run it, and what was changed, for people."""
    scenario, ends = _with_expected_ends(scenario)
    scenario, orders = _with_waves_in_order(scenario)
    scenario, places = _in_one_account(scenario)
    return scenario, (*places, *orders, *ends)


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


def _with_waves_in_order(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Start each wave after the one before has ended, if the team promises that its plans do so."""
    is_together = any(not group.is_sequential and len(group.waves) > 1 for group in scenario.workload)
    if not (scenario.judged_by.promises.waves_in_order and is_together):
        return scenario, ()
    workload = tuple(group.model_copy(update={"order": "sequential"}) for group in scenario.workload)
    return scenario.model_copy(update={"workload": workload}), ("waves one after another instead of together",)


def _with_expected_ends(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """Expect of each execution what the contract makes of its jobs."""
    workload, changes = [], dict[str, None]()
    for group in scenario.workload:
        expect, end, which = group.expect, _end_of(group, scenario.judged_by.promises), _undecided(group, scenario)
        if expect is not None and which:
            end = None
            changes[f"{expect} no longer expected of {which}"] = None
        elif expect is not end:
            changes[f"{end} expected instead of {expect}"] = None
        workload.append(group if expect is end else group.model_copy(update={"expect": end}))
    if not changes:
        return scenario, ()
    update: dict[str, object] = {"workload": tuple(workload)}
    if all(group.expect is None for group in workload):
        # Nothing is left that the run could exercise.
        criteria = tuple(each for each in scenario.exercises.criteria if each != _AS_EXPECTED)
        update["exercises"] = scenario.exercises.model_copy(update={"criteria": criteria})
    return scenario.model_copy(update=update), tuple(changes)


def _end_of(group: Group, promises: Promises) -> ExecutionStatus | None:
    is_mixed = group.expect is ExecutionStatus.PARTIAL
    return ExecutionStatus.FAILED if is_mixed and promises.partial is False else group.expect


def _undecided(group: Group, scenario: Scenario) -> str:
    """Return of which executions the contract does not decide the expected end, if the group's are such; or ""."""
    promises, limits = scenario.judged_by.promises, scenario.judged_by.limits
    if group.expect is ExecutionStatus.CANCELLED:
        # One whose jobs have all ended by then may end as they did.
        return "executions that functions settle" if promises.settles is not None else ""
    lives = [wave.jobs or group.jobs for wave in group.waves]
    has_actions = group.type is ExecutionType.RECOVERY and any(life.actions for life in lives)
    if has_actions and not promises.launch_actions and group.expect is not ExecutionStatus.COMPLETED:
        # Launch actions decided the end, or delayed it.
        return "recoveries with launch actions"
    if group.expect is ExecutionStatus.TIMEOUT or limits.incomplete_answers is not None or limits.timeout == "none":
        return ""
    overdue_us = group.arrival.at + (limits.timeout or 0)
    if limits.timeout is not None and any(_leaves_out(rule, group, overdue_us, scenario) for rule in scenario.faults):
        return "executions that are overdue while DRS's answers are incomplete"
    return ""


def _leaves_out(rule: Rule, group: Group, at_us: int, scenario: Scenario) -> bool:
    """Whether a fault leaves something out of DRS's answers to the poll after this instant."""
    until_us = rule.before or scenario.heal or scenario.duration
    is_of_group = rule.execution is None or rule.execution in group.ids
    return rule.fault in INCOMPLETE and is_of_group and rule.after <= at_us < until_us
