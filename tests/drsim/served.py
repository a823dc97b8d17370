"""`drsim serve` in a process of its own, and what clients ask of it."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time  # noqa: TID251 - how long it takes to end, only the host's clock can tell
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

# Not imported: awscli puts a botocore of its own into this process, and all later tests would run on that one.
for module in ("awscli", "flask_cors", "moto"):
    assert importlib.util.find_spec(module), f"{module} is in the dependency group tests"

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "ASIAWHATEVER", "AWS_SECRET_ACCESS_KEY": "any", "AWS_SESSION_TOKEN": "any"}
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    **CREDENTIALS,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_PAGER": "",
    "COLUMNS": "100",
}


@dataclass(frozen=True, slots=True)
class Served:
    """A server in a process of its own, and what it printed when it began."""

    process: subprocess.Popen[str]
    printed: list[str]
    url: str

    @property
    def servers(self) -> list[str]:
        """The source servers that it offers."""
        return re.findall(r"s-[0-9a-f]{17}", "\n".join(self.printed[5:8]))

    @property
    def token(self) -> str:
        (found,) = re.findall(r"DRSIM_TOKEN=(\S+)", "\n".join(self.printed))
        return str(found)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Any:
        """The answer of one of drsim's own endpoints, by default with the token."""
        headers = {"X-Drsim-Token": self.token} if headers is None else headers
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def refusal(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        *,
        status: int = 400,
        member: str = "error",
    ) -> str:
        """The error of a request that must be refused."""
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.ask(method, path, headers, body)
        with caught.value as answer:
            assert answer.code == status
            error: str = json.load(answer)[member]
        return error

    def aws(self, *words: str, fails: str = "") -> Any:
        """What the AWS CLI prints, or nothing where it must fail with this in its message."""
        command = [sys.executable, "-m", "awscli", *words, "--endpoint-url", self.url, "--output", "json"]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60)
        if fails:
            assert done.returncode != 0
            assert fails in done.stderr
            return None
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def end(self, by: signal.Signals) -> tuple[int, str, float]:
        """Exit code, last words and complaints, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(by)
        printed, complaints = self.process.communicate(timeout=20)
        return self.process.returncode, printed + complaints, time.monotonic() - began


@contextmanager
def serving(*words: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "drsim", "serve", *words, "--port", "0"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        # It must not outlive a test that hangs while it reads.
        deadline = threading.Timer(100, process.kill)
        deadline.start()
        try:
            assert process.stdout is not None
            printed: list[str] = []
            for line in process.stdout:
                printed.append(line.rstrip("\n"))
                if line.startswith("Ctrl-C"):
                    break
            found = re.search(r"http://127\.0\.0\.1:[0-9]+", "\n".join(printed))
            assert found is not None, process.communicate()
            yield Served(process, printed, found[0])
        finally:
            deadline.cancel()
            process.kill()
