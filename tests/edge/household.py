"""A household with a page: a real service fed by a replayed minute, and a client that says what it likes."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from simulated_home import CAMERA, PLUG, ROUTER, write_model

from edgeprint import artifact
from edgeprint.edge.bank import Bank
from edgeprint.edge.models import Models
from edgeprint.edge.outlets import Outlets
from edgeprint.edge.service import Service
from edgeprint.edge.source import Replay
from edgeprint.edge.watch import Watch
from edgeprint.packets.inventory import Device, Inventory, mac_number
from edgeprint.packets.table import PacketTable

START = 1_767_614_400 * 10**9
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MACS = {"kitchen-camera": CAMERA, "plug": PLUG, "radio": "02:00:00:00:00:03"}  # nobody trained a radio
INVENTORY = Inventory(
    {name: Device(name, name[-6:], True, frozenset({mac_number(mac)})) for name, mac in MACS.items()}
)


def models(folder: Path, **bias: float) -> Models:
    """Of the camera, recognised at 4, and the plug, which deviates at -4."""
    wanted = bias or {"camera": 4.0, "plug": -4.0}
    names = {"camera": "kitchen-camera", "plug": "plug"}
    return Models(
        {
            names[key]: artifact.read(write_model(folder / key, names[key], bias=value))
            for key, value in wanted.items()
        },
        refreshed=NOW,
    )


def traffic(first: int = 0, seconds: int = 30) -> Replay:
    """Every device and the router send once a second."""
    macs = [mac_number(mac) for mac in (*MACS.values(), ROUTER)]
    rows = [
        (START + second * 10**9 + i, mac, macs[-1] if mac != macs[-1] else macs[0], 100 + 300 * (second % 3))
        for second in range(first, first + seconds)
        for i, mac in enumerate(macs)
    ]
    time_ns, src, dst, size = zip(*rows, strict=True)
    columns = {"time_ns": np.array(time_ns), "src": np.array(src, "u8"), "dst": np.array(dst, "u8")}
    return Replay(PacketTable.from_columns({**columns, "wire_len": np.array(size)}), speed=10**6)


@dataclass
class Household:
    """A service, what it said, and the way to feed it."""

    service: Service
    watch: Watch
    said: list[str] = field(default_factory=list)

    def live(self, first: int = 0, seconds: int = 30) -> "Household":
        for batch in traffic(first, seconds):
            self.service.received(batch)
            self.watch.take(batch)
        return self

    @property
    def address(self) -> tuple[str, int]:
        assert self.service.page
        host, _, port = self.service.page.url.removeprefix("http://").rpartition(":")
        return host.strip("[]"), int(port)


@contextlib.contextmanager
def household(state: Path, models: Models, outlets: Outlets, **options: object) -> Iterator[Household]:
    """`options` are those of a Service: its clock, and how it pulls a model."""
    said: list[str] = []
    bank = Bank(models.artifacts)
    service = Service(
        INVENTORY, bank, models, None, state, outlets, say=said.append, now=lambda: NOW, **options
    )
    with service:
        watch = Watch(
            service.inventory,
            bank,
            streak=3,
            on_verdict=service.verdict,
            on_columns=service.columns,
            on_tick=service.tick,
            on_forget=service.forget,
        )
        service.begin(watch)
        yield Household(service, watch, said)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


def request(
    address: tuple[str, int], method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Reply:
    """A request with exactly these headers, and a Host where none is given."""
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        sent = {"Host": f"{host}:{address[1]}", **(headers or {})}
        if method == "POST":
            sent.setdefault("Content-Length", str(len(body)))
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
