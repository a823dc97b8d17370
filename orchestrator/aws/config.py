"""The configuration of all AWS clients: attempts, timeouts, connections."""

from typing import Final

from botocore.config import Config

ATTEMPTS_MAX: Final = 3
CONNECT_TIMEOUT_S: Final = 2
READ_TIMEOUT_S: Final = 5
"""One hanging call must not use up the finder's 60 s, as botocore's defaults of 60 s for each timeout would.

An attempt ends within 2 + 5 = 7 s, and a call within 3 * 7 = 21 s plus waits of at most 1 + 2 = 3 s: 24 s. The usual
hang, a connection without an answer, takes 3 * 5 + 3 = 18 s. (x-amz-retry-after may add 5 s to each wait: 34 s.)
"""


def client_config(*, connections_max: int) -> Config:
    """Return the configuration of all clients; `connections_max` threads may call at the same time.

    Mode and attempts are set here, so that no service's default (DynamoDB has another) or variable changes them.
    """
    return Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=connections_max,
    )
