"""Captures of other people's devices and of test suites, beside the checkout: never part of it."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgeprint.errors import NotACapture
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.link_layer import LINK_TYPES

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PCAP_HEADER = 24
MAGIC_NG = b"\x0a\x0d\x0d\x0a"


def real(*folders: str) -> list[Path]:
    """All files of these folders of the data, in order; the test that asks is skipped where they are not."""
    if not DATA.exists():
        pytest.skip("needs ../shared/data, captures that are not part of this repository")
    found = [path for folder in folders for path in (DATA / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found if path.suffix != ".csv")


def records(content: bytes) -> Iterator[bytes]:
    """The whole records of a pcap file, each with its head of 16 bytes."""
    order = "<" if content[0] in (0xD4, 0x4D) else ">"
    at = PCAP_HEADER
    while at + 16 <= len(content):
        length = 16 + struct.unpack_from(order + "I", content, at + 8)[0]
        if at + length > len(content):
            return
        yield content[at : at + length]
        at += length


@dataclass
class Joined:
    """Captures put one after the other: a second reader takes longer to start than to read a small one."""

    content: bytearray
    files: list[str] = field(default_factory=list)  # of each packet


def joined(paths: Iterable[Path], *, most: int) -> list[Joined]:
    """Whole captures joined where they have the same kind, byte order, unit of time and link type.

    Of a pcap file the first `most` packets are taken, of a pcapng file, whose sections may follow each other,
    all. Left out: what is no capture, breaks off, or is of a link type that is not supported.
    """
    found: dict[bytes, Joined] = {}
    for path in paths:
        packets = _whole_packets(path)
        if packets is None:
            continue
        content = path.read_bytes()
        if content[:4] == MAGIC_NG:
            group = found.setdefault(MAGIC_NG, Joined(bytearray()))
            group.content += content
        else:
            kept = list(records(content))[:most]
            group = found.setdefault(content[:4] + content[20:24], Joined(bytearray(content[:PCAP_HEADER])))
            group.content += b"".join(kept)
            packets = len(kept)
        group.files += [f"{path.parent.name}/{path.name}"] * packets
    return list(found.values())


def _whole_packets(path: Path) -> int | None:
    capture = CaptureFile(path)
    try:
        kinds = {int(kind) for frames in capture for kind in frames.link_type}
    except NotACapture:
        return None
    return capture.frames if not capture.cut and kinds & {*LINK_TYPES} else None
