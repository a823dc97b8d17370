"""The client's boundary: `BaseClient._make_api_call`, answered in this process, with all that code can observe of it.

As botocore 1.44 does, in its order: handlers may replace and change parameters, validation, `before-call`, attempts
with retries, `after-call`, and modelled exceptions. Nothing is serialised, signed, sent or parsed, and no request
exists: handlers of `before-sign`, `before-send` and the like see none. Source: botocore 1.44.8, client and endpoint.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import botocore.client
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.exceptions import HTTPClientError, NoCredentialsError
from botocore.hooks import first_non_none_response
from botocore.validate import ParamValidationDecorator

from drsim.simulator.client.answers import Answer
from drsim.simulator.client.clients import Retries, SharedEvents, limiters_of, module_of
from drsim.simulator.client.forms import MADE, UnusualError, python_members, wire_asked, wire_members
from drsim.simulator.client.validation import Accepted
from drsim.simulator.handlers.calls import Calls, patience_us
from drsim.simulator.services.functions import Invocation

_EVENTS: Final = ("provide-client-params", "before-parameter-build", "before-call", "after-call", "after-call-error")
_KNOWN: Final = ("botocore.", "boto3.utils", "moto.", "drsim.")
"""Modules whose handlers of these events do nothing here, or what this module does in their place."""


class _Operation:
    """What is kept of an operation for the clients of one kind."""

    def __init__(self, client: Any, name: str, accepted: Accepted) -> None:
        self.model = client._service_model.operation_model(name)
        # As events name it: eventbridge, where clients are made for "events".
        self.service: str = self.model.service_model.service_id.hyphenize()
        self.events = {event: f"{event}.{self.service}.{name}" for event in (*_EVENTS, "needs-retry")}
        shape = self.model.input_shape
        self.accepts: Callable[[Any], bool] = (lambda asked: not asked) if shape is None else accepted.by(shape)
        # Where `wire_asked` has made the items, they are right.
        self.accepts_made = self.accepts if shape is None else accepted.made(shape, MADE)
        self.needs_token = bool(self.model.idempotent_members)
        self._path: str = self.model.http["requestUri"].partition("?")[0]

    def path(self, asked: dict[str, Any]) -> str:
        """Return the path of a request's URL."""
        return self._path.format_map(asked) if "{" in self._path else self._path


_open: list[Calls[Answer] | None] = [None]
"""The calls of the runs that are open; the last one answers. None leaves botocore unchanged."""
_operations: dict[tuple[str, str, str], _Operation] = {}
_accepted: dict[str, Accepted] = {}
_BaseClient: Final[Any] = botocore.client.BaseClient
_original: Final = _BaseClient._make_api_call


@contextmanager
def answered_by(calls: Calls[Answer]) -> Iterator[None]:
    """Let a world answer all clients of its invocations. What handlers wrap around the method goes with the run."""
    before = _BaseClient._make_api_call
    _open.append(calls)
    try:
        yield
    finally:
        _open.pop()
        _BaseClient._make_api_call = before


@contextmanager
def unanswered() -> Iterator[None]:
    """Leave botocore as it is, for calls that go over HTTP."""
    _open.append(None)
    try:
        yield
    finally:
        _open.pop()


def _make_api_call(client: Any, operation_name: str, api_params: dict[str, Any]) -> Any:
    calls = _open[-1]
    invocation = None if calls is None else calls.invocation
    if calls is None or invocation is None:
        return _original(client, operation_name, api_params)
    return _Called(calls, client, operation_name).made(invocation, api_params)


# Once, and not for each run: what patches the method later, as tracers do, wraps this one.
_BaseClient._make_api_call = _make_api_call


def _operation(client: Any, name: str) -> _Operation:
    model = client._service_model
    service = model.service_name
    key = (service, model.api_version, name)
    found = _operations.get(key)
    if found is None:
        found = _operations[key] = _Operation(client, name, _accepted.setdefault(service, Accepted()))
    return found


