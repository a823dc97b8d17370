"""Fixtures for all tests of the production package: a real sleep is an error."""

import pytest


@pytest.fixture(autouse=True)
def _real_sleep_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seconds: float) -> None:
        raise AssertionError(f"time must pass on the Clock port only, got a real sleep of {seconds} s")

    monkeypatch.setattr("time.sleep", refuse)
