"""A thousand simulated Pis converge on a release through one static web server: its CPU and bytes a Pi.

The Pis are updaters in this process, each with a state folder of its own, with real metadata over real HTTP.
The roll-out's decisions are the real ones too; only that nobody waits for a ring to soak. Self-tests are left
out: they are the same on every Pi, and `update-pull` has them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Result, say
from benchmarks.update import MODEL, network, write
from edgeprint.edge.fetch import Web
from edgeprint.edge.updater import Updater
from edgeprint.edge.versions import Versions
from edgeprint.fleet import repository
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.decide import Heard, Thresholds
from edgeprint.fleet.keys import Keys
from edgeprint.fleet.watch import step
from edgeprint.rings import Ring
from edgeprint.standing import Phase, Standing

PIS, QUICK_PIS, THREADS, DEVICES = 1000, 20, 16, 40
RINGS = (Ring("canary", 0.02), Ring("quarter", 0.25), Ring("all", 1.0))
AT_ONCE = Thresholds(soak_s=0)
SERVER = """
import sys, http.server, functools
class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=sys.argv[1]))
server.request_queue_size = 1024
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """A static web server in a process of its own: its URL and process id."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}", process.pid
    finally:
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pi:
    """One updater and its state; a trial is passed at once."""

    def __init__(self, name: str, url: str, state: Path, root: bytes) -> None:
        self.name, self._url, self._state, self._root = name, url, state, root
        self.received = self.requests = 0
        self.standing = Standing(name)

    def look(self) -> None:
        web = Web(file_s=300, silence_s=300)
        updater = Updater(self._url, self._state, self._root, pi=self.name, prove=lambda _: None, fetcher=web)
        updater.refresh()
        updater.pull(MODEL)
        updater.finish()
        Versions(self._state).confirm(MODEL)
        self.received += web.received
        self.requests += web.requests
        self.standing = Standing(self.name, updater.release, Phase.IN_USE)


def run(folder: Path, quick: bool) -> Iterator[Result]:
    count = QUICK_PIS if quick else PIS
    public, keys = folder / "public", folder / "keys"
    repository.init(public, keys, datetime.now(UTC))
    model = network(folder / "model.tflite")

    def publish(revision: str, rings: tuple[Ring, ...] | None = None) -> None:
        names = ["camera", *(f"device-{number}" for number in range(DEVICES - 1))]
        made = {f"binary.{n}": write(folder / "models" / n, n, model, revision) for n in names}
        repository.publish(public, keys, made, datetime.now(UTC), rings=rings)

    publish("1")
    with server(public) as (url, pid):
        root = (public / "metadata/1.root.json").read_bytes()
        Pi("pi-0", url, folder / "pi-0", root).look()
        for number in range(1, count):  # all have release 1 already; who each is, it is told
            shutil.copytree(folder / "pi-0", folder / f"pi-{number}", symlinks=True)
        pis = [Pi(f"pi-{number}", url, folder / f"pi-{number}", root) for number in range(count)]
        publish("2", RINGS)
        begin, begun_cpu, rounds = time.perf_counter(), cpu_seconds(pid), 0
        while Chain.read(public).plan().stable != 2:
            looks(pis)
            fleet = {pi.name: Heard(pi.standing, True) for pi in pis}
            *_, decision = step(public, Keys(keys), fleet, AT_ONCE, datetime.now(UTC))
            rounds += 1
            say(f"fleet: round {rounds}, {decision.act}, {decision.reason}")
        seconds, cpu = time.perf_counter() - begin, cpu_seconds(pid) - begun_cpu
    assert {pi.standing.release for pi in pis} == {2}
    where = (
        f"{count:,} simulated Pis in one process, a model of {len(model) / 1000:.0f} kB each of {DEVICES}, "
    )
    where += f"{len(RINGS)} rings, {rounds} looks a Pi, http.server of Python on loopback"
    yield Result.alone("fleet-server-cpu", cpu, "s", where)
    yield Result.alone("fleet-bytes", sum(pi.received for pi in pis) / count, "bytes/Pi", where)
    yield Result.alone("fleet-requests", sum(pi.requests for pi in pis) / count, "requests/Pi", where)
    yield Result.alone("fleet-converge", seconds, "s", f"{where}; the Pis' own work, on 2 cores")


def looks(pis: list[Pi]) -> None:
    """Every Pi looks once. One at a time on a thread: python-tuf's own work holds the interpreter anyway."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(Pi.look, pis))
