"""Peak memory of decoding block by block, and of extraction, on a long capture: `make memory [MB=200]`.

The capture holds real sessions again and again, each later than the last, so that it covers days in order; it
is removed afterwards. Each figure is that of a process of its own, libraries included, which stops by itself
at ten times the bar: the machine is not ours alone.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.captures import Traffic, traffic
from benchmarks.measure import Result, say

BAR_MB = 600
MOST_BYTES = 10 * BAR_MB * 10**6
WORK = ("decode", "extract")
ROOT = Path(__file__).resolve().parents[1]


def run(folder: Path, quick: bool, megabytes: int = 4000) -> Iterator[Result]:
    home = traffic("ucl-quarters", folder)
    path = folder / "long.pcap"
    where = _write(home, path, 20 if quick else megabytes)
    home.write_inventory(folder / "devices.csv")
    for work in WORK:
        say(f"memory: {work} of {where}")
        child = [sys.executable, "-m", "benchmarks.memory", work, str(path)]
        printed = subprocess.run(child, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        peak, outcome = printed.splitlines()[-1].split(maxsplit=1)
        result = Result.alone(f"memory {work}", float(peak), "MB", f"{where}; {outcome}")
        yield result.against("bar", BAR_MB, less_is_better=True)


def _write(home: Traffic, path: Path, megabytes: int) -> str:
    reel = home.reel()
    packets = int(megabytes * 1e6 * len(reel) / reel.begin[-1])
    size = reel.write(path, packets)
    return f"{home.name} ({home.kind}) repeated, {packets:,} packets, {size / 1e6:,.0f} MB, in order of time"


def _measured(work: str, path: Path) -> str:
    """Peak resident memory in MB, and whether the work was done; runs in a process of its own."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    try:
        packets = _decoded(path) if work == "decode" else _extracted(path)
        outcome = f"{packets:,} packets done"
    except MemoryError:
        outcome = f"NOT done, stopped at {MOST_BYTES / 1e6:,.0f} MB"
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return f"{int(peak) * 1024 / 1e6:.0f} {outcome}"


def _decoded(path: Path) -> int:
    from edgeprint.packets.decode import decode_chunks

    return sum(len(table) for table, _ in decode_chunks(path))


def _extracted(path: Path) -> int:
    from benchmarks.extract import extracted
    from edgeprint.packets import inventory

    return extracted(path, inventory.read(path.with_name("devices.csv"))).packets


if __name__ == "__main__":
    print(_measured(sys.argv[1], Path(sys.argv[2])))
