"""TLS conversations as TCP frames, written from RFC 5246 and 8446, for the tests of the handshake reader."""

import struct
from dataclasses import dataclass, field

import numpy as np

from edgeprint.packets.frames import Frames

CLIENT, SERVER = 0x02000000000A, 0x02000000000B
TLS12, TLS13 = 0x0303, 0x0304
CHANGE_CIPHER = b"\x14\x03\x03\x00\x01\x01"
HIDDEN = b"\x17\x03\x03\x00\x30" + bytes(48)


def record(content: bytes, kind=22) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(content)) + content


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def extensions(*pairs) -> bytes:
    area = b"".join(struct.pack(">HH", kind, len(value)) + value for kind, value in pairs)
    return struct.pack(">H", len(area)) + area


def client_hello() -> bytes:
    return record(message(1, b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"))


def server_hello(version=TLS12, *, random=bytes(32), extra=()) -> bytes:
    chosen = [(43, struct.pack(">H", version))] if version == TLS13 else []
    legacy = min(version, TLS12)
    return message(
        2, struct.pack(">H", legacy) + random + b"\x00" + b"\x13\x01" + b"\x00" + extensions(*chosen, *extra)
    )


CERTIFICATE = message(11, bytes(3000))
DONE = message(14, b"")
KEY_EXCHANGE = message(16, bytes(66))


@dataclass
class Talk:
    """Frames of one connection; the n-th is sent n milliseconds after the epoch."""

    port: int = 443
    client_port: int = 50000
    host: int = 2  # last byte of the client's address
    version: int = 4
    snaplen: int = 65535
    frames: list[bytes] = field(default_factory=list)
    position: dict[bool, int] = field(default_factory=lambda: {True: 2**32 - 50, False: 7000})

    def say(self, payload: bytes, *, client: bool, at: int | None = None) -> int:
        """Send a segment, by default the next in order; returns its time in ns."""
        sequence = self.position[client] if at is None else at % 2**32
        acknowledged = self.position[not client]
        ports = (self.client_port, self.port) if client else (self.port, self.client_port)
        tcp = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 5 << 4, 0x18, 999, 0, 0)
        macs = (SERVER, CLIENT) if client else (CLIENT, SERVER)
        ethernet = (
            b"".join(m.to_bytes(6, "big") for m in macs) + (b"\x08\x00", b"\x86\xdd")[self.version == 6]
        )
        self.frames.append(ethernet + self.network(client, len(tcp) + len(payload)) + tcp + payload)
        if at is None:
            self.position[client] = (sequence + len(payload)) % 2**32
        return (len(self.frames) - 1) * 1_000_000

    def network(self, client: bool, length: int) -> bytes:
        size = 4 if self.version == 4 else 16
        ends = [b"\x0a" + bytes(size - 2) + b"\x01", b"\x0a" + bytes(size - 2) + bytes([self.host])]
        source, destination = ends if client else ends[::-1]
        if self.version == 4:
            return struct.pack(">BBHIBBH", 0x45, 0, 20 + length, 0, 64, 6, 0) + source + destination
        return struct.pack(">IHBB", 6 << 28, length, 6, 64) + source + destination

    def taken(self, start=0, stop=None) -> Frames:
        """The frames from `start` to `stop`, each cut at the snaplen."""
        chosen = self.frames[start:stop]
        kept = [frame[: self.snaplen] for frame in chosen]
        cap_len = np.array([len(k) for k in kept], "i8")
        return Frames(
            np.frombuffer(b"".join(kept), "u1"),
            np.cumsum(cap_len) - cap_len,
            cap_len,
            np.array([len(frame) for frame in chosen], "u4"),
            np.arange(start, start + len(chosen)) * 1_000_000,
            np.ones(len(chosen), "u4"),
        )
