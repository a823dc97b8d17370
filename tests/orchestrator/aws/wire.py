"""Prepared HTTP answers for botocore clients, in place of a connection.

All other parts of botocore run: it checks parameters, signs requests, parses answers and retries.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

if TYPE_CHECKING:
    from botocore.client import BaseClient

REGION: Final = "us-east-1"


class _Raw(BytesIO):
    """The part of urllib3's response that botocore reads."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None


def in_json(body: object, *, status: int = 200, **headers: str) -> Answer:
    """An answer of a JSON service."""
    return Answer(status, json.dumps(body).encode(), {name.replace("_", "-"): text for name, text in headers.items()})


def refusal(code: str, status: int = 400, message: str = "no", **members: object) -> Answer:
    """An error answer of a JSON service: DynamoDB reads the code from the body, the REST services from the header."""
    body = {"__type": f"com.amazonaws#{code}", "message": message, **members}
    return in_json(body, status=status, x_amzn_errortype=code, x_amzn_requestid="r-77", x_amzn_request_id="r-77")


def granted(key_id: str, until: str) -> Answer:
    """STS's answer to AssumeRole, in the XML of its query protocol."""
    return Answer(
        200,
        f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>hush</SecretAccessKey><SessionToken>t-{key_id}</SessionToken>
        <Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>""".encode(),
    )


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it was sent."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)

    @property
    def key_id(self) -> str:
        """The access key that signed the request."""
        return self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]


class Wire:
    """The wire of one client: returns these answers in order, repeats the last one, and records the requests.

    Without a client, the caller registers `answer` as a handler for botocore's `before-send`.
    """

    def __init__(self, client: "BaseClient | None", *answers: Answer | Exception) -> None:
        self.requests: list[Request] = []
        self._raws: list[_Raw] = []
        self._answers = list(answers)
        if client is not None:
            service = client.meta.service_model.service_id.hyphenize()
            # The stubs declare that a handler returns nothing.
            answer: Callable[..., Any] = self.answer
            client.meta.events.register(f"before-send.{service}", answer)

    def answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Record the request, and return or raise the next answer."""
        # botocore keeps some texts as bytes.
        headers = {str(name): _text(value) for name, value in request.headers.items()}
        self.requests.append(Request(_text(request.url), headers, _text(request.body or "").encode()))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        headers_back: Any = dict(answer.headers or {})
        self._raws.append(_Raw(answer.body))
        return AWSResponse(_text(request.url), answer.status, headers_back, self._raws[-1])

    @property
    def unread(self) -> list[bytes]:
        """The unread rest of each answer so far."""
        return [raw.getvalue()[raw.tell() :] for raw in self._raws]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
