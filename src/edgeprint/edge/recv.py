"""Reads an interface packet by packet with recvmsg: where the kernel refuses a ring, and beside one."""

from __future__ import annotations

import select
import socket
import time

import numpy as np

from edgeprint.edge.batch import NOTHING, Packets
from edgeprint.edge.frame_head import FRAME, SNAP_BYTES, packets, tag_bytes
from edgeprint.edge.packet_socket import SOL_PACKET, PacketSocket

AUXDATA = 8
RECEIVE_BUFFER_FORCE = 33  # SO_RCVBUFFORCE, beyond the limit for ordinary users
BUFFER_BYTES = 16 << 20  # 100,000 packets a second wait here for a fifth of a second
AT_ONCE = 4096
SLOT_BYTES = 16  # for the 14 that are kept
CONTROL_BYTES = 128
STAMP = np.dtype([("sec", "i8"), ("nsec", "i8")])
AUX = np.dtype(
    {"names": ["status", "len", "snaplen"], "formats": ["u4"] * 3, "offsets": [0, 4, 8], "itemsize": 20}
)  # struct tpacket_auxdata


class Recv:
    """Raises OSError for an interface that is gone and PermissionError without CAP_NET_RAW."""

    backend = "recv"

    def __init__(self, interface: str) -> None:
        self.notes: list[str] = []
        self._socket = PacketSocket(interface)
        self._slots = np.zeros((AT_ONCE, SLOT_BYTES), "u1")
        self._into = [[memoryview(slot)[:SNAP_BYTES]] for slot in self._slots]  # type: ignore[arg-type]
        try:
            self._prepare()
            self._socket.listen()
        except BaseException:
            self._socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket.socket, select.POLLIN | select.POLLERR)

    def _prepare(self) -> None:
        opened = self._socket
        self._has_aux = opened.option(SOL_PACKET, AUXDATA, 1)
        if self._has_aux:
            opened.keep(SNAP_BYTES)
        else:  # a frame that is cut would not say how long it was
            self.notes.append("the kernel does not tell of VLAN tags: tagged frames count 4 bytes less")
        if not opened.option(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, BUFFER_BYTES):
            opened.option(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        granted = opened.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
        if granted < BUFFER_BYTES:
            self.notes.append(
                f"the kernel grants a buffer of {granted / 1e6:.1f} MB, so bursts will be lost: "
                f"sudo sysctl net.core.rmem_max={BUFFER_BYTES}"
            )

    def read(self, seconds: float) -> Packets:
        """What is there, after waiting so long for the first. Raises OSError (ENETDOWN)."""
        if not self._poll.poll(seconds * 1000):
            return NOTHING
        receive, flags = self._socket.socket.recvmsg_into, socket.MSG_DONTWAIT | socket.MSG_TRUNC
        lengths, control = [], []
        try:
            for slot in self._into:
                length, messages, _, _ = receive(slot, CONTROL_BYTES, flags)
                lengths.append(length)
                control.append(messages)
        except BlockingIOError:
            pass
        except OSError:
            if not lengths:
                raise
        return self._parsed(np.array(lengths, "u4"), control) if lengths else NOTHING

    def _parsed(self, lengths: np.ndarray, control: list) -> Packets:
        """The kernel puts the time before the auxiliary data; either may be missing."""
        n = len(lengths)
        time_ns = np.full(n, time.time_ns())
        wire_len = kept = lengths
        if self._socket.stamped:
            stamp = np.frombuffer(b"".join([messages[0][2] for messages in control]), STAMP)
            time_ns = stamp["sec"] * 10**9 + stamp["nsec"]
        if self._has_aux:
            aux = np.frombuffer(b"".join([messages[-1][2] for messages in control]), AUX)
            wire_len, kept = aux["len"] + tag_bytes(aux["status"]), aux["snaplen"]
        frame = self._slots[:n, : FRAME.itemsize].copy().view(FRAME)[:, 0]
        return packets(time_ns=time_ns, wire_len=wire_len, frame=frame, kept=kept)

    def lost(self) -> int | None:
        """Packets since the last call that found the buffer full; None where the kernel does not say."""
        return self._socket.lost()

    def close(self) -> None:
        self._socket.close()
