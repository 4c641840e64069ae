"""The agent's page and API over HTTP, from the standard library: a few threads, a bound on everything.

    with Page(household, guard, ("127.0.0.1", 8080)) as page:
        page.url                    # "http://127.0.0.1:8080"

What is answered is in routes.py, who may ask in guard.py. There is no TLS here: beyond loopback put it behind
a reverse proxy that has it, or on a network that you trust.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from edgeprint.edge.guard import Guard, Refused
from edgeprint.edge.routes import HEADERS, Answer, Household, Routes, dumped
from edgeprint.errors import BadParams

MOST_CONNECTIONS = 32
SLOWEST_S = 10.0  # for a request to arrive or an answer to be read
LARGEST_BODY = 4096


class Handler(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: Server
    timeout = SLOWEST_S
    server_version, sys_version = "edgeprint", ""

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        self._answer(lambda: self.server.routes.get(where.path, where.query, self.headers))

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        self._answer(lambda: self.server.routes.post(path, self.headers, self._body()))

    def log_message(self, *_: Any) -> None:
        """Requests are not logged: a token may stand in them."""

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refused(411, "a Content-Length is needed")
        if int(length) > LARGEST_BODY:
            raise Refused(413, f"{length} bytes are too many, {LARGEST_BODY} may be sent")
        return self.rfile.read(int(length))

    def _answer(self, ask: Callable[[], Answer]) -> None:
        try:
            answer = ask()
        except Refused as refused:
            answer = Answer(dumped({"error": str(refused)}), status=refused.status)
        except Exception as fault:  # ours: say so to who asked, and go on
            answer = Answer(dumped({"error": f"the agent failed: {fault!r}"}), status=500)
        self.send_response(answer.status)
        for name, value in {**HEADERS, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


class Server(ThreadingHTTPServer):
    """At most MOST_CONNECTIONS at a time; one more is closed at once."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], routes: Routes) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.routes = routes
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of this machine's name, which waits for a DNS that may be gone."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is no news."""


class Page:
    """A server in a thread of its own, from construction to `close`."""

    def __init__(self, household: Household, guard: Guard, address: tuple[str, int]) -> None:
        """Raises BadParams where the address cannot be listened on."""
        try:
            self._server = Server(address, Routes(household, guard))
        except OSError as error:
            raise BadParams(f"--listen {address[0]}:{address[1]} cannot be had: {error}") from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="page", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown()
            self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
