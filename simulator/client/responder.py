"""The client tier's services: what each answers to a call, in this process."""

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.response import StreamingBody
from dateutil.tz import tzutc  # type: ignore[import-untyped]

from drsim.orchestrator.model import ExecutionKey, JobScope
from drsim.simulator.client.answers import Answer, error_answer
from drsim.simulator.client.dynamodb.operations import Tables
from drsim.simulator.client.dynamodb.query import Page
from drsim.simulator.client.dynamodb.schema import Writer
from drsim.simulator.client.errors import AwsError
from drsim.simulator.client.others import Others
from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.contract.surroundings import Surroundings
from drsim.simulator.drs_api.answers import answer as answer_of_drs
from drsim.simulator.drs_api.operations import OPERATIONS
from drsim.simulator.drs_api.region import DrsRegion, DrsWorld
from drsim.simulator.faults.kinds import Shown
from drsim.simulator.handlers.calls import ClientCall, Responder
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.handlers.operations import READS, Members
from drsim.simulator.randomness import Stream
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.lambda_answers import Ended
from drsim.simulator.world import World

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=tzutc())
_ROLE: Final = re.compile(r"arn:[\w-]+:iam::\d{12}:role/.+")
_QUERY: Final = frozenset({"cloudwatch", "ec2", "sns", "sts"})
"""Services whose error codes are those of AWS's query protocol."""


class ClientResponder(Responder[Answer]):
    """Answers a world's calls. `call.carried` is botocore's model of the operation."""

    def __init__(self, world: World, tables: Tables, surroundings: Surroundings) -> None:
        self._world = world
        self._tables = tables
        self._drs = DrsWorld(world.drs, world.spec.epoch_us)
        self._surroundings = surroundings
        self._of_moto: set[str] = set()
        self._others = Others(surroundings, world)
        # Accounts of assumed roles' keys, and the instants at which their sessions end.
        self._sessions: dict[str, tuple[str, int]] = {}
        self._answers_count = 0
        # Whether points of metrics were answered here, which moto would not know.
        self._keeps_no_metrics = False

    def answer(self, call: ClientCall[Answer]) -> Answer:
        if call.service == "drs":
            return self._answered(self._by_drs(call))
        if call.operation in _READS_OF_METRICS and self._keeps_no_metrics:
            what = f"{call.invocation.function} calls cloudwatch {call.operation} after PutMetricData"
            raise NotSimulatedError(f"{what}, whose points the client tier does not keep: use --tier wire")
        find = _SERVICES.get((call.service, call.operation))
        # Assumed roles stay here, where each account's DRS is.
        if find is None and call.service != "sts" and not READS.match(call.operation):
            # From now on moto has the state of this service. What was answered here before left none that it lacks:
            # no topic has subscribers, no bus has rules, and parameters are those of the surroundings.
            self._of_moto.add(call.service)
        if find is None or call.service in self._of_moto:
            return self._answered(self._others.answer(call))
        return self._answered(find(self, call))

    def from_table(
        self, call: ClientCall[Answer], keys: Sequence[ExecutionKey], *, is_own: bool, as_at_us: int | None
    ) -> Answer:
        by = Writer(call.invocation.function, call.invocation.request_id, call.place)
        return self._answered(self._tables.answer(call.operation, call.asked, by, as_at_us))

    def failure(self, call: ClientCall[Answer], error: ServiceError) -> Answer:
        return error_answer(error, call.carried.service_model, self._request_id())

    def invoked(self, call: ClientCall[Answer], status: int, ended: Ended | None = None) -> Answer:
        payload = b"" if ended is None else ended.payload
        members: dict[str, Any] = {"StatusCode": status, "Payload": StreamingBody(io.BytesIO(payload), len(payload))}
        if ended is not None:
            members |= {"ExecutedVersion": "$LATEST", **({"FunctionError": "Unhandled"} if ended.is_error else {})}
        return Answer(members, call.invocation.request_id, status=status)

    def code_of(self, answer: Answer) -> str:
        return answer.code

    def members_of(self, answer: Answer) -> Members:
        return answer.members

    def size_of(self, answer: Answer) -> int:
        return answer.members.size_bytes if isinstance(answer.members, Page) else 0

    def shortened(self, answer: Answer, shown: Shown) -> Answer:
        jobs, kept = answer.members.get("items", ()), []
        for job in jobs:
            servers = job.get("participatingServers", [])
            if (count := shown(len(servers))) is not None:
                kept.append({**job, "participatingServers": servers[:count]})
        if not answer.code:
            answer.members["items"] = kept
        return answer

    def account_of(self, access_key: str) -> str:
        return self._sessions[access_key][0] if access_key in self._sessions else HOME_ACCOUNT

    def check_session(self, call: ClientCall[Answer]) -> None:
        session = self._sessions.get(call.access_key)
        if session is not None and session[1] <= self._world.kernel.now_us:
            code = "ExpiredToken" if call.service in _QUERY else "ExpiredTokenException"
            raise ServiceError(code, "The security token included in the request is expired")

    def _answered(self, members: dict[str, Any]) -> Answer:
        return Answer(members, self._request_id())

    def _request_id(self) -> str:
        self._answers_count += 1
        return f"{self._answers_count:08x}-0000-4000-8000-{self._world.kernel.seed & 0xFFFFFFFFFFFF:012x}"

    def _by_drs(self, call: ClientCall[Answer]) -> dict[str, Any]:
        if call.operation not in OPERATIONS:
            raise NotSimulatedError(f"{call.invocation.function} calls drs {call.operation}, which is not simulated")
        region = DrsRegion(JobScope(self.account_of(call.access_key), call.region), self._drs)
        return answer_of_drs(call.carried, region, dict(call.asked)) or {}

    def _assume_role(self, call: ClientCall[Answer]) -> dict[str, Any]:
        asked, now_us = call.asked, self._world.kernel.now_us
        arn, name = asked["RoleArn"], asked["RoleSessionName"]
        if not _ROLE.fullmatch(arn):
            raise AwsError("ValidationError", f"{arn} is invalid")
        stream = Stream(self._world.kernel.seed, f"sts/{call.invocation.request_id}/{arn}/{self._answers_count}")
        ends_us = now_us + asked.get("DurationSeconds", 3600) * 1_000_000
        key = f"ASIA{stream.hexadecimal(16).upper()}"
        self._sessions[key] = (arn.split(":")[4], ends_us)
        role = arn.rpartition("/")[2]
        assumed = f"arn:aws:sts::{arn.split(':')[4]}:assumed-role/{role}/{name}"
        return {
            "Credentials": {
                "AccessKeyId": key,
                "SecretAccessKey": stream.hexadecimal(16) * 2,
                "SessionToken": stream.hexadecimal(16),
                "Expiration": _EPOCH + timedelta(microseconds=self._world.spec.epoch_us + ends_us),
            },
            "AssumedRoleUser": {"AssumedRoleId": f"AROA{stream.hexadecimal(16).upper()}:{name}", "Arn": assumed},
            "PackedPolicySize": 6,
        }

    def _caller(self, call: ClientCall[Answer]) -> dict[str, Any]:
        account = self.account_of(call.access_key)
        return {"UserId": "AROADRSIM:function", "Account": account, "Arn": f"arn:aws:sts::{account}:assumed-role/drsim"}

    def _put_events(self, call: ClientCall[Answer]) -> dict[str, Any]:
        entries = call.asked["Entries"]
        if len(entries) > _EVENTS_MAX:
            what = "Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to"
            raise AwsError("ValidationException", f"1 validation error detected: {what} {_EVENTS_MAX}")
        results = [_refused_event(entry) or {"EventId": self._request_id()} for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in each for each in results), "Entries": results}

    def _put_metrics(self, _: ClientCall[Answer]) -> dict[str, Any]:
        self._keeps_no_metrics = True
        return {}

    def _publish(self, call: ClientCall[Answer]) -> dict[str, Any]:
        arn = call.asked.get("TopicArn") or call.asked.get("TargetArn")
        if arn is not None and arn.rpartition(":")[2] not in self._surroundings.topics:
            raise AwsError("NotFound", "Topic does not exist")
        return {"MessageId": self._request_id()}

    def _parameter(self, call: ClientCall[Answer]) -> dict[str, Any]:
        name = call.asked["Name"]
        if name not in self._surroundings.parameters:
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        return {"Parameter": self._shown_parameter(name)}

    def _parameters(self, call: ClientCall[Answer]) -> dict[str, Any]:
        known = self._surroundings.parameters
        names = call.asked["Names"]
        found = [self._shown_parameter(name) for name in names if name in known]
        return {"Parameters": found, "InvalidParameters": [name for name in names if name not in known]}

    def _parameters_by_path(self, call: ClientCall[Answer]) -> dict[str, Any]:
        path, is_deep = call.asked["Path"].rstrip("/") + "/", call.asked.get("Recursive", False)
        below = {name: name.removeprefix(path) for name in self._surroundings.parameters if name.startswith(path)}
        found = [name for name, rest in below.items() if is_deep or "/" not in rest]
        return {"Parameters": [self._shown_parameter(name) for name in found]}

    def _shown_parameter(self, name: str) -> dict[str, Any]:
        return {
            "Name": name,
            "Type": "String",
            "Value": self._surroundings.parameters[name],
            "Version": 1,
            "LastModifiedDate": _EPOCH + timedelta(microseconds=self._world.spec.epoch_us),
            "ARN": f"arn:aws:ssm:us-east-1:{HOME_ACCOUNT}:parameter/{name.removeprefix('/')}",
            "DataType": "text",
        }


