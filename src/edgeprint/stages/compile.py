"""Compile every loop ahead of its first use; numba keeps the result on disk for all later processes."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeprint.cclp import series, stationarity
from edgeprint.packets import names, pcap, pcapng, rows
from edgeprint.packets.decode import decode
from edgeprint.progress import track

LOOPS = (pcap.index_pcap, pcapng.index_pcapng, rows._fill, names._find)
# Ethernet, IPv4, UDP to port 53: a question for the root.
QUESTION = bytes.fromhex(
    "0200000000010200000000020800 4500002d0000400040110000 0a0000010a000002 d431003500190000"
    "0001010000010000000000000000010001"
)


def compile_loops() -> None:
    """Run each compiled function once on the smallest input of its kind, showing progress."""
    work: list[Callable[[], object]] = [_read_captures, _describe_windows]
    for step in track(work, "compiling"):
        step()


def _read_captures() -> None:
    for loop in LOOPS:
        loop.patience = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, content in captures().items():
            path = Path(folder) / name
            path.write_bytes(content)
            decode(path)


def captures() -> dict[str, bytes]:
    """The question as a capture of each format."""
    n = len(QUESTION)
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    record = struct.pack("<IIII", 0, 0, n, n) + QUESTION
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    interface = struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
    padded = QUESTION + bytes(-n % 4)
    block = struct.pack("<III", 3, 16 + len(padded), n) + padded + struct.pack("<I", 16 + len(padded))
    return {"a.pcap": header + record, "a.pcapng": section + interface + block}


def _describe_windows() -> None:
    x, begin, end = np.arange(20.0) ** 2, np.array([0]), np.array([20])
    series.describe(x, begin, end)
    series.extents(x, begin, end)
    stationarity.adf(x)
