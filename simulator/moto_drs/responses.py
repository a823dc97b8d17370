"""From request to answer: one method for each operation, named as moto finds it.

Owns the order of checks, paging and HTTP status codes. What may be asked is in botocore's model, which `validation`
walks; what is answered is `models`'.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from threading import RLock
from typing import Any, Final
from urllib.parse import parse_qs

from botocore.model import OperationModel
from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model

from drsim.simulator.moto_drs.exceptions import (
    DRSError,
    ResourceNotFoundError,
    UninitializedAccountError,
    ValidationError,
    refusal,
)
from drsim.simulator.moto_drs.models import DRSBackend, drs_backends
from drsim.simulator.moto_drs.validation import Fault, faults
from drsim.simulator.services.drs import RefusedError

_LOCK: Final = RLock()
"""moto's server answers in many threads, and between a check and what it allows nobody may come."""

_TAGS: Final = frozenset({"TagResource", "UntagResource", "ListTagsForResource"})
"""Operations with members outside the body; UninitializedAccountException is not modelled for them."""

Request = dict[str, Any]


class DRSResponse(BaseResponse):
    """Answers requests to DRS."""

    def __init__(self) -> None:
        super().__init__(service_name="drs")

    def call_action(self) -> TYPE_RESPONSE:
        """moto's dispatch, one request at a time."""
        with _LOCK:
            return super().call_action()

    def start_recovery(self) -> TYPE_RESPONSE:
        """StartRecovery."""

        def answer(backend: DRSBackend, request: Request) -> Request:
            ids = [server["sourceServerID"] for server in request["sourceServers"]]
            is_drill, tags = request.get("isDrill", False), request.get("tags", {})
            return {"job": backend.start_recovery(ids, is_drill=is_drill, tags=tags)}

        return self._answer(answer)

    def terminate_recovery_instances(self) -> TYPE_RESPONSE:
        """TerminateRecoveryInstances."""
        return self._answer(
            lambda backend, request: {"job": backend.terminate_recovery_instances(request["recoveryInstanceIDs"])}
        )

    def delete_job(self) -> TYPE_RESPONSE:
        """DeleteJob."""

        def answer(backend: DRSBackend, request: Request) -> None:
            backend.delete_job(request["jobID"])

        return self._answer(answer)

    def describe_jobs(self) -> TYPE_RESPONSE:
        """DescribeJobs."""

        def items(backend: DRSBackend, request: Request) -> list[Request]:
            filters = request.get("filters", {})
            return backend.jobs(filters.get("jobIDs", ()), filters.get("fromDate"), filters.get("toDate"))

        return self._answer_page(items)

    def describe_job_log_items(self) -> TYPE_RESPONSE:
        """DescribeJobLogItems."""
        return self._answer_page(lambda backend, request: backend.job_log_items(request["jobID"]))

    def describe_source_servers(self) -> TYPE_RESPONSE:
        """DescribeSourceServers."""

        def items(backend: DRSBackend, request: Request) -> list[Request]:
            filters = request.get("filters", {})
            return backend.source_servers(
                filters.get("sourceServerIDs", ()), filters.get("hardwareId"), filters.get("stagingAccountIDs", ())
            )

        return self._answer_page(items)

    def describe_recovery_instances(self) -> TYPE_RESPONSE:
        """DescribeRecoveryInstances."""

        def items(backend: DRSBackend, request: Request) -> list[Request]:
            filters = request.get("filters", {})
            return backend.recovery_instances(
                filters.get("recoveryInstanceIDs", ()), filters.get("sourceServerIDs", ())
            )

        return self._answer_page(items)

    def tag_resource(self) -> TYPE_RESPONSE:
        """TagResource."""

        def answer(backend: DRSBackend, request: Request) -> Request:
            backend.tags_of(request["resourceArn"]).update(request["tags"])
            return {}

        return self._answer(answer)

    def untag_resource(self) -> TYPE_RESPONSE:
        """UntagResource; a key that is not there is no error."""

        def answer(backend: DRSBackend, request: Request) -> Request:
            tags = backend.tags_of(request["resourceArn"])
            for key in request["tagKeys"]:
                tags.pop(key, None)
            return {}

        return self._answer(answer)

    def list_tags_for_resource(self) -> TYPE_RESPONSE:
        """ListTagsForResource."""
        return self._answer(lambda backend, request: {"tags": dict(backend.tags_of(request["resourceArn"]))})

    def _answer_page(self, items: Callable[[DRSBackend, Request], list[Request]]) -> TYPE_RESPONSE:
        def answer(backend: DRSBackend, request: Request) -> Request:
            first = _offset_of(request.get("nextToken"))
            found = items(backend, request)
            # No default and no most are published; without maxResults a page is as long as in the fast tier.
            last = first + request.get("maxResults", backend.world.service.spec.page_size)
            page: Request = {"items": found[first:last]}
            if last < len(found):
                page["nextToken"] = _token_of(last)
            return page

        return self._answer(answer)

    def _answer(self, answer: Callable[[DRSBackend, Request], Request | None]) -> TYPE_RESPONSE:
        """Check and answer the request; None is an answer without a body."""
        operation = get_service_model("drs").operation_model(self._get_action())
        backend = drs_backends[self.current_account][self.region]
        world = backend.world
        if failures := world.failures.get((backend.scope, operation.name)):
            raise failures.pop(0)
        request = self._request(operation)
        if found := list(faults(operation.input_shape, request)):
            raise _invalid(operation.name, backend.account_id, request, found)
        if operation.name not in _TAGS and backend.scope in world.uninitialized:
            raise UninitializedAccountError()
        try:
            answered = answer(backend, _without_nulls(request))
        except RefusedError as error:
            raise refusal(error) from None
        status = operation.http["responseCode"]
        headers: Any = {"status": status, "content-type": "application/json"}
        return status, headers, "" if answered is None else json.dumps(answered)

    def _request(self, operation: OperationModel) -> Request:
        """The request's members, wherever in it they are. Raises ValidationError for a body that is no JSON object."""
        try:
            request = json.loads(self.body) if self.body else {}
        except ValueError:
            request = None
        if not isinstance(request, dict):
            raise ValidationError([("", "The body is not a JSON object")], reason="cannotParse")
        if operation.name in _TAGS:
            request["resourceArn"] = self.uri_match["resourceArn"]
        if operation.name == "UntagResource":
            request["tagKeys"] = parse_qs(self.parsed_url.query, keep_blank_values=True).get("tagKeys")
        return request


