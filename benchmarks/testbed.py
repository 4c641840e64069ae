"""The simulated home, packets made and written, beside scapy building and writing plain UDP packets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from benchmarks.measure import RUNS, Result, best, one_core
from edgeprint.testbed.home import simulate

DEVICES = 8
SCAPY_PACKETS = 2000


def run(folder: Path, quick: bool) -> Iterator[Result]:
    hours = 1 if quick else 12
    written = []

    def ours() -> None:
        written.append(simulate(folder / "home", devices=DEVICES, quarters=1, hours=hours, seed=1).packets)

    def theirs() -> None:
        packets = [Ether() / IP() / UDP() / (b"x" * 100) for _ in range(SCAPY_PACKETS)]
        wrpcap(str(folder / "few.pcap"), packets)

    with one_core():
        seconds = best(ours)
        peer = SCAPY_PACKETS / best(theirs)
    data = f"simulated home of {hours} hours, {written[0]:,} packets; best of {RUNS} runs"
    note = f"scapy: {SCAPY_PACKETS:,} equal packets"
    yield Result.alone("testbed", written[0] / seconds, "packets/s", data).against("scapy", peer, note)
