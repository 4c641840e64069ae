"""A person names a device, its model is pulled and judges it, and the agent never stops."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from brokers import until
from household import INVENTORY, Household, household, models
from page_client import get, label
from simulated_home import CAMERA, ROUTER, SPEC, WIDTH, Home, write_model
from test_edge_rotation import LONG, MADE_UP, batches

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.edge.models import Models, pull_one
from edgeprint.edge.outlets import Outlets
from edgeprint.errors import UntrustedModel

PAGE = Outlets(listen="127.0.0.1:0")


class Server(ThreadingHTTPServer):
    """An identify server that keeps what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        rows = [("kettle", 0.8), ("hub", 0.1)]
        ranked = [{"device": d, "confidence": c, "category": "kitchen", "iot": True} for d, c in rows]
        answer = json.dumps({"predictions": ranked}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")  # is not asked
    with Server() as found:
        yield found
        found.shutdown()


def devices(home: Household) -> dict[str, dict]:
    return {row["name"]: row for row in get(home, "/devices").json["devices"]}


def model(folder: Path, device: str) -> Artifact:
    return artifact.read(write_model(folder / device, device))


def test_nobody_is_asked_unless_the_household_opts_in(folder: Path, server: Server, tmp_path: Path) -> None:
    with household(tmp_path, models(folder), PAGE) as home:
        home.live(seconds=90)
        assert devices(home)[ROUTER]["candidates"] == [] and server.asked == []
        assert not [t for t in threading.enumerate() if t.name == "identify"]


def test_an_unknown_device_is_identified_named_pulled_and_recognised(
    folder: Path, server: Server, home: Home, tmp_path: Path
) -> None:
    home.publish(kettle={})
    outlets = Outlets(listen="127.0.0.1:0", identify=server.url)

    def pull(name: str) -> Artifact | None:
        return pull_one(name, home.url, home.state, root=tmp_path / "root.json")

    (tmp_path / "root.json").write_bytes(home.root)
    home.state.mkdir()
    with household(tmp_path, models(folder), outlets, pull=pull) as agent:
        agent.live(seconds=20)
        until(lambda: not agent.service._naming.identifier._busy)
        agent.live(first=20, seconds=5)  # one question at a time: the router's may be the second
        until(lambda: devices(agent)[ROUTER]["candidates"])
        kettle, hub = devices(agent)[ROUTER]["candidates"]
        assert (kettle["device"], kettle["confidence"], hub["device"]) == ("kettle", 0.8, "hub")
        path, question = server.asked[0]
        assert path == "/invocations" and list(question) == ["inputs"]
        assert {len(column) for column in question["inputs"]} == {SPEC.height}
        assert ROUTER not in json.dumps(question)
        assert label(agent, "kettle", f"/devices/{ROUTER}/label").status == 200
        until(lambda: "the model of kettle is here" in agent.said)
        agent.live(first=40, seconds=3)  # far fewer seconds than a bootstrap takes
        found = devices(agent)
        assert ROUTER not in found and found["kettle"]["verdict"] == "recognised"
        assert (found["kettle"]["macs"], found["kettle"]["label"]) == ([ROUTER], "kettle")
        assert found["kettle"]["columns"] > 20  # what the stranger sent is not lost
        assert get(agent, "/devices/kettle/spectrogram.png").status == 200
        assert [line["label"] for line in agent.service.labels()] == ["kettle"]
    with household(tmp_path, models(folder), outlets) as again:
        assert again.service.inventory["kettle"].macs == {int(ROUTER.replace(":", ""), 16)}


def test_a_listed_device_without_a_model_is_asked_about_and_named_too(
    folder: Path, server: Server, tmp_path: Path
) -> None:
    outlets = Outlets(listen="127.0.0.1:0", identify=server.url)
    with household(tmp_path, models(folder), outlets, pull=lambda name: model(folder, name)) as agent:
        for first in range(0, 60, 20):
            agent.live(first, seconds=20)
            until(lambda: not agent.service._naming.identifier._busy)
        assert len(server.asked) == 2  # of the radio and the router; the others have a model
        label(agent, "kettle", "/devices/radio/label")
        until(lambda: "the model of kettle is here" in agent.said)
        agent.live(first=70, seconds=3)
        assert devices(agent)["radio"]["verdict"] == "recognised"
        assert devices(agent)["radio"]["candidates"] == []


def test_a_model_that_cannot_be_had_names_the_device_all_the_same(folder: Path, tmp_path: Path) -> None:
    def pull(name: str) -> Artifact | None:
        if name == "hub":
            return None
        raise UntrustedModel("the repository is gone")

    with household(tmp_path, models(folder), PAGE, pull=pull) as agent:
        agent.live(seconds=10)
        label(agent, "kettle", f"/devices/{ROUTER}/label")
        until(lambda: "the model of kettle cannot be had for now: the repository is gone" in agent.said)
        agent.live(first=15, seconds=3)
        assert devices(agent)["kettle"]["words"] == "No model of this device yet"
        label(agent, "hub", "/devices/kettle/label")  # it was not the kettle
        until(lambda: "the model of hub is not published" in agent.said)
        agent.live(first=20, seconds=3)
        assert "kettle" not in devices(agent) and devices(agent)["hub"]["macs"] == [ROUTER]


def test_a_device_with_a_model_keeps_it_whatever_it_is_called(folder: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    with household(tmp_path, models(folder), PAGE, pull=asked.append) as agent:
        agent.live(seconds=10)
        label(agent, "kettle")
        agent.live(first=15, seconds=3)
        assert asked == [] and devices(agent)["plug"]["label"] == "kettle"
        assert agent.service.inventory == INVENTORY


def test_a_page_is_served_while_a_slow_repository_is_waited_for(folder: Path, tmp_path: Path) -> None:
    goes_on = threading.Event()
    with household(tmp_path, models(folder), PAGE, pull=lambda _: goes_on.wait(10) and None) as agent:
        agent.live(seconds=10)
        for number in range(100):
            label(agent, f"kettle-{number}", f"/devices/{ROUTER}/label")
        agent.live(first=15, seconds=10)
        assert devices(agent)["kitchen-camera"]["verdict"] == "recognised"
        assert any("pulled at the next start" in sentence for sentence in agent.said)
        goes_on.set()


def test_a_device_that_comes_back_under_a_made_up_address_is_confirmed_with_its_columns(
    folder: Path, tmp_path: Path
) -> None:
    models_ = Models(models(folder).artifacts, refreshed=models(folder).refreshed)
    with household(tmp_path, models_, PAGE) as agent:
        for batch in batches((CAMERA, range(10)), (MADE_UP, range(20, 20 + LONG))):
            agent.service.received(batch)
            agent.watch.take(batch)
        row = devices(agent)[MADE_UP]
        assert row["words"] == "Probably kitchen-camera under a new made-up address"
        assert (row["probably"]["device"], row["probably"]["former"]) == ("kitchen-camera", CAMERA)
        label(agent, "kitchen-camera", f"/devices/{MADE_UP}/label")
        ring = agent.watch.strangers.everyone[0].ring
        assert ring is not None
        kept = ring.last()
        for batch in batches((MADE_UP, range(20 + LONG, 24 + LONG))):
            agent.service.received(batch)
            agent.watch.take(batch)
        camera = devices(agent)["kitchen-camera"]
        assert camera["macs"] == [CAMERA, MADE_UP] and MADE_UP not in devices(agent)
        assert camera["verdict"] == "recognised"
        inside = agent.service._bank.members["kitchen-camera"].ring.sample().T
        assert len(inside) == WIDTH and any(np.array_equal(column, kept[-1]) for column in inside)
