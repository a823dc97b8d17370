"""From an HTTP request to its answer, for every operation alike."""

import json
from typing import Any
from urllib.parse import parse_qs

from botocore.model import ListShape, OperationModel, Shape
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

from drsim.simulator.drs_api.answers import answer
from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.drs_api.region import Members, validation_error
from drsim.simulator.moto_drs import ec2
from drsim.simulator.moto_drs.exceptions import DRSError
from drsim.simulator.moto_drs.models import LOCK, drs_backends
from drsim.simulator.services.drs import DrsRefusedError


class DRSResponse(BaseResponse):
    """Answers requests to DRS. moto looks for a method with the operation's name: `answer` under each of them."""

    def __init__(self) -> None:
        super().__init__(service_name="drs")

    def call_action(self) -> TYPE_RESPONSE:
        """moto's dispatch, one request at a time."""
        with LOCK:
            ec2.synchronize(self.current_account, self.region)
            return super().call_action()

    def answer(self) -> TYPE_RESPONSE:
        model = get_service_model("drs").operation_model(self._get_action())
        backend = drs_backends[self.current_account][self.region]
        try:
            answered = answer(model, backend.region, self._request(model))
        except DrsRefusedError as error:
            raise DRSError(error.code, error.message, error.members) from None
        status = model.http["responseCode"]
        headers: Any = {"status": status, "content-type": "application/json"}
        return status, headers, "" if answered is None else json.dumps(answered)

    def _request(self, model: OperationModel) -> Members:
        """The members, from body, path and query. Raises DrsRefusedError for a body that is no JSON object."""
        try:
            request = json.loads(self.body) if self.body else {}
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            raise validation_error([("", "The body is not a JSON object")], reason="cannotParse")
        query = parse_qs(self.parsed_url.query, keep_blank_values=True)
        for name, member in model.input_shape.members.items() if model.input_shape else ():
            match member.serialization.get("location"):
                case "uri":
                    request[name] = self.uri_match[member.serialization["name"]]
                case "querystring":
                    values = query.get(member.serialization["name"])
                    request[name] = (
                        values if values is None or isinstance(member, ListShape) else _of_text(member, values[0])
                    )
        return request


def _of_text(member: Shape, text: str) -> str | int:
    """A value from the query, where numbers are text. One that is no number stays text, which validation refuses."""
    return int(text) if member.type_name == "integer" and text.isascii() and text.removeprefix("-").isdigit() else text


for _name in OPERATIONS:
    setattr(DRSResponse, camelcase_to_underscores(_name), DRSResponse.answer)
