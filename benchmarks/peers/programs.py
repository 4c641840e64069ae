"""Programs of Wireshark, each timed as a whole process."""

from __future__ import annotations

import subprocess
from pathlib import Path

FIELDS = (
    "frame.time_epoch", "frame.len", "eth.src", "eth.dst", "vlan.id", "eth.type", "ip.version", "ip.proto",
    "ip.ttl", "ip.flags.df", "ipv6.nxt", "ipv6.hlim", "tcp.srcport", "tcp.dstport", "udp.srcport",
    "udp.dstport", "tcp.window_size_value", "tcp.flags", "tcp.len", "udp.length", "dns.flags.response",
    "dns.qry.type", "dns.qry.name",
)  # fmt: skip


def tshark(path: Path) -> None:
    """The columns of every packet as text, without name resolution."""
    _run("tshark", "-n", "-r", str(path), "-T", "fields", *(part for f in FIELDS for part in ("-e", f)))


def capinfos(path: Path) -> None:
    """The number of packets: it goes from one record's header to the next."""
    _run("capinfos", "-c", str(path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