def _invalid(operation: str, account_id: str, request: Request, found: list[Fault]) -> DRSError:
    """The error for a request that breaks the model's constraints.

    Where ValidationException is modelled it is that. It is not for four operations, and what they answer is not
    published. DescribeRecoveryInstances models no error that a wrong filter could be (AccessDenied would be a lie, and
    InternalServer would be tried again), so it gives a ValidationException all the same, as ClientError to boto3.
    """
    first = found[0]
    match operation:
        case "DeleteJob" if isinstance(request.get("jobID"), str):
            # There is no job with an id that no job can have.
            return ResourceNotFoundError(request["jobID"], "job")
        case "StartRecovery" | "TerminateRecoveryInstances":
            # The model's most and the quota say the same: too many for one job. All else names something that is
            # not there, which is a conflict here as it is for well-formed ids (see DrsService).
            if first.constraint == "max" and first.path.count("/") == 1:
                members = {"resourceId": account_id, "resourceType": "account"}
                members |= {"serviceCode": "drs", "quotaCode": "L-B827C881"}
                return DRSError("ServiceQuotaExceededException", first.message, members)
            return DRSError("ConflictException", first.message, {"resourceId": first.path, "resourceType": "request"})
        case _:
            return ValidationError([(fault.path.lstrip("/").replace("/", "."), fault.message) for fault in found])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _token_of(offset: int) -> str:
    return urlsafe_b64encode(f"after:{offset}".encode()).decode()


def _offset_of(token: str | None) -> int:
    """Where the page of that token begins. Raises ValidationError for a token that no answer held."""
    if token is None:
        return 0
    try:
        word, _, offset = urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "after" and offset.isdecimal():
            return int(offset)
    except ValueError:
        pass
    raise ValidationError([("nextToken", f"Value '{token}' at 'nextToken' is not a token of an earlier answer")])
