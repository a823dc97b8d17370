"""Each test here that asks for `tier`, as whole modules do, runs in the client tier and in the wire tier."""

import pytest

from drsim.scenarios.tiers import Tier
from tests.simulator.handlers import tiers


@pytest.fixture(params=["client", "wire"])
def tier(request: pytest.FixtureRequest) -> Tier:
    tiers.present[0] = request.param
    return tiers.present[0]
