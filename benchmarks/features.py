"""The 219 features beside the plain pandas, scipy and statsmodels version, on the same windows of 30 minutes.

Busy cameras have thousands of packets in a window, where the Dickey-Fuller tests are the work; quiet devices
have about a hundred, where the calls are. The plain version takes seconds a window: it gets a sample of the
quiet ones, and so do we. How far the two differ is said on stderr.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import reference
from benchmarks.captures import Traffic, traffic
from benchmarks.measure import RUNS, Result, best, one_core, say
from edgeprint.cclp.features import SCHEMA, extract
from edgeprint.packets.decode import decode
from edgeprint.packets.table import DevicePackets

CAMERAS = ("xiaomi-cam", "dlink-cam")
MINUTES = 30
EVERY = 40  # window of a quiet device that is measured
REFERENCE_RUNS = 2
PEER = "pandas + scipy + statsmodels"


def run(folder: Path, quick: bool) -> Iterator[Result]:
    with one_core():
        for packets, where in _busy(folder, quick):
            yield _compared("features219 busy", [packets], where)
        quiet, where = _quiet(folder, quick)
        yield _compared("features219 quiet", quiet, where)


def _busy(folder: Path, quick: bool) -> Iterator[tuple[DevicePackets, str]]:
    """Each camera in the capture that has most of it; the busiest device where no camera is at hand."""
    home = traffic("ucl-quarters", folder, hours=1)
    for camera in CAMERAS if home.real else [_busiest(home)]:
        name, packets = max(_everywhere(home, camera), key=lambda found: len(found[1]))
        if quick:
            packets = _kept(packets, np.arange(len(packets)) < 2000)
        yield packets, f"{home.name}/{name} ({home.kind}), {camera}"


def _quiet(folder: Path, quick: bool) -> tuple[list[DevicePackets], str]:
    """Every EVERYth window of every device."""
    home = traffic("fit-week", folder)
    every = EVERY * 10 if quick else EVERY
    sampled = []
    for device in home.inventory.devices:
        for _, packets in _everywhere(home, device):
            _, number = np.unique(packets.table.time_ns // (MINUTES * 60 * 10**9), return_inverse=True)
            sampled.append(_kept(packets, number % every == 0))
    return sampled, f"{home.name} ({home.kind}), all devices, every {every}th window"


def _everywhere(home: Traffic, device: str) -> Iterator[tuple[str, DevicePackets]]:
    """The captures that hold packets of a device, by name."""
    for path in home.captures:
        found = home.inventory.split(decode(path)[0])
        if device in found:
            yield path.name, found[device]


def _busiest(home: Traffic) -> str:
    found = home.inventory.split(decode(home.captures[0])[0])
    return max(found, key=lambda device: len(found[device]))


def _kept(packets: DevicePackets, rows: np.ndarray) -> DevicePackets:
    return DevicePackets(packets.device, packets.table.select(rows), packets.sent[rows])


def _compared(name: str, devices: list[DevicePackets], where: str) -> Result:
    """Windows a second of both on the same packets, once both are warm."""
    warnings.simplefilter("ignore")  # statsmodels has words on one series in twenty
    warm = _kept(devices[0], np.arange(len(devices[0])) < 500)
    extract(warm, window_minutes=MINUTES)
    reference.extract(warm, window_minutes=MINUTES)
    windows = _largest_difference(name, devices)
    ours = best(lambda: [extract(packets, window_minutes=MINUTES) for packets in devices])
    theirs = best(
        lambda: [reference.extract(packets, window_minutes=MINUTES) for packets in devices], REFERENCE_RUNS
    )
    say(f"{name}: {ours:.3f} s, the plain version {theirs:.1f} s; windows: {windows}")
    count = sum(map(len, devices))
    data = f"{where}, {windows} x {MINUTES} minutes, {count:,} packets; best of {RUNS} runs"
    note = f"plain version best of {REFERENCE_RUNS}"
    return Result.alone(name, windows / ours, "windows/s", data).against(PEER, windows / theirs, note)


def _largest_difference(name: str, devices: list[DevicePackets]) -> int:
    """Say how far the two versions differ at most, relative to values above 1; the number of windows."""
    largest, windows = 0.0, 0
    for packets in devices:
        _, values = extract(packets, window_minutes=MINUTES)
        plain = reference.extract(packets, window_minutes=MINUTES)[list(SCHEMA.names)].to_numpy()
        largest = max(largest, (np.abs(values - plain) / np.maximum(1, np.abs(plain))).max())
        windows += len(values)
    say(f"{name}: the two versions differ by {largest:.0e} at most")
    return windows
