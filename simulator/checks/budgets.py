"""Budgets: functions stay well within their limits, and DRS is asked no more than needed."""

from drsim.simulator.checks.monitor import Monitor, seconds
from drsim.simulator.events import (
    FINDER,
    FaultInjected,
    JobsDescribed,
    LambdaEnded,
    LambdaStarted,
    Throttled,
    WriteRefused,
)
from drsim.simulator.faults.kinds import CALLS, Fault
from drsim.simulator.trace import Trace


class Budgets(Monitor):
    """Time, memory, concurrency, DRS calls."""

    name = "budgets"
    rule = "Functions keep within their time, memory and concurrency, and a poll asks each account and Region once."

    def subscribe(self, trace: Trace) -> None:
        functions, bounds = self.context.spec.functions, self.context.spec.bounds
        self._concurrency_max = int(functions.account_concurrency * bounds.concurrency_ratio)
        self._calls: dict[str, dict[tuple[str, str], int]] = {}
        self._lost: dict[str, int] = {}
        trace.listen(LambdaStarted, self._on_started)
        trace.listen(Throttled, self._on_throttled)
        trace.listen(JobsDescribed, self._on_described)
        trace.listen(WriteRefused, self._on_refused)
        # How long faults hold up the calls of each running invocation.
        self._held_us: dict[str, int] = {}
        trace.listen(FaultInjected, self._on_fault)
        trace.listen(LambdaEnded, self._on_ended)

    def _on_fault(self, event: FaultInjected) -> None:
        if not event.request_id or event.operation not in CALLS:
            return
        functions = self.context.spec.functions
        function = functions.finder if event.function == FINDER else functions.poller
        # Up to three attempts; a stuck call lasts until the function times out.
        held_us = function.timeout if event.fault == Fault.STUCK else 3 * event.delay_us
        self._held_us[event.request_id] = self._held_us.get(event.request_id, 0) + held_us

    def _on_started(self, event: LambdaStarted) -> None:
        if event.concurrency > self._concurrency_max and not self.context.excuses("", event.at_us):
            expected = f"at most {self._concurrency_max} concurrent invocations"
            self.violate(event.execution_id, event.at_us, expected, str(event.concurrency))

    def _on_throttled(self, event: Throttled) -> None:
        if not self.context.excuses(event.execution_id, event.at_us):
            self.violate(event.execution_id, event.at_us, f"{event.function} is not throttled", "throttled")

    def _on_described(self, event: JobsDescribed) -> None:
        if event.first_page:
            calls = self._calls.setdefault(event.request_id, {})
            scope = (event.account_id, event.region)
            calls[scope] = calls.get(scope, 0) + 1

    def _on_refused(self, event: WriteRefused) -> None:
        if event.request_id:
            self._lost[event.request_id] = self._lost.get(event.request_id, 0) + 1

    def _on_ended(self, event: LambdaEnded) -> None:
        self.checked += 1
        functions, bounds = self.context.spec.functions, self.context.spec.bounds
        function = functions.finder if event.function == FINDER else functions.poller
        # A finder that looks several times sleeps in between, and that is no work.
        settings = self.context.settings
        asleep_us = settings.sweep_us * (settings.sweeps_per_invocation - 1) if event.function == FINDER else 0
        worked_us = event.duration_us - asleep_us - self._held_us.pop(event.request_id, 0)
        if worked_us > (function.timeout - asleep_us) * bounds.lambda_ratio:
            expected = f"{event.function} within {bounds.lambda_ratio:.0%} of its {seconds(function.timeout)}"
            self.violate(event.execution_id, event.at_us, expected, seconds(event.duration_us))
        if event.memory_mb > function.memory_mb:
            expected = f"{event.function} within {function.memory_mb} MB"
            self.violate(event.execution_id, event.at_us, expected, f"{event.memory_mb} MB")
        # A poll that lost a race asks again, for the time between may have changed the answer.
        calls_max = bounds.describe_calls * (1 + self._lost.pop(event.request_id, 0))
        for (account_id, region), calls in self._calls.pop(event.request_id, {}).items():
            if calls > calls_max:
                expected = f"at most {calls_max} DescribeJobs calls in {account_id} {region}"
                self.violate(event.execution_id, event.at_us, expected, str(calls))
