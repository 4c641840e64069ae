"""Reads an interface through scapy: where there are no packet sockets, and slowly. scapy is imported on use.

Times are those of scapy's floats, good to a microsecond. What was lost is not known.
"""

from __future__ import annotations

import errno
import time

import numpy as np

from edgeprint.edge.batch import NOTHING, Packets
from edgeprint.edge.frame_head import SNAP_BYTES
from edgeprint.edge.recv import BUFFER_BYTES
from edgeprint.errors import CannotCapture

AT_ONCE = 1000
LONGEST = 65_535


class ScapyReader:
    """Raises CannotCapture without scapy, OSError for an interface that cannot be opened."""

    backend = "scapy"

    def __init__(self, interface: str) -> None:
        try:
            from scapy.all import conf
            from scapy.error import Scapy_Exception
        except ImportError as error:
            raise CannotCapture("the scapy back-end needs scapy: pip install scapy") from error
        self.notes = ["scapy does not say how many packets it lost"]
        try:
            conf.ifaces.reload()  # it remembers the numbers of interfaces, and this one may have a new one
            conf.bufsize = BUFFER_BYTES
            self._socket = conf.L2listen(iface=interface, promisc=True)
        except (Scapy_Exception, ValueError) as error:
            raise OSError(errno.ENODEV, str(error)) from error

    def read(self, seconds: float) -> Packets:
        """What is there, after waiting so long for the first. Raises OSError."""
        found: list[tuple[int, int, bytes]] = []
        while len(found) < AT_ONCE and self._socket.select([self._socket], 0 if found else seconds):
            _, frame, stamp = self._socket.recv_raw(LONGEST)
            if frame is None:
                break
            found.append((time.time_ns() if stamp is None else round(stamp * 1e9), len(frame), frame))
        if not found:
            return NOTHING
        time_ns, length, frames = zip(*found, strict=True)
        macs = [(_mac(frame, 6), _mac(frame, 0)) for frame in frames]
        src, dst = np.array(macs, "u8").T
        return Packets(np.array(time_ns, "i8"), np.array(length, "u4"), src, dst)

    def lost(self) -> None:
        """Not known."""

    def close(self) -> None:
        self._socket.close()


def _mac(frame: bytes, at: int) -> int:
    return int.from_bytes(frame[at : at + 6], "big") if len(frame) >= SNAP_BYTES else 0
