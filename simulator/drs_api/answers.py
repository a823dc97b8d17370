"""From a request's members to those of the answer, for every operation alike: checks in DRS's order, and paging."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import lru_cache

from botocore.model import OperationModel

from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.drs_api.plan_executions import settle
from drsim.simulator.drs_api.region import DrsRegion, Members, uninitialized, validation_error
from drsim.simulator.drs_api.tags import check as check_tags
from drsim.simulator.drs_api.validation import Breach, breaches, known_members
from drsim.simulator.services.drs import DrsRefusedError


def answer(model: OperationModel, region: DrsRegion, request: Members) -> Members | None:
    """Answer a request; None for an answer without a body. Raises DrsRefusedError, and what `fail_next` has set."""
    world, errors = region.world, _errors_of(model)
    if failures := world.failures.get((region.scope, model.name)):
        raise failures.pop(0)
    shape = model.input_shape
    if found := [] if shape is None else list(breaches(shape, request)):
        raise _invalid(errors, region.scope.account_id, found)
    if shape is not None and "tags" in shape.members:
        check_tags(request.get("tags") or {})
    if "UninitializedAccountException" in errors and region.scope in world.uninitialized:
        raise uninitialized()
    settle(region)
    answered = OPERATIONS[model.name].answer(region, known_members(shape, request))
    return _page(model, answered, request, world.service.spec.page_size) if isinstance(answered, list) else answered


@lru_cache(maxsize=256)
def _errors_of(model: OperationModel) -> frozenset[str]:
    return frozenset([shape.name for shape in model.error_shapes])


def _invalid(errors: Collection[str], account_id: str, found: list[Breach]) -> DrsRefusedError:
    """The error for a request that breaks the model's constraints: ValidationException, also where it is not modelled.

    AWS does not publish what such operations answer. Of the calls that start a job and model no ValidationException,
    too many servers exceed the quota of servers in a job.
    """
    first = found[0]
    is_over_quota = "ServiceQuotaExceededException" in errors and "ValidationException" not in errors
    if is_over_quota and first.constraint == "max" and first.path.count("/") == 1:
        quota = {"serviceCode": "drs", "quotaCode": "L-B827C881"}
        members = {"resourceId": account_id, "resourceType": "account", **quota}
        return DrsRefusedError("ServiceQuotaExceededException", first.message, **members)
    return validation_error([(breach.path.lstrip("/").replace("/", "."), breach.message) for breach in found])


def _page(
    model: OperationModel, items: Sequence[Members | Callable[[], Members]], request: Members, size_default: int
) -> Members:
    """The page that a request asks for. Raises DrsRefusedError for a token that no answer held."""
    token = request.get("nextToken")
    word, offset = ("after", "0") if token is None else ("", "")
    with suppress(ValueError):
        if token is not None:
            word, _, offset = urlsafe_b64decode(token.encode()).decode().partition(":")
    if word != "after" or not offset.isdecimal():
        raise validation_error([("nextToken", f"Value '{token}' at 'nextToken' is not a token of an earlier answer")])
    last = int(offset) + (request.get("maxResults") or size_default)
    # Most answers call their list `items`; those about recovery plans name it.
    members = model.output_shape.members if model.output_shape else ()
    name = next(each for each in members if each != "nextToken")
    page: Members = {name: [item() if callable(item) else item for item in items[int(offset) : last]]}
    if last < len(items):
        page["nextToken"] = urlsafe_b64encode(f"after:{last}".encode()).decode()
    return page
