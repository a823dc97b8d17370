"""A world behind an HTTP endpoint: DRS, the deployed table and a workload; finder and poller are the clients'."""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from drsim.orchestrator.model import JobScope, JobStatus
from drsim.simulator import moto_drs
from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.durations import duration_us
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.handlers.operations import READS
from drsim.simulator.moto_drs.models import settle_all
from drsim.simulator.reader import WaveView
from drsim.simulator.services.errors import ItemTooLargeError
from drsim.simulator.services.lives import RECORDED
from drsim.simulator.services.spec import JobLife
from drsim.simulator.spec.world import Bounds, WorldSpec
from drsim.simulator.wire.access import BODY_BYTES_MAX, Access, ForbiddenError, check_credentials
from drsim.simulator.wire.aws_errors import error_response
from drsim.simulator.wire.deployment import REGION
from drsim.simulator.wire.messages import account_of
from drsim.simulator.wire.outgoing import cut_in
from drsim.simulator.wire.pacer import Pacer, StoppedError
from drsim.simulator.wire.table import MotoTable
from drsim.simulator.wire.tier import wire_parts
from drsim.simulator.world import Parts, World

_THEIRS: Final = Handlers(finder="the client's", poller="the client's")
_ADVANCE_MAX_US: Final = duration_us("365d")
_NO_END_US: Final = duration_us("36500d")
_VALIDATION: Final = "com.amazon.coral.validate#ValidationException"
_CREDENTIAL: Final = re.compile(r"Credential=([^/,\s]+)/[^/]*/([^/]*)/([^/]*)/")

_LENGTH: Final = re.compile("[0-9]{1,18}")


class WrongUseError(Exception):
    """A wrong request to an endpoint under /drsim; the message names a right one."""


class ServedWorld(World):
    """The world behind the endpoint: nothing in it is judged, and its schedule never starts a finder."""

    table: MotoTable

    def __init__(self, spec: WorldSpec, parts: Parts, *, seed: int, spare_servers: int) -> None:
        super().__init__(spec, seed=seed, parts=replace(parts, is_judged=False), verdict_only=True)
        # Source servers that no execution needs.
        self.spare_scope = JobScope(HOME_ACCOUNT, spec.regions[0])
        life = spec.workload[0].jobs if spec.workload else JobLife.named(RECORDED)
        self.spare_ids = moto_drs.add_source_servers(*self.spare_scope, spare_servers, life=life)

    @property
    def scopes(self) -> list[JobScope]:
        """Every account and Region in which the world has servers."""
        accounts = [f"{int(HOME_ACCOUNT) + number:012}" for number in range(self.spec.accounts)]
        return [JobScope(account, region) for account in accounts for region in self.spec.regions]

    def shown(self, instant_us: int) -> str:
        """An instant of virtual time in ISO format."""
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.spec.epoch_us + instant_us)
        return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def executions(self) -> list[dict[str, Any]]:
        """The executions of workload and clients; the status of one that is not in the table is None."""
        planned = {plan.key: plan for plan in self.workload.plans}
        shown = []
        for key in dict.fromkeys([*planned, *self.table.keys]):
            item, plan = self.table.get(key), planned.get(key)
            begins = None if plan is None else self.shown(plan.start_us)
            known = {"id": key.execution_id, "plan": key.plan_id, "begins": begins}
            execution = None if item is None else item.execution
            waves = () if execution is None else execution.waves
            status = None if execution is None else execution.word
            shown.append(
                {**known, "status": status, "waves": [_shown(number, each) for number, each in enumerate(waves, 1)]}
            )
        return shown

    def servers(self) -> list[dict[str, Any]]:
        # Recovery plans may have started jobs since the last call of DRS.
        settle_all()
        shown = []
        for scope in self.scopes:
            busy = {
                server.source_server_id: job.job_id
                for job in self.drs.jobs(scope)
                if job.status(self.kernel.now_us) is not JobStatus.COMPLETED
                for server in job.servers
            }
            for server_id in self.drs.servers(scope):
                spare, job_id = scope == self.spare_scope and server_id in self.spare_ids, busy.get(server_id)
                where = {"account": scope.account_id, "region": scope.region}
                shown.append({"id": server_id, **where, "spare": spare, "job": job_id})
        return shown


def _shown(number: int, wave: WaveView) -> dict[str, Any]:
    account_id, region = wave.scope or (None, None)
    return {"wave": number, "status": wave.status, "account": account_id, "region": region, "job": wave.job_id}


