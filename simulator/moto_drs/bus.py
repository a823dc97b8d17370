"""Sends DRS's events to the default bus of moto's EventBridge, at the latest at the next call to DRS there.

moto delivers to queues, log groups, archives and other buses, and to no Lambda function (seen with moto 5.2.5).
"""

import json
import sys

from drsim.simulator.drs_api import events
from drsim.simulator.drs_api.region import DrsRegion


def send_events(region: DrsRegion) -> None:
    """Send the events since the last look to the rules of the bus that have a pattern; without such a rule, none."""
    # Without moto's EventBridge there can be no rule.
    module = sys.modules.get("moto.events.models")
    bus = None if module is None else module.events_backends[region.scope.account_id][region.scope.region]
    if bus is None or not any(
        rule.event_pattern.get_pattern() for rule in bus.describe_event_bus("default").rules.values()
    ):
        events.skip(region)
        return
    found = events.since_last_look(region)
    entries = [
        {
            "Source": "aws.drs",
            "DetailType": event.detail_type,
            "Detail": json.dumps(event.detail),
            "Resources": event.resources,
            # moto turns Unix time into text for each target.
            "Time": (region.world.epoch_us + event.at_us) / 1_000_000,
        }
        for event in found
    ]
    # EventBridge takes ten at once.
    for first in range(0, len(entries), 10):
        bus.put_events(entries[first : first + 10])
