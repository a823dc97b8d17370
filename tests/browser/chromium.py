"""The browser of these tests: an installed chromium, or else Debian's, which is installed once.

Playwright's own browsers are not used: they are downloads, which not every network allows.
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
"""Root cannot use the sandbox, and requests for updates would disturb the tests."""

_PLACES: Final = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
_INSTALL: Final = (
    ("apt-get", "update"),
    ("apt-get", "install", "-y", "--no-install-recommends", "chromium"),
)


class MissingError(Exception):
    """No browser was found, and none can be installed."""


def path() -> str:
    """The path of chromium. Installs Debian's if there is none. Raises MissingError if that is not possible."""
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
            last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
            raise MissingError(f"no browser ({names}), and `{' '.join(command)}` failed: {last}")
    if (found := _found()) is None:
        raise MissingError(f"no browser ({names}), though Debian's was installed")
    return found
