"""Clients made quickly: each is a copy of the first one with the same service, Region and configuration.

botocore reads models, resolves endpoints and registers some eighty handlers for each client; copies share all of that
which is never changed. What belongs to one client stays its own: credentials, retry quota, handlers, and the exceptions
of its session.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

import botocore.client
import botocore.httpsession
import botocore.session
from boto3.resources.factory import ResourceFactory
from botocore.credentials import Credentials
from botocore.handlers import BUILTIN_HANDLERS
from botocore.hooks import HierarchicalEmitter
from botocore.retries import standard

from drsim.simulator.handlers.replacing import replaced

_LIBRARIES: Final = ("botocore.", "boto3.", "moto.", "drsim.")
_OF_RESOURCES: Final = "dynamodb-"
"""How the names of the handlers begin that boto3's resources register at a client of DynamoDB."""


class SharedEvents:
    """A client's emitter: that of the first client of its kind, until someone registers a handler."""

    def __init__(self, base: Any, heard: dict[Any, bool]) -> None:
        self._base = base
        self._is_own = False
        self.heard = heard
        """Whether anybody listens to an operation's events, as far as `client.boundary` has looked."""
        # Registrations of boto3's resources, which `client.boundary` stands in for.
        self._of_resources: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    @property
    def is_of_resource(self) -> bool:
        """Whether a resource of boto3 uses the client, and no code has asked for real events."""
        return bool(self._of_resources)

    def handlers(self, event: str) -> tuple[Any, ...]:
        """Return the handlers of an event, without those of boto3's resources while they are stood in for."""
        base = self._base
        return tuple(base._emitter._handlers.prefix_search(base._alias_event_name(event)))

    def register(self, *arguments: Any, **keywords: Any) -> None:
        if not self._is_own and str(keywords.get("unique_id", "")).startswith(_OF_RESOURCES):
            self._of_resources.append((arguments, keywords))
            return
        self._own().register(*arguments, **keywords)

    def register_first(self, *arguments: Any, **keywords: Any) -> None:
        self._own().register_first(*arguments, **keywords)

    def register_last(self, *arguments: Any, **keywords: Any) -> None:
        self._own().register_last(*arguments, **keywords)

    def unregister(self, *arguments: Any, **keywords: Any) -> None:
        self._own().unregister(*arguments, **keywords)

    def emit(self, *arguments: Any, **keywords: Any) -> Any:
        return self.real.emit(*arguments, **keywords)

    def emit_until_response(self, *arguments: Any, **keywords: Any) -> Any:
        return self.real.emit_until_response(*arguments, **keywords)

    @property
    def real(self) -> Any:
        """The emitter with all handlers."""
        return self._own() if self._of_resources else self._base

    def _own(self) -> Any:
        if not self._is_own:
            self._base, self._is_own = copy.copy(self._base), True
        self.heard = {}
        for arguments, keywords in self._of_resources:
            self._base.register(*arguments, **keywords)
        self._of_resources = []
        return self._base

    def __copy__(self) -> Any:
        return copy.copy(self.real)


class Retries:
    """The retry handler and the quota of one client, in `standard` mode. Made at its first failed attempt."""

    def __init__(self, client: Any) -> None:
        registered: list[Callable[..., Any]] = []
        events = SimpleNamespace(register=lambda _, handler, **__: registered.append(handler))
        meta = SimpleNamespace(service_model=client.meta.service_model, events=events)
        stand_in: Any = SimpleNamespace(meta=meta)
        standard.register_retry_handler(stand_in, client.meta.config.retries.get("total_max_attempts"))
        named = {handler.__name__: handler for handler in registered}
        self.release, self.needs_retry = named["release_retry_quota"], named["needs_retry"]


