"""The ways to read an interface, and which of them it comes to.

ring    TPACKET_V3, memory shared with the kernel     (the default)
recv    one call a packet; also where the kernel refuses a ring
scapy   portable, slow
"""

from __future__ import annotations

import sys
from typing import Protocol

from edgeprint.edge import interface as interfaces
from edgeprint.edge.batch import Packets
from edgeprint.edge.recv import Recv
from edgeprint.edge.ring import Ring
from edgeprint.edge.scapy_reader import ScapyReader
from edgeprint.errors import BadParams, CannotCapture

BACKENDS = ("ring", "recv", "scapy")


class Reader(Protocol):
    """One way to read an interface. Any method but `close` raises OSError when the interface is gone."""

    backend: str
    notes: list[str]

    def read(self, seconds: float) -> Packets: ...
    def lost(self) -> int | None: ...
    def close(self) -> None: ...


def opened(interface: str, backend: str) -> Reader:
    """A reader of the interface by that back-end, or by recv where the kernel refuses a ring.

    Raises BadParams for a back-end that there is not, CannotCapture where the interface cannot be read.
    """
    if backend not in BACKENDS:
        raise BadParams(f"{backend!r} is no back-end of capture; give {', '.join(BACKENDS)}")
    interfaces.present(interface)
    if backend != "scapy" and not sys.platform.startswith("linux"):
        raise CannotCapture(f"the {backend} back-end needs Linux; --backend scapy reads {interface} here")
    try:
        if backend == "ring":
            return _ring_or_recv(interface)
        return Recv(interface) if backend == "recv" else ScapyReader(interface)
    except PermissionError as error:
        raise CannotCapture(how_to_permit(interface)) from error
    except OSError as error:
        raise CannotCapture(f"{interface} cannot be read: {error}") from error


def _ring_or_recv(interface: str) -> Reader:
    try:
        return Ring(interface)
    except PermissionError:
        raise
    except OSError as error:
        reader = Recv(interface)
        reader.notes.insert(0, f"the kernel refuses a ring ({error.strerror}): packets are read one by one")
        return reader


def how_to_permit(interface: str) -> str:
    """The sentence that a person without permission needs; setcap would permit every program in Python."""
    return (
        f"reading {interface} needs the capability CAP_NET_RAW: sudo setpriv --ambient-caps=+net_raw ... "
        "(docs/edge.md), AmbientCapabilities=CAP_NET_RAW in a systemd unit, or docker run --cap-add NET_RAW"
    )
