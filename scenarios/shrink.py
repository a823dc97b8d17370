"""Shrinking: reduce a failure to the smallest one that still breaks the same property or criterion.

Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) over executions and
faults, then greedy steps over waves, servers, the lives of jobs, delays and virtual time, until no step helps.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from pydantic import ValidationError

from drsim.orchestrator.settings import SECOND_US
from drsim.scenarios import machine
from drsim.scenarios.contradiction import Contradiction, contradictions, in_words, signature
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.failure import Failure, concrete, failure_of, unshrunk
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import Code, UnbuiltWorldError, world_of
from drsim.simulator.errors import RunEndingError
from drsim.simulator.faults.rules import Rule
from drsim.simulator.randomness import Spread
from drsim.simulator.services.spec import JobLife
from drsim.simulator.spec.groups import Group
from drsim.simulator.spec.swarm import with_swarm

_T = TypeVar("_T")

_FEW_EXECUTIONS: Final = 2
_OTHER_SEEDS: Final = 600


class Shrinker:
    """Tries smaller scenarios and keeps those that still fail; `runs_count` is the number of runs.

    `seed` changes only if another one needs fewer executions: a race within milliseconds seldom occurs again without
    the other executions and their warm environments.
    """

    def __init__(self, seed: int, name: str, code: Code, seconds_max: float) -> None:
        self.seed = seed
        self._name = name
        self._code = code
        self._until = machine.wall_seconds() + seconds_max
        self.runs_count = 0
        # Of the first failure of a criterion: a smaller scenario may fail it for another reason, such as an early end.
        self._signature: str | None = None
        # Of the last violation.
        self._failed_at_us, self._failed_id = 0, ""

    def with_fewer_rules(self, scenario: Scenario) -> Scenario:
        """Without the unrelated rules, while each rule still injects at many events."""
        return self._fewer_faults(scenario) if self._fails(scenario) else scenario

    def shrink(self, scenario: Scenario) -> Scenario | None:
        """The smallest failing scenario found, or None if this one passes."""
        if not self._fails(scenario):
            return None
        before = None
        while scenario != before and machine.wall_seconds() <= self._until:
            before = scenario
            scenario = self._shorter(self._fewer_faults(self._fewer_executions(scenario)))
            scenario = self._shorter_delays(self._plainer_world(self._smaller_groups(scenario)))
        return scenario

    def _fails(self, scenario: Scenario) -> bool:
        """Whether this scenario still fails; an impossible one, or one after the deadline, does not count."""
        if machine.wall_seconds() > self._until and self.runs_count:
            return False
        try:
            scenario = Scenario.model_validate(scenario.model_dump())
            self.runs_count += 1
            world = world_of(scenario, self.seed, self._code, verdict_only=True)
        except (ValidationError, UnbuiltWorldError):
            # Parts that cannot be built for such a small scenario are another error.
            return False
        found = next((each for each in contradictions(world, self.seed) if each.property == self._name), None)
        world.close()
        if found is None or (self._signature is not None and signature(found) != self._signature):
            return False
        if self._name in CRITERIA_NAMES:
            self._signature = signature(found)
        self._failed_at_us, self._failed_id = found.at_us, found.execution_id
        return True

    def _better(self, scenario: Scenario, candidates: Iterable[Scenario]) -> Scenario | None:
        return next((each for each in candidates if each != scenario and self._fails(each)), None)

    def _fewer_executions(self, scenario: Scenario) -> Scenario:
        def with_groups(groups: Sequence[Group]) -> Scenario:
            ids = {each for group in groups for each in group.ids}
            rules = tuple(rule for rule in scenario.faults if rule.execution is None or rule.execution in ids)
            return scenario.model_copy(update={"workload": tuple(groups), "faults": rules})

        groups = self._fewest(scenario.workload, lambda groups: self._fails(with_groups(groups)))
        if len(groups) > _FEW_EXECUTIONS:
            # One execution may fail with another seed.
            before, alone = self.seed, with_groups([group for group in groups if self._failed_id in group.ids])
            for self.seed in range(1, _OTHER_SEEDS + 1):
                if self._fails(alone):
                    return alone
            self.seed = before
        return with_groups(groups)

    def _fewer_faults(self, scenario: Scenario) -> Scenario:
        def with_rules(rules: Sequence[Rule]) -> Scenario:
            return scenario.model_copy(update={"faults": tuple(rules)})

        return with_rules(self._fewest(scenario.faults, lambda rules: self._fails(with_rules(rules))))

    @staticmethod
    def _fewest(items: Sequence[_T], fails: Callable[[Sequence[_T]], bool]) -> Sequence[_T]:
        """ddmin: a failing subset of which every item is needed."""
        if items and fails(()):
            return ()
        parts_count = 2
        while len(items) >= 2:
            size = -(-len(items) // parts_count)
            for first in range(0, len(items), size):
                part, rest = items[first : first + size], [*items[:first], *items[first + size :]]
                if len(part) < len(items) and fails(part):
                    items, parts_count = part, 2
                    break
                if rest and fails(rest):
                    items, parts_count = rest, max(parts_count - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts_count = min(len(items), parts_count * 2)
        return items

    def _shorter(self, scenario: Scenario) -> Scenario:
        """An end soon after the violation, unless only the end of the run shows it."""
        for wait_us in (SECOND_US, 120 * SECOND_US):
            end_us = (self._failed_at_us // SECOND_US + 1) * SECOND_US + wait_us
            heal_us = None if scenario.heal is None or scenario.heal >= end_us else scenario.heal
            candidate = scenario.model_copy(update={"duration": end_us, "heal": heal_us})
            if end_us < scenario.duration and self._fails(candidate):
                return candidate
        return scenario

    def _smaller_groups(self, scenario: Scenario) -> Scenario:
        for place in range(len(scenario.workload)):
            while (smaller := self._better(scenario, smaller_groups(scenario, place))) is not None:
                scenario = smaller
        return scenario

    def _plainer_world(self, scenario: Scenario) -> Scenario:
        """Every field of the world set to its default."""
        for name in (
            "table",
            "drs",
            "latencies",
            "functions",
            "settings",
            "regions",
            "accounts",
            "settle",
            "bounds",
            "rto",
        ):
            default = Scenario.model_fields[name].get_default(call_default_factory=True)
            scenario = self._better(scenario, [scenario.model_copy(update={name: default})]) or scenario
        return scenario

    def _shorter_delays(self, scenario: Scenario) -> Scenario:
        def with_rule(place: int, **changes: object) -> Scenario | None:
            rule = scenario.faults[place].model_copy(update=changes)
            return self._better(scenario, [_replaced(scenario, "faults", place, rule)])

        for place, rule in enumerate(scenario.faults):
            for name in ("attempts", "servers", "redelivered", "lasting"):
                scenario = with_rule(place, **{name: Rule.model_fields[name].default}) or scenario
            delay_us = 0 if rule.delay is None else rule.delay.high_us
            while delay_us > SECOND_US:
                delay_us = delay_us // 2 // SECOND_US * SECOND_US or SECOND_US
                better = with_rule(place, delay=Spread(delay_us, delay_us))
                if better is None:
                    break
                scenario = better
        return scenario


def _replaced(scenario: Scenario, field: str, place: int, *new: object) -> Scenario:
    """The scenario with these entries in place of one."""
    entries = getattr(scenario, field)
    return scenario.model_copy(update={field: (*entries[:place], *new, *entries[place + 1 :])})


def smaller_groups(scenario: Scenario, place: int) -> Iterator[Scenario]:
    """Yield the scenario with one of its groups a little smaller or simpler."""
    group = scenario.workload[place]
    waves = group.waves

    def with_group(**changes: object) -> Scenario:
        return _replaced(scenario, "workload", place, group.model_copy(update=changes))

    for each in range(len(waves) if len(waves) > 1 else 0):
        first, *others = (*waves[:each], *waves[each + 1 :])
        # A recovery plan must not begin with a wait step.
        yield with_group(waves=(first.model_copy(update={"wait_before": 0}), *others))
    for each, wave in enumerate(waves):
        yield with_group(waves=(*waves[:each], type(wave)(launch=wave.launch), *waves[each + 1 :]))
    if group.servers > 1:
        yield with_group(servers=1)
        yield with_group(servers=group.servers - 1)
    for name in (
        "type",
        "order",
        "on_failure",
        "listed",
        "spread_waves",
        "reaction",
        "cancel_after",
        "expect",
        "table_job_status",
    ):
        yield with_group(**{name: Group.model_fields[name].get_default()})
    for name, field in JobLife.model_fields.items():
        default = field.get_default()
        if isinstance(default, Spread):
            low_us = getattr(group.jobs, name).low_us
            default = Spread(low_us, low_us)
        yield with_group(jobs=group.jobs.model_copy(update={name: default}))


class UnrepeatableError(Exception):
    """A failure did not fail again. The message says when."""


def shrunk(
    scenario: Scenario, seed: int, name: str, *, code: Code = "", seconds_max: float = 60.0
) -> tuple[Failure, int]:
    """The smallest failure found of that property, and the number of runs. Raises UnrepeatableError."""
    shrinker = Shrinker(seed, name, code, seconds_max)
    few = shrinker.with_fewer_rules(with_swarm(scenario, seed))
    small = shrinker.shrink(concrete(few, seed, code))
    if small is None:
        raise UnrepeatableError("it did not fail again with each of its faults made concrete")
    failure = failure_of(small, shrinker.seed, name, code)
    if failure is None:
        raise UnrepeatableError("the smallest scenario failed once and not again, so its runs differ")
    return failure, shrinker.runs_count


def shrunk_failure(
    scenario: Scenario, found: Contradiction | Failure, *, code: Code = "", seconds_max: float = 60.0
) -> tuple[Failure, int, str]:
    """The smallest failure found, the number of runs, and ""; or the failure as found, 0, and why it was not shrunk."""
    try:
        return *shrunk(scenario, found.seed, found.property, code=code, seconds_max=seconds_max), ""
    except UnrepeatableError as error:
        trouble = str(error)
    except (Exception, RunEndingError) as error:
        # Keep the failure whatever goes wrong here.
        trouble = in_words(error)
    kept = found if isinstance(found, Failure) else unshrunk(scenario, found, code)
    return kept, 0, f"shrinking failed: {trouble}"
