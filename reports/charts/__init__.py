"""Charts for the HTML pages, as SVG that needs no script: over time, and of distributions."""

from drsim.reports.charts.bars import Bar, bars
from drsim.reports.charts.distributions import distribution, ranges
from drsim.reports.charts.drawing import Mark
from drsim.reports.charts.over_time import Point, Series, Span, stacked, timeline

__all__ = ["Bar", "Mark", "Point", "Series", "Span", "bars", "distribution", "ranges", "stacked", "timeline"]
