"""A record of the calls of an account and Region, each in the form of a CloudTrail event.

Source: "Logging AWS Elastic Disaster Recovery API calls using AWS CloudTrail" (user guide), CloudTrail record contents.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from moto.core.exceptions import JsonRESTError

from drsim.simulator.drs_api.region import DrsRegion, Members
from drsim.simulator.randomness import Stream

KEPT_MAX: Final = 10_000
_READS: Final = ("Describe", "Get", "List")


@dataclass(slots=True)
class Trail:
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
    trail, frame = region.part(Trail), region.frame
    trail.count += 1
    name = f"{frame.scope.account_id}/{frame.scope.region}/call/{trail.count}"
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
        "requestID": _id(f"{name}/request"),
        "eventID": _id(name),
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
    trail.records.append(written)


def _id(name: str) -> str:
    """An id in the form of a UUID, derived from a name."""
    digits = Stream(0, f"moto-drs/trail/{name}")
    high, low = digits.hexadecimal(16), digits.hexadecimal(16)
    return f"{high[:8]}-{high[8:12]}-4{high[13:]}-a{low[1:4]}-{low[4:]}"