@contextmanager
def served_world(spec: WorldSpec, *, seed: int, spare_servers: int) -> Iterator[ServedWorld]:
    """The world of a spec. Spare servers' jobs live as those of its first group of executions, or as recorded ones."""
    # The user ends it.
    never = {"duration": _NO_END_US, "until_finished": False, "bounds": Bounds()}
    endless = spec.model_copy(update={**never, "schedule": spec.schedule.model_copy(update={"first": _NO_END_US})})
    with wire_parts(endless, seed=seed, functions=_THEIRS) as parts:
        yield ServedWorld(endless, parts, seed=seed, spare_servers=spare_servers)


class Endpoint:
    """The WSGI application. One request at a time sees the world, and virtual time stops during it."""

    def __init__(self, world: ServedWorld, pacer: Pacer, access: Access, complain: Callable[[str], None]) -> None:
        self.requests: Counter[str] = Counter()
        self._world = world
        self._pacer = pacer
        self._access = access
        self._complain = complain
        self._moto = _Dispatcher(create_backend_app)
        self._own: dict[tuple[str, str], Callable[[dict[str, str]], Any]] = {
            ("GET", "/drsim/time"): lambda _: self._time(),
            ("POST", "/drsim/pause"): lambda _: self._turned(pacer.pause),
            ("POST", "/drsim/resume"): lambda _: self._turned(pacer.resume),
            ("POST", "/drsim/advance"): self._advance,
            ("GET", "/drsim/executions"): lambda _: world.executions(),
            ("GET", "/drsim/servers"): lambda _: world.servers(),
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = self._answer(environ)
        # moto allows every page to read its answers.
        for name in [name for name, _ in answer.headers if name.lower().startswith("access-control-")]:
            del answer.headers[name]
        return answer(environ, start_response)

    def _answer(self, environ: dict[str, Any]) -> Response:
        path, caller = environ.get("PATH_INFO", ""), _Caller(environ)
        is_ours = path == "/drsim" or path.startswith("/drsim/")
        try:
            self._access.check_origin(environ)
            if path.startswith("/moto-api"):
                raise ForbiddenError("AccessDeniedException", "moto's own endpoints are closed in drsim serve")
            (self._access.check_token if is_ours else check_credentials)(environ)
            # Before this request's turn, since a client may send slowly.
            body = _body(environ)
        except ForbiddenError as error:
            return _json(403, {"error": f"{error}"}) if is_ours else caller.error(403, error.code, f"{error}")
        except RequestEntityTooLarge:
            text = f"a body must have at most {BODY_BYTES_MAX // 1024 // 1024} MB"
            return _json(413, {"error": text}) if is_ours else caller.error(413, "RequestEntityTooLarge", text)
        except HTTPException as error:
            return caller.error(400, "BadRequest", f"the request cannot be read: {error.description}")
        environ["wsgi.input"] = io.BytesIO(body)
        if is_ours:
            return self._ours(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""))
        return self._aws(caller, body)

    def _ours(self, method: str, path: str, query: str) -> Response:
        with self._pacer.turn:
            self.requests["drsim"] += 1
            try:
                act = self._own.get((method, path))
                if act is None:
                    known = ", ".join(" ".join(route) for route in self._own)
                    raise WrongUseError(f"a request must be one of {known}, got {method} {path}")
                return _json(200, act(_parameters(query, {"by"} if act == self._advance else set())))
            except WrongUseError as error:
                return _json(400, {"error": f"{error}"})
            except StoppedError:
                return _json(503, {"error": "virtual time has ended"})

    def _time(self) -> dict[str, Any]:
        now_us, pacer = self._world.kernel.now_us, self._pacer
        pace = {"speed": pacer.speed, "paused": pacer.paused}
        return {"now": self._world.shown(now_us), "virtual_seconds": now_us / 1_000_000, **pace}

    def _turned(self, turn: Callable[[], None]) -> dict[str, Any]:
        turn()
        return self._time()

    def _advance(self, parameters: dict[str, str]) -> dict[str, Any]:
        try:
            by_us = duration_us(parameters.get("by"))
        except ValueError as error:
            raise WrongUseError(f"by: {error}; for instance POST /drsim/advance?by=10m") from None
        if not 0 < by_us <= _ADVANCE_MAX_US:
            raise WrongUseError(f"by must be more than 0s and at most 365d, got {parameters['by']}")
        self._pacer.advance(by_us)
        return self._time()

    def _aws(self, caller: "_Caller", body: bytes) -> Response:
        environ, service = caller.environ, caller.service
        account_id = environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", account_of(caller.key))
        if environ.get("HTTP_X_AMZ_TARGET") and body and not isinstance(_parsed(body), dict):
            return caller.error(400, "SerializationException", "the body is not a JSON object")
        # A long poll of a queue must not block all other requests.
        with nullcontext() if service == "sqs" else self._pacer.turn:
            self.requests[service or "unsigned"] += 1
            if (service, caller.region, account_id) == ("dynamodb", REGION, HOME_ACCOUNT):
                return self._dynamodb(caller, body)
            return self._by_moto(caller)

    def _dynamodb(self, caller: "_Caller", body: bytes) -> Response:
        table, operation = self._world.table, caller.operation
        asked: Any = _parsed(body) or {}
        if operation == "DeleteTable" and f"{asked.get('TableName')}".rpartition("/")[2] == table.name:
            # As for a table with deletion protection: the workload has no other table.
            text = f"Resource cannot be deleted as it is currently protected against deletion: {table.name}"
            return caller.error(400, _VALIDATION, text)
        with table.as_indexed() if "IndexName" in asked else nullcontext():
            answer = self._by_moto(caller)
        if not READS.match(operation):
            try:
                table.look_again(writer="client")
            except ItemTooLargeError as error:
                return caller.error(400, _VALIDATION, error.message)
        return answer

    def _by_moto(self, caller: "_Caller") -> Response:
        """moto's answer. What moto lacks, or may not do, is 501, which no client retries, and what breaks it 500."""
        answers: list[Response] = []
        try:
            # Buffered, so that the body is complete before the next request's turn.
            cut = cut_in(lambda: answers.append(Response.from_app(self._moto, caller.environ, buffered=True)))
            if cut:
                return caller.not_implemented(f": {cut}")
        except NotImplementedError as error:
            return caller.not_implemented(f": {error}")
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            return caller.error(400, "SerializationException", f"the body is not a JSON object: {error}")
        # A request may hold anything, and moto expects what botocore sends.
        except Exception as error:
            self._complain(f"{caller}: moto failed with {type(error).__name__}: {error}")
            return caller.error(500, "InternalFailure", f"moto failed with {type(error).__name__}: {error}")
        (answer,) = answers
        # Flask's page for a URL that moto does not have.
        if answer.mimetype == "text/html" and answer.status_code in (404, 405):
            return caller.not_implemented()
        return answer


