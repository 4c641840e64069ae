"""The head of an Ethernet frame: all that the agent ever reads of one, beside its length and time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprint.edge.batch import Packets

SNAP_BYTES = 14  # both MACs and the ethertype: neither IP addresses nor payload ever reach this process
VLAN_TAG_BYTES, VLAN_VALID = 4, 1 << 4  # TP_STATUS_VLAN_VALID
# A MAC has six octets: each number has two of its neighbour's, which `packets` takes off.
FRAME = np.dtype({"names": ["dst", "src"], "formats": [">u8", ">u8"], "offsets": [0, 4], "itemsize": 12})
LOW_48_BITS = np.uint64((1 << 48) - 1)


def tag_bytes(status: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """[n] What the kernel took out of each frame: a capture tool puts the VLAN tag back, and so counts it."""
    return np.where(status & VLAN_VALID, np.uint32(VLAN_TAG_BYTES), np.uint32(0))


def packets(
    *,
    time_ns: NDArray[np.int64],
    wire_len: NDArray[np.uint32],
    frame: NDArray,
    kept: NDArray[np.uint32],
) -> Packets:
    """MACs out of FRAME records [n]; 0, as in a PacketTable, where less than a header was `kept`."""
    whole = kept >= SNAP_BYTES
    dst = np.where(whole, frame["dst"].astype("u8") >> np.uint64(16), np.uint64(0))
    src = np.where(whole, frame["src"].astype("u8") & LOW_48_BITS, np.uint64(0))
    return Packets(time_ns, wire_len.astype("u4"), src, dst)
