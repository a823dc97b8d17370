"""What exists around a team's functions, and what else of them can be judged; some of it is in files of their own.

Owns how these files are read. The wire tier creates what they describe.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import AfterValidator, Field, ValidationInfo

from drsim.orchestrator.model import MetricName
from drsim.simulator.contract.places import TableName
from drsim.simulator.models import Spec
from drsim.simulator.yaml_text import YamlTextError, parsed

# 32 levels of an item (DynamoDB developer guide, limits, 2026-11), the item itself and the list of items.
_LEVELS_MAX: Final = 34


def items_in(path: str) -> list[dict[str, Any]]:
    """Return the items in a JSON or YAML file, numbers with a fraction as Decimals. Raises ValueError."""
    items = _exact(_read(path), path)
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise ValueError(f"{path} must be a list of items, each a mapping of attributes")
    return items


def statements_in(path: str) -> list[Mapping[str, Any]]:
    """Return the statements of an IAM policy document. Raises ValueError."""
    document = _read(path)
    found = document.get("Statement") if isinstance(document, dict) else None
    statements: list[Any] = found if isinstance(found, list) else [found]
    if not statements or not all(isinstance(each, dict) for each in statements):
        raise ValueError(f"{path} must be a policy document: a mapping whose Statement is a list of mappings")
    return statements


def _read(path: str) -> Any:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"cannot read {path}: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"cannot read {path}: {reason}") from None
    try:
        if path.lower().endswith((".yaml", ".yml")):
            return parsed(text).data
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except YamlTextError as error:
        raise ValueError(f"{path}:{error.line}: {error.problem}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}:{error.lineno}: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{path}: its values are nested too deep") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"numbers must be finite, got {constant}")


def _exact(value: Any, path: str, levels: int = _LEVELS_MAX) -> Any:
    """Return a value as DynamoDB's resource API takes it. Raises ValueError for one that is not plain."""
    if not levels:
        raise ValueError(f"{path}: values of items must be nested at most 32 levels deep")
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _exact(each, path, levels - 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_exact(each, path, levels - 1) for each in value]
    if isinstance(value, float):
        value = Decimal(repr(value))
    if value is None or isinstance(value, str | int) or (isinstance(value, Decimal) and value.is_finite()):
        return value
    raise ValueError(f"{path}: a value must be text, a number, true, false, null, a list or a mapping, got {value!r}")


def _checked_by(read: Callable[[str], object]) -> AfterValidator:
    """Take a path from the contract's folder, which is the validation's context, and read its file for errors.

    Without that context, as in a result's configuration, the path stays as it is.
    """

    def checked(path: str, info: ValidationInfo) -> str:
        if not path or info.context is None:
            return path
        found = str(Path(info.context) / path)
        read(found)
        return found

    return AfterValidator(checked)


Keyed = Annotated[str, Field(min_length=1)]


class OtherTable(Spec):
    """Another table that the functions read."""

    name: TableName = Field(description="The table's name.")
    hash: Keyed = Field(description="The attribute that is its hash key.")
    range: Keyed | None = Field(None, description="The attribute that is its range key; null if it has none.")
    items: Annotated[str, _checked_by(items_in)] = Field("", description="A JSON or YAML file with a list of items.")


class Surroundings(Spec):
    """What exists around the functions when a run begins. Files are relative to the contract's."""

    event: dict[str, Any] | None = Field(None, description="The rule's constant input; by default a Scheduled Event.")
    tables: tuple[OtherTable, ...] = Field((), description="Other tables that the functions read.")
    topics: tuple[str, ...] = Field((), description="SNS topics, by name.")
    buses: tuple[str, ...] = Field((), description="Event buses, by name.")
    parameters: dict[str, str] = Field({}, description="SSM parameters.")
    state_machines: tuple[str, ...] = Field((), description="State machines, by name.")


class AlsoJudged(Spec):
    """What else can be judged: nothing of it by default. Files are relative to the contract's."""

    metrics: dict[MetricName, str] = Field(
        {}, description="The team's name of each of our metrics, such as PollErrors."
    )
    roles: dict[Literal["finder", "poller"], Annotated[str, _checked_by(statements_in)]] = Field(
        {}, description="IAM policy documents, as JSON files."
    )
    log_field: str | None = Field(None, description="The field of log lines that holds the execution's id.")
