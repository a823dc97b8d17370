"""Lambda environments for tests: a freshly imported module, its variables, its context, and its log lines."""

import importlib
import json
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import botocore.handlers
import pytest

from tests.orchestrator.aws.tables import TABLE
from tests.orchestrator.aws.wire import Answer, Wire
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import EAST

MODULE: Final = "drsim.orchestrator.entrypoints"


@dataclass(frozen=True, slots=True)
class Context:
    """The part of Lambda's context object that the handlers may read."""

    aws_request_id: str = "r-1"
    function_name: str = "ExecutionPoller"
    remaining_ms: int = 60_000
    partition: str = "aws"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:{self.partition}:lambda:{EAST.region}:{EAST.account_id}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class Environments:
    """Creates Lambda environments, and answers for AWS services with prepared answers.

    moto answers for DynamoDB and for STS.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.now_us = START_US
        monkeypatch.setattr("time.time_ns", lambda: self.now_us * 1_000)
        self.set(EXECUTION_TABLE=TABLE, POLLER_FUNCTION="ExecutionPoller")

    def set(self, **variables: str) -> None:
        """Set environment variables. The handlers treat an empty variable as missing."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def fresh(self) -> ModuleType:
        """The entry points in a new environment."""
        self._monkeypatch.delitem(sys.modules, MODULE, raising=False)
        return importlib.import_module("drsim.orchestrator.entrypoints")

    def wire(self, service: str, *answers: Answer) -> Wire:
        """A wire with these answers for every client of this service that is created from now on."""
        wire = Wire(None, *answers)
        handlers = [*botocore.handlers.BUILTIN_HANDLERS, (f"before-send.{service}", wire.answer)]
        self._monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
        return wire

    def lines(self) -> list[dict[str, Any]]:
        """The lines logged since the last call, each parsed as a JSON object."""
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]
