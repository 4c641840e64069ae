"""One device's frames as they are sent in the home: other addresses, and drift where asked for.

    take = rewrite(recording, addresses, Drift())

Rewritten: MACs; IPv4 and IPv6 addresses in IP headers, in ARP and in DNS answers; the text and octets of any
machine's MAC in what is kept of DNS and TLS. IPv4 header checksums are computed anew, those of TCP, UDP and
ICMP are zero. Not rewritten: ports, TTL, DF, windows, flags and TCP options; names, except by drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.packets.names import questions
from edgeprint.packets.table import ICMP, ICMPV6, TCP, UDP
from edgeprint.testbed import dns_message
from edgeprint.testbed.addresses import Addresses, sides
from edgeprint.testbed.drift import Drift
from edgeprint.testbed.layout import ARP, DNS_MESSAGE, IPV4, IPV6, NO_PAYLOAD
from edgeprint.testbed.pool import number, octets, put, spread
from edgeprint.testbed.sources import Recording

LONGEST_FRAME = 1514  # a larger size would not pass the link


@dataclass(frozen=True)
class Take:
    """Frames [n] ready to be sent, in the recording's order."""

    pool: NDArray[np.uint8]
    at: NDArray[np.int64]
    kept: NDArray[np.int64]
    wire: NDArray[np.int64]
    numbers: NDArray[np.int64]  # place of the TCP header in the frame; 0 where there is none


def rewrite(recording: Recording, addresses: Addresses, drift: Drift) -> Take:
    """All frames of the recording with the home's addresses and the drift's sizes and servers."""
    frames, pool = recording.frames.copy(), recording.pool.copy()
    longer = _lengthen(pool, frames, drift.sizes)
    _addresses(pool, recording, addresses, drift.renewal)
    _checksums(pool, frames)
    spell = dns_message.spelling(drift.renewal) if drift.renewal else None
    names = _dns(pool, frames, addresses, drift.renewal, spell)
    _replace(pool, frames, _replacements(addresses, names, spell))
    tcp = (frames["proto"] == TCP) & (frames["transport"] > 0)
    numbers = np.where(tcp & (frames["kept"] >= frames["transport"] + 12), frames["transport"], 0)
    return Take(
        pool, frames["at"], frames["kept"].astype("i8"), frames["wire"] + longer, numbers.astype("i8")
    )


def _lengthen(pool: NDArray[np.uint8], frames: NDArray, factor: float) -> NDArray[np.int64]:
    """Scale what TCP and UDP carry, up to a full frame; how much longer each frame [n] is now."""
    longer = np.zeros(len(frames), "i8")
    if factor == 1:
        return longer
    some = (frames["transport"] > 0) & (frames["payload"] == NO_PAYLOAD) & (frames["load"] > 0)
    chosen = np.flatnonzero(some & (frames["kept"] >= frames["body"]))
    mine = frames[chosen]
    load, wire = mine["load"].astype("i8"), mine["wire"].astype("i8")
    most = np.maximum(LONGEST_FRAME - (wire - load), load)
    longer[chosen] = np.clip(np.rint(load * factor).astype("i8"), 1, most) - load
    start = mine["at"] + mine["network"]
    for rows, at in (
        (mine["kind"] == IPV4, start + 2),
        (mine["kind"] == IPV6, start + 4),
        (mine["proto"] == UDP, mine["at"] + mine["transport"] + 4),
    ):
        said = number(pool, at[rows], 2).astype("i8")
        put(pool, at[rows], np.where(said > 0, said + longer[chosen][rows], 0), 2)
    return longer


def _addresses(pool: NDArray[np.uint8], recording: Recording, addresses: Addresses, renewal: str) -> None:
    def ipv4(folder: int, old: int) -> int:
        return addresses.ipv4(folder, old, renewal)

    def mac(_: int, old: int) -> int:
        return addresses.mac(old)

    def asked(_: int, old: int) -> int:
        return addresses.mac(old) if old else 0

    for kind in (IPV4, ARP):
        for mine, at in sides(recording, kind):
            _map(pool, mine, at, ipv4)
    for mine, at in sides(recording, ARP):  # in ARP each hardware address stands before its IPv4 address
        _map(pool, mine, at - 6, asked, 6)
    for mine, at in sides(recording, IPV6):
        keys = list(zip(mine["folder"].tolist(), octets(pool, at, 16), strict=True))
        known = {(folder, old): addresses.ipv6(folder, old, renewal) for folder, old in dict.fromkeys(keys)}
        new = b"".join(known[key] for key in keys)
        pool[at[:, None] + np.arange(16)] = np.frombuffer(new, "u1").reshape(-1, 16)
    for side in (0, 6):
        _map(pool, recording.frames, recording.frames["at"] + side, mac, 6)


