"""A link of two Ethernet interfaces in a network namespace of its own, and what is sent and seen there."""

import contextlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks import veth
from benchmarks.veth import LAN, SENDER
from edgeprint.edge.batch import Batch, Packets
from edgeprint.edge.live import Live
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import decode
from edgeprint.packets.frames import Frames

PATIENCE_S = 10


@contextlib.contextmanager
def link() -> Iterator[None]:
    """This thread, and what it starts, in a network of its own with nothing but the link."""
    needs("ip")
    try:
        with veth.network():
            veth.lay()
            yield
    except PermissionError as error:
        pytest.skip(str(error))


def needs(*programs: str) -> None:
    if missing := [program for program in programs if not shutil.which(program)]:
        pytest.skip(f"needs {', '.join(missing)}")


def send(*frames: bytes, over: str = SENDER) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((over, 0))
        for frame in frames:
            raw.send(frame)


def frame(src: int, dst: int, size: int = 100) -> bytes:
    return (dst.to_bytes(6, "big") + src.to_bytes(6, "big") + b"\x88\xb5").ljust(size, b"\0")


def replayed(capture: Path, *options: str) -> None:
    subprocess.run(["tcpreplay", "-q", "-i", SENDER, *options, capture], check=True, capture_output=True)


@dataclass
class Seen:
    """What a source gave."""

    source: Live
    batches: list[Batch]

    @property
    def packets(self) -> Packets:
        columns = ("time_ns", "wire_len", "src", "dst")
        return Packets(*(np.concatenate([getattr(b, column) for b in self.batches]) for column in columns))

    def wait(self, condition: Callable[[], bool], what: str = "it") -> None:
        due = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < due, f"waited {PATIENCE_S} s for {what}: {self.source.notes}"
            time.sleep(0.01)

    def wait_for(self, received: int) -> None:
        self.wait(lambda: self.source.received >= received, f"{received} packets")


@contextlib.contextmanager
def watching(source: Live) -> Iterator[Seen]:
    """The source is read in a thread meanwhile, and stopped at the end."""
    seen = Seen(source, [])
    thread = threading.Thread(target=lambda: seen.batches.extend(source))
    thread.start()
    time.sleep(0.1)  # the kernel begins to stamp packets on arrival a little after it was asked to
    try:
        yield seen
    finally:
        source.stop()
        thread.join()


@contextlib.contextmanager
def captured(path: Path, interface: str = LAN) -> Iterator[Path]:
    """tcpdump beside, into that file."""
    command = f"tcpdump -i {interface} -s 64 -B 32768 -Z root --time-stamp-precision=nano -w {path}"
    dump = subprocess.Popen(command.split(), stderr=subprocess.PIPE, text=True)
    assert dump.stderr
    while "listening" not in (line := dump.stderr.readline()):
        assert line, "tcpdump ended"
    try:
        yield path
    finally:
        time.sleep(1.1)  # it reads the kernel's buffer once a second
        dump.send_signal(signal.SIGINT)
        assert "\n0 packets dropped by kernel" in dump.communicate()[1]


def in_capture(path: Path) -> Packets:
    table = decode(path)[0].in_time_order()
    return Packets(table.time_ns, table.wire_len, table.src, table.dst)


def excerpt(capture: Path, into: Path, *, seconds: float) -> int:
    """The busiest seconds of a capture, as a pcap with nanoseconds; how many packets it has."""
    frames: Frames = next(iter(CaptureFile(capture)))
    frames = frames.select(np.argsort(frames.time_ns, kind="stable"))
    behind = np.searchsorted(frames.time_ns, frames.time_ns + round(seconds * 1e9))
    first = int(np.argmax(behind - np.arange(len(frames))))
    with into.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for row in range(first, int(behind[first])):
            octets, stamp = frames[row], divmod(int(frames.time_ns[row]), 10**9)
            file.write(struct.pack("<IIII", *stamp, len(octets), int(frames.wire_len[row])) + octets)
    return int(behind[first]) - first
