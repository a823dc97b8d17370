"""The browser of these tests: a chromium that is on this machine, or Debian's, installed once.

Playwright's own browsers are not used: they are downloads, and cannot be had everywhere.
"""

import os
import shutil
import subprocess
import sys
from typing import Final

ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Root has no sandbox to offer, and a browser that asks the network for updates would disturb the tests."""

_PLACES: Final = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
_INSTALL: Final = (
    ("apt-get", "update"),
    ("apt-get", "install", "-y", "--no-install-recommends", "chromium"),
)


class MissingError(Exception):
    """There is no browser, and none can be installed."""


def path() -> str:
    """Where chromium is; installs Debian's if there is none and this process may. Raises MissingError."""
    return _found() or _installed()


def _found() -> str | None:
    return next((found for place in _PLACES if (found := shutil.which(place))), None)


def _installed() -> str:
    names = ", ".join(_PLACES)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingError(f"no browser ({names}), and only root on Debian can install one: apt-get install chromium")
    sys.stderr.write("tests/browser: installing Debian's chromium, once\n")
    for command in _INSTALL:
        done = subprocess.run(
            command,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise MissingError(f"no browser ({names}), and `{' '.join(command)}` failed: {said}")
    if (found := _found()) is None:
        raise MissingError(f"no browser ({names}), though Debian's was installed")
    return found
