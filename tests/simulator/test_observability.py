"""CloudWatch: the values of metrics with their instants, and what functions and Lambda itself write to Logs."""

import json
import logging
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

import pytest

from drsim.orchestrator.model import MetricPoint, Unit
from drsim.simulator.events import LogWritten, MetricsPublished
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.functions import Invocation, Payload
from drsim.simulator.services.observability import LogsService, MetricsService
from drsim.simulator.services.spec import PollerFunction
from tests.simulator.lambdas import FIXED, INIT_US, OVERHEAD_US, SECOND, LambdaRig

EPOCH_US: Final = 1_700_000_000 * SECOND
FIELDS: Final = {
    "level",
    "location",
    "message",
    "timestamp",
    "function_name",
    "function_request_id",
    "cold_start",
}
"""What Powertools puts into every line."""


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger that no other test uses, from INFO on."""
    logger = logging.getLogger("tests.observability")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger
    logger.handlers.clear()


class LogsRig(LambdaRig):
    """Lambda with a function that says things, and the Logs that take them in."""

    def __init__(
        self, kernel: Kernel, logger: logging.Logger, handler: Callable[[Payload, Invocation], object]
    ) -> None:
        super().__init__(kernel, handler)
        self.logs = LogsService(kernel, self.trace, epoch_us=EPOCH_US)
        logger.addHandler(self.logs)
        self.written: list[LogWritten] = []
        self.trace.listen(LogWritten, self.written.append)


# --- metrics -------------------------------------------------------------------------------------------------


def test_each_metric_keeps_its_values_with_their_instants(kernel: Kernel) -> None:
    def publish(_: Payload, invocation: Invocation) -> None:
        metrics.put([MetricPoint("Found", 2), MetricPoint("Took", 12.5, Unit.MILLISECONDS)], invocation)
        kernel.sleep(SECOND)
        metrics.put([MetricPoint("Found", 0)], invocation)

    rig = LambdaRig(kernel, publish)
    metrics = MetricsService(kernel, rig.trace)
    published = list[MetricsPublished]()
    rig.trace.listen(MetricsPublished, published.append)
    rig.invoke("a")
    kernel.run()
    first_us = INIT_US + OVERHEAD_US
    request_id = rig.started[0].request_id
    assert [event[:4] for event in published] == [
        (first_us, request_id, "f", "a"),
        (first_us + SECOND, request_id, "f", "a"),
    ]
    assert [json.loads(line)[5] for line in rig.trace.lines() if "MetricsPublished" in line] == [
        "Found=2000 Took=12500",
        "Found=0",
    ]


# --- logs ----------------------------------------------------------------------------------------------------


def test_a_line_of_a_running_invocation_is_taken_in_with_its_fields(kernel: Kernel, logger: logging.Logger) -> None:
    def say(_: Payload, __: Invocation) -> None:
        kernel.sleep(SECOND)
        logger.warning("poll of %s", "a", extra={"execution_id": "e-1", "waves": 3})

    rig = LogsRig(kernel, logger, say)
    rig.invoke("a")
    kernel.run()
    request_id = rig.started[0].request_id
    at_us = INIT_US + OVERHEAD_US + SECOND
    line = {
        "level": "WARNING",
        "location": "tests.observability",
        "message": "poll of a",
        "timestamp": EPOCH_US + at_us,
        "function_name": "f",
        "function_request_id": request_id,
        "cold_start": True,
        "execution_id": "e-1",
        "waves": 3,
    }
    size_bytes = len(json.dumps(line)) + 26
    assert rig.written == [LogWritten(at_us, request_id, "f", "WARNING", "e-1", "poll of a", size_bytes)]
    group = rig.logs.groups["f"]
    assert (group.lines, group.levels, group.fields) == (1, {"WARNING": 1}, FIELDS | {"execution_id", "waves"})


def test_a_line_without_an_execution_id_and_of_a_warm_environment_says_so(
    kernel: Kernel, logger: logging.Logger
) -> None:
    rig = LogsRig(kernel, logger, lambda *_: logger.info("here"))
    rig.invoke("a")
    rig.invoke("b", at_us=SECOND)
    kernel.run()
    cold, warm = rig.written
    assert (cold.execution_id, warm.execution_id) == ("", "")
    # "false" is one letter longer than "true"; the instants have the same number of digits.
    assert warm.size_bytes == cold.size_bytes + 1


def test_levels_are_counted_for_lines_that_the_logger_passes(kernel: Kernel, logger: logging.Logger) -> None:
    def say(_: Payload, __: Invocation) -> None:
        logger.debug("nothing")
        logger.info("one")
        logger.info("two", extra={"execution_id": "a"})
        logger.error("three")

    rig = LogsRig(kernel, logger, say)
    rig.invoke("a")
    kernel.run()
    assert [event.message for event in rig.written] == ["one", "two", "three"]
    assert (rig.logs.groups["f"].lines, rig.logs.groups["f"].levels) == (3, {"INFO": 2, "ERROR": 1})


def test_a_line_from_outside_any_invocation_is_passed_over(kernel: Kernel, logger: logging.Logger) -> None:
    rig = LogsRig(kernel, logger, lambda *_: None)
    logger.info("outside the run")
    kernel.at(0, lambda _: logger.info("in the kernel's loop"), None)
    kernel.spawn("worker", lambda: logger.info("in a process that is no invocation"))
    kernel.run()
    assert (rig.written, rig.logs.groups) == ([], {})


def test_a_line_of_a_child_belongs_to_the_invocation_that_spawned_it(kernel: Kernel, logger: logging.Logger) -> None:
    def spawn(_: Payload, invocation: Invocation) -> None:
        kernel.spawn("child", lambda: logger.info("of %s", invocation.execution_id))
        kernel.sleep(1)

    rig = LogsRig(kernel, logger, spawn)
    rig.invoke("a")
    rig.invoke("b")
    kernel.run()
    ids = {event.execution_id: event.request_id for event in rig.started}
    assert {event.message: event.request_id for event in rig.written} == {"of a": ids["a"], "of b": ids["b"]}


def test_a_value_that_json_does_not_know_goes_in_as_text(kernel: Kernel, logger: logging.Logger) -> None:
    def say(_: Payload, __: Invocation) -> None:
        logger.info("odd", extra={"x": Decimal("1.5")})
        logger.info("odd", extra={"y": {"z": set}})

    rig = LogsRig(kernel, logger, say)
    rig.invoke("a")
    kernel.run()
    assert (rig.logs.groups["f"].lines, rig.ended[0].outcome) == (2, "ok")
    assert rig.written[1].size_bytes - rig.written[0].size_bytes == len('{"z": "<class \'set\'>"}') - len('"1.5"')


@pytest.mark.parametrize(
    ("duration_us", "duration", "billed"),
    [(432_100, "432.10", "433"), (433_000, "433.00", "433"), (999_100, "999.10", "1000"), (99_001, "99.00", "100")],
)
def test_lambda_writes_three_lines_of_its_own_for_each_invocation(
    kernel: Kernel, logger: logging.Logger, duration_us: int, duration: str, billed: str
) -> None:
    rig = LogsRig(kernel, logger, lambda *_: kernel.sleep(duration_us - OVERHEAD_US))
    rig.service.deploy("g", PollerFunction.model_validate(FIXED), lambda *_: None)
    rig.invoke("a")
    kernel.run()
    request_id = rig.started[0].request_id
    lines = [
        f"START RequestId: {request_id} Version: $LATEST",
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: {duration} ms\tBilled Duration: {billed} ms\t"
        "Max Memory Used: 90 MB\t",
    ]
    group = rig.logs.groups["f"]
    assert (group.lines, group.platform_lines) == (0, 3)
    assert group.size_bytes == sum(len(line) + 26 for line in lines)
    rig.invoke("b", function="g")
    rig.invoke("c")
    kernel.run()
    assert {name: group.platform_lines for name, group in rig.logs.groups.items()} == {"f": 6, "g": 3}


def test_the_size_of_a_group_is_that_of_its_own_and_of_lambdas_lines(kernel: Kernel, logger: logging.Logger) -> None:
    silent = LogsRig(kernel, logger, lambda *_: None)
    silent.invoke("a")
    kernel.run()
    logger.handlers.clear()
    saying = LogsRig(Kernel(seed=7), logger, lambda *_: logger.info("so"))
    saying.invoke("a")
    saying.kernel.run()
    saying.kernel.close()
    added = saying.logs.groups["f"].size_bytes - silent.logs.groups["f"].size_bytes
    assert added == saying.written[0].size_bytes > 26


def test_fields_of_all_lines_add_up(kernel: Kernel, logger: logging.Logger) -> None:
    def say(_: Payload, __: Invocation) -> None:
        logger.info("one", extra={"first": 1})
        logger.info("two", extra={"second": 2})

    rig = LogsRig(kernel, logger, say)
    rig.invoke("a")
    kernel.run()
    assert rig.logs.groups["f"].fields == FIELDS | {"first", "second"}


def test_a_millisecond_begun_is_billed_as_a_whole_one(kernel: Kernel, logger: logging.Logger) -> None:
    rig = LogsRig(kernel, logger, lambda *_: kernel.sleep(8_001))
    rig.invoke("a")
    kernel.run()
    request_id = rig.started[0].request_id
    lines = [
        f"START RequestId: {request_id} Version: $LATEST",
        f"END RequestId: {request_id}",
        # Only the length counts here, and 10 is longer than 9.
        f"REPORT RequestId: {request_id}\tDuration: 9.00 ms\tBilled Duration: 10 ms\tMax Memory Used: 90 MB\t",
    ]
    assert rig.logs.groups["f"].size_bytes == sum(len(line) + 26 for line in lines)
