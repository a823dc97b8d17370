"""What DRS's API answers from: a DRS, and what the API adds to it; and one account and Region of it."""

from dataclasses import dataclass, field
from typing import Protocol

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api.shapes import Frame
from drsim.simulator.services.drs import DrsRefusedError, DrsService


@dataclass(slots=True)
class DrsWorld:
    """A DRS whose instants count from `epoch_us`, and what the API adds to it."""

    service: DrsService
    epoch_us: int
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By ARN."""
    staging_account_ids: dict[str, str] = field(default_factory=dict)
    """By ARN of the source server; those without one are staged in their own account."""
    uninitialized: set[JobScope] = field(default_factory=set)
    failures: dict[tuple[JobScope, str], list[Exception]] = field(default_factory=dict)
    """Errors of the next calls, by account and Region and by operation."""


class DrsRegion(Protocol):
    """DRS in one account and Region."""

    @property
    def scope(self) -> JobScope: ...
    @property
    def world(self) -> DrsWorld: ...
    @property
    def frame(self) -> Frame: ...


@dataclass(frozen=True, slots=True)
class WorldRegion:
    """One account and Region of a world."""

    scope: JobScope
    world: DrsWorld

    @property
    def frame(self) -> Frame:
        world = self.world
        return Frame(self.scope, "aws", world.epoch_us, world.service.now_us, world.tags)


def not_found(resource_id: str, resource_type: str) -> DrsRefusedError:
    """ResourceNotFoundException, 404."""
    members = {"resourceId": resource_id, "resourceType": resource_type}
    return DrsRefusedError("ResourceNotFoundException", f"{resource_type} {resource_id} was not found", **members)


def validation_error(fields: list[tuple[str, str]], reason: str = "fieldValidationFailed") -> DrsRefusedError:
    """ValidationException, 400. `fields` are pairs of a member's path and its message."""
    noun = "error" if len(fields) == 1 else "errors"
    text = f"{len(fields)} validation {noun} detected: " + "; ".join(text for _, text in fields)
    field_list = [{"name": name, "message": text} for name, text in fields]
    return DrsRefusedError("ValidationException", text, reason=reason, fieldList=field_list)
