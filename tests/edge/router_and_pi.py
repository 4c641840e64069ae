"""A router and a Pi as network namespaces: this thread is on the Pi, programs may be started on the router.

with router_and_pi() as router:         # lan0 here hears what goes out of gen0 there
    router.serves(folder)               # "http://10.77.0.1:8000"
    router.replays(capture, "--topspeed")
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import wire
from brokers import answers, until

from benchmarks.veth import SENDER, ip

NET = "10.77.0"
PORT = 8000


@dataclass
class Router:
    """The other namespace."""

    name: str

    def runs(self, *command: str) -> subprocess.Popen[bytes]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(["ip", "netns", "exec", self.name, *command], **quiet)

    @contextlib.contextmanager
    def serves(self, folder: Path) -> Iterator[str]:
        """A web server of that folder, asked over the network."""
        server = self.runs(
            sys.executable, "-m", "http.server", str(PORT), "--bind", f"{NET}.1", "--directory", str(folder)
        )
        try:
            until(lambda: answers(f"{NET}.1", PORT))
            yield f"http://{NET}.1:{PORT}"
        finally:
            server.kill()
            server.wait()

    def replays(self, capture: Path, *options: str) -> None:
        assert self.runs("tcpreplay", "-q", "-i", SENDER, *options, str(capture)).wait(60) == 0


@contextlib.contextmanager
def router_and_pi() -> Iterator[Router]:
    """Skips the test where this may not be done."""
    wire.needs("ip", "tcpreplay", "tcpdump")
    router = Router(f"edgeprint-router-{os.getpid()}")
    with wire.link():
        ip(f"netns add {router.name}")
        try:
            ip("link set lo up")
            ip(f"link set {SENDER} netns {router.name}")
            ip(f"link add eth0 type veth peer name br0 netns {router.name}")
            ip(f"addr add {NET}.2/24 dev eth0")
            ip("link set eth0 up")
            no_chatter = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"  # which would be packets too
            assert router.runs("sh", "-c", no_chatter).wait(10) == 0
            for there in (f"addr add {NET}.1/24 dev br0", "link set br0 up", f"link set {SENDER} up"):
                ip(f"-n {router.name} {there}")
            yield router
        finally:
            ip(f"netns del {router.name}")
