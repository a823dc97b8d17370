"""What DRS's API answers from: a DRS, what the API keeps beside it, and one account and Region of both."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api.shapes import Frame
from drsim.simulator.services.drs import DrsRefusedError, DrsService

Members = dict[str, Any]
Answer = Members | list[Members] | list[Callable[[], Members]] | None
"""What an operation answers. It lists functions for items that take long to make, as a page leaves most of them out."""
Part = TypeVar("Part")


@dataclass(slots=True)
class DrsWorld:
    """A DRS whose instants count from `epoch_us`, and what the API adds to it."""

    service: DrsService
    epoch_us: int
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By ARN."""
    uninitialized: set[JobScope] = field(default_factory=set)
    failures: dict[tuple[JobScope, str], list[Exception]] = field(default_factory=dict)
    """Errors of the next calls, by account and Region and by operation."""
    parts: dict[tuple[JobScope, type], Any] = field(default_factory=dict)
    """What the API keeps of each kind of resource, by account and Region: see `DrsRegion.part`."""
    world_of: Callable[[JobScope], "DrsWorld"] | None = None
    """The world of another account and Region, whose clock has the same epoch; None if this one has them all."""
    outside: "OutsideServices | None" = None
    """None where nothing but DRS is simulated."""


@dataclass(frozen=True, slots=True)
class DrsRegion:
    """DRS in one account and Region of a world."""

    scope: JobScope
    world: DrsWorld
    partition: str = "aws"

    @property
    def frame(self) -> Frame:
        world = self.world
        return Frame(self.scope, self.partition, world.epoch_us, world.service.now_us, world.tags)

    def at(self, account_id: str, region: str) -> "DrsRegion":
        """DRS in another account and Region. Raises KeyError for a Region that does not exist."""
        scope = JobScope(account_id, region)
        world = self.world if self.world.world_of is None else self.world.world_of(scope)
        return DrsRegion(scope, world, self.partition)

    def part(self, kind: type[Part]) -> Part:
        """What the API keeps here of one kind of resource, made empty on first use: `region.part(Networks)`."""
        found: Part = self.world.parts.setdefault((self.scope, kind), kind())
        return found


class Ec2Instance(NamedTuple):
    """An instance as EC2 has it. `state` is one of EC2's words, such as "running"."""

    state: str
    ips: tuple[str, ...]
    mac_address: str
    volume_ids: tuple[str, ...]


class OutsideServices(Protocol):
    """Other services of AWS, as DRS uses them."""

    def put_object(self, scope: JobScope, bucket: str, key: str, body: str) -> None:
        """Write an object to S3, if the bucket exists."""

    def instance(self, scope: JobScope, instance_id: str) -> "Ec2Instance | None":
        """None if EC2 does not know it."""


class DrsOperation(NamedTuple):
    """One operation. `assumed` says what AWS does not publish and is answered here all the same, `source` where from.

    `answer` gets the request's members, checked against botocore's model, and returns those of the answer, a list of
    items to be paged (or of what makes them), or None for an answer without a body. It raises DrsRefusedError.
    """

    answer: Callable[[DrsRegion, Members], Answer]
    assumed: str = ""
    source: str = ""


def not_found(resource_id: str, resource_type: str) -> DrsRefusedError:
    """ResourceNotFoundException, 404."""
    members = {"resourceId": resource_id, "resourceType": resource_type}
    return DrsRefusedError("ResourceNotFoundException", f"{resource_type} {resource_id} was not found", **members)


def conflict(text: str, resource_id: str, resource_type: str) -> DrsRefusedError:
    """ConflictException, 409."""
    return DrsRefusedError("ConflictException", text, resourceId=resource_id, resourceType=resource_type)


def uninitialized() -> DrsRefusedError:
    """UninitializedAccountException, 400. The text is that of an operator's log."""
    return DrsRefusedError("UninitializedAccountException", "Account not initialized")


def validation_error(fields: list[tuple[str, str]], reason: str = "fieldValidationFailed") -> DrsRefusedError:
    """ValidationException, 400. `fields` are pairs of a member's path and its message."""
    noun = "error" if len(fields) == 1 else "errors"
    text = f"{len(fields)} validation {noun} detected: " + "; ".join(text for _, text in fields)
    field_list = [{"name": name, "message": text} for name, text in fields]
    return DrsRefusedError("ValidationException", text, reason=reason, fieldList=field_list)


def passes(filters: Members, name: str, value: str) -> bool:
    """Whether a value passes a filter that lists the allowed ones; an empty or missing list allows all."""
    return not filters.get(name) or value in filters[name]
