"""How every client calls AWS: how often it tries, how long it waits, how many connections it keeps."""

from typing import Final

from botocore.config import Config

ATTEMPTS_MAX: Final = 3
CONNECT_TIMEOUT_S: Final = 2
READ_TIMEOUT_S: Final = 5
"""One call that hangs must not eat the finder's 60 s. Several that hang one after the other can: Lambda then ends it.

botocore's defaults, 60 s for each of the two, would spend the function's whole time on the first attempt. With these an
attempt ends within 2 + 5 = 7 s, and a call within 3 * 7 = 21 s plus waits of at most 1 + 2 = 3 s between attempts:
24 s. The usual hang, a connection that stands and an answer that does not come, takes 3 * 5 + 3 = 18 s. (A service that
sends x-amz-retry-after may add 5 s to each wait: 34 s.)
"""


def client_config(*, connections_max: int) -> Config:
    """The configuration of all clients. `connections_max` is how many threads may call at once.

    `standard` mode, and 3 attempts in all for every service: set here, neither a service's own default (DynamoDB has
    another) nor an environment variable changes it.
    """
    return Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=connections_max,
    )
