"""Two processes over two captures against one process over both: what a second core brings.

The captures are the same packets twice, so that the two have equal work; what one has remembered is forgotten
before the next. Processes are warm when the clock starts. The figure needs two cores that nobody else uses.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.captures import traffic
from benchmarks.extract import extracted, warm_up
from benchmarks.measure import Result, best, forget, say
from edgeprint.packets import inventory

ROUNDS = 2  # of the captures in each file
RUNS = 8  # short ones, of which one may have both cores to itself


def run(folder: Path, quick: bool) -> Iterator[Result]:
    home = traffic("ucl-quarters", folder, hours=1 if quick else 12)
    reel, paths = home.reel(), [folder / "first.pcap", folder / "second.pcap"]
    packets = len(reel) // 4 if quick else len(reel) * ROUNDS
    for path in paths:
        reel.write(path, packets)
    home.write_inventory(folder / "devices.csv")
    one, two = (_seconds(processes, paths) for processes in (1, 2))
    say(f"scale: {one:.2f} s by one process, {two:.2f} s by two")
    where = f"extraction of 2 files of {packets:,} packets, {home.name} ({home.kind}) repeated"
    result = Result.alone("scale", 2 * packets / two, "packets/s", f"{where}; best of {RUNS} runs")
    yield result.against("one process", 2 * packets / one)


def _seconds(processes: int, paths: list[Path]) -> float:
    """Of the fastest of several runs over the captures, each process warm."""
    context = multiprocessing.get_context("spawn")
    everyone = context.Barrier(processes + 1)
    with ProcessPoolExecutor(processes, context, _prepare, (everyone,)) as pool:
        for _ in range(processes):  # a worker starts when there is work for it
            pool.submit(int)
        everyone.wait()
        return best(lambda: list(pool.map(_extract, paths)), RUNS)


def _prepare(everyone: Barrier) -> None:
    """Warm a worker up, and wait until all are."""
    with tempfile.TemporaryDirectory() as folder:
        warm_up(Path(folder))
    everyone.wait()


def _extract(path: Path) -> int:
    forget()
    rows = extracted(path, inventory.read(path.with_name("devices.csv")))
    return rows.packets