def _made(kinds: "Kinds", session: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    asked = _ASKED.bind(session, *arguments, **keywords)
    key = kinds.key_of(session, asked)
    # Handlers that a session's own code has registered belong to its clients alone.
    has_own = _registered_at(session).has_own
    shared = vars(session).setdefault("_drsim_first", {}) if has_own else kinds.first
    first = shared.get(key)
    if first is None:
        made: Any = _create_client(session, **asked)
        if made.meta.config.retries["mode"] == "adaptive":
            # Its rate limiter is its own, and hangs on its events.
            return made
        first = shared[key] = _First(made)
    return first.copied(session, asked)


class _First:
    """The first client of a kind, which no code uses."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._heard: dict[Any, bool] = {}

    def copied(self, session: Any, asked: dict[str, Any]) -> Any:
        first = self._client
        client = _shallow(first)
        client.meta = _shallow(first.meta)
        client.meta.events = SharedEvents(first.meta.events, self._heard)
        client._exceptions_factory, client._exceptions = session._get_internal_component("exceptions_factory"), None
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        given: list[Any] = [asked.get(name) for name in names]
        credentials = Credentials(*given) if given[0] is not None else session.get_credentials()
        client._request_signer = _shallow(first._request_signer)
        client._request_signer._credentials = credentials
        client._drsim_retries = None
        return client


def _shallow(value: Any) -> Any:
    new = object.__new__(value.__class__)
    new.__dict__.update(value.__dict__)
    return new


class _Asked:
    """The parameters of `Session.create_client`, by name."""

    names = (
        "service_name",
        "region_name",
        "api_version",
        "use_ssl",
        "verify",
        "endpoint_url",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "config",
        "aws_account_id",
    )

    def bind(self, _: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        return {**dict(zip(self.names, arguments, strict=False)), **keywords}


_ASKED: Final = _Asked()
_create_client: Final = botocore.session.Session.create_client
_create_loader: Final = botocore.session.create_loader
_create_ssl_context: Final = botocore.httpsession.create_urllib3_context
_load: Final = ResourceFactory.load_from_definition
_get_paginator: Final = botocore.client.BaseClient.get_paginator
_Session: Final[Any] = botocore.session.Session
_register_handlers: Final = _Session._register_builtin_handlers


class Kinds:
    """What clients of this process share, kept from run to run: first clients, resources' classes and paginators."""

    def __init__(self) -> None:
        self.first: dict[tuple[Any, ...], _First] = {}
        self.loader: Any = None
        self.resources: dict[tuple[str, str], Any] = {}
        self.paginators: dict[tuple[str, str, str], tuple[type, dict[str, Any]]] = {}
        # The handlers that each session begins with, registered. Libraries such as moto add some to botocore's list.
        self.handlers: Any = None
        self.builtin: list[Any] = []
        # botocore's names of events by the names that code gives.
        self.names: dict[str, str] = {}
        # What sessions look for credentials with; nothing is ever sent.
        self.ssl_context: Any = None

    def key_of(self, session: Any, asked: dict[str, Any]) -> tuple[Any, ...]:
        config = asked.get("config") or session.get_default_client_config()
        options = None if config is None else repr(sorted(config._user_provided_options.items(), key=str))
        own = {name: value for name, value in asked.items() if not name.startswith("aws_") and name != "config"}
        own["region_name"] = own.get("region_name") or session.get_config_variable("region")
        mode = (session.get_config_variable("retry_mode"), session.get_config_variable("max_attempts"))
        return (*sorted(own.items(), key=lambda item: item[0]), options, mode, _registered_at(session).total)

    def load(self, factory: Any, resource_name: str, definition: Any, context: Any) -> Any:
        key = (context.service_name, resource_name)
        if key not in self.resources:
            self.resources[key] = _load(factory, resource_name, definition, context)
        return self.resources[key]

    def register_handlers(self, session: Any, events: Any) -> None:
        """Register botocore's list of handlers at a new session's emitter, which may be one that code has given it."""
        emitter = events._emitter
        is_plain = type(emitter) is HierarchicalEmitter
        is_new = is_plain and not emitter._handlers._root["children"]
        events._alias_name_cache = self.names
        if is_new and self.builtin == BUILTIN_HANDLERS:
            emitter._handlers = copy.copy(self.handlers)
            return
        _register_handlers(session, events)
        if is_new:
            self.handlers, self.builtin = copy.copy(emitter._handlers), list(BUILTIN_HANDLERS)

    def shared_loader(self, path: str | None = None) -> Any:
        if self.loader is None:
            self.loader = _create_loader(path)
        return self.loader

    def shared_ssl_context(self) -> Any:
        self.ssl_context = self.ssl_context or _create_ssl_context()
        return self.ssl_context

    def paginator(self, client: Any, operation_name: str) -> Any:
        """As botocore's, which makes a class for each paginator, with one class for each operation."""
        model = client._service_model
        key = (model.service_name, model.api_version, operation_name)
        known = self.paginators.get(key)
        if known is None:
            made = _get_paginator(client, operation_name)
            self.paginators[key] = (made.__class__, dict(made.__dict__))
            return made
        kind, kept = known
        paginator: Any = object.__new__(kind)
        paginator.__dict__.update(kept, _method=getattr(client, operation_name))
        return paginator


_KINDS: Final = Kinds()


class _Registered(NamedTuple):
    """The handlers of a session, with which its clients begin: how many, and whether any is a user's own."""

    cache: object
    total: int
    has_own: bool


def _registered_at(session: Any) -> _Registered:
    emitter = session.get_component("event_emitter")._emitter
    known: _Registered | None = vars(session).get("_drsim_registered")
    # botocore replaces its cache at each registration.
    if known is None or known.cache is not emitter._lookup_cache:
        handlers = list(_handlers_in(emitter._handlers._root))
        has_own = any(not module_of(handler).startswith(_LIBRARIES) for handler in handlers)
        known = session._drsim_registered = _Registered(emitter._lookup_cache, len(handlers), has_own)
    return known


def _handlers_in(node: dict[str, Any]) -> Iterator[Any]:
    """Yield the handlers at a node of botocore's prefix tree and below it."""
    for handlers in node["values"] or ():
        yield from handlers
    for child in node["children"].values():
        yield from _handlers_in(child)


def limiters_of(client: Any) -> list[Callable[..., None]]:
    """Return what a client calls before it sends: the rate limiter of the retry mode `adaptive`, if anything."""
    emitter = client.meta.events
    if isinstance(emitter, SharedEvents):
        return []
    handlers = emitter._emitter._handlers.prefix_search("before-send")
    return [each for each in handlers if module_of(each) == "botocore.retries.adaptive"]


def module_of(handler: Any) -> str:
    """Return the name of the module that a handler comes from."""
    function = getattr(handler, "__func__", handler)
    return str(getattr(function, "__module__", "") or type(handler).__module__)


@contextmanager
def made_quickly() -> Iterator[None]:
    """Let sessions make copies of clients. Outside, botocore is unchanged."""

    def create_client(session: Any, *arguments: Any, **keywords: Any) -> Any:
        return _made(_KINDS, session, arguments, keywords)

    def load(factory: Any, resource_name: str, single_resource_json_definition: Any, service_context: Any) -> Any:
        return _KINDS.load(factory, resource_name, single_resource_json_definition, service_context)

    def get_paginator(client: Any, operation_name: str) -> Any:
        return _KINDS.paginator(client, operation_name)

    def register_handlers(session: Any, events: Any) -> None:
        _KINDS.register_handlers(session, events)

    places: list[tuple[Any, str, Any]] = [
        (botocore.session.Session, "create_client", create_client),
        (botocore.session.Session, "_register_builtin_handlers", register_handlers),
        (botocore.session, "create_loader", _KINDS.shared_loader),
        (botocore.httpsession, "create_urllib3_context", _KINDS.shared_ssl_context),
        (botocore.client.BaseClient, "get_paginator", get_paginator),
        (ResourceFactory, "load_from_definition", load),
    ]
    with replaced(*places):
        yield
