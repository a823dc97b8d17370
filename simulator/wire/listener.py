"""The socket of `drsim serve` and its HTTP server; `server` answers the requests."""

import socket
from typing import Any
from urllib.parse import urlsplit

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from drsim.simulator.wire.server import Endpoint


class _Handler(MotoRequestHandler):
    def parse_request(self) -> bool:
        """Read the request's line and headers; a URL that no one can read is 400, as a line would be."""
        if not super().parse_request():
            return False
        try:
            urlsplit(self.path)
        except ValueError as error:
            self.send_error(400, "Bad request URL", f"{error}")
            return False
        return True

    def log_request(self, *_: Any) -> None:
        """Log no successful request."""

    def log_error(self, *_: Any) -> None:
        """Log no request that cannot be read: its answer says why."""


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises OSError."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening


def http_server(listening: socket.socket, endpoint: Endpoint) -> BaseWSGIServer:
    """moto's server with a thread for each connection. `serve_forever` ends by KeyboardInterrupt or `shutdown`."""
    host, port = listening.getsockname()[:2]
    return make_server(host, port, endpoint, threaded=True, request_handler=_Handler, fd=listening.fileno())
