"""What Lambda calls: the two handlers, and the one place where the adapters of the deployed functions are chosen.

An import makes no client and reads no setting. The first invocation of an environment does both, and what it made
serves all that follow. Whatever goes wrong is logged with its ids and raised, so that Lambda counts an error.
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

from .aws.accounts import DrsClients, OwnClients
from .aws.clock import SystemClock
from .aws.cloudwatch import NamespaceMetrics
from .aws.drs import RegionalJobs
from .aws.dynamodb import StatusIndex, TableStore
from .aws.invoke import FunctionInvoker
from .deployment import finder_deployment_from, log_level_from, poller_deployment_from
from .errors import MalformedError
from .finder import Finder
from .payloads import dispatch_of
from .poller import Poller
from .settings import settings_from

_log = logging.getLogger(__name__)

_SERVICE: Final = __package__
"""Powertools names its logger after the service. This one is the parent of all loggers of the package."""

_clock: Final = SystemClock()


class LambdaContext(Protocol):
    """As much of Lambda's context object as the handlers read."""

    @property
    def function_name(self) -> str:
        """The function's name."""
        ...

    @property
    def aws_request_id(self) -> str:
        """The id of this invocation; its asynchronous retries have the same."""
        ...

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN, which holds partition and account."""
        ...

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the function's time."""
        ...


def finder_handler(event: object, context: LambdaContext) -> dict[str, object]:
    """One tick of the schedule: {"looks": [counts of each look]}. An empty event is a tick by hand."""
    with _told(event, context):
        if not isinstance(event, Mapping) or (event and event.get("detail-type") != "Scheduled Event"):
            raise MalformedError(f"finder event must be a Scheduled Event or {{}}, got {event!r}")
        reports = _finder().run(deadline_us=_deadline_us(context))
        return {"looks": [asdict(report) for report in reports]}


def poller_handler(event: object, context: LambdaContext) -> dict[str, object]:
    """One poll of the execution that the payload names: how it ended, the waves written, the status that is now."""
    with _told(event, context):
        if not isinstance(event, Mapping):
            raise MalformedError(f"poller payload must be an object, got {event!r}")
        dispatch = dispatch_of(event)
        _, partition, _, _, account_id, *_ = context.invoked_function_arn.split(":")
        report = _poller(partition, account_id).poll(dispatch, deadline_us=_deadline_us(context))
        return {
            "end": report.end.value,
            "waves": report.waves,
            "status": None if report.status is None else report.status.value,
        }


def _deadline_us(context: LambdaContext) -> int:
    return _clock.now_us() + context.get_remaining_time_in_millis() * 1_000


@cache
def _finder() -> Finder:
    """The finder of this environment."""
    deployment, settings = finder_deployment_from(os.environ), settings_from(os.environ)
    clients = OwnClients(connections_max=settings.parallel_invokes_max)
    return Finder(
        index=StatusIndex(clients.dynamodb(), deployment.table, deployment.index),
        invoker=FunctionInvoker(clients.lambda_(), deployment.poller_function),
        clock=_clock,
        # Kept warm: between invocations, when the environment stands still, its threads have nothing to do.
        executor=ThreadPoolExecutor(settings.parallel_invokes_max),
        settings=settings,
    )


@cache
def _poller(partition: str, account_id: str) -> Poller:
    """The poller of this environment, which runs in this account."""
    deployment, settings = poller_deployment_from(os.environ), settings_from(os.environ)
    clients = OwnClients(connections_max=1)
    drs = DrsClients(clients, _clock, account_id=account_id, role_name=deployment.role_name, partition=partition)
    return Poller(
        store=TableStore(clients.dynamodb(), deployment.table),
        jobs=RegionalJobs(drs.client_of),
        metrics=NamespaceMetrics(clients.cloudwatch(), deployment.namespace),
        clock=_clock,
        settings=settings,
    )


@contextmanager
def _told(event: object, context: LambdaContext) -> Iterator[None]:
    """Every log line within carries the ids of this invocation, and an error leaves one before it goes on to Lambda."""
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
    """The logger of this environment: every line of the package is one JSON object on standard output."""
    level = log_level_from(os.environ)
    logger = Logger(service=_SERVICE, level=level, utc=True, use_rfc3339=True)
    # The process may have configured it before, for an environment of another level and another standard output.
    logger.setLevel(level)
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler), f"Powertools writes to a stream, got {handler!r}"
    handler.setStream(sys.stdout)
    return logger
