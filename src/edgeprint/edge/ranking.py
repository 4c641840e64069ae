"""One question to a server: which of the devices that it knows is this? The columns go there, nothing else.

    server = address("https://models.example/identify")       # raises BadParams
    ask(server, columns)                                      # (Candidate, ...), best first

    POST URL/invocations    {"inputs": [[h floats], ...]}     columns [m, h], the oldest first
    the answer              {"predictions": [{"device": "tapo", "confidence": 0.9, "category": "camera",
                            "iot": true}, ...]}

No address, name or payload is in a question, and no header says who asks. What comes back is nobody's to
trust: it is bounded in bytes and in time, redirections are not followed, and what does not fit is refused.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams, NotIdentified
from edgeprint.packets.inventory import DEVICE_NAME

PATH = "/invocations"  # of `mlflow models serve`
SLOWEST_S = 10.0  # for one step: to connect, to send, to hear a byte
DEADLINE_S = 30.0  # for the whole answer
MOST_BYTES = 256 << 10  # of an answer
MOST = 3  # candidates that a person is shown
LONGEST_CATEGORY = 40


@dataclass(frozen=True)
class Candidate:
    """What an unknown device may be; confidence in [0, 1]."""

    device: str
    confidence: float
    category: str
    iot: bool


@dataclass(frozen=True)
class Server:
    """Where to ask."""

    host: str
    port: int | None
    path: str
    tls: bool

    def connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=SLOWEST_S)


def address(url: str) -> Server:
    """Raises BadParams for what is no plain http(s) URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadParams(f"--identify: {error}") from error
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or not url.isprintable():
        raise BadParams(f"--identify {url} is not http[s]://HOST[:PORT][/PATH]")
    return Server(parts.hostname, port, parts.path.rstrip("/") + PATH, parts.scheme == "https")


def ask(
    server: Server, columns: NDArray[np.float32], deadline_s: float = DEADLINE_S
) -> tuple[Candidate, ...]:
    """The server's ranking of columns [m, h]. Raises NotIdentified."""
    connection = server.connection()
    try:
        with hung_up_after(deadline_s, connection):
            connection.request("POST", server.path, question(columns), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotIdentified(f"{server.host} cannot be asked: {error or type(error).__name__}") from error
    except (http.client.HTTPException, ValueError) as error:  # its words may be the server's: not repeated
        raise NotIdentified(f"{server.host} speaks no proper HTTP ({type(error).__name__})") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise NotIdentified(f"{server.host} answers with status {answer.status}")
    if len(body) > MOST_BYTES:
        raise NotIdentified(f"{server.host} answers with more than {MOST_BYTES:,} bytes")
    try:
        return ranking(body)
    except NotIdentified as error:
        raise NotIdentified(f"{server.host}: {error}") from error


def question(columns: NDArray[np.float32]) -> bytes:
    """JSON of columns [m, h], each number with as many digits as a float32 has."""
    return json.dumps({"inputs": columns.astype("f4").astype(str).astype(float).tolist()}).encode()


def ranking(body: bytes) -> tuple[Candidate, ...]:
    """The candidates of an answer, best first. Raises NotIdentified for one of another form."""
    try:
        rows = json.loads(body)["predictions"]
        found = [_candidate(row) for row in rows[:1000]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotIdentified(f"the answer is no ranking ({error!r:.80})") from error
    by_name = {candidate.device: candidate for candidate in sorted(found, key=lambda each: each.confidence)}
    return tuple(sorted(by_name.values(), key=lambda each: -each.confidence)[:MOST])


def _candidate(row: Any) -> Candidate:
    """Raises ValueError, TypeError and KeyError."""
    device, confidence, category, iot = (row[key] for key in ("device", "confidence", "category", "iot"))
    if not isinstance(device, str) or not DEVICE_NAME.fullmatch(device):
        raise ValueError(f"{device!r:.40} is not a device name")
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise ValueError(f"{confidence!r:.40} is no confidence")
    if not isinstance(category, str) or not category.isprintable() or len(category) > LONGEST_CATEGORY:
        raise ValueError(f"{category!r:.40} is no category")
    if not isinstance(iot, bool):
        raise ValueError(f"iot is {iot!r:.40}")
    return Candidate(device, float(confidence), category, iot)


@contextmanager
def hung_up_after(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """A server that drips a byte at a time never exceeds the time of one step: end the call from outside."""

    def hang_up() -> None:
        with suppress(OSError):
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
