"""Calls that the client tier does not answer itself go the wire's way: over HTTP, to moto.

moto is imported and set up at the first of them, since that takes half a second.
"""

from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from drsim.simulator.client.answers import Answer
from drsim.simulator.client.boundary import unanswered
from drsim.simulator.client.errors import AwsError
from drsim.simulator.contract.surroundings import Surroundings
from drsim.simulator.handlers.calls import ClientCall
from drsim.simulator.world import World

_METADATA: Final = "ResponseMetadata"
_ONCE: Final = Config(retries={"total_max_attempts": 1})
"""The function's own client tries again, in virtual time."""


class Others:
    """moto, with a contract's surroundings, for one world. The tables are the client tier's own."""

    def __init__(self, surroundings: Surroundings, world: World) -> None:
        self._surroundings = surroundings.model_copy(update={"tables": ()})
        self._world = world
        # Sessions from before moto was imported do not lead to it.
        self._session: Any = None
        self._clients: dict[tuple[str, str], Any] = {}

    def answer(self, call: ClientCall[Answer]) -> dict[str, Any]:
        """Return the members of an answer. Raises AwsError, and NotSimulatedError for what moto lacks."""
        from drsim.simulator.wire import gateway

        with gateway.opened(), unanswered():
            if self._session is None:
                self._set_up()
            service = call.carried.service_model.service_name
            self._world.forwarded[f"{service} {call.operation}"] += 1
            key = (service, call.region)
            if key not in self._clients:
                self._clients[key] = self._session.client(service, region_name=call.region, config=_ONCE)
            try:
                answered: dict[str, Any] = self._clients[key]._make_api_call(call.operation, dict(call.asked))
            except ClientError as error:
                known = error.response["Error"]
                rest = {name: each for name, each in error.response.items() if name not in ("Error", _METADATA)}
                raise AwsError(known["Code"], known["Message"], **rest) from None
        return {name: value for name, value in answered.items() if name != _METADATA}

    def _set_up(self) -> None:
        from moto.moto_api._internal import mock_random

        from drsim.simulator.wire.surroundings import create
        from drsim.simulator.wire.tier import empty_moto

        mock_random.seed(self._world.kernel.seed)
        empty_moto()
        self._session = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none")
        before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, self._session
        try:
            create(self._surroundings)
        finally:
            boto3.DEFAULT_SESSION = before
