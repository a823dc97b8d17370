"""Which HTTP requests `drsim serve` answers: those of clients that it knows, and none that a web page sends.

A page of any site can send requests to 127.0.0.1, and its own name can be made to lead there (DNS rebinding). A browser
names the page in Origin or Sec-Fetch-Site and the name in Host, and asks before it sends a header such as X-Drsim-Token
or Authorization. Owns these checks and the bound of bodies; `server` owns the answers.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Final

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
TOKEN_HEADER: Final = "X-Drsim-Token"
_NETLOC: Final = re.compile(r"(\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(:[0-9]{1,5})?")
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?P<netloc>.+)")
_READS: Final = ("GET", "HEAD")
_SIGNED_QUERY: Final = re.compile(r"(^|&)(X-Amz-Credential|AWSAccessKeyId)=", re.IGNORECASE)


class ForbiddenError(Exception):
    """A request that is not answered: AWS's code for it, and a message that says what would be right."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def is_loopback(name: str) -> bool:
    """Return whether a host name or address can only be this machine (RFC 6761 for names)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def name_in(netloc: str) -> str:
    """The host of "host:port", or of an IPv6 address without brackets, in lower case; "" for anything else."""
    found = _NETLOC.fullmatch(netloc)
    if found is not None and found["name"]:
        return str(found["name"]).lower().removesuffix(".")
    try:
        return f"{ip_address(netloc if found is None else found['address'])}"
    except ValueError:
        return ""


class Access:
    """The names by which clients reach the endpoint, besides those of loopback, and the token of its controls."""

    def __init__(self, token: str, names: Iterable[str] = ()) -> None:
        self.token = token
        self.names = frozenset(map(name_in, names)) - {""}

    def check_origin(self, environ: Mapping[str, Any]) -> None:
        """Raise ForbiddenError for a request by another name, or of a page that came from another name."""
        host = environ.get("HTTP_HOST", "")
        if not self._is_known(host):
            raise ForbiddenError(
                "AccessDeniedException", f"Host must be a loopback name or one of drsim serve --allow, got {host!r}"
            )
        origin = environ.get("HTTP_ORIGIN")
        found = None if origin is None else _ORIGIN.fullmatch(origin)
        if origin is not None and (found is None or not self._is_known(found["netloc"])):
            raise ForbiddenError(
                "AccessDeniedException", f"Origin must be a loopback name or one of drsim serve --allow, got {origin!r}"
            )
        # A picture or a link of a page has no Origin, and other programs of this machine have loopback names as well.
        if "cross-site" in environ.get("HTTP_SEC_FETCH_SITE", "").lower():
            raise ForbiddenError("AccessDeniedException", "requests of pages of other sites are not answered")

    def check_token(self, environ: Mapping[str, Any]) -> None:
        """Raise ForbiddenError for a request that may change something, and has not the token."""
        given = environ.get("HTTP_X_DRSIM_TOKEN", "")
        if environ["REQUEST_METHOD"] not in _READS and not hmac.compare_digest(given.encode(), self.token.encode()):
            raise ForbiddenError(
                "AccessDeniedException",
                f"{TOKEN_HEADER} must be the token that drsim serve printed, got {'another' if given else 'none'}",
            )

    def _is_known(self, netloc: str) -> bool:
        name = name_in(netloc)
        return name != "" and (is_loopback(name) or name in self.names)


def check_credentials(environ: Mapping[str, Any]) -> None:
    """Raise ForbiddenError for a call without credentials, in a header or a presigned URL. Any credentials will do."""
    if not environ.get("HTTP_AUTHORIZATION") and not _SIGNED_QUERY.search(environ.get("QUERY_STRING", "")):
        raise ForbiddenError(
            "MissingAuthenticationTokenException", "the request has no credentials; any that sign it will do"
        )
