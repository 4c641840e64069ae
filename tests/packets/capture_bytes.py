"""A small writer of pcap and pcapng bytes, written from the format drafts, for the tests of the reader."""

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Captured:
    time_ns: int
    data: bytes
    wire_len: int | None = None  # None: nothing was cut

    @property
    def wire(self) -> int:
        return len(self.data) if self.wire_len is None else self.wire_len


def pcap(frames, *, order="<", nano=False, link_type=1, snaplen=262144) -> bytes:
    magic, unit = (0xA1B23C4D, 1) if nano else (0xA1B2C3D4, 1000)
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)]
    for frame in frames:
        second, rest = divmod(frame.time_ns, 10**9)
        parts.append(
            struct.pack(order + "IIII", second, rest // unit, len(frame.data), frame.wire) + frame.data
        )
    return b"".join(parts)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def block(kind: int, body: bytes, order="<") -> bytes:
    length = 12 + len(padded(body))
    return struct.pack(order + "II", kind, length) + padded(body) + struct.pack(order + "I", length)


def section(order="<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order="<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + padded(value)


def interface(order="<", *, link_type=1, snaplen=0, resolution=None, shift_s=None) -> bytes:
    options = b"" if resolution is None else option(9, bytes([resolution]), order)
    options += b"" if shift_s is None else option(14, struct.pack(order + "q", shift_s), order)
    options += option(0, b"", order) if options else b""
    return block(1, struct.pack(order + "HHI", link_type, 0, snaplen) + options, order)


def enhanced(data: bytes, *, ticks=0, owner=0, wire=None, order="<") -> bytes:
    wire = len(data) if wire is None else wire
    head = struct.pack(order + "IIIII", owner, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire)
    return block(6, head + data, order)


def obsolete(data: bytes, *, ticks=0, owner=0, wire=None, order="<") -> bytes:
    wire = len(data) if wire is None else wire
    head = struct.pack(order + "HHIIII", owner, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire)
    return block(2, head + data, order)


def simple(data: bytes, *, wire=None, order="<") -> bytes:
    return block(3, struct.pack(order + "I", len(data) if wire is None else wire) + data, order)


def pcapng(frames, *, order="<", link_type=1) -> bytes:
    """One section, one interface with nanoseconds."""
    blocks = [enhanced(f.data, ticks=f.time_ns, wire=f.wire, order=order) for f in frames]
    return section(order) + interface(order, link_type=link_type, resolution=9) + b"".join(blocks)
