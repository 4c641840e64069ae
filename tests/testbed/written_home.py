"""A written home, and a reader of its captures that knows nothing of the writer."""

import struct
from dataclasses import dataclass
from pathlib import Path

from edgeprint.packets.inventory import Inventory, read
from edgeprint.testbed.home import Summary, simulate


@dataclass(frozen=True)
class Home:
    folder: Path
    summary: Summary
    inventory: Inventory

    def capture(self, quarter: int) -> Path:
        return self.folder / self.summary.files[quarter - 1]


@dataclass(frozen=True)
class Record:
    time: float
    data: bytes
    wire_len: int


def records(path: Path) -> list[Record]:
    """The records of a little-endian microsecond pcap, read one by one."""
    data, at, found = path.read_bytes(), 24, []
    while at < len(data):
        seconds, micros, kept, wire_len = struct.unpack_from("<IIII", data, at)
        found.append(Record(seconds + micros / 1e6, data[at + 16 : at + 16 + kept], wire_len))
        at += 16 + kept
    return found


def home(folder: Path, **kwargs) -> Home:
    summary = simulate(folder, **kwargs)
    return Home(folder, summary, read(folder / "devices.csv"))