class _Called:
    """One call of a client."""

    def __init__(self, calls: Calls[Answer], client: Any, name: str) -> None:
        self._calls = calls
        self._client = client
        self._name = name
        self._operation = operation = _operation(client, name)
        events = client.meta.events
        self._shared = events if isinstance(events, SharedEvents) else None
        self._is_heard = self._shared is None or _is_heard(self._shared, operation)
        self._context: dict[str, Any] = {"client_region": client.meta.region_name, "client_config": client.meta.config}

    def made(self, invocation: Invocation, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the members of the answer. Raises what botocore raises."""
        operation, client = self._operation, self._client
        # A resource of boto3, whose handlers are stood in for while no one else listens.
        is_python = not self._is_heard and self._shared is not None and self._shared.is_of_resource
        if is_python:
            try:
                asked = wire_asked(asked)
            except UnusualError:
                is_python, self._is_heard = False, True
        if self._is_heard:
            asked = self._emit_asked(asked)
        accepts = operation.accepts_made if is_python else operation.accepts
        if not accepts(asked) and isinstance(client._serializer, ParamValidationDecorator):
            # botocore finds the words, or accepts it after all.
            client._serializer.serialize_to_request(asked, operation.model)
        if self._is_heard:
            given = self._emit_call(asked)
            if given is not None:
                return self._ended(given[0], given[1])
        answer = self._attempted(asked, invocation)
        members = answer.members
        if operation.service == "dynamodb" and not answer.code:
            members = python_members(members) if is_python else wire_members(members)
        parsed = {**members, "ResponseMetadata": answer.metadata}
        if answer.code or self._is_heard:
            return self._ended(answer.http, parsed)
        if client._drsim_retries is not None:
            client._drsim_retries.release(context=self._context, http_response=answer.http)
        return parsed

    def _emit(self, event: str, **about: Any) -> Any:
        return self._client.meta.events.emit(self._operation.events[event], context=self._context, **about)

    def _emit_asked(self, asked: dict[str, Any]) -> dict[str, Any]:
        model = self._operation.model
        responses = self._emit("provide-client-params", params=asked, model=model)
        asked = first_non_none_response(responses, default=asked)
        self._emit("before-parameter-build", params=asked, model=model)
        return asked

    def _emit_call(self, asked: dict[str, Any]) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Return the answer that a handler gives instead of the service."""
        client, model = self._client, self._operation.model
        about = {"api_params": asked, "operation_model": model, "endpoint_url": client.meta.endpoint_url}
        request = client._convert_to_request_dict(**about, context=self._context)
        about = {"model": model, "params": request, "request_signer": client._request_signer, "context": self._context}
        found: Any = client.meta.events.emit_until_response(self._operation.events["before-call"], **about)[1]
        return found  # type: ignore[no-any-return]

    def _attempted(self, asked: dict[str, Any], invocation: Invocation) -> Answer:
        """Return the answer to the last attempt. Raises what prevented it from having one."""
        client, calls = self._client, self._calls
        call = calls.begin(self._operation.service, self._name, asked, client.meta.region_name, invocation)
        call.carried, call.url = self._operation.model, client.meta.endpoint_url + self._operation.path(asked)
        call.patience_us = patience_us(client.meta.config)
        attempts, limiters = 0, limiters_of(client)
        while True:
            attempts += 1
            for limiter in limiters:
                limiter(request=None)
            call.access_key = self._access_key()
            answer, caught = None, None
            try:
                answer = calls.attempt(call)
            except HTTPClientError as error:
                caught = error
            if answer is not None:
                answer.metadata["RetryAttempts"] = attempts - 1
                if not answer.code and self._shared is not None:
                    return answer
            try:
                delay = self._retry_delay(answer, caught, attempts)
            except HTTPClientError as error:
                # In `legacy` mode the handler raises the last attempt's error.
                delay, caught = None, error
            if delay is not None and delay is not False:
                time.sleep(delay)
            elif caught is None:
                assert answer is not None, "an attempt has an answer or an error"
                return answer
            else:
                self._emit("after-call-error", exception=caught)
                raise caught

    def _access_key(self) -> str:
        client = self._client
        if client.meta.config.signature_version is UNSIGNED:
            return ""
        credentials = client._request_signer._credentials
        if credentials is None:
            raise NoCredentialsError
        return str(credentials.access_key)

    def _retry_delay(self, answer: Answer | None, caught: Exception | None, attempts: int) -> float | None:
        """Return for how many seconds botocore waits before it tries again; None if it does not."""
        client = self._client
        about = {
            "response": None if answer is None else (answer.http, answer.parsed),
            "endpoint": client._endpoint,
            "operation": self._operation.model,
            "attempts": attempts,
            "caught_exception": caught,
            "request_dict": {"context": self._context},
        }
        if self._shared is not None and client.meta.config.retries["mode"] == "standard":
            # The handler of a shared emitter would share its quota.
            if client._drsim_retries is None:
                client._drsim_retries = Retries(client)
            delay: float | None = client._drsim_retries.needs_retry(**about)
            return delay
        found: float | None = first_non_none_response(
            client.meta.events.emit(self._operation.events["needs-retry"], **about)
        )
        return found

    def _ended(self, http: AWSResponse, parsed: dict[str, Any]) -> dict[str, Any]:
        """Return the members of an answer. Raises botocore's exception for an error's."""
        if self._is_heard:
            self._emit("after-call", http_response=http, parsed=parsed, model=self._operation.model)
        if self._shared is not None and self._client._drsim_retries is not None:
            self._client._drsim_retries.release(context=self._context, http_response=http)
        if http.status_code < 300:
            return parsed
        code = self._context.get("error_code_override") or parsed.get("Error", {}).get("Code")
        raise self._client.exceptions.from_code(code)(parsed, self._name)


def _is_heard(shared: SharedEvents, operation: _Operation) -> bool:
    """Return whether anybody but botocore listens to the call's events."""
    found = shared.heard.get(operation)
    if found is None:
        found = shared.heard[operation] = operation.needs_token or any(
            _is_of_others(module_of(handler))
            for event in _EVENTS
            for handler in shared.handlers(operation.events[event])
        )
    return found


def _is_of_others(module: str) -> bool:
    return module == "botocore.stub" or not module.startswith(_KNOWN)
