"""TLS handshake messages in one direction of a connection (RFC 5246 and 8446), from records in clear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeprint.packets.tcp_stream import Stream

HANDSHAKE_RECORD = 22
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, CLIENT_KEY_EXCHANGE = 1, 2, 11, 16
PRE_SHARED_KEY, SUPPORTED_VERSIONS = 41, 43  # extensions
MOST_RECORDS = 64
# SHA-256 of "HelloRetryRequest": the random of a ServerHello that asks for another ClientHello.
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@dataclass(frozen=True)
class Message:
    """A handshake message, by positions in its stream; kind None: a place whose bytes are not there."""

    kind: int | None
    start: int
    end: int | None  # None where records whose headers are not there come before it
    body: bytes = b""  # as far as captured


def messages(stream: Stream) -> Iterator[Message]:
    """The messages up to the first record of another type, closed by one of kind None where bytes lack."""
    records = Records(stream)
    at = 0  # counts the bytes inside handshake records
    while True:
        start = records.position(at)
        if start is None:
            if records.lacking is not None:
                yield Message(None, records.lacking, None)
            return
        if len(records.run) < at + 4:
            yield Message(None, start, None)
            return
        behind = at + 4 + int.from_bytes(records.run[at + 1 : at + 4], "big")
        last = records.position(behind - 1)
        yield Message(
            records.run[at], start, None if last is None else last + 1, records.run[at + 4 : behind]
        )
        at = behind


class Records:
    """The handshake records at the head of a stream, as one run of bytes."""

    def __init__(self, stream: Stream) -> None:
        self.run = b""  # captured content, up to the first byte that is missing
        self.lacking: int | None = None  # position of the first record header that is not there
        self._spans: list[tuple[int, int]] = []  # (start in the stream, length) of each record's content
        at = total = 0
        head = stream.head  # nearly always all there is
        while len(self._spans) < MOST_RECORDS:
            record = head[at : at + 5] if at + 5 <= len(head) else stream.read(at, 5)
            if len(record) < 5:
                self.lacking = at
                return
            if record[0] != HANDSHAKE_RECORD:
                return
            size = record[3] * 256 + record[4]
            behind = at + 5 + size
            if len(self.run) == total:
                self.run += head[at + 5 : behind] if behind <= len(head) else stream.read(at + 5, size)
            self._spans.append((at + 5, size))
            total += size
            at = behind

    def position(self, at: int) -> int | None:
        """Where byte `at` of the run stands in the stream; None beyond the records known."""
        for start, length in self._spans:
            if at < length:
                return start + at
            at -= length
        return None


@dataclass(frozen=True)
class ServerHello:
    version: int  # 0x0300 to 0x0304
    retry: bool  # asks for another ClientHello
    resumed: bool  # TLS 1.3 with a pre-shared key: no certificate follows

    @classmethod
    def parse(cls, body: bytes) -> ServerHello | None:
        """From the captured part of a message's body; None where even its version is cut."""
        if len(body) < 34:
            return None
        at = 35 + body[34] + 3 if len(body) > 34 else len(body)
        extensions = _extensions(body[at + 2 :])
        legacy, chosen = body[0:2], extensions.get(SUPPORTED_VERSIONS, b"")
        version = int.from_bytes(chosen if len(chosen) == 2 else legacy, "big")
        return cls(version, body[2:34] == RETRY, PRE_SHARED_KEY in extensions)


def _extensions(area: bytes) -> dict[int, bytes]:
    found = {}
    at = 0
    while at + 4 <= len(area):
        length = int.from_bytes(area[at + 2 : at + 4], "big")
        found[int.from_bytes(area[at : at + 2], "big")] = area[at + 4 : at + 4 + length]
        at += 4 + length
    return found
