"""From an HTTP request to its answer, for every operation alike."""

import json
import re
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from botocore.model import ListShape, OperationModel, Shape
from moto import settings
from moto.core.common_types import TYPE_RESPONSE
from moto.core.exceptions import AccessDeniedError as DeniedByIam
from moto.core.exceptions import (
    AuthFailureError,
    InvalidClientTokenIdError,
    JsonRESTError,
    SignatureDoesNotMatchError,
)
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.iam.access_control import CreateAccessKeyFailure, IAMRequest, create_access_key

from drsim.simulator.drs_api.answers import answer
from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.drs_api.region import DrsRegion, Members, validation_error
from drsim.simulator.moto_drs import ec2, throttling, trail
from drsim.simulator.moto_drs.authorization import needs
from drsim.simulator.moto_drs.bus import send_events
from drsim.simulator.moto_drs.exceptions import AccessDeniedError, DRSError
from drsim.simulator.moto_drs.models import LOCK, drs_backends
from drsim.simulator.services.drs import DrsRefusedError


class DRSResponse(BaseResponse):
    """Answers requests to DRS. moto looks for a method with the operation's name: `answer` under each of them."""

    use_raw_body = True
    """moto itself fails on a body that is no UTF-8."""

    def __init__(self) -> None:
        super().__init__(service_name="drs")

    def call_action(self) -> TYPE_RESPONSE:
        """moto's dispatch, one request at a time."""
        with LOCK:
            ec2.synchronize(self.current_account, self.region)
            return super().call_action()

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        """Left to `answer`, which knows the request's resources; DRS's errors are JSON, and moto's are XML."""

    def answer(self) -> TYPE_RESPONSE:
        model = get_service_model("drs").operation_model(self._get_action())
        region = drs_backends[self.current_account][self.region].region
        # Also before the call, which may delete a job or clear a state.
        send_events(region)
        request: Members | None = None
        outcome: Members | JsonRESTError | None
        try:
            request = self._request(model)
            self._authorize(model, region, request)
            throttling.check(region, model.name)
            outcome = answer(model, region, request)
        except DrsRefusedError as error:
            outcome = DRSError(error.code, error.message, error.members)
        except JsonRESTError as error:
            outcome = error
        send_events(region)
        who = {"caller_arn": self._caller_arn(), "user_agent": f"{self.headers.get('User-Agent', '')}"}
        trail.record(region, model.name, request, outcome, **who)
        if isinstance(outcome, JsonRESTError):
            raise outcome
        status = model.http["responseCode"]
        headers: Any = {"status": status, "content-type": "application/json"}
        return status, headers, "" if outcome is None else json.dumps(outcome)

    def _authorize(self, model: OperationModel, region: DrsRegion, request: Members) -> None:
        """Ask moto's IAM, if a test has turned it on. Raises JsonRESTError, which any operation may end in."""
        pairs = needs(model.name, request, region.frame)
        if self.request_count < settings.INITIAL_NO_AUTH_ACTION_COUNT:
            # moto counts the calls until then: this is one.
            del pairs[1:]
        for action, resource in pairs:
            try:
                self._authenticate_and_authorize_action(partial(_iam_request, action), resource)  # type: ignore[arg-type]
            except DeniedByIam as error:
                raise AccessDeniedError(f"{error.message} on resource: {resource}") from None
            except (AuthFailureError, InvalidClientTokenIdError, SignatureDoesNotMatchError) as error:
                raise error.to_json() from None

    def _caller_arn(self) -> str:
        """The ARN of a user or assumed role in moto's IAM; the account's root for credentials that it does not know."""
        partition = drs_backends[self.current_account][self.region].partition
        try:
            arn = create_access_key(self.current_account, partition, self.get_access_key(), dict(self.headers)).arn
        except CreateAccessKeyFailure:
            arn = f"arn:{partition}:iam::{self.current_account}:root"
        return f"{arn}"

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


def _iam_request(needed: str, **request: Any) -> IAMRequest:
    return IAMRequest(**{**request, "action": needed})


def _of_text(member: Shape, text: str) -> str | int:
    """A value from the query, where numbers are text. One that is no number stays text, which validation refuses."""
    # Python reads no number of more than 4,300 digits, and no member needs more than ten.
    is_number = re.fullmatch("-?[0-9]{1,18}", text) is not None
    return int(text) if member.type_name == "integer" and is_number else text


for _name in OPERATIONS:
    setattr(DRSResponse, camelcase_to_underscores(_name), DRSResponse.answer)
