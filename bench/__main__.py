"""Print one table: ours, theirs, and the ratio, each the best of several runs on the same input.

python -m bench
"""

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

RUNS = 3


def best(work: Callable[[], object], runs: int = RUNS) -> float:
    """Seconds of the fastest of several runs: the others measure what else the machine does."""
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def decoding(capture: Path, few: Path) -> tuple[float, float]:
    """Packets a second of our decoder and of scapy; scapy reads fewer packets, or this takes minutes."""
    from scapy.utils import RawPcapReader, rdpcap

    from edgeprint.packets.decode import decode

    packets = len(decode(capture)[0])
    first = sum(1 for _ in RawPcapReader(str(few)))
    return packets / best(lambda: decode(capture)), first / best(lambda: rdpcap(str(few)), 1)


def stationarity(points: int) -> tuple[float, float]:
    """ADF tests a second of our search and of statsmodels, on one noisy random walk."""
    from statsmodels.tsa.stattools import adfuller

    from edgeprint.cclp.stationarity import adf

    series = np.random.default_rng(0).normal(size=points).cumsum() + 0.1 * np.arange(points)
    return 1 / best(lambda: adf(series)), 1 / best(lambda: adfuller(series, result_object=False), 1)


def inference(samples: int) -> tuple[float, float]:
    """Confidences a second of the TFLite model as a Pi runs it and of keras.predict, one sample at a time."""
    from edgeprint.binary.network import build
    from edgeprint.registry import tflite

    network = build(75, 60, seed=0)
    runner = tflite.Runner(tflite.convert(network))
    rows = np.random.default_rng(0).random((samples, 75, 60, 1), "f4")
    return samples / best(lambda: runner(rows)), 10 / best(
        lambda: [network.predict(rows[:1], verbose=0) for _ in range(10)], 1
    )


def writing(folder: Path) -> tuple[float, float]:
    """Packets a second of the simulated home's writer and of scapy building and writing UDP packets."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    from edgeprint.testbed.home import simulate

    begin = time.perf_counter()
    packets = simulate(folder / "home", devices=8, quarters=1, hours=12, seed=1).packets
    ours = packets / (time.perf_counter() - begin)

    def build() -> None:
        wrpcap(str(folder / "few.pcap"), [Ether() / IP() / UDP() / (b"x" * 100) for _ in range(2000)])

    return ours, 2000 / best(build, 1)


def main() -> None:
    warnings.simplefilter("ignore")
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows.append(("simulated home against scapy, packets written/s", *writing(folder)))
        (capture,) = (folder / "home").glob("*.pcap")
        rows.append(
            ("decoder against scapy, packets read/s (simulated)", *decoding(capture, folder / "few.pcap"))
        )
    for points in (1000, 5000):
        rows.append((f"ADF against statsmodels, tests/s at {points} points", *stationarity(points)))
    rows.append(("TFLite against keras.predict, samples/s", *inference(200)))
    width = max(len(name) for name, *_ in rows)
    print(f"{'':<{width}}  {'ours':>12}  {'theirs':>12}  {'ratio':>8}")
    for name, ours, theirs in rows:
        print(f"{name:<{width}}  {ours:>12,.1f}  {theirs:>12,.1f}  {ours / theirs:>7,.1f}x")


if __name__ == "__main__":
    main()
