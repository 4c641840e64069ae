"""What a process may do: an ordinary user with CAP_NET_RAW reads, one without is told what it lacks."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import wire
from household import request
from simulated_home import CAMERA, ROUTER, Home
from test_edge_service import address, capture
from wire import frame, send

from benchmarks.veth import LAN
from edgeprint.packets.inventory import mac_number

NET_RAW, NOBODY = 1 << 13, 65534
GUIDE = Path(__file__).resolve().parents[2] / "docs/edge.md"
# Everything is imported while it may still be read, then all is given up for good but the capabilities named.
GIVE_UP = """
import ctypes, fcntl, os, sys
def give_up_all_but(capabilities):
    libc = ctypes.CDLL(None)
    libc.prctl(8, 1)  # PR_SET_KEEPCAPS
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)
    assert libc.capset(head, (ctypes.c_uint32 * 6)(capabilities, capabilities, 0, 0, 0, 0)) == 0
"""
CHILD = (
    GIVE_UP
    + """
from edgeprint.edge.source import open_source
from edgeprint.errors import CannotCapture
if sys.argv[1] == "scapy":
    import scapy.all
backend = sys.argv[1]
give_up_all_but(int(sys.argv[2]))
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
)

# The whole agent: a replay first, with all its outlets, so that nothing is left to import.
AGENT = (
    GIVE_UP
    + """
import json
from pathlib import Path
from edgeprint.cli import app
from edgeprint.edge.routes import static
static("index.html")
warm, live = json.loads(sys.argv[1])
app(warm, standalone_mode=False)
give_up_all_but(1 << 13)
print(Path("/proc/self/status").read_text(), flush=True)
app(live, standalone_mode=False)
"""
)


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
    assert "refused: reading lan0 needs the capability CAP_NET_RAW: sudo setpriv --ambient-caps" in said
    assert "--cap-add NET_RAW" in said and len(said.splitlines()) == 1


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Where any user may go, other than into pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_whole_agent_runs_as_an_ordinary_user_with_nothing_else(
    home: Home, devices_csv: Path, open_folder: Path
) -> None:
    home.publish(camera={})
    repository, listed = shutil.copytree(home.folder, open_folder / "public"), open_folder / "devices.csv"
    listed.write_text(devices_csv.read_text())
    shared = ["--repository", str(repository), "--inventory", str(listed), "--store-mb", "4", "--quiet"]
    state = open_folder / "state"
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    source = capture(open_folder / "warm.pcap", 0, 10)
    warm = ["agent", "--source", f"file:{source}", "--state", str(home.state), *shared]
    page = ["--listen", "127.0.0.1:0"]
    live = ["agent", "--source", f"live:{LAN}", "--state", str(state), *shared, *page]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    child = subprocess.Popen(
        [sys.executable, "-c", AGENT, json.dumps([warm, live])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        where = address(child)
        due = time.monotonic() + wire.PATIENCE_S
        while request(where, "GET", "/devices").json["agent"]["packets"] < 3:
            send(frame(mac_number(CAMERA), mac_number(ROUTER)))
            assert time.monotonic() < due
        assert b"edgeprint" in request(where, "GET", "/").body
        child.terminate()
        said = child.communicate(timeout=30)[0]
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0
    assert "CapEff:\t0000000000002000" in said and f"Uid:\t{NOBODY}\t{NOBODY}" in said
    assert (state / "memory.npz").stat().st_uid == NOBODY


def test_the_guide_s_way_to_run_it_gives_an_ordinary_user_that_right_alone() -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs to be root, and setpriv of util-linux")
    shown = GUIDE.read_text().partition("sudo setpriv ")[2].partition("\\\n")[0]
    words = shown.replace("$USER", str(NOBODY)).replace("$(id -gn)", str(NOBODY)).split()
    status = subprocess.check_output(["setpriv", *words, "cat", "/proc/self/status"], text=True)
    fields = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert {fields[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {f"{NET_RAW:016x}"}
    assert fields["Uid"] == "\t".join([str(NOBODY)] * 4)
