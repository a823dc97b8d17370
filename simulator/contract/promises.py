"""What a contract leaves unjudged, with the reason and the way to change that."""

from collections.abc import Iterator
from typing import NamedTuple

from drsim.simulator.contract.model import Contract


class Unjudged(NamedTuple):
    """A check that is off. `check` is a property, a criterion, or `property: part` for a part of a property."""

    check: str
    reason: str
    how: str


def unjudged_of(contract: Contract, *, is_ours: bool) -> tuple[Unjudged, ...]:
    """Return the checks that this contract switches off, in the order of the contract."""
    return tuple(_found(contract, is_ours=is_ours))


def _of_cadence(contract: Contract) -> list[tuple[bool, str, str, str]]:
    limits, promises = contract.limits, contract.promises
    return [
        (limits.intervals is None, "poll-cadence: intervals", "no interval is known", "limits.intervals: 60s"),
        (
            promises.decides_due is None,
            "poll-cadence: each look",
            "who decides what is due is not known",
            "promises.decides_due: finder, poller or nothing",
        ),
        (
            limits.intervals is not None and promises.decides_due != "nothing" and not promises.once,
            "poll-cadence: repeated events",
            "an event that comes twice may cause a second poll",
            "promises.once: true",
        ),
        ("looks" not in limits.model_fields_set, "poll-cadence: looks", "their number is not known", "limits.looks: 1"),
    ]


def _of_ends(contract: Contract) -> list[tuple[bool, str, str, str]]:
    limits, promises = contract.limits, contract.promises
    record, ends = "completion-soundness: ", "completion-soundness: mixed ends"
    return [
        (limits.timeout is None, "timeout-truth", "no timeout is known", "limits.timeout: 30m, or none"),
        (
            limits.incomplete_answers is None,
            "timeout-truth: incomplete answers",
            "nothing is promised about incomplete answers at the timeout",
            "limits.incomplete_answers: 5m",
        ),
        (not promises.versioned, "no-lost-update: versions", "writes are not versioned", "promises.versioned: true"),
        (promises.partial is None, ends, "PARTIAL and FAILED both fit", "promises.partial: true"),
        (
            not promises.launch_actions,
            f"{record}launch actions",
            "waves need not wait for launch actions",
            "promises.launch_actions: true",
        ),
        (not promises.job_status, f"{record}job status", "waves need not keep it", "promises.job_status: true"),
        (not promises.instances, f"{record}instances", "servers need not keep them", "promises.instances: true"),
    ]


def _of_functions(contract: Contract) -> list[tuple[bool, str, str, str]]:
    """The checks of budgets, metrics, logs and roles, and criteria that know drsim's own functions only."""
    limits, judged = contract.limits, contract.judged
    return [
        (
            None in (limits.finder.timeout, limits.poller.timeout),
            "budgets: time",
            "the functions' timeouts are not known",
            "limits.poller: {timeout: 300s, memory_mb: 256}",
        ),
        (not judged.metrics, "metrics-complete", "no metric is named", "judged.metrics"),
        (judged.log_field is None, "log-correlation", "no log field is named", "judged.log_field: executionId"),
        (not judged.roles, "least-privilege", "no role is given", "judged.roles: {poller: policy.json}"),
        (True, "CloudWatch logs comprehensive", "it quotes lines of drsim's own functions", ""),
        (True, "Alarms go off and clear", "it knows the alarms of drsim's own template only", ""),
    ]


def _found(contract: Contract, *, is_ours: bool) -> Iterator[Unjudged]:
    announces = contract.promises.announces
    asks = contract.promises.one_describe or contract.limits.describe_calls is not None
    off = [
        *_of_ends(contract),
        *_of_cadence(contract),
        (not announces, "announced-truly", "announcements of ends are not judged", "promises.announces: true"),
        (not asks, "budgets: DescribeJobs", "no number of calls is promised", "promises.one_describe: true"),
        *([] if is_ours else _of_functions(contract)),
    ]
    yield from (Unjudged(check, reason, how) for is_off, check, reason, how in off if is_off)
