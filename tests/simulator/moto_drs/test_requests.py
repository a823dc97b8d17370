"""The requests that the state machine draws are those of the model."""

import pytest

from drsim.simulator.drs_api.validation import breaches
from tests.simulator.moto_drs.answers import MODEL
from tests.simulator.moto_drs.requests import Requests


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_most_drawn_requests_fit_the_model_and_few_do_not(operation: str) -> None:
    shape, requests = MODEL.operation_model(operation).input_shape, Requests()
    if shape is None:
        return
    drawn = [requests.draw(operation, seed) for seed in range(60)]
    wrong = [request for request in drawn if list(breaches(shape, request))]
    assert len(wrong) < 20, [list(breaches(shape, request)) for request in wrong][:3]


def test_ids_and_arns_of_answers_are_used() -> None:
    requests = Requests()
    arn = "arn:aws:drs:us-east-1:123456789012:source-server/s-00000000000000001"
    server = {"sourceServerID": "s-00000000000000001", "arn": arn, "tags": {}}
    requests.learn("DescribeSourceServers", {"items": [server]})
    drawn = [requests.draw("StartRecovery", seed)["sourceServers"][0] for seed in range(60)]
    assert sum(each["sourceServerID"] == "s-00000000000000001" for each in drawn) > 40
    assert sum(requests.draw("ListTagsForResource", seed)["resourceArn"] == arn for seed in range(60)) > 40
