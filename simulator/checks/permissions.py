"""Permissions: a function uses only what its role allows."""

from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import ActionUsed


class LeastPrivilege(Monitor):
    """Compares every action with the deployed role's policies; the fast tier has neither."""

    name = "least-privilege"
    rule = "The policies of a function's role allow each action of the function on its resource."

    def prepare(self) -> None:
        # Each denied function, action, resource and condition is reported once.
        self._denied: set[tuple[str, str, str, str]] = set()

    def _on_action(self, event: ActionUsed) -> None:
        allows = self.context.allows
        if allows is None:
            return
        self.checked += 1
        action = (event.function, event.action, event.resource, event.condition)
        if action not in self._denied and not allows(*action):
            self._denied.add(action)
            observed = f"{event.action} on {event.resource} {event.condition}".rstrip()
            self.violate_at("", event.at_us, f"what the role of {event.function} allows", observed)
