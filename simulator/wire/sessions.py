"""The ends of assumed roles' sessions. moto keeps when each session ends, and answers its calls for ever."""

from typing import Final

from moto.core.utils import utcnow
from moto.sts.models import sts_backends

from drsim.simulator.services.errors import ServiceError

_QUERY: Final = frozenset({"cloudwatch", "ec2", "sns", "sts"})
"""Services whose error codes are those of AWS's query protocol."""


def check_session(service: str, access_key: str) -> None:
    """Raise ServiceError if the key is an assumed role's and its session has ended in virtual time."""
    # Keys of sessions begin with ASIA (IAM user guide, unique identifiers).
    if not access_key.startswith("ASIA"):
        return
    for account in [*sts_backends.values()]:
        for partition in [*account.values()]:
            session = partition.get_assumed_role_from_access_key(access_key)
            if session is not None and session.expiration <= utcnow():
                code = "ExpiredToken" if service in _QUERY else "ExpiredTokenException"
                raise ServiceError(code, "The security token included in the request is expired")
