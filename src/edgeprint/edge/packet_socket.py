"""A packet socket on one interface, for what both ways of reading it share. Linux only; see packet(7).

    opened = PacketSocket("eth0")
    opened.keep(14)      # octets of each frame; lengths remain those on the wire
    opened.listen()      # from here on; nothing before, and nothing of another interface

CAP_NET_RAW is all that it needs.
"""

from __future__ import annotations

import ctypes
import socket
import struct

from edgeprint.edge.interface import LOOPBACK, of_ethernet

# linux/if_packet.h and asm-generic/socket.h
SOL_PACKET = 263
ADD_MEMBERSHIP, STATISTICS, IGNORE_OUTGOING, PROMISCUOUS = 1, 6, 23, 1
ATTACH_FILTER, TIMESTAMP_NS = 26, 64  # SO_TIMESTAMPNS_NEW: seconds of 64 bits on any machine
EVERY_PROTOCOL = 3
RETURN_CONSTANT = 0x06  # BPF_RET | BPF_K


class PacketSocket:
    """Raises OSError for an interface that is not there and PermissionError without CAP_NET_RAW."""

    def __init__(self, interface: str) -> None:
        self.interface = interface
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: nothing comes yet
        try:
            self.index = socket.if_nametoindex(interface)
            # One stamp a packet for all who listen, taken on arrival: that of a capture beside this one.
            self.stamped = self.option(socket.SOL_SOCKET, TIMESTAMP_NS, 1)
        except OSError:
            self.socket.close()
            raise

    def option(self, level: int, name: int, value: int | bytes) -> bool:
        """Whether the kernel takes an option that can be done without."""
        try:
            self.socket.setsockopt(level, name, value)
        except OSError:
            return False
        return True

    def keep(self, octets: int) -> bool:
        """Have the kernel cut frames to their first octets: a classic BPF program of one instruction."""
        program = ctypes.create_string_buffer(struct.pack("HBBI", RETURN_CONSTANT, 0, 0, octets))
        return self.option(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))

    def listen(self) -> None:
        """Raises CannotCapture where frames do not begin with two MACs."""
        self.socket.bind((self.interface, EVERY_PROTOCOL))
        kind = self.socket.getsockname()[3]
        of_ethernet(self.interface, kind)
        self.option(SOL_PACKET, ADD_MEMBERSHIP, struct.pack("iHHQ", self.index, PROMISCUOUS, 0, 0))
        if kind == LOOPBACK:  # there, what goes out comes in again
            self.option(SOL_PACKET, IGNORE_OUTGOING, 1)

    def lost(self) -> int | None:
        """Packets that the kernel had no room for since the last call; None where it does not say."""
        try:
            return struct.unpack_from("II", self.socket.getsockopt(SOL_PACKET, STATISTICS, 8))[1]
        except OSError:
            return None

    def raise_error(self) -> None:
        """What the kernel has to say of the interface, such as ENETDOWN, as OSError; once."""
        if code := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, "the interface cannot be read")

    def close(self) -> None:
        self.socket.close()
