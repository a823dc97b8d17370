"""All ports over their simulated services, and a function in whose invocations a scene is played."""

from collections.abc import Callable
from typing import Final

from drsim.orchestrator.model import JobScope
from drsim.simulator.events import CallMade, MetricsPublished
from drsim.simulator.faults.effects import Effects
from drsim.simulator.kernel import Kernel
from drsim.simulator.ports import Boundary, CloudWatchMetrics, DrsJobs, LambdaInvoker, TableIndex, TableStore
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.observability import MetricsService
from drsim.simulator.services.spec import Drs, Latencies
from drsim.simulator.spec.world import WorldSpec
from tests.simulator.lambdas import INIT_US, OVERHEAD_US, LambdaRig
from tests.simulator.tables import LAYOUT, table_of

HANDLER_US: Final = INIT_US + OVERHEAD_US
"""When a handler's own code begins, in a cold environment."""
SCOPE: Final = JobScope("111122223333", "us-east-1")
MS: Final = 1_000

LATENCIES: Final = Latencies.model_validate(
    {
        "query_cold": "20ms",
        "query_warm": "5ms",
        "get_item": "4ms",
        "update_cold": "80ms",
        "update_warm": "50ms",
        "describe_jobs": "100ms",
        "put_metric_data": "10ms",
        "invoke": "115ms",
        "start_recovery": "300ms",
    }
)


class Rig(LambdaRig):
    """All ports over their services, and a function that plays a scene."""

    def __init__(
        self,
        kernel: Kernel,
        *,
        page_bytes_max: int = 1_048_576,
        page_size: int = 100,
        faults: WorldSpec | None = None,
    ) -> None:
        super().__init__(kernel, lambda *_: self.scene(), faults=faults, timeout="10m")
        self.scene: Callable[[], object] = lambda: None
        self.table = table_of(kernel, page_bytes_max=page_bytes_max, trace=self.trace)
        self.drs = DrsService(kernel, self.trace, Drs(page_size=page_size))
        self.published: list[MetricsPublished] = []
        self.trace.listen(MetricsPublished, self.published.append)
        self.effects = Effects(self.plan, kernel, self.table, LAYOUT, 0)
        self.boundary = Boundary(kernel, self.trace, self.service, self.effects, LATENCIES)
        self.index = TableIndex(self.boundary, self.table)
        self.store = TableStore(self.boundary, self.table)
        self.jobs = DrsJobs(self.boundary, self.drs)
        self.invoker = LambdaInvoker(self.boundary, "f")
        self.metrics = CloudWatchMetrics(self.boundary, MetricsService(kernel, self.trace))
        self.calls: list[CallMade] = []
        self.trace.listen(CallMade, self.calls.append)

    def play(self, scene: Callable[[], object]) -> None:
        """Run the scene in an invocation that must succeed."""
        self.scene = scene
        self.invoke("e")
        self.kernel.run()
        assert [event.detail for event in self.ended if event.outcome != "ok"] == []

    def call(self, answer: Callable[[], object], latency: Spread, stream: Stream | None = None) -> object:
        """One call over the boundary, named Do."""
        return self.boundary.call(self.boundary.invocation, "Do", latency, answer, stream=stream)
