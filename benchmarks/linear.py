"""Time a packet as captures grow: sixteen times the packets must not take more than sixteen times as long.

Decoding reads the same captures once, four and sixteen times over. Extraction remembers what it has seen, so
it gets the first sixteenth, the first quarter and all of a week.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.captures import Traffic, traffic
from benchmarks.decode import read_all
from benchmarks.extract import extracted, warm_up
from benchmarks.measure import RUNS, Result, best, one_core, say

TIMES = (1, 4, 16)


def run(folder: Path, quick: bool) -> Iterator[Result]:
    hours = 1 if quick else 12
    with one_core():
        warm_up(folder)
        yield from _decoding(traffic("ucl-quarters", folder, hours=hours), folder, quick)
        yield from _extraction(traffic("fit-week", folder, hours=4 * hours), folder, quick)


def _decoding(home: Traffic, folder: Path, quick: bool) -> Iterator[Result]:
    reel = home.reel().every(10 if quick else 1)
    sizes = [len(reel) * times for times in TIMES]
    seconds = []
    for packets in sizes:
        reel.write(folder / "grown.pcap", packets)
        seconds.append(best(lambda: read_all(folder / "grown.pcap")))
    return _compared("linear decode", sizes, seconds, f"{home.name} ({home.kind}) repeated")


def _extraction(home: Traffic, folder: Path, quick: bool) -> Iterator[Result]:
    reel = home.reel()
    sizes = [len(reel) * times // TIMES[-1] // (10 if quick else 1) for times in TIMES]
    seconds = []
    for packets in sizes:
        reel.write(folder / "grown.pcap", packets)
        seconds.append(best(lambda: extracted(folder / "grown.pcap", home.inventory)))
    return _compared("linear extract", sizes, seconds, f"the first of {home.name} ({home.kind})")


def _compared(name: str, sizes: list[int], seconds: list[float], where: str) -> Iterator[Result]:
    """Each larger size against the smallest: a ratio of 1 is linear, below 1 a packet costs more."""
    each = [1e9 * taken / packets for packets, taken in zip(sizes, seconds, strict=True)]
    say(f"{name}: {', '.join(f'{ns:,.0f}' for ns in each)} ns a packet at {sizes} packets")
    for times, packets, ns in list(zip(TIMES, sizes, each, strict=True))[1:]:
        data = f"{where}, {packets:,} packets against {sizes[0]:,}; best of {RUNS} runs"
        result = Result.alone(f"{name} x{times}", ns, "ns/packet", data)
        yield result.against("x1", each[0], less_is_better=True)
