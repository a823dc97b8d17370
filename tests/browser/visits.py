"""A page as a reader opens it, and a record of its console output, dialogs and requests.

Without Playwright, an import of this module skips the importing test module.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; `nox -s browser` installs it")

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser import chromium

__all__ = ["PHONE", "WIDE", "Browser", "Locator", "Page", "Visits", "expect", "launched", "settled", "unfolded"]

PHONE: Final = 390
WIDE: Final = 1600

Theme = Literal["light", "dark"]


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser with an empty profile. Raises chromium.MissingError."""
    path = chromium.path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        yield browser
        browser.close()


def settled(page: Page) -> None:
    """Wait until the page has redrawn, which it does before the next frame."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def unfolded(page: Page) -> Page:
    """The page with all sections expanded."""
    page.get_by_role("button", name="Expand all").click()
    settled(page)
    return page


class Visits:
    """Opens pages, each in a new context, and records their faults."""

    def __init__(self, browser: Browser) -> None:
        self.faults: list[str] = []
        """Console output, errors, dialogs, and requests for anything but the file itself."""
        self._browser = browser

    def open(
        self,
        path: Path,
        *,
        width: int = WIDE,
        height: int = 1000,
        theme: Theme = "light",
        script: bool = True,
        offline: bool = False,
        **context: Any,
    ) -> Page:
        """Open a page in a window with this size, theme and settings."""
        opened = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            java_script_enabled=script,
            offline=offline,
            reduced_motion="reduce",
            **context,
        )
        page = opened.new_page()
        address = path.resolve().as_uri()
        page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", lambda request: self._on_request(address, request.url))

        def refuse(dialog: Any) -> None:
            self.faults.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", refuse)
        page.goto(address)
        if script:
            settled(page)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._browser.contexts:
            context.close()

    def _on_request(self, address: str, url: str) -> None:
        if url.partition("#")[0] != address and not url.startswith("data:"):
            self.faults.append(f"request: {url}")
