"""Readable: a function's write leaves each field as the contract says that it is."""

import re
from typing import Final

from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind
from drsim.simulator.events import ItemChanged

UNREADABLE: Final = ViolationKind(
    "unreadable field", Consequence.LOST_DATA, "Whatever reads this field next fails at it or misreads it."
)


class Readable(Monitor):
    name = "readable"
    rule = "A function's write leaves no field of the item that its contract cannot read."

    def prepare(self) -> None:
        servers = self.contract.wave.servers
        is_mapping = self.contract.server.shape == "mapping" and servers is not None
        # In a mapping of servers an attribute's path has the server's id.
        self._id = re.compile(rf"(\]\.{re.escape(servers or '')})\.[^.]+") if is_mapping else None

    def _on_change(self, event: ItemChanged) -> None:
        before, now = event.previous, event.execution
        if not event.request_id or now is None:
            return
        self.checked += 1
        if not now.unreadable:
            return
        known = {reason.attribute for reason in before.unreadable} if before is not None else set()
        for reason in now.unreadable:
            if reason.attribute not in known:
                expected, observed = f"{reason.attribute} to be {reason.rule}", f"{event.writer} wrote {reason.value}"
                self.violate(event, expected, observed, UNREADABLE, self._where(reason.attribute))

    def _where(self, attribute: str) -> str:
        where = attribute if self._id is None else self._id.sub(r"\1", attribute)
        return re.sub(r"\[\d+\]", "", where)
