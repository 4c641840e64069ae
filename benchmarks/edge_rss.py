"""Memory of the whole agent with 40 models, page and MQTT on, over time, beside the paper's prototype.

Each is a process of its own that reads a veth link, into which tcpreplay plays a simulated home; mosquitto is
the broker. So that spectrograms fill within minutes, time runs 20 times as fast for all: bins, windows and
traffic. The page is asked for everything it has every second. Needs root, tcpreplay and mosquitto.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from benchmarks import edge_home
from benchmarks.edge_home import SIZES, EdgeHome
from benchmarks.measure import Result, say
from benchmarks.peers import prototype_identify
from benchmarks.veth import LAN, SENDER, ip, lay, network
from edgeprint.fleet import repository
from edgeprint.packets.inventory import mac_text

FASTER = 20
MINUTES = 40.0  # of the home; all columns of the widest spectrogram take 30
FULL = 1.3  # times the columns of a spectrogram, before the agent is stopped
QUICK_S, PROTOTYPE_S = 8.0, 20.0
EVERY_S = 0.5
BARS = {(75, 60): 120, (150, 120): 250}  # MB
PORT, BROKER_PORT = 8080, 1883  # in a network of its own
PEER, SAME_NETWORK = "prototype", "prototype with our network"
ROOT = Path(__file__).resolve().parents[1]
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


@dataclass(frozen=True)
class Memory:
    """Resident megabytes over time, from the moment at which a process was ready, and at most ever."""

    seconds: list[float]
    megabytes: list[float]
    peak: float

    def __str__(self) -> str:
        places = [round(i * (len(self.seconds) - 1) / 4) for i in range(5)]
        course = ", ".join(f"{self.megabytes[i]:.0f} at {self.seconds[i]:.0f} s" for i in places)
        return f"{course}; peak {self.peak:.0f} MB"


def run(folder: Path, quick: bool) -> Iterator[Result]:
    programs = [shutil.which(name, path=SBIN) for name in ("tcpreplay", "mosquitto")]
    if os.geteuid() != 0 or not all(programs):
        say("edge-rss: needs root, tcpreplay and mosquitto")
        return
    home = EdgeHome.simulated(folder / "home", MINUTES)
    with network():
        lay()
        ip("link set lo up")
        with _broker(folder), _traffic(home):
            _agent(home, folder / "compiled", *SIZES[0], seconds=1)  # as pip leaves an installed package
            for height, width in SIZES:
                yield from _sizes(home, folder / f"{height}x{width}", height, width, quick)


def _sizes(home: EdgeHome, folder: Path, height: int, width: int, quick: bool) -> Iterator[Result]:
    hop_s = height * 0.1 / FASTER
    ours = _agent(home, folder, height, width, QUICK_S if quick else FULL * width * hop_s)
    networks = {PEER: prototype_identify.network, SAME_NETWORK: edge_home.network}
    data = (
        f"{home.what}, {FASTER} times as fast on a veth; the agent with {edge_home.DEVICES} models, page, "
        f"history and MQTT: {ours}"
    )
    result = Result.alone(f"edge-rss {height}x{width}", ours.peak, "MB", data)
    for peer, make in networks.items():
        theirs = _prototype(
            home, folder, make(height, width), height, width, QUICK_S if quick else PROTOTYPE_S
        )
        say(f"edge-rss {height}x{width}: ours {ours}; {peer}: {theirs}")
        yield result.against(peer, theirs.peak, f"{peer}: {theirs}", less_is_better=True)
    if bar := BARS.get((height, width)):
        yield result.against("bar", bar, less_is_better=True)


def _agent(home: EdgeHome, folder: Path, height: int, width: int, seconds: float) -> Memory:
    """The command as a household runs it."""
    artifacts = home.artifacts(folder / "models", height, width, bin_seconds=0.1 / FASTER)
    published, keys, now = folder / "public", folder / "keys", datetime.now(UTC)
    repository.init(published, keys, now)
    repository.publish(published, keys, {a.card.name: a.folder for a in artifacts.values()}, now)
    command = (
        f"agent --source live:{LAN} --repository {published} --inventory {home.folder / 'devices.csv'} "
        f"--state {folder / 'state'} --listen 127.0.0.1:{PORT} --mqtt mqtt://127.0.0.1:{BROKER_PORT} --quiet"
    )
    main = f"{_as_on_a_pi()}; from edgeprint.cli import main; main()"
    return _observed([sys.executable, "-c", main, *command.split()], seconds, folder / "agent.log", True)


def _prototype(
    home: EdgeHome, folder: Path, tflite: bytes, height: int, width: int, seconds: float
) -> Memory:
    (folder / "prototype.tflite").write_bytes(tflite)
    macs = [mac_text(min(home.inventory[device].macs)) for device in home.inventory.iot]
    (folder / "macs.json").write_text(json.dumps(macs))
    arguments = [str(folder), str(height), str(width)]
    main = f"{_as_on_a_pi('scapy')}; from benchmarks.edge_rss import identify; identify(*sys.argv[1:])"
    return _observed([sys.executable, "-c", main, *arguments], seconds, folder / "prototype.log", False)


def _as_on_a_pi(*also: str) -> str:
    """A statement that hides from a process whatever requirements/edge.txt does not bring.

    Optional imports of its libraries would load some of it, such as the clients of clouds, where it is there.
    """
    locked = {
        *also,
        "edgeprint",
        *re.findall(r"^([\w.-]+)==", (ROOT / "requirements/edge.txt").read_text(), re.M),
    }
    known = {name.lower().replace("_", "-") for name in locked}
    hidden = [
        module
        for module, packages in packages_distributions().items()
        if module not in {"sys", "benchmarks"} and not known & {p.lower().replace("_", "-") for p in packages}
    ]
    return f"import sys; sys.modules.update(dict.fromkeys({hidden!r}))"


def _observed(command: list[str], seconds: float, log: Path, has_page: bool) -> Memory:
    """Run a command for so long after it is ready, and note its memory; its page, if any, is asked."""
    (log.parent / "ready").unlink(missing_ok=True)
    quiet = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "no_proxy": "127.0.0.1"}
    quiet |= {"PYTHONPYCACHEPREFIX": str(log.parents[1] / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    with log.open("w") as file:
        child = subprocess.Popen(command, cwd=ROOT, env=quiet, stdout=file, stderr=file)
    try:
        while not (_page() if has_page else (log.parent / "ready").exists()):
            if child.poll() is not None:
                raise RuntimeError(f"it ended at once: {log.read_text()}")
            time.sleep(EVERY_S)
        begin, times, sizes = time.monotonic(), [0.0], [_resident(child.pid, "VmRSS")]
        while times[-1] < seconds:
            time.sleep(EVERY_S)
            if has_page and len(times) % round(1 / EVERY_S) == 0:
                _page()
            times.append(time.monotonic() - begin)
            sizes.append(_resident(child.pid, "VmRSS"))
        return Memory(times, sizes, _resident(child.pid, "VmHWM"))
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def _page() -> bool:
    """Everything that the page shows, once; whether it answers."""
    with contextlib.suppress(OSError):
        names = [device["name"] for device in json.loads(_fetched("devices"))["devices"]]
        pictures = [f"devices/{name}/{what}" for name in names for what in ("spectrogram.png", "history")]
        for path in ("", "metrics", *pictures):
            with contextlib.suppress(HTTPError):  # no column yet
                _fetched(path)
        return True
    return False


def _fetched(path: str) -> bytes:
    with urlopen(f"http://127.0.0.1:{PORT}/{path}", timeout=10) as answer:
        return answer.read()


def _resident(pid: int, field: str) -> float:
    """Megabytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"{field}:\s+(\d+) kB", status)[0]) * 1024 / 1e6


