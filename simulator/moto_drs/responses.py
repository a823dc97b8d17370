"""From request to answer, for every operation alike: checks in DRS's order, paging and HTTP status codes."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from threading import RLock
from typing import Any, Final
from urllib.parse import parse_qs

from botocore.model import ListShape, OperationModel
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

from drsim.simulator.moto_drs.exceptions import DRSError, ValidationError, not_found
from drsim.simulator.moto_drs.models import drs_backends
from drsim.simulator.moto_drs.operations import OPERATIONS, Members
from drsim.simulator.moto_drs.validation import Breach, breaches
from drsim.simulator.services.drs import DrsRefusedError

_LOCK: Final = RLock()
"""moto's server answers in many threads; a check and what it allows must not be interleaved with another request."""


class DRSResponse(BaseResponse):
    """Answers requests to DRS. moto looks for a method with the operation's name: `answer` under each of them."""

    def __init__(self) -> None:
        super().__init__(service_name="drs")

    def call_action(self) -> TYPE_RESPONSE:
        """moto's dispatch, one request at a time."""
        with _LOCK:
            return super().call_action()

    def answer(self) -> TYPE_RESPONSE:
        model = get_service_model("drs").operation_model(self._get_action())
        backend = drs_backends[self.current_account][self.region]
        world, errors = backend.world, {shape.name for shape in model.error_shapes}
        if failures := world.failures.get((backend.scope, model.name)):
            raise failures.pop(0)
        request = self._request(model)
        if found := list(breaches(model.input_shape, request)):
            raise _invalid(errors, backend.account_id, request, found)
        if "UninitializedAccountException" in errors and backend.scope in world.uninitialized:
            text = "Account is not initialized. Initialize the service first."
            raise DRSError("UninitializedAccountException", text)
        try:
            answered = OPERATIONS[model.name](backend, _without_nulls(request))
        except DrsRefusedError as error:
            raise DRSError(error.code, error.message, error.members) from None
        if isinstance(answered, list):
            answered = _page(answered, request, world.service.spec.page_size)
        status = model.http["responseCode"]
        headers: Any = {"status": status, "content-type": "application/json"}
        return status, headers, "" if answered is None else json.dumps(answered)

    def _request(self, model: OperationModel) -> Members:
        """The members, from body, path and query. Raises ValidationError for a body that is no JSON object."""
        try:
            request = json.loads(self.body) if self.body else {}
        except ValueError:
            request = None
        if not isinstance(request, dict):
            raise ValidationError([("", "The body is not a JSON object")], reason="cannotParse")
        query = parse_qs(self.parsed_url.query, keep_blank_values=True)
        for name, member in model.input_shape.members.items() if model.input_shape else ():
            match member.serialization.get("location"):
                case "uri":
                    request[name] = self.uri_match[member.serialization["name"]]
                case "querystring":
                    values = query.get(member.serialization["name"])
                    request[name] = values if values is None or isinstance(member, ListShape) else values[0]
        return request


for _name in OPERATIONS:
    setattr(DRSResponse, camelcase_to_underscores(_name), DRSResponse.answer)


def _invalid(errors: set[str], account_id: str, request: Members, found: list[Breach]) -> DRSError:
    """The error for a request that breaks the model's constraints: ValidationException where it is modelled.

    AWS does not publish what the other operations answer. One that starts a job refuses it as for a well-formed id:
    the model's maximum is the quota of servers in a job, and all else is a conflict. DeleteJob finds no job with an
    impossible id. DescribeRecoveryInstances models no fitting error, so it gives a ValidationException all the same.
    """
    first = found[0]
    if "ServiceQuotaExceededException" in errors:
        if first.constraint == "max" and first.path.count("/") == 1:
            quota = {"serviceCode": "drs", "quotaCode": "L-B827C881"}
            members = {"resourceId": account_id, "resourceType": "account", **quota}
            return DRSError("ServiceQuotaExceededException", first.message, members)
        return DRSError("ConflictException", first.message, {"resourceId": first.path, "resourceType": "request"})
    if "ValidationException" not in errors and isinstance(request.get("jobID"), str):
        return not_found(request["jobID"], "job")
    return ValidationError([(breach.path.lstrip("/").replace("/", "."), breach.message) for breach in found])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _page(items: list[Members], request: Members, size_default: int) -> Members:
    """The page that a request asks for. Raises ValidationError for a token that no answer held."""
    token = request.get("nextToken")
    word, offset = ("after", "0") if token is None else ("", "")
    with suppress(ValueError):
        if token is not None:
            word, _, offset = urlsafe_b64decode(token.encode()).decode().partition(":")
    if word != "after" or not offset.isdecimal():
        raise ValidationError([("nextToken", f"Value '{token}' at 'nextToken' is not a token of an earlier answer")])
    last = int(offset) + (request.get("maxResults") or size_default)
    page: Members = {"items": items[int(offset) : last]}
    if last < len(items):
        page["nextToken"] = urlsafe_b64encode(f"after:{last}".encode()).decode()
    return page
