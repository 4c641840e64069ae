"""A TPACKET_V3 ring: the kernel writes frames into memory that is shared with it, a block at a time.

    ring = Ring("eth0")
    ring.read(seconds=1)        # Packets of the blocks that are full, or have been open for a while

No system call and no Python a packet: a block's headers stand a constant stride apart, because all frames
are cut to the same length, and are read as one array. Sources: linux/if_packet.h, and packet_mmap in the
kernel's documentation.
"""

from __future__ import annotations

import mmap
import select
import struct

import numpy as np
from numpy.typing import NDArray

from edgeprint.edge.batch import NOTHING, Packets
from edgeprint.edge.frame_head import FRAME, SNAP_BYTES, packets, tag_bytes
from edgeprint.edge.packet_socket import SOL_PACKET, PacketSocket

RX_RING, VERSION, TPACKET_V3 = 5, 10, 2
BLOCK_BYTES, BLOCKS = 1 << 20, 8  # resident; 85,000 frames: 0.8 s at the fastest rate that is promised
HANDED_OVER_MS = 100  # a block that is not full by then
STATUS, COUNT, FIRST = 8, 12, 16  # offsets in a block's description
READY = 1  # TP_STATUS_USER
HEADER = np.dtype(
    {
        "names": ["next", "sec", "nsec", "snaplen", "len", "status", "mac"],
        "formats": ["u4", "u4", "u4", "u4", "u4", "u4", "u2"],
        "offsets": [0, 4, 8, 12, 16, 20, 24],
        "itemsize": 48,
    }
)  # struct tpacket3_hdr


class Ring:
    """Raises OSError where the kernel refuses a ring, as qemu's user mode does, or the interface is gone."""

    backend = "ring"

    def __init__(self, interface: str) -> None:
        self.notes: list[str] = []
        self._socket = PacketSocket(interface)
        try:
            self._socket.keep(SNAP_BYTES)
            self._memory = self._map()
            self._socket.listen()
        except BaseException:
            self._socket.close()
            raise
        self._octets = np.frombuffer(self._memory, "u1").reshape(BLOCKS, BLOCK_BYTES)
        self._words = self._octets.view("u4")
        self._next = 0
        self._poll = select.poll()
        self._poll.register(self._socket.socket, select.POLLIN | select.POLLERR)

    def _map(self) -> mmap.mmap:
        frame = 2048  # only has to divide a block: frames of the third version have any length
        size = struct.pack(
            "7I", BLOCK_BYTES, BLOCKS, frame, BLOCK_BYTES * BLOCKS // frame, HANDED_OVER_MS, 0, 0
        )
        self._socket.socket.setsockopt(SOL_PACKET, VERSION, TPACKET_V3)
        self._socket.socket.setsockopt(SOL_PACKET, RX_RING, size)
        return mmap.mmap(self._socket.socket.fileno(), BLOCK_BYTES * BLOCKS)

    def read(self, seconds: float) -> Packets:
        """All blocks that are ready, after waiting so long for the first. Raises OSError (ENETDOWN)."""
        if not self._ready and self._poll.poll(seconds * 1000):
            self._socket.raise_error()
        blocks = [NOTHING]
        for _ in range(BLOCKS):
            if not self._ready:
                break
            blocks.append(parse(self._octets[self._next]))
            # One store of four bytes: from then on the block is the kernel's.
            self._words[self._next, STATUS // 4] = 0
            self._next = (self._next + 1) % BLOCKS
        return Packets(*map(np.concatenate, zip(*blocks, strict=True)))

    @property
    def _ready(self) -> bool:
        return bool(self._words[self._next, STATUS // 4] & READY)

    def lost(self) -> int | None:
        """Packets since the last call for which no block was free."""
        return self._socket.lost()

    def close(self) -> None:
        self._socket.close()  # the memory goes with the last array that looks into it
        self._octets = self._words = np.empty((0, 0), "u1")


def parse(block: NDArray[np.uint8]) -> Packets:
    """Copies of what the agent needs of a block's frames [n]."""
    words = block.view("u4")
    at = starts(words, int(words[FIRST // 4]), int(words[COUNT // 4]))
    if not len(at):
        return NOTHING
    header = records(block, at, HEADER)
    return packets(
        time_ns=header["sec"].astype("i8") * 10**9 + header["nsec"],
        wire_len=header["len"] + tag_bytes(header["status"]),
        frame=records(block, at + header["mac"], FRAME),
        kept=header["snaplen"],
    )


def starts(words: NDArray[np.uint32], first: int, count: int) -> NDArray[np.int64]:
    """Where the frames' headers [count] begin: a constant stride apart, or each where the last one says."""
    if count < 2:
        return np.full(count, first)
    stride = int(words[first // 4])
    at = first + stride * np.arange(count)
    if at[-1] < 4 * len(words) and np.all(words[at[:-1] // 4] == stride):
        return at
    for row in range(1, count):
        at[row] = at[row - 1] + int(words[at[row - 1] // 4])
    return at


def records(octets: NDArray[np.uint8], at: NDArray[np.int64], dtype: np.dtype) -> NDArray:
    """Structures [n] at the given offsets: a view where these are evenly spaced, else a copy."""
    steps = np.diff(at)
    if at[-1] + dtype.itemsize <= len(octets) and np.all(steps == steps[:1]):
        stride = int(steps[0]) if len(steps) else dtype.itemsize
        return np.ndarray(len(at), dtype, octets, int(at[0]), (stride,))  # type: ignore[arg-type]
    return octets.take(at[:, None] + np.arange(dtype.itemsize), mode="clip").view(dtype)[:, 0]
