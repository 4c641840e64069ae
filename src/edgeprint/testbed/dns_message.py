"""A DNS message (RFC 1035) with other addresses in its answers and, on request, other names, byte for byte.

    change(message, ipv4=..., ipv6=..., spell=spelling("plug-a 1"))

Lengths stay. What is behind the first fault or cut stays as it is.
"""

from __future__ import annotations

import string
import zlib
from collections.abc import Callable

A, NS, CNAME, SOA, PTR, MX, AAAA, SRV = 1, 2, 5, 6, 12, 15, 28, 33
NAMES_BEHIND = {NS: 0, CNAME: 0, PTR: 0, SOA: 0, MX: 2, SRV: 6}  # octets before the name in a record's data


def spelling(seed: str) -> bytes:
    """A table for bytes.translate that gives each letter another one, in both cases alike."""
    letters = list(string.ascii_lowercase)
    turn = 1 + zlib.crc32(seed.encode()) % 25
    order = letters[turn:] + letters[:turn]
    table = bytearray(range(256))
    for old, new in zip(letters, order, strict=True):
        table[ord(old)], table[ord(old.upper())] = ord(new), ord(new.upper())
    return bytes(table)


def respelt(name: str, spell: bytes) -> str:
    """The name with all labels but the last spelt anew."""
    head, dot, last = name.rpartition(".")
    return head.encode("latin-1").translate(spell).decode("latin-1") + dot + last


def change(
    message: bytearray,
    ipv4: Callable[[int], int],
    ipv6: Callable[[bytes], bytes],
    spell: bytes | None = None,
) -> None:
    """Rewrite A and AAAA records in place; with `spell`, all labels of names but the last of each."""
    labels: dict[int, bool] = {}  # place of a label: whether it is the last of a name
    if len(message) >= 12:
        _walk(message, ipv4, ipv6, labels)
    for at, last in labels.items() if spell else ():
        if not last:
            size = message[at]
            message[at + 1 : at + 1 + size] = message[at + 1 : at + 1 + size].translate(spell)


def _walk(message: bytearray, ipv4: Callable, ipv6: Callable, labels: dict[int, bool]) -> None:
    questions = int.from_bytes(message[4:6], "big")
    records = sum(int.from_bytes(message[i : i + 2], "big") for i in (6, 8, 10))
    at = 12
    for _ in range(min(questions, 8)):
        at = _name(message, at, labels) + 4
        if at < 4:
            return
    for _ in range(min(records, 256)):
        at = _name(message, at, labels)
        if at < 0 or at + 10 > len(message):
            return
        kind = int.from_bytes(message[at : at + 2], "big")
        data, size = at + 10, int.from_bytes(message[at + 8 : at + 10], "big")
        at = data + size
        if at > len(message):
            return
        if kind == A and size == 4:
            message[data:at] = ipv4(int.from_bytes(message[data:at], "big")).to_bytes(4, "big")
        elif kind == AAAA and size == 16:
            message[data:at] = ipv6(bytes(message[data:at]))
        elif kind in NAMES_BEHIND:
            behind = _name(message, data + NAMES_BEHIND[kind], labels)
            if kind == SOA and behind > 0:
                _name(message, behind, labels)


def _name(message: bytearray, at: int, labels: dict[int, bool]) -> int:
    """The place behind the name at `at`, -1 where it is malformed; notes the place of each of its labels."""
    behind, lowest = 0, at
    own: list[int] = []
    while at < len(message):
        size = message[at]
        if size == 0:
            for place in own:
                labels[place] = place == own[-1]
            return behind or at + 1
        if size >= 0xC0:
            if at + 2 > len(message):
                break
            behind = behind or at + 2
            at = int.from_bytes(message[at : at + 2], "big") & 0x3FFF
            if at >= lowest:
                break
            lowest = at
        elif size < 64:
            own.append(at)
            at += 1 + size
        else:
            break
    return -1
