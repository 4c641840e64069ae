"""What a process may do: an ordinary user with CAP_NET_RAW reads, one without is told what it lacks."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import wire
from wire import frame, send

from benchmarks.veth import LAN

NET_RAW = 1 << 13
# Everything is imported while it may still be read, then all is given up for good but the capabilities named.
CHILD = """
import ctypes, fcntl, os, sys
from edgeprint.edge.source import open_source
from edgeprint.errors import CannotCapture
if sys.argv[1] == "scapy":
    import scapy.all
libc, backend, capabilities = ctypes.CDLL(None), sys.argv[1], int(sys.argv[2])
libc.prctl(8, 1)  # PR_SET_KEEPCAPS
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
head = (ctypes.c_uint32 * 2)(0x20080522, 0)
assert libc.capset(head, (ctypes.c_uint32 * 6)(capabilities, capabilities, 0, 0, 0, 0)) == 0
try:
    source = open_source(f"live:{sys.argv[3]}", backend=backend)
except CannotCapture as error:
    sys.exit(f"refused: {error}")
print("ready", flush=True)
for batch in source:
    if source.received >= 3:
        source.stop()
print(os.getuid(), source.backend, source.received, source.dropped, source.notes)
"""


@pytest.fixture(autouse=True)
def link() -> Iterator[None]:
    with wire.link():
        yield


def ordinary_user(backend: str, capabilities: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, backend, str(capabilities), LAN]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("backend", "note"), [("ring", "[]"), ("recv", "net.core.rmem_max")])
def test_an_ordinary_user_with_only_cap_net_raw_reads_an_interface(backend: str, note: str) -> None:
    child = ordinary_user(backend, NET_RAW)
    assert child.stdout and child.stdout.readline() == "ready\n"
    send(*[frame(1, 2)] * 3)
    said, _ = child.communicate(timeout=30)
    assert said.startswith(f"65534 {backend} 3 0 ") and note in said


@pytest.mark.parametrize("backend", ["ring", "recv", "scapy"])
def test_a_user_without_it_is_told_how_to_get_it(backend: str) -> None:
    child = ordinary_user(backend, 0)
    said = child.communicate(timeout=30)[1]
    assert "refused: reading lan0 needs the capability CAP_NET_RAW: sudo setcap cap_net_raw+ep /" in said
    assert "--cap-add NET_RAW" in said and len(said.splitlines()) == 1
