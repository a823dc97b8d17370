"""Every operation of botocore's model has an entry, or is listed here as not built."""

from typing import Final

from drsim.simulator.drs_api.operations import OPERATIONS
from tests.simulator.moto_drs.answers import MODEL

NOT_BUILT: Final[frozenset[str]] = frozenset()


def test_each_operation_of_the_model_is_answered_or_listed_as_not_built() -> None:
    # A newer botocore with one more operation fails here.
    assert set(MODEL.operation_names) - OPERATIONS.keys() == NOT_BUILT


def test_no_operation_is_answered_that_the_model_lacks() -> None:
    assert OPERATIONS.keys() - set(MODEL.operation_names) == set()