class _Dispatcher(DomainDispatcherApplication):
    """moto's choice of a backend, without its print of a service that it does not have."""

    def get_backend_for_host(self, host: str | None) -> Any:
        is_known = any(pattern.match(f"http://{host}") for _, pattern in self.backend_url_patterns)
        if host and ".amazonaws.com" in host and not is_known:
            raise NotImplementedError("moto has no such service")
        return super().get_backend_for_host(host)


class _Caller:
    """Who sent a request to AWS, by its credentials, and what it asks for."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        self.key, self.region, self.service = ("", "", "") if found is None else found.groups()
        self.operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]

    def __str__(self) -> str:
        path = f"{self.environ['REQUEST_METHOD']} {self.environ.get('PATH_INFO', '')}"
        return f"{self.service or 'a request'} {self.operation or path}"

    def error(self, status: int, code: str, message: str) -> Response:
        return error_response(self.environ, self.service, status, code, message)

    def not_implemented(self, why: str = "") -> Response:
        return self.error(501, "NotImplemented", f"drsim serve does not have {self}{why}")


def _body(environ: dict[str, Any]) -> bytes:
    """The request's body. Raises HTTPException, such as RequestEntityTooLarge."""
    length = environ.get("CONTENT_LENGTH", "")
    if length and not _LENGTH.fullmatch(length):
        raise BadRequest(f"Content-Length must be a whole number >= 0, got {length!r}")
    # One byte more: werkzeug cuts a body of unknown length without a word.
    body = get_input_stream(environ, max_content_length=BODY_BYTES_MAX + 1).read()
    if len(body) > BODY_BYTES_MAX:
        raise RequestEntityTooLarge
    return body


def _parsed(body: bytes) -> object:
    """The body's JSON, or None."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _parameters(query: str, known: set[str]) -> dict[str, str]:
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(parameters.keys() - known):
        raise WrongUseError(f"no such parameter: {', '.join(unknown)}; known are {', '.join(known) or 'none here'}")
    return parameters


def _json(status: int, content: Any) -> Response:
    return Response(json.dumps(content, default=str) + "\n", status=status, mimetype="application/json")
