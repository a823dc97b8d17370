"""Repeats failing runs of handlers in another process, where sets have another order and objects other addresses.

`drsim.scenarios.repeating` compares the two runs.
"""

from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Self

from drsim.arguments import complain
from drsim.processes import ProcessExecutor
from drsim.scenarios.adapting import adapted
from drsim.scenarios.contradiction import Contradiction, in_words
from drsim.scenarios.failure import Failure
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import Code
from drsim.scenarios.repeating import Divergence, Recorded, divergence, finding_of, never_again, recorded, repeated
from drsim.scenarios.runner import Run
from drsim.scenarios.source_scan import sources_digest
from drsim.simulator.handlers.functions import Handlers


class Repeater(ExitStack):
    """Another process, which starts with the first run that it repeats, and ends with this context."""

    def __init__(self) -> None:
        super().__init__()
        self._process: ProcessExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def comparing(self, functions: Handlers) -> Callable[[Run, Scenario], Run]:
        """Return what compares a run with its repetition, for a run of handlers that begins now."""
        return partial(self._compared, functions=functions, sources=sources_digest(functions))

    def _compared(self, run: Run, scenario: Scenario, functions: Handlers, sources: str) -> Run:
        """Repeat a failing run. If the other run differs, that is its first finding.

        A run without a trace leaves nothing to compare.
        """
        found, digest = run.result, run.result.trace_digest
        if found.verdict != "fail" or found.trace == "off" or digest is None:
            return run
        text = adapted(scenario)[0].model_dump_json()
        second = self._ask(text, found.seed, functions, found.tier, found.trace, digest)
        differing = second and divergence(Recorded([*run.trace.lines()], digest, run.places), second)
        if not second or not differing or _has_changed(functions, sources):
            return run
        findings = (finding_of(differing, scenario.epoch_us, second), *found.findings)
        return replace(run, result=found.model_copy(update={"findings": findings}))

    def divergence(self, scenario: Scenario, found: Contradiction | Failure, code: Code) -> Divergence | None:
        """Run a failure of handlers here and in the other process: how both runs differ, if they do."""
        if isinstance(code, str):
            return None
        text, sources = scenario.model_dump_json(), sources_digest(code)
        first = recorded(text, found.seed, code)
        second = self._ask(text, found.seed, code, "client", "full", first.digest)
        differing = second and divergence(first, second)
        if not differing and found.property not in first.broke:
            differing = never_again(scenario, found.property)
        return None if not differing or _has_changed(code, sources) else differing

    def _ask(self, *arguments: Any) -> Recorded | None:
        try:
            if self._process is None:
                self._process = ProcessExecutor(1)
                self.callback(self._process.shutdown, wait=False, cancel_futures=True)
            return self._process.submit(repeated, *arguments).result()
        # The first run's result is kept whatever happens to its repetition.
        except Exception as error:  # noqa: BLE001 - anything that a user's handlers raise elsewhere
            cause = str(error) if isinstance(error, BrokenExecutor) else in_words(error)
            complain(f"a failing run could not be repeated: {cause}")
            return None


def _has_changed(functions: Handlers, sources: str) -> bool:
    """Return whether the handlers' files changed since they had this digest, which then explains any difference."""
    if sources_digest(functions) == sources:
        return False
    complain("a run and its repetition differ, but a Python file of your handlers changed between them: run again")
    return True
