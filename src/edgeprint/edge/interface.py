"""A network interface as the machine sees it now: present, up, and of what kind."""

from __future__ import annotations

import enum
import socket
import struct
import sys

from edgeprint.errors import CannotCapture

ETHERNET, LOOPBACK = 1, 772  # ARPHRD_ numbers: those whose frames begin with two MACs
GET_FLAGS, UP = 0x8913, 1  # SIOCGIFFLAGS, IFF_UP


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


def _is_up(interface: str) -> bool:
    import fcntl

    request = struct.pack("16sH14x", interface.encode(), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            flags = struct.unpack_from("16xH", fcntl.ioctl(any_socket, GET_FLAGS, request))[0]
        except OSError:
            return False
    return bool(flags & UP)


def present(interface: str) -> None:
    """Raises CannotCapture, with the names that there are, for an interface that is not there."""
    if index(interface) is None:
        there = ", ".join(name for _, name in socket.if_nameindex())
        raise CannotCapture(f"no interface is called {interface!r}; there are {there}")


def of_ethernet(interface: str, kind: int) -> None:
    """Raises CannotCapture for a kind (ARPHRD_) without MACs, or with them elsewhere."""
    if kind not in (ETHERNET, LOOPBACK):
        raise CannotCapture(f"{interface} is of kind {kind}, not Ethernet: its frames name no MACs")
