"""The tables of DynamoDB, and which operation answers a request to them, with plain items."""

from collections.abc import Callable
from copy import deepcopy
from typing import Final

from drsim.simulator.client.dynamodb.items import OF_ONE, Answer, Members, Request
from drsim.simulator.client.dynamodb.requests import refused_members
from drsim.simulator.client.dynamodb.schema import ItemTable, Writer
from drsim.simulator.client.dynamodb.several import NOT_HERE, OF_MANY
from drsim.simulator.client.errors import AwsError
from drsim.simulator.handlers.errors import NotSimulatedError

_TOKEN_US: Final = 600_000_000
"""How long a transaction's token holds."""


class Tables:
    """The tables of the home account and Region, and their operations on items."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._tables: dict[str, ItemTable] = {}
        # Transactions by their tokens: when, and what they asked for.
        self._tokens: dict[str, tuple[int, Members]] = {}

    def add(self, table: ItemTable) -> None:
        self._tables[table.name] = table

    def named(self, name: str) -> ItemTable:
        """Return a table by its name or ARN. Raises AwsError."""
        found = self._tables.get(name.rpartition("/")[2])
        if found is None:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return found

    def answer(self, operation: str, asked: Members, by: Writer, as_at_us: int | None = None) -> Answer:
        """Answer a request. Raises AwsError, and NotSimulatedError for what nothing here simulates."""
        if operation == "ListTables":
            return {"TableNames": sorted(self._tables)}
        if operation in OF_MANY:
            return OF_MANY[operation](self, asked, by)
        if operation not in OF_ONE:
            raise NotSimulatedError(f"{by.function} calls dynamodb {operation}, which {NOT_HERE}")
        if legacy := refused_members(asked):
            what = f"{operation} with {', '.join(legacy)}"
            raise NotSimulatedError(f"{by.function} calls dynamodb {what}, which {NOT_HERE}")
        return OF_ONE[operation](Request(self.named(asked["TableName"]), asked, by, as_at_us))

    def is_repeated(self, token: str | None, asked: Members) -> bool:
        """Return whether a transaction was made before. Raises AwsError for another one with the same token."""
        known = None if token is None else self._tokens.get(token)
        if known is None or known[0] < self._now_us() - _TOKEN_US:
            return False
        if known[1] != asked:
            message = "The request uses the same client token as a previous, but non-identical request."
            raise AwsError("IdempotentParameterMismatchException", message)
        return True

    def keep_token(self, token: str | None, asked: Members) -> None:
        """Remember a transaction that was made."""
        if token is not None:
            self._tokens[token] = (self._now_us(), deepcopy(asked))
