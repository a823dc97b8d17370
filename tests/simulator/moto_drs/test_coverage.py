"""Every operation of botocore's model is answered, and has a request with which its errors are tested."""

from drsim.simulator.drs_api.operations import OPERATIONS
from tests.simulator.moto_drs.answers import MODEL
from tests.simulator.moto_drs.well_formed import REQUESTS


def test_the_operations_are_those_of_the_model() -> None:
    # A newer botocore with one more operation fails here.
    assert OPERATIONS.keys() == set(MODEL.operation_names)


def test_each_operation_has_a_well_formed_request() -> None:
    assert REQUESTS.keys() == OPERATIONS.keys()
