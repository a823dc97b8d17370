"""What tests of the wire tier have in common."""

from collections.abc import Iterator

import pytest

from tests.simulator.wire.tables import moto_answering


@pytest.fixture(scope="module")
def moto() -> Iterator[None]:
    """Every client of boto3's that a test makes is answered by moto, through the wire tier's gateway."""
    with moto_answering():
        yield
