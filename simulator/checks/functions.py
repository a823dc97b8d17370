"""Functions: they stay within their budgets, log each execution, and use only what their roles allow."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from drsim.simulator import events
from drsim.simulator.checks.monitor import Monitor, seconds
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.faults.kinds import CALLS, Fault
from drsim.simulator.services.spec import Function


class Budgets(Monitor):
    name = "budgets"
    rule = "Functions stay within their time, memory and concurrency, and a poll asks each account and Region once."

    def prepare(self) -> None:
        self._concurrency_max = int(self.spec.functions.account_concurrency * self.bounds.concurrency_ratio)
        # By running invocation: its DescribeJobs calls by account and Region, its lost races, and its delay by faults.
        self._calls: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._lost: Counter[str] = Counter()
        self._held_us: Counter[str] = Counter()

    def _spec_of(self, function: str) -> Function:
        functions = self.spec.functions
        return functions.finder if function == FINDER else functions.poller

    def _on_fault(self, event: events.FaultInjected) -> None:
        if event.request_id and event.operation in CALLS:
            # Up to three attempts; a stuck call lasts until the function times out.
            stuck = event.fault == Fault.STUCK
            self._held_us[event.request_id] += self._spec_of(event.function).timeout if stuck else 3 * event.delay_us

    def _on_started(self, event: events.LambdaStarted) -> None:
        if event.concurrency > self._concurrency_max and not self.context.excuses("", event.at_us):
            self.violate(event, f"at most {self._concurrency_max} concurrent invocations", str(event.concurrency))

    def _on_throttled(self, event: events.Throttled) -> None:
        if not self.context.excuses(event.execution_id, event.at_us):
            self.violate(event, f"{event.function} is not throttled", "throttled")

    def _on_described(self, event: events.JobsDescribed) -> None:
        if event.first_page:
            self._calls[event.request_id][event.account_id, event.region] += 1

    def _on_refused(self, event: events.WriteRefused) -> None:
        if event.request_id:
            self._lost[event.request_id] += 1

    def _on_ended(self, event: events.LambdaEnded) -> None:
        self.checked += 1
        function, bounds = self._spec_of(event.function), self.bounds
        # A finder that looks several times sleeps in between, which is no work.
        sleeps_count = self.limits.looks - 1 if event.function == FINDER else 0
        asleep_us = sleeps_count * self.limits.look_distance_us
        worked_us = event.duration_us - asleep_us - self._held_us.pop(event.request_id, 0)
        if worked_us > (function.timeout - asleep_us) * bounds.lambda_ratio:
            expected = f"{event.function} within {bounds.lambda_ratio:.0%} of its {seconds(function.timeout)}"
            self.violate(event, expected, seconds(event.duration_us))
        if event.memory_mb > function.memory_mb:
            self.violate(event, f"{event.function} within {function.memory_mb} MB", f"{event.memory_mb} MB")
        # A poll that lost a race asks again, because the answer may have changed since.
        calls_max = bounds.describe_calls * (1 + self._lost.pop(event.request_id, 0))
        for (account_id, region), calls in self._calls.pop(event.request_id, {}).items():
            if calls > calls_max:
                self.violate(event, f"at most {calls_max} DescribeJobs calls in {account_id} {region}", str(calls))


@dataclass(slots=True)
class _Lines:
    """The log lines of one invocation: their number, the errors, and the first that lacks its execution's id."""

    execution_id: str
    count: int = 0
    errors_count: int = 0
    stray: str = ""


class LogCorrelation(Monitor):
    name = "log-correlation"
    rule = "Each invocation that ends logs; a poller's lines carry only its execution id; a failed poll logs an error."

    def prepare(self) -> None:
        self._lines: dict[str, _Lines] = {}

    def _on_started(self, event: events.LambdaStarted) -> None:
        self._lines[event.request_id] = _Lines(event.execution_id)

    def _on_line(self, event: events.LogWritten) -> None:
        if event.by_runtime:
            return
        lines = self._lines.get(event.request_id)
        if lines is None:
            self.violate(event, "a line of a running invocation", event.message)
            return
        lines.count += 1
        lines.errors_count += event.level == "ERROR"
        if event.function == POLLER and event.execution_id != lines.execution_id and not lines.stray:
            lines.stray = event.message

    def _on_ended(self, event: events.LambdaEnded) -> None:
        lines = self._lines.pop(event.request_id, None) or _Lines(event.execution_id)
        # A killed function cannot log, and Lambda's runtime logs the error of a finder that raised.
        if event.outcome not in ("ok", "error") or (event.outcome == "error" and event.function != POLLER):
            return
        self.checked += 1
        if not lines.count:
            self.violate(event, f"{event.function} logs what it did", "no line")
        elif lines.stray:
            self.violate(event, f"every line with execution id {event.execution_id}", f"the line {lines.stray!r}")
        elif event.outcome == "error" and not lines.errors_count:
            self.violate(event, f"an ERROR line of {event.function} that failed", "none")


class LeastPrivilege(Monitor):
    """Compares every action with the deployed role's policies; the fast tier has neither."""

    name = "least-privilege"
    rule = "The policies of a function's role allow each action of the function on its resource."

    def prepare(self) -> None:
        # Each denied function, action, resource and condition is reported once.
        self._denied: set[tuple[str, str, str, str]] = set()

    def _on_action(self, event: events.ActionUsed) -> None:
        allows = self.context.allows
        if allows is None:
            return
        self.checked += 1
        action = (event.function, event.action, event.resource, event.condition)
        if action not in self._denied and not allows(*action):
            self._denied.add(action)
            observed = f"{event.action} on {event.resource} {event.condition}".rstrip()
            self.violate_at("", event.at_us, f"what the role of {event.function} allows", observed)
