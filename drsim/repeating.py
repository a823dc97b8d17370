"""Repeats failing runs of handlers in another process, where sets have another order and objects other addresses.

`drsim.scenarios.repeating` compares the two runs.
"""

from concurrent.futures import BrokenExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self

from drsim.arguments import complain
from drsim.processes import ProcessExecutor
from drsim.scenarios.adapting import adapted
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.failure import Failure
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import Code
from drsim.scenarios.repeating import Divergence, Recorded, divergence, finding_of, never_again, recorded, repeated
from drsim.scenarios.runner import Run
from drsim.simulator.handlers.functions import Handlers


class Repeater(ExitStack):
    """Another process, which starts with the first run that it repeats, and ends with this context."""

    def __init__(self) -> None:
        super().__init__()
        self._process: ProcessExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def compared(self, run: Run, scenario: Scenario, functions: Handlers | None) -> Run:
        """Repeat a failing run of handlers. If the other run differs, that is its first finding.

        A run without a trace leaves nothing to compare.
        """
        found, digest = run.result, run.result.trace_digest
        if functions is None or found.verdict != "fail" or found.trace == "off" or digest is None:
            return run
        text = adapted(scenario)[0].model_dump_json()
        second = self._ask(text, found.seed, functions, found.tier, found.trace, digest)
        differing = second and divergence(Recorded([*run.trace.lines()], digest, run.places), second)
        if not differing:
            return run
        findings = (finding_of(differing, scenario.epoch_us), *found.findings)
        return replace(run, result=found.model_copy(update={"findings": findings}))

    def divergence(self, scenario: Scenario, found: Contradiction | Failure, code: Code) -> Divergence | None:
        """Run a failure of handlers here and in the other process: how both runs differ, if they do."""
        if isinstance(code, str):
            return None
        text = scenario.model_dump_json()
        first = recorded(text, found.seed, code)
        second = self._ask(text, found.seed, code, "client", "full", first.digest)
        if second and (differing := divergence(first, second)):
            return differing
        return None if found.property in first.broke else never_again(scenario, found.property)

    def _ask(self, *arguments: Any) -> Recorded | None:
        try:
            if self._process is None:
                self._process = ProcessExecutor(1)
                self.callback(self._process.shutdown, wait=False, cancel_futures=True)
            return self._process.submit(repeated, *arguments).result()
        except BrokenExecutor as error:
            complain(f"a failing run could not be repeated: {error}")
            return None
