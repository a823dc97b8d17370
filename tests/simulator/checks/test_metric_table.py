"""One table has the poller's metrics: what it publishes, what the template reads and what is judged are the same."""

from drsim.orchestrator.model import UNITS, Dispatch, MetricName
from drsim.simulator.checks.metrics import METRIC_RULES
from drsim.simulator.cloudwatch.deployed import alarms_by_name, dashboard
from drsim.simulator.cloudwatch.metrics import NAMESPACE
from tests.orchestrator.ports import START_US
from tests.orchestrator.rigs import PollerRig
from tests.orchestrator.samples import KEY, a_wave, an_execution


def test_a_poll_publishes_each_metric_of_the_table_in_its_unit() -> None:
    rig = PollerRig(an_execution(a_wave()))
    dispatch = Dispatch(key=KEY, dispatched_us=START_US, active_count=3, started_us=START_US)
    rig.poller.poll(dispatch, deadline_us=1 << 62)
    assert {point.name: point.unit for point in rig.metrics.points} == dict(UNITS)
    assert len(rig.metrics.points) == len(MetricName)


def test_each_metric_of_the_table_has_a_unit_and_is_judged() -> None:
    assert list(UNITS) == list(METRIC_RULES) == list(MetricName)


def test_an_alarm_reads_a_metric_of_the_table_in_its_unit() -> None:
    read = {alarm.metric.name: alarm.unit for alarm in alarms_by_name().values() if alarm.metric.namespace == NAMESPACE}
    assert read == {MetricName.OLDEST_AGE: UNITS[MetricName.OLDEST_AGE].value}


def test_the_dashboard_shows_each_metric_of_the_table_and_no_other() -> None:
    shown = {line.metric.name for widget in dashboard() for line in widget.lines if line.metric.namespace == NAMESPACE}
    assert shown == set(MetricName)
