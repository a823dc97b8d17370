"""`MetricPublisher` over CloudWatch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..model import MetricPoint
from .errors import AWS_ERRORS, port_error

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


class NamespaceMetrics:
    """The metrics of one namespace, without dimensions: each set of dimensions would cost another metric."""

    def __init__(self, client: "CloudWatchClient", namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    def publish(self, points: Sequence[MetricPoint]) -> None:
        """Call PutMetricData once. Points without a timestamp are of the present instant."""
        try:
            self._client.put_metric_data(
                Namespace=self._namespace,
                MetricData=[
                    {"MetricName": point.name, "Value": point.value, "Unit": point.unit.value} for point in points
                ],
            )
        except AWS_ERRORS as error:
            raise port_error("PutMetricData", error, self._namespace) from error
