"""Replacing attributes of modules and classes for the time of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(*places: tuple[Any, str, Any]) -> Iterator[None]:
    """Replace attributes of modules and classes: each place is an owner, a name and a value."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, value in places:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
