"""Take the pictures of the agent's page: python docs/draw_agent_page.py

Everything in them is simulated: models are trained on five hours of a made-up home, the sixth is replayed
through the agent, and in its last quarter a plug speaks under the address of a camera. One device is not in
the agent's list: a server of this script ranks all models on its columns. Needs Chromium.
An illustration, not a measurement: who deviates and the streak were chosen so that the page shows one alarm.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint import artifact, params
from edgeprint.binary.features import SpectrogramSpec, extract
from edgeprint.binary.train import train
from edgeprint.edge.bank import Bank
from edgeprint.edge.models import Models
from edgeprint.edge.outlets import Outlets
from edgeprint.edge.service import Service
from edgeprint.edge.source import Replay
from edgeprint.edge.watch import Watch
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.packets import inventory as inventories
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Inventory
from edgeprint.packets.table import PacketTable
from edgeprint.registry.tflite import convert
from edgeprint.stages.methods import Binary, Context
from edgeprint.testbed.home import simulate

DOCS = Path(__file__).resolve().parent
sys.path.append(str(DOCS.parent / "tests/edge"))
from browser import Tab, tab  # noqa: E402

HOUR_NS = 3600 * 10**9
FOREIGN_NS = 15 * 60 * 10**9  # at the end, in which one device speaks for another
VICTIM, CULPRIT, UNLISTED = "camera-a", "plug-a", "speaker"
STREAK = 20  # with models of so few samples, five misses in a row are no rarity
TALLEST = 1800  # pixels of a picture


def main() -> None:
    """Simulate, train, replay, and take both pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = simulate(folder / "home", devices=6, quarters=1, hours=6, seed=7)
        home = inventories.read(folder / "home/devices.csv")
        tables = [decode(folder / "home" / file)[0] for file in made.files]
        table = PacketTable.concatenate(tables).in_time_order()
        end_ns = int(table.time_ns.max())
        trained = models(table.select(table.time_ns < end_ns - HOUR_NS), home, folder / "models")
        replayed = with_foreign_traffic(table.select(table.time_ns >= end_ns - HOUR_NS), home)
        listed = Inventory({name: device for name, device in home.devices.items() if name != UNLISTED})
        known = {name: found for name, found in trained.artifacts.items() if name != UNLISTED}
        with identify_server(Bank(trained.artifacts), home) as url:
            outlets = Outlets(listen="127.0.0.1:0", store_mb=16, identify=url)
            pictures(replayed, listed, replace(trained, artifacts=known), outlets, folder)


def pictures(
    replayed: PacketTable, listed: Inventory, trained: Models, outlets: Outlets, folder: Path
) -> None:
    """Replay through the agent and look at its page."""
    bank = Bank(trained.artifacts)
    with Service(listed, bank, trained, None, folder / "state", outlets, say=print) as service:
        watch = Watch(
            service.inventory,
            bank,
            streak=STREAK,
            on_verdict=service.verdict,
            on_columns=service.columns,
            on_tick=service.tick,
            on_forget=service.forget,
        )
        service.begin(watch)
        for batch in Replay(replayed):
            service.received(batch)
            watch.take(batch)
        service.finished()
        assert service.page
        with tab(folder / "chromium") as browser:
            picture(browser, service.page.url, 1280, DOCS / "agent-page.png")
            picture(browser, service.page.url, 360, DOCS / "agent-page-phone.png")


@contextlib.contextmanager
def identify_server(bank: Bank, home: Inventory) -> Iterator[str]:
    """Ranks the columns that it is sent by the confidence of every model; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            columns = np.array(
                json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"], "f4"
            )
            answer = json.dumps({"predictions": ranked(columns, bank, home)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def ranked(columns: NDArray[np.float32], bank: Bank, home: Inventory) -> list[dict]:
    """Every model's confidence in the last of columns [m, h]."""
    rows = []
    for name, member in bank.members.items():
        for column in columns:
            member.ring.append(column)
        about = {"category": home[name].category, "iot": home[name].iot}
        rows.append({"device": name, "confidence": member.confidence(member.ring), **about})
    return rows


def models(table: PacketTable, home: Inventory, folder: Path) -> Models:
    """A model of each IoT device, trained on its columns in the table."""
    numbers = params.load(DOCS.parent / "params.yaml")
    spec, method, found = SpectrogramSpec(), Binary(), Models(refreshed=datetime.now(UTC))
    packets = home.split(table)
    rows = FeatureTable.concatenate(
        [FeatureTable.of(spec.schema(), d, "simulated", *extract(packets[d], spec)) for d in home.iot]
    ).in_stream_order()
    for device in home.iot:
        model = train(device, rows, rows, home, numbers.binary, seed=7)
        export = method.export(model, rows, Context(home, numbers))
        network = convert(export.keras)
        card = artifact.ModelCard(
            family="binary",
            name=f"binary.{device}",
            labels=export.labels,
            input_shape=list(export.inputs.shape[1:]),
            schema_hash=rows.schema.hash,
            thresholds=export.thresholds,
            preprocessing=export.preprocessing,
            data={"simulated": True},
        )
        golden = export.inputs, Runner(network)(export.inputs)
        found.artifacts[device] = artifact.write(
            folder / device, tflite=network, card=card, schema=rows.schema, golden=golden
        )
        print(f"trained {device}")
    return found


def with_foreign_traffic(table: PacketTable, home: Inventory) -> PacketTable:
    """At the end the victim is silent, and the culprit's packets carry its address too."""
    first, second = (next(iter(home[name].macs)) for name in (VICTIM, CULPRIT))
    late = table.time_ns > table.time_ns.max() - FOREIGN_NS
    own = (table.src == first) | (table.dst == first)
    copied = table.select(late & ((table.src == second) | (table.dst == second)))
    for column in (copied.src, copied.dst):
        column[column == second] = first
    return PacketTable.concatenate([table.select(~(late & own)), copied]).in_time_order()


def picture(browser: Tab, url: str, width: int, path: Path) -> None:
    """The page as it stands, once all that it shows is there."""
    browser.open(url, width)
    browser.until("document.querySelectorAll('.card').length > 6")
    browser.until("[...document.images].every(image => image.hidden || image.naturalWidth > 0)")
    browser.screenshot(path, width, TALLEST)
    print(path)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