def _map(
    pool: NDArray[np.uint8], frames: NDArray, at: NDArray, new: Callable[[int, int], int], size: int = 4
) -> None:
    """Replace the numbers of `size` octets at places [n], asking `new` once for each folder and number."""
    pairs = np.stack([frames["folder"].astype("u8"), number(pool, at, size)], 1)
    unique, which = np.unique(pairs, axis=0, return_inverse=True)
    values = np.array([new(folder, old) for folder, old in unique.tolist()], "u8")
    if len(values):
        put(pool, at, values[which.ravel()], size)


def _checksums(pool: NDArray[np.uint8], frames: NDArray) -> None:
    """IPv4 headers summed anew (RFC 1071), transport checksums zero."""
    start = frames["at"] + frames["network"]
    whole = (frames["kind"] == IPV4) & (frames["kept"] >= frames["network"] + 20)
    words = np.zeros(len(frames), "i8")
    words[whole] = (pool[start[whole]] & 15) * 2
    whole &= frames["kept"] >= frames["network"] + 2 * words
    put(pool, start[whole] + 10, np.zeros(whole.sum()), 2)
    total = np.zeros(whole.sum(), "u8")
    for word in range(int(words.max(initial=0))):
        at = np.where(word < words[whole], start[whole] + 2 * word, -1)
        total += np.where(at >= 0, number(pool, np.maximum(at, 0), 2), 0).astype("u8")
    for _ in range(2):
        total = (total & np.uint64(0xFFFF)) + (total >> np.uint64(16))
    put(pool, start[whole] + 10, total ^ np.uint64(0xFFFF), 2)
    transport, body = frames["at"] + frames["transport"], frames["at"] + frames["body"]
    ports, behind = frames["transport"] > 0, frames["kept"] >= frames["body"]
    note = np.isin(frames["proto"], (ICMP, ICMPV6)) & (frames["body"] >= frames["network"] + 24) & behind
    for rows, at in (
        (ports & behind & (frames["proto"] == TCP), transport + 16),
        (ports & behind & (frames["proto"] == UDP), transport + 6),
        (note, body - 2),
    ):
        put(pool, at[rows], np.zeros(rows.sum()), 2)


def _dns(
    pool: NDArray[np.uint8], frames: NDArray, addresses: Addresses, renewal: str, spell: bytes | None
) -> set[str]:
    """Rewrite DNS messages; cut what is no whole message of TCP; the names asked for, as they were."""
    names: set[str] = set()
    for row in np.flatnonzero(frames["payload"] == DNS_MESSAGE).tolist():
        frame = frames[row]
        folder = int(frame["folder"])
        begin, end = (int(frame["at"] + frame[edge]) for edge in ("body", "kept"))
        if frame["proto"] == TCP:
            said = int.from_bytes(pool[begin : begin + 2].tobytes(), "big")
            if said != frame["load"] - 2:
                frames["kept"][row] = frame["body"]
                continue
            begin += 2
        message = bytearray(pool[begin:end].tobytes())
        if spell:
            names |= {name for _, name in questions(bytes(message))}
        dns_message.change(
            message,
            lambda old: addresses.ipv4(folder, old, renewal),  # noqa: B023
            lambda old: addresses.ipv6(folder, old, renewal),  # noqa: B023
            spell,
        )
        pool[begin:end] = np.frombuffer(bytes(message), "u1")
    return names


def _replacements(
    addresses: Addresses, names: set[str], spell: bytes | None
) -> Iterator[tuple[bytes, bytes]]:
    """What must not be read in a payload, and what of the same length stands there instead."""
    for machine in addresses.machines:
        yield from zip(_forms(machine), _forms(addresses.mac(machine)), strict=True)
    if spell:  # names of servers also stand in ClientHellos
        for name in sorted(names, key=len, reverse=True):
            if name.isascii() and "\\" not in name:
                yield name.encode(), dns_message.respelt(name, spell).encode()


def _forms(mac: int) -> list[bytes]:
    """The ways to write a MAC: octets; hexadecimal, in both cases, plain, with separators, as EUI-64."""
    raw = mac.to_bytes(6, "big")
    texts = [raw.hex(), raw.hex(":"), raw.hex("-"), raw[:3].hex() + "fffe" + raw[3:].hex()]
    return [raw, *(t.encode() for t in texts), *(t.upper().encode() for t in texts)]


def _replace(pool: NDArray[np.uint8], frames: NDArray, pairs: Iterator[tuple[bytes, bytes]]) -> None:
    """Put the second of each pair where the first stands in a payload, also across frames."""
    some = frames[frames["payload"] > 0]
    places = spread(some["at"] + some["body"], some["kept"] - np.minimum(some["body"], some["kept"]))
    text = bytearray(pool[places].tobytes())
    for old, new in pairs:
        at = text.find(old)
        while at >= 0:
            text[at : at + len(old)] = new
            at = text.find(old, at + len(old))
    pool[places] = np.frombuffer(bytes(text), "u1")
