"""What holds for every test of the production package: no real time passes."""

import pytest


@pytest.fixture(autouse=True)
def _nothing_really_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seconds: float) -> None:
        raise AssertionError(f"time must pass on the Clock port only, got a real sleep of {seconds} s")

    monkeypatch.setattr("time.sleep", refuse)
