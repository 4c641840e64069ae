"""The capture of the paper's prototype (papers/binary-edge section 5.2), by its description.

It listens through scapy for a sampling window, collects both MACs, time and size of each packet, and splits
the packets into a list a device and direction when the window is over. Windows follow each other until the
process is told to stop; what is done with each is `prototype_identify`.
"""

from __future__ import annotations

from collections.abc import Callable

from scapy import all as scapy  # loads every layer, as its users do
from scapy.layers.l2 import Ether
from scapy.packet import Packet

WINDOW_SECONDS = 7.5

Collected = list[tuple[str, str, float, int]]  # source, destination, time (s since the epoch) and size


def listen(
    interface: str,
    ready: Callable[[], None],
    stopped: Callable[[], bool],
    *,
    seconds: float = WINDOW_SECONDS,
    window: Callable[[Collected], object] | None = None,
) -> int:
    """How many packets were collected; a callback is called for each, `window` with those of a window."""
    window = window or split
    collected: Collected = []
    total = 0

    def collect(packet: Packet) -> None:
        if Ether in packet:
            ether = packet[Ether]
            collected.append((ether.src, ether.dst, float(packet.time), len(packet)))

    while not stopped():
        sniffer = scapy.AsyncSniffer(iface=interface, prn=collect, store=False, started_callback=ready)
        sniffer.start()
        _wait(sniffer, stopped, seconds)
        sniffer.stop()
        total += len(collected)
        window(collected)
        collected.clear()
    return total


def _wait(sniffer: scapy.AsyncSniffer, stopped: Callable[[], bool], seconds: float) -> None:
    for _ in range(int(seconds * 10)):
        if stopped():
            return
        sniffer.join(0.1)


def split(collected: Collected) -> dict[str, list[tuple[float, int]]]:
    """(time, size) of each device's packets, negative where it received."""
    devices: dict[str, list[tuple[float, int]]] = {}
    for src, dst, time, size in collected:
        devices.setdefault(src, []).append((time, size))
        devices.setdefault(dst, []).append((time, -size))
    return devices
