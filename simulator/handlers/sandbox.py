"""The host as functions see it during a run: credentials, randomness, sockets, output."""

import json
import os
import re
import socket
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Final, NoReturn

import boto3
import botocore

from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.handlers.replacing import replaced
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import seeded_for_others
from drsim.simulator.services.functions import Invocation
from drsim.simulator.services.observability import LogsService

_DUMMIES: Final = {
    "AWS_ACCESS_KEY_ID": "AKIADRSIMDRSIMDRSIM0",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_SESSION_TOKEN": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
_BETWEEN_IDS: Final = re.compile(r"[^\w-]+")
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@contextmanager
def no_credentials(region: str) -> Iterator[None]:
    """Replace every AWS variable of the host by dummies; real credentials and their files are never read."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({**_DUMMIES, "AWS_REGION": region, "AWS_DEFAULT_REGION": region})
    try:
        with replaced((boto3, "DEFAULT_SESSION", None)):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Seed all randomness: botocore's retries, and functions that draw random numbers.

    Afterwards remove what functions' modules registered: Powertools at botocore, overloads at typing.
    """
    initializers = vars(botocore)["_INITIALIZERS"]
    before = list(initializers)
    try:
        with seeded_for_others(seed):
            yield
    finally:
        initializers[:] = before
        typing.clear_overloads()


def no_network() -> AbstractContextManager[None]:
    """Refuse every connection: requests to AWS are answered before they need a socket."""

    def refused(_: object, *flags_and_address: object, **__: object) -> NoReturn:
        address = flags_and_address[-1]
        raise NotSimulatedError(f"a function opens a connection to {address}, which nothing here simulates")

    def unresolved(host: object, *_: object, **__: object) -> NoReturn:
        raise NotSimulatedError(f"a function looks up {host}, which nothing here simulates")

    connections = [(socket.socket, name, refused) for name in ("connect", "connect_ex", "sendto")]
    return replaced(*connections, (socket, "getaddrinfo", unresolved))


def output_into(
    logs: LogsService, kernel: Kernel, known: Callable[[str], bool], id_field: str | None = None
) -> AbstractContextManager[None]:
    """Turn what a function prints or logs into its log lines, as on Lambda; other output is unchanged.

    `known` tests whether a text is an execution's id. JSON lines have it in `id_field`; None: in any field.
    """
    names, about = ("stdout", "stderr"), (logs, kernel, known, id_field)
    return replaced(*[(sys, name, _FunctionOutput(getattr(sys, name), *about)) for name in names])


class _FunctionOutput:
    """An output stream that turns each complete line of a function into a log line; in all else the real one."""

    def __init__(
        self, real: Any, logs: LogsService, kernel: Kernel, known: Callable[[str], bool], id_field: str | None
    ) -> None:
        self._real = real
        self._logs = logs
        self._kernel = kernel
        self._known = known
        self._id_field = id_field
        self._begun: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def write(self, text: str) -> int:
        process = self._kernel.current
        invocation = None if process is None else process.tag
        if not isinstance(invocation, Invocation):
            return int(self._real.write(text))
        *lines, rest = (self._begun.pop(invocation.request_id, "") + text).split("\n")
        if rest:
            self._begun[invocation.request_id] = rest
        for line in filter(None, lines):
            self._event(invocation, line)
        return len(text)

    def event(self, text: str) -> None:
        """Write a text as one log event, whatever line ends it has."""
        process = self._kernel.current
        invocation = None if process is None else process.tag
        if isinstance(invocation, Invocation):
            self._event(invocation, text)
        else:
            self._real.write(f"{text}\n")

    def _event(self, invocation: Invocation, line: str) -> None:
        fields: Any = None
        if line.lstrip().startswith("{"):
            with suppress(ValueError):
                fields = json.loads(line)
        if not isinstance(fields, Mapping):
            level = next((each for each in _LEVELS if line.startswith((f"[{each}]", each))), "INFO")
            fields = {"level": level, "message": line}
            # Its own id is found next to any sign, another one as a word.
            own = invocation.execution_id
            names, words = ["message"], [own] if own and own in line else _BETWEEN_IDS.split(line)
        else:
            values = fields.values() if self._id_field is None else (fields.get(self._id_field),)
            names, words = [*map(str, fields)], [value for value in values if isinstance(value, str)]
        found = next(filter(self._known, words), "")
        level, message = str(fields.get("level", "INFO")), str(fields.get("message", line))
        # Structured loggers keep the traceback apart. Its last line is the error; the others name files of the host.
        error = str(fields.get("exception") or "").rpartition("\n")[2]
        message = "\n".join(filter(None, [message, error]))
        self._logs.write(invocation, level, found, message, len(line.encode()), names)
