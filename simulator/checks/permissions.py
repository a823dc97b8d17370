"""Permissions: a function asks for nothing that its role does not allow."""

from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import ActionUsed
from drsim.simulator.trace import Trace


class LeastPrivilege(Monitor):
    """Compares every action with the deployed role's policies; in the fast tier there are neither."""

    name = "least-privilege"
    rule = "Each action of a function, on its resource, is allowed by the policies of its role."

    def subscribe(self, trace: Trace) -> None:
        # Each denied function, action and resource is reported once.
        self._denied: set[tuple[str, str, str, str]] = set()
        trace.listen(ActionUsed, self._on_action)

    def _on_action(self, event: ActionUsed) -> None:
        allows = self.context.allows
        if allows is None:
            return
        self.checked += 1
        denied = (event.function, event.action, event.resource, event.condition)
        if denied not in self._denied and not allows(*denied):
            self._denied.add(denied)
            expected = f"what the role of {event.function} allows"
            self.violate("", event.at_us, expected, f"{event.action} on {event.resource} {event.condition}".rstrip())