_EVENTS_MAX: Final = 10
_READS_OF_METRICS: Final = frozenset({"GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListMetrics"})


def _refused_event(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the error of an entry of PutEvents (API reference, PutEventsResultEntry); None if it is right."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            text = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": text}
    try:
        is_object = isinstance(json.loads(entry["Detail"]), dict)
    except ValueError:
        is_object = False
    return None if is_object else {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


_SERVICES: Final[Mapping[tuple[str, str], Callable[[ClientResponder, ClientCall[Answer]], dict[str, Any]]]] = {
    ("cloudwatch", "PutMetricData"): ClientResponder._put_metrics,
    ("eventbridge", "PutEvents"): ClientResponder._put_events,
    ("sfn", "SendTaskFailure"): lambda *_: {},
    ("sfn", "SendTaskHeartbeat"): lambda *_: {},
    ("sfn", "SendTaskSuccess"): lambda *_: {},
    ("sns", "Publish"): ClientResponder._publish,
    ("ssm", "GetParameter"): ClientResponder._parameter,
    ("ssm", "GetParameters"): ClientResponder._parameters,
    ("ssm", "GetParametersByPath"): ClientResponder._parameters_by_path,
    ("sts", "AssumeRole"): ClientResponder._assume_role,
    ("sts", "GetCallerIdentity"): ClientResponder._caller,
}
"""What is answered here, by botocore's names of service and operation."""
