"""Packets read from a veth link at growing rates, and the CPU that it takes, beside the paper's prototype.

tcpreplay sends from one core what a process of its own reads on another. Needs root, for a network of its
own, and tcpreplay. Rates are those that tcpreplay reached. A reader that loses packets spends little: compare
CPU a packet read.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.captures import Traffic
from benchmarks.measure import Result, say
from benchmarks.veth import LAN, SENDER, lay, network
from edgeprint.packets import inventory
from edgeprint.testbed.home import simulate

RATES = (1_000, 2_000, 20_000, 100_000)  # packets a second
SECONDS, QUICK_SECONDS = 5.0, 0.5
DEVICES = 40
OURS, PROTOTYPE = ("ring", "recv"), "prototype"
SETTLE_S = 1.5  # after the last packet: what waits in a buffer is read
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Read:
    """What a reader made of what was sent."""

    sent: int
    seconds: float
    received: int
    dropped: int | None  # as the kernel counted
    cpu_seconds: float
    rss_mb: float

    @property
    def kept(self) -> float:
        return 100 * self.received / self.sent

    @property
    def cpu(self) -> float:
        """Percent of a core, while packets were sent."""
        return 100 * self.cpu_seconds / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds a packet that was read."""
        return 1e6 * self.cpu_seconds / max(self.received, 1)

    def __str__(self) -> str:
        rate = self.sent / self.seconds
        return (
            f"read {self.received:,} of {self.sent:,} packets at {rate:,.0f} a second, "
            f"{'losses unreported' if self.dropped is None else f'{self.dropped:,} lost by the kernel'}, "
            f"{self.cpu:.1f} % of a core, {self.cpu_each:.2f} µs a packet read, "
            f"{self.rss_mb:.0f} MB"
        )


def run(folder: Path, quick: bool) -> Iterator[Result]:
    if os.geteuid() != 0 or not shutil.which("tcpreplay"):
        say("edge-capture: needs root and tcpreplay")
        return
    capture, packets = _capture(folder)
    with network():
        lay()
        for rate in RATES:
            count = int(rate * (QUICK_SECONDS if quick else SECONDS))
            reads = {way: _read(way, capture, packets, rate, count) for way in (*OURS, PROTOTYPE)}
            for way, read in reads.items():
                say(f"edge-capture: {way}: {read}")
            theirs = reads[PROTOTYPE]
            for way in OURS:
                ours, name = reads[way], f"edge-capture {way} at {rate // 1000} kpps"
                data = f"simulated home of {DEVICES} devices on a veth, one core; {ours}"
                note = f"prototype: {theirs}"
                kept = Result.alone(f"{name}, packets read", ours.kept, "%", data)
                yield kept.against(PROTOTYPE, theirs.kept, note)
                cpu = Result.alone(f"{name}, CPU", ours.cpu, "% of a core", data)
                yield cpu.against(PROTOTYPE, theirs.cpu, note, less_is_better=True)


def _capture(folder: Path) -> tuple[Path, int]:
    """A capture of a busy simulated home, and its packets; what is longer is it again and again."""
    simulate(folder / "home", devices=DEVICES, quarters=1, hours=0.1, seed=1)
    devices = inventory.read(folder / "home/devices.csv")
    reel = Traffic("home", False, sorted((folder / "home").glob("*.pcap")), devices, at_once=True).reel()
    reel.write(folder / "home.pcap")
    return folder / "home.pcap", len(reel)


def _read(way: str, capture: Path, packets: int, rate: int, count: int) -> Read:
    first, last = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.edge_capture", way, str(last)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout and child.stdout.readline() == "ready\n"
    options = f"-q -K -i {SENDER} --pps={rate} --loop={-(-count // packets)} --limit={count}".split()
    done = subprocess.run(
        ["taskset", "-c", str(first), "tcpreplay", *options, str(capture)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    sent, seconds = re.findall(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", done.stdout)[0]
    time.sleep(SETTLE_S)
    child.send_signal(signal.SIGTERM)
    return Read(int(sent), float(seconds), **json.loads(child.communicate()[0]))


def _reader(way: str, core: int) -> dict[str, object]:
    """Reads until SIGTERM; runs in a process of its own."""
    os.sched_setaffinity(0, {core})
    spent_before = 0.0

    def ready() -> None:
        nonlocal spent_before
        if not spent_before:
            spent_before = _cpu_seconds()
            print("ready", flush=True)

    received, dropped = _prototype(ready) if way == PROTOTYPE else _ours(way, ready)
    peak = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]
    return {
        "received": received,
        "dropped": dropped,
        "cpu_seconds": _cpu_seconds() - spent_before,
        "rss_mb": int(peak) * 1024 / 1e6,
    }


def _ours(way: str, ready: Callable[[], None]) -> tuple[int, int | None]:
    from edgeprint.edge.live import Live, stopped_by_signals

    source = Live(LAN, way)
    with stopped_by_signals(source):
        ready()
        for _ in source:
            pass
    return source.received, source.dropped


def _prototype(ready: Callable[[], None]) -> tuple[int, None]:
    from benchmarks.peers.prototype_capture import listen

    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    return listen(LAN, ready, lambda: bool(told)), None


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(json.dumps(_reader(sys.argv[1], int(sys.argv[2]))))
