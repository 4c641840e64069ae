"""TLS handshake messages as bytes, well formed enough for any dissector (RFC 5246, RFC 8446, RFC 5280).

Keys, signatures and everything encrypted are filler: nothing here protects anything.
"""

from __future__ import annotations

import struct
from functools import lru_cache

HANDSHAKE, CIPHER_CHANGE, APPLICATION = 22, 20, 23
RANDOM, SESSION = (11, 43), (44, 76)  # bytes in the record of a ClientHello or ServerHello
CIPHERS_13 = (0x1301, 0x1302, 0x1303)
CIPHERS_12 = (
    0xC02B,
    0xC02F,
    0xC02C,
    0xC030,
    0xCCA9,
    0xCCA8,
    0xC009,
    0xC013,
    0xC00A,
    0xC014,
    0x009C,
    0x009D,
    0x002F,
)
CHANGE = b"\x14\x03\x03\x00\x01\x01"


@lru_cache(256)
def filler(length: int) -> bytes:
    return bytes((i * 73 + i // 7 + 11) % 256 for i in range(length))


def record(kind: int, body: bytes) -> bytes:
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def sized(body: bytes, width: int = 2) -> bytes:
    """The body after its own length in `width` bytes."""
    return len(body).to_bytes(width, "big") + body


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">H", kind) + sized(body)


@lru_cache(256)
def client_hello(name: str, modern: bool, ciphers: int, size: int) -> bytes:
    """The record of a ClientHello of TLS 1.3 (modern) or 1.2, padded to `size` bytes where it is shorter."""
    suites = (CIPHERS_13 if modern else ()) + CIPHERS_12[:ciphers]
    body = b"\x03\x03" + filler(32) + sized(filler(32) if modern else b"", 1)
    body += sized(struct.pack(f">{len(suites)}H", *suites)) + b"\x01\x00"
    known = [
        extension(0, sized(b"\0" + sized(name.encode()))),
        extension(11, b"\x01\x00"),
        extension(10, sized(struct.pack(">HH", 29, 23))),
        extension(13, sized(struct.pack(">4H", 0x0403, 0x0804, 0x0401, 0x0503))),
        extension(23, b""),
    ]
    if modern:
        known += [
            extension(43, b"\x04\x03\x04\x03\x03"),
            extension(45, b"\x01\x01"),
            extension(51, sized(struct.pack(">H", 29) + sized(filler(32)))),
        ]
    extensions = b"".join(known)
    missing = size - 9 - len(body) - 2 - len(extensions) - 4
    if missing >= 0:
        extensions += extension(21, bytes(missing))
    return record(HANDSHAKE, message(1, body + sized(extensions)))


def server_hello(modern: bool) -> bytes:
    """The ServerHello's record; RANDOM is the server's, SESSION is its own or, in 1.3, the client's."""
    extensions = extension(23, b"") + extension(0xFF01, b"\0")
    if modern:
        extensions = extension(43, b"\x03\x04") + extension(51, struct.pack(">H", 29) + sized(filler(32)))
    suite = 0x1301 if modern else 0xC02F
    body = b"\x03\x03" + filler(32) + sized(filler(32), 1) + struct.pack(">HB", suite, 0) + sized(extensions)
    return record(HANDSHAKE, message(2, body))


@lru_cache(256)
def server_flight(name: str, modern: bool, chain: int) -> bytes:
    """All that the server sends after a ClientHello; `chain` is about the size of its certificates."""
    if modern:
        return server_hello(True) + CHANGE + record(APPLICATION, filler(chain + 420))
    own = certificate(name, chain // 2)
    issuer = certificate("ca.example.org", chain // 2)
    chained = sized(sized(own, 3) + sized(issuer, 3), 3)
    point = b"\x03\x00\x17" + sized(b"\x04" + filler(64), 1)
    exchange = point + b"\x04\x03" + sized(signature())
    return server_hello(False) + b"".join(
        record(HANDSHAKE, message(kind, body)) for kind, body in ((11, chained), (12, exchange), (14, b""))
    )


def client_finish(modern: bool) -> bytes:
    """The client's answer: its key exchange and Finished in 1.2, its Finished alone in 1.3."""
    if modern:
        return CHANGE + record(APPLICATION, filler(53))
    exchange = record(HANDSHAKE, message(16, sized(b"\x04" + filler(64), 1)))
    return exchange + CHANGE + record(HANDSHAKE, filler(40))


def server_finish(modern: bool) -> bytes:
    """The end of the handshake: ticket, cipher change and Finished in 1.2, two tickets in 1.3."""
    if modern:
        return record(APPLICATION, filler(234)) * 2
    ticket = struct.pack(">I", 7200) + sized(filler(176))
    return record(HANDSHAKE, message(4, ticket)) + CHANGE + record(HANDSHAKE, filler(40))


def der(tag: int, *parts: bytes) -> bytes:
    """One DER element (X.690) around its parts."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


ECDSA_SHA256 = der(0x30, der(0x06, bytes.fromhex("2a8648ce3d040302")))
P256_KEY = der(0x30, der(0x06, bytes.fromhex("2a8648ce3d0201")), der(0x06, bytes.fromhex("2a8648ce3d030107")))


def signature() -> bytes:
    return der(0x30, der(0x02, b"\x11" + filler(31)), der(0x02, b"\x22" + filler(31)))


def certificate(name: str, size: int) -> bytes:
    """An X.509 certificate for a P-256 key; alternative names bring it to about `size` bytes."""
    own = der(0x30, der(0x31, der(0x30, der(0x06, b"\x55\x04\x03"), der(0x0C, name.encode()))))
    issuer = der(0x30, der(0x31, der(0x30, der(0x06, b"\x55\x04\x03"), der(0x0C, b"Example CA"))))
    validity = der(0x30, der(0x17, b"250101000000Z"), der(0x17, b"350101000000Z"))
    key = der(0x30, P256_KEY, der(0x03, b"\0\x04" + filler(64)))
    others = max(0, size - 420) // (len(name) + 5)
    alternative = [der(0x82, name.encode())] + [
        der(0x82, f"{i % 90 + 10}.{name}".encode()) for i in range(others)
    ]
    names = der(0x30, der(0x06, b"\x55\x1d\x11"), der(0x04, der(0x30, *alternative)))
    version, serial = der(0xA0, der(0x02, b"\x02")), der(0x02, b"\x2a" + filler(8))
    body = der(0x30, version, serial, ECDSA_SHA256, issuer, validity, own, key, der(0xA3, der(0x30, names)))
    return der(0x30, body, ECDSA_SHA256, der(0x03, b"\0", signature()))
