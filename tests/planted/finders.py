"""Wrong finders, and a wrong adapter of the index.

Each docstring says how one comes to write it.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from orchestrator.finder import Finder, LookReport
from orchestrator.ports import IndexPage
from orchestrator.settings import MINUTE_US, Settings
from simulator.world import Ports, production_finder

_log = logging.getLogger("orchestrator.planted")

HOUR_US: Final = 60 * MINUTE_US


class FinderThatBacksOff(Finder):
    """Somebody added a back-off after errors, and it also backs off when there were none."""

    def run(self, *, deadline_us: int) -> tuple[LookReport, ...]:
        if self._clock.now_us() // MINUTE_US % 60 in (36, 37, 38):
            _log.info("Backing off")
            return ()
        return super().run(deadline_us=deadline_us)


class FirstPageOnly:
    """An index adapter that ignores LastEvaluatedKey."""

    def __init__(self, ports: Ports) -> None:
        self._index = ports.index

    def polling_page(self, cursor: object | None) -> IndexPage:
        return replace(self._index.polling_page(cursor), next_cursor=None)


def finder_with(settings: Settings) -> Callable[[Ports], Finder]:
    """A finder whose settings are not those that were asked for."""
    return lambda ports: production_finder(replace(ports, settings=settings))
