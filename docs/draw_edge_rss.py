"""Measure and draw the agent's memory over a day: python docs/draw_edge_rss.py

A simulated home of 40 devices, with a model each, is replayed for 24 hours as fast as it goes, into a whole
agent in a process of its own: history, a page that is asked for everything every few seconds, and MQTT to a
mosquitto. Its resident memory is noted by the hour of the home. If the agent is ended early, what was seen is
drawn. Needs mosquitto.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

DOCS = Path(__file__).resolve().parent
sys.path.append(str(DOCS.parent))
from benchmarks.edge_home import DEVICES, EdgeHome  # noqa: E402
from benchmarks.edge_rss import asked, broker, fetched, on_a_pi, resident  # noqa: E402
from edgeprint.fleet import repository  # noqa: E402

HEIGHT, WIDTH = 75, 60
HOURS, SETTLED_H = 24.0, 1.0  # flat from then on
EVERY_S, ASK_EVERY = 0.5, 8  # seconds, and how many of them pass between two visits to the page


def main() -> None:
    """Simulate a day, replay it, and draw what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = EdgeHome.simulated(folder / "home", minutes=HOURS * 60)
        begin_s = float(home.table.time_ns[0]) / 1e9
        command, page = _agent(home, folder)
        with broker(folder, port := _free_port()):
            hours, megabytes = _replayed([*command, "--mqtt", f"mqtt://127.0.0.1:{port}"], page, begin_s)
    _draw(hours, megabytes, home.what, DOCS / "edge-rss.png")
    highest = [part.max() for part in np.array_split(megabytes[hours >= SETTLED_H], 4)]
    print(
        f"{home.what}: {len(hours)} readings until hour {hours[-1]:.1f}; highest in each quarter of them "
        f"from hour {SETTLED_H:g} on: {', '.join(f'{value:.0f}' for value in highest)} MB"
    )


def _agent(home: EdgeHome, folder: Path) -> tuple[list[str], str]:
    """The command that watches the home, and where its page will be."""
    artifacts = home.artifacts(folder / "models", HEIGHT, WIDTH)
    published, keys, now = folder / "public", folder / "keys", datetime.now(UTC)
    repository.init(published, keys, now)
    repository.publish(published, keys, {a.card.name: a.folder for a in artifacts.values()}, now)
    page = f"127.0.0.1:{_free_port()}"
    main = f"{on_a_pi()}; from edgeprint.cli import main; main()"
    options = (
        f"agent --source file:{home.capture} --repository {published} --inventory "
        f"{home.folder / 'devices.csv'} --state {folder / 'state'} --listen {page} --quiet"
    )
    return [sys.executable, "-c", main, *options.split()], f"http://{page}"


def _replayed(command: list[str], page: str, begin_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Hours of the home and resident megabytes [n], until the replay is over."""
    readings: list[tuple[float, float]] = []
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while child.poll() is None and (not readings or readings[-1][0] < HOURS - 0.02):
            time.sleep(EVERY_S)
            if (now_s := _now(page)) is None:
                continue
            if len(readings) % ASK_EVERY == 0:
                asked(page)
            readings.append(((now_s - begin_s) / 3600, resident(child.pid, "VmRSS")))
    finally:
        child.terminate()
        child.wait()
    hours, megabytes = np.array(readings).T
    return hours, megabytes


def _now(page: str) -> float | None:
    """The home's time, s since the epoch; None before the first tick."""
    try:
        return json.loads(fetched(page, "devices"))["agent"]["time"]
    except OSError:
        return None


def _draw(hours: np.ndarray, megabytes: np.ndarray, what: str, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    axes.plot(hours, megabytes, color="#1f5fa8")
    axes.set(xlabel=f"hours of a {what}", ylabel="resident memory (MB)", xlim=(0, hours[-1]))
    axes.set_ylim(0, 1.25 * megabytes.max())
    axes.set_title(f"The whole agent, {DEVICES} models of {HEIGHT}×{WIDTH}, page and MQTT on", fontsize=10)
    axes.grid(alpha=0.3)
    axes.xaxis.label.set_fontsize(8)
    figure.savefig(path, dpi=110)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


if __name__ == "__main__":
    main()
