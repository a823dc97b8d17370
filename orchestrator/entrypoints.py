"""The two Lambda handlers, and the one place where the adapters of the deployed functions are chosen.

The first invocation of an environment, not the import, creates clients and reads settings; later ones reuse them.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Final, Protocol

from aws_lambda_powertools.logging import Logger

from .aws.accounts import DrsClients, own_session
from .aws.clock import SystemClock
from .aws.cloudwatch import NamespaceMetrics
from .aws.drs import RegionalJobs
from .aws.dynamodb import ItemStore, StatusIndex
from .aws.invoke import FunctionInvoker
from .errors import MalformedError
from .finder import Finder
from .payloads import dispatch_of
from .poller import Poller
from .settings import DeployedNames, log_level_from, settings_from

_log = logging.getLogger(__name__)

_clock: Final = SystemClock()


class LambdaContext(Protocol):
    """The part of Lambda's context object that the handlers read."""

    @property
    def function_name(self) -> str: ...
    @property
    def aws_request_id(self) -> str: ...
    @property
    def invoked_function_arn(self) -> str: ...
    def get_remaining_time_in_millis(self) -> int: ...


def finder_handler(event: object, context: LambdaContext) -> dict[str, object]:
    """Handle one tick of the schedule: {"looks": [counts of each look]}. An empty event is a tick by hand."""
    with _logged(event, context):
        if not isinstance(event, Mapping) or (event and event.get("detail-type") != "Scheduled Event"):
            raise MalformedError(f"finder event must be a Scheduled Event or {{}}, got {event!r}")
        reports = _finder().run(deadline_us=_deadline_us(context))
        return {"looks": [asdict(report) for report in reports]}


def poller_handler(event: object, context: LambdaContext) -> dict[str, object]:
    """Poll the execution that the payload names; return the end, the count of waves written and the status."""
    with _logged(event, context):
        if not isinstance(event, Mapping):
            raise MalformedError(f"poller payload must be an object, got {event!r}")
        dispatch = dispatch_of(event)
        _, partition, _, _, account_id, *_ = context.invoked_function_arn.split(":")
        report = _poller(partition, account_id).poll(dispatch, deadline_us=_deadline_us(context))
        return asdict(report)


def _deadline_us(context: LambdaContext) -> int:
    return _clock.now_us() + context.get_remaining_time_in_millis() * 1_000


@cache
def _finder() -> Finder:
    deployment = DeployedNames.of(os.environ, "EXECUTION_TABLE", "POLLER_FUNCTION")
    settings = settings_from(os.environ)
    session = own_session(connections_max=settings.parallel_invokes_max)
    return Finder(
        index=StatusIndex(session.client("dynamodb"), deployment.table, deployment.index),
        invoker=FunctionInvoker(session.client("lambda"), deployment.poller_function),
        clock=_clock,
        # Kept warm: between invocations, when the environment stands still, its threads have nothing to do.
        executor=ThreadPoolExecutor(settings.parallel_invokes_max),
        settings=settings,
    )


@cache
def _poller(partition: str, account_id: str) -> Poller:
    deployment = DeployedNames.of(os.environ, "EXECUTION_TABLE")
    session = own_session(connections_max=1)
    drs = DrsClients(session, _clock, account_id=account_id, role_name=deployment.role_name, partition=partition)
    return Poller(
        store=ItemStore(session.client("dynamodb"), deployment.table),
        jobs=RegionalJobs(drs.client_of),
        metrics=NamespaceMetrics(session.client("cloudwatch"), deployment.namespace),
        clock=_clock,
        settings=settings_from(os.environ),
    )


@contextmanager
def _logged(event: object, context: LambdaContext) -> Iterator[None]:
    """Give every log line within the ids of this invocation, and log an error before Lambda gets it."""
    cold = _logger.cache_info().currsize == 0
    _logger().append_keys(
        function_name=context.function_name, function_request_id=context.aws_request_id, cold_start=cold
    )
    try:
        yield
    except Exception:
        named = event.get("ExecutionId") if isinstance(event, Mapping) else None
        _log.exception("Invocation failed", extra={} if named is None else {"execution_id": named})
        raise


@cache
def _logger() -> Logger:
    """Make the logger of this environment: every line of the package is one JSON object on standard output."""
    level = log_level_from(os.environ)
    # Powertools names its logger after the service: this one is the parent of all loggers of the package.
    logger = Logger(service=__package__, level=level, utc=True, use_rfc3339=True)
    # The process may have configured it before, for an environment of another level and another standard output.
    logger.setLevel(level)
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler), f"Powertools writes to a stream, got {handler!r}"
    handler.setStream(sys.stdout)
    return logger
