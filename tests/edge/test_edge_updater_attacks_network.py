"""Attacks by the connection: a server that never ends, is slow, breaks off or speaks something else.

No key is needed for them, and no signature stops them: bounds and deadlines do.
"""

import gzip
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from simulated_home import Home, Quiet, served
from updating import pull, refuses

from edgeprint.edge.fetch import Web

SHORT = {"file_s": 1.0, "all_s": 3.0, "silence_s": 0.6}


@contextmanager
def raw_server(answer: Callable[[socket.socket, str], None], folder: Path, at: str) -> Iterator[str]:
    """A web server of that folder, but for paths that end with `at`: these `answer` writes by hand."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            if not self.path.endswith(at):
                return super().do_GET()
            self.close_connection = True
            try:
                answer(self.connection, self.path)
            except OSError:
                return None
            return None

    with served(folder, Handler) as url:
        yield url


@pytest.mark.parametrize("at", ["timestamp.json", "snapshot.json", "model.tflite"])
def test_attack_endless_data(newer: Home, at: str) -> None:
    def endless(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    with raw_server(endless, newer.folder, at) as url:
        refuses(newer, "sends more than was signed", lambda: pull(newer, url))


def test_attack_endless_compressed_data(newer: Home) -> None:
    def bomb(connection: socket.socket, _: str) -> None:
        data = gzip.compress(bytes(50_000_000))
        head = f"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)

    with raw_server(bomb, newer.folder, "timestamp.json") as url:
        refuses(newer, "sends more than was signed|does not hold", lambda: pull(newer, url))


@pytest.mark.parametrize("slow", ["body", "headers", "silence"])
def test_attack_slow_server(newer: Home, slow: str) -> None:
    """Each byte comes in time, and all of them never: only the deadline of the whole file ends it."""

    def trickle(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n" + (b"\r\n" if slow == "body" else b""))
        while slow != "silence":
            connection.sendall(b"{" if slow == "body" else b"X-More: 1\r\n")
            time.sleep(0.05)
        connection.recv(1)

    with raw_server(trickle, newer.folder, "timestamp.json") as url:
        begun = time.monotonic()
        refuses(newer, "is too slow", lambda: pull(newer, url, fetcher=Web(**SHORT)))
        assert time.monotonic() - begun < 30


def test_attack_server_that_is_slow_over_many_files(newer: Home) -> None:
    """Every file comes just in time: the deadline of the whole look ends it."""

    class Dawdling(Quiet):
        def do_GET(self) -> None:
            time.sleep(0.5)
            super().do_GET()

    with served(newer.folder, Dawdling) as url:
        refuses(newer, "is too slow", lambda: pull(newer, url, fetcher=Web(file_s=1, all_s=1.2)))


def test_attack_connection_dropped_in_the_middle(newer: Home) -> None:
    def drop(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    with raw_server(drop, newer.folder, "timestamp.json") as url:
        refuses(newer, "cannot be reached", lambda: pull(newer, url))


def test_attack_redirect_in_a_circle(newer: Home) -> None:
    def round_and_round(connection: socket.socket, path: str) -> None:
        connection.sendall(f"HTTP/1.0 302 Found\r\nLocation: {path}\r\n\r\n".encode())

    with raw_server(round_and_round, newer.folder, "timestamp.json") as url:
        refuses(newer, "cannot be reached", lambda: pull(newer, url))


def test_attack_metadata_that_is_no_json(pi: Home) -> None:
    (pi.folder / "metadata/timestamp.json").write_bytes(b"<html>captive portal</html>")
    refuses(pi, "metadata that does not hold")


def test_attack_server_that_speaks_something_else(pi: Home) -> None:
    class Greeting(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"220 smtp.example ESMTP\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        refuses(pi, "cannot be reached", lambda: pull(pi, url))
        server.shutdown()
