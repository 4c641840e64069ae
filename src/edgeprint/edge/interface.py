"""A network interface as the machine sees it now: present, up, and of what kind."""

from __future__ import annotations

import enum
import socket
import struct
import sys

from edgeprint.errors import CannotCapture

ETHERNET, LOOPBACK = 1, 772  # ARPHRD_ numbers: those whose frames begin with two MACs
GET_FLAGS, GET_MTU, UP = 0x8913, 0x8921, 1  # SIOCGIFFLAGS, SIOCGIFMTU, IFF_UP
HEADER_BYTES = 14 + 2 * 4  # of Ethernet, with two VLAN tags
ANY_LENGTH = 1 << 32


class State(enum.StrEnum):
    UP = "up"
    DOWN = "down"
    GONE = "gone"


def index(interface: str) -> int | None:
    """The kernel's number of an interface: another one when it was deleted and made again."""
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None


def state(interface: str) -> State:
    """DOWN is only told apart on Linux."""
    if index(interface) is None:
        return State.GONE
    return State.UP if not sys.platform.startswith("linux") or _is_up(interface) else State.DOWN


def longest_frame(interface: str) -> int:
    """Bytes that a frame has at most on the wire; no limit where that is not known."""
    try:
        return _asked(interface, GET_MTU, "i") + HEADER_BYTES
    except (OSError, ImportError):
        return ANY_LENGTH


def _is_up(interface: str) -> bool:
    try:
        return bool(_asked(interface, GET_FLAGS, "H") & UP)
    except OSError:
        return False


def _asked(interface: str, question: int, form: str) -> int:
    """What Linux answers of an interface (netdevice(7)). Raises OSError."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, question, struct.pack("16s24x", interface.encode()))
    return struct.unpack_from(f"16x{form}", answer)[0]


def present(interface: str) -> None:
    """Raises CannotCapture, with the names that there are, for an interface that is not there."""
    if index(interface) is None:
        there = ", ".join(name for _, name in socket.if_nameindex())
        raise CannotCapture(f"no interface is called {interface!r}; there are {there}")


def of_ethernet(interface: str, kind: int) -> None:
    """Raises CannotCapture for a kind (ARPHRD_) without MACs, or with them elsewhere."""
    if kind not in (ETHERNET, LOOPBACK):
        raise CannotCapture(f"{interface} is of kind {kind}, not Ethernet: its frames name no MACs")
