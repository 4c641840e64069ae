"""A link of two Ethernet interfaces in a network of its own, which goes when nobody is in it.

with network():
    lay()       # what goes out of SENDER comes in at LAN
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SENDER, LAN = "gen0", "lan0"
NEW_NETWORK = 0x40000000  # CLONE_NEWNET
LIBC = ctypes.CDLL(None, use_errno=True)
IPV6_OFF = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")


@contextmanager
def network() -> Iterator[None]:
    """This thread, and what it starts, in a network namespace of its own. Raises PermissionError."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if LIBC.unshare(NEW_NETWORK):
            raise PermissionError("a network namespace of its own needs root")
        try:
            yield
        finally:
            LIBC.setns(home, NEW_NETWORK)
    finally:
        os.close(home)


def lay() -> None:
    """The link, without the chatter of IPv6."""
    if IPV6_OFF.exists():  # of this network alone
        IPV6_OFF.write_text("1")
    ip(f"link add {SENDER} type veth peer name {LAN}")
    for end in (SENDER, LAN):
        ip(f"link set {end} mtu 9000 up")


def ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)
