"""The captures that benchmarks read: real ones where they are at hand, else the simulated home.

    home = traffic("ucl-quarters", folder)
    reel = home.reel()                                  # all its frames in one order of time
    reel.write(folder / "long.pcap", packets=10_000_000)

Captures of others stay where they are: what is made from them lives in a temporary folder.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import say
from edgeprint.packets import inventory
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.inventory import Device, Inventory, mac_number, mac_text
from edgeprint.packets.link_layer import ETHERNET
from edgeprint.testbed.home import simulate

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NANOSECOND_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, ETHERNET)
WINDOW_NS = 30 * 60 * 10**9  # a shift by a multiple of this leaves every window as it was
SIMULATED = "simulated home"


@dataclass(frozen=True)
class Traffic:
    """The captures of one place, and its devices."""

    name: str
    real: bool
    captures: list[Path]
    inventory: Inventory
    at_once: bool  # the captures were made side by side; otherwise they are sessions, one after the other

    @property
    def kind(self) -> str:
        return "real" if self.real else "simulated"

    def reel(self) -> Reel:
        """Every frame of every capture; sessions are moved by whole windows, each behind the last."""
        frames: list[Frame] = []
        for path in self.captures:
            session = sorted(_frames(path), key=lambda frame: frame[0])
            shift = 0 if self.at_once or not frames else _shift(frames[-1][0], session[0][0])
            frames += [(time_ns + shift, wire_len, octets) for time_ns, wire_len, octets in session]
        return Reel.of(sorted(frames, key=lambda frame: frame[0]))

    def write_inventory(self, path: Path) -> None:
        """devices.csv, for a process that reads it by itself."""
        devices = self.inventory.devices.values()
        lines = [f"{mac_text(m)},{d.name},{d.category},{int(d.iot)}" for d in devices for m in sorted(d.macs)]
        path.write_text("\n".join([",".join(inventory.HEADER), *lines, ""]))


def traffic(name: str, folder: Path, *, hours: float = 12) -> Traffic:
    """A set of real captures by its name, or the simulated home, written to `folder`, in its place."""
    if name != SIMULATED and (DATA / name).is_dir():
        captures = sorted((DATA / name).glob("*.pcap"))
        return Traffic(name, True, captures, _listed(name), at_once=name == "fit-week")
    if name != SIMULATED:
        say(f"{name} is not at hand: the simulated home stands in")
    home = folder / f"home-of-{hours:g}-hours"
    simulate(home, devices=8, quarters=1, hours=hours, seed=1)
    return Traffic(
        f"{SIMULATED} of {hours:g} hours",
        False,
        sorted(home.glob("*.pcap")),
        inventory.read(home / "devices.csv"),
        at_once=True,
    )


def _listed(name: str) -> Inventory:
    """The devices that captures.csv lists for a set; it has no column `iot`, for all are."""
    with (DATA / "captures.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith(name + "/")]
    macs: dict[str, set[int]] = {}
    for row in rows:
        macs.setdefault(row["device"], set()).add(mac_number(row["mac"]))
    kinds = {row["device"]: row["category"] for row in rows}
    return Inventory({d: Device(d, kinds[d], True, frozenset(own)) for d, own in macs.items()})


Frame = tuple[int, int, bytes]  # time (ns since the epoch), wire length, captured bytes


def _frames(path: Path) -> Iterator[Frame]:
    for block in CaptureFile(path):
        if np.any(block.link_type != ETHERNET):
            raise ValueError(f"{path.name} is not of Ethernet frames alone")
        times, lengths = block.time_ns.tolist(), block.wire_len.tolist()
        for row, (time_ns, wire_len) in enumerate(zip(times, lengths, strict=True)):
            yield time_ns, wire_len, block[row]


def _shift(last_ns: int, first_ns: int) -> int:
    """Whole windows from `first_ns` to the window after the one of `last_ns`."""
    return (last_ns // WINDOW_NS + 1 - first_ns // WINDOW_NS) * WINDOW_NS


@dataclass(frozen=True)
class Reel:
    """Frames as pcap records, to be written any number of times, each time later than the last."""

    records: NDArray[np.uint8]
    begin: NDArray[np.int64]  # of each record [n + 1]; the last is the end
    time_ns: NDArray[np.int64]  # [n]

    @classmethod
    def of(cls, frames: list[Frame]) -> Reel:
        """From frames in the order of their times."""
        heads = (struct.pack("<IIII", 0, 0, len(octets), wire_len) for _, wire_len, octets in frames)
        pieces = [head + octets for head, (_, _, octets) in zip(heads, frames, strict=True)]
        begin = np.cumsum([0, *map(len, pieces)])
        records = np.frombuffer(bytearray(b"".join(pieces)), "u1")
        return cls(records, begin, np.array([time_ns for time_ns, _, _ in frames], "i8"))

    def __len__(self) -> int:
        return len(self.time_ns)

    def every(self, nth: int) -> Reel:
        """Every n-th frame: a small sample with the same mix of packets."""
        rows = np.arange(0, len(self), nth)
        pieces = [self.records[self.begin[row] : self.begin[row + 1]] for row in rows]
        begin = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
        return Reel(np.concatenate(pieces), begin, self.time_ns[rows])

    def write(self, path: Path, packets: int | None = None) -> int:
        """Write so many packets, once round unless told; return the bytes written."""
        left = len(self) if packets is None else packets
        period = _shift(int(self.time_ns[-1]), int(self.time_ns[0])) if len(self) else 0
        fields = self.begin[:-1, None] + np.arange(8)
        times = self.time_ns
        with path.open("wb") as file:
            file.write(NANOSECOND_HEADER)
            while left > 0:
                now = min(left, len(self))
                self.records[fields] = np.stack(np.divmod(times, 10**9), 1).astype("<u4").view("u1")
                file.write(self.records[: self.begin[now]].data)
                left, times = left - now, times + period
            return file.tell()
