"""TLS handshakes on any TCP port: when the client asked, the server answered, the client went on.

A handshake is recognised by its ClientHello at the start of a TCP segment, and followed in both directions
across segments, also when they are repeated or out of order. Its two times (papers/cclp section IV.D):

    up to TLS 1.2  server_ns: the packet with which the server's Certificate message is complete
                   client_ns: the packet with which the client's ClientKeyExchange is complete
    TLS 1.3        server_ns: the last packet of the server's first flight, which hides its certificate
                   client_ns: the first packet of the client's next flight

Where a short snaplen hides the length of a message, the packet in which it starts stands in. No row: resumed
sessions (TLS 1.2 abbreviated, TLS 1.3 with a pre-shared key), which show no certificate; a handshake of which
segments are missing; TLS 1.3 with early data; a second ClientHello that does not open its own segment.
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from edgeprint.packets.table import HandshakeTable
from edgeprint.packets.tcp_stream import Segment, Stream
from edgeprint.packets.tls import (
    CERTIFICATE,
    CLIENT_KEY_EXCHANGE,
    HANDSHAKE_RECORD,
    SERVER_HELLO,
    Message,
    ServerHello,
    messages,
)

MOST_SEGMENTS = 64  # of a handshake, repetitions included
MOST_OPEN = 1024  # handshakes waiting for their end; the oldest gives way
TLS13 = 0x0304
Times = tuple[int, int, int]  # server_ns, client_ns, version


class Handshakes:
    """The open handshakes of a capture, carried from one run of frames to the next."""

    def __init__(self) -> None:
        self._open: dict[int, Handshake] = {}  # by conversation

    def read(self, segments: list[Segment]) -> HandshakeTable:
        """The handshakes that end in these segments, the next of the capture."""
        found = []
        for segment in segments:
            handshake = self._open.get(segment.conversation)
            if segment.hello and (handshake is None or handshake.hello.sequence != segment.sequence):
                self._start(segment)
                continue
            times = handshake.follow(segment) if handshake else None
            if handshake and handshake.over:
                del self._open[segment.conversation]
            if handshake and times:
                found.append((handshake.hello, times))
        return _table(found)

    def _start(self, hello: Segment) -> None:
        self._open.pop(hello.conversation, None)
        self._open[hello.conversation] = Handshake(hello)
        if len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]


class Handshake:
    """From a ClientHello to the client's next flight; `over` once nothing more can come of it."""

    __slots__ = ("client", "hello", "over", "segments", "server")

    def __init__(self, hello: Segment) -> None:
        self.hello = hello
        self.over = False
        self.segments = 0
        self.client = Stream(hello.sequence + _hello_length(hello.captured))  # what follows the ClientHello
        self.server = Stream(hello.acknowledged)

    def follow(self, segment: Segment) -> Times | None:
        """Take the next segment; the times, once the handshake is complete."""
        self.segments += 1
        if self.segments > MOST_SEGMENTS:
            self.over = True
            return None
        hello = self.hello  # both ends may have the same port
        if segment.port != hello.port or segment.source != hello.source:
            self.server.add(segment.sequence, segment.captured, segment.length, segment.time_ns)
            return None
        new = self.client.add(segment.sequence, segment.captured, segment.length, segment.time_ns)
        if not new or not self.client.seen:
            return None
        answer = _first_two(self.server)
        chosen = ServerHello.parse(answer[0].body) if answer and answer[0].kind == SERVER_HELLO else None
        if chosen is None or chosen.retry or chosen.resumed:
            self.over = True
            return None
        return self._hidden(chosen) if chosen.version == TLS13 else self._in_clear(chosen, answer)

    def _hidden(self, hello: ServerHello) -> Times | None:
        self.over = True
        server_ns, client_ns = self.server.last_ns, self.client.seen_ns(1)
        return None if server_ns is None or client_ns is None else (server_ns, client_ns, hello.version)

    def _in_clear(self, hello: ServerHello, answer: list[Message]) -> Times | None:
        """TLS 1.2 and before: the certificate follows the ServerHello, the key exchange is in clear."""
        certificate = answer[1] if len(answer) > 1 else None
        exchange = _key_exchange(_first_two(self.client))
        if certificate is None or certificate.kind not in (CERTIFICATE, None) or exchange is None:
            self.over = True
            return None
        server_ns = self.server.seen_ns(certificate.end or certificate.start + 1)
        client_ns = self.client.seen_ns(exchange.end or exchange.start + 1)
        if server_ns is None or client_ns is None:
            return None
        self.over = True
        return server_ns, client_ns, hello.version


def _first_two(stream: Stream) -> list[Message]:
    """The messages that matter: what follows the second one of a flight tells nothing of its times."""
    return list(islice(messages(stream), 2))


def _hello_length(record: bytes) -> int:
    if record[0] == HANDSHAKE_RECORD:
        return 5 + int.from_bytes(record[3:5], "big")
    return 2 + record[1]  # SSL 2 format


def _key_exchange(flight: list[Message]) -> Message | None:
    """The client's key exchange: its first message, or what follows the certificate it was asked for."""
    if flight and flight[0].kind == CERTIFICATE:
        return flight[1] if len(flight) > 1 and flight[1].kind in (CLIENT_KEY_EXCHANGE, None) else None
    return flight[0] if flight and flight[0].kind == CLIENT_KEY_EXCHANGE else None


def _table(found: list[tuple[Segment, Times]]) -> HandshakeTable:
    if not found:
        return HandshakeTable.empty()
    hellos, times = zip(*found, strict=True)
    server_ns, client_ns, version = np.array(times, "i8").T
    return HandshakeTable(
        client=np.array([hello.source for hello in hellos], "u8"),
        server=np.array([hello.destination for hello in hellos], "u8"),
        start_ns=np.array([hello.time_ns for hello in hellos], "i8"),
        server_ns=server_ns,
        client_ns=client_ns,
        version=version.astype("u2"),
    )
