"""A record of the calls of an account and Region, each in the form of a CloudTrail event.

Source: "Logging AWS Elastic Disaster Recovery API calls using AWS CloudTrail" (user guide), CloudTrail record contents.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from moto.core.exceptions import JsonRESTError

from drsim.simulator.drs_api.region import DrsRegion, Members
from drsim.simulator.drs_api.shapes import uuid

KEPT_MAX: Final = 10_000
_READS: Final = ("Describe", "Get", "List")


@dataclass(slots=True)
class Calls:
    """The last calls, oldest first, and how many there were."""

    records: deque[Members] = field(default_factory=lambda: deque(maxlen=KEPT_MAX))
    count: int = 0


def record(
    region: DrsRegion,
    operation: str,
    request: Members | None,
    outcome: Members | JsonRESTError | None,
    *,
    caller_arn: str,
    user_agent: str,
) -> None:
    """Record a call. CloudTrail keeps the response of calls that change something, and of no read."""
    calls, frame = region.part(Calls), region.frame
    calls.count += 1
    name = f"{frame.scope.account_id}/{frame.scope.region}/call/{calls.count}"
    reads = operation.startswith(_READS)
    written: Members = {
        "eventVersion": "1.11",
        "userIdentity": {"arn": caller_arn, "accountId": frame.scope.account_id},
        "eventTime": frame.time(frame.now_us).partition(".")[0] + "Z",
        "eventSource": "drs.amazonaws.com",
        "eventName": operation,
        "awsRegion": frame.scope.region,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": user_agent,
        "requestParameters": request or None,
        "responseElements": None,
        "requestID": uuid(f"{name}/request"),
        "eventID": uuid(name),
        "readOnly": reads,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": frame.scope.account_id,
        "eventCategory": "Management",
    }
    if isinstance(outcome, JsonRESTError):
        written |= {"errorCode": outcome.error_type, "errorMessage": outcome.message}
    elif not reads:
        written["responseElements"] = outcome or None
    calls.records.append(written)