@contextlib.contextmanager
def _broker(folder: Path) -> Iterator[None]:
    settings = f"user root\nlistener {BROKER_PORT} 127.0.0.1\nallow_anonymous true\n"
    (folder / "mosquitto.conf").write_text(settings)
    program = shutil.which("mosquitto", path=SBIN)
    with _running([str(program), "-c", str(folder / "mosquitto.conf")]):
        yield


@contextlib.contextmanager
def _traffic(home: EdgeHome) -> Iterator[None]:
    """The home's capture on the link, again and again."""
    options = f"-q -i {SENDER} --multiplier={FASTER} --loop=0".split()
    with _running(["tcpreplay", *options, str(home.capture)]):
        yield


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def identify(place: str, *size: str) -> None:
    """The prototype on the link until SIGTERM, its spectrograms full from the start; a process of its own."""
    import numpy as np

    from benchmarks.peers.prototype_capture import Collected, listen

    folder, (height, width) = Path(place), map(int, size)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    tflite, seconds = (folder / "prototype.tflite").read_bytes(), height * 0.1 / FASTER
    macs = json.loads((folder / "macs.json").read_text())
    models = {mac: bytes(bytearray(tflite)) for mac in macs}  # each its own, as if read from files
    prototype = prototype_identify.Prototype(models, height, width, hertz=FASTER * prototype_identify.HERTZ)
    for spectrogram in prototype.spectrograms.values():
        spectrogram.extend(np.random.default_rng(0).random((width, height)))

    def window(collected: Collected) -> None:
        prototype.identify(collected, collected[0][2] if collected else 0.0)

    listen(LAN, (folder / "ready").touch, lambda: bool(told), seconds=seconds, window=window)
